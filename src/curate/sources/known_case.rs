//! The list of known cases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The list of this version, for a gatecrash that does not run in its repository.
pub const BUILT_IN: &str = include_str!("../../../coverage/sources.yaml");

/// A case that the suite should cover.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCase {
    /// The id that scenarios name as their `source`, such as `U123` or `row 45`.
    pub id: String,
    /// Where the case comes from.
    pub kind: SourceKind,
    /// What the case is about.
    pub about: String,
    /// Why no scenario can cover it, if so.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Where a known case comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A case of the gateway's own tests that is visible on the wire.
    Upstream,
    /// A case of the gateway's own tests that is partly visible on the wire.
    UpstreamPart,
    /// A regression that users reported.
    Report,
}

impl SourceKind {
    /// The name of the kind in tables.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Upstream => "upstream cases",
            Self::UpstreamPart => "upstream cases, seen in part",
            Self::Report => "reported regressions",
        }
    }
}

/// Why a list of known cases cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// The text is not a list of cases.
    #[error("the list of known cases cannot be read")]
    Unreadable(#[source] serde_saphyr::Error),
    /// Two cases have the same id.
    #[error("the source `{0}` is listed twice")]
    Twice(String),
}

/// Reads a list of known cases.
///
/// # Errors
/// Fails if the text is not such a list, or if an id is listed twice.
pub fn read(text: &str) -> Result<Vec<KnownCase>, SourcesError> {
    let list: Vec<KnownCase> = serde_saphyr::from_str(text).map_err(SourcesError::Unreadable)?;
    let mut ids: Vec<&str> = list.iter().map(|one| one.id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SourcesError::Twice(pair[0].to_owned())),
        None => Ok(list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_can_be_read() {
        assert!(read(BUILT_IN).unwrap().len() > 300);
    }

    #[test]
    fn an_id_may_be_listed_only_once() {
        let text = "- {id: U1, kind: upstream, about: a}\n- {id: U1, kind: report, about: b}\n";
        assert_eq!(read(text).unwrap_err().to_string(), "the source `U1` is listed twice");
    }
}
