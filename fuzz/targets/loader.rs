//! Scenario files as a stranger may write them.

use std::sync::Arc;

use bolero::check;
use gatecrash::scenario::{Source, Suite, check, formatted, load};

/// Up to three files of one folder, separated by zero bytes; the second one is its `_defaults`.
fn files(bytes: &[u8]) -> Vec<(String, Arc<Source>)> {
    let texts = bytes.split(|byte| *byte == 0).take(3).enumerate();
    let named = texts.map(|(number, text)| {
        let text = String::from_utf8_lossy(text).into_owned();
        let name = if number == 1 { "_defaults".to_owned() } else { format!("file-{number}") };
        let path = format!("scenarios/fuzz/{name}.yaml");
        (format!("fuzz/{name}"), Arc::new(Source { path, text }))
    });
    named.collect()
}

fn ids(suite: &Suite) -> Vec<&str> {
    suite.scenarios.iter().map(|one| one.id.as_str()).collect()
}

#[test]
fn any_file_is_loaded_or_what_is_wrong_with_it_is_told() {
    check!().for_each(|bytes: &[u8]| {
        let sources = files(bytes);
        let suite = load(&sources);
        let found = check(&suite, true);
        for one in suite.diagnostics.iter().chain(&found) {
            let lines = one.source.text.lines().count().max(1);
            assert!(!one.message.is_empty());
            assert!(one.source.line(one.span) <= lines + 1, "{} is within the file", one.message);
        }
        if suite.scenarios.is_empty() && !sources[0].1.text.trim().is_empty() {
            assert!(!suite.diagnostics.is_empty(), "nothing is left out without a word");
        }
        let Ok(text) = formatted(&sources[0].1) else { return };
        let written = Arc::new(Source { path: sources[0].1.path.clone(), text: text.clone() });
        assert_eq!(formatted(&written).ok().as_ref(), Some(&text), "formatting again changes nothing");
        let mut again = sources.clone();
        again[0].1 = written;
        assert_eq!(ids(&load(&again)), ids(&suite), "formatting keeps the scenarios");
    });
}
