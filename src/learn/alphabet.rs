//! Alphabets: the inputs of a learner, each a short piece of a scenario.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::machine::Input;
use crate::scenario::{self, Scenario, Severity, Source, load};
use crate::suggest::did_you_mean;

/// The alphabets of this version.
const BUILT_IN: [(&str, &str); 6] = [
    ("lifecycle", include_str!("../../suite-data/alphabets/lifecycle.yaml")),
    ("handshake", include_str!("../../suite-data/alphabets/handshake.yaml")),
    ("nodes", include_str!("../../suite-data/alphabets/nodes.yaml")),
    ("roles", include_str!("../../suite-data/alphabets/roles.yaml")),
    ("scopes", include_str!("../../suite-data/alphabets/scopes.yaml")),
    ("two-devices", include_str!("../../suite-data/alphabets/two-devices.yaml")),
];

/// Inputs that a learner puts into words. All words share devices and first steps; every word has fresh keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Alphabet {
    /// Its name: that of its file.
    pub name: String,
    /// What its inputs are about, in one line.
    pub title: String,
    devices: Map<String, Value>,
    before: Vec<Value>,
    after: Vec<Value>,
    inputs: Vec<AlphabetInput>,
}

/// An input: its name, and the steps that it stands for.
#[derive(Clone, Debug, PartialEq)]
struct AlphabetInput {
    name: String,
    steps: Vec<Value>,
}

/// An alphabet as its file is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlphabetFile {
    title: String,
    #[serde(default)]
    devices: Map<String, Value>,
    #[serde(default)]
    before: Vec<Value>,
    /// Steps after the last input, which tidy up; what they are answered does not count.
    #[serde(default)]
    after: Vec<Value>,
    inputs: Map<String, Value>,
}

/// Why a text is no alphabet.
#[derive(Debug, thiserror::Error)]
pub enum AlphabetError {
    /// It does not have the right keys.
    #[error("the alphabet `{name}` cannot be read")]
    Shape {
        /// Its name.
        name: String,
        /// What is wrong.
        source: Box<serde_saphyr::Error>,
    },
    /// It has no inputs.
    #[error("the alphabet `{0}` has no inputs")]
    Empty(String),
    /// An input is not a list of simple steps.
    #[error(
        "the input `{input}` of the alphabet `{name}` must be a list of steps, none of them with steps inside"
    )]
    Steps {
        /// The name of the alphabet.
        name: String,
        /// The name of the input.
        input: String,
    },
    /// The steps of an input are wrong.
    #[error("the input `{input}` of the alphabet `{name}` is wrong: {message}")]
    Input {
        /// The name of the alphabet.
        name: String,
        /// The name of the input.
        input: String,
        /// What the check of scenarios says about it.
        message: String,
    },
    /// There is no such alphabet.
    #[error("there is no alphabet `{name}`{}: the built-in ones are {}",
        suggestion.as_deref().map(|one| format!(" (did you mean `{one}`?)")).unwrap_or_default(), known.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// A similar name.
        suggestion: Option<String>,
        /// All names.
        known: Vec<String>,
    },
}

impl Alphabet {
    /// The names of the built-in alphabets.
    pub fn built_in_names() -> Vec<String> {
        BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    /// A built-in alphabet.
    ///
    /// # Errors
    /// Fails if there is none of this name.
    pub fn built_in(name: &str) -> Result<Self, AlphabetError> {
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known = Self::built_in_names();
            let suggestion = did_you_mean(name, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(AlphabetError::Unknown { name: name.to_owned(), suggestion, known });
        };
        Self::read(name, text)
    }

    /// Reads an alphabet, and checks the steps of each of its inputs as `gatecrash check` does.
    ///
    /// # Errors
    /// Fails if a key is missing or unknown, or an input is not a list of valid steps.
    pub fn read(name: &str, text: &str) -> Result<Self, AlphabetError> {
        let file: AlphabetFile = serde_saphyr::from_str(text)
            .map_err(|source| AlphabetError::Shape { name: name.to_owned(), source: Box::new(source) })?;
        let steps = |(input, steps): (String, Value)| match steps {
            Value::Array(steps) if !steps.is_empty() && steps.iter().all(is_simple) => {
                Ok(AlphabetInput { name: input, steps })
            }
            _ => Err(AlphabetError::Steps { name: name.to_owned(), input }),
        };
        let inputs = file.inputs.into_iter().map(steps).collect::<Result<Vec<_>, _>>()?;
        if inputs.is_empty() {
            return Err(AlphabetError::Empty(name.to_owned()));
        }
        let AlphabetFile { title, devices, before, after, .. } = file;
        for (part, steps) in [("before", &before), ("after", &after)] {
            if !steps.iter().all(is_simple) {
                return Err(AlphabetError::Steps { name: name.to_owned(), input: part.to_owned() });
            }
        }
        let alphabet = Self { name: name.to_owned(), title, devices, before, after, inputs };
        alphabet.check()?;
        Ok(alphabet)
    }

    /// Each input, twice in a row, must be a scenario without mistakes.
    fn check(&self) -> Result<(), AlphabetError> {
        /// A word saves the same captures again and again, and need not use them.
        const OF_WORDS: &[&str] = &["duplicate-capture", "unused-capture"];
        for input in 0..self.inputs.len() {
            let suite = load(&[(self.name.clone(), self.source(&[input; 2]))]);
            let found = scenario::check(&suite, false);
            let mistake =
                found.iter().find(|one| one.severity == Severity::Error && !OF_WORDS.contains(&one.code));
            if let Some(mistake) = mistake {
                let message = mistake
                    .help
                    .as_ref()
                    .map_or_else(|| mistake.message.clone(), |help| format!("{} ({help})", mistake.message));
                let (name, input) = (self.name.clone(), self.input_name(input).to_owned());
                return Err(AlphabetError::Input { name, input, message });
            }
        }
        Ok(())
    }

    /// The number of inputs.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether it has no inputs; never true for one that was read.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// The name of an input; empty for a number that is none.
    pub fn input_name(&self, input: Input) -> &str {
        self.inputs.get(input).map_or("", |one| &one.name)
    }

    /// The names of the inputs, in order.
    pub fn input_names(&self) -> Vec<String> {
        self.inputs.iter().map(|one| one.name.clone()).collect()
    }

    /// A word in letters, such as `node, revoke-node, node`; `start` for the empty one.
    pub fn spell(&self, word: &[Input]) -> String {
        if word.is_empty() {
            return "start".to_owned();
        }
        word.iter().map(|input| self.input_name(*input)).collect::<Vec<_>>().join(", ")
    }

    /// The devices of every word, as a scenario writes them.
    pub(super) const fn devices(&self) -> &Map<String, Value> {
        &self.devices
    }

    /// The steps before the first input.
    pub(super) fn before(&self) -> &[Value] {
        &self.before
    }

    /// The steps of each input of a word. Where an input comes again, the names of its steps get a number.
    pub(super) fn steps(&self, word: &[Input]) -> Vec<Vec<Value>> {
        let mut times = vec![0; self.inputs.len()];
        word.iter()
            .filter_map(|input| {
                let one = self.inputs.get(*input)?;
                times[*input] += 1;
                Some(numbered(&one.steps, times[*input]))
            })
            .collect()
    }

    /// The scenario of a word: it goes on whatever a step answers, and judges nothing.
    ///
    /// # Errors
    /// Fails if the word holds a number that is no input, or its steps do not fit together.
    pub(super) fn scenario(&self, word: &[Input], id: &str) -> Result<Scenario, AlphabetError> {
        let suite = load(&[(id.to_owned(), self.source(word))]);
        let wrong = || {
            let message = suite.diagnostics.first().map_or_else(String::new, |one| one.message.clone());
            AlphabetError::Input { name: self.name.clone(), input: self.spell(word), message }
        };
        suite.scenarios.first().cloned().map(Scenario::only_observed).ok_or_else(wrong)
    }

    fn source(&self, word: &[Input]) -> Arc<Source> {
        let steps: Vec<Value> =
            self.before.iter().cloned().chain(self.steps(word).into_iter().flatten()).collect();
        let file = json!({
            "title": self.spell(word), "why": self.title, "devices": self.devices, "observe": "all", "steps": steps,
            "finally": self.after,
        });
        Arc::new(Source { path: format!("alphabet {}", self.name), text: file.to_string() })
    }

    /// For every step of a word's scenario, the position in the word that it belongs to; `None` before the first.
    pub(super) fn positions(&self, word: &[Input]) -> Vec<Option<usize>> {
        let of_input = |(at, input): (usize, &Input)| {
            let steps = self.inputs.get(*input).map_or(0, |one| one.steps.len());
            std::iter::repeat_n(Some(at), steps)
        };
        let before = std::iter::repeat_n(None, self.before.len());
        let after = std::iter::repeat_n(None, self.after.len());
        before.chain(word.iter().enumerate().flat_map(of_input)).chain(after).collect()
    }
}

/// Whether a value is one step without steps inside.
fn is_simple(step: &Value) -> bool {
    let verbs = step.as_object().map(|one| one.keys().map(String::as_str).collect::<Vec<_>>());
    matches!(verbs.as_deref(), Some([verb]) if !["together", "sequence", "repeat"].contains(verb))
}

/// Steps with a number behind the names that they give and use themselves, from the second time on.
fn numbered(steps: &[Value], time: usize) -> Vec<Value> {
    if time < 2 {
        return steps.to_vec();
    }
    let bodies = |steps: &[Value]| -> Vec<Value> {
        steps.iter().filter_map(|step| step.as_object()?.values().next().cloned()).collect()
    };
    let given: Vec<String> = bodies(steps)
        .iter()
        .flat_map(|body| {
            ["as", "id"].into_iter().filter_map(|key| body.get(key)?.as_str().map(str::to_owned))
        })
        .collect();
    let renamed = |body: &mut Value| {
        for key in ["as", "id", "on"] {
            if let Some(Value::String(name)) = body.get_mut(key)
                && given.contains(name)
            {
                *name = format!("{name}-{time}");
            }
        }
    };
    let mut steps = steps.to_vec();
    for step in &mut steps {
        step.as_object_mut().into_iter().flat_map(|one| one.values_mut()).for_each(renamed);
    }
    steps
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    use crate::learn::machine::Word;

    const SMALL: &str = "
title: Two inputs
devices: {owner: {paired: {scopes: [operator.admin]}}, laptop: {}}
before:
  - connect: {as: owner, device: owner, save: {token: {at: /nothing, else: none}}}
inputs:
  operator:
    - connect: {as: operator, device: laptop, save: {token: /auth/deviceToken}}
    - disconnect: {on: operator}
  token:
    - connect: {as: token, device: laptop, auth: {device_token: \"${token}\"}}
  approve:
    - approve: {on: owner, device: laptop}
";

    #[test]
    fn the_built_in_alphabets_are_sound() {
        let names = Alphabet::built_in_names();
        assert!(names.contains(&"lifecycle".to_owned()), "{names:?}");
        for name in &names {
            let alphabet = Alphabet::built_in(name).unwrap_or_else(|error| panic!("{error}"));
            let everything: Word = (0..alphabet.len()).chain(0..alphabet.len()).collect();
            alphabet.scenario(&everything, "learn/all").unwrap_or_else(|error| panic!("{error}"));
        }
        assert!(Alphabet::built_in("lifecycle").unwrap().len() >= 12);
    }

    #[test]
    fn a_word_is_a_scenario_with_unique_names() {
        let alphabet = Alphabet::read("small", SMALL).unwrap();
        let scenario = alphabet.scenario(&[0, 1, 0, 2, 2], "learn/1").unwrap();
        let names: Vec<&str> = scenario.steps.iter().map(|step| step.id.as_str()).collect();
        let expected = [
            "owner",
            "operator",
            "disconnect",
            "token",
            "operator-2",
            "disconnect-2",
            "approve",
            "approve-2",
        ];
        assert_eq!(names, expected);
        let positions = [None, Some(0), Some(0), Some(1), Some(2), Some(2), Some(3), Some(4)];
        assert_eq!(alphabet.positions(&[0, 1, 0, 2, 2]), positions);
        assert_eq!(alphabet.spell(&[0, 1]), "operator, token");
    }

    #[rstest]
    #[case::no_inputs("title: t\ninputs: {}", "has no inputs")]
    #[case::no_list("title: t\ninputs: {a: {connect: {as: a}}}", "must be a list of steps")]
    #[case::nested("title: t\ninputs: {a: [{together: {steps: []}}]}", "must be a list of steps")]
    #[case::unknown_connection(
        "title: t\ninputs: {a: [{call: {on: x, method: status}}]}",
        "no connection `x`"
    )]
    #[case::unknown_key("title: t\nwhat: 1\ninputs: {}", "cannot be read")]
    fn mistakes_are_named(#[case] text: &str, #[case] message: &str) {
        let error = Alphabet::read("mine", text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn a_misspelt_name_is_corrected() {
        let error = Alphabet::built_in("lifecylce").unwrap_err().to_string();
        assert!(error.contains("did you mean `lifecycle`"), "{error}");
    }
}
