//! `KIND=FILE`, as `--report` and its like take it.

use camino::Utf8PathBuf;

use crate::suggest::did_you_mean;

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportDestination {
    /// Standard output, written as `-`.
    Stdout,
    /// A file.
    File(Utf8PathBuf),
}

/// Why a text is not `KIND=FILE`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseReportError {
    /// There is no `=`, or nothing before or after it.
    #[error("`{0}` is not a report: write KIND=FILE, such as json=run.json, or KIND=- for standard output")]
    Shape(String),
    /// There is no such kind.
    #[error(
        "there is no report `{word}`{}: the kinds are {}",
        suggestion.map_or_else(String::new, |kind| format!(" (did you mean `{kind}`?)")),
        kinds.join(", ")
    )]
    Kind {
        /// The word that was given.
        word: String,
        /// The kind that was probably meant.
        suggestion: Option<&'static str>,
        /// All kinds.
        kinds: Vec<&'static str>,
    },
}

/// Reads `KIND=FILE`, where the kind is one of `kinds`.
///
/// # Errors
///
/// When a part is missing, or there is no such kind.
pub fn parse_kind_file<K: Copy>(
    text: &str,
    kinds: &[(&'static str, K)],
) -> Result<(K, ReportDestination), ParseReportError> {
    let parts = text.split_once('=').filter(|(word, to)| !word.is_empty() && !to.is_empty());
    let (word, to) = parts.ok_or_else(|| ParseReportError::Shape(text.to_owned()))?;
    let Some((_, kind)) = kinds.iter().find(|(name, _)| *name == word) else {
        let names: Vec<&'static str> = kinds.iter().map(|(name, _)| *name).collect();
        let suggestion = did_you_mean(word, names.iter().copied());
        return Err(ParseReportError::Kind { word: word.to_owned(), suggestion, kinds: names });
    };
    Ok((*kind, ReportDestination::from(to)))
}

impl From<&str> for ReportDestination {
    fn from(text: &str) -> Self {
        if text == "-" { Self::Stdout } else { Self::File(text.into()) }
    }
}
