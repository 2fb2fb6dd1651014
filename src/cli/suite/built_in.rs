//! The built-in suite, for a gatecrash that is used outside its repository.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

/// All files below `scenarios/` that a suite consists of, packed by the build script: path and text in turn, each followed by
/// a NUL.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/suite.bin"));

/// The files with their paths below `scenarios/`, folder by folder.
pub(super) fn files() -> Vec<(String, String)> {
    let mut text = String::new();
    // The build script packed it, and a test reads all of it.
    if DeflateDecoder::new(PACKED).read_to_string(&mut text).is_err() {
        return Vec::new();
    }
    let mut parts = text.split_terminator('\0').map(str::to_owned);
    std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_suite_is_packed_as_it_is() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = files();
        assert!(files.len() > 300, "{}", files.len());
        for (path, text) in &files {
            assert_eq!(&std::fs::read_to_string(root.join(path)).unwrap(), text, "{path}");
        }
        let yaml = walkdir::WalkDir::new(&root).into_iter().filter(|one| {
            one.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "yaml")
        });
        assert_eq!(files.len(), yaml.count());
    }
}
