//! Advice for words that are not known.

use crate::suggest::question;

/// Advice for a word that is not among `candidates`: the most likely one, and the full list.
pub(super) fn advice(what: &str, word: &str, candidates: &[&str]) -> Option<String> {
    let guess = question(word, candidates.iter().copied());
    let all = (!candidates.is_empty()).then(|| format!("{what}: {}", quoted(candidates)));
    match (guess, all) {
        (Some(guess), Some(all)) if candidates.len() > 1 => Some(format!("{guess}\n{all}")),
        (guess, all) => guess.or(all),
    }
}

/// Words in backticks, separated by commas.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
}
