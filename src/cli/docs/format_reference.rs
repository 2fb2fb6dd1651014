//! The reference of the scenario format, from its JSON Schema.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

const INTRODUCTION: &str = "\
# Scenario format

Generated from the [JSON Schema](../schemas/scenario.schema.json) by `gatecrash __docs format > docs/scenario-format.md`;
a test keeps it true. [Writing scenarios](writing-scenarios.md) explains how the parts work together.

A *duration* is a number with its unit: `500ms`, `10s`, `5m`, `1h`, `2d`. Every value but `each` and `vars` may be a column of
the table, `${each.NAME}`, or a variable, `${var.NAME}`.
";

/// The pattern of a column begins like this; the introduction speaks of columns once for all.
const COLUMN: &str = r"^\$\{(each|var)\.";

/// The definition that lists the verbs.
const STEP: &str = "Step";

/// All keys of a scenario file, as Markdown.
pub(super) fn render(schema: &Value) -> String {
    let empty = Map::new();
    let definitions = schema["definitions"].as_object().unwrap_or(&empty);
    let verbs = verbs(&schema["definitions"][STEP]);
    let reference = Reference { definitions, verbs };
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n## The file\n\n");
    reference.keys(schema, &mut text);
    text.push_str("\n## Steps\n\nEach step is one of these.\n\n| verb | what it does |\n|---|---|\n");
    for verb in &reference.verbs {
        let _ = writeln!(text, "| {} | {} |", reference.verb_cell(verb.schema, verb.name), cell(verb.about));
    }
    for verb in &reference.verbs {
        if let Some(definition) = referred(verb.schema) {
            reference.section(definition, verb.name, 3, &mut text);
        }
    }
    text.push_str("\n## Types\n");
    let of_verbs: Vec<&str> = reference.verbs.iter().filter_map(|verb| referred(verb.schema)).collect();
    let rest: BTreeMap<String, &String> = definitions
        .iter()
        .filter(|(name, one)| *name != STEP && !of_verbs.contains(&name.as_str()) && has_section(one))
        .map(|(name, _)| (title(name), name))
        .collect();
    for (title, name) in rest {
        reference.section(name, &title, 3, &mut text);
    }
    text
}

struct Verb<'a> {
    name: &'a str,
    about: &'a str,
    schema: &'a Value,
}

fn verbs(step: &Value) -> Vec<Verb<'_>> {
    let alternatives = step["oneOf"].as_array().into_iter().flatten();
    alternatives
        .filter_map(|one| {
            let (name, schema) = one["properties"].as_object()?.iter().next()?;
            Some(Verb { name, about: description(one), schema })
        })
        .collect()
}

struct Reference<'a> {
    definitions: &'a Map<String, Value>,
    verbs: Vec<Verb<'a>>,
}

impl Reference<'_> {
    /// The section of a definition.
    fn section(&self, definition: &str, title: &str, level: usize, text: &mut String) {
        let Some(schema) = self.definitions.get(definition) else { return };
        let _ = writeln!(text, "\n{} {title}\n", "#".repeat(level));
        let about = description(schema);
        if !about.is_empty() {
            let _ = writeln!(text, "{}\n", about.replace('\n', " "));
        }
        if schema.get("properties").is_some() {
            return self.keys(schema, text);
        }
        let alternatives = alternatives(schema);
        let says_more = |one: &&Value| !std::ptr::eq(*one, schema) && !description(one).is_empty();
        if !alternatives.iter().any(says_more) {
            let _ = writeln!(text, "Value: {}.", self.shape(schema));
            return;
        }
        text.push_str("| value | meaning |\n|---|---|\n");
        for one in alternatives {
            let _ = writeln!(text, "| {} | {} |", cell(&self.shape(one)), cell(description(one)));
        }
    }

    /// The table of an object's keys.
    fn keys(&self, schema: &Value, text: &mut String) {
        text.push_str("| key | value | meaning |\n|---|---|---|\n");
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, one) in schema["properties"].as_object().into_iter().flatten() {
            let must = if required.contains(&key.as_str()) { ", required" } else { "" };
            let _ =
                writeln!(text, "| `{key}` | {}{must} | {} |", cell(&self.shape(one)), cell(description(one)));
        }
    }

    /// What a value looks like.
    fn shape(&self, schema: &Value) -> String {
        if let Some(definition) = referred(schema) {
            return self.link(definition);
        }
        if let Some(value) = schema.get("const") {
            return format!("`{value}`").replace('"', "");
        }
        if let Some(values) = schema["enum"].as_array() {
            let values: Vec<String> = values.iter().map(|one| format!("`{one}`").replace('"', "")).collect();
            return values.join(", ");
        }
        let several = alternatives(schema);
        if several.len() > 1 {
            return several.iter().map(|one| self.shape(one)).collect::<Vec<_>>().join(" or ");
        }
        if let Some(only) = several.first().filter(|only| !std::ptr::eq(**only, schema)) {
            return self.shape(only);
        }
        let types = match &schema["type"] {
            Value::Array(list) => list.iter().filter_map(Value::as_str).find(|one| *one != "null"),
            one => one.as_str(),
        };
        match types {
            Some("string") if is_duration(schema) => "duration".to_owned(),
            Some("string") => "text".to_owned(),
            Some("integer" | "number") => "number".to_owned(),
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("array") if schema["items"].is_object() => {
                format!("list: {}", self.shape(&schema["items"]))
            }
            Some("array") => "list".to_owned(),
            Some("object") if schema["additionalProperties"].is_object() => {
                format!("mapping of names: {}", self.shape(&schema["additionalProperties"]))
            }
            Some("object") => "mapping".to_owned(),
            _ => "any value".to_owned(),
        }
    }

    fn link(&self, definition: &str) -> String {
        let Some(schema) = self.definitions.get(definition) else { return definition.to_owned() };
        if definition == STEP {
            return "[step](#steps)".to_owned();
        }
        let verb = self.verbs.iter().find(|verb| referred(verb.schema) == Some(definition));
        match verb {
            Some(verb) => format!("[{0}](#{0})", verb.name),
            None if has_section(schema) => {
                let title = title(definition);
                format!("[{title}](#{})", title.replace(' ', "-"))
            }
            None => self.shape(schema),
        }
    }

    /// A verb, linked where it has a section.
    fn verb_cell(&self, schema: &Value, name: &str) -> String {
        if referred(schema).is_some_and(|one| self.definitions.contains_key(one)) {
            format!("[`{name}`](#{name})")
        } else {
            format!("`{name}`: {}", self.shape(schema))
        }
    }
}

/// The ways to be this value, without columns and without nothing; the value itself where there are none.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let list = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[*key].as_array());
    let Some(list) = list else { return vec![schema] };
    list.iter().filter(|one| !is_column(one) && one["type"] != "null").collect()
}

/// The definition that stands for a value, however it is wrapped.
fn referred(schema: &Value) -> Option<&str> {
    if let Some(path) = schema["$ref"].as_str() {
        return path.strip_prefix("#/definitions/");
    }
    match alternatives(schema)[..] {
        [only] if !std::ptr::eq(only, schema) => referred(only),
        _ => None,
    }
}

/// Whether a definition says more than what a word in a table can.
fn has_section(schema: &Value) -> bool {
    schema.get("properties").is_some() || !description(schema).is_empty()
}

fn is_column(schema: &Value) -> bool {
    schema["pattern"].as_str().is_some_and(|pattern| pattern.starts_with(COLUMN))
}

fn is_duration(schema: &Value) -> bool {
    schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("(ms|s|m|h|d)"))
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// The name of a type as words: `PairedSeed` is a `paired seed`.
fn title(definition: &str) -> String {
    let mut title = String::new();
    for (at, c) in definition.char_indices() {
        if c.is_uppercase() && at > 0 {
            title.push(' ');
        }
        title.extend(c.to_lowercase());
    }
    title
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
