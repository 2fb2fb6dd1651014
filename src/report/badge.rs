//! A badge for a README: JSON in the form that `https://shields.io/badges/endpoint-badge` reads.

use serde_json::json;

use super::text::count;
use super::undone;
use crate::run::{Ending, RunRecord};

/// What a badge is about.
const LABEL: &str = "gatecrash";

/// The space beside a text, in pixels.
const MARGIN: usize = 10;

/// The badge of a run.
pub(super) fn render(record: &RunRecord) -> String {
    let (message, color) = told(record);
    let badge = json!({
        "schemaVersion": 1, "label": LABEL, "message": message, "color": color, "isError": color == "red",
    });
    format!("{badge:#}\n")
}

/// The badge of a run as a picture.
pub(super) fn svg(record: &RunRecord) -> String {
    let (message, color) = told(record);
    let color = match color {
        "brightgreen" => "#2ea043",
        "yellow" => "#b08800",
        "red" => "#d1242f",
        _ => "#6e7781",
    };
    let (left, right) = (segment(LABEL), segment(&message));
    let (width, middle) = (left + right, left + right / 2);
    let half = left / 2;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"20\" role=\"img\" aria-label=\"{LABEL}: {message}\">\n\
         <title>{LABEL}: {message}</title>\n\
         <clipPath id=\"r\"><rect width=\"{width}\" height=\"20\" rx=\"3\"/></clipPath>\n\
         <g clip-path=\"url(#r)\"><rect width=\"{left}\" height=\"20\" fill=\"#444c56\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{color}\"/></g>\n\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">\
         <text x=\"{half}\" y=\"14\" textLength=\"{}\">{LABEL}</text>\
         <text x=\"{middle}\" y=\"14\" textLength=\"{}\">{message}</text></g>\n</svg>\n",
        left - MARGIN,
        right - MARGIN,
    )
}

/// The width of the part of a badge with this text, in pixels.
fn segment(text: &str) -> usize {
    /// What a character of this size takes on average.
    const CHARACTER: usize = 7;
    text.chars().count() * CHARACTER + MARGIN
}

/// The result in few words, and its colour. The words need no escaping in XML.
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

    fn record(verdicts: &[Verdict], planned: usize) -> RunRecord {
        let names: Vec<String> = (0..planned).map(|at| format!("s{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut events = vec![started(&names, &["2026.3.31"])];
        let cells = names.iter().zip(verdicts).map(|(name, verdict)| cell(name, "2026.3.31", *verdict));
        events.extend(cells.map(|one| Event::CellFinished(Box::new(one))));
        events.push(finished());
        RunRecord::of(&events)
    }

    fn badge(verdicts: &[Verdict], planned: usize) -> serde_json::Value {
        serde_json::from_str(&render(&record(verdicts, planned))).unwrap()
    }

    #[test]
    fn the_picture_says_and_shows_the_same() {
        let picture = svg(&record(&[Pass, Fail], 2));
        assert!(picture.contains(">1 difference</text>") && picture.contains("#d1242f"), "{picture}");
        assert!(!svg(&record(&[Pass], 1)).contains("#d1242f"));
        // 9 characters on the left and 12 on the right, each with its margin.
        assert!(picture.contains("width=\"167\"") && picture.contains("x=\"73\""), "{picture}");
        let ending = svg(&record(&[Pass], 2));
        assert!(ending.contains("#6e7781") && !ending.contains('&'), "{ending}");
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
