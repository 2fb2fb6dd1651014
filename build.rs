//! Packs the built-in suite, and names this build of gatecrash by what it was made from, so that measurements of another
//! one are told apart.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What a build is made from, in the package.
const SOURCES: [&str; 3] = ["Cargo.toml", "Cargo.lock", "src"];

/// The folder of the built-in suite, in the package.
const SUITE: &str = "scenarios";

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
    println!("cargo::rerun-if-changed={SUITE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("suite.bin"), packed(&package.join(SUITE))?)
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

/// The YAML files of the suite: path and text in turn, each followed by a NUL, compressed.
fn packed(root: &Path) -> io::Result<Vec<u8>> {
    let small = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let level = if small { Compression::best() } else { Compression::fast() };
    let mut packer = DeflateEncoder::new(Vec::new(), level);
    pack(root, root, &mut packer)?;
    packer.finish()
}

fn pack(root: &Path, folder: &Path, into: &mut impl io::Write) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            pack(root, &path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path)?;
            into.write_all(format!("{below}\0{text}\0").as_bytes())?;
        }
    }
    Ok(())
}
