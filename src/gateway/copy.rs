//! A private copy of an installed package, some of its files replaced.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Why a package cannot be copied.
#[derive(Debug, thiserror::Error)]
#[error("cannot copy the package to {}", place.display())]
pub struct CopyError {
    /// What could not be made.
    pub place: PathBuf,
    /// What the system said.
    source: io::Error,
}

/// Copies a package into a folder as `node_modules/openclaw`, with links to the packages beside it, and replaces files
/// by their paths below it. The package itself is only read, and no file of the copy is shared with it.
///
/// # Errors
/// Fails where something cannot be read or written.
pub fn copy_package(
    package: &Path,
    into: &Path,
    replaced: &BTreeMap<String, String>,
) -> Result<(), CopyError> {
    let modules = into.join("node_modules");
    let own = modules.join("openclaw");
    copy_tree(package, &own).map_err(|(place, source)| CopyError { place, source })?;
    if let Some(beside) = package.parent().filter(|beside| beside.ends_with("node_modules")) {
        link_all(beside, package, &modules).map_err(|(place, source)| CopyError { place, source })?;
    }
    for (path, text) in replaced {
        let place = own.join(path);
        fs::write(&place, text).map_err(|source| CopyError { place, source })?;
    }
    Ok(())
}

type Failed = (PathBuf, io::Error);

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failed> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(|error| (from.to_owned(), error.into()))?;
        let place = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        let kind = entry.file_type();
        let made = if kind.is_dir() {
            fs::create_dir_all(&place)
        } else if kind.is_symlink() {
            fs::read_link(entry.path()).and_then(|target| symlink(target, &place))
        } else {
            fs::copy(entry.path(), &place).map(|_| ())
        };
        made.map_err(|error| (place, error))?;
    }
    Ok(())
}

fn link_all(beside: &Path, package: &Path, into: &Path) -> Result<(), Failed> {
    let unreadable = |error| (beside.to_owned(), error);
    for entry in fs::read_dir(beside).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path() != package {
            let place = into.join(entry.file_name());
            symlink(entry.path(), &place).map_err(|error| (place, error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_its_own_files_and_finds_its_neighbours() {
        let dir = tempfile::tempdir().unwrap();
        let modules = dir.path().join("release/node_modules");
        let package = modules.join("openclaw");
        fs::create_dir_all(package.join("dist")).unwrap();
        fs::create_dir_all(modules.join("ws")).unwrap();
        fs::write(package.join("openclaw.mjs"), "entry").unwrap();
        fs::write(package.join("dist/a.js"), "original").unwrap();
        fs::write(modules.join("ws/index.js"), "ws").unwrap();
        symlink("a.js", package.join("dist/link.js")).unwrap();
        let into = dir.path().join("copy");
        copy_package(&package, &into, &BTreeMap::from([("dist/a.js".to_owned(), "mutant".to_owned())]))
            .unwrap();
        let read = |path: &str| fs::read_to_string(into.join("node_modules").join(path)).unwrap();
        assert_eq!(read("openclaw/openclaw.mjs"), "entry");
        assert_eq!(
            (read("openclaw/dist/a.js"), read("openclaw/dist/link.js")),
            ("mutant".into(), "mutant".into())
        );
        assert_eq!(read("ws/index.js"), "ws");
        assert_eq!(fs::read_to_string(package.join("dist/a.js")).unwrap(), "original");
    }
}
