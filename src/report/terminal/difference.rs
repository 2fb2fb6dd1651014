//! Shows a difference in full: why it matters, where it is, what was expected, what came, and how to reproduce it.

use super::Appearance;
use super::palette::paint;
use crate::report::difference::{Difference, deciding_step, log_of, reproduce};
use crate::report::frames::{TranscriptItem, arrow, frames_of, headline, is_refusal};
use crate::report::standing::Standing;
use crate::report::text::{cut, one_line, padded, width, wrap};
use crate::run::{Cell, RunRecord, StepRecord};
use crate::verdict::Verdict;

/// The maximum number of frames and of log lines that are shown; these are the last ones.
const LAST: usize = 8;
/// The maximum number of scenarios that are named for one reason.
const MOST: usize = 8;
/// The maximum width of prose, because longer lines are hard to read.
const WIDEST: usize = 120;
/// The width of the labels on the left.
const LABEL: usize = 11;

/// A difference as lines.
pub(super) fn difference(record: &RunRecord, one: &Difference<'_>, appearance: &Appearance) -> String {
    let cell = one.cell;
    let mut block = Block::new(appearance);
    let standing = Standing::of(&record.run.deny, cell);
    let word = standing.word().to_uppercase();
    let on =
        std::iter::once(cell.target.as_str()).chain(one.also.iter().copied()).collect::<Vec<_>>().join(", ");
    let heading = format!("{} on {on}", one.heading());
    for (at, line) in wrap(&heading, appearance.width.saturating_sub(width(&word) + 1)).iter().enumerate() {
        let word = if at == 0 {
            paint(appearance.palette.standing(standing), &word)
        } else {
            " ".repeat(width(&word))
        };
        block.line(&format!("{word} {}", paint(appearance.palette.strong(), line)));
    }
    // If nothing ran, the difference is not about the scenario.
    if let Some(scenario) = one.scenario.filter(|_| one.more.is_empty()) {
        block.prose("", &scenario.title);
        block.prose("why", &scenario.why);
    }
    if !one.more.is_empty() {
        let mut names: Vec<&str> = one.more.iter().take(MOST).copied().collect();
        let rest = format!("and {} more", one.more.len().saturating_sub(MOST));
        names.extend((one.more.len() > MOST).then_some(rest.as_str()));
        block.prose("also", &names.join(", "));
    }
    if let Standing::Denied(known) = standing {
        block.prose("denied", known.phrase());
    }
    let step = deciding_step(cell);
    if let Some(step) = step {
        block.line(&format!("  --> {}:{}  step `{}` ({})", step.path, step.line, step.id, step.verb));
    }
    if let Some(reason) = &cell.reason {
        block.prose("reason", reason);
    }
    if let Some(retried) = &cell.retried {
        block.prose("retried", retried);
    }
    if let Some(step) = step {
        judged(&mut block, step);
        frames(&mut block, &format!("frames of `{}`", step.id), &frames_of(cell, step), LAST);
    }
    for (step, reason) in passed_over(cell) {
        block.prose("skipped", &format!("`{}`: {reason}", step.id));
    }
    log(&mut block, record, cell);
    block.line(&format!("  reproduce: {}", reproduce(record, cell)));
    block.into_text()
}

/// The steps that were skipped because of an earlier one, with the reason.
fn passed_over(cell: &Cell) -> impl Iterator<Item = (&StepRecord, &str)> {
    cell.steps.iter().filter_map(|step| Some((step, step.reason.as_deref()?)))
}

/// What was expected of a step, what came, and where they differ.
pub(super) fn judged(block: &mut Block<'_>, step: &StepRecord) {
    if let Some(reason) = &step.reason {
        block.prose("skipped", reason);
    }
    if let Some(listed) = &step.deviation {
        let issue = listed.issue.as_deref().unwrap_or_default();
        let why = listed.why.as_deref().unwrap_or_default();
        let security = if listed.security { ", of security" } else { "" };
        block.prose("listed", &format!("{}{security} {issue} {why}", listed.class.word()));
        block.prose("right", &listed.right);
    }
    if let Some(expected) = &step.expected {
        block.prose(if step.deviation.is_some() { "as listed" } else { "expected" }, expected);
    }
    if let Some(outcome) = &step.outcome {
        block.prose("got", &outcome.to_string());
    }
    if let Some(mismatch) = step.mismatch.as_ref().filter(|mismatch| mismatch.at != "outcome") {
        block.prose("at", &format!("{}: expected {}, got {}", mismatch.at, mismatch.expected, mismatch.got));
    }
    if step.verdict == Verdict::Fixed {
        block.prose(
            "hint",
            "what is right came instead of the listed deviation: take this release out of its range",
        );
    }
}

/// The last entries. Refusals are shown in full, the others in one line each.
pub(super) fn frames(block: &mut Block<'_>, title: &str, entries: &[TranscriptItem<'_>], last: usize) {
    if entries.is_empty() {
        return;
    }
    let before = entries.len().saturating_sub(last);
    if !title.is_empty() {
        let more =
            if before > 0 { format!(" (the last {last} of {})", entries.len()) } else { String::new() };
        block.line(&format!("  {title}{more}"));
    }
    let last = &entries[before..];
    let of_entry = |one: &TranscriptItem<'_>| match one {
        TranscriptItem::Entry(entry) => width(&entry.connection),
        TranscriptItem::LeftOut(_) => 0,
    };
    let names = last.iter().map(of_entry).max().unwrap_or(0).min(20);
    for one in last {
        let entry = match one {
            TranscriptItem::Entry(entry) => entry,
            TranscriptItem::LeftOut(number) => {
                block.line(&format!("  {:>9}  {}", "", TranscriptItem::left_out(*number)));
                continue;
            }
        };
        let name = padded(&cut(&entry.connection, names), names);
        let head = format!("  {:>6} ms  {name} {} ", entry.at_ms, arrow(entry.direction));
        if is_refusal(entry) {
            block.hanging(&head, width(&head), &headline(entry));
        } else {
            let line = cut(&headline(entry), block.appearance.width.saturating_sub(width(&head)));
            block.line(&format!("{head}{line}"));
        }
    }
}

/// The last lines of the log, in full.
pub(super) fn log(block: &mut Block<'_>, record: &RunRecord, cell: &Cell) {
    let log = log_of(record, cell);
    if log.is_empty() {
        return;
    }
    let before = log.len().saturating_sub(LAST);
    let more = if before > 0 { format!(" (the last {LAST} of {} lines)", log.len()) } else { String::new() };
    block.line(&format!("  gateway log{more}"));
    let most = block.appearance.width.saturating_sub(6);
    for line in &log[before..] {
        for (at, part) in wrap(&one_line(line), most).iter().enumerate() {
            let indent = if at == 0 { "    " } else { "      " };
            let part = paint(block.appearance.palette.quiet(), part);
            block.line(&format!("{indent}{part}"));
        }
    }
}

/// Builds lines that keep to a width.
pub(super) struct Block<'a> {
    appearance: &'a Appearance,
    text: String,
}

impl<'a> Block<'a> {
    pub(super) const fn new(appearance: &'a Appearance) -> Self {
        Self { appearance, text: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Adds a text after `head`, broken into lines that are indented by `indent`.
    pub(super) fn hanging(&mut self, head: &str, indent: usize, text: &str) {
        for (at, line) in
            wrap(&one_line(text), self.appearance.width.saturating_sub(indent)).iter().enumerate()
        {
            if at == 0 {
                self.line(&format!("{head}{line}"));
            } else {
                self.line(&format!("{}{line}", " ".repeat(indent)));
            }
        }
    }

    /// Adds a label with a text next to it, broken into lines.
    pub(super) fn prose(&mut self, label: &str, text: &str) {
        let indent = if label.is_empty() { 2 } else { LABEL + 2 };
        let wide = self.appearance.width.min(WIDEST);
        for (at, line) in wrap(&one_line(text), wide.saturating_sub(indent)).iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let blanks = " ".repeat(indent.saturating_sub(2 + width(label)));
            self.line(&format!("  {}{blanks}{line}", paint(self.appearance.palette.quiet(), label)));
        }
    }
}
