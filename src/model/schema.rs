//! Checks values against the gateway's schemas, with the texts in which the gateway reports violations.

use serde_json::Value;

use super::mutants::Fault;
use super::rulebook::Rule;
use super::rules::Rules;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Schema {
    /// Anything.
    Any,
    /// A text of at least this many characters.
    Text(usize),
    /// A text of at least one and at most this many characters.
    Short(usize),
    /// A whole number that is at least this.
    Whole(i64),
    /// True or false.
    Flag,
    /// A list of such values.
    List(&'static Schema),
    /// An object with any keys and such values.
    Map(&'static Schema),
    /// This text.
    Is(&'static str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object with these keys and no others.
    Object(&'static [Field]),
}

impl Schema {
    /// The names of its keys, where it is an object.
    pub(super) fn keys(&self) -> Vec<&'static str> {
        match self {
            Self::Object(fields) => fields.iter().map(|field| field.name).collect(),
            _ => Vec::new(),
        }
    }
}

/// A key of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    name: &'static str,
    required: bool,
    schema: Schema,
}

/// A key that must be there.
pub(super) const fn needs(name: &'static str, schema: Schema) -> Field {
    Field { name, required: true, schema }
}

/// A key that may be there.
pub(super) const fn may(name: &'static str, schema: Schema) -> Field {
    Field { name, required: false, schema }
}

/// Which violations count, and in which words they are told.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(super) struct Manner {
    /// Unknown keys are ignored.
    pub(super) unknown_keys: bool,
    /// Texts outside a closed set are ignored.
    pub(super) closed_sets: bool,
    /// Closed sets are told as one.
    pub(super) sets_as_one: bool,
    /// Of missing and of unknown keys, only the first is told.
    pub(super) first_key_only: bool,
}

impl Manner {
    /// The manner of a release.
    pub(super) fn of(rules: &Rules) -> Self {
        Self {
            unknown_keys: rules.broken(Fault::UnknownKeysAccepted),
            closed_sets: rules.broken(Fault::AnyClientId),
            sets_as_one: rules.has(Rule::ClosedSetsToldAsOne),
            first_key_only: rules.has(Rule::FirstKeyTold),
        }
    }
}

/// What is wrong with a value, in the gateway's own words and order; none where it is fine.
pub(super) fn violations(schema: &Schema, value: Option<&Value>, manner: Manner) -> Option<String> {
    let mut report = Report { parts: Vec::new(), manner };
    report.check(schema, value.unwrap_or(&Value::Null), "");
    (!report.parts.is_empty()).then(|| report.parts.join("; "))
}

struct Report {
    parts: Vec<String>,
    manner: Manner,
}

impl Report {
    fn say(&mut self, path: &str, text: &str) {
        let part = if path.is_empty() { text.to_owned() } else { format!("at {path}: {text}") };
        if !self.parts.contains(&part) {
            self.parts.push(part);
        }
    }

    fn check(&mut self, schema: &Schema, value: &Value, path: &str) {
        match schema {
            Schema::Any => {}
            Schema::Text(least) => self.text(value, path, *least, usize::MAX),
            Schema::Short(most) => self.text(value, path, 1, *most),
            Schema::Whole(least) => self.whole(value, path, *least),
            Schema::Flag => {
                if !value.is_boolean() {
                    self.say(path, "must be boolean");
                }
            }
            Schema::List(item) => match value.as_array() {
                Some(items) => {
                    for (index, inner) in items.iter().enumerate() {
                        self.check(item, inner, &format!("{path}/{index}"));
                    }
                }
                None => self.say(path, "must be array"),
            },
            Schema::Map(item) => match value.as_object() {
                Some(entries) => {
                    for (key, inner) in entries {
                        self.check(item, inner, &format!("{path}/{}", pointer(key)));
                    }
                }
                None => self.say(path, "must be object"),
            },
            Schema::Is(text) => {
                if !value.is_string() {
                    self.say(path, "must be string");
                }
                if value != text {
                    self.say(path, "must be equal to constant");
                }
            }
            Schema::OneOf(texts) => self.one_of(value, path, texts),
            Schema::Object(fields) => self.object(value, path, fields),
        }
    }

    fn text(&mut self, value: &Value, path: &str, least: usize, most: usize) {
        match value.as_str() {
            Some(text) if text.chars().count() < least => {
                let not = if self.manner.first_key_only { "not" } else { "NOT" };
                self.say(path, &format!("must {not} have fewer than {least} characters"));
            }
            Some(text) if text.chars().count() > most => {
                self.say(path, &format!("must not have more than {most} characters"));
            }
            Some(_) => {}
            None => self.say(path, "must be string"),
        }
    }

    fn whole(&mut self, value: &Value, path: &str, least: i64) {
        let whole = value.as_i64().is_some()
            || value.as_u64().is_some()
            || value.as_f64().is_some_and(|number| number.fract() == 0.0);
        if !whole {
            self.say(path, "must be integer");
        }
        #[expect(clippy::cast_precision_loss, reason = "the bounds are 0 and 1")]
        if value.as_f64().is_some_and(|number| number < least as f64) {
            self.say(path, &format!("must be >= {least}"));
        }
    }

    fn one_of(&mut self, value: &Value, path: &str, texts: &[&str]) {
        let known = value.as_str().is_some_and(|text| texts.contains(&text));
        if known || value.is_string() && self.manner.closed_sets {
            return;
        }
        if self.manner.sets_as_one {
            self.say(path, "must be equal to one of the allowed values");
            return;
        }
        if !value.is_string() {
            self.say(path, "must be string");
        }
        self.say(path, "must be equal to constant");
        self.say(path, "must match a schema in anyOf");
    }

    fn object(&mut self, value: &Value, path: &str, fields: &[Field]) {
        let Some(entries) = value.as_object() else {
            self.say(path, "must be object");
            return;
        };
        let most = if self.manner.first_key_only { 1 } else { usize::MAX };
        let missing = fields.iter().filter(|field| field.required && !entries.contains_key(field.name));
        for field in missing.take(most) {
            self.say(path, &format!("must have required property '{}'", field.name));
        }
        let unknown = entries.keys().filter(|key| !fields.iter().any(|field| field.name == **key));
        for key in unknown.take(most) {
            let place = if path.is_empty() { "at root".to_owned() } else { format!("at {path}") };
            if !self.manner.unknown_keys {
                self.parts.push(format!("{place}: unexpected property '{key}'"));
            }
        }
        for field in fields {
            if let Some(inner) = entries.get(field.name) {
                self.check(&field.schema, inner, &format!("{path}/{}", field.name));
            }
        }
    }
}

fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const SAMPLE: Schema = Schema::Object(&[
        needs("n", Schema::Whole(1)),
        needs("s", Schema::Text(1)),
        may("l", Schema::List(&Schema::Text(1))),
        may("c", Schema::OneOf(&["a", "b"])),
        may("o", Schema::Object(&[needs("x", Schema::Flag)])),
    ]);

    #[rstest]
    #[case(json!({"n": 1, "s": "a"}), None)]
    #[case(json!({"s": ""}), Some("must have required property 'n'; at /s: must NOT have fewer than 1 characters"))]
    #[case(json!({"n": 0, "s": "a"}), Some("at /n: must be >= 1"))]
    #[case(json!({"n": 1.5, "s": "a"}), Some("at /n: must be integer"))]
    #[case(json!({"n": 1, "s": "a", "z": 1}), Some("at root: unexpected property 'z'"))]
    #[case(json!({"n": 1, "s": "a", "l": ["a", 1]}), Some("at /l/1: must be string"))]
    #[case(json!({"n": 1, "s": "a", "c": "z"}), Some("at /c: must be equal to constant; at /c: must match a schema in anyOf"))]
    #[case(json!({"n": 1, "s": "a", "o": {"y": 1}}), Some("at /o: must have required property 'x'; at /o: unexpected property 'y'"))]
    #[case(json!([]), Some("must be object"))]
    fn violations_are_told_in_the_gateways_words(#[case] value: Value, #[case] text: Option<&str>) {
        assert_eq!(violations(&SAMPLE, Some(&value), Manner::default()).as_deref(), text);
    }

    #[rstest]
    #[case(json!({"n": 1, "s": "a", "c": 5}), "at /c: must be equal to one of the allowed values")]
    #[case(json!({"y": 1, "z": 1}), "must have required property 'n'; at root: unexpected property 'y'")]
    #[case(json!({"n": 1, "s": ""}), "at /s: must not have fewer than 1 characters")]
    fn newer_releases_use_other_words(#[case] value: Value, #[case] text: &str) {
        let manner = Manner { sets_as_one: true, first_key_only: true, ..Default::default() };
        assert_eq!(violations(&SAMPLE, Some(&value), manner).as_deref(), Some(text));
    }
}
