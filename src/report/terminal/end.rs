//! Shows the results of a run: first all cells, then the differences.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::difference::{Block, difference};
use super::list::list;
use super::matrix::{MOST_ROWS, matrix};
use super::palette::{mark, paint};
use super::timelines::timelines;
use super::{Appearance, Palette, Shown};
use crate::report::difference::{Difference, differences, reproduce};
use crate::report::known::{KnownWrong, known_deviations};
use crate::report::standing::Standing;
use crate::report::text::{count, cut, duration, joined, wrap};
use crate::report::undone;
use crate::run::{Ending, Known, RunRecord, behaviour};
use crate::verdict::Verdict;
use crate::wire::Sender;

/// The maximum number of differences that are shown in full; the others get one line each.
const IN_FULL: usize = 30;

/// The maximum number of known regressions that are listed; security regressions are always shown in full.
const KNOWN_LINES: usize = 20;

/// The maximum number of scenarios that are named for one reason why they are untestable.
const FEW: usize = 3;

/// The whole report, which ends with the summary line.
pub fn render(record: &RunRecord, appearance: &Appearance) -> String {
    render_shown(record, Shown::Usual, appearance)
}

/// More or less of the report, which always ends with the summary line.
pub fn render_shown(record: &RunRecord, shown: Shown, appearance: &Appearance) -> String {
    let differences = differences(record);
    let mut parts = match (shown, record.targets.len()) {
        (Shown::Differences, _) => Vec::new(),
        (_, 0 | 1) => vec![list(record, &differences, shown, appearance)],
        _ => vec![matrix(record, shown, appearance), timelines(record, appearance)],
    };
    if shown != Shown::Differences {
        parts.push(untestable(record, shown, appearance));
    }
    parts.push(not_run(record, appearance));
    parts.push(troubles(record, &differences, appearance));
    parts.extend(differences.iter().take(IN_FULL).map(|one| difference(record, one, appearance)));
    parts.push(in_short(record, differences.get(IN_FULL..).unwrap_or_default(), appearance));
    if shown != Shown::Differences {
        parts.push(known_wrongs(record, appearance));
    }
    if shown != Shown::Differences {
        parts.push(frames(record, shown, appearance));
    }
    parts.push(summary(record, appearance));
    parts.retain(|part| !part.is_empty());
    let large = record.cells.len() > MOST_ROWS;
    if shown == Shown::Usual && large {
        let id = &record.run.id;
        let more =
            format!("more: --all lists every cell, `gatecrash show {id} SCENARIO` has the frames of one\n");
        parts.insert(parts.len().saturating_sub(1), paint(appearance.palette.quiet(), &more));
    }
    parts.join("\n")
}

/// The cells without a result, by their reasons.
fn untestable(record: &RunRecord, shown: Shown, appearance: &Appearance) -> String {
    let mut reasons: Vec<(&str, Vec<&str>, usize)> = Vec::new();
    for cell in record.cells.iter().filter(|cell| cell.verdict == Verdict::Untestable) {
        let reason = cell.reason.as_deref().unwrap_or("no reason was given");
        let at = reasons.iter().position(|(known, ..)| *known == reason).unwrap_or_else(|| {
            reasons.push((reason, Vec::new(), 0));
            reasons.len() - 1
        });
        let (_, scenarios, cells) = &mut reasons[at];
        *cells += 1;
        if !scenarios.contains(&cell.scenario.as_str()) {
            scenarios.push(&cell.scenario);
        }
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "{} ({})\n",
        paint(appearance.palette.strong(), "untestable"),
        count(record.summary.untestable, "cell")
    );
    for (reason, scenarios, cells) in reasons {
        let named = shown == Shown::All || scenarios.len() <= FEW;
        let which = if named { format!(": {}", scenarios.join(", ")) } else { String::new() };
        let line = format!("  {} – {reason}{which}", count(cells, "cell"));
        text.push_str(&cut(&line, appearance.width));
        text.push('\n');
    }
    text
}

/// The result of checking frames against upstream's schema, if they were checked: each kind of violation, or those that
/// most scenarios show.
fn frames(record: &RunRecord, shown: Shown, appearance: &Appearance) -> String {
    /// The most kinds that are shown unless all are asked for.
    const MOST: usize = 4;
    let mut kinds: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    let mut checked: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in &record.cells {
        let Some(frames) = &cell.frames else { continue };
        *checked.entry(&frames.schema).or_default() += 1;
        for finding in &frames.findings {
            let by = match finding.by {
                Sender::Gateway => &cell.target,
                Sender::Harness => "gatecrash",
            };
            let scenarios = kinds.entry((by, finding.to_string())).or_default();
            if !scenarios.contains(&cell.scenario.as_str()) {
                scenarios.push(&cell.scenario);
            }
        }
    }
    if checked.is_empty() {
        return String::new();
    }
    let ran = record.cells.iter().filter(|cell| cell.gateway.is_some()).count();
    let by: Vec<String> =
        checked.iter().map(|(schema, cells)| format!("{} by {schema}", count(*cells, "cell"))).collect();
    let mut told = format!(
        "{}: {}",
        paint(appearance.palette.strong(), "frames beside upstream's schema"),
        by.join(", ")
    );
    match ran - checked.values().sum::<usize>() {
        0 => {}
        rest => {
            let rest = count(rest, "cell");
            told.extend([
                "; ",
                &rest,
                " not checked: no schema is published for their release, or several ran in them",
            ]);
        }
    }
    told.push('\n');
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    // Those that many scenarios show come first.
    kinds.sort_by_key(|(_, scenarios)| Reverse(scenarios.len()));
    let most = if shown == Shown::All { kinds.len() } else { MOST };
    let left = kinds.split_off(most.min(kinds.len())).len();
    for ((by, finding), scenarios) in kinds {
        let first = scenarios.first().copied().unwrap_or_default();
        let line = format!("{by}: {finding} ({}, first {first})", count(scenarios.len(), "scenario"));
        for line in wrap(&line, appearance.width.saturating_sub(2)) {
            told.extend(["  ", &line, "\n"]);
        }
    }
    if left > 0 {
        let more = format!("and {} of violation (--all shows them)", count(left, "other kind"));
        told.extend(["  ", &paint(appearance.palette.quiet(), &more), "\n"]);
    }
    told
}

/// The planned cells without a verdict: first those that were running, then the others.
fn not_run(record: &RunRecord, appearance: &Appearance) -> String {
    if record.unfinished.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "{} ({})\n",
        paint(appearance.palette.of(Verdict::Error), "not run"),
        count(record.unfinished.len(), "cell")
    );
    for line in undone::lines(record) {
        text.extend(["  ", &cut(&line, appearance.width.saturating_sub(2)), "\n"]);
    }
    text
}

/// Targets that could not be used, and what gateways left behind.
fn troubles(record: &RunRecord, differences: &[Difference<'_>], appearance: &Appearance) -> String {
    let mut text = String::new();
    // Targets whose scenarios are listed below are not listed here.
    let is_told = |line: &String| {
        differences.iter().any(|one| {
            let Difference { cell, .. } = one;
            cell.reason.as_ref().is_some_and(|reason| *line == format!("{}: {reason}", cell.target))
        })
    };
    let unusable: Vec<String> = record.run.unusable.iter().filter(|line| !is_told(line)).cloned().collect();
    for (title, lines) in [("unusable targets", &unusable), ("leaks", &record.run.leaks)] {
        if lines.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&paint(appearance.palette.of(Verdict::Error), title));
        text.push('\n');
        for line in lines.iter().flat_map(|line| wrap(line, appearance.width.saturating_sub(2))) {
            text.extend(["  ", &line, "\n"]);
        }
    }
    text
}

/// The known regressions that the run shows, security first.
fn known_wrongs(record: &RunRecord, appearance: &Appearance) -> String {
    let all = known_deviations(record);
    let mut blocks = Vec::new();
    for (known, title) in [
        (Known::Security, "known security regressions"),
        (Known::Regression, "known regressions"),
        (Known::Unreviewed, "unreviewed deviations: nobody has said yet whether they are wrong"),
    ] {
        let these: Vec<&KnownWrong<'_>> = all.iter().filter(|one| one.known == known).collect();
        if these.is_empty() {
            continue;
        }
        let style = appearance.palette.standing(Standing::Known(known));
        let cells = count(these.iter().map(|one| one.on.len()).sum(), "cell");
        let mut block = Block::new(appearance);
        block.line(&format!("{} ({cells})", paint(style, title)));
        let most = if known == Known::Security { these.len() } else { KNOWN_LINES };
        for one in these.iter().take(most) {
            let sign = paint(style, mark(Standing::Known(known)));
            let what = format!("{} on {}: {}", one.cell.scenario, one.on.join(", "), behaviour(one.cell));
            if known == Known::Security {
                block.hanging(&format!("  {sign} "), 4, &what);
                block.hanging("    ", 4, &one.told());
                block.hanging("    ", 4, &one.why());
            } else {
                let issue = one.issue().map(|issue| format!(" ({issue})")).unwrap_or_default();
                block.hanging(&format!("  {sign} "), 4, &format!("{what}{issue}"));
            }
        }
        if these.len() > most {
            block.line(&paint(appearance.palette.quiet(), &format!("  … and {} more", these.len() - most)));
        }
        blocks.push(block.into_text());
    }
    blocks.join("\n")
}

fn in_short(record: &RunRecord, rest: &[Difference<'_>], appearance: &Appearance) -> String {
    let mut text = String::new();
    for Difference { cell, also, more, .. } in rest {
        let standing = Standing::of(&record.run.deny, cell);
        let word = paint(appearance.palette.standing(standing), &standing.word().to_uppercase());
        let others = also.len() + more.len();
        let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
        text.extend([&word, " ", &reproduce(record, cell), &more, "\n"]);
    }
    text
}

/// The summary line: the result, the counts with the worst first, and the cost.
fn summary(record: &RunRecord, appearance: &Appearance) -> String {
    let run = &record.run;
    let (word, style) = headword(record, &appearance.palette);
    let mut parts = vec![word.to_owned()];
    // The counts of known deviations are kept together if possible.
    parts.extend(
        record.summary.in_words().iter().flat_map(|told| told.split_inclusive(", ")).map(str::to_owned),
    );
    if record.summary.not_run > 0 {
        parts.push(format!("{} not run", record.summary.not_run));
    }
    parts.push(count(record.summary.total(), "cell"));
    parts.push(count(run.boots, "boot"));
    parts.push(duration(run.duration_ms));
    parts.push(format!("seed {}", run.seed));
    parts.extend((!run.id.is_empty()).then(|| format!("run {}", run.id)));
    let lines: Vec<String> = joined(&parts, " · ", appearance.width)
        .iter()
        .map(|line| line.replace(",  · ", ", ").trim_end().to_owned())
        .collect();
    let painted: Vec<String> = lines
        .iter()
        .map(|line| match line.strip_prefix(word) {
            Some(rest) => format!("{}{rest}\n", paint(style, word)),
            None => format!("{line}\n"),
        })
        .collect();
    painted.concat()
}

/// The result of a run, in capitals. A run is `AS EXPECTED` only if it shows no known regression.
fn headword(record: &RunRecord, palette: &Palette) -> (&'static str, anstyle::Style) {
    let sums = &record.summary;
    if record.ending() == Ending::Interrupted {
        ("INTERRUPTED", palette.of(Verdict::Error))
    } else if record.ending() == Ending::CutOff {
        ("CUT OFF", palette.of(Verdict::Error))
    } else if sums.error > 0 || !record.run.unusable.is_empty() {
        ("BROKEN", palette.of(Verdict::Error))
    } else if sums.fail + sums.fixed + sums.flaky + sums.listed.denied > 0 {
        ("DIFFERENT", palette.of(Verdict::Fail))
    } else if record.ending() == Ending::Incomplete {
        ("INCOMPLETE", palette.of(Verdict::Error))
    } else if sums.pass + sums.known == 0 {
        ("NOTHING TESTABLE", palette.of(Verdict::Error))
    } else if sums.listed.regression_of_security > 0 {
        ("AS LISTED", palette.standing(Standing::Known(Known::Security)))
    } else if sums.listed.any_wrong() {
        ("AS LISTED", palette.standing(Standing::Known(Known::Regression)))
    } else {
        ("AS EXPECTED", palette.of(Verdict::Pass))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::sample;
    use crate::report::terminal::Palette;
    use crate::report::text::width;
    use crate::run::test_support::{cell, finished, started};
    use crate::run::{Event, RunStarted};

    const PLAIN: Appearance = Appearance { width: 80, palette: Palette::PLAIN };

    fn sample() -> RunRecord {
        RunRecord::of(&sample::events())
    }

    /// The sample on one of its targets.
    fn on(target: &str) -> RunRecord {
        let events = sample::events().into_iter().map(|event| match event {
            Event::RunStarted(started) => {
                let targets = started.targets.into_iter().filter(|one| one.target == target).collect();
                Event::RunStarted(RunStarted { targets, ..started })
            }
            other => other,
        });
        RunRecord::of(&events.collect::<Vec<_>>())
    }

    #[rstest]
    #[case(80)]
    #[case(200)]
    fn a_matrix_at_its_width(#[case] width: usize) {
        let text = render(&sample(), &Appearance { width, ..PLAIN });
        insta::assert_snapshot!(format!("matrix_{width}"), text);
    }

    #[test]
    fn a_matrix_in_colour() {
        let text = render(&sample(), &Appearance { width: 120, palette: Palette::COLOURED });
        insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
    }

    #[test]
    fn one_target_is_a_list() {
        insta::assert_snapshot!(render(&on("2026.4.1"), &PLAIN));
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let coloured = render(&sample(), &Appearance { palette: Palette::COLOURED, ..PLAIN });
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), render(&sample(), &PLAIN));
    }

    #[rstest]
    #[case(7, 6, 80)]
    #[case(7, 30, 80)]
    #[case(7, 30, 200)]
    #[case(400, 30, 120)]
    fn tables_keep_to_the_width(#[case] rows: usize, #[case] columns: usize, #[case] most: usize) {
        let record = RunRecord::of(&sample::large(rows, columns));
        let appearance = Appearance { width: most, ..PLAIN };
        for line in [
            matrix(&record, Shown::Usual, &appearance),
            timelines(&record, &appearance),
            summary(&record, &appearance),
        ]
        .concat()
        .lines()
        {
            assert!(width(line) <= most, "{} columns: {line}", width(line));
        }
    }

    #[test]
    fn a_large_matrix_only_counts_rows_that_are_fine_everywhere() {
        let record = RunRecord::of(&sample::large(140, 3));
        let text = matrix(&record, Shown::Usual, &PLAIN);
        assert!(text.contains("pairing: 80 more scenarios ok everywhere\n"), "{text}");
        assert!(text.contains("auth: 20 more scenarios ok everywhere\n"), "{text}");
        assert!(!text.contains("fresh-operator"), "{text}");
    }

    #[test]
    fn the_last_line_is_the_result() {
        let last =
            |record: &RunRecord| summary(record, &PLAIN).split(" · ").next().unwrap_or_default().to_owned();
        assert_eq!(last(&sample()), "BROKEN");
        assert_eq!(last(&on("2026.9.6")), "DIFFERENT");
        assert_eq!(last(&on("2026.3.28")), "AS EXPECTED");
        assert_eq!(last(&on("2026.3.31")), "AS LISTED");
        assert_eq!(last(&RunRecord::of(&[])), "NOTHING TESTABLE");
        let mut interrupted = sample();
        interrupted.run.interrupted = true;
        assert_eq!(last(&interrupted), "INTERRUPTED");
        interrupted.run.cut_off = true;
        assert_eq!(last(&interrupted), "CUT OFF");
    }

    #[test]
    fn a_run_that_was_cut_off_says_what_is_missing() {
        let target = "2026.3.31";
        let done = Event::CellFinished(Box::new(cell("a/x", target, Verdict::Pass)));
        let begun = Event::CellStarted { scenario: "a/y".into(), target: target.into(), attempt: 1 };
        let mut events = vec![started(&["a/x", "a/y", "a/z"], &[target]), done, begun];
        insta::assert_snapshot!(render(&RunRecord::of(&events), &PLAIN), @r"
        a
          ✓ x                                                                       3 ms

        not run (2 cells)
          was running: a/y on 2026.3.31
          1 cell on 2026.3.31: a/z

        CUT OFF · 1 pass · 2 not run · 1 cell · 0 boots · 0 ms · seed 7 · run run
        ");
        events.pop();
        events.push(finished());
        assert!(render(&RunRecord::of(&events), &PLAIN).contains("INCOMPLETE · 1 pass · 2 not run · 1 cell"));
    }

    #[test]
    fn what_is_fine_is_counted_unless_all_is_asked_for() {
        let record = RunRecord::of(&sample::large(140, 1));
        let usual = render(&record, &PLAIN);
        assert!(!usual.contains("fresh-operator-00"), "{usual}");
        assert!(usual.contains(" ok") && usual.contains("--all"), "{usual}");
        let all = render_shown(&record, Shown::All, &PLAIN);
        assert!(all.lines().count() > record.cells.len(), "{all}");
        let quiet = render_shown(&record, Shown::Differences, &PLAIN);
        assert!(quiet.lines().count() < usual.lines().count(), "{quiet}");
        assert_eq!(quiet.lines().last(), usual.lines().last());
    }

    #[test]
    fn many_differences_get_one_line_each() {
        let record = RunRecord::of(&sample::large(400, 30));
        let text = render(&record, &PLAIN);
        assert_eq!(text.matches("  reproduce: ").count(), IN_FULL);
        assert_eq!(text.matches("gatecrash run ").count(), differences(&record).len());
    }
}
