//! What is noted in a kept state directory: which release has written it.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::release::Release;

/// The name of the configuration beside the state, where a gateway has it that nobody tells otherwise.
pub(super) const CONFIG_NAME: &str = "openclaw.json";

/// Notes in the configuration of a kept state directory which release wrote it, as a gateway does that changes its
/// configuration. `preflight` reads the present release there. Nothing is noted where no configuration was kept.
///
/// # Errors
/// Fails if the configuration cannot be read or written.
pub fn note_release(state: &Path, release: Release) -> io::Result<()> {
    let path = state.join(CONFIG_NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let Ok(Value::Object(mut config)) = serde_json::from_str(&text) else { return Ok(()) };
    let meta = config.entry("meta").or_insert_with(|| json!({}));
    if let Value::Object(meta) = meta {
        meta.entry("lastTouchedVersion").or_insert_with(|| release.to_string().into());
    }
    fs::write(&path, format!("{:#}\n", Value::Object(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_noted_unless_the_gateway_has_done_so() {
        let state = tempfile::tempdir().unwrap();
        let release = "2026.3.31".parse().unwrap();
        note_release(state.path(), release).unwrap();
        assert!(!state.path().join(CONFIG_NAME).exists());
        let noted = |before: &str| -> Value {
            fs::write(state.path().join(CONFIG_NAME), before).unwrap();
            note_release(state.path(), release).unwrap();
            serde_json::from_str(&fs::read_to_string(state.path().join(CONFIG_NAME)).unwrap()).unwrap()
        };
        assert_eq!(noted("{\"a\": 1}"), json!({"a": 1, "meta": {"lastTouchedVersion": "2026.3.31"}}));
        let own = json!({"meta": {"lastTouchedVersion": "2026.3.28"}});
        assert_eq!(noted(&own.to_string()), own);
    }
}
