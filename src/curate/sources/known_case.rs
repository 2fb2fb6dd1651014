//! The cases that the suite is measured by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The list of this version, for a gatecrash that is installed somewhere else than its repository.
pub const BUILT_IN: &str = include_str!("../../../coverage/sources.yaml");

/// A known case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCase {
    /// Its id, as the `source` of a scenario names it: `U123` or `row 45`.
    pub id: String,
    /// Where it is from.
    pub kind: SourceKind,
    /// What it is about.
    pub about: String,
    /// Why no scenario covers it, where none can.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Where a known case is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A case of the gateway's own tests that can be seen on the wire.
    Upstream,
    /// A case of the gateway's own tests of which a part can be seen on the wire.
    UpstreamPart,
    /// What users reported.
    Report,
}

impl SourceKind {
    /// What it is called in tables.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Upstream => "upstream cases",
            Self::UpstreamPart => "upstream cases, seen in part",
            Self::Report => "reported regressions",
        }
    }
}

/// Why a list of sources cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// It is not a list of sources.
    #[error("the list of known cases cannot be read")]
    Unreadable(#[source] serde_saphyr::Error),
    /// Two sources have one id.
    #[error("the source `{0}` is listed twice")]
    Twice(String),
}

/// Reads a list of sources.
///
/// # Errors
/// Fails where the text is no such list, or an id stands in it twice.
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
    fn an_id_stands_in_the_list_once() {
        let text = "- {id: U1, kind: upstream, about: a}\n- {id: U1, kind: report, about: b}\n";
        assert_eq!(read(text).unwrap_err().to_string(), "the source `U1` is listed twice");
    }
}
