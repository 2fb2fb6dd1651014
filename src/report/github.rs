//! Annotations for GitHub Actions at the line of the step that differs: an error for a difference that fails the run, a
//! warning for a known regression, and a notice for a superseded contract or a missing feature.

use super::difference::{deciding_step, differences, reproduce};
use super::known::known_deviations;
use super::standing::Standing;
use super::undone;
use crate::run::{Cell, RunRecord};
use crate::scenario::BUILT_IN;
use crate::verdict::Verdict;

/// A workflow command for each difference and each listed deviation. The worst come first, because the runner shows only a
/// few of each kind.
pub(super) fn render(record: &RunRecord) -> String {
    let undone = undone::ending(record).map(|ending| {
        let title = property(&format!("the run is {ending}"));
        format!("::error title={title}::{}\n", message(&undone::lines(record).join("\n")))
    });
    let differences = differences(record);
    let unlisted = differences.iter().map(|one| {
        let on: Vec<&str> =
            std::iter::once(one.cell.target.as_str()).chain(one.also.iter().copied()).collect();
        annotation(record, "error", (one.cell, &one.heading()), &on)
    });
    let known = known_deviations(record);
    let listed = known.iter().map(|one| {
        let kind = if one.known.is_wrong() { "warning" } else { "notice" };
        annotation(record, kind, (one.cell, &one.cell.scenario), &one.on)
    });
    undone.into_iter().chain(unlisted).chain(listed).collect()
}

fn annotation(record: &RunRecord, kind: &str, (cell, heading): (&Cell, &str), on: &[&str]) -> String {
    let step = deciding_step(cell);
    let scenario = record.scenarios.iter().find(|one| one.id == cell.scenario);
    let file =
        step.map(|step| step.path.as_str()).or_else(|| scenario.map(|scenario| scenario.path.as_str()));
    // A built-in scenario is not a file of the checked repository.
    let file = file.filter(|file| !file.starts_with(BUILT_IN));
    let line = step.map_or(1, |step| step.line);
    let standing = Standing::of(&record.run.deny, cell);
    let title = format!("{} {heading} on {}", standing.phrase(), on.join(", "));
    let mut lines = Vec::new();
    if let Some(scenario) = scenario {
        lines.push(scenario.title.clone());
    }
    lines.extend(cell.reason.clone());
    if let Some(step) = step {
        let listed = step.deviation.as_ref().filter(|_| cell.verdict == Verdict::Known);
        let expected = listed.map(|listed| format!("right is {}", listed.right));
        lines.extend(
            expected.or_else(|| step.expected.as_ref().map(|expected| format!("expected {expected}"))),
        );
        lines.extend(step.outcome.as_ref().map(|outcome| format!("got {outcome}")));
        if let Some(listed) = listed {
            lines.extend(listed.why.clone());
            lines.extend(listed.issue.clone());
        }
    }
    lines.push(format!("reproduce: {}", reproduce(record, cell)));
    let place = file.map_or(String::new(), |file| format!("file={},line={line},", property(file)));
    format!("::{kind} {place}title={}::{}\n", property(&title), message(&lines.join("\n")))
}

/// A message, escaped for the runner.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property, escaped for the runner.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_difference_points_at_its_line() {
        insta::assert_snapshot!(render(&RunRecord::of(&sample::events())));
    }

    #[test]
    fn a_run_that_was_cut_off_is_an_error() {
        let mut events = sample::events();
        events.truncate(events.len() - 6);
        let text = render(&RunRecord::of(&events));
        assert!(text.starts_with("::error title=the run is cut off%2C "), "{text}");
    }

    #[test]
    fn a_text_cannot_end_a_command() {
        assert_eq!(message("a\nb%c"), "a%0Ab%25c");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
