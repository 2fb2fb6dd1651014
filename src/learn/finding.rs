//! Writes a word that tells two targets apart as a scenario file.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::alphabet::Alphabet;
use super::answer::words_for;
use super::machine::Input;
use crate::release::Release;
use crate::run::Cell;
use crate::scenario::FlowValue;
use crate::verdict::Outcome;

/// What two targets did with a word.
pub(super) struct Replayed<'a> {
    /// The word.
    pub(super) word: &'a [Input],
    /// What the first target did; its outcome is listed as a deviation.
    pub(super) first: &'a Cell,
    /// What the second target did; its outcome is written as the right one.
    pub(super) second: &'a Cell,
}

/// The text of a scenario file that asks the word, up to the step in which the targets differ; `None` if they do not.
///
/// What the second target did is written as right, and what the first did as an `unreviewed` deviation if it has an older
/// release. A person has to review both.
pub(super) fn scenario_text(alphabet: &Alphabet, replayed: &Replayed<'_>) -> Option<String> {
    let steps: Vec<Value> = alphabet
        .before()
        .iter()
        .cloned()
        .chain(alphabet.steps(replayed.word).into_iter().flatten())
        .collect();
    let outcomes = |cell: &Cell| -> Vec<Option<Outcome>> {
        cell.steps.iter().map(|step| step.outcome.clone()).collect()
    };
    let (first, second) = (outcomes(replayed.first), outcomes(replayed.second));
    let told = |outcome: &Option<Outcome>| outcome.as_ref().and_then(words_for);
    let last = (0..steps.len()).rev().find(|at| {
        let (one, other) =
            (first.get(*at).and_then(Option::as_ref), second.get(*at).and_then(Option::as_ref));
        one.is_some() && other.is_some() && told(&one.cloned()) != told(&other.cloned())
    })?;
    let mut file = FileSteps::default();
    for (at, step) in steps.into_iter().enumerate().take(last + 1) {
        // What was not possible is left out.
        let Some(outcome) = second.get(at)?.as_ref() else { continue };
        file.add(step, outcome, at == last);
    }
    let (one, other) = (first.get(last)?.as_ref()?, second.get(last)?.as_ref()?);
    let name = replayed.second.steps.get(last)?.id.clone();
    Some(text(alphabet, replayed, &file.finished(), &name, (one, other)))
}

fn text(
    alphabet: &Alphabet,
    replayed: &Replayed<'_>,
    steps: &[Value],
    differing: &str,
    (first, second): (&Outcome, &Outcome),
) -> String {
    let spelt = alphabet.spell(replayed.word);
    let told = |outcome| words_for(outcome).unwrap_or_default();
    let title = format!("To be reviewed: what comes of {spelt}");
    let why = format!(
        "To be reviewed: {} answers {}, {} answers {}.",
        replayed.first.target,
        told(first),
        replayed.second.target,
        told(second)
    );
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "title: {}\nwhy: {}\nsource: [own]\ntags: [learnt]\n",
        flow(&json!(title)),
        flow(&json!(why))
    );
    let used = used_devices(alphabet.devices(), steps);
    if !used.is_empty() {
        let _ = writeln!(text, "devices:");
        for (name, device) in used {
            let _ = writeln!(text, "  {name}: {}", flow(&device));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "steps:");
    for step in steps {
        for (verb, body) in step.as_object().into_iter().flatten() {
            let _ = writeln!(text, "  - {verb}: {}", flow(body));
        }
    }
    if let Some(releases) = between(replayed.first.release, replayed.second.release) {
        let outcome = expectation(first, true).unwrap_or_else(|| json!("ok"));
        let _ = write!(
            text,
            "\ndeviations:\n  - releases: {}\n    class: unreviewed\n    steps: {}\n",
            flow(&json!(releases)),
            flow(&json!({differing: outcome}))
        );
    }
    text
}

fn flow(value: &Value) -> String {
    FlowValue(value).to_string()
}

/// The releases from the first up to, and without, the second.
fn between(first: Option<Release>, second: Option<Release>) -> Option<String> {
    let (first, second) = (first?, second?);
    (first < second).then(|| format!(">={first}, <{second}"))
}

fn used_devices(devices: &Map<String, Value>, steps: &[Value]) -> Vec<(String, Value)> {
    let text = Value::from(steps.to_vec()).to_string();
    let is_used = |name: &str| {
        text.contains(&format!("\"device\":\"{name}\"")) || text.contains(&format!("${{device.{name}."))
    };
    let used = devices.iter().filter(|(name, _)| is_used(name));
    used.map(|(name, device)| (name.clone(), device.clone())).collect()
}

/// The steps of a file: each with its expectation, and every capture with a name of its own.
#[derive(Default)]
struct FileSteps {
    steps: Vec<Value>,
    /// The current name of each capture.
    names: HashMap<String, String>,
    times: HashMap<String, usize>,
    used: BTreeSet<String>,
}

impl FileSteps {
    fn add(&mut self, step: Value, outcome: &Outcome, is_last: bool) {
        let mut step = step;
        let Some((_, body)) = step.as_object_mut().and_then(|one| one.iter_mut().next()) else { return };
        self.refer(body);
        let document = outcome.document();
        let saved = body.as_object_mut().and_then(|body| body.shift_remove("save"));
        let mut saves = Map::new();
        for (name, place) in saved.as_ref().and_then(Value::as_object).into_iter().flatten() {
            let there = place.as_str().is_none_or(|pointer| document.pointer(pointer).is_some());
            if there && !is_last {
                let times = self.times.entry(name.clone()).or_insert(0);
                *times += 1;
                let own = if *times == 1 { name.clone() } else { format!("{name}_{times}") };
                self.names.insert(name.clone(), own.clone());
                saves.insert(own, place.clone());
            }
        }
        if let Some(body) = body.as_object_mut() {
            if !saves.is_empty() {
                body.insert("save".to_owned(), Value::Object(saves));
            }
            if let Some(expected) = expectation(outcome, is_last) {
                body.insert("expect".to_owned(), expected);
            }
        }
        self.steps.push(step);
    }

    /// Makes the references of a step name the latest captures.
    fn refer(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for (name, own) in &self.names {
                    for end in ["}", "|"] {
                        let reference = format!("${{{name}{end}");
                        if text.contains(&reference) {
                            *text = text.replace(&reference, &format!("${{{own}{end}"));
                            self.used.insert(own.clone());
                        }
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|one| self.refer(one)),
            Value::Object(entries) => entries.values_mut().for_each(|one| self.refer(one)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The steps, without captures that nothing uses.
    fn finished(mut self) -> Vec<Value> {
        for step in &mut self.steps {
            for body in step.as_object_mut().into_iter().flat_map(|one| one.values_mut()) {
                let Some(body) = body.as_object_mut() else { continue };
                if let Some(Value::Object(saves)) = body.get_mut("save") {
                    saves.retain(|name, _| self.used.contains(name));
                }
                if body.get("save").is_some_and(|saves| saves.as_object().is_some_and(Map::is_empty)) {
                    body.shift_remove("save");
                }
            }
        }
        self.steps
    }
}

/// An expectation that the outcome meets; `None` where the usual one says enough.
fn expectation(outcome: &Outcome, exactly: bool) -> Option<Value> {
    let details = |details: &Value| {
        let told = ["code", "reason"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), details.get(key)?.clone())));
        let told: Map<String, Value> = told.collect();
        (!told.is_empty()).then_some(Value::Object(told))
    };
    match outcome {
        Outcome::Hello { payload } if exactly => {
            let auth = payload.get("auth").map_or(json!("$absent"), |auth| granted(auth, "deviceToken"));
            Some(json!({"hello": {"auth": auth}}))
        }
        Outcome::Ok { payload } if exactly => Some(json!({"ok": granted(payload, "token")})),
        Outcome::Closed { close, error } => {
            let code = close.code.map_or_else(|| json!("none"), |code| json!(code));
            let mut written = Map::from_iter([("closed".to_owned(), code)]);
            let told = error.as_ref().and_then(|error| details(&error.details));
            written.extend(told.map(|told| ("details".to_owned(), told)));
            Some(Value::Object(written))
        }
        Outcome::Refused { error } => {
            let mut written = Map::from_iter([("error".to_owned(), json!(error.code))]);
            written.extend(details(&error.details).map(|told| ("details".to_owned(), told)));
            Some(Value::Object(written))
        }
        Outcome::Http { status, .. } => Some(json!({"http": status})),
        Outcome::Silence => Some(json!("silence")),
        _ => None,
    }
}

/// A pattern for what was granted.
fn granted(payload: &Value, token: &str) -> Value {
    let mut pattern = Map::new();
    for key in ["role", "scopes"] {
        if let Some(value) = payload.get(key) {
            pattern.insert(key.to_owned(), value.clone());
        }
    }
    let there = payload.get(token).is_some_and(Value::is_string);
    pattern.insert(token.to_owned(), json!(if there { "$any" } else { "$absent" }));
    Value::Object(pattern)
}
