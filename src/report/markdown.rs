//! Markdown for CI summaries and issues: changes, differences, and how to reproduce them.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::change::changes;
use super::difference::{Difference, deciding_step, differences, reproduce};
use super::known::{KnownWrong, known_deviations};
use super::standing::Standing;
use super::terminal::headings;
use super::text::{count, cut, duration, one_line};
use super::undone;
use crate::run::{Cell, Known, KnownCounts, RunRecord, behaviour};
use crate::verdict::Verdict;

/// The maximum number of lines of a list, because the size of summaries and issues is limited.
const MOST: usize = 50;

/// The maximum number of characters of a line that names cells.
const LONGEST: usize = 1000;

/// The report as Markdown.
pub(super) fn render(record: &RunRecord) -> String {
    let differences = differences(record);
    let mut text = head(record, differences.len());
    if !differences.is_empty() {
        text += &to_look_at(record, &differences);
    }
    if !record.unfinished.is_empty() {
        text += "\n### Not run\n\n";
        let lines = undone::lines(record);
        for line in lines.iter().take(MOST) {
            let _ = writeln!(text, "- {}", escaped(&cut(line, LONGEST)));
        }
        text += &left_out(lines.len());
    }
    text += &known(record);
    let changed = changes(record);
    if !changed.is_empty() {
        text += "\n### What changed\n\n";
        for one in changed.iter().take(MOST) {
            let _ = writeln!(
                text,
                "- **{}** `{}`: {}, {} → {}",
                escaped(&one.place()),
                one.scenario,
                one.direction().word(),
                escaped(one.before),
                escaped(one.after)
            );
        }
        text += &left_out(changed.len());
    }
    if record.targets.len() > 1 {
        text += &table(record);
    }
    if !record.run.unusable.is_empty() || !record.run.leaks.is_empty() {
        text += "\n### Around the gateways\n\n";
        for line in record.run.unusable.iter().chain(&record.run.leaks) {
            let _ = writeln!(text, "- {}", escaped(line));
        }
    }
    text
}

fn head(record: &RunRecord, unlisted: usize) -> String {
    let sums = &record.summary;
    let word = match unlisted {
        0 if sums.pass + sums.known == 0 => "nothing could be tested".to_owned(),
        0 if sums.listed.any_wrong() => format!("as listed: {}", wrongs(&sums.listed)),
        0 => "as expected".to_owned(),
        _ => format!("{} to look at", count(unlisted, "difference")),
    };
    // An incomplete run is never as expected.
    let word = match undone::ending(record) {
        None => word,
        Some(ending) if unlisted == 0 && !sums.listed.any_wrong() => ending,
        Some(ending) => format!("{ending}, {word}"),
    };
    let mut facts = sums.told();
    facts.push(count(record.targets.len(), "target"));
    facts.push(count(record.run.boots, "boot"));
    facts.push(duration(record.run.duration_ms));
    format!("## gatecrash: {word}\n\n{}\n", facts.join(" · "))
}

/// The known regressions, in words.
fn wrongs(counts: &KnownCounts) -> String {
    KnownCounts { superseded: 0, unsupported: 0, ..*counts }.told().join(", ")
}

/// The known regressions that the run shows, security first.
fn known(record: &RunRecord) -> String {
    let found: Vec<KnownWrong<'_>> =
        known_deviations(record).into_iter().filter(|one| one.known.is_wrong()).collect();
    if found.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n### Known to be wrong\n\n| what | scenario | on | got | right is | issue |\n|---|---|---|---|---|---|\n",
    );
    for one in found.iter().take(MOST) {
        let right = one.step.and_then(|step| step.deviation.as_ref()).map(|listed| listed.right.as_str());
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} | {} | {} |",
            flag(one.known),
            one.cell.scenario,
            escaped(&one.on.join(", ")),
            escaped(&one.came()),
            escaped(right.unwrap_or_default()),
            escaped(one.issue().unwrap_or_default()),
        );
    }
    text += &left_out(found.len());
    text
}

/// A known deviation as a symbol and a word.
fn flag(known: Known) -> String {
    let sign = match known {
        Known::Security => "🔓",
        Known::Regression => "⚠️",
        Known::Unreviewed => "❔",
        Known::Superseded => "≈",
        Known::Unsupported => "∅",
    };
    format!("{sign} {}", known.word())
}

fn to_look_at(record: &RunRecord, differences: &[Difference<'_>]) -> String {
    let mut text = String::from(
        "\n### To look at\n\n| verdict | scenario | on | expected | got |\n|---|---|---|---|---|\n",
    );
    for one in differences.iter().take(MOST) {
        let Difference { cell, also, more, .. } = one;
        let step = deciding_step(cell);
        let denied = step.filter(|_| cell.verdict == Verdict::Known).and_then(|step| step.deviation.as_ref());
        let expected = denied.map(|listed| listed.right.clone());
        let expected = expected.or_else(|| step?.expected.clone()).unwrap_or_default();
        let outcome = step.and_then(|step| step.outcome.as_ref()).map(ToString::to_string);
        let got = cell.reason.clone().or(outcome).unwrap_or_default();
        let on: Vec<&str> = std::iter::once(cell.target.as_str()).chain(also.iter().copied()).collect();
        let _ = writeln!(
            text,
            "| {} | `{}`{} | {} | {} | {} |",
            escaped(&Standing::of(&record.run.deny, cell).phrase()),
            cell.scenario,
            if more.is_empty() {
                String::new()
            } else {
                format!(" and {}", count(more.len(), "more scenario"))
            },
            escaped(&on.join(", ")),
            escaped(&expected),
            escaped(&got)
        );
    }
    text += &left_out(differences.len());
    text += "\n```sh\n";
    for one in differences.iter().take(MOST) {
        text += &reproduce(record, one.cell);
        text.push('\n');
    }
    text + "```\n"
}

/// The rows that are not right on all targets.
fn table(record: &RunRecord) -> String {
    let cells: HashMap<(&str, &str), &Cell> =
        record.cells.iter().map(|cell| ((&*cell.scenario, &*cell.target), cell)).collect();
    let mut rows = Vec::new();
    for scenario in &record.scenarios {
        let row: Vec<Option<&&Cell>> =
            record.targets.iter().map(|target| cells.get(&(&*scenario.id, &*target.target))).collect();
        let dull = |cell: &Cell| matches!(cell.verdict, Verdict::Pass | Verdict::Untestable);
        if !row.iter().all(|cell| cell.is_some_and(|cell| dull(cell))) {
            let words: Vec<String> =
                row.iter().map(|cell| cell.map_or(String::new(), |cell| word(record, cell))).collect();
            rows.push(format!("| `{}` | {} |\n", scenario.id, words.join(" | ")));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let names: Vec<String> = headings(&record.targets).iter().map(|name| escaped(name)).collect();
    let mut text = format!(
        "\n### Scenarios that differ\n\n| scenario | {} |\n|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    text.extend(rows.iter().take(MOST).map(String::as_str));
    text += &left_out(rows.len());
    let fine = record.scenarios.len() - rows.len();
    if fine > 0 {
        let _ = writeln!(text, "\n{} right wherever testable.", count(fine, "more scenario"));
    }
    text
}

fn word(record: &RunRecord, cell: &Cell) -> String {
    match Standing::of(&record.run.deny, cell) {
        Standing::Verdict(Verdict::Pass | Verdict::Skipped) => "ok".to_owned(),
        Standing::Verdict(Verdict::Untestable) => "–".to_owned(),
        Standing::Known(known) => format!("{} {}", flag(known), escaped(&behaviour(cell))),
        Standing::Verdict(verdict @ (Verdict::Fixed | Verdict::Flaky | Verdict::Error)) => {
            format!("❌ *{verdict}*")
        }
        Standing::Verdict(Verdict::Fail | Verdict::Known) | Standing::Denied(_) => {
            format!("❌ {}", escaped(&behaviour(cell)))
        }
    }
}

fn left_out(all: usize) -> String {
    if all > MOST { format!("\n… and {} more\n", all - MOST) } else { String::new() }
}

/// A text, escaped for a cell of a table.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for one in one_line(text).chars() {
        if "|\\`*_<>[]&#".contains(one) {
            out.push('\\');
        }
        out.push(one);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_report_is_short_and_complete() {
        insta::assert_snapshot!(render(&RunRecord::of(&sample::events())));
    }

    #[test]
    fn a_large_run_stays_within_bounds() {
        let text = render(&RunRecord::of(&sample::large(400, 30)));
        assert!(text.len() < 60_000, "{}", text.len());
        assert!(text.contains("… and 121 more"), "{text}");
    }

    #[test]
    fn a_run_that_was_cut_off_is_reported_as_such() {
        let mut events = sample::events();
        events.truncate(events.len() - 6);
        let text = render(&RunRecord::of(&events));
        assert!(text.starts_with("## gatecrash: cut off, "), "{text}");
        assert!(text.contains("### Not run\n\n- "), "{text}");
    }

    #[test]
    fn texts_do_not_break_a_table() {
        assert_eq!(escaped("a|b\n<c> `d`"), r"a\|b \<c\> \`d\`");
    }
}
