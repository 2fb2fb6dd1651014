//! A badge for a README: JSON in the form that `https://shields.io/badges/endpoint-badge` reads.

use serde_json::json;

use super::text::count;
use super::undone;
use crate::run::{Ending, RunRecord};

/// The badge of a run.
pub(super) fn render(record: &RunRecord) -> String {
    let (message, color) = told(record);
    let badge = json!({
        "schemaVersion": 1, "label": "gatecrash", "message": message, "color": color, "isError": color == "red",
    });
    format!("{badge:#}\n")
}

/// The result in few words, and its colour.
fn told(record: &RunRecord) -> (String, &'static str) {
    let sums = &record.summary;
    let bad = sums.fail + sums.fixed + sums.flaky + sums.listed.denied;
    let fine = sums.pass + sums.known;
    if let Some(ending) = undone::ending(record).filter(|_| record.ending() != Ending::Whole) {
        return (ending, "lightgrey");
    }
    if sums.error > 0 || !record.run.unusable.is_empty() {
        return ("broken".to_owned(), "lightgrey");
    }
    match (bad, fine, sums.listed.regression) {
        (0, 0, _) => ("nothing testable".to_owned(), "lightgrey"),
        (0, _, 0) => (format!("{} as expected", count(fine, "cell")), "brightgreen"),
        (0, _, wrong) => (count(wrong, "known regression"), "yellow"),
        (bad, ..) => (count(bad, "difference"), "red"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::Event;
    use crate::run::test_support::{cell, finished, started};
    use crate::verdict::Verdict::{self, Error, Fail, Pass, Untestable};

    fn badge(verdicts: &[Verdict], planned: usize) -> serde_json::Value {
        let names: Vec<String> = (0..planned).map(|at| format!("s{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut events = vec![started(&names, &["2026.3.31"])];
        let cells = names.iter().zip(verdicts).map(|(name, verdict)| cell(name, "2026.3.31", *verdict));
        events.extend(cells.map(|one| Event::CellFinished(Box::new(one))));
        events.push(finished());
        serde_json::from_str(&render(&RunRecord::of(&events))).unwrap()
    }

    #[rstest]
    #[case(&[Pass, Pass, Untestable], 3, "2 cells as expected", "brightgreen")]
    #[case(&[Pass, Fail], 2, "1 difference", "red")]
    #[case(&[Pass, Error], 2, "broken", "lightgrey")]
    #[case(&[Untestable], 1, "nothing testable", "lightgrey")]
    fn each_result_has_its_badge(
        #[case] verdicts: &[Verdict],
        #[case] planned: usize,
        #[case] message: &str,
        #[case] color: &str,
    ) {
        let badge = badge(verdicts, planned);
        assert_eq!((&badge["message"], &badge["color"]), (&message.into(), &color.into()), "{badge}");
        assert_eq!(badge["schemaVersion"], 1);
    }

    #[test]
    fn a_run_that_is_not_whole_is_never_green() {
        assert_eq!(badge(&[Pass], 2)["color"], "lightgrey");
    }
}
