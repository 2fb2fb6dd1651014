//! The JSON Schema that upstream publishes for its protocol, as packages of their own in the cache.

use std::path::Path;

use super::cache::Cache;
use super::command::Cancel;
use super::digest::sha256;
use super::error::{At, InstallError};
use super::event::{Part, Progress};

/// The package that holds it.
const PACKAGE: &str = "@openclaw/gateway-protocol";

/// The file in the package.
const FILE: &str = "protocol.schema.json";

/// The versions that frames are checked by, and the hash of the schema in each: every machine checks by the same.
const VERSIONS: [(&str, &str); 2] = [
    ("2026.8.1-beta.3", "058374e771501cb8ef614db37f22772a076a9212b6c98aade9245aee0b5987b9"),
    ("2026.9.1", "971f2c0d2f0e267a062213b21a398518849c019d2cff1c1d54ff6ee1af7cddf1"),
];

impl Cache {
    /// The schemas, by the versions of the packages that they came in. What is missing is fetched.
    pub fn protocol_schemas(
        &self,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Vec<(&'static str, String)>, InstallError> {
        let one = |(version, hash): (&'static str, &str)| {
            let part = Part::Protocol(version.to_owned());
            let place = self.site.layout.protocol(version);
            self.site.fetch(PACKAGE, &part, &place, Path::new(FILE), progress, cancel, |folder| {
                read(folder, hash).map(|_| ())
            })?;
            let text = read(&place, hash);
            Ok((version, text.map_err(|problem| InstallError::Unusable { what: part.to_string(), problem })?))
        };
        VERSIONS.into_iter().map(one).collect()
    }

    /// The schemas if all of them are in the cache; the network is not used.
    pub fn protocol_schemas_here(&self) -> Option<Vec<(&'static str, String)>> {
        let one = |(version, hash): (&'static str, &str)| {
            Some((version, read(&self.site.layout.protocol(version), hash).ok()?))
        };
        VERSIONS.into_iter().map(one).collect()
    }
}

/// The schema in a folder, if it is the one that was published.
fn read(folder: &Path, hash: &str) -> Result<String, String> {
    let place = folder.join(FILE);
    let text = std::fs::read_to_string(&place).at(&place).map_err(|error| error.to_string())?;
    if sha256(text.as_bytes()) == hash {
        Ok(text)
    } else {
        Err(format!("{FILE} is another one than was published"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_schema_that_was_published_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let hash = sha256(b"{}");
        assert!(read(folder.path(), &hash).is_err(), "it is not there");
        std::fs::write(folder.path().join(FILE), "{}").unwrap();
        assert_eq!(read(folder.path(), &hash).as_deref(), Ok("{}"));
        std::fs::write(folder.path().join(FILE), "{ }").unwrap();
        assert!(read(folder.path(), &hash).unwrap_err().contains("another one"));
    }
}
