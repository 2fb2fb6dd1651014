//! The results for mutants of the code of a release, as JSON.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::mutation::CodeScore;

/// The score as one JSON document.
pub fn json(score: &CodeScore) -> String {
    // The score has only plain values, so serialising cannot fail.
    let mut text = serde_json::to_string_pretty(score).unwrap_or_default();
    text.push('\n');
    text
}

/// The JSON Schema of the document, which is stored in `schemas/mutants.schema.json`.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<CodeScore>();
    schema.insert("title".to_owned(), Value::from("gatecrash mutants of a release"));
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = include_str!("../../schemas/mutants.schema.json");

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let text = format!("{:#}\n", schema());
        assert!(text == COMMITTED, "write this to schemas/mutants.schema.json:\n{text}");
    }
}
