//! Upstream's schemas by release.

use std::sync::Arc;

use super::protocol_schema::{ProtocolSchema, SchemaError};
use crate::release::Release;

/// The first release with a published schema.
pub const FIRST_WITH_A_SCHEMA: &str = "2026.8.1-beta.3";

/// Upstream's schemas, oldest first.
#[derive(Clone, Debug, Default)]
pub struct ProtocolSchemas(Vec<(Release, Arc<ProtocolSchema>)>);

impl ProtocolSchemas {
    /// Reads schemas, each with the version of its package.
    ///
    /// # Errors
    /// Fails if a version is not a release or a schema cannot be used.
    pub fn read<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SchemaError> {
        let mut all = Vec::new();
        for (version, text) in texts {
            let release = version.parse().map_err(|_| SchemaError::Missing("version"))?;
            all.push((release, Arc::new(ProtocolSchema::read(version, text)?)));
        }
        all.sort_by_key(|(release, _)| *release);
        Ok(Self(all))
    }

    /// Whether upstream published a schema for a release or an earlier one.
    pub fn is_published_for(release: Release) -> bool {
        // It is a release: a test reads it.
        FIRST_WITH_A_SCHEMA.parse::<Release>().is_ok_and(|first| first <= release)
    }

    /// The schema for a release: the newest that is not newer than the release. Changes are additive, so a later schema would
    /// blame a release for what it did not have yet.
    pub fn of(&self, release: &Release) -> Option<&Arc<ProtocolSchema>> {
        self.0.iter().rev().find(|(first, _)| first <= release).map(|(_, schema)| schema)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("2026.7.35", None)]
    #[case("2026.8.1-beta.2", None)]
    #[case("2026.8.1-beta.3", Some("2026.8.1-beta.3"))]
    #[case("2026.8.1", Some("2026.8.1-beta.3"))]
    #[case("2026.9.1", Some("2026.9.1"))]
    #[case("2026.9.6", Some("2026.9.1"))]
    fn a_release_is_checked_against_the_newest_schema_up_to_it(
        #[case] release: &str,
        #[case] by: Option<&str>,
    ) {
        let any = json!({});
        let document = json!({"definitions": {"RequestFrame": any, "ResponseFrame": any, "EventFrame": any, "HelloOk": any, "ConnectParams": any}});
        let text = document.to_string();
        let all = ProtocolSchemas::read([("2026.9.1", &*text), ("2026.8.1-beta.3", &*text)]).unwrap();
        assert_eq!(all.of(&release.parse().unwrap()).map(|one| one.version()), by);
    }

    #[test]
    fn the_first_release_with_a_schema_is_a_release() {
        assert!(FIRST_WITH_A_SCHEMA.parse::<Release>().is_ok());
    }
}
