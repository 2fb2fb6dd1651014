//! What an exploration found, as files and documents.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::explore::{Explored, Finding, Heading, Hears, HuntState, Looks, Part, write};
use crate::laws::{LawBook, LawName};
use crate::release::Release;

/// The file in which an exploration keeps what `--resume` needs.
const STATE: &str = "explored.json";

/// The version of that file.
const STATE_VERSION: u32 = 3;

/// A finding as it is reported.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedFinding {
    /// The class: what kind of step, in which situation, with which outcomes.
    pub class: String,
    /// What kind of step it is.
    pub kind: String,
    /// The law that it breaks, if it is one of a law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<LawName>,
    /// How many stories showed it.
    pub count: usize,
    /// The number of steps of the smallest story.
    pub steps: usize,
    /// What the first target did.
    pub first: String,
    /// What the second target did.
    pub second: String,
    /// Where the outcomes differ, if not in kind, code or reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// What is out of the ordinary about the step.
    pub situation: BTreeSet<String>,
    /// Whether only texts for people differ.
    pub wording: bool,
    /// Whether it showed in three of three runs alone; `None` if that was not tried.
    pub confirmed: Option<bool>,
    /// The file that it was written to.
    pub file: Option<PathBuf>,
    /// The scenario of the suite that shows it.
    pub known_as: Option<String>,
    /// The scenario.
    pub scenario: String,
}

/// What is kept for `--resume`.
#[derive(Debug, Serialize, Deserialize)]
struct KeptState {
    version: u32,
    /// The targets; those of another exploration would make nonsense of its findings.
    targets: Vec<String>,
    state: HuntState,
}

/// The version of what is kept, whatever else stands there.
#[derive(Debug, Deserialize)]
struct WrittenVersion {
    version: u32,
}

/// Why an earlier exploration cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Its file cannot be read.
    #[error("cannot read {}", .0.display())]
    Unread(PathBuf, #[source] io::Error),
    /// Its file is damaged.
    #[error("{} is not the state of an exploration", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
    /// Its file is of another version.
    #[error("{} was written by another version of gatecrash", .0.display())]
    Version(PathBuf),
    /// It explored other targets.
    #[error("{} is of an exploration of {targets}", path.display())]
    Targets {
        /// The file.
        path: PathBuf,
        /// What it explored.
        targets: String,
    },
}

impl ReportedFinding {
    /// A finding, with the scenario that shows it. `right` is the number of the side whose outcomes the scenario expects.
    pub fn of(
        finding: &Finding,
        known_as: Option<&str>,
        releases: [Option<Release>; 2],
        right: usize,
        laws: Option<&LawBook>,
    ) -> Self {
        let scenario = scenario(finding, releases, right, laws);
        let situation = finding.situation.iter().cloned().collect::<Vec<_>>().join(", ");
        let circumstances = if situation.is_empty() { String::new() } else { format!(" ({situation})") };
        let place = &finding.pair.place;
        let law = finding.pair.law.map(|law| format!("{law}: ")).unwrap_or_default();
        let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
        Self {
            class: format!(
                "{law}{}{circumstances}: {} → {}{at}",
                finding.pair.kind, finding.pair.first, finding.pair.second
            ),
            kind: finding.pair.kind.clone(),
            law: finding.pair.law,
            count: finding.count,
            steps: finding.told.as_ref().map_or(&finding.story, |told| &told.story).steps.len(),
            first: finding.pair.first.clone(),
            second: finding.pair.second.clone(),
            place: place.clone(),
            situation: finding.situation.clone(),
            wording: finding.pair.is_wording(),
            confirmed: finding.confirmed,
            file: None,
            known_as: known_as.map(str::to_owned),
            scenario,
        }
    }

    /// Puts new findings before known ones, behaviour before wording, and frequent ones first.
    pub fn sort(findings: &mut [Self]) {
        findings.sort_by_key(|one| {
            (one.wording, one.known_as.is_some(), std::cmp::Reverse(one.count), one.class.clone())
        });
    }

    /// The name of its file: what kind of step it is, and what is special about it.
    fn stem(&self) -> String {
        let law = self.law.map(|law| law.to_string());
        let begin = law.as_ref().map_or(0, |law| law.len() + 2);
        let kind = self.class.get(begin..).unwrap_or_default();
        let kind = kind.split([':', '(']).next().unwrap_or_default().trim().to_owned();
        let mut words: Vec<String> = law.into_iter().chain([kind]).collect();
        words.extend(self.situation.iter().filter(|word| *word != "paired").cloned());
        words.push(self.second.rsplit(' ').next().unwrap_or_default().to_owned());
        let text: String = words.join("-").to_lowercase();
        let plain: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
        parts.join("-").chars().take(80).collect::<String>().trim_end_matches('-').to_owned()
    }
}

/// The finding as the text of a scenario. A person has to review it: the deviation is `unreviewed`.
fn scenario(
    finding: &Finding,
    releases: [Option<Release>; 2],
    right: usize,
    laws: Option<&LawBook>,
) -> String {
    let story = finding.told.as_ref().map_or(&finding.story, |told| &told.story);
    let looks = looked_at(finding);
    let looks = Looks::Only(&looks);
    let bare = write(
        story,
        &Heading { title: "", why: "", end: "", right: Some(&[]), looks, hears: Hears::Patiently },
    );
    let mut rights: Vec<(Part, Value)> = Vec::new();
    let mut others = serde_json::Map::new();
    for (name, part) in &bare.steps {
        let Some(told) = &finding.told else { break };
        let Some(position) = told.parts.iter().position(|one| one == part) else { continue };
        let [one, other] =
            [right, 1 - right].map(|side| told.outcomes[side].get(position).cloned().unwrap_or_default());
        let is_stored = matches!(part, Part::Stored(_) | Part::After(_));
        if matches!(part, Part::Before(_)) && one == other {
            // Whether a node asks is not what it is about.
            rights.push((*part, json!({"any_of": ["arrives", "silence"]})));
        } else if is_stored && one.is_null() {
            rights.push((*part, json!({"state": "$any"})));
        } else if !one.is_null() && !matches!(&one, Value::String(word) if word == "hello" || word == "ok") {
            rights.push((*part, one.clone()));
        }
        if one != other && !other.is_null() {
            others.insert(name.clone(), other);
        }
    }
    let deviating = releases[1 - right].filter(|release| releases[right] != Some(*release));
    let mut end = String::new();
    if let (Some(release), false) = (deviating, others.is_empty()) {
        let steps = crate::explore::flow(&Value::Object(others));
        let _ = write!(
            end,
            "\ndeviations:\n  - releases: \">={release}, <={release}\"\n    class: unreviewed\n    steps: {steps}\n"
        );
    }
    let situation = finding.situation.iter().cloned().collect::<Vec<_>>().join(", ");
    let law = finding.pair.law.and_then(|name| laws?.law(name));
    let (title, why) = match law {
        Some(law) => (format!("TITLE: {} ({}; {situation})", law.says, finding.pair), law.ground.clone()),
        None => (
            format!("TITLE: what should happen ({}; {situation})", finding.pair),
            "WHY: the promise on which that rests. Until somebody has written it, this is only what was seen."
                .to_owned(),
        ),
    };
    write(
        story,
        &Heading {
            title: &title,
            why: why.trim(),
            end: &end,
            right: Some(&rights),
            looks,
            hears: Hears::Patiently,
        },
    )
    .text
}

/// Where the scenario of a finding looks at what is stored: where the sides differ, if that is what the finding is about.
fn looked_at(finding: &Finding) -> Vec<Part> {
    if finding.pair.kind != "stored" {
        return Vec::new();
    }
    let Some(told) = &finding.told else {
        return finding.story.devices.iter().map(|device| Part::Stored(device.number)).collect();
    };
    let differs = |at: usize| told.outcomes[0].get(at) != told.outcomes[1].get(at);
    let stored = |part: &Part| matches!(part, Part::Stored(_) | Part::After(_));
    told.parts
        .iter()
        .enumerate()
        .filter(|(at, part)| stored(part) && differs(*at))
        .map(|(_, part)| *part)
        .collect()
}

/// Writes the findings into a folder, one file each, and what a later exploration needs to go on.
///
/// # Errors
/// Fails if the folder cannot be written.
pub fn write_files(
    folder: &Path,
    names: &[String],
    findings: &mut [ReportedFinding],
    explored: &Explored,
) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut taken = BTreeSet::new();
    for finding in findings {
        let stem = finding.stem();
        let mut name = stem.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{stem}-{number}");
        }
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(&path, &finding.scenario)?;
        finding.file = Some(path);
    }
    write_state(folder, names, &explored.state)
}

/// Writes where an exploration of these targets is, so that another one can go on. Who is killed meanwhile leaves what was
/// there before.
///
/// # Errors
/// Fails if the folder cannot be written.
pub fn write_state(folder: &Path, names: &[String], state: &HuntState) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let kept = KeptState { version: STATE_VERSION, targets: names.to_vec(), state: state.clone() };
    let new = folder.join(format!(".{STATE}.new"));
    std::fs::write(&new, serde_json::to_string(&kept)?)?;
    std::fs::rename(&new, folder.join(STATE))
}

/// Where an earlier exploration of the same targets stopped; `None` if there was none.
///
/// # Errors
/// Fails if its file cannot be read, or is about other targets.
pub fn read_state(folder: &Path, names: &[String]) -> Result<Option<HuntState>, ResumeError> {
    let path = folder.join(STATE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ResumeError::Unread(path, error)),
    };
    let version: WrittenVersion =
        serde_json::from_str(&text).map_err(|error| ResumeError::Damaged(path.clone(), error))?;
    if version.version != STATE_VERSION {
        return Err(ResumeError::Version(path));
    }
    let kept: KeptState =
        serde_json::from_str(&text).map_err(|error| ResumeError::Damaged(path.clone(), error))?;
    if kept.targets != names {
        return Err(ResumeError::Targets { path, targets: kept.targets.join(" and ") });
    }
    Ok(Some(kept.state))
}

/// The result as one JSON document.
pub(super) fn document(names: &[String], explored: &Explored, findings: &[ReportedFinding]) -> Value {
    let growth: Vec<Value> = explored
        .growth
        .iter()
        .map(|point| json!({"stories": point.stories, "outcomes": point.outcomes, "rules": point.rules}))
        .collect();
    json!({
        "first": names[0],
        "second": names.get(1),
        "stories": explored.progress.stories,
        "candidates": explored.progress.candidates,
        "boots": explored.progress.boots,
        "broken": explored.progress.broken,
        "broke": explored.broke,
        "seen": explored.progress.seen,
        "rules": explored.progress.rules,
        "growth": growth,
        "seconds": (explored.took.as_secs_f64() * 10.0).round() / 10.0,
        "interrupted": explored.interrupted,
        "findings": findings,
    })
}

/// The result as Markdown.
pub(super) fn markdown(names: &[String], explored: &Explored, findings: &[ReportedFinding]) -> String {
    let mut text = match names {
        [first, second, ..] => format!("# What {second} does differently from {first}\n\n"),
        _ => format!("# Which laws {} breaks\n\n", names.join("")),
    };
    let _ = writeln!(text, "{} stories, {} findings.\n", explored.progress.stories, findings.len());
    for finding in findings {
        let _ = writeln!(text, "## {}\n", finding.class.replace('`', "'"));
        let known = finding.known_as.as_ref().map(|id| format!(", known as `{id}`")).unwrap_or_default();
        let unstable = if finding.confirmed == Some(false) { ", **unstable**" } else { "" };
        let _ = writeln!(text, "{} stories, {} steps{known}{unstable}\n", finding.count, finding.steps);
        let _ = writeln!(text, "```yaml\n{}```\n", finding.scenario);
    }
    text
}
