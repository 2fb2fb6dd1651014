//! Upstream's JSON Schemas of its protocol, kept in the cache as packages of their own.

use std::path::Path;

use super::command::Cancel;
use super::digest::sha256;
use super::error::{At, InstallError};
use super::event::{CachePart, InstallProgress};
use super::layout::CacheLayout;
use super::site::InstallSite;

/// The package that contains the schema.
const PACKAGE: &str = "@openclaw/gateway-protocol";

/// The file in the package.
const FILE: &str = "protocol.schema.json";

/// The versions that frames are checked against, with the hash of the schema, so that every machine checks the same.
const VERSIONS: [(&str, &str); 2] = [
    ("2026.8.1-beta.3", "058374e771501cb8ef614db37f22772a076a9212b6c98aade9245aee0b5987b9"),
    ("2026.9.1", "971f2c0d2f0e267a062213b21a398518849c019d2cff1c1d54ff6ee1af7cddf1"),
];

/// The schemas, each with the version of its package. What is missing is fetched.
pub(super) fn fetch_schemas(
    site: &InstallSite,
    progress: &dyn InstallProgress,
    cancel: &Cancel,
) -> Result<Vec<(&'static str, String)>, InstallError> {
    let one = |(version, hash): (&'static str, &str)| {
        let part = CachePart::Protocol(version.to_owned());
        let place = site.layout.protocol(version);
        site.fetch(PACKAGE, &part, &place, Path::new(FILE), progress, cancel, |folder| {
            read(folder, &part, hash).map(drop)
        })?;
        Ok((version, read(&place, &part, hash)?))
    };
    VERSIONS.into_iter().map(one).collect()
}

/// The schemas if all of them are in the cache; the network is not used.
pub(super) fn cached_schemas(layout: &CacheLayout) -> Option<Vec<(&'static str, String)>> {
    let one = |(version, hash): (&'static str, &str)| {
        let part = CachePart::Protocol(version.to_owned());
        Some((version, read(&layout.protocol(version), &part, hash).ok()?))
    };
    VERSIONS.into_iter().map(one).collect()
}

/// The schema in a folder, if it is the one that was published.
fn read(folder: &Path, part: &CachePart, hash: &str) -> Result<String, InstallError> {
    let place = folder.join(FILE);
    let text = std::fs::read_to_string(&place).at(&place)?;
    if sha256(text.as_bytes()) == hash {
        Ok(text)
    } else {
        let problem = format!("{FILE} is not the one that was published");
        Err(InstallError::Unusable { what: part.to_string(), problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_published_schema_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let part = CachePart::Protocol("1".to_owned());
        let hash = sha256(b"{}");
        let missing = read(folder.path(), &part, &hash);
        assert!(matches!(missing, Err(InstallError::Io { .. })), "{missing:?}");
        std::fs::write(folder.path().join(FILE), "{}").unwrap();
        assert_eq!(read(folder.path(), &part, &hash).unwrap(), "{}");
        std::fs::write(folder.path().join(FILE), "{ }").unwrap();
        let changed = read(folder.path(), &part, &hash).unwrap_err().to_string();
        assert!(changed.contains("not the one that was published"), "{changed}");
    }
}
