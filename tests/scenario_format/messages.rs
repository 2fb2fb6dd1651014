//! Messages for invalid scenarios: one snapshot for each file in `fixtures/wrong`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gatecrash::report::diagnostic::render;
use gatecrash::scenario::{Source, check, load};

fn wrong() -> Vec<(String, Arc<Source>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wrong");
    let mut sources: Vec<(String, Arc<Source>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (format!("wrong/{name}"), Arc::new(Source { path: format!("wrong/{name}.yaml"), text }))
        })
        .collect();
    sources.sort_by(|a, b| a.0.cmp(&b.0));
    sources
}

#[test]
fn every_invalid_fixture_has_a_message() {
    let sources = wrong();
    assert!(sources.len() >= 20, "only {} kinds", sources.len());
    let found = check(&load(&sources), false);
    for (id, source) in &sources {
        let mine: Vec<String> =
            found.iter().filter(|one| one.source == *source).map(|one| render(one, false, 100)).collect();
        assert!(!mine.is_empty(), "there is no message for {id}");
        let about = source.text.lines().next().unwrap_or_default();
        assert!(about.starts_with("# "), "{id} does not begin with a comment that says what is wrong");
        insta::with_settings!({description => about, omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(id.replace('/', "-"), mine.join("\n"));
        });
    }
}

#[test]
fn strict_leaves_no_warnings() {
    use gatecrash::scenario::Severity;
    let suite = load(&wrong());
    let warnings =
        |strict| check(&suite, strict).iter().filter(|one| one.severity == Severity::Warning).count();
    assert!(warnings(false) > 0);
    assert_eq!(warnings(true), 0);
}

#[test]
fn colour_does_not_change_the_text_of_a_message() {
    let found = check(&load(&wrong()), false);
    for one in &found {
        let coloured = render(one, true, 100);
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), render(one, false, 100));
    }
}
