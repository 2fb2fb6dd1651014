//! What an exploration found, as one HTML page without dependencies.

use std::collections::BTreeMap;

use askama::Template;

use super::explore::ReportedFinding;
use super::text::count;
use crate::explore::{Explored, Growth};

const STYLE: &str = concat!(
    include_str!("html/page.css"),
    include_str!("html/timeline.css"),
    include_str!("html/explored.css")
);

/// Points of the growth that are shown.
const POINTS: usize = 10;

#[derive(Template)]
#[template(path = "explored.html")]
struct ExploredPage<'a> {
    style: &'static str,
    title: String,
    facts: String,
    stories: usize,
    known: usize,
    growth: Vec<Growth>,
    findings: &'a [ReportedFinding],
    sections: Vec<Section<'a>>,
}

/// Findings about the same kind of step.
struct Section<'a> {
    kind: String,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    first: &'a str,
    second: &'a str,
    place: &'a str,
    situation: Vec<&'a str>,
    /// How often it was seen, and whether it showed alone.
    told: String,
    known_as: Option<&'a str>,
    scenario: &'a str,
    /// The command that shows it, if it was written to a file.
    command: String,
}

/// The page of an exploration of targets with these names.
pub(super) fn html(names: &[String], explored: &Explored, findings: &[ReportedFinding]) -> String {
    let mut sections: BTreeMap<String, Vec<Row<'_>>> = BTreeMap::new();
    for finding in findings {
        let kind = finding.law.map_or_else(|| finding.kind.clone(), |law| law.to_string());
        sections.entry(kind).or_default().push(row(names, finding));
    }
    let title = match names {
        [first, second, ..] => format!("What {second} does differently from {first}"),
        _ => format!("Which laws {} breaks", names.join("")),
    };
    let page = ExploredPage {
        style: STYLE,
        title,
        facts: format!("{} · {:.1} s", count(explored.progress.boots, "boot"), explored.took.as_secs_f64()),
        stories: explored.progress.stories,
        known: findings.iter().filter(|one| one.known_as.is_some()).count(),
        growth: points(&explored.growth),
        findings,
        sections: sections.into_iter().map(|(kind, rows)| Section { kind, rows }).collect(),
    };
    // Writing to memory cannot fail.
    page.render().unwrap_or_default()
}

fn row<'a>(names: &[String], finding: &'a ReportedFinding) -> Row<'a> {
    let alone = match finding.confirmed {
        Some(true) => "3 of 3 runs alone",
        Some(false) => "unstable",
        None => "not confirmed",
    };
    let stories = if finding.count == 1 { "story" } else { "stories" };
    let command = |file: &std::path::PathBuf| {
        format!("gatecrash matrix {} --gateways {}", file.display(), names.join(","))
    };
    Row {
        first: &finding.first,
        second: &finding.second,
        place: &finding.place,
        situation: finding.situation.iter().map(String::as_str).collect(),
        told: format!("{} {stories}, {}, {alone}", finding.count, count(finding.steps, "step")),
        known_as: finding.known_as.as_deref(),
        scenario: &finding.scenario,
        command: finding.file.as_ref().map(command).unwrap_or_default(),
    }
}

/// Some points of the growth, the last one among them.
fn points(growth: &[Growth]) -> Vec<Growth> {
    let step = growth.len().div_ceil(POINTS).max(1);
    let mut points: Vec<Growth> = growth.iter().rev().step_by(step).copied().collect();
    points.reverse();
    points
}
