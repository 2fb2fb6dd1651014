//! Holds what one target did against the laws.

use serde_json::{Value, json};

use super::compare::{
    Compared, Difference, NOTHING, OutcomePair, Parted, Wanted, broken, of_outcomes, seen, words,
};
use super::render::{Part, Written};
use super::situation::{kind, situation};
use super::story::Story;
use super::trace::trace;
use super::twin::Twin;
use crate::laws::{Breach, LawBook, LawName, TraceEvent, breaches};
use crate::release::Release;
use crate::run::{Cell, StepRecord};
use crate::verdict::Outcome;

/// The laws, and the release that has to obey them.
#[derive(Clone, Debug)]
pub struct LawsOf {
    /// The laws.
    pub book: LawBook,
    /// The release, if it is known: laws are narrowed for some.
    pub release: Option<Release>,
}

/// What one target did in a story, or in its twin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Played<'a> {
    pub(super) story: &'a Story,
    pub(super) written: &'a Written,
    pub(super) cell: &'a Cell,
}

impl Played<'_> {
    fn position(&self, part: Part) -> Option<usize> {
        self.written.steps.iter().position(|(_, one)| *one == part)
    }
}

/// The laws of one story that it breaks.
pub(super) fn broken_by_one(laws: &LawsOf, played: Played<'_>) -> Compared {
    if let Some(why) = broken([played.cell]).or_else(|| unseen(played)) {
        return Compared::Broken(why);
    }
    let (positions, events): (Vec<Option<usize>>, Vec<TraceEvent>) =
        trace(played.story, played.written, played.cell).into_iter().unzip();
    let found = breaches(&events).into_iter().filter_map(|breach| {
        let position = positions.get(breach.at).copied().flatten()?;
        difference(laws, played, &breach, position)
    });
    Compared::Differences(found.collect())
}

/// Why nothing can be said of what happened, if nothing can: a step could not be run, or had no answer. A gateway that does
/// not answer breaks no law, but nobody knows what it has done.
fn unseen(played: Played<'_>) -> Option<String> {
    let unanswered = |step: &&StepRecord| {
        let asks = matches!(step.verb.as_str(), "connect" | "call" | "revoke");
        asks && step.outcome == Some(Outcome::Silence)
    };
    let steps = &played.cell.steps;
    let silent = || {
        let step = steps.iter().find(unanswered)?;
        Some(format!("{}: step `{}` had no answer", played.cell.target, step.id))
    };
    steps.iter().find_map(|step| seen(step).err()).or_else(silent)
}

fn difference(laws: &LawsOf, played: Played<'_>, breach: &Breach, position: usize) -> Option<Difference> {
    let (_, part) = played.written.steps.get(position)?;
    let outcome = played.cell.steps.get(position)?.outcome.as_ref()?;
    let (kind, situation) = (kind(played.story, *part), situation(played.story, *part));
    if !laws.book.holds(breach.law, &kind, &situation, laws.release.as_ref()) {
        return None;
    }
    let (first, second, wanted) = if kind == "stored" {
        stored(breach)
    } else {
        ("closed".to_owned(), words(outcome), Wanted::Expectation(json!("closed"), None))
    };
    let pair = OutcomePair { kind, first, second, place: String::new(), law: Some(breach.law) };
    let values = [pair.first.clone(), outcome.to_string()];
    Some(Difference { position, pair, situation, values, wanted: Some(wanted) })
}

/// What a law wants of a store, and what is there instead: in words, and as expectations.
fn stored(breach: &Breach) -> (String, String, Wanted) {
    let Breach { law, excess, .. } = breach;
    let record = |record: Value| json!({"state": {"paired": record}});
    let of_role = |token: Value| record(json!({"tokens": {excess.as_str(): token}}));
    let (first, wanted, seen) = match law {
        LawName::RefusedLeavesARequest => {
            ("nothing".to_owned(), record(json!("$absent")), record(json!("$any")))
        }
        LawName::RevokedRoleStaysOut => (
            format!("{excess} revoked"),
            of_role(json!({"revokedAtMs": "$any"})),
            of_role(json!({"revokedAtMs": "$absent"})),
        ),
        _ if excess.contains('.') => (
            format!("without {excess}"),
            record(json!({"approvedScopes": {"$excludes": [excess]}})),
            record(json!("$any")),
        ),
        _ => (format!("without {excess}"), of_role(json!("$absent")), of_role(json!("$any"))),
    };
    let second = if excess.is_empty() { "a record".to_owned() } else { format!("with {excess}") };
    (first, second, Wanted::Expectation(wanted, Some(seen)))
}

/// Where the answers of a story and of its twin differ.
///
/// Once they have gone different ways with a device, later steps with it are not compared.
pub(super) fn broken_by_twins(
    laws: &LawsOf,
    law: LawName,
    twin: &Twin,
    one: Played<'_>,
    other: Played<'_>,
) -> Compared {
    if let Some(why) = broken([one.cell, other.cell]).or_else(|| unseen(one)).or_else(|| unseen(other)) {
        return Compared::Broken(why);
    }
    let mut found = Vec::new();
    let mut parted = Parted::default();
    let mut positions: Vec<Option<usize>> = vec![None; other.written.steps.len()];
    let mut pairs = Vec::new();
    for (position, (_, part)) in one.written.steps.iter().enumerate() {
        let Some(to) = counterpart(twin, *part).and_then(|to| other.position(to)) else { continue };
        positions[to] = Some(position);
        pairs.push((position, *part, to));
    }
    if let Some((step, again)) = twin.again
        && let (Some(position), Some(to)) =
            (one.position(Part::Step(step)), other.position(Part::Step(again)))
    {
        positions[to] = Some(position);
        pairs.push((position, Part::Step(step), to));
    }
    pairs.sort_by_key(|(position, _, to)| (*position, *to));
    for (position, part, to) in pairs {
        if parted.concerns(one.story, part) {
            continue;
        }
        let outcome =
            |played: &Played<'_>, at: usize| played.cell.steps.get(at).and_then(|step| step.outcome.clone());
        let (Some(left), Some(right)) = (outcome(&one, position), outcome(&other, to)) else { continue };
        let kind = kind(one.story, part);
        let mut differing = of_outcomes(&kind, Some(law), &left, &right);
        differing.retain(|(pair, values)| !is_of_the_run(&pair.place, values));
        if differing.iter().any(|(pair, _)| pair.place.is_empty()) {
            parted.part(one.story, part);
        }
        let situation = situation(one.story, part);
        if !laws.book.holds(law, &kind, &situation, laws.release.as_ref()) {
            continue;
        }
        found.extend(differing.into_iter().map(|(pair, values)| Difference {
            position: to,
            pair,
            situation: situation.clone(),
            values,
            wanted: Some(Wanted::Twin(Box::new(other.story.clone()), positions.clone())),
        }));
    }
    Compared::Differences(found)
}

/// Whether two values differ only because the devices of the two stories have keys and tokens of their own.
fn is_of_the_run(place: &str, values: &[String; 2]) -> bool {
    let both = values.iter().all(|value| value != NOTHING);
    let key = place.rsplit('/').next().unwrap_or_default();
    both && matches!(key, "deviceId" | "nodeId" | "deviceToken")
}

/// What a part of a story is in its twin.
fn counterpart(twin: &Twin, part: Part) -> Option<Part> {
    let step = |at: usize| twin.steps.get(at).copied().flatten();
    match part {
        Part::Owner(at) => step(at).map(Part::Owner),
        Part::Before(at) => step(at).map(Part::Before),
        Part::Step(at) => step(at).map(Part::Step),
        Part::After(at) => step(at).map(Part::After),
        // What is stored at the end about a device whose approval was taken away is another matter.
        Part::Stored(device) => {
            let of_device = |(at, step): (usize, &super::story::StoryStep)| {
                step.device() == Some(device) && twin.steps.contains(&Some(at))
            };
            twin.story.steps.iter().enumerate().any(of_device).then_some(part)
        }
    }
}
