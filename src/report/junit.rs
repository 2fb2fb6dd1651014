//! JUnit: a suite per target, for CI systems that show tests.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::difference::{deciding_step, listed_deviations, log_of, reproduce, section};
use super::frames::{TranscriptItem, frames_of};
use super::standing::Standing;
use super::text;
use super::undone::why;
use crate::run::{Cell, KnownCounts, RunRecord, StepRecord, TargetInfo, Unfinished, is_of_security};
use crate::verdict::Verdict;

/// The report as XML.
pub fn render(record: &RunRecord) -> String {
    let mut report = quick_junit::Report::new("gatecrash");
    report.set_time(Duration::from_millis(record.run.duration_ms));
    let started = jiff::Timestamp::from_millisecond(record.run.started_ms).ok();
    report.timestamp = started.and_then(|started| started.to_string().parse().ok());
    report.add_test_suites(record.targets.iter().map(|target| suite(record, target)));
    // Writing to memory cannot fail, and characters that XML does not allow were removed.
    report.to_string().unwrap_or_default()
}

fn suite(record: &RunRecord, target: &TargetInfo) -> TestSuite {
    let mut suite = TestSuite::new(target.target.as_str());
    let gateways: Vec<_> = record.gateways.iter().filter(|one| one.target == target.target).collect();
    let boots: usize = gateways.iter().filter(|one| one.boot_ms.is_some()).map(|one| one.boots).sum();
    if let Some(release) = target.release {
        suite.add_property(Property::new("release", release.to_string()));
    }
    suite.add_property(Property::new("seed", record.run.seed.to_string()));
    suite.add_property(Property::new("boots", boots.to_string()));
    suite.add_property(Property::new("run", record.run.id.as_str()));
    let cells: Vec<&Cell> = record.cells.iter().filter(|cell| cell.target == target.target).collect();
    let counts = KnownCounts::of(cells.iter().copied(), &record.run.deny);
    for (name, number) in [
        ("known-regressions", counts.regression),
        ("known-security-regressions", counts.regression_of_security),
        ("unreviewed", counts.unreviewed),
        ("superseded", counts.superseded),
        ("unsupported", counts.unsupported),
    ] {
        suite.add_property(Property::new(name, number.to_string()));
    }
    suite.set_time(Duration::from_millis(cells.iter().map(|cell| cell.duration_ms).sum()));
    suite.add_test_cases(cells.into_iter().map(|cell| case(record, cell)));
    let not_run = record.unfinished.iter().filter(|one| one.target == target.target && one.has_no_verdict());
    suite.add_test_cases(not_run.map(|one| case_not_run(record, one)));
    suite
}

fn case(record: &RunRecord, cell: &Cell) -> TestCase {
    let mut case = TestCase::new(cell.scenario.as_str(), status(record, cell));
    case.set_classname(section(&cell.scenario));
    case.set_time(Duration::from_millis(cell.duration_ms));
    if let Some(scenario) = record.scenarios.iter().find(|one| one.id == cell.scenario) {
        case.add_property(Property::new("title", scenario.title.as_str()));
        case.extra.insert("file".into(), scenario.path.as_str().into());
    }
    if cell.verdict == Verdict::Known {
        known(&mut case, record, cell);
    }
    case
}

/// A listed deviation as properties and as output.
fn known(case: &mut TestCase, record: &RunRecord, cell: &Cell) {
    let standing = Standing::of(&record.run.deny, cell);
    let step = deciding_step(cell);
    let listed = step.and_then(|step| step.deviation.as_ref());
    case.add_property(Property::new("known", listed.map_or("unreviewed", |listed| listed.class.word())));
    case.add_property(Property::new("security", is_of_security(cell).to_string()));
    if let Some(issue) = listed.and_then(|listed| listed.issue.as_deref()) {
        case.add_property(Property::new("issue", issue));
    }
    if matches!(standing, Standing::Known(_)) {
        case.set_system_out(format!(
            "{}\n{}",
            text::one_line(&listed_deviations(cell)),
            story(record, cell, step)
        ));
    }
}

/// A planned cell without a verdict, as an error, so that it is not counted as passed.
fn case_not_run(record: &RunRecord, one: &Unfinished) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("not run").set_message(why(record, one));
    let mut case = TestCase::new(one.scenario.as_str(), status);
    case.set_classname(section(&one.scenario));
    case
}

fn status(record: &RunRecord, cell: &Cell) -> TestCaseStatus {
    let step = deciding_step(cell);
    let failing = |kind, word: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(word).set_message(message(cell, step)).set_description(story(record, cell, step));
        status
    };
    match cell.verdict {
        Verdict::Pass | Verdict::Skipped => TestCaseStatus::success(),
        Verdict::Known => match Standing::of(&record.run.deny, cell) {
            Standing::Denied(known) => failing(NonSuccessKind::Failure, &format!("known-{}", known.word())),
            // A known deviation passes; its properties and output describe it.
            Standing::Known(_) | Standing::Verdict(_) => TestCaseStatus::success(),
        },
        Verdict::Untestable => {
            skipped(format!("untestable: {}", cell.reason.as_deref().unwrap_or("no reason")))
        }
        Verdict::Error => failing(NonSuccessKind::Error, "error"),
        Verdict::Fail => failing(NonSuccessKind::Failure, "fail"),
        Verdict::Fixed => failing(NonSuccessKind::Failure, "fixed"),
        Verdict::Flaky => {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_type("flaky").set_message(message(cell, step));
            let mut status = failing(NonSuccessKind::Failure, "flaky");
            status.add_rerun(rerun);
            status
        }
    }
}

fn skipped(message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

fn message(cell: &Cell, step: Option<&StepRecord>) -> String {
    let reason = cell.reason.clone();
    let at_step = || {
        let step = step?;
        let mismatch = step.mismatch.as_ref()?;
        Some(format!("{}: expected {}, got {}", step.id, mismatch.expected, mismatch.got))
    };
    if cell.verdict == Verdict::Known {
        return text::one_line(&listed_deviations(cell));
    }
    text::one_line(&reason.or_else(at_step).unwrap_or_else(|| cell.verdict.to_string()))
}

/// All details of a difference as plain text.
fn story(record: &RunRecord, cell: &Cell, step: Option<&StepRecord>) -> String {
    let mut lines = Vec::new();
    if let Some(step) = step {
        lines.push(format!("--> {}:{} step `{}` ({})", step.path, step.line, step.id, step.verb));
        if let Some(listed) = &step.deviation {
            lines.push(format!("right:    {}", listed.right));
        }
        if let Some(expected) = &step.expected {
            lines.push(format!("expected: {expected}"));
        }
        if let Some(outcome) = &step.outcome {
            lines.push(format!("got:      {outcome}"));
        }
        if let Some(mismatch) = &step.mismatch {
            lines.push(format!("at:       {}", mismatch.at));
        }
        lines.extend(frames_of(cell, step).iter().map(|shown| match shown {
            TranscriptItem::LeftOut(number) => TranscriptItem::left_out(*number),
            TranscriptItem::Entry(entry) => {
                let direction = super::frames::arrow(entry.direction);
                format!("{:>6} ms {} {direction} {}", entry.at_ms, entry.connection, entry.text)
            }
        }));
    }
    lines.extend(log_of(record, cell).iter().map(|line| format!("log: {}", text::log_line(line))));
    lines.push(format!("reproduce: {}", reproduce(record, cell)));
    lines.iter().map(|line| text::one_line(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn xml() -> String {
        render(&RunRecord::of(&sample::events()))
    }

    #[test]
    fn every_verdict_has_its_element() {
        insta::assert_snapshot!(xml());
    }

    #[test]
    fn the_report_can_be_parsed() {
        let report = quick_junit::Report::deserialize_from_str(&xml()).unwrap();
        assert_eq!(report.test_suites.len(), sample::RELEASES.len());
        let record = RunRecord::of(&sample::events());
        let sum = |of: fn(&TestSuite) -> usize| report.test_suites.iter().map(of).sum::<usize>();
        assert_eq!(report.tests, record.summary.total());
        assert_eq!(
            sum(|suite| suite.failures),
            record.summary.fail + record.summary.fixed + record.summary.flaky
        );
        assert_eq!(sum(|suite| suite.errors), record.summary.error);
        assert_eq!(sum(|suite| suite.skipped), record.summary.untestable);
    }

    /// The test case of a scenario on a target.
    fn case_of(record: &RunRecord, scenario: &str, target: &str) -> TestCase {
        let report = quick_junit::Report::deserialize_from_str(&render(record)).unwrap();
        let suite = report.test_suites.into_iter().find(|suite| suite.name.as_str() == target).unwrap();
        suite.test_cases.into_iter().find(|case| case.name.as_str() == scenario).unwrap()
    }

    #[test]
    fn a_known_regression_passes_and_is_described() {
        let record = RunRecord::of(&sample::events());
        let case = case_of(&record, "pairing/revoked-node-stays-out", "2026.4.2");
        assert!(matches!(case.status, TestCaseStatus::Success { .. }));
        let properties: Vec<(&str, &str)> =
            case.properties.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
        for one in [("known", "regression"), ("security", "true"), ("issue", "openclaw#59092")] {
            assert!(properties.contains(&one), "{one:?} in {properties:?}");
        }
        let out = case.system_out.unwrap();
        assert!(
            out.as_str().starts_with("known security regression (openclaw#59092) at `node-again`"),
            "{out:?}"
        );
    }

    #[test]
    fn a_known_regression_that_is_denied_fails() {
        let mut record = RunRecord::of(&sample::events());
        record.run.deny = vec![crate::run::Deny::Security];
        let case = case_of(&record, "pairing/revoked-node-stays-out", "2026.4.2");
        let TestCaseStatus::NonSuccess { kind, ty, .. } = case.status else { panic!("{:?}", case.status) };
        assert_eq!(kind, NonSuccessKind::Failure);
        assert_eq!(ty.unwrap().as_str(), "known-security");
        let other = case_of(&record, "pairing/legacy-empty-token-map", "2026.3.31");
        assert!(matches!(other.status, TestCaseStatus::Success { .. }), "only security is denied");
    }

    #[test]
    fn a_cell_that_was_not_run_is_an_error() {
        let mut events = sample::events();
        events.truncate(events.len() - 6);
        let record = RunRecord::of(&events);
        let report = quick_junit::Report::deserialize_from_str(&render(&record)).unwrap();
        assert!(record.summary.not_run > 0);
        assert_eq!(report.tests, record.summary.total() + record.summary.not_run);
        assert_eq!(report.errors, record.summary.error + record.summary.not_run);
    }

    #[test]
    fn characters_that_xml_does_not_allow_are_removed() {
        let mut record = RunRecord::of(&sample::events());
        for cell in &mut record.cells {
            cell.log = vec!["bell \u{7} \u{1b}[31mred\u{1b}[0m ]]> & <b>".into()];
        }
        let xml = render(&record);
        assert!(quick_junit::Report::deserialize_from_str(&xml).is_ok());
        assert!(!xml.contains('\u{7}') && !xml.contains('\u{1b}'));
    }
}
