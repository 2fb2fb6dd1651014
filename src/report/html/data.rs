//! The data of the page: a small index of all cells, and the compressed details of each row.

use std::collections::HashMap;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;

use crate::client::{Direction, TranscriptEntry};
use crate::report::difference::{deciding_step, log_of, reproduce, section};
use crate::report::frames::{TranscriptItem, frames_of, headline, is_refusal, numbered};
use crate::report::outcome_lines::{came_lines, expected_lines};
use crate::report::standing::Standing;
use crate::report::terminal::headings;
use crate::report::text::log_line;
use crate::run::{Cell, ListedDeviation, RunRecord, StepRecord, StoredRecords, behaviour};
use crate::verdict::{Mismatch, Outcome};

/// All cells, encoded in few bytes.
#[derive(Serialize)]
pub(super) struct Index<'a> {
    targets: Vec<TargetHeading<'a>>,
    rows: Vec<ScenarioRow<'a>>,
    verdicts: Vec<&'static str>,
    words: Vec<String>,
}

#[derive(Serialize)]
struct TargetHeading<'a> {
    name: &'a str,
    short: String,
}

#[derive(Serialize)]
struct ScenarioRow<'a> {
    id: &'a str,
    section: &'a str,
    title: &'a str,
    why: &'a str,
    issue: Option<&'a str>,
    tags: &'a [String],
    path: &'a str,
    /// For each target, the indices of the verdict and the word.
    cells: Vec<Option<(usize, usize)>>,
}

/// The details of a cell.
#[derive(Serialize)]
struct CellStory<'a> {
    /// The standing of the cell in full.
    standing: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Why the cell was tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retried: Option<&'a str>,
    steps: Vec<StepStory<'a>>,
    /// The index of the step that determines the verdict; else of the last step.
    deciding: usize,
    entries: Vec<(u64, &'a str, Direction, String, &'a str, u8)>,
    /// Indices of entries before which entries were left out, and how many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<(usize, usize)>,
    log: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<&'a StoredRecords>,
    reproduce: String,
}

#[derive(Serialize)]
struct StepStory<'a> {
    id: &'a str,
    verb: &'a str,
    path: &'a str,
    line: usize,
    verdict: &'static str,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The index of its first entry.
    first: usize,
    /// The indices of its own entries.
    own: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<&'a Mismatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deviation: Option<&'a ListedDeviation>,
}

/// Cells by scenario and target.
pub(super) type Cells<'a> = HashMap<(&'a str, &'a str), &'a Cell>;

pub(super) fn cells(record: &RunRecord) -> Cells<'_> {
    record.cells.iter().map(|cell| ((&*cell.scenario, &*cell.target), cell)).collect()
}

impl<'a> Index<'a> {
    pub(super) fn of(record: &'a RunRecord, cells: &Cells<'a>) -> Self {
        let mut index =
            Self { targets: Vec::new(), rows: Vec::new(), verdicts: Vec::new(), words: Vec::new() };
        for (target, short) in record.targets.iter().zip(headings(&record.targets)) {
            index.targets.push(TargetHeading { name: &target.target, short });
        }
        let mut words: HashMap<String, usize> = HashMap::new();
        for scenario in &record.scenarios {
            let row = record.targets.iter().map(|target| {
                let cell = cells.get(&(&*scenario.id, &*target.target))?;
                let standing = Standing::of(&record.run.deny, cell);
                let verdict = position(&mut index.verdicts, standing.word());
                let next = words.len();
                let word = *words.entry(behaviour(cell)).or_insert(next);
                Some((verdict, word))
            });
            let row = ScenarioRow {
                cells: row.collect(),
                id: &scenario.id,
                section: section(&scenario.id),
                title: &scenario.title,
                why: &scenario.why,
                issue: scenario.issue.as_deref(),
                tags: &scenario.tags,
                path: &scenario.path,
            };
            index.rows.push(row);
        }
        let mut in_order: Vec<(String, usize)> = words.into_iter().collect();
        in_order.sort_by_key(|(_, number)| *number);
        index.words = in_order.into_iter().map(|(word, _)| word).collect();
        index
    }
}

fn position(known: &mut Vec<&'static str>, word: &'static str) -> usize {
    known.iter().position(|one| *one == word).unwrap_or_else(|| {
        known.push(word);
        known.len() - 1
    })
}

/// The details of a row as base64 of compressed JSON. Cells of a row are compressed together because they are similar.
pub(super) fn stories(record: &RunRecord, cells: &Cells<'_>, scenario: &str) -> String {
    let stories: Vec<Option<CellStory<'_>>> = record
        .targets
        .iter()
        .map(|target| cells.get(&(scenario, &*target.target)).map(|cell| story(record, cell)))
        .collect();
    let json = serde_json::to_vec(&stories).unwrap_or_default();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    // Writing to memory cannot fail.
    let packed = encoder.write_all(&json).and_then(|()| encoder.finish()).unwrap_or_default();
    STANDARD.encode(packed)
}

fn story<'a>(record: &RunRecord, cell: &'a Cell) -> CellStory<'a> {
    let deciding = deciding_step(cell).map_or(cell.steps.len().saturating_sub(1), |step| {
        cell.steps.iter().position(|one| std::ptr::eq(one, step)).unwrap_or(0)
    });
    let mut next = 0;
    let mut gaps = Vec::new();
    for (place, (number, _)) in numbered(cell).enumerate() {
        if number > next {
            gaps.push((place, number - next));
        }
        next = number + 1;
    }
    let entries = cell.transcript.iter().map(|entry| {
        let refusal = u8::from(is_refusal(entry));
        (entry.at_ms, &*entry.connection, entry.direction, headline(entry), &*entry.text, refusal)
    });
    CellStory {
        standing: Standing::of(&record.run.deny, cell).phrase(),
        reason: cell.reason.as_deref(),
        retried: cell.retried.as_deref(),
        steps: cell.steps.iter().map(|one| step(cell, one)).collect(),
        deciding,
        entries: entries.collect(),
        gaps,
        log: log_of(record, cell).iter().map(|line| log_line(line)).collect(),
        stored: cell.stored.as_ref(),
        reproduce: reproduce(record, cell),
    }
}

/// Whether more is expected of a step than the kind of its outcome.
fn is_pattern(step: &StepRecord) -> bool {
    step.expected.as_ref().is_some_and(|expected| expected.starts_with('{'))
}

fn step<'a>(cell: &'a Cell, step: &'a StepRecord) -> StepStory<'a> {
    let place =
        |wanted: &TranscriptEntry| cell.transcript.iter().position(|entry| std::ptr::eq(entry, wanted));
    let own = frames_of(cell, step).into_iter().filter_map(|shown| match shown {
        TranscriptItem::Entry(entry) => place(entry),
        TranscriptItem::LeftOut(_) => None,
    });
    let payload = match &step.outcome {
        Some(Outcome::State { document }) => Some(document),
        Some(Outcome::Ok { payload } | Outcome::Arrived { payload } | Outcome::Hello { payload }) => {
            Some(payload)
        }
        _ => None,
    };
    StepStory {
        id: &step.id,
        verb: &step.verb,
        path: &step.path,
        line: step.line,
        verdict: Standing::of_step(step).word(),
        reason: step.reason.as_deref(),
        first: numbered(cell).filter(|(number, _)| *number < step.first_entry).count(),
        own: own.collect(),
        expected: step.expected.as_deref().map(|expected| expected_lines(expected).join("\n")),
        got: step.outcome.as_ref().map(|outcome| match outcome {
            // The whole of it is shown below; what differs is shown here.
            Outcome::State { .. } if !is_pattern(step) => "state".to_owned(),
            Outcome::Ok { .. } if !is_pattern(step) => "ok".to_owned(),
            Outcome::Arrived { .. } | Outcome::Found { .. } if !is_pattern(step) => "arrived".to_owned(),
            other => came_lines(other, step.expected.as_deref()).join("\n"),
        }),
        payload: payload.filter(|payload| !payload.is_null()),
        mismatch: step.mismatch.as_ref(),
        deviation: step.deviation.as_ref(),
    }
}
