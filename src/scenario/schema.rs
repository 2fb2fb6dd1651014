//! The JSON Schema of a scenario file, for editors.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::file::ScenarioFile;

/// A reference to a column of the table or to a variable, which may replace any value.
const COLUMN: &str = r"^\$\{(each|var)\.[A-Za-z0-9_-]+\}$";

/// The JSON Schema of a scenario file.
pub fn schema() -> Value {
    let generated = SchemaSettings::draft07().into_generator().into_root_schema_for::<ScenarioFile>();
    let mut schema = Value::from(generated);
    admit_columns(&mut schema);
    schema
}

/// The JSON Schema as `schemas/scenario.schema.json` holds it.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// Lets a column of the table replace every typed value below the top level.
fn admit_columns(root: &mut Value) {
    let Value::Object(keys) = root else { return };
    for (key, schema) in keys {
        match key.as_str() {
            "definitions" => values(schema).for_each(inside),
            // The table and the variables provide the values for the others.
            "properties" => values_but(schema, &["each", "vars"]).for_each(alternative),
            _ => {}
        }
    }
}

fn values(schema: &mut Value) -> impl Iterator<Item = &mut Value> {
    values_but(schema, &[])
}

fn values_but<'a>(schema: &'a mut Value, left_out: &'a [&str]) -> impl Iterator<Item = &'a mut Value> {
    let entries = match schema {
        Value::Object(entries) => Some(entries),
        _ => None,
    };
    entries
        .into_iter()
        .flatten()
        .filter(move |(key, _)| !left_out.contains(&key.as_str()))
        .map(|(_, one)| one)
}

/// Continues with the schemas within this one.
fn inside(schema: &mut Value) {
    let Value::Object(keys) = schema else { return };
    for (key, part) in keys.iter_mut() {
        match (key.as_str(), part) {
            ("properties", Value::Object(entries)) => entries.values_mut().for_each(alternative),
            ("items", Value::Array(list)) => list.iter_mut().for_each(alternative),
            ("items" | "additionalProperties", one) if one.is_object() => alternative(one),
            // Alternatives of one value, which as a whole may be replaced by a column.
            ("anyOf" | "oneOf" | "allOf", Value::Array(list)) => list.iter_mut().for_each(inside),
            _ => {}
        }
    }
}

/// Makes the schema of a value accept a column, unless it does already. Description and default stay at the top.
fn alternative(schema: &mut Value) {
    inside(schema);
    let Value::Object(keys) = schema else { return };
    if admits_any_text(keys) {
        return;
    }
    let mut outside = Map::new();
    for key in ["description", "default"] {
        outside.extend(keys.remove(key).map(|one| (key.to_owned(), one)));
    }
    let written = std::mem::take(keys);
    let column = json!({"type": "string", "pattern": COLUMN});
    outside.insert("anyOf".to_owned(), json!([written, column]));
    *keys = outside;
}

/// Whether a schema accepts any text, or anything at all.
fn admits_any_text(keys: &Map<String, Value>) -> bool {
    let typed = match keys.get("type") {
        None => {
            !["$ref", "anyOf", "oneOf", "allOf", "enum", "const"].iter().any(|key| keys.contains_key(*key))
        }
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(list)) => list.iter().any(|one| one == "string"),
        Some(_) => false,
    };
    typed && !["enum", "const", "pattern"].iter().any(|key| keys.contains_key(*key))
}
