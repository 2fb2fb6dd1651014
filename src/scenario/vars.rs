//! Variables of a scenario file: `vars` declares them with their defaults, and `${var.NAME}` refers to them. They are filled
//! in before anything else is read, so that everything after sees their values alone.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::diagnostic::Diagnostic;
use super::expand::changed;
use super::reference::{Piece, is_name, pieces, place_of};
use super::source::Source;
use super::span::{Span, Spanned};
use super::suggest::advice;
use super::tree::{NodeKind, Tree};

/// How a reference to a variable begins.
const BEGINNING: &str = "${var.";

/// Values from the command line, by the name of the variable, as they are written there.
pub type GivenVars = BTreeMap<String, String>;

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VarValue {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

/// A variable of a scenario, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The value that was filled in.
    pub value: VarValue,
    /// The value from the command line, as it is written there; `None` if the default was used.
    pub given: Option<String>,
    /// Whether the value is the default of the file, given or not.
    pub is_default: bool,
}

impl VarValue {
    /// The value of a default; `None` if it has no value yet, or is a list or a mapping.
    fn of(tree: &Tree) -> Option<Self> {
        match &tree.kind {
            NodeKind::Bool(one) => Some(Self::Bool(*one)),
            NodeKind::Number(one) => Some(Self::Number(one.clone())),
            NodeKind::Text(one) => Some(Self::Text(one.clone())),
            NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => None,
        }
    }

    fn into_kind(self) -> NodeKind {
        match self {
            Self::Bool(one) => NodeKind::Bool(one),
            Self::Number(one) => NodeKind::Number(one),
            Self::Text(one) => NodeKind::Text(one),
        }
    }
}

impl fmt::Display for VarValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(one) => one.fmt(f),
            Self::Number(one) => one.fmt(f),
            Self::Text(one) => one.fmt(f),
        }
    }
}

/// Reads a value from the command line. It has the type of the default; without a default, what is a number, a boolean or a
/// text in JSON is that, and anything else is a text as it is.
///
/// # Errors
/// Fails with the type that the value should have.
fn read_given(text: &str, default: Option<&VarValue>) -> Result<VarValue, &'static str> {
    let as_json = || serde_json::from_str::<VarValue>(text).ok();
    match default {
        None => Ok(as_json().unwrap_or_else(|| VarValue::Text(text.to_owned()))),
        Some(VarValue::Text(_)) => Ok(VarValue::Text(text.to_owned())),
        Some(VarValue::Number(_)) => {
            as_json().filter(|one| matches!(one, VarValue::Number(_))).ok_or("a number")
        }
        Some(VarValue::Bool(_)) => {
            as_json().filter(|one| matches!(one, VarValue::Bool(_))).ok_or("`true` or `false`")
        }
    }
}

/// A file with its variables filled in.
pub(super) struct FilledVars {
    /// The tree without `vars`; `None` if a variable has no value.
    pub(super) tree: Option<Tree>,
    /// The variables.
    pub(super) variables: Vec<Variable>,
    /// What is wrong with them.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Fills the variables of a file in.
pub(super) fn fill_vars(tree: &Tree, source: &Arc<Source>, given: &GivenVars) -> FilledVars {
    let NodeKind::Map(entries) = &tree.kind else {
        return FilledVars { tree: Some(tree.clone()), variables: Vec::new(), diagnostics: Vec::new() };
    };
    let mut work = Filling {
        source,
        declared: Vec::new(),
        variables: Vec::new(),
        used: HashSet::new(),
        found: Vec::new(),
    };
    if let Some(vars) = tree.get("vars") {
        work.declare(vars, given);
    }
    let body = entries.iter().filter(|(key, _)| key.value != "vars").cloned().collect();
    let filled = work.fill(&Tree { span: tree.span, kind: NodeKind::Map(body) });
    let is_filled = work.found.is_empty();
    work.unused();
    FilledVars { tree: is_filled.then_some(filled), variables: work.variables, diagnostics: work.found }
}

struct Filling<'a> {
    source: &'a Arc<Source>,
    /// Names of all variables, those without a value as well.
    declared: Vec<Spanned<String>>,
    variables: Vec<Variable>,
    used: HashSet<String>,
    found: Vec<Diagnostic>,
}

impl Filling<'_> {
    fn error(&self, code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error(code, message, self.source, span)
    }

    fn declare(&mut self, vars: &Tree, given: &GivenVars) {
        let NodeKind::Map(entries) = &vars.kind else {
            let message = format!("`vars` is a mapping of names to defaults, found {}", vars.describe());
            let error = self.error("wrong-type", message, vars.span);
            self.found.push(error.help("write `vars:`, and below it lines such as `role: operator`"));
            return;
        };
        for (name, default) in entries {
            self.declared.push(name.clone());
            match self.value(name, default, given.get(&name.value)) {
                Ok(variable) => self.variables.push(variable),
                Err(error) => self.found.push(*error),
            }
        }
    }

    fn value(
        &self,
        name: &Spanned<String>,
        default: &Tree,
        given: Option<&String>,
    ) -> Result<Variable, Box<Diagnostic>> {
        let word = &name.value;
        if !is_name(word) {
            let message = format!("`{word}` is not a valid name for a variable");
            let error = self.error("bad-name", message, name.span);
            return Err(Box::new(error.help("a name consists of letters, digits, `-` and `_`")));
        }
        if matches!(default.kind, NodeKind::List(_) | NodeKind::Map(_)) {
            let message = format!("the default of `{word}` is {}", default.describe());
            let error = self.error("wrong-type", message, default.span);
            let help = "a variable is a text, a number or a boolean; `null` if it has no default";
            return Err(Box::new(error.help(help)));
        }
        let default_value = VarValue::of(default);
        let value = match (given, &default_value) {
            (Some(text), default_value) => read_given(text, default_value.as_ref()).map_err(|wanted| {
                let message =
                    format!("`--var {word}={text}` does not fit: the default of `{word}` is {wanted}");
                let error = self.error("bad-var", message, default.span).label("the default");
                Box::new(error.help(format!("give {wanted}")))
            })?,
            (None, Some(default_value)) => default_value.clone(),
            (None, None) => {
                let error =
                    self.error("missing-var", format!("the variable `{word}` has no value"), name.span);
                let help = format!("give it one with `--var {word}=VALUE`, or write a default here");
                return Err(Box::new(error.label("has no default").help(help)));
            }
        };
        if matches!(&value, VarValue::Text(text) if text.contains(BEGINNING)) {
            let message = format!("the value of `{word}` refers to a variable");
            let error = self.error("nested-var", message, default.span);
            return Err(Box::new(error.help("write the value itself; other references are allowed")));
        }
        let is_default = default_value.as_ref() == Some(&value);
        Ok(Variable { name: word.clone(), value, given: given.cloned(), is_default })
    }

    fn unused(&mut self) {
        let unused: Vec<Diagnostic> = self
            .declared
            .iter()
            .filter(|name| is_name(&name.value) && !self.used.contains(&name.value))
            .map(|name| {
                let message = format!("the variable `{}` is never used", name.value);
                let error = self.error("unused-var", message, name.span).label("unused");
                error.help(format!("use it as `${{var.{}}}`, or remove it", name.value))
            })
            .collect();
        self.found.extend(unused);
    }

    /// A copy of the tree in which references to variables are replaced by their values.
    fn fill(&mut self, tree: &Tree) -> Tree {
        let kind = match &tree.kind {
            NodeKind::Text(text) => self.fill_text(text, tree.span),
            NodeKind::List(list) => NodeKind::List(list.iter().map(|one| self.fill(one)).collect()),
            NodeKind::Map(entries) => {
                let mut filled: Vec<(Spanned<String>, Tree)> = Vec::new();
                for (key, value) in entries {
                    let name = match self.fill_text(&key.value, key.span) {
                        NodeKind::Bool(one) => one.to_string(),
                        NodeKind::Number(one) => one.to_string(),
                        NodeKind::Text(one) => one,
                        NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => key.value.clone(),
                    };
                    if filled.iter().any(|(other, _)| other.value == name) {
                        let message = format!("`{}` becomes `{name}`, a key that exists already", key.value);
                        self.found.push(self.error("duplicate-key", message, key.span));
                    }
                    filled.push((Spanned::new(name, key.span), self.fill(value)));
                }
                NodeKind::Map(filled)
            }
            other => other.clone(),
        };
        Tree { span: tree.span, kind }
    }

    fn fill_text(&mut self, text: &str, span: Span) -> NodeKind {
        if !text.contains(BEGINNING) {
            return NodeKind::Text(text.to_owned());
        }
        // An unclosed reference is reported together with all other references.
        let pieces = pieces(text).unwrap_or_default();
        let mut filled = String::new();
        let mut done = 0;
        for piece in pieces {
            let Piece::Reference(inner, place) = piece else { continue };
            let Some(written) = inner.strip_prefix("var.") else { continue };
            let Some(value) = self.referred(inner, written, span) else { continue };
            if place.start == 0 && place.end == text.len() {
                return value.into_kind();
            }
            filled.push_str(&text[done..place.start]);
            filled.push_str(&value.to_string());
            done = place.end;
        }
        filled.push_str(&text[done..]);
        NodeKind::Text(filled)
    }

    /// The value of a reference, with the changes that it asks for.
    fn referred(&mut self, inner: &str, written: &str, span: Span) -> Option<VarValue> {
        let (name, changes) = written.split_once('|').map_or((written, None), |(a, b)| (a, Some(b)));
        self.used.insert(name.to_owned());
        let place = place_of(&format!("${{{inner}}}"), span, &self.source.text);
        let Some(value) = self.variables.iter().find(|one| one.name == name).map(|one| one.value.clone())
        else {
            let names: Vec<&str> = self.declared.iter().map(|one| one.value.as_str()).collect();
            if !names.contains(&name) {
                let error = unknown_var(name, self.source, place);
                self.found.push(match advice("variables", name, &names) {
                    Some(help) => error.help(help),
                    None => error,
                });
            }
            return None;
        };
        let Some(changes) = changes else { return Some(value) };
        match changed(&Tree { span, kind: value.into_kind() }, changes) {
            Ok(tree) => VarValue::of(&tree),
            Err(message) => {
                self.found.push(self.error("unknown-change", message, place).label("does not apply"));
                None
            }
        }
    }
}

/// The mistake of a reference to a variable that the file does not have.
pub(super) fn unknown_var(name: &str, source: &Arc<Source>, span: Span) -> Diagnostic {
    Diagnostic::error("unknown-var", format!("this file has no variable `{name}`"), source, span)
        .label("unknown variable")
        .help(format!("declare it: `vars: {{{name}: DEFAULT}}`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::{Action, Step, Suite, check, load_with};

    fn suite(more: &Value, given: &[(&str, &str)]) -> Suite {
        let mut file = json!({"title": "t", "why": "w", "devices": {"d": {}}, "steps": [
            {"connect": {"as": "a", "device": "d"}},
        ]});
        file.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let source = Arc::new(Source { path: "one.yaml".to_owned(), text: file.to_string() });
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load_with(&[("one".to_owned(), source)], &given)
    }

    /// A file that calls a method with `params`, and has variables.
    fn calling(vars: &Value, params: &Value) -> Value {
        json!({"vars": vars, "steps": [
            {"connect": {"as": "a", "device": "d"}},
            {"call": {"on": "a", "method": "health", "params": params}},
        ]})
    }

    fn params(suite: &Suite) -> Value {
        assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
        let Action::One(Step::Call(call), _) = &suite.scenarios[0].steps[1].action else { unreachable!() };
        call.params.as_ref().unwrap().value.clone()
    }

    #[rstest]
    #[case::a_default(json!({"x": 5}), &[], json!({"a": "${var.x}"}), json!({"a": 5}))]
    #[case::given(json!({"x": 5}), &[("x", "6")], json!({"a": "${var.x}"}), json!({"a": 6}))]
    #[case::within_a_text(json!({"x": 5}), &[], json!({"a": "<${var.x}>"}), json!({"a": "<5>"}))]
    #[case::a_text_stays_one(json!({"x": "5"}), &[("x", "6")], json!({"a": "${var.x}"}), json!({"a": "6"}))]
    #[case::a_boolean(json!({"x": false}), &[("x", "true")], json!({"a": "${var.x}"}), json!({"a": true}))]
    #[case::no_default(json!({"x": null}), &[("x", "1")], json!({"a": "${var.x}"}), json!({"a": 1}))]
    #[case::a_text_in_json(json!({"x": null}), &[("x", "\"1\"")], json!({"a": "${var.x}"}), json!({"a": "1"}))]
    #[case::two(json!({"x": "p", "y": "q"}), &[], json!({"a": "${var.x}${var.y}"}), json!({"a": "pq"}))]
    #[case::in_a_key(json!({"x": "p"}), &[], json!({"${var.x}": 1}), json!({"p": 1}))]
    #[case::changed(json!({"x": "p"}), &[], json!({"a": "${var.x|upper}"}), json!({"a": "P"}))]
    #[case::escaped(json!({"x": "p"}), &[], json!({"a": "${var.x}$${var.x}"}), json!({"a": "p$${var.x}"}))]
    #[case::another_reference(
        json!({"x": "${gateway.port}"}), &[], json!({"a": "${var.x}"}), json!({"a": "${gateway.port}"})
    )]
    fn references_become_values(
        #[case] vars: Value,
        #[case] given: &[(&str, &str)],
        #[case] written: Value,
        #[case] filled: Value,
    ) {
        assert_eq!(params(&suite(&calling(&vars, &written), given)), filled);
    }

    #[test]
    fn every_part_of_a_file_can_use_variables() {
        let file = json!({
            "title": "${var.role}", "vars": {"role": "node", "row": "first"},
            "config": {"a": "${var.role}"}, "devices": {"d": {"paired": {"roles": ["${var.role}"]}}},
            "each": [{"name": "${var.row}", "value": "${var.role}"}],
            "env": {"X": "${each.value}"},
        });
        let suite = suite(&file, &[("role", "operator")]);
        assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
        let one = &suite.scenarios[0];
        assert_eq!((one.id.as_str(), one.title.as_str()), ("one/first", "operator (first)"));
        assert_eq!(one.config["a"], "operator");
        assert_eq!(one.env["X"], "operator");
        assert_eq!(one.vars[0].given.as_deref(), Some("operator"));
        assert_eq!((one.vars[0].is_default, one.vars[1].is_default), (false, true));
    }

    #[rstest]
    #[case(json!({"x": "p"}), &[], json!("${var.y}${var.x}"), "unknown-var", "this file has no variable `y`")]
    #[case(json!({"x": "p"}), &[], json!(1), "unused-var", "the variable `x` is never used")]
    #[case(json!({"x.y": 1}), &[], json!(1), "bad-name", "`x.y` is not a valid name for a variable")]
    #[case(json!({"x": null}), &[], json!("${var.x}"), "missing-var", "the variable `x` has no value")]
    #[case(json!({"x": [1]}), &[], json!("${var.x}"), "wrong-type", "the default of `x` is a list")]
    #[case(json!("x"), &[], json!(1), "wrong-type", "`vars` is a mapping of names to defaults, found the text \"x\"")]
    #[case(
        json!({"x": 1}), &[("x", "p")], json!("${var.x}"), "bad-var",
        "`--var x=p` does not fit: the default of `x` is a number"
    )]
    #[case(
        json!({"x": "p"}), &[("x", "${var.x}")], json!("${var.x}"), "nested-var",
        "the value of `x` refers to a variable"
    )]
    #[case(json!({"x": "p"}), &[], json!("${var.x|cut}"), "unknown-change", "there is no change `cut`")]
    fn mistakes_are_one_diagnostic_each(
        #[case] vars: Value,
        #[case] given: &[(&str, &str)],
        #[case] written: Value,
        #[case] code: &str,
        #[case] message: &str,
    ) {
        let found = check(&suite(&calling(&vars, &json!({"a": written})), given), true);
        let found: Vec<_> = found.iter().map(|one| (one.code, one.message.as_str())).collect();
        assert_eq!(found, [(code, message)]);
    }

    #[test]
    fn a_variable_without_a_value_names_the_option() {
        let found = suite(&calling(&json!({"x": null}), &json!({"a": "${var.x}"})), &[]).diagnostics;
        let help = "give it one with `--var x=VALUE`, or write a default here";
        assert_eq!(found[0].help.as_deref(), Some(help));
    }

    proptest! {
        /// Whatever is given for a text is that text, also within another one.
        #[test]
        fn a_given_text_is_kept(text in "[^$]*") {
            let file = calling(&json!({"x": "p"}), &json!({"a": "${var.x}", "b": "<${var.x}>"}));
            let expected = json!({"a": &text, "b": format!("<{text}>")});
            prop_assert_eq!(params(&suite(&file, &[("x", &text)])), expected);
        }
    }
}
