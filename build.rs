//! Names this build of gatecrash by what it was made from, so that measurements of another one are told apart.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a build is made from, in the package.
const SOURCES: [&str; 3] = ["Cargo.toml", "Cargo.lock", "src"];

fn main() -> io::Result<()> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = BTreeMap::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        read(&package, Path::new(source), &mut files)?;
    }
    let mut hash = DefaultHasher::new();
    files.hash(&mut hash);
    println!("cargo::rustc-env=GATECRASH_BUILD={:016x}", hash.finish());
    Ok(())
}

/// Reads a file, or all files of a folder, by their paths in the package. What is not there is left out.
fn read(package: &Path, place: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    let path = package.join(place);
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            read(package, &place.join(entry?.file_name()), into)?;
        }
    } else if path.is_file() {
        into.insert(place.to_owned(), fs::read(path)?);
    }
    Ok(())
}
