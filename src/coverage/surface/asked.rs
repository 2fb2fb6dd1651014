//! What the scenarios test of the surface of a release: methods with scopes, events, refusals, clients and variables.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::release::Release;
use crate::scenario::{
    Action, ClosedExpectation, Connect, ErrorExpectation, Expectation, Pattern, Scenario, Step,
};
use crate::verdict::{Outcome, satisfies};
use crate::wire::persona;

/// How a scenario calls a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedMethod {
    /// As an operator without scopes, who is refused for the scope.
    Without,
    /// As an operator with other scopes, who is refused for the scope.
    NotEnough,
    /// As an operator with the least scope, who is not refused for the scope.
    Enough,
    /// In the other role, which is refused for the role.
    OtherRole,
}

/// A refusal that a scenario expects.
#[derive(Clone, Debug)]
struct Expected {
    scenario: String,
    close: Option<(Option<Pattern>, Option<Pattern>)>,
    error: ErrorExpectation,
}

/// A call that a scenario makes.
#[derive(Clone, Debug)]
struct Called {
    role: String,
    scopes: Vec<String>,
    refused: Option<Refused>,
}

#[derive(Clone, Debug, PartialEq)]
enum Refused {
    Scope,
    Role,
}

/// What the scenarios test of one release.
#[derive(Debug, Default)]
pub struct AskedSurface {
    calls: BTreeMap<String, Vec<Called>>,
    /// For each event, the clients that receive it, and those that must not.
    heard: BTreeMap<String, (Vec<Hearer>, Vec<Hearer>)>,
    refusals: Vec<Expected>,
    client_ids: BTreeSet<String>,
    client_modes: BTreeSet<String>,
    environment: BTreeSet<String>,
    scenarios: BTreeSet<String>,
}

/// A client that waits for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hearer {
    role: String,
    scopes: Vec<String>,
}

/// Collects what scenarios test of a release. Scenarios that require other releases are left out.
pub fn asked(scenarios: &[Scenario], release: &Release) -> AskedSurface {
    let mut found = AskedSurface::default();
    let about = |one: &&Scenario| {
        one.requires.releases.as_ref().is_none_or(|releases| releases.value.contains(release))
    };
    for scenario in scenarios.iter().filter(about) {
        found.add(scenario, release);
    }
    found
}

impl AskedSurface {
    fn add(&mut self, scenario: &Scenario, release: &Release) {
        self.scenarios.insert(scenario.id.clone());
        self.environment.extend(scenario.env.keys().cloned());
        let mut connections: BTreeMap<&str, Hearer> = BTreeMap::new();
        for step in scenario.all_steps() {
            let Action::One(action, right) = &step.action else { continue };
            let listed = scenario.deviation(&step.id, release).map(|(_, one)| &one.value);
            let right = listed.or(right.as_ref().map(|one| &one.value));
            if let Some(right) = right {
                self.refusals.extend(refusals(right).into_iter().map(|(close, error)| Expected {
                    scenario: scenario.id.clone(),
                    close,
                    error,
                }));
            }
            self.step(action, right, &mut connections);
        }
    }

    fn step<'a>(
        &mut self,
        action: &'a Step,
        right: Option<&Expectation>,
        connections: &mut BTreeMap<&'a str, Hearer>,
    ) {
        match action {
            Step::Connect(connect) => {
                let (id, mode, hearer) = client(connect);
                self.client_ids.extend(id);
                self.client_modes.extend(mode);
                connections.insert(&connect.name.value, hearer);
            }
            Step::Call(call) => {
                let Some(hearer) = connections.get(call.on.value.as_str()) else { return };
                self.calls.entry(call.method.value.clone()).or_default().push(Called {
                    role: hearer.role.clone(),
                    scopes: hearer.scopes.clone(),
                    refused: right.and_then(refused),
                });
            }
            Step::Event(event) => {
                let Some(hearer) = connections.get(event.on.value.as_str()) else { return };
                let entry = self.heard.entry(event.event.value.clone()).or_default();
                match right {
                    None | Some(Expectation::Arrives(_)) => entry.0.push(hearer.clone()),
                    Some(Expectation::Silence) => entry.1.push(hearer.clone()),
                    Some(_) => {}
                }
            }
            _ => {}
        }
    }

    /// The ways in which scenarios call a method with this least scope.
    pub fn method(&self, name: &str, scope: &str) -> BTreeSet<AskedMethod> {
        let calls = self.calls.get(name).map(Vec::as_slice).unwrap_or_default();
        let of_call = |call: &Called| match (&*call.role, &call.refused) {
            ("operator", Some(Refused::Scope)) if call.scopes.is_empty() => Some(AskedMethod::Without),
            ("operator", Some(Refused::Scope)) => Some(AskedMethod::NotEnough),
            ("operator", None) if scope != "node" && grants(&call.scopes, scope) => Some(AskedMethod::Enough),
            ("node", None) if scope == "node" => Some(AskedMethod::Enough),
            (_, Some(Refused::Role)) => Some(AskedMethod::OtherRole),
            _ => None,
        };
        calls.iter().filter_map(of_call).collect()
    }

    /// Whether a client is expected to receive an event, and whether another one is expected not to.
    pub fn event(&self, name: &str) -> (bool, bool) {
        self.heard.get(name).map_or((false, false), |(heard, silent)| (!heard.is_empty(), !silent.is_empty()))
    }

    /// A scenario that expects a close of this code and reason.
    pub fn close(&self, code: u16, reason: Option<&str>) -> Option<&str> {
        let fits = |one: &&Expected| {
            let Some((expected, text)) = &one.close else { return false };
            expected.as_ref().is_some_and(|pattern| meets(&Value::from(code), pattern))
                && match (reason, text) {
                    (Some(reason), Some(pattern)) => meets_text(reason, pattern),
                    // A close without a fixed reason is recognised by its code.
                    (None | Some(""), _) => true,
                    (Some(_), None) => false,
                }
        };
        self.refusals.iter().find(fits).map(|one| &*one.scenario)
    }

    /// A scenario that expects an error of this code and message, or with this code in its details.
    pub fn error(&self, code: &str, message: Option<&str>, details: Option<&str>) -> Option<&str> {
        let fits = |one: &&Expected| {
            let by_details = details.is_some_and(|details| {
                detail_code(&one.error).is_some_and(|pattern| meets_text(details, pattern))
            });
            let by_message =
                one.error.message.as_ref().zip(message).is_some_and(|(pattern, message)| {
                    meets_text(message, pattern)
                        && one.error.code.as_ref().is_none_or(|pattern| {
                            matches!(pattern, Pattern::Any) || meets_text(code, pattern)
                        })
                });
            by_details || by_message
        };
        self.refusals.iter().find(fits).map(|one| &*one.scenario)
    }

    /// A scenario that expects a refusal with this code in its details.
    pub fn details(&self, code: &str) -> Option<&str> {
        let fits = |one: &&Expected| detail_code(&one.error).is_some_and(|pattern| meets_text(code, pattern));
        self.refusals.iter().find(fits).map(|one| &*one.scenario)
    }

    /// Whether a client with this id connects.
    pub fn client_id(&self, id: &str) -> bool {
        self.client_ids.contains(id)
    }

    /// Whether a client with this mode connects.
    pub fn client_mode(&self, mode: &str) -> bool {
        self.client_modes.contains(mode)
    }

    /// Whether a scenario sets an environment variable.
    pub fn variable(&self, name: &str) -> bool {
        self.environment.contains(name)
    }

    /// Whether there is a scenario with this id, or a table with this id.
    pub fn has_scenario(&self, id: &str) -> bool {
        let row = format!("{id}/");
        self.scenarios.iter().any(|one| one == id || one.starts_with(&row))
    }
}

/// The id and mode of a client, and the role and scopes of its connection.
fn client(connect: &Connect) -> (Option<String>, Option<String>, Hearer) {
    let name = connect.persona.as_ref().map_or("cli", |one| one.value.as_str());
    let persona = persona(name);
    let of_client = |key: &str| {
        let written = connect.client.as_ref()?.get(key)?;
        Some(written.as_str().map(str::to_owned))
    };
    let id = of_client("id").unwrap_or_else(|| persona.map(|one| one.client_id.to_owned()));
    let mode = of_client("mode").unwrap_or_else(|| persona.map(|one| one.mode.to_owned()));
    let role = connect.role.clone().unwrap_or_else(|| persona.map_or("operator", |one| one.role).to_owned());
    let scopes = connect.scopes.clone().unwrap_or_else(|| {
        persona.map_or(&[][..], |one| one.scopes).iter().map(|one| (*one).to_owned()).collect()
    });
    (id, mode, Hearer { role, scopes })
}

/// Whether scopes include another one, or imply it.
fn grants(scopes: &[String], wanted: &str) -> bool {
    let has = |scope: &str| scopes.iter().any(|one| one == scope);
    has("operator.admin")
        || has(wanted)
        || (wanted == "operator.read" && has("operator.write"))
        || wanted == "dynamic"
}

/// Whether an expectation is a refusal for the scope or the role.
fn refused(right: &Expectation) -> Option<Refused> {
    let Expectation::Error(error) = right else { return None };
    let message = error.message.as_ref()?;
    let written = message.to_string();
    if written.contains("missing scope") && !written.contains("$not") {
        Some(Refused::Scope)
    } else if written.contains("unauthorized role") && !written.contains("$not") {
        Some(Refused::Role)
    } else {
        None
    }
}

type ExpectedRefusal = (Option<(Option<Pattern>, Option<Pattern>)>, ErrorExpectation);

fn refusals(right: &Expectation) -> Vec<ExpectedRefusal> {
    match right {
        Expectation::Error(error) => vec![(None, error.clone())],
        Expectation::Closed(ClosedExpectation { code, reason, error }) => {
            vec![(Some((code.clone(), reason.clone())), error.clone())]
        }
        Expectation::AnyOf(list) => list.iter().flat_map(refusals).collect(),
        _ => Vec::new(),
    }
}

fn detail_code(error: &ErrorExpectation) -> Option<&Pattern> {
    match error.details.as_ref()? {
        Pattern::Object(entries) => entries.iter().find(|(key, _)| key == "code").map(|(_, pattern)| pattern),
        _ => None,
    }
}

fn meets(value: &Value, pattern: &Pattern) -> bool {
    !matches!(pattern, Pattern::Any)
        && satisfies(&Outcome::Ok { payload: value.clone() }, &Expectation::Ok(pattern.clone()))
}

/// Whether a text, in which `…` stands for anything, can match the expected one.
fn meets_text(text: &str, pattern: &Pattern) -> bool {
    if meets(&Value::from(text), pattern) {
        return true;
    }
    let parts: Vec<&str> = text.split(super::site::HOLE).filter(|part| part.trim().len() > 3).collect();
    let holds = |wanted: &str| !parts.is_empty() && parts.iter().all(|part| wanted.contains(part.trim()));
    match pattern {
        Pattern::Literal(Value::String(wanted)) => text.contains(super::site::HOLE) && holds(wanted),
        Pattern::Matches(regex) => {
            text.contains(super::site::HOLE) && holds(&regex.as_str().replace('\\', ""))
        }
        Pattern::OneOf(list) => list.iter().any(|one| meets_text(text, one)),
        _ => false,
    }
}
