//! "Did you mean …?" suggestions.

/// The candidate that was most likely meant by `word`, if any is close enough.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|one| (strsim::normalized_damerau_levenshtein(&lower, &one.to_lowercase()), one))
        .filter(|(likeness, one)| *likeness >= 0.55 || (one.starts_with(&lower) && lower.len() >= 3))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, one)| one)
}

/// Advice for a word that is not among `candidates`: the most likely one, and the full list.
pub(super) fn advice(what: &str, word: &str, candidates: &[&str]) -> Option<String> {
    let guess = did_you_mean(word, candidates.iter().copied()).map(|one| format!("did you mean `{one}`?"));
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("expct", Some("expect"))]
    #[case("Expect", Some("expect"))]
    #[case("perso", Some("persona"))]
    #[case("zebra", None)]
    fn the_closest_candidate_is_suggested(#[case] word: &str, #[case] guess: Option<&str>) {
        assert_eq!(did_you_mean(word, ["expect", "persona", "on", "as"]), guess);
    }
}
