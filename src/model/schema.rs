//! Checks values against the gateway's schemas, and reports violations in the gateway's own words.

use serde_json::Value;

use super::mutants::Fault;
use super::rulebook::Rule;
use super::rules::Rules;

/// The form that a value must have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Schema {
    /// Any value.
    Any,
    /// A string of at least this many characters.
    Text(usize),
    /// A string of at least one and at most this many characters.
    Short(usize),
    /// An integer of at least this value.
    Whole(i64),
    /// A boolean.
    Flag,
    /// A list of values of this form.
    List(&'static Schema),
    /// An object with any keys and values of this form.
    Map(&'static Schema),
    /// Exactly this string.
    Is(&'static str),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An object with these keys and no others.
    Object(&'static [Field]),
}

impl Schema {
    /// The keys of an object; empty for other schemas.
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

/// A required key.
pub(super) const fn required(name: &'static str, schema: Schema) -> Field {
    Field { name, required: true, schema }
}

/// An optional key.
pub(super) const fn optional(name: &'static str, schema: Schema) -> Field {
    Field { name, required: false, schema }
}

/// Which violations a release reports, and in which words.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent habits of the validator")]
pub(super) struct SchemaDialect {
    /// Whether unknown keys are ignored.
    pub(super) unknown_keys: bool,
    /// Whether strings outside a closed set are ignored.
    pub(super) closed_sets: bool,
    /// Whether a value outside a closed set is reported in one sentence.
    pub(super) sets_as_one: bool,
    /// Whether only the first missing and the first unknown key are reported.
    pub(super) first_key_only: bool,
}

impl SchemaDialect {
    /// The dialect of a release.
    pub(super) fn of(rules: &Rules) -> Self {
        Self {
            unknown_keys: rules.has_fault(Fault::UnknownKeysAccepted),
            closed_sets: rules.has_fault(Fault::AnyClientId),
            sets_as_one: rules.has(Rule::ClosedSetsToldAsOne),
            first_key_only: rules.has(Rule::FirstKeyTold),
        }
    }
}

/// The violations of a value, in the gateway's own words and order; `None` if the value is valid.
pub(super) fn violations(schema: &Schema, value: Option<&Value>, dialect: SchemaDialect) -> Option<String> {
    let mut list = ViolationList { parts: Vec::new(), dialect };
    list.check(schema, value.unwrap_or(&Value::Null), "");
    (!list.parts.is_empty()).then(|| list.parts.join("; "))
}

struct ViolationList {
    parts: Vec<String>,
    dialect: SchemaDialect,
}

impl ViolationList {
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
                let not = if self.dialect.first_key_only { "not" } else { "NOT" };
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
        if known || value.is_string() && self.dialect.closed_sets {
            return;
        }
        if self.dialect.sets_as_one {
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
        let most = if self.dialect.first_key_only { 1 } else { usize::MAX };
        let missing = fields.iter().filter(|field| field.required && !entries.contains_key(field.name));
        for field in missing.take(most) {
            self.say(path, &format!("must have required property '{}'", field.name));
        }
        let unknown = entries.keys().filter(|key| !fields.iter().any(|field| field.name == **key));
        for key in unknown.take(most) {
            let place = if path.is_empty() { "at root".to_owned() } else { format!("at {path}") };
            if !self.dialect.unknown_keys {
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
        required("n", Schema::Whole(1)),
        required("s", Schema::Text(1)),
        optional("l", Schema::List(&Schema::Text(1))),
        optional("c", Schema::OneOf(&["a", "b"])),
        optional("o", Schema::Object(&[required("x", Schema::Flag)])),
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
    fn violations_are_reported_in_the_gateways_words(#[case] value: Value, #[case] text: Option<&str>) {
        assert_eq!(violations(&SAMPLE, Some(&value), SchemaDialect::default()).as_deref(), text);
    }

    #[rstest]
    #[case(json!({"n": 1, "s": "a", "c": 5}), "at /c: must be equal to one of the allowed values")]
    #[case(json!({"y": 1, "z": 1}), "must have required property 'n'; at root: unexpected property 'y'")]
    #[case(json!({"n": 1, "s": ""}), "at /s: must not have fewer than 1 characters")]
    fn newer_releases_word_violations_differently(#[case] value: Value, #[case] text: &str) {
        let dialect = SchemaDialect { sets_as_one: true, first_key_only: true, ..Default::default() };
        assert_eq!(violations(&SAMPLE, Some(&value), dialect).as_deref(), Some(text));
    }
}
