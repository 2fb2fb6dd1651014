//! Findings that scenarios of the suite already show: the same pair of outcomes for the same kind of step.

use serde_json::Value;

use super::compare::OutcomePair;
use super::finding::Finding;
use super::situation::Situation;
use crate::release::Release;
use crate::scenario::{Action, Expectation, Scenario, Step};

/// What the suite says to differ between two releases.
#[derive(Clone, Debug, Default)]
pub struct KnownCases(Vec<KnownStep>);

/// A step of a scenario for which two releases have different outcomes.
#[derive(Clone, Debug)]
struct KnownStep {
    scenario: String,
    pair: OutcomePair,
    /// What is out of the ordinary about it, in the words of situations, as far as the scenario shows it.
    situation: Situation,
}

impl KnownCases {
    /// Reads the differences between two releases from the deviations that scenarios list.
    pub fn of(scenarios: &[Scenario], first: Release, second: Release) -> Self {
        let mut found = Vec::new();
        for scenario in scenarios {
            for step in scenario.all_steps() {
                let Action::One(one, Some(right)) = &step.action else { continue };
                let expected = [first, second].map(|release| {
                    scenario.deviation(&step.id, &release).map_or(&right.value, |(_, listed)| &listed.value)
                });
                let [Some(before), Some(after)] = expected.map(words) else { continue };
                if expected[0] == expected[1] {
                    continue;
                }
                let pair = OutcomePair {
                    kind: kind_of(one),
                    place: if before == after { "/".to_owned() } else { String::new() },
                    first: before,
                    second: after,
                    law: None,
                };
                let situation = situation_of(scenario, one);
                found.push(KnownStep { scenario: scenario.id.clone(), pair, situation });
            }
        }
        Self(found)
    }

    /// Reads what scenarios say of one release: what it does where something else would be right, and what is right.
    pub fn of_one(scenarios: &[Scenario], release: Release) -> Self {
        let mut found = Vec::new();
        for scenario in scenarios {
            for step in scenario.all_steps() {
                let Action::One(one, Some(right)) = &step.action else { continue };
                let listed = scenario.deviation(&step.id, &release).map(|(_, listed)| &listed.value);
                let expected = [Some(&right.value), listed].map(|one| one.and_then(words));
                let [Some(right), listed] = expected else { continue };
                let second = listed.unwrap_or_else(|| right.clone());
                let pair =
                    OutcomePair { kind: kind_of(one), first: right, second, place: String::new(), law: None };
                found.push(KnownStep {
                    scenario: scenario.id.clone(),
                    pair,
                    situation: situation_of(scenario, one),
                });
            }
        }
        // Deviations are what a law is most likely broken by.
        found.sort_by_key(|one| one.pair.first == one.pair.second);
        Self(found)
    }

    /// The scenario that shows a finding; the one that has most in common with it.
    pub fn of_finding(&self, finding: &Finding) -> Option<&str> {
        let same = |one: &&KnownStep| {
            let place = &finding.pair.place;
            // What a law wants is told in other words than what a scenario expects.
            let is_deviating = one.pair.first != one.pair.second;
            one.pair.kind == finding.pair.kind
                && (finding.pair.law.is_some() && is_deviating
                    || agrees(&one.pair.first, &finding.pair.first))
                && agrees(&one.pair.second, &finding.pair.second)
                && one.pair.place.is_empty() == place.is_empty()
                && has_in_common(&one.situation, &finding.situation)
        };
        let likeness = |one: &&KnownStep| {
            let common = one.situation.intersection(&finding.situation).count();
            (common, std::cmp::Reverse(one.situation.symmetric_difference(&finding.situation).count()))
        };
        self.0.iter().filter(same).max_by_key(likeness).map(|one| one.scenario.as_str())
    }
}

/// Whether the words of a listed outcome, which may name less, fit those of an observed one.
fn agrees(listed: &str, seen: &str) -> bool {
    let seen: Vec<&str> = seen.split(' ').collect();
    listed.split(' ').all(|word| seen.contains(&word))
}

/// Whether a scenario's step is about the same thing: role, route and tokens, as far as both are special.
fn has_in_common(listed: &Situation, seen: &Situation) -> bool {
    let special = |words: &Situation, start: &str| -> Vec<String> {
        words.iter().filter(|word| word.starts_with(start)).cloned().collect()
    };
    ["role:node", "route:", "tokens:", "token:"].iter().all(|start| {
        let (left, right) = (special(listed, start), special(seen, start));
        left == right || left.iter().any(|word| right.contains(word))
    })
}

fn kind_of(step: &Step) -> String {
    match step {
        Step::Call(call) => match call.method.value.as_str() {
            "device.token.rotate" => "rotate".to_owned(),
            "device.pair.remove" => "remove".to_owned(),
            "device.pair.reject" => "reject".to_owned(),
            "device.pair.approve" => "approve by id".to_owned(),
            other => format!("call {other}"),
        },
        Step::State(_) => "stored".to_owned(),
        Step::Event(event) => format!("event {}", event.event.value),
        Step::Send(_) => "first frame".to_owned(),
        other => other.verb().to_owned(),
    }
}

/// An expectation in the words of an outcome, as far as it says them.
fn words(expectation: &Expectation) -> Option<String> {
    let value = serde_json::to_value(expectation.to_string()).ok()?;
    let text = value.as_str()?;
    let mut words = Vec::new();
    match expectation {
        Expectation::Hello(_) => words.push("hello".to_owned()),
        Expectation::Ok(_) => words.push("ok".to_owned()),
        Expectation::Silence => words.push("silence".to_owned()),
        Expectation::Arrives(_) => words.push("arrives".to_owned()),
        Expectation::State(_) => words.push("state".to_owned()),
        Expectation::Http { status, .. } => words.push(format!("http {}", literal(status)?)),
        Expectation::Closed(closed) => {
            words.push("closed".to_owned());
            words.extend(closed.code.as_ref().and_then(literal));
            words.extend(details(text));
        }
        Expectation::Error(_) => {
            words.push("error".to_owned());
            words.extend(details(text));
        }
        _ => return None,
    }
    Some(words.join(" "))
}

fn literal(pattern: &crate::scenario::Pattern) -> Option<String> {
    match pattern {
        crate::scenario::Pattern::Literal(Value::Number(number)) => Some(number.to_string()),
        crate::scenario::Pattern::Literal(Value::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// The code and the reason that the details of a refusal name.
fn details(text: &str) -> Vec<String> {
    let behind = |key: &str| {
        let from = text.split("details").nth(1)?.split(&format!("{key}: ")).nth(1)?;
        let word: String = from
            .trim_start_matches('"')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
            .collect();
        (!word.is_empty()).then_some(word)
    };
    ["code", "reason"].into_iter().filter_map(behind).collect()
}

/// The situation of a scenario's step, as far as it shows in the step and in its device.
fn situation_of(scenario: &Scenario, step: &Step) -> Situation {
    let mut words = Situation::new();
    let Step::Connect(connect) = step else { return words };
    let persona = connect.persona.as_ref().and_then(|one| crate::wire::persona(&one.value));
    let role = connect.role.as_deref().or(persona.map(|one| one.role)).unwrap_or("operator");
    if role != "operator" {
        words.insert(format!("role:{role}"));
    }
    for (name, _) in connect.headers.iter() {
        let route = match name.value.to_ascii_lowercase().as_str() {
            "host" => "host-name",
            "x-forwarded-for" => "forwarded-for",
            "x-real-ip" => "real-ip",
            "forwarded" => "forwarded",
            "x-forwarded-proto" => "forwarded-proto",
            "x-forwarded-host" => "forwarded-host",
            _ => continue,
        };
        words.insert(format!("route:{route}"));
    }
    let of_name = |name: &str| scenario.devices.iter().find(|(one, _)| one == name).map(|(_, device)| device);
    let device = connect.device.as_ref().and_then(|name| of_name(&name.value));
    if let Some(record) = device.and_then(|device| device.paired.as_ref()) {
        words.insert("paired".to_owned());
        if record.value.omit.iter().flatten().any(|key| key == "tokens") {
            words.insert("tokens:absent".to_owned());
            words.insert("token:missing".to_owned());
        }
        match &record.value.tokens {
            Some(tokens) if tokens.iter().next().is_none() => {
                words.insert("tokens:empty".to_owned());
                words.insert("token:missing".to_owned());
            }
            Some(tokens) => match tokens.iter().find(|(one, _)| one.value == role) {
                Some((_, token)) if token.revoked => drop(words.insert("token:revoked".to_owned())),
                Some(_) => {}
                None => {
                    words.insert("tokens:partial".to_owned());
                    words.insert("token:missing".to_owned());
                }
            },
            None => {}
        }
    }
    let revokes = |step: &Step| matches!(step, Step::Revoke(_));
    let calls = |step: &Step| matches!(step, Step::Call(call) if call.method.value == "device.token.revoke");
    if scenario.any_step(revokes) || scenario.any_step(calls) {
        words.insert("token:revoked".to_owned());
    }
    words
}
