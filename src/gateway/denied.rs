//! What a build was kept from, as the script notes it that guards every thread.

use std::path::Path;

use serde::Deserialize;

use super::leaks::Leak;
use crate::bounded_read;

/// The longest notes that are read, in bytes. Every thread notes a hundred things at most.
const LONGEST: u64 = 1 << 20;

/// The most notes that are told of one gateway.
const MOST: usize = 20;

#[derive(Deserialize)]
struct Note {
    what: String,
    #[serde(rename = "where")]
    wanted: String,
}

/// The notes in the folder of a home's logs, each once. A build can write there, too, so nothing about them is trusted.
pub(super) fn read(logs: &Path) -> Vec<Leak> {
    let text = bounded_read::read(&logs.join("denied.jsonl"), LONGEST).unwrap_or_default();
    let mut told = Vec::new();
    for line in String::from_utf8_lossy(&text).lines() {
        let Ok(Note { what, wanted }) = serde_json::from_str(line) else { continue };
        let plain = |text: String| text.chars().filter(|c| !c.is_control()).take(300).collect::<String>();
        let leak = Leak::Denied { what: plain(what), wanted: plain(wanted) };
        if told.len() < MOST && !told.contains(&leak) {
            told.push(leak);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_once_and_without_trust() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), []);
        let note = "{\"what\":\"connect\",\"where\":\"192.0.2.1:443\"}\n";
        let many: Vec<String> =
            (0..100).map(|n| format!("{{\"what\":\"\\u001b\",\"where\":\"{n}\"}}")).collect();
        std::fs::write(
            folder.path().join("denied.jsonl"),
            format!("{note}no note\n{note}{}", many.join("\n")),
        )
        .unwrap();
        let told = read(folder.path());
        assert_eq!(told[0].to_string(), "it was kept from this: connect 192.0.2.1:443");
        assert_eq!(told.iter().filter(|leak| **leak == told[0]).count(), 1);
        assert_eq!(told[1].to_string(), "it was kept from this:  0");
        assert_eq!(told.len(), MOST);
    }
}
