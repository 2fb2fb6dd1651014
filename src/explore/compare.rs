//! Holds what two targets did in the same story against each other.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::render::{Part, Written};
use super::situation::{Situation, kind, situation};
use super::story::{Credential, DeviceNumber, Story, StoryStep};
use crate::diff::comparable;
use crate::laws::LawName;
use crate::run::{Cell, StepRecord};
use crate::verdict::{Outcome, Signature, Verdict};

/// What two targets did differently in a step, without the circumstances.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutcomePair {
    /// What kind of step it is, such as `connect` or `call status`.
    pub kind: String,
    /// What the first target did, in a few words without ids and texts.
    pub first: String,
    /// What the second target did.
    pub second: String,
    /// If both did the same in these words: the place where the rest differs, as a JSON pointer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The law that is broken, if one target was held to the laws: then `first` is what the law wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<LawName>,
}

/// A difference between two targets in a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The position of the step among those that were written.
    pub position: usize,
    /// What differs.
    pub pair: OutcomePair,
    /// All that is out of the ordinary about the step.
    pub situation: Situation,
    /// The values at the differing place, or the outcomes as one line.
    pub values: [String; 2],
    /// What a broken law wants instead.
    pub wanted: Option<Wanted>,
}

/// What a broken law wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first expectation, instead of what the step did; the second one describes that, if its outcome does not.
    Expectation(Value, Option<Value>),
    /// In this other story, which tells the same, the outcomes of the story itself: positions of its steps by those of the
    /// other story.
    Twin(Box<Story>, Vec<Option<usize>>),
}

/// The result of holding two cells against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// What differs, in the order of the steps; nothing if they are alike.
    Differences(Vec<Difference>),
    /// A harness or gateway broke, so that nothing can be said.
    Broken(String),
}

impl OutcomePair {
    /// Whether only texts for people differ.
    pub fn is_wording(&self) -> bool {
        matches!(self.place.as_str(), "/close/reason" | "/error/message")
    }
}

impl fmt::Display for OutcomePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(law) = self.law {
            write!(f, "{law}: ")?;
        }
        if self.place.is_empty() {
            write!(f, "{}: {} → {}", self.kind, self.first, self.second)
        } else {
            write!(f, "{}: {} with another {}", self.kind, self.first, self.place)
        }
    }
}

/// What stands for a value that is not there.
pub(super) const NOTHING: &str = "nothing";

/// Holds two cells of a story against each other.
///
/// Once the targets have gone different ways with a device, later steps with the same device show consequences, and are
/// not compared. A difference in what is told of the same outcome hides nothing.
pub fn compare(story: &Story, written: &Written, first: &Cell, second: &Cell) -> Compared {
    let mut differences = Vec::new();
    let mut parted = Parted::default();
    for (position, (_, part)) in written.steps.iter().enumerate() {
        let (Some(one), Some(other)) = (first.steps.get(position), second.steps.get(position)) else { break };
        if parted.concerns(story, *part) {
            continue;
        }
        let (one, other) = match (seen(one), seen(other)) {
            (Ok(one), Ok(other)) => (one, other),
            (Err(why), _) => return Compared::Broken(format!("{}: {why}", first.target)),
            (_, Err(why)) => return Compared::Broken(format!("{}: {why}", second.target)),
        };
        // A step without an outcome had no connection to run on.
        let (Some(one), Some(other)) = (one, other) else { continue };
        let mut found = of_outcomes(&kind(story, *part), None, one, other);
        if let Some((pair, _)) = found.first()
            && pair.place.is_empty()
        {
            parted.part(story, *part);
        }
        if found.iter().any(|(pair, _)| pair.place == "/hello/auth/deviceToken") {
            parted.token(story, *part);
        }
        for (pair, values) in found.drain(..) {
            differences.push(Difference {
                position,
                pair,
                situation: situation(story, *part),
                values,
                wanted: None,
            });
        }
    }
    match broken([first, second]) {
        Some(why) => Compared::Broken(why),
        None => Compared::Differences(differences),
    }
}

/// Why one of these cells says nothing, if one does.
pub(super) fn broken<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Option<String> {
    let broke = |cell: &&Cell| cell.steps.is_empty() || cell.is_of_a_starved_machine();
    cells.into_iter().find(broke).map(|cell| {
        let why = cell.reason.clone().unwrap_or_else(|| "nothing ran".to_owned());
        format!("{}: {why}", cell.target)
    })
}

/// The outcome of a step; `None` if it had nothing to run on.
pub(super) fn seen(step: &StepRecord) -> Result<Option<&Outcome>, String> {
    match (&step.outcome, step.verdict) {
        (_, Verdict::Untestable) => Err(format!("step `{}` cannot be run", step.id)),
        (outcome, _) => Ok(outcome.as_ref()),
    }
}

/// The devices with which the targets have gone different ways.
#[derive(Debug, Default)]
pub(super) struct Parted {
    everything: bool,
    owner: bool,
    devices: BTreeSet<DeviceNumber>,
    connections: BTreeSet<u8>,
}

impl Parted {
    pub(super) fn part(&mut self, story: &Story, part: Part) {
        match part {
            Part::Owner(_) => self.owner = true,
            Part::Before(at) | Part::After(at) => {
                self.devices.extend(story.steps.get(at).and_then(StoryStep::device));
            }
            Part::Stored(device) => drop(self.devices.insert(device)),
            Part::Step(at) => match story.steps.get(at) {
                Some(step @ StoryStep::Connect(connect)) => {
                    self.connections.insert(connect.number);
                    self.devices.extend(step.device());
                }
                Some(StoryStep::Restart) => self.everything = true,
                Some(step) => self.devices.extend(step.device()),
                None => {}
            },
        }
    }

    pub(super) fn token(&mut self, story: &Story, part: Part) {
        if let Part::Step(at) = part
            && let Some(connect) = story.steps.get(at).and_then(StoryStep::connect)
        {
            self.connections.insert(connect.number);
        }
    }

    pub(super) fn concerns(&self, story: &Story, part: Part) -> bool {
        let of_step = |step: &StoryStep| {
            let by = step.caller();
            let caller = by.and_then(super::story::Caller::connection);
            let caller_device = caller.and_then(|number| story.connects().find(|one| one.number == number));
            let token = match step.connect().map(|connect| &connect.auth) {
                Some(Credential::Issued(from)) => Some(*from),
                _ => None,
            };
            step.device().is_some_and(|device| self.devices.contains(&device))
                || caller.is_some_and(|number| self.connections.contains(&number))
                || caller_device
                    .and_then(|one| one.device)
                    .is_some_and(|device| self.devices.contains(&device))
                || token.is_some_and(|number| self.connections.contains(&number))
                || (self.owner && by.is_some_and(|by| by.connection().is_none()))
        };
        self.everything
            || match part {
                Part::Owner(_) => self.owner,
                Part::Stored(device) => self.devices.contains(&device),
                Part::Before(at) | Part::Step(at) | Part::After(at) => {
                    story.steps.get(at).is_some_and(of_step)
                }
            }
    }
}

/// An outcome in a few words, without anything that changes from run to run or when a text is reworded.
pub fn words(outcome: &Outcome) -> String {
    let signature = Signature::of("", outcome);
    let mut words = vec![signature.class];
    words.extend(signature.code.map(|code| code.to_string()));
    words.extend([signature.detail, signature.reason].into_iter().flatten());
    words.join(" ")
}

/// What differs between two outcomes of the same step, each with the values.
pub(super) fn of_outcomes(
    kind: &str,
    law: Option<LawName>,
    one: &Outcome,
    other: &Outcome,
) -> Vec<(OutcomePair, [String; 2])> {
    let [first, second] = [one, other].map(words);
    let pair = |place: String| OutcomePair {
        kind: kind.to_owned(),
        first: first.clone(),
        second: second.clone(),
        place,
        law,
    };
    if first != second {
        return vec![(pair(String::new()), [one.to_string(), other.to_string()])];
    }
    let [left, right] = [one, other].map(essence);
    let mut places = Vec::new();
    differing(&left, &right, String::new(), &mut places);
    places.into_iter().map(|(place, values)| (pair(place), values)).collect()
}

/// The part of an outcome that counts.
pub(super) fn essence(outcome: &Outcome) -> Value {
    let mut value = match outcome {
        Outcome::State { document } => json!({"state": stored(document)}),
        // Frames with these outcomes say nothing beyond their words.
        Outcome::Arrived { .. } | Outcome::Silence | Outcome::Done => Value::Null,
        other => comparable(other),
    };
    if let Outcome::Ok { payload } = outcome
        && shows_a_token(payload)
    {
        value["reveals"] = json!("a token");
    }
    sort_texts(&mut value);
    value
}

/// Whether an answer has a token in it, wherever it stands.
fn shows_a_token(value: &Value) -> bool {
    match value {
        Value::Object(entries) => {
            entries.iter().any(|(key, inner)| key == "token" && inner.is_string() || shows_a_token(inner))
        }
        Value::Array(items) => items.iter().any(shows_a_token),
        _ => false,
    }
}

/// What a store says about a device, apart from times and descriptions.
fn stored(document: &Value) -> Value {
    let texts = |value: &Value, keys: &[&str]| {
        let there = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(*key)?.clone())));
        there.filter(|(_, value)| !value.is_null()).collect::<Map<String, Value>>()
    };
    let mut state = Map::new();
    let paired = &document["paired"];
    if paired.is_object() {
        let mut record = texts(paired, &["roles", "scopes", "approvedScopes"]);
        let mut tokens = Map::new();
        for (role, token) in paired["tokens"].as_object().into_iter().flatten() {
            let revoked = token.get("revokedAtMs").is_some_and(|at| !at.is_null());
            tokens.insert(role.clone(), json!({"scopes": token["scopes"], "revoked": revoked}));
        }
        record.insert("tokens".to_owned(), Value::Object(tokens));
        state.insert("paired".to_owned(), Value::Object(record));
    }
    let pending = document["pending"].as_array().cloned().unwrap_or_default();
    let requests: Vec<Value> =
        pending.iter().map(|one| Value::Object(texts(one, &["roles", "scopes", "isRepair"]))).collect();
    state.insert("pending".to_owned(), Value::from(requests));
    Value::Object(state)
}

/// Sorts lists of texts: their order is no behaviour.
fn sort_texts(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort_texts);
            if items.iter().all(Value::is_string) {
                items.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
            }
        }
        Value::Object(entries) => entries.values_mut().for_each(sort_texts),
        _ => {}
    }
}

/// All places where two values differ, as JSON pointers. A list is one value.
fn differing(one: &Value, other: &Value, at: String, into: &mut Vec<(String, [String; 2])>) {
    if let (Value::Object(left), Value::Object(right)) = (one, other) {
        let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for key in keys {
            let [left, right] = [left, right].map(|side| side.get(key).unwrap_or(&Value::Null));
            differing(left, right, format!("{at}/{key}"), into);
        }
    } else if one != other {
        let told = |value: &Value| if value.is_null() { NOTHING.to_owned() } else { value.to_string() };
        into.push((at, [told(one), told(other)]));
    }
}
