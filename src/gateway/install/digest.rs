//! Hashes and sizes of files on disk.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackageFile {
    /// Relative to the package, with forward slashes.
    pub(super) path: String,
    /// Bytes.
    pub(super) size: u64,
    /// Lower-case hex.
    pub(super) sha256: String,
}

/// The SHA-256 of some bytes in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The hashes of the package's own files, ordered by path; dependencies inside it are left out.
pub(super) fn package_files(package: &Path) -> io::Result<Vec<PackageFile>> {
    let mut paths = Vec::new();
    walk(package, true, &mut |path, _| {
        paths.push(path.to_owned());
        Ok(())
    })?;
    paths.sort();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = paths.len().div_ceil(workers).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = paths
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map(|path| hash_file(package, path)).collect()))
            .collect();
        let mut files = Vec::with_capacity(paths.len());
        for part in parts {
            let part: io::Result<Vec<_>> =
                part.join().unwrap_or_else(|_| Err(io::Error::other("a hashing thread ended early")));
            files.extend(part?);
        }
        Ok(files)
    })
}

fn hash_file(package: &Path, path: &Path) -> io::Result<PackageFile> {
    let content = std::fs::read(path)?;
    Ok(PackageFile {
        path: path.strip_prefix(package).unwrap_or(path).to_string_lossy().into_owned(),
        size: content.len() as u64,
        sha256: sha256(&content),
    })
}

/// Number and bytes of the package's own files.
pub(super) fn count(package: &Path) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    walk(package, true, &mut |_, facts| {
        files += 1;
        bytes += facts.len();
        Ok(())
    })?;
    Ok((files, bytes))
}

/// A digest of the shape of a checkout: paths, sizes and times of its files, without reading them.
pub(super) fn shape(dir: &Path) -> io::Result<String> {
    let mut lines = Vec::new();
    walk(dir, true, &mut |path, facts| {
        lines.push(format!("{} {} {}.{}", path.display(), facts.len(), facts.mtime(), facts.mtime_nsec()));
        Ok(())
    })?;
    lines.sort();
    Ok(sha256(lines.join("\n").as_bytes()))
}

/// The identity of a file on disk, whatever its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Inode(pub(super) u64, pub(super) u64);

/// Every file below `dir` once, with the bytes that it takes on disk; none if the directory is missing.
pub(super) fn inodes(dir: &Path) -> io::Result<Vec<(Inode, u64)>> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    walk(dir, false, &mut |_, facts| {
        let inode = Inode(facts.dev(), facts.ino());
        if seen.insert(inode) {
            found.push((inode, facts.blocks() * 512));
        }
        Ok(())
    })?;
    Ok(found)
}

/// Bytes below `dir`, each file once.
pub(super) fn tree_bytes(dir: &Path) -> io::Result<u64> {
    Ok(inodes(dir)?.iter().map(|(_, bytes)| bytes).sum())
}

/// Calls `on_file` for all files and links below `dir`. `own` leaves out dependencies and history.
fn walk(
    dir: &Path,
    own: bool,
    on_file: &mut dyn FnMut(&Path, &std::fs::Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if !(own && matches!(entry.file_name().as_encoded_bytes(), b"node_modules" | b".git")) {
                walk(&entry.path(), own, on_file)?;
            }
        } else {
            match entry.metadata() {
                Ok(facts) => on_file(&entry.path(), &facts)?,
                // Somebody else may be removing files at the same time.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_are_hashed_in_order_without_dependencies() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [("b/two.js", "2"), ("a.js", ""), ("node_modules/x/index.js", "x")] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let files = package_files(dir.path()).unwrap();
        let paths: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.size)).collect();
        assert_eq!(paths, [("a.js", 0), ("b/two.js", 1)]);
        assert_eq!(files[0].sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(count(dir.path()).unwrap(), (2, 1));
    }

    #[test]
    fn a_file_with_two_names_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("one"), vec![1; 5000]).unwrap();
        let alone = tree_bytes(dir.path()).unwrap();
        std::fs::hard_link(dir.path().join("one"), dir.path().join("two")).unwrap();
        assert_eq!(tree_bytes(dir.path()).unwrap(), alone);
        assert!(alone >= 5000);
    }
}
