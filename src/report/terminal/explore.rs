//! Shows an exploration: a line while it runs, and a list of what differs at its end.

use std::fmt::Write as _;
use std::time::Duration;

use super::Appearance;
use super::difference::Block;
use super::palette::paint;
use crate::explore::{Explored, Growth, Progress};
use crate::report::explore::ReportedFinding;
use crate::report::text::count;
use crate::verdict::Verdict;

/// How far an exploration is, in one line.
pub fn explore_line(progress: Progress, known: usize, took: Duration) -> String {
    let known = if known == 0 { String::new() } else { format!(" ({known} known)") };
    format!(
        "{} · {:.0} a second · {} · {} outcomes seen · {}{known}",
        count(progress.stories, "story").replace("storys", "stories"),
        rate(progress, took),
        count(progress.boots, "boot"),
        progress.seen,
        count(progress.findings, "finding")
    )
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(progress: Progress, took: Duration) -> f64 {
    (progress.stories + progress.candidates) as f64 / took.as_secs_f64().max(0.001)
}

/// What an exploration found, ending in a summary.
pub fn explored(
    names: &[String],
    explored: &Explored,
    findings: &[ReportedFinding],
    appearance: &Appearance,
) -> String {
    let mut block = Block::new(appearance);
    for finding in findings.iter().filter(|one| !one.wording) {
        show(&mut block, names, finding, appearance);
    }
    let wording: Vec<&ReportedFinding> = findings.iter().filter(|one| one.wording).collect();
    if !wording.is_empty() {
        block.line(&paint(appearance.palette.quiet(), "only the wording differs"));
        for finding in wording {
            block.prose("", &format!("{}×  {}", finding.count, finding.class));
        }
        block.line("");
    }
    let is_of_laws = names.len() == 1;
    let (word, verdict) = if !findings.is_empty() {
        (if is_of_laws { "BROKEN LAWS" } else { "DIFFERENT" }, Verdict::Fail)
    } else if explored.progress.stories == 0 {
        ("NOTHING COMPARED", Verdict::Untestable)
    } else if explored.progress.stories == explored.progress.broken {
        ("BROKEN", Verdict::Error)
    } else {
        (if is_of_laws { "LAWFUL" } else { "ALIKE" }, Verdict::Pass)
    };
    let mut sums = format!(
        ": {} · {} · {} · {:.1} s",
        names.join(" and "),
        explore_line(
            explored.progress,
            findings.iter().filter(|one| one.known_as.is_some()).count(),
            explored.took
        ),
        count(explored.progress.candidates, "candidate"),
        explored.took.as_secs_f64()
    );
    if explored.progress.broken > 0 {
        let _ = write!(sums, " · {} broken", explored.progress.broken);
    }
    if explored.interrupted {
        sums.push_str(" · interrupted");
    }
    block.prose(&paint(appearance.palette.of(verdict), word), &sums);
    if let Some(growth) = growth(explored) {
        block.prose("", &growth);
    }
    if let Some(why) = &explored.broke {
        block.prose("", &format!("broken: {why}"));
    }
    block.into_text()
}

/// What had been seen at points of the exploration, which shows whether more stories would show more.
fn growth(explored: &Explored) -> Option<String> {
    let all = explored.growth.last()?;
    let mut points: Vec<Growth> = Vec::new();
    for quarter in 1..=4 {
        let point = *explored.growth.iter().find(|point| point.stories * 4 >= all.stories * quarter)?;
        if points.last() != Some(&point) {
            points.push(point);
        }
    }
    let told = |point: &Growth| {
        let rules = if all.rules == 0 { String::new() } else { format!(" and {} rules", point.rules) };
        format!("{} outcomes{rules} after {}", point.outcomes, point.stories)
    };
    let texts: Vec<String> = points.iter().map(told).collect();
    (texts.len() > 1).then(|| format!("seen: {} stories", texts.join(", ")))
}

fn show(block: &mut Block<'_>, names: &[String], finding: &ReportedFinding, appearance: &Appearance) {
    let mark = match (finding.confirmed, finding.law) {
        (Some(false), _) => "UNSTABLE",
        (_, Some(_)) => "BROKEN LAW",
        (_, None) => "DIFFERENT",
    };
    let word = paint(appearance.palette.of(Verdict::Fail), mark);
    block.line(&format!("{word} {}", paint(appearance.palette.strong(), &finding.class)));
    let alone = match finding.confirmed {
        Some(true) => "3 of 3 runs alone",
        Some(false) => "not in each of 3 runs alone",
        None => "not confirmed",
    };
    let known = finding.known_as.as_ref().map(|id| format!(" · known as {id}")).unwrap_or_default();
    let stories = if finding.count == 1 { "story" } else { "stories" };
    block.line(&format!("  {} {stories} · {} · {alone}{known}", finding.count, count(finding.steps, "step")));
    if finding.known_as.is_none() {
        let from =
            finding.scenario.find("\ndevices:").or_else(|| finding.scenario.find("\nsteps:")).unwrap_or(0);
        for line in finding.scenario[from..].lines().filter(|line| !line.is_empty()) {
            block.line(&format!("    {line}"));
        }
    }
    if let Some(file) = &finding.file {
        block.line(&format!("  --> {}", file.display()));
        block.line(&paint(
            appearance.palette.quiet(),
            &format!("  gatecrash matrix {} --gateways {}", file.display(), names.join(",")),
        ));
    }
    block.line("");
}

#[cfg(test)]
mod tests {
    use super::super::Palette;
    use super::*;
    use crate::explore::{
        Connect, Finding, HuntState, OutcomePair, Record, Story, StoryDevice, StoryStep, Tokens,
    };

    fn finding(situation: &[&str], pair: (&str, &str, &str), confirmed: Option<bool>) -> Finding {
        let record = Record {
            roles: vec!["node".into()],
            scopes: Vec::new(),
            tokens: Tokens::Map(std::collections::BTreeMap::new()),
            omit: Vec::new(),
            persona: None,
        };
        Finding {
            pair: OutcomePair {
                kind: "connect".into(),
                first: pair.0.into(),
                second: pair.1.into(),
                place: pair.2.into(),
                law: None,
            },
            situation: situation.iter().map(|word| (*word).to_owned()).collect(),
            story: Story {
                devices: vec![StoryDevice { number: 0, record: Some(record), request: None }],
                steps: vec![StoryStep::Connect(Connect::usual(0, Some(0), "node-host"))],
                ..Story::default()
            },
            count: 3,
            confirmed,
            told: None,
        }
    }

    #[test]
    fn a_person_can_read_what_differs() {
        let new = finding(
            &["paired", "role:node", "tokens:empty"],
            ("hello", "closed 1008 PAIRING_REQUIRED role-upgrade", ""),
            Some(true),
        );
        let known = finding(&["role:node"], ("hello", "hello", "/hello/auth/deviceToken"), Some(false));
        let wording = finding(&["auth:wrong"], ("closed 1008", "closed 1008", "/close/reason"), None);
        let reported: Vec<ReportedFinding> = [(&new, None), (&known, Some("tokens/known")), (&wording, None)]
            .map(|(one, known_as)| ReportedFinding::of(one, known_as, [None, None], 1, None))
            .into();
        let growth = |stories, outcomes, rules| Growth { stories, outcomes, rules };
        let progress =
            Progress { stories: 400, candidates: 36, boots: 4, broken: 1, seen: 90, rules: 30, findings: 3 };
        let result = Explored {
            progress,
            findings: vec![new, known, wording],
            growth: vec![growth(100, 60, 22), growth(250, 80, 29), growth(400, 90, 30)],
            broke: Some("2026.3.31: nothing ran".into()),
            took: Duration::from_secs(8),
            interrupted: true,
            state: HuntState::default(),
        };
        let names = ["2026.3.28".to_owned(), "2026.3.31".to_owned()];
        let appearance = Appearance { width: 100, palette: Palette::new(false) };
        insta::assert_snapshot!(explored(&names, &result, &reported, &appearance));
    }
}
