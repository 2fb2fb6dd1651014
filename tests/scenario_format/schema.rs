//! The committed JSON Schema is up to date, and all scenarios satisfy it.

use std::fs;
use std::path::{Path, PathBuf};

use gatecrash::scenario::{schema, schema_text};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|one| one == "yaml" || one == "yml") {
            into.push(path);
        }
    }
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/scenario.schema.json");
    let stored = fs::read_to_string(place).unwrap_or_default();
    let advice = "run `cargo run -- schema > schemas/scenario.schema.json`";
    assert!(stored == schema_text(), "the stored schema is out of date: {advice}");
}

#[test]
fn every_scenario_names_the_schema_and_satisfies_it() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut paths = Vec::new();
    files(&root(), &mut paths);
    assert!(!paths.is_empty());
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let up = "../".repeat(path.strip_prefix(root()).unwrap().components().count());
        let modeline = format!("# yaml-language-server: $schema={up}schemas/scenario.schema.json");
        assert_eq!(text.lines().next(), Some(modeline.as_str()), "{}", path.display());
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|one| format!("{}: {one}", one.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {}", path.display(), errors.join("\n"));
    }
}

#[test]
fn a_column_is_allowed_in_place_of_any_value() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let with = |connect: Value| json!({"title": "t", "why": "w", "steps": [{"connect": connect}]});
    for (key, wrong) in [
        ("scopes", json!("operator.read")),
        ("protocol", json!("three")),
        ("expect", json!("helo")),
        ("delay", json!("soon")),
        ("proof", json!({"nonce": "odd"})),
        ("address", json!("10.0.0.1")),
        ("auth", json!("shard")),
        ("headers", json!("Host")),
    ] {
        let good = with(json!({"as": "a", key: "${each.column}"}));
        assert!(validator.is_valid(&good), "{key} may be a column");
        let bad = with(json!({"as": "a", key: wrong}));
        assert!(!validator.is_valid(&bad), "{key} may not be {wrong}");
    }
    let inside =
        with(json!({"as": "a", "proof": {"nonce": "${each.nonce}"}, "protocol": [3, "${each.high}"]}));
    assert!(validator.is_valid(&inside));
}

#[test]
fn every_key_is_described() {
    fn undescribed(schema: &Value, path: &str, into: &mut Vec<String>) {
        let Value::Object(keys) = schema else { return };
        if let Some(Value::Object(properties)) = keys.get("properties") {
            for (key, one) in properties {
                if one.get("description").is_none() && one.get("$ref").is_none() {
                    into.push(format!("{path}.{key}"));
                }
            }
        }
        for (key, one) in keys {
            match one {
                Value::Array(list) => list.iter().for_each(|one| undescribed(one, path, into)),
                _ => undescribed(one, &format!("{path}.{key}"), into),
            }
        }
    }
    let mut found = Vec::new();
    undescribed(&schema(), "", &mut found);
    // Verbs are described as variants of `Step`.
    found.retain(|one| !one.contains(".Step."));
    assert_eq!(found, [] as [String; 0]);
}
