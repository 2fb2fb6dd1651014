//! Defaults of a file or a folder: keys of steps, and the `owner` device.

use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::expand::ExpandedCase;
use super::source::Source;
use super::span::{Span, Spanned};
use super::suggest::advice;
use super::tree::{NodeKind, Tree, read};
use super::verbs::VERBS;

/// Name, without extension, of the file whose keys apply to all scenarios in its folder and below.
const DEFAULTS_FILE: &str = "_defaults";

/// Name of the device and the connection that `owner:` adds.
const OWNER: &str = "owner";

/// Scopes of an owner by default: those needed to administer devices.
const OWNER_SCOPES: &[&str] = &["operator.admin", "operator.pairing"];

/// Whether an id belongs to a file of defaults.
pub fn is_of_defaults(id: &str) -> bool {
    let prefix = id.strip_suffix(DEFAULTS_FILE);
    prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(['/', ':']))
}

/// Defaults for the scenarios of a folder.
pub(super) struct FolderDefaults {
    /// Prefix of the ids of these scenarios.
    prefix: String,
    verbs: Tree,
}

impl FolderDefaults {
    /// Reads a file of defaults; `None` if the id is not that of one.
    pub(super) fn of(id: &str, source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        let prefix = id.strip_suffix(DEFAULTS_FILE).filter(|_| is_of_defaults(id))?;
        let verbs = match read(source) {
            Ok(tree) => tree,
            Err(error) => {
                diagnostics.push(*error);
                return None;
            }
        };
        diagnostics.extend(check_verbs(&verbs, source));
        Some(Self { prefix: prefix.to_owned(), verbs })
    }
}

/// Fills the defaults into a case: first those of the file itself, then those of its folders, nearest first.
pub(super) fn complete(
    case: &mut ExpandedCase,
    id: &str,
    source: &Arc<Source>,
    folders: &[FolderDefaults],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some(own) = case.tree.get("defaults").cloned() {
        let found = check_verbs(&own, source);
        if found.is_empty() {
            diagnostics.extend(unused(&own, &case.tree, source));
            fill(&mut case.tree, &own, false);
        }
        diagnostics.extend(found);
    }
    let mut above: Vec<&FolderDefaults> = folders.iter().filter(|one| id.starts_with(&one.prefix)).collect();
    above.sort_by_key(|one| std::cmp::Reverse(one.prefix.len()));
    for folder in above {
        // Keys from another file have no position in this one.
        fill(&mut case.tree, &folder.verbs, true);
    }
    add_owner(&mut case.tree, source, diagnostics);
}

fn entries(tree: &Tree) -> &[(Spanned<String>, Tree)] {
    match &tree.kind {
        NodeKind::Map(entries) => entries,
        _ => &[],
    }
}

fn check_verbs(verbs: &Tree, source: &Arc<Source>) -> Vec<Diagnostic> {
    let NodeKind::Map(entries) = &verbs.kind else {
        let message = format!("defaults are a mapping of verbs, found {}", verbs.describe());
        return vec![Diagnostic::error("wrong-type", message, source, verbs.span)];
    };
    let mut found = Vec::new();
    for (verb, keys) in entries {
        if !VERBS.contains(&verb.value.as_str()) {
            let message = format!("`{}` is not a verb", verb.value);
            let error = Diagnostic::error("unknown-verb", message, source, verb.span).label("unknown verb");
            found.push(error.maybe_help(advice("verbs", &verb.value, VERBS)));
        } else if !matches!(keys.kind, NodeKind::Map(_)) {
            let message =
                format!("the defaults of `{}` are a mapping, found {}", verb.value, keys.describe());
            found.push(Diagnostic::error("wrong-type", message, source, keys.span));
        }
    }
    found
}

/// Defaults for verbs that the file does not use.
fn unused(verbs: &Tree, whole: &Tree, source: &Arc<Source>) -> Vec<Diagnostic> {
    fn uses(steps: Option<&Tree>, verb: &str) -> bool {
        let Some(Tree { kind: NodeKind::List(list), .. }) = steps else { return false };
        list.iter().flat_map(entries).any(|(name, body)| name.value == verb || uses(body.get("steps"), verb))
    }
    let idle = entries(verbs)
        .iter()
        .filter(|(verb, _)| !["steps", "finally"].iter().any(|key| uses(whole.get(key), &verb.value)));
    idle.map(|(verb, _)| {
        let message = format!("no step of this file uses `{}`", verb.value);
        Diagnostic::error("unused-default", message, source, verb.span).label("unused").help("remove it")
    })
    .collect()
}

/// Fills defaults into all steps; with `at_the_step`, they get the step's position.
fn fill(whole: &mut Tree, verbs: &Tree, at_the_step: bool) {
    let NodeKind::Map(keys) = &mut whole.kind else { return };
    for (key, value) in keys {
        if key.value == "steps" || key.value == "finally" {
            fill_steps(value, verbs, at_the_step);
        }
    }
}

fn fill_steps(steps: &mut Tree, verbs: &Tree, at_the_step: bool) {
    let NodeKind::List(list) = &mut steps.kind else { return };
    for step in list {
        let NodeKind::Map(step) = &mut step.kind else { continue };
        for (verb, body) in step {
            let place = verb.span;
            let NodeKind::Map(written) = &mut body.kind else { continue };
            for (key, value) in verbs.get(&verb.value).map(entries).unwrap_or_default() {
                if written.iter().any(|(name, _)| name.value == key.value) {
                    continue;
                }
                let mut added = (key.clone(), value.clone());
                if at_the_step {
                    added.0.span = place;
                    place_at(&mut added.1, place);
                }
                written.push(added);
            }
            for (key, value) in written {
                if key.value == "steps" {
                    fill_steps(value, verbs, at_the_step);
                }
            }
        }
    }
}

/// Sets the position of a node and of everything below it.
fn place_at(tree: &mut Tree, span: Span) {
    tree.span = span;
    match &mut tree.kind {
        NodeKind::List(list) => list.iter_mut().for_each(|one| place_at(one, span)),
        NodeKind::Map(entries) => {
            for (key, value) in entries {
                key.span = span;
                place_at(value, span);
            }
        }
        _ => {}
    }
}

/// Adds the device and the connection of `owner: true`, or of `owner: [SCOPE, …]`.
fn add_owner(whole: &mut Tree, source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(written) = whole.get(OWNER).cloned() else { return };
    let span = written.span;
    let node = |kind: NodeKind| Tree { span, kind };
    let text = |one: &str| node(NodeKind::Text(one.to_owned()));
    let map = |pairs: Vec<(&str, Tree)>| {
        let pairs = pairs.into_iter().map(|(key, value)| (Spanned::new(key.to_owned(), span), value));
        node(NodeKind::Map(pairs.collect()))
    };
    let scopes = match &written.kind {
        NodeKind::Bool(true) => node(NodeKind::List(OWNER_SCOPES.iter().map(|one| text(one)).collect())),
        NodeKind::List(_) => written.clone(),
        // Decoding reports anything else.
        _ => return,
    };
    if whole.get("devices").is_some_and(|devices| devices.get(OWNER).is_some()) {
        let message = "`owner:` adds a device `owner`, but there is one already";
        let error = Diagnostic::error("owner-taken", message, source, span).label("would add a second one");
        diagnostics.push(error.help("rename the device, or remove `owner:`"));
        return;
    }
    let device = map(vec![("paired", map(vec![("scopes", scopes.clone())]))]);
    let connect = map(vec![("as", text(OWNER)), ("device", text(OWNER)), ("scopes", scopes)]);
    let step = map(vec![("connect", connect)]);
    let NodeKind::Map(keys) = &mut whole.kind else { return };
    for (key, value) in keys.iter_mut() {
        match (key.value.as_str(), &mut value.kind) {
            ("steps", NodeKind::List(list)) => list.insert(0, step.clone()),
            ("devices", NodeKind::Map(devices)) => {
                devices.push((Spanned::new(OWNER.to_owned(), span), device.clone()));
            }
            _ => {}
        }
    }
    if !keys.iter().any(|(key, _)| key.value == "devices") {
        keys.push((Spanned::new("devices".to_owned(), span), map(vec![(OWNER, device)])));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::{Action, Step, StoryStep, Suite, check, load};

    fn suite(files: &[(&str, Value)]) -> Suite {
        let sources: Vec<(String, Arc<Source>)> = files
            .iter()
            .map(|(id, text)| {
                ((*id).to_owned(), Arc::new(Source { path: format!("{id}.yaml"), text: text.to_string() }))
            })
            .collect();
        load(&sources)
    }

    fn scenario(more: &Value) -> Value {
        let mut file = json!({"title": "t", "why": "w", "devices": {"d": {}}, "steps": [
            {"connect": {"as": "a", "device": "d"}},
            {"together": {"steps": [
                {"sequence": {"steps": [{"connect": {"as": "b", "persona": "probe"}}]}},
                {"connect": {"as": "c"}},
            ]}},
        ]});
        file.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        file
    }

    /// Name, persona and scopes of every connect.
    fn connects(suite: &Suite) -> Vec<(String, Option<String>, Vec<String>)> {
        assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
        let steps = suite.scenarios[0].all_steps().into_iter();
        let of = |step: &StoryStep| match &step.action {
            Action::One(Step::Connect(one), _) => Some((
                one.name.value.clone(),
                one.persona.as_ref().map(|one| one.value.clone()),
                one.scopes.clone().unwrap_or_default(),
            )),
            _ => None,
        };
        steps.filter_map(of).collect()
    }

    fn row(name: &str, persona: Option<&str>, scopes: &[&str]) -> (String, Option<String>, Vec<String>) {
        (name.to_owned(), persona.map(str::to_owned), scopes.iter().map(|one| (*one).to_owned()).collect())
    }

    #[test]
    fn keys_of_a_step_win_over_its_file_and_its_nearest_folder() {
        let file = scenario(&json!({"defaults": {"connect": {"persona": "backend"}}}));
        let all = suite(&[
            ("_defaults", json!({"connect": {"scopes": ["far"], "persona": "cli"}})),
            ("x/_defaults", json!({"connect": {"scopes": ["near"]}})),
            ("y/_defaults", json!({"connect": {"scopes": ["other"]}})),
            ("x/one", file),
        ]);
        assert_eq!(
            connects(&all),
            [
                row("a", Some("backend"), &["near"]),
                row("b", Some("probe"), &["near"]),
                row("c", Some("backend"), &["near"]),
            ]
        );
    }

    #[rstest]
    #[case(json!(true), &["operator.admin", "operator.pairing"])]
    #[case(json!(["operator.read"]), &["operator.read"])]
    fn owner_adds_a_paired_device_and_its_connection(#[case] owner: Value, #[case] scopes: &[&str]) {
        let all = suite(&[("one", scenario(&json!({"owner": owner})))]);
        assert_eq!(connects(&all)[0], row("owner", None, scopes));
        let (_, device) = all.scenarios[0].devices.iter().find(|(name, _)| name == "owner").unwrap();
        assert!(device.paired.is_some());
        assert!(check(&all, true).is_empty());
    }

    #[rstest]
    #[case(json!({"defaults": {"conect": {}}}), "unknown-verb")]
    #[case(json!({"defaults": {"call": {"within": "1s"}}}), "unused-default")]
    #[case(json!({"defaults": {"connect": {"persone": "cli"}}}), "unknown-key")]
    #[case(json!({"defaults": {"connect": "cli"}}), "wrong-type")]
    #[case(json!({"owner": true, "devices": {"d": {}, "owner": {}}}), "owner-taken")]
    fn mistakes_in_defaults_are_reported(#[case] more: Value, #[case] code: &str) {
        let found = check(&suite(&[("one", scenario(&more))]), true);
        assert!(found.iter().any(|one| one.code == code), "{found:?}");
    }
}
