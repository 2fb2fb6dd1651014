//! The manifest that the cache keeps of an installed release, and how damage is found.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::{PackageFile, count, package_files, sha256};
use super::error::{At, InstallError};
use crate::release::Release;

/// Name of the manifest in a release's directory.
const FILE: &str = "gatecrash-install.json";

/// Name of the list of the package's files with their hashes.
const FILES: &str = "gatecrash-files.txt";

/// The format this program writes. A newer major is refused, a newer minor is read.
const FORMAT: FormatVersion = FormatVersion { major: 1, minor: 0 };

/// Version of a stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FormatVersion {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl FormatVersion {
    /// The version of a stored document, whatever else is in it: a newer major may hold anything.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            format: FormatVersion,
        }
        serde_json::from_slice::<Document>(json).ok().map(|document| document.format)
    }
}

/// What is known about an installed release; `gatecrash-install.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: FormatVersion,
    pub(super) release: Release,
    /// The registry's hash of the package, as the package manager checked it.
    pub(super) integrity: Option<String>,
    pub(super) installed: Timestamp,
    /// `engines.node` of the package.
    pub(super) engines: Option<String>,
    /// Version of the Node that was there for it when it was installed.
    pub(super) node: String,
    /// `pnpm 10.34.9`, or `npm` where that had to do.
    pub(super) installer: String,
    /// Everything below the directory, each file once, in bytes.
    pub(super) tree_bytes: u64,
    pub(super) package: PackageSummary,
    /// SHA-256 of the lock file: dependencies float, so two installs of a release may differ.
    pub(super) lock_sha256: String,
}

/// The package's own files in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PackageSummary {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// SHA-256 over the list of paths, sizes and hashes.
    pub(super) sha256: String,
    /// How many directories `node_modules` holds.
    pub(super) modules: u64,
}

impl Manifest {
    pub(super) fn new(release: Release, installed: Timestamp, facts: PackageFacts) -> Self {
        Self {
            format: FORMAT,
            release,
            integrity: facts.integrity,
            installed,
            engines: facts.engines,
            node: facts.node,
            installer: facts.installer,
            tree_bytes: facts.tree_bytes,
            package: facts.package,
            lock_sha256: facts.lock_sha256,
        }
    }

    /// Names this build in results: the package and the exact dependencies beside it.
    pub(super) fn digest(&self) -> String {
        sha256(format!("{} {}", self.package.sha256, self.lock_sha256).as_bytes())
    }
}

/// What an installation found out.
#[derive(Debug)]
pub(super) struct PackageFacts {
    pub(super) integrity: Option<String>,
    pub(super) engines: Option<String>,
    pub(super) node: String,
    pub(super) installer: String,
    pub(super) tree_bytes: u64,
    pub(super) package: PackageSummary,
    pub(super) lock_sha256: String,
}

/// Where the package of the release lies below its directory.
pub(super) fn package_dir(release_dir: &Path) -> PathBuf {
    release_dir.join("node_modules/openclaw")
}

/// Reads the manifest; `None` when there is none or it cannot be read, which makes the release damaged.
pub(super) fn read(dir: &Path) -> Result<Option<Manifest>, InstallError> {
    let path = dir.join(FILE);
    let text = match std::fs::read(&path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.at(&path)?,
    };
    let Some(format) = FormatVersion::read(&text) else { return Ok(None) };
    if format.major > FORMAT.major {
        return Err(InstallError::Newer { path, major: format.major, known: FORMAT.major });
    }
    Ok(serde_json::from_slice(&text).ok())
}

/// Writes the manifest and the list of files.
pub(super) fn write(dir: &Path, manifest: &Manifest, files: &[PackageFile]) -> Result<(), InstallError> {
    let list = dir.join(FILES);
    std::fs::write(&list, list_text(files)).at(&list)?;
    let path = dir.join(FILE);
    let mut text = serde_json::to_string_pretty(manifest)
        .map_err(|error| InstallError::Io { path: path.clone(), source: error.into() })?;
    text.push('\n');
    std::fs::write(&path, text).at(&path)
}

/// One line a file: hash, size, path.
pub(super) fn list_text(files: &[PackageFile]) -> String {
    files.iter().fold(String::new(), |mut text, file| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {} {}", file.sha256, file.size, file.path);
        text
    })
}

/// How an installed release differs from what was installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Files that should be there and are not, relative to the package.
    pub missing: Vec<String>,
    /// Files with other content than at installation.
    pub changed: Vec<String>,
    /// Files that were not there at installation.
    pub added: Vec<String>,
    /// The manifest or the list of files cannot be read, or dependencies are gone.
    pub unreadable: bool,
}

impl Damage {
    /// Whether nothing is wrong.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether the release looks intact by sizes and counts, without hashing. Takes milliseconds, so it is checked at each use.
pub(super) fn looks_whole(dir: &Path, manifest: &Manifest) -> bool {
    let package = package_dir(dir);
    if !package.join("openclaw.mjs").is_file() || count_modules(dir) != manifest.package.modules {
        return false;
    }
    count(&package)
        .is_ok_and(|(files, bytes)| (files, bytes) == (manifest.package.files, manifest.package.bytes))
}

/// How many packages and scopes lie in `node_modules`; hidden entries are the package manager's own.
pub(super) fn count_modules(dir: &Path) -> u64 {
    std::fs::read_dir(dir.join("node_modules")).map_or(0, |entries| {
        entries.flatten().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")).count()
            as u64
    })
}

/// Hashes every file of the package and compares with what was written down at installation.
pub(super) fn find_damage(dir: &Path, manifest: &Manifest) -> Damage {
    let (Ok(list), Ok(found)) = (std::fs::read_to_string(dir.join(FILES)), package_files(&package_dir(dir)))
    else {
        return Damage { unreadable: true, ..Damage::default() };
    };
    let mut damage = Damage {
        unreadable: sha256(list.as_bytes()) != manifest.package.sha256
            || count_modules(dir) != manifest.package.modules,
        ..Damage::default()
    };
    let mut found: std::collections::BTreeMap<String, PackageFile> =
        found.into_iter().map(|file| (file.path.clone(), file)).collect();
    for line in list.lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(sha256), Some(_), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            damage.unreadable = true;
            continue;
        };
        match found.remove(path) {
            None => damage.missing.push(path.to_owned()),
            Some(file) if file.sha256 != sha256 => damage.changed.push(path.to_owned()),
            Some(_) => {}
        }
    }
    damage.added = found.into_keys().collect();
    damage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest_text(major: u32, minor: u32) -> String {
        format!(
            r#"{{"format":{{"major":{major},"minor":{minor}}},"release":"2026.3.31","integrity":null,
            "installed":"2026-11-22T00:00:00Z","engines":null,"node":"24.21.0","installer":"npm","tree_bytes":1,
            "package":{{"files":1,"bytes":1,"sha256":"","modules":1}},"lock_sha256":"","later":true}}"#
        )
    }

    #[test]
    fn a_newer_minor_is_read_and_a_newer_major_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), manifest_text(1, 9)).unwrap();
        assert_eq!(read(dir.path()).unwrap().unwrap().release, Release::new(2026, 3, 31));
        std::fs::write(dir.path().join(FILE), r#"{"format":{"major":2,"minor":0},"shape":"new"}"#).unwrap();
        let text = read(dir.path()).unwrap_err().to_string();
        assert!(text.contains("newer gatecrash") && text.contains("format 2"), "{text}");
    }

    #[test]
    fn a_broken_manifest_reads_as_no_manifest() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        std::fs::write(dir.path().join(FILE), r#"{"format":{"ma"#).unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
    }
}
