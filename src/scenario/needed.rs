//! The version of gatecrash that a scenario file needs.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

use super::diagnostic::Diagnostic;
use super::source::Source;
use super::tree::{NodeKind, Tree};

/// A version of gatecrash, such as `0.2` or `>=1.4.2`: this one or a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

/// The text is not a version of gatecrash.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version of gatecrash; write the oldest one that will do, such as \">=0.2\"")]
pub struct ParseNeededError(String);

impl NeededVersion {
    /// The version of this program.
    pub fn own() -> Self {
        env!("CARGO_PKG_VERSION").parse().unwrap_or_default()
    }
}

impl FromStr for NeededVersion {
    type Err = ParseNeededError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseNeededError(text.to_owned());
        let bare = text.trim().trim_start_matches(">=").trim();
        let parts: Vec<u64> =
            bare.split('.').map(|part| part.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        match parts[..] {
            [major] => Ok(Self { major, ..Self::default() }),
            [major, minor] => Ok(Self { major, minor, patch: 0 }),
            [major, minor, patch] => Ok(Self { major, minor, patch }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for NeededVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl<'de> Deserialize<'de> for NeededVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for NeededVersion {
    fn schema_name() -> Cow<'static, str> {
        "NeededVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A version of gatecrash, such as `\">=0.2\"`: this one or a newer one.",
            "type": "string",
            "pattern": r"^(>=)?\s*\d+(\.\d+){0,2}$",
        })
    }
}

/// What is wrong if a file needs a newer gatecrash than this one. Everything else about such a file may be new as well.
pub(super) fn too_new(tree: &Tree, source: &Arc<Source>) -> Option<Diagnostic> {
    let written = tree.get("requires")?.get("gatecrash")?;
    let NodeKind::Text(text) = &written.kind else { return None };
    let needed: NeededVersion = text.parse().ok()?;
    let own = NeededVersion::own();
    (needed > own).then(|| {
        let message = format!("this file needs gatecrash {needed} or newer, and this is {own}");
        Diagnostic::error("newer-gatecrash", message, source, written.span)
            .label("newer than this program")
            .help("update gatecrash: `npm install gatecrash@latest`, or `cargo install gatecrash`")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::scenario::load;

    #[rstest]
    #[case("0.2", "0.2.0")]
    #[case(">=1.4.2", "1.4.2")]
    #[case(">= 3", "3.0.0")]
    fn versions_are_read(#[case] text: &str, #[case] version: &str) {
        assert_eq!(text.parse::<NeededVersion>().unwrap().to_string(), version);
    }

    #[rstest]
    #[case("")]
    #[case("<2")]
    #[case("1.2.3.4")]
    #[case("latest")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(text.parse::<NeededVersion>().is_err());
    }

    fn codes(needed: &str, rest: &str) -> Vec<&'static str> {
        let text = format!(
            "title: t\nwhy: w\nrequires: {{gatecrash: {needed}}}\nsteps: [{{connect: {{as: a}}}}]\n{rest}"
        );
        let source = Arc::new(Source { path: "a.yaml".into(), text });
        load(&[("a".into(), source)]).diagnostics.iter().map(|one| one.code).collect()
    }

    #[test]
    fn a_file_for_a_newer_gatecrash_is_told_so_and_nothing_else() {
        assert_eq!(codes("\">=99\"", "key_of_the_future: 1\n"), ["newer-gatecrash"]);
        assert_eq!(codes("\">=0.1\"", ""), [""; 0]);
        assert_eq!(codes("\">=0.1\"", "key_of_the_future: 1\n"), ["unknown-key"]);
        assert!(!codes("newest", "").is_empty());
    }

    proptest! {
        #[test]
        fn versions_are_ordered_as_numbers(a in 0u64..30, b in 0u64..30, c in 0u64..30, d in 0u64..30) {
            let one: NeededVersion = format!("{a}.{b}").parse().unwrap();
            let other: NeededVersion = format!("{c}.{d}").parse().unwrap();
            prop_assert_eq!(one.cmp(&other), (a, b).cmp(&(c, d)));
            prop_assert_eq!(one.to_string().parse::<NeededVersion>().unwrap(), one);
        }
    }
}
