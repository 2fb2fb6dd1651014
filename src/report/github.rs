//! Annotations for GitHub Actions, at the line of the failing step.

use super::difference::{Difference, deciding_step, differences, reproduce};
use super::undone;
use crate::run::RunRecord;

/// A command to the runner for each difference.
pub(super) fn render(record: &RunRecord) -> String {
    let undone = undone::ending(record).map(|ending| {
        let lines = undone::lines(record);
        format!(
            "::error title={}::{}\n",
            property(&format!("the run is {ending}")),
            message(&lines.join("\n"))
        )
    });
    undone.into_iter().chain(differences(record).iter().map(|one| annotation(record, one))).collect()
}

fn annotation(record: &RunRecord, one: &Difference<'_>) -> String {
    let cell = one.cell;
    let step = deciding_step(cell);
    let file =
        step.map(|step| step.path.as_str()).or_else(|| one.scenario.map(|scenario| scenario.path.as_str()));
    let line = step.map_or(1, |step| step.line);
    let on =
        std::iter::once(cell.target.as_str()).chain(one.also.iter().copied()).collect::<Vec<_>>().join(", ");
    let title = format!("{} {} on {on}", cell.verdict, one.heading());
    let mut lines = Vec::new();
    if let Some(scenario) = one.scenario {
        lines.push(scenario.title.clone());
    }
    lines.extend(cell.reason.clone());
    if let Some(step) = step {
        lines.extend(step.expected.as_ref().map(|expected| format!("expected {expected}")));
        lines.extend(step.outcome.as_ref().map(|outcome| format!("got {outcome}")));
    }
    lines.push(format!("reproduce: {}", reproduce(record, cell)));
    let place = file.map_or(String::new(), |file| format!("file={},line={line},", property(file)));
    format!("::error {place}title={}::{}\n", property(&title), message(&lines.join("\n")))
}

/// A message as the runner reads it.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property as the runner reads it.
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
    fn texts_cannot_end_a_command() {
        assert_eq!(message("a\nb%c"), "a%0Ab%25c");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
