//! Finds misspelt words of the gateway: codes, reasons and scopes.
//!
//! Releases to come have words of their own, so a word is only reported if it is almost a known one.

use std::sync::Arc;

use serde_json::Value;

use crate::scenario::device::Device;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::expect::{ErrorExpectation, Expectation};
use crate::scenario::pattern::Pattern;
use crate::scenario::source::Source;
use crate::scenario::span::Span;
use crate::scenario::story::{Action, Scenario};
use crate::scenario::verbs::Step;
use crate::wire::WordKind;

/// How alike two words are, from 0 to 1, if one is most likely a slip of the other.
const SLIP: f64 = 0.8;

/// A word with its kind.
type Word<'a> = (WordKind, &'a str);

/// Reports words of the gateway that are most likely misspelt.
pub(super) fn check_words(scenario: &Scenario, found: &mut Vec<Diagnostic>) {
    let whole = Span { start: 0, end: scenario.source.text.len() };
    for (_, device) in &scenario.devices {
        found.extend(slips(&scopes_of(device), &scenario.source, whole));
    }
    for step in scenario.all_steps() {
        let Action::One(one, expectation) = &step.action else { continue };
        if let Step::Connect(connect) = one {
            let scopes: Vec<Word<'_>> = scopes(connect.scopes.as_deref()).collect();
            found.extend(slips(&scopes, &step.source, step.span));
        }
        if let Some(expectation) = expectation {
            found.extend(slips(&words_of(&expectation.value), &step.source, expectation.span));
        }
    }
    for entry in &scenario.deviations {
        for (_, expectation) in &entry.steps {
            found.extend(slips(&words_of(&expectation.value), &entry.source, expectation.span));
        }
    }
}

fn scopes(list: Option<&[String]>) -> impl Iterator<Item = Word<'_>> {
    list.into_iter().flatten().map(|one| (WordKind::Scope, one.as_str()))
}

fn scopes_of(device: &Device) -> Vec<Word<'_>> {
    let paired = device.paired.as_ref().map(|one| &one.value);
    let pending = device.pending.as_ref().map(|one| &one.value);
    let tokens = paired.and_then(|one| one.tokens.as_ref());
    let lists = [
        paired.and_then(|one| one.scopes.as_deref()),
        paired.and_then(|one| one.approved_scopes.as_deref()),
        pending.and_then(|one| one.scopes.as_deref()),
    ];
    let of_tokens = tokens.into_iter().flat_map(|all| all.iter().map(|(_, token)| token.scopes.as_deref()));
    lists.into_iter().chain(of_tokens).flat_map(scopes).collect()
}

fn words_of(expectation: &Expectation) -> Vec<Word<'_>> {
    match expectation {
        Expectation::Closed(closed) => words_of_error(&closed.error),
        Expectation::Error(error) => words_of_error(error),
        Expectation::AnyOf(list) => list.iter().flat_map(words_of).collect(),
        Expectation::Tool { refused: Some(refused), .. } => texts(refused, WordKind::Reason),
        _ => Vec::new(),
    }
}

fn words_of_error(error: &ErrorExpectation) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> =
        error.code.iter().flat_map(|code| texts(code, WordKind::ErrorCode)).collect();
    if let Some(Pattern::Object(entries)) = &error.details {
        for (key, pattern) in entries {
            match key.as_str() {
                "code" => words.extend(texts(pattern, WordKind::DetailCode)),
                "reason" => words.extend(texts(pattern, WordKind::Reason)),
                _ => {}
            }
        }
    }
    words
}

/// The texts that a pattern compares with.
fn texts(pattern: &Pattern, kind: WordKind) -> Vec<Word<'_>> {
    match pattern {
        Pattern::Literal(Value::String(text)) | Pattern::Exactly(Value::String(text)) => vec![(kind, text)],
        Pattern::OneOf(list) => list.iter().flat_map(|one| texts(one, kind)).collect(),
        Pattern::Not(inner) => texts(inner, kind),
        _ => Vec::new(),
    }
}

fn slips(words: &[Word<'_>], source: &Arc<Source>, around: Span) -> Vec<Diagnostic> {
    let slips = words.iter().filter_map(|(kind, word)| Some((kind, word, slip_of(*kind, word)?)));
    slips
        .map(|(kind, word, meant)| {
            let message = format!("no release has the {} `{word}`", kind.name());
            Diagnostic::error("misspelt-word", message, source, place(source, around, word))
                .as_warning()
                .label("unknown to every release")
                .help(format!("did you mean `{meant}`?"))
        })
        .collect()
}

/// The known word that an unknown one is most likely a slip of.
fn slip_of(kind: WordKind, word: &str) -> Option<&'static str> {
    if kind.words().contains(&word) || word.contains("${") {
        return None;
    }
    let alike = |known: &str| strsim::normalized_damerau_levenshtein(word, known);
    let nearest = kind.words().iter().max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    (alike(nearest) >= SLIP).then_some(nearest)
}

/// The place of a word in a part of a text, or the part if the word is not written there.
fn place(source: &Source, around: Span, word: &str) -> Span {
    let part = source.text.get(around.start..around.end);
    part.and_then(|part| part.find(word)).map_or(around, |at| {
        let start = around.start + at;
        Span { start, end: start + word.len() }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_letter_too_few(WordKind::DetailCode, "PAIRING_REQUIRD", Some("PAIRING_REQUIRED"))]
    #[case::swapped(WordKind::Scope, "operator.raed", Some("operator.read"))]
    #[case::underscore(WordKind::Reason, "role_upgrade", Some("role-upgrade"))]
    #[case::known(WordKind::ErrorCode, "NOT_PAIRED", None)]
    #[case::of_a_release_to_come(WordKind::DetailCode, "MICROPHONE_BROKEN", None)]
    #[case::of_a_plugin(WordKind::Scope, "vault.admin", None)]
    #[case::reference(WordKind::Scope, "operator.${x}", None)]
    #[case::nothing(WordKind::Scope, "", None)]
    fn only_what_is_almost_a_known_word_is_a_slip(
        #[case] kind: WordKind,
        #[case] word: &str,
        #[case] meant: Option<&str>,
    ) {
        assert_eq!(slip_of(kind, word), meant);
    }

    proptest! {
        #[test]
        fn a_place_is_always_inside_the_text(text in ".{0,40}", word in ".{1,3}", start in 0usize..50, end in 0usize..50) {
            let source = Source { path: "a.yaml".into(), text };
            let around = Span { start, end };
            let found = place(&source, around, &word);
            prop_assert!(found == around || source.text.get(found.start..found.end) == Some(word.as_str()));
        }
    }
}
