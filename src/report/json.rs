//! The JSON report: a run as one document.

use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::Value;

use crate::run::{Format, RUN_FORMAT, RunRecord, Summary};

/// Why a document cannot be read as a run.
#[derive(Debug, thiserror::Error)]
pub enum ReadJsonError {
    /// A newer program wrote it.
    #[error("the run was stored in format {found}, this program reads format {} and older: use a newer gatecrash", RUN_FORMAT.major)]
    Newer {
        /// The major version of its format.
        found: u32,
    },
    /// It is not JSON, or not a run.
    #[error("not a stored run")]
    Shape(#[from] serde_json::Error),
}

/// The report as indented JSON with a final line break.
pub fn render(record: &RunRecord) -> String {
    // Records serialise without errors, because all their maps have strings as keys.
    let mut text = serde_json::to_string_pretty(record).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a report.
///
/// # Errors
/// Fails if the text is not a report, or if it has a newer major version.
pub fn read(text: &str) -> Result<RunRecord, ReadJsonError> {
    /// The part that is the same in every version.
    #[derive(Deserialize)]
    struct JsonHead {
        format: Format,
    }
    let JsonHead { format } = serde_json::from_str(text)?;
    if format.major > RUN_FORMAT.major {
        return Err(ReadJsonError::Newer { found: format.major });
    }
    let mut record: RunRecord = serde_json::from_str(text)?;
    // The summary of an older document has fewer counts than can be computed from its cells.
    let not_run = record.summary.not_run;
    record.summary = Summary { not_run, ..Summary::of(&record.cells, &record.run.deny) };
    // The first version did not list the planned cells that were not run.
    Ok(if format.minor == 0 { record.with_cells_not_run() } else { record })
}

/// The JSON Schema of the report, which is stored in `schemas/run.schema.json`.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<RunRecord>();
    schema.insert("title".to_owned(), Value::from("gatecrash run"));
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const COMMITTED: &str = include_str!("../../schemas/run.schema.json");

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let text = format!("{:#}\n", schema());
        assert!(text == COMMITTED, "write this to schemas/run.schema.json:\n{text}");
    }

    #[test]
    fn reports_satisfy_their_schema() {
        let validator = jsonschema::validator_for(&serde_json::from_str(COMMITTED).unwrap()).unwrap();
        for events in [sample::events(), sample::large(20, 12), Vec::new()] {
            let report = serde_json::from_str(&render(&RunRecord::of(&events))).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&report)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        assert!(!validator.is_valid(&serde_json::json!({"format": {"major": 1, "minor": 0}})));
    }

    #[test]
    fn every_key_of_the_schema_is_described() {
        fn undescribed(at: &str, schema: &Value, found: &mut Vec<String>) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                for (key, one) in properties {
                    // The description of a variant covers its tag.
                    if one.get("description").is_none() && one.get("const").is_none() {
                        found.push(format!("{at}/{key}"));
                    }
                }
            }
            match schema {
                Value::Object(entries) => {
                    entries.iter().for_each(|(key, one)| undescribed(&format!("{at}/{key}"), one, found));
                }
                Value::Array(items) => items.iter().for_each(|one| undescribed(at, one, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        undescribed("", &schema(), &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn a_report_has_its_documented_form() {
        let record = RunRecord::of(&sample::events());
        let report: Value = serde_json::from_str(&render(&record)).unwrap();
        let cell = report["cells"]
            .as_array()
            .unwrap()
            .iter()
            .find(|cell| {
                cell["scenario"] == "pairing/legacy-empty-token-map" && cell["target"] == "2026.3.31"
            })
            .unwrap();
        insta::assert_json_snapshot!(serde_json::json!({
            "format": report["format"], "run": report["run"], "gateways": [report["gateways"][0]],
            "cell": {"verdict": cell["verdict"], "signature": cell["signature"], "steps": cell["steps"]},
            "timeline": report["timelines"][2], "summary": report["summary"],
        }));
    }

    #[test]
    fn a_report_is_read_back_and_a_newer_one_is_refused() {
        let record = RunRecord::of(&sample::events());
        assert_eq!(read(&render(&record)).unwrap(), record);
        let newer = render(&record).replacen("\"major\": 1", "\"major\": 2", 1);
        assert!(matches!(read(&newer), Err(ReadJsonError::Newer { found: 2 })));
        assert!(matches!(read("[]"), Err(ReadJsonError::Shape(_))));
    }
}
