//! As a document for programs.

use crate::coverage::CodeCoverage;

/// The coverage as one JSON document.
pub fn json(coverage: &CodeCoverage) -> String {
    // Its values are plain, so it can always be written.
    let mut text = serde_json::to_string_pretty(coverage).unwrap_or_default();
    text.push('\n');
    text
}
