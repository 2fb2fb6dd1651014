//! The Test Anything Protocol, version 14.

use std::fmt::Write as _;

use serde_json::Value;

use super::difference::{deciding_step, listed_deviations, reproduce};
use super::standing::Standing;
use super::text::one_line;
use super::undone::why;
use crate::run::{Cell, RunRecord};
use crate::verdict::Verdict;

/// A test point for each cell.
pub(super) fn render(record: &RunRecord) -> String {
    let not_run = record.unfinished.iter().filter(|one| one.has_no_verdict());
    let all = record.cells.len() + not_run.clone().count();
    let mut text = format!("TAP version 14\n1..{all}\n");
    for (number, cell) in (1..).zip(&record.cells) {
        let name = escaped(&format!("{} on {}", cell.scenario, cell.target));
        let reason = escaped(cell.reason.as_deref().unwrap_or("no reason"));
        match cell.verdict {
            Verdict::Pass | Verdict::Skipped => {
                let _ = writeln!(text, "ok {number} - {name}");
            }
            Verdict::Untestable => {
                let _ = writeln!(text, "ok {number} - {name} # SKIP untestable: {reason}");
            }
            Verdict::Known => match Standing::of(&record.run.deny, cell) {
                // A known regression still has to be fixed.
                Standing::Known(known) if known.is_wrong() => {
                    let listed = escaped(&listed_deviations(cell));
                    let _ = writeln!(text, "not ok {number} - {name} # TODO {listed}");
                }
                Standing::Known(_) => {
                    let listed = escaped(&listed_deviations(cell));
                    let _ = writeln!(text, "ok {number} - {name}: {listed}");
                }
                Standing::Denied(_) | Standing::Verdict(_) => {
                    let _ = writeln!(text, "not ok {number} - {name}");
                    text += &diagnosis(record, cell);
                }
            },
            Verdict::Fail | Verdict::Fixed | Verdict::Flaky | Verdict::Error => {
                let _ = writeln!(text, "not ok {number} - {name}");
                text += &diagnosis(record, cell);
            }
        }
    }
    for (number, one) in (record.cells.len() + 1..).zip(not_run) {
        let name = escaped(&format!("{} on {}", one.scenario, one.target));
        let _ = write!(
            text,
            "not ok {number} - {name}\n  ---\n  reason: {}\n  ...\n",
            Value::from(why(record, one))
        );
    }
    text
}

/// The details of a difference as a YAML block.
fn diagnosis(record: &RunRecord, cell: &Cell) -> String {
    let step = deciding_step(cell);
    let entries = [
        ("verdict", Some(Standing::of(&record.run.deny, cell).phrase())),
        ("at", step.map(|step| format!("{}:{}", step.path, step.line))),
        ("reason", cell.reason.clone()),
        ("expected", step.and_then(|step| step.expected.clone())),
        ("got", step.and_then(|step| step.outcome.as_ref()).map(ToString::to_string)),
        ("reproduce", Some(reproduce(record, cell))),
    ];
    let mut text = String::from("  ---\n");
    for (key, value) in entries {
        if let Some(value) = value {
            // A JSON string is also a YAML string.
            let _ = writeln!(text, "  {key}: {}", Value::from(one_line(&value)));
        }
    }
    text + "  ...\n"
}

/// A description without characters that would end it.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_cell_is_a_test_point() {
        insta::assert_snapshot!(render(&RunRecord::of(&sample::events())));
    }

    #[test]
    fn a_cell_that_was_not_run_is_not_ok() {
        let mut events = sample::events();
        events.truncate(events.len() - 6);
        let text = render(&RunRecord::of(&events));
        assert!(text.contains("\n1..42\n"), "{text}");
        assert!(text.contains("reason: \"was not run: the run was cut off\""), "{text}");
    }
}
