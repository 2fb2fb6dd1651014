//! Records that are in a gateway's store before the first scenario talks to it.
//!
//! Every release takes paired records as `devices/paired.json` placed before its first start: releases
//! up to 2026.7.35 read the file itself, 2026.8.1 and 2026.9.6 were measured to import it. Pending
//! requests are read from `devices/pending.json` up to 2026.7.35; newer releases put the file away
//! unread, so there they go into the database once the gateway runs.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::state::{self, PAIRED, PENDING, StateError};

/// Records to place, as the JSON store writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seed {
    /// Approved devices by device id.
    pub paired: Map<String, Value>,
    /// Requests that wait for approval, by request id. Gateways forget them five minutes after `ts`.
    pub pending: Map<String, Value>,
}

impl Seed {
    /// The files to place in the state directory before the first boot.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let places = [(PAIRED, &self.paired), (PENDING, &self.pending)];
        let filled = places.into_iter().filter(|(_, records)| !records.is_empty());
        filled
            .map(|(place, records)| (place.into(), Value::Object(records.clone()).to_string().into_bytes()))
            .collect()
    }

    /// Places what the first boot did not take. Call it when the gateway is ready.
    pub fn complete(&self, state: &Path) -> Result<(), StateError> {
        if self.pending.is_empty() || !state::is_database(state) {
            return Ok(());
        }
        state::insert_pending(state, &self.pending)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_seeded_gets_a_file() {
        let mut seed = Seed::default();
        assert_eq!(seed.files(), []);
        seed.paired.insert("d1".into(), json!({"tokens": {}}));
        assert_eq!(seed.files(), [(PAIRED.into(), br#"{"d1":{"tokens":{}}}"#.to_vec())]);
        seed.pending.insert("r1".into(), json!({}));
        assert_eq!(seed.files().len(), 2);
    }

    #[test]
    fn a_json_store_needs_no_completion() {
        let state = tempfile::tempdir().unwrap();
        let seed = Seed { pending: Map::from_iter([("r1".to_owned(), json!({}))]), ..Seed::default() };
        assert!(seed.complete(state.path()).is_ok());
    }
}
