//! Suggestions for misspelt words, with one measure of likeness for the whole program.

/// How alike two words have to be, from 0 to 1.
const ALIKE: f64 = 0.55;

/// Letters after which a word counts as the beginning of a longer one.
const BEGINNING: usize = 3;

/// The candidates that somebody who wrote `word` may have meant, the most likely first.
pub(crate) fn similar<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let written = word.trim().to_lowercase();
    let mut found: Vec<(f64, &str)> = candidates
        .into_iter()
        .filter_map(|one| {
            let candidate = one.to_lowercase();
            let likeness = strsim::normalized_damerau_levenshtein(&written, &candidate);
            let begins = written.len() >= BEGINNING && candidate.starts_with(&written);
            (likeness >= ALIKE || begins).then_some((likeness, one))
        })
        .collect();
    // Among equally similar candidates the last one wins: of releases, the newest.
    found.reverse();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, one)| one).collect()
}

/// The candidate that somebody who wrote `word` most likely meant, if any is close enough.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    similar(word, candidates).into_iter().next()
}

/// The question whether a similar candidate was meant.
pub(crate) fn question<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    did_you_mean(word, candidates).map(|one| format!("did you mean `{one}`?"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("expct", Some("expect"))]
    #[case("Expect", Some("expect"))]
    #[case(" expect ", Some("expect"))]
    #[case("perso", Some("persona"))]
    #[case("zebra", None)]
    #[case("", None)]
    fn the_closest_candidate_is_suggested(#[case] word: &str, #[case] suggestion: Option<&str>) {
        assert_eq!(did_you_mean(word, ["expect", "persona", "on", "as"]), suggestion);
    }

    #[test]
    fn the_most_similar_candidate_comes_first() {
        assert_eq!(
            similar("role-upgrad", ["scope-upgrade", "role-upgrade", "other"]),
            ["role-upgrade", "scope-upgrade"]
        );
    }
}
