//! Turns drafts into scenarios: includes reused scenarios, names every step, and fills in default expectations.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::device::Device;
use super::diagnostic::Diagnostic;
use super::draft::{BUILT_IN, Draft, Drafts};
use super::expect::Expectation;
use super::file::{Deviation, Observe, Requires};
use super::reference::{Reference, references_in};
use super::source::Source;
use super::span::Spanned;
use super::story::{Action, Scenario, StoryDeviation, StoryStep, StoryVague};
use super::tree::{NodeKind, Tree};
use super::verbs::Step;
use crate::suggest::question;

/// Makes a scenario of a draft. `None` if it uses a file that has errors of its own.
///
/// # Errors
/// Fails if the scenarios that are combined contradict each other, or if one that is used does not exist.
pub(super) fn assemble(draft: &Draft, all: &Drafts) -> Result<Option<Scenario>, Vec<Diagnostic>> {
    let mut gathering = Gathering { all, order: Vec::new(), diagnostics: Vec::new(), incomplete: false };
    gathering.visit(draft, &mut Vec::new());
    let Gathering { order, mut diagnostics, incomplete, .. } = gathering;
    if incomplete && diagnostics.is_empty() {
        return Ok(None);
    }
    let devices = merged_devices(&order, &mut diagnostics);
    let config = merged_config(draft, &order, &mut diagnostics);
    let placed = order.iter().filter_map(|one| one.file.files.as_ref()).flat_map(|files| files.value.clone());
    let files: Map<String, Value> = placed.collect();
    let env =
        order.iter().filter_map(|one| one.file.env.as_ref()).flat_map(|env| env.value.clone()).collect();
    let requires = merged_requires(draft, &order, &mut diagnostics);
    let mut names = Names::of(&order, &mut diagnostics);
    let mut part = |of: fn(&Draft) -> (&[Spanned<Step>], &'static str)| -> Vec<StoryStep> {
        let mut steps = Vec::new();
        for one in &order {
            let (list, key) = of(one);
            let tree = one.tree.get(key);
            steps.extend(named_steps(list, tree, &one.source, &mut names));
        }
        steps
    };
    let steps = part(|one| (&one.file.steps, "steps"));
    let finally = part(|one| (&one.file.finally, "finally"));
    let vague = order.iter().flat_map(|one| vague_of(one)).collect();
    let deviations = order.iter().flat_map(|one| deviations_of(one)).collect();
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let texts = |list: &[Spanned<String>]| list.iter().map(|one| one.value.clone()).collect();
    Ok(Some(Scenario {
        id: draft.id.clone(),
        source: Arc::clone(&draft.source),
        title: draft.title.clone(),
        why: draft.file.why.value.clone(),
        issue: draft.file.issue.as_ref().map(|one| one.value.clone()),
        origins: texts(&draft.file.source),
        tags: texts(&draft.file.tags),
        requires,
        vars: order.iter().flat_map(|one| one.variables.iter().cloned()).collect(),
        config,
        starts_on: order.iter().rev().find_map(|one| one.file.starts_on.as_ref()).map(|one| one.value),
        files,
        env,
        alone: order.iter().any(|one| one.file.alone),
        observe_all: order.iter().any(|one| one.file.observe == Some(Observe::All)),
        devices,
        steps,
        finally,
        vague,
        deviations,
    }))
}

/// The id of a scenario named under `use`. Built-in scenarios refer to each other without the `builtin:` prefix.
fn id_of_used<'a>(draft: &Draft, used: &'a Spanned<String>) -> Cow<'a, str> {
    if draft.id.starts_with(BUILT_IN) && !used.value.starts_with(BUILT_IN) {
        Cow::Owned(format!("{BUILT_IN}{}", used.value))
    } else {
        Cow::Borrowed(&used.value)
    }
}

/// Collects a draft and everything it uses: used scenarios come first, each once.
struct Gathering<'a> {
    all: &'a Drafts,
    order: Vec<&'a Draft>,
    diagnostics: Vec<Diagnostic>,
    incomplete: bool,
}

impl<'a> Gathering<'a> {
    fn visit(&mut self, draft: &'a Draft, above: &mut Vec<&'a str>) {
        above.push(&draft.id);
        for used in &draft.file.uses {
            let wanted = id_of_used(draft, used);
            if let Some(at) = above.iter().position(|id| *id == wanted) {
                let cycle = [&above[at..], &[&*wanted]].concat().join(" → ");
                self.diagnostics.push(
                    Diagnostic::error("use-cycle", "this scenario uses itself", &draft.source, used.span)
                        .label("closes the cycle")
                        .help(format!("the cycle: {cycle}")),
                );
                continue;
            }
            if self.order.iter().any(|one| one.id == *wanted) {
                continue;
            }
            match self.all.drafts.iter().find(|one| one.id == *wanted) {
                Some(found) => self.visit(found, above),
                None => self.unknown(draft, used),
            }
        }
        above.pop();
        self.order.push(draft);
    }

    fn unknown(&mut self, draft: &Draft, used: &Spanned<String>) {
        let error = |message: String| Diagnostic::error("unknown-use", message, &draft.source, used.span);
        let wanted = id_of_used(draft, used);
        let file = self.all.files.iter().find(|(id, _)| *id == *wanted);
        if let Some((_, rows)) = file.filter(|(_, rows)| !rows.is_empty()) {
            let rows: Vec<String> = rows.iter().map(|row| format!("`{row}`")).collect();
            self.diagnostics.push(
                error(format!("`{}` is a table; name one of its rows", used.value))
                    .label("which row?")
                    .help(format!("rows: {}", rows.join(", "))),
            );
            return;
        }
        let ids = || self.all.files.iter().flat_map(|(id, rows)| std::iter::once(id).chain(rows));
        if ids().any(|id| *id == *wanted) {
            // The file exists but has errors, which are reported on their own.
            self.incomplete = true;
            return;
        }
        let help = question(&used.value, ids().map(String::as_str)).unwrap_or_else(|| {
            "an id is the file's path below `scenarios/`, without the extension".to_owned()
        });
        let message = format!("there is no scenario `{}`", used.value);
        self.diagnostics.push(error(message).label("unknown id").help(help));
    }
}

fn merged_devices(order: &[&Draft], diagnostics: &mut Vec<Diagnostic>) -> Vec<(String, Device)> {
    let mut devices: Vec<(&Spanned<String>, &Device, &Arc<Source>)> = Vec::new();
    for draft in order {
        for (name, device) in draft.file.devices.iter() {
            match devices.iter().find(|(other, ..)| other.value == name.value) {
                None => devices.push((name, device, &draft.source)),
                Some((_, other, _)) if *other == device => {}
                Some((first, _, source)) => {
                    let message = format!("the device `{}` has two different definitions", name.value);
                    diagnostics.push(
                        Diagnostic::error("device-conflict", message, &draft.source, name.span)
                            .label("differs from the one in the scenario that is used")
                            .help("rename it, or remove it here")
                            .related(source, first.span, "first defined here"),
                    );
                }
            }
        }
    }
    devices.into_iter().map(|(name, device, _)| (name.value.clone(), device.clone())).collect()
}

fn merged_config(draft: &Draft, order: &[&Draft], diagnostics: &mut Vec<Diagnostic>) -> Map<String, Value> {
    let mut merged = Map::new();
    for one in order {
        let Some(config) = &one.file.config else { continue };
        if let Err(key) = merge(&mut merged, &config.value) {
            let place = if one.id == draft.id { config.span } else { use_of(draft) };
            let message = format!("the scenarios combined here disagree on `config.{key}`");
            diagnostics.push(
                Diagnostic::error("config-conflict", message, &draft.source, place)
                    .help("they share one gateway, which has one configuration: make them agree"),
            );
        }
    }
    merged
}

fn use_of(draft: &Draft) -> super::span::Span {
    draft.file.uses.first().map_or_else(Default::default, |one| one.span)
}

/// Merges mappings key by key.
///
/// # Errors
/// Fails with the path of the first key on which they disagree.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) -> Result<(), String> {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (None, _) => {
                into.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(inner)), Value::Object(more)) => {
                merge(inner, more).map_err(|path| format!("{key}.{path}"))?;
            }
            (Some(there), _) if there == value => {}
            (Some(_), _) => return Err(key.clone()),
        }
    }
    Ok(())
}

fn merged_requires(draft: &Draft, order: &[&Draft], diagnostics: &mut Vec<Diagnostic>) -> Requires {
    let mut merged = Requires::default();
    for one in order {
        for capability in &one.file.requires.capabilities {
            if !merged.capabilities.iter().any(|other| other.value == capability.value) {
                merged.capabilities.push(capability.clone());
            }
        }
        let Some(releases) = &one.file.requires.releases else { continue };
        let Some(so_far) = &merged.releases else {
            merged.releases = Some(releases.clone());
            continue;
        };
        if let Some(both) = so_far.value.intersection(&releases.value) {
            merged.releases = Some(Spanned::new(both, releases.span));
        } else {
            let place = if one.id == draft.id { releases.span } else { use_of(draft) };
            let message = format!(
                "no release meets these requirements: `{}` and `{}` do not overlap",
                so_far.value, releases.value
            );
            diagnostics.push(Diagnostic::error("requires-conflict", message, &draft.source, place));
        }
    }
    merged
}

/// Assigns names to steps. A name that is written down is kept; the others get a number if they would clash.
struct Names {
    taken: HashSet<String>,
    count: HashMap<String, usize>,
}

impl Names {
    fn of(order: &[&Draft], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut given: Vec<(&Spanned<String>, &Arc<Source>)> = Vec::new();
        for draft in order {
            for step in draft.file.steps.iter().chain(&draft.file.finally) {
                given_names(&step.value, &draft.source, &mut given);
            }
        }
        let mut first: HashMap<&str, (&Spanned<String>, &Arc<Source>)> = HashMap::new();
        for (name, source) in given {
            let Some((other, there)) = first.insert(&name.value, (name, source)) else { continue };
            let message = format!("two steps are named `{}`", name.value);
            diagnostics.push(
                Diagnostic::error("duplicate-step", message, source, name.span)
                    .label("used again here")
                    .help("step names must be unique within a scenario; set a different `id` or `as`")
                    .related(there, other.span, "first used here"),
            );
        }
        Self { taken: first.into_keys().map(str::to_owned).collect(), count: HashMap::new() }
    }

    fn name(&mut self, step: &Step) -> String {
        let own = step.own_id();
        if step.as_verb().id().is_some() {
            return own.to_owned();
        }
        let count = self.count.entry(own.to_owned()).or_insert(0);
        loop {
            *count += 1;
            let name = if *count == 1 { own.to_owned() } else { format!("{own}-{count}") };
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

fn given_names<'a>(
    step: &'a Step,
    source: &'a Arc<Source>,
    into: &mut Vec<(&'a Spanned<String>, &'a Arc<Source>)>,
) {
    into.extend(step.as_verb().id().map(|name| (name, source)));
    for inner in step.inner() {
        given_names(&inner.value, source, into);
    }
}

fn named_steps(
    steps: &[Spanned<Step>],
    tree: Option<&Tree>,
    source: &Arc<Source>,
    names: &mut Names,
) -> Vec<StoryStep> {
    let trees = match tree.map(|tree| &tree.kind) {
        Some(NodeKind::List(list)) => list.as_slice(),
        _ => &[],
    };
    let mut named = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let id = names.name(&step.value);
        let body = trees.get(index).and_then(|tree| tree.get(step.value.verb()));
        let inner = body.and_then(|body| body.get("steps"));
        let action = match &step.value {
            Step::Together(one) => Action::Together(named_steps(&one.steps, inner, source, names)),
            Step::Sequence(one) => Action::Repeat(1, named_steps(&one.steps, inner, source, names)),
            Step::Repeat(one) => {
                Action::Repeat(one.times.value, named_steps(&one.steps, inner, source, names))
            }
            other => Action::One(other.clone(), expected(step)),
        };
        let references = match (&action, body) {
            (Action::One(..), Some(body)) => known_references(body, source),
            _ => Vec::new(),
        };
        named.push(StoryStep { id, source: Arc::clone(source), span: step.span, references, action });
    }
    named
}

fn known_references(tree: &Tree, source: &Source) -> Vec<Spanned<Reference>> {
    let found = references_in(tree, &source.text).into_iter();
    found.filter_map(|one| one.value.ok().map(|value| Spanned::new(value, one.span))).collect()
}

/// The expectation of a step: the one that is written down, or the verb's default.
fn expected(step: &Spanned<Step>) -> Option<Spanned<Expectation>> {
    let verb = step.value.as_verb();
    let default = || Some(Spanned::new(verb.default_expectation()?, step.span));
    verb.expect().cloned().or_else(default)
}

fn vague_of(draft: &Draft) -> impl Iterator<Item = StoryVague> {
    draft.file.vague.iter().map(|(step, why)| StoryVague {
        source: Arc::clone(&draft.source),
        step: step.clone(),
        why: why.clone(),
    })
}

fn deviations_of(draft: &Draft) -> Vec<StoryDeviation> {
    let holds = |one: &Deviation| match (&one.rows, &draft.row) {
        (Some(rows), Some(row)) => rows.iter().any(|name| name.value == row.value),
        _ => true,
    };
    let listed = draft.file.deviations.iter().filter(|one| holds(&one.value));
    listed
        .map(|one| StoryDeviation {
            source: Arc::clone(&draft.source),
            span: one.span,
            releases: one.releases.value,
            class: one.class.value,
            security: one.security.clone(),
            issue: one.issue.as_ref().map(|issue| issue.value.clone()),
            why: one.why.clone(),
            steps: one.steps.iter().map(|(name, outcome)| (name.clone(), outcome.clone())).collect(),
        })
        .collect()
}
