//! Shows a difference in full: why it matters, where it is, what was expected, what came, and how to reproduce it.

use super::Appearance;
use super::palette::paint;
use crate::report::diagnostic::excerpt;
use crate::report::difference::{Difference, deciding_step, log_of, reproduce};
use crate::report::frames::{TranscriptItem, arrow, frames_of, headline, is_refusal};
use crate::report::next_steps::{NextStep, next_steps};
use crate::report::outcome_lines::{came_lines, expected_lines};
use crate::report::standing::Standing;
use crate::report::text::{cut, log_line, one_line, padded, width, wrap};
use crate::run::{Cell, RunRecord, StepRecord};
use crate::verdict::{Signature, Verdict};

/// The maximum number of frames and of log lines that are shown; these are the last ones.
const LAST: usize = 8;
/// How many log lines before and after those of a step are shown.
const AROUND: usize = 2;
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
        place(&mut block, step);
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
    let next = next_steps(record, cell);
    let widest = next.iter().map(|one| width(&one.command)).max().unwrap_or(0);
    for (at, NextStep { command, why }) in next.iter().enumerate() {
        let label = if at == 0 { "next:" } else { "" };
        let why = paint(appearance.palette.quiet(), why);
        block.line(&format!("  {label:<9}  {}  {why}", padded(command, widest)));
    }
    block.into_text()
}

/// The step in its file, with a caret where the file says what is expected.
fn place(block: &mut Block<'_>, step: &StepRecord) {
    let Some(written) = &step.written else {
        block.line(&format!("  --> {}:{}  step `{}` ({})", step.path, step.line, step.id, step.verb));
        return;
    };
    let came = match (&step.mismatch, &step.outcome) {
        (Some(inside), _) if inside.at != "outcome" => format!("{}: {}", inside.at, inside.got),
        (_, Some(outcome)) => format!("came: {}", Signature::of(&step.id, outcome).word()),
        (_, None) => "nothing came".to_owned(),
    };
    let room = block.appearance.width.saturating_sub(2);
    let label = cut(&one_line(&came), room / 2);
    block.line(&format!("  step `{}` ({})", step.id, step.verb));
    let text = excerpt(written, &label, block.appearance.palette.is_coloured(), room);
    for line in text.lines() {
        block.line(&format!("  {line}"));
    }
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
        block.lines(
            if step.deviation.is_some() { "as listed" } else { "expected" },
            &expected_lines(expected),
        );
    }
    if let Some(outcome) = &step.outcome {
        block.lines("got", &came_lines(outcome, step.expected.as_deref()));
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

/// The lines of the log around the step that is not fine, or the last ones, in full.
pub(super) fn log(block: &mut Block<'_>, record: &RunRecord, cell: &Cell) {
    let log = log_of(record, cell);
    if log.is_empty() {
        return;
    }
    // A log that was taken from the gateway is not the cell's.
    let at = cell.log_at.filter(|at| !cell.log.is_empty() && at.until <= log.len() && at.from <= at.until);
    let (from, until, title) = match at {
        Some(at) if at.until > at.from => {
            let until = (at.until + AROUND).min(log.len());
            let from = at.from.saturating_sub(AROUND).max(until.saturating_sub(LAST + 2 * AROUND));
            (from, until, "gateway log around the step (`>` while it ran)".to_owned())
        }
        Some(at) => {
            let until = (at.until + AROUND).min(log.len());
            let from = at.from.saturating_sub(AROUND);
            (from, until, "gateway log around the step, while which nothing was logged".to_owned())
        }
        None => {
            let from = log.len().saturating_sub(LAST);
            let more =
                if from > 0 { format!(" (the last {LAST} of {} lines)", log.len()) } else { String::new() };
            (from, log.len(), format!("gateway log{more}"))
        }
    };
    block.line(&format!("  {title}"));
    let most = block.appearance.width.saturating_sub(6);
    for (number, line) in log.iter().enumerate().take(until).skip(from) {
        let ran = at.is_some_and(|at| (at.from..at.until).contains(&number));
        for (part, text) in wrap(&log_line(line), most).iter().enumerate() {
            let indent = match (part, ran) {
                (0, true) => "  > ",
                (0, false) => "    ",
                _ => "      ",
            };
            let text = paint(block.appearance.palette.quiet(), text);
            block.line(&format!("{indent}{text}"));
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

    /// Adds a label with lines next to it, each broken where it is too long.
    pub(super) fn lines(&mut self, label: &str, lines: &[String]) {
        let room = self.appearance.width.saturating_sub(LABEL + 2);
        for (at, line) in lines.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let indent = line.len() - line.trim_start().len();
            for (part, text) in wrap(line, room.saturating_sub(indent)).iter().enumerate() {
                let label = if part == 0 { label } else { "" };
                let blanks = " ".repeat(LABEL - width(label) + indent + if part == 0 { 0 } else { 2 });
                self.line(&format!("  {}{blanks}{text}", paint(self.appearance.palette.quiet(), label)));
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
