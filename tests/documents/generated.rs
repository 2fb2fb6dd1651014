//! Generated documents are what their commands print.

use rstest::rstest;

use super::{gatecrash, repository_file};

#[rstest]
#[case("scenarios/COVERAGE.md", "coverage --format markdown")]
#[case("scenarios/TIMELINE.md", "timeline")]
#[case("docs/cli.md", "__docs cli")]
#[case("docs/scenario-format.md", "__docs format")]
fn a_generated_document_is_up_to_date(#[case] document: &str, #[case] command: &str) {
    let (_, printed) = gatecrash(&command.split(' ').collect::<Vec<_>>());
    assert!(
        printed == repository_file(document),
        "{document} is out of date: run `cargo run -- {command} > {document}`"
    );
}

#[test]
fn every_known_case_is_covered_or_has_a_reason() {
    let (fine, printed) = gatecrash(&["coverage"]);
    assert!(fine, "{printed}");
}
