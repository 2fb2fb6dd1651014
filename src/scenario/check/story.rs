//! Checks of the order of steps: everything must exist before it is used.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::step::check_step;
use crate::scenario::device::Device;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::entries::Entries;
use crate::scenario::reference::{Reference, TextPart, parse_text};
use crate::scenario::source::Source;
use crate::scenario::span::{Span, Spanned};
use crate::scenario::story::{Action, Scenario, StoryStep};
use crate::scenario::suggest::advice;
use crate::scenario::verbs::{Destination, Earlier, HOME_IDENTITY, Step};

/// The captures of a suite, and whether any scenario that contains them uses them.
#[derive(Default)]
pub(super) struct CaptureUse(BTreeMap<(String, usize), Capture>);

struct Capture {
    name: Spanned<String>,
    source: Arc<Source>,
    used: bool,
}

impl CaptureUse {
    /// Reports captures that no scenario uses.
    pub(super) fn unused(self) -> impl Iterator<Item = Diagnostic> {
        self.0.into_values().filter(|one| !one.used).map(|one| {
            let message = format!("the capture `{}` is never used", one.name.value);
            Diagnostic::error("unused-capture", message, &one.source, one.name.span)
                .label("unused")
                .help(format!("use it as `${{{}}}`, or remove it", one.name.value))
        })
    }
}

/// Checks a scenario step by step.
pub(super) fn check_story(scenario: &Scenario, captures: &mut CaptureUse, found: &mut Vec<Diagnostic>) {
    let mut opened = HashMap::new();
    let mut saved = Vec::new();
    for step in scenario.all_steps() {
        let Action::One(one, _) = &step.action else { continue };
        if let Some(name) = one.as_verb().opens() {
            opened.entry(name.value.as_str()).or_insert((name.span, &step.source));
        }
        for name in one.as_verb().saves().into_iter().flat_map(Entries::keys) {
            saved.push((name, &step.source));
        }
    }
    let earlier = Earlier { has_own_gateway: scenario.is_alone(None), ..Earlier::default() };
    let mut walk = StoryWalk { scenario, opened, saved: &saved, used: HashSet::new(), earlier, found };
    let identity = scenario.files.contains_key(HOME_IDENTITY) || scenario.starts_on.is_some();
    let mut here = Here { identity, ..Here::default() };
    walk.steps(&scenario.steps, &mut here);
    walk.steps(&scenario.finally, &mut here);
    walk.deviations();
    walk.found.extend(check_start(scenario));
    let used = walk.used;
    for (name, source) in saved {
        let place = (source.path.clone(), name.span.start);
        let new = || Capture { name: name.clone(), source: Arc::clone(source), used: false };
        captures.0.entry(place).or_insert_with(new).used |= used.contains(&name.value);
    }
}

/// What exists at a point in the scenario.
#[derive(Clone, Default)]
struct Here {
    connections: HashSet<String>,
    /// Connections that have certainly ended, with the reason.
    ended: HashMap<String, String>,
    captures: HashSet<String>,
    /// Whether the gateway's home may contain its own identity.
    identity: bool,
}

impl Here {
    fn end(&mut self, connection: &str, why: &str) {
        if self.connections.remove(connection) {
            self.ended.insert(connection.to_owned(), why.to_owned());
        }
    }
}

struct StoryWalk<'a> {
    scenario: &'a Scenario,
    /// Where each connection is first opened.
    opened: HashMap<&'a str, (Span, &'a Arc<Source>)>,
    saved: &'a [(&'a Spanned<String>, &'a Arc<Source>)],
    used: HashSet<String>,
    earlier: Earlier,
    found: &'a mut Vec<Diagnostic>,
}

impl StoryWalk<'_> {
    fn steps(&mut self, steps: &[StoryStep], here: &mut Here) {
        for step in steps {
            self.found.extend(check_step(step, &self.earlier));
            self.earlier.steps.push(step.id.clone());
            match &step.action {
                Action::One(one, _) => self.one(step, one, here),
                Action::Repeat(_, inner) => self.steps(inner, here),
                Action::Together(inner) => self.together(inner, here),
            }
        }
    }

    fn together(&mut self, branches: &[StoryStep], here: &mut Here) {
        let before = here.clone();
        let mut taken: HashMap<String, (Span, Arc<Source>)> = HashMap::new();
        for branch in branches {
            let mut inside = before.clone();
            self.steps(std::slice::from_ref(branch), &mut inside);
            here.connections.extend(inside.connections);
            for (name, why) in inside.ended {
                here.end(&name, &why);
            }
            here.captures.extend(inside.captures);
            here.identity |= inside.identity;
            let mut mine: Vec<(&Spanned<String>, &Arc<Source>)> = Vec::new();
            connections_of(branch, &mut mine);
            for (name, source) in &mine {
                let Some((span, there)) = taken.get(&name.value) else { continue };
                let message = format!("two steps of a `together` use the connection `{}`", name.value);
                self.found.push(
                    Diagnostic::error("shared-connection", message, source, name.span)
                        .label("used at the same time as another step")
                        .help("give each step its own connection, or run the steps one after the other")
                        .related(there, *span, "also used here"),
                );
            }
            for (name, source) in mine {
                taken.entry(name.value.clone()).or_insert((name.span, Arc::clone(source)));
            }
        }
    }

    fn one(&mut self, step: &StoryStep, one: &Step, here: &mut Here) {
        let source = &step.source;
        for reference in &step.references {
            self.reference(reference, source, Some(here));
        }
        let verb = one.as_verb();
        if let Some(device) = verb.device() {
            self.device(&device.value, device.span, source);
        }
        if verb.uses_home_identity() && !here.identity {
            self.found.push(no_identity(
                &format!("this `{}` names no device", one.verb()),
                source,
                step.span,
            ));
        }
        if let Some(name) = verb.works_on() {
            self.connection(name, source, here);
        }
        if let Some(name) = verb.opens() {
            here.ended.remove(&name.value);
            here.connections.insert(name.value.clone());
        }
        here.identity |= verb.makes_home_identity();
        if let Some(name) = verb.ends() {
            here.end(&name.value, "an earlier step ended it");
        }
        if verb.stops_the_gateway() {
            let all: Vec<String> = here.connections.drain().collect();
            let why = format!("`{}` ends every connection", one.verb());
            here.ended.extend(all.into_iter().map(|name| (name, why.clone())));
        }
        if let Some(name) = verb.reaches().filter(|name| !self.earlier.gateways.contains(&name.value)) {
            let names: Vec<&str> = self.earlier.gateways.iter().map(String::as_str).collect();
            let message = format!("no earlier step starts a gateway `{}`", name.value);
            let help = advice("gateways", &name.value, &names)
                .or_else(|| Some(format!("start it first with `start: {{as: {}}}`", name.value)));
            let error = Diagnostic::error("unknown-gateway", message, source, name.span);
            self.found.push(error.label("unknown gateway").maybe_help(help));
        }
        self.earlier.gateways.extend(verb.starts_gateway().map(|name| name.value.clone()));
        self.earlier.connections.extend(verb.opens().map(|name| name.value.clone()));
        if matches!(one, Step::Cli(_) | Step::NodeHost(_)) {
            self.earlier.programs.push(verb.id().map_or(one.verb(), |id| &id.value).to_owned());
        }
        for name in verb.saves().into_iter().flat_map(Entries::keys) {
            if !here.captures.insert(name.value.clone()) {
                let first = self.saved.iter().find(|(other, _)| other.value == name.value);
                let message = format!("the capture `{}` is saved twice", name.value);
                let mut error = Diagnostic::error("duplicate-capture", message, source, name.span)
                    .label("saved again")
                    .help("use a different name");
                if let Some((first, there)) = first {
                    error = error.related(there, first.span, "first saved here");
                }
                self.found.push(error);
            }
        }
    }

    fn connection(&mut self, name: &Spanned<String>, source: &Arc<Source>, here: &Here) {
        if here.connections.contains(&name.value) {
            return;
        }
        let error = |message: String| Diagnostic::error("unknown-connection", message, source, name.span);
        if let Some(why) = here.ended.get(&name.value) {
            let message = format!("the connection `{}` is closed before this step", name.value);
            self.found.push(error(message).label("no longer open").help(format!("{why}; open a new one")));
            return;
        }
        self.found.push(if let Some((span, there)) = self.opened.get(name.value.as_str()) {
            error(format!("the connection `{}` is not open yet", name.value))
                .label("used too early")
                .help("open it before this step; steps of a `together` do not wait for each other")
                .related(there, *span, "opened here")
        } else {
            let mut names: Vec<&str> = self.opened.keys().copied().collect();
            names.sort_unstable();
            error(format!("there is no connection `{}`", name.value))
                .label("unknown connection")
                .maybe_help(advice("connections", &name.value, &names))
        });
    }

    fn device(&mut self, name: &str, span: Span, source: &Arc<Source>) -> bool {
        let known = self.scenario.devices.iter().any(|(other, _)| other == name);
        if !known {
            let names: Vec<&str> = self.scenario.devices.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("there is no device `{name}`");
            let help = advice("devices", name, &names)
                .or_else(|| Some(format!("add it at the top: `devices: {{{name}: {{}}}}`")));
            let error = Diagnostic::error("unknown-device", message, source, span);
            self.found.push(error.label("unknown device").maybe_help(help));
        }
        known
    }

    /// Checks one reference at a point in the scenario; without one, only whether it can ever have a value.
    fn reference(&mut self, reference: &Spanned<Reference>, source: &Arc<Source>, here: Option<&Here>) {
        let span = reference.span;
        let undefined = |message: String| Diagnostic::error("undefined-reference", message, source, span);
        match &reference.value {
            Reference::Capture(name) => {
                self.used.insert(name.clone());
                if here.is_some_and(|here| here.captures.contains(name)) {
                    return;
                }
                let later = self.saved.iter().find(|(saved, _)| saved.value == *name);
                match later {
                    Some(_) if here.is_none() => {}
                    Some((saved, there)) => self.found.push(
                        undefined(format!("`{}` has no value yet", reference.value))
                            .label("used too early")
                            .related(there, saved.span, "saved here"),
                    ),
                    None => {
                        let names: Vec<&str> =
                            self.saved.iter().map(|(saved, _)| saved.value.as_str()).collect();
                        let help = advice("captures", name, &names).or_else(|| {
                            Some(format!("save it in an earlier step with `save: {{{name}: /path}}`"))
                        });
                        let error = undefined(format!("nothing saves `{name}`"));
                        self.found.push(error.label("undefined").maybe_help(help));
                    }
                }
            }
            Reference::DeviceId(name) | Reference::DevicePublicKey(name) => {
                self.device(name, span, source);
            }
            Reference::DevicePending(name) => {
                if self.device(name, span, source) && !self.seeded(name, |one| one.pending.is_some()) {
                    let error = undefined(format!("the device `{name}` has no pending request"));
                    let help = format!("seed one with `{name}: {{pending: {{}}}}`");
                    self.found.push(error.label("not seeded").help(help));
                }
            }
            Reference::DeviceToken { device, role } => {
                if self.device(device, span, source) && !self.token(device, role) {
                    let error =
                        undefined(format!("the device `{device}` has no seeded token for the role `{role}`"));
                    let help = format!("pair it with that role: `{device}: {{paired: {{roles: [{role}]}}}}`");
                    self.found.push(error.label("not seeded").help(help));
                }
            }
            Reference::ConnectionNonce(name) => {
                let name = Spanned::new(name.clone(), span);
                // A nonce stays known after its connection has ended, so that a scenario can try to replay it.
                if let Some(here) = here.filter(|here| !here.ended.contains_key(&name.value)) {
                    self.connection(&name, source, here);
                }
            }
            Reference::IdentityId => {
                if here.is_some_and(|here| !here.identity) {
                    self.found.push(no_identity(
                        &format!("`{}` has no value", reference.value),
                        source,
                        span,
                    ));
                }
            }
            Reference::Clock => {
                if here.is_some() {
                    let error = undefined(format!("`{}` has no value in a step", reference.value));
                    self.found.push(
                        error
                            .label("undefined here")
                            .help("use it in `config` and `files`, which are set before boot"),
                    );
                }
            }
            // A missing table or variable has been reported when the file was loaded.
            Reference::GatewayToken
            | Reference::GatewayPassword
            | Reference::GatewayPort
            | Reference::GatewayCertificate
            | Reference::Each(_)
            | Reference::Var(_) => {}
        }
    }

    fn seeded(&self, name: &str, test: impl Fn(&Device) -> bool) -> bool {
        self.scenario.devices.iter().any(|(other, device)| other == name && test(device))
    }

    /// Whether a token for a role is seeded, explicitly or because the role was approved.
    fn token(&self, name: &str, role: &str) -> bool {
        self.seeded(name, |device| {
            let Some(paired) = device.paired.as_ref().map(|one| &one.value) else { return false };
            match (&paired.tokens, &paired.roles, &paired.role) {
                (Some(tokens), ..) => tokens.get(role).is_some(),
                (None, Some(roles), _) => roles.iter().any(|one| one == role),
                (None, None, Some(one)) => one == role,
                (None, None, None) => role == "operator",
            }
        })
    }

    fn deviations(&mut self) {
        for entry in &self.scenario.deviations {
            for (_, expectation) in &entry.steps {
                let mut references = Vec::new();
                let collected = expectation.value.map_text(&mut |value: &Value| {
                    collect(value, &mut references);
                    Ok::<_, std::convert::Infallible>(value.clone())
                });
                let Ok(_) = collected;
                for reference in references {
                    self.reference(&Spanned::new(reference, expectation.span), &entry.source, None);
                }
            }
        }
    }
}

/// Checks that a scenario that starts on another release upgrades to the target.
fn check_start(scenario: &Scenario) -> Option<Diagnostic> {
    let reaches = |step: &Step| match step {
        Step::Upgrade(upgrade) => upgrade.to.value == Destination::Target,
        _ => false,
    };
    if scenario.starts_on.is_none() || scenario.any_step(reaches) {
        return None;
    }
    let message = "this scenario never reaches the release under test";
    let error = Diagnostic::error("no-upgrade", message, &scenario.source, Span::default());
    Some(error.help("add a step `upgrade: {to: target}`, or remove `starts_on`"))
}

/// A step needs the home's own identity, but no earlier step can have created one.
fn no_identity(what: &str, source: &Arc<Source>, span: Span) -> Diagnostic {
    let message = format!("{what}, but the gateway's home has no identity of its own yet");
    Diagnostic::error("no-identity", message, source, span)
        .label("no identity yet")
        .help("an earlier `cli`, `node_host` or `agent_turn` creates one; or name a device of the scenario")
}

/// All connections that a branch opens or uses.
fn connections_of<'a>(step: &'a StoryStep, into: &mut Vec<(&'a Spanned<String>, &'a Arc<Source>)>) {
    match &step.action {
        Action::One(one, _) => {
            let verb = one.as_verb();
            into.extend(verb.opens().into_iter().chain(verb.works_on()).map(|name| (name, &step.source)));
        }
        Action::Together(inner) | Action::Repeat(_, inner) => {
            for one in inner {
                connections_of(one, into);
            }
        }
    }
}

fn collect(value: &Value, into: &mut Vec<Reference>) {
    match value {
        Value::String(text) => {
            into.extend(parse_text(text).into_iter().flatten().filter_map(|part| match part {
                TextPart::Reference(reference, _) => Some(reference),
                TextPart::Text(_) => None,
            }));
        }
        Value::Array(list) => list.iter().for_each(|one| collect(one, into)),
        Value::Object(entries) => entries.values().for_each(|one| collect(one, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
