//! The JSON report: a run as one document.

use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::Value;

use crate::run::{Format, RUN_FORMAT, RunRecord, Summary};

/// Why a document is not a run that this program can read.
#[derive(Debug, thiserror::Error)]
pub enum ReadJsonError {
    /// It was written by a newer program.
    #[error("the run was stored in format {found}, this program reads format {} and older: use a newer gatecrash", RUN_FORMAT.major)]
    Newer {
        /// Its major version.
        found: u32,
    },
    /// It is no JSON, or JSON of another shape.
    #[error("not a stored run")]
    Shape(#[from] serde_json::Error),
}

/// The report, indented, with a line break at the end.
pub fn render(record: &RunRecord) -> String {
    // Maps of the record have texts as keys, so that nothing in it can fail to serialise.
    let mut text = serde_json::to_string_pretty(record).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a report back.
pub fn read(text: &str) -> Result<RunRecord, ReadJsonError> {
    /// The only part that every version has in the same place.
    #[derive(Deserialize)]
    struct JsonHead {
        format: Format,
    }
    let JsonHead { format } = serde_json::from_str(text)?;
    if format.major > RUN_FORMAT.major {
        return Err(ReadJsonError::Newer { found: format.major });
    }
    let mut record: RunRecord = serde_json::from_str(text)?;
    // Counts of an older document know less than its cells do.
    let not_run = record.summary.not_run;
    record.summary = Summary { not_run, ..Summary::of(&record.cells, &record.run.deny) };
    // The first version did not say which planned cells were not run.
    Ok(if format.minor == 0 { record.with_cells_not_run() } else { record })
}

/// The JSON Schema of the report, as `schemas/run.schema.json` holds it.
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
                    // The tag of a variant is described by the variant.
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
    fn a_report_has_the_shape_that_it_documents() {
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
    fn a_report_is_read_back_and_a_newer_one_refused() {
        let record = RunRecord::of(&sample::events());
        assert_eq!(read(&render(&record)).unwrap(), record);
        let newer = render(&record).replacen("\"major\": 1", "\"major\": 2", 1);
        assert!(matches!(read(&newer), Err(ReadJsonError::Newer { found: 2 })));
        assert!(matches!(read("[]"), Err(ReadJsonError::Shape(_))));
    }
}
