//! Patterns for values: subset matching, with a few `$` operators.

use std::borrow::Cow;
use std::fmt;

use regex_lite::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::decode_error::at_key;
use super::flow::{FlowText, FlowValue, write_list, write_map};

/// A pattern for a JSON value.
///
/// Plain values match themselves, mappings match by subset (keys that are not named are ignored), and lists match
/// element by element. Everything else is written with a `$`:
///
/// | written | matches |
/// |---|---|
/// | `$any` | any value that is present |
/// | `$absent` | a missing key |
/// | `{$matches: REGEX}` | a text in which the expression matches |
/// | `{$contains: [P, …]}` | a list in which each pattern has a match |
/// | `{$excludes: [P, …]}` | a list in which no pattern has a match |
/// | `{$one_of: [P, …]}` | a value that matches at least one of the patterns |
/// | `{$not: P}` | a value that is present and does not match |
/// | `{$exactly: V}` | exactly this value, without additional keys |
/// | `{$set: [P, …]}` | a list with exactly these elements, in any order |
/// | `{$length: N}` | a list, mapping or text of this length |
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Any value that is present.
    Any,
    /// A missing value.
    Absent,
    /// A number, a boolean, null, or a text, which may contain `${…}` references.
    Literal(Value),
    /// A text in which the expression matches.
    Matches(Regex),
    /// A list in which each pattern has a match.
    Contains(Vec<Pattern>),
    /// A list in which no pattern has a match.
    Excludes(Vec<Pattern>),
    /// A value that matches at least one of the patterns.
    OneOf(Vec<Pattern>),
    /// A value that is present and does not match.
    Not(Box<Pattern>),
    /// Exactly this value, without additional keys.
    Exactly(Value),
    /// A list with exactly these elements, in any order.
    Set(Vec<Pattern>),
    /// A value with this number of elements, keys or characters.
    Length(u64),
    /// A mapping with at least these keys.
    Object(Vec<(String, Pattern)>),
    /// A list with exactly these elements, in this order.
    Array(Vec<Pattern>),
}

/// The operators, for messages and suggestions.
pub const OPERATORS: &[&str] =
    &["$matches", "$contains", "$excludes", "$one_of", "$not", "$exactly", "$set", "$length"];

impl Pattern {
    /// Applies `resolve`, which fills in references, to every literal.
    ///
    /// # Errors
    /// Fails with the first error of `resolve`.
    pub fn map_text<E>(&self, resolve: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Self, E> {
        let each = |patterns: &[Self], resolve: &mut _| -> Result<Vec<Self>, E> {
            patterns.iter().map(|one| one.map_text(resolve)).collect()
        };
        Ok(match self {
            Self::Literal(value) => Self::Literal(resolve(value)?),
            Self::Exactly(value) => Self::Exactly(resolve(value)?),
            Self::Contains(list) => Self::Contains(each(list, resolve)?),
            Self::Excludes(list) => Self::Excludes(each(list, resolve)?),
            Self::OneOf(list) => Self::OneOf(each(list, resolve)?),
            Self::Set(list) => Self::Set(each(list, resolve)?),
            Self::Array(list) => Self::Array(each(list, resolve)?),
            Self::Not(inner) => Self::Not(Box::new(inner.map_text(resolve)?)),
            Self::Object(entries) => Self::Object(
                entries
                    .iter()
                    .map(|(key, one)| Ok((key.clone(), one.map_text(resolve)?)))
                    .collect::<Result<_, E>>()?,
            ),
            Self::Any | Self::Absent | Self::Matches(_) | Self::Length(_) => self.clone(),
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Pattern {
    /// Writes it as YAML in flow style, which parses to the same pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn operator(f: &mut fmt::Formatter<'_>, name: &str, patterns: &[Pattern]) -> fmt::Result {
            write!(f, "{{{name}: ")?;
            write_list(f, patterns)?;
            f.write_str("}")
        }
        match self {
            Self::Any => f.write_str("$any"),
            Self::Absent => f.write_str("$absent"),
            Self::Literal(value) => write!(f, "{}", FlowValue(value)),
            Self::Matches(regex) => write!(f, "{{$matches: {}}}", FlowText(regex.as_str())),
            Self::Contains(patterns) => operator(f, "$contains", patterns),
            Self::Excludes(patterns) => operator(f, "$excludes", patterns),
            Self::OneOf(patterns) => operator(f, "$one_of", patterns),
            Self::Set(patterns) => operator(f, "$set", patterns),
            Self::Not(inner) => write!(f, "{{$not: {inner}}}"),
            Self::Exactly(value) => write!(f, "{{$exactly: {}}}", FlowValue(value)),
            Self::Length(length) => write!(f, "{{$length: {length}}}"),
            Self::Array(patterns) => write_list(f, patterns),
            Self::Object(entries) => write_map(f, entries.iter().map(|(key, one)| (key.as_str(), one))),
        }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

struct PatternVisitor;

impl<'de> Visitor<'de> for PatternVisitor {
    type Value = Pattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Pattern, E> {
        match text {
            "$any" => Ok(Pattern::Any),
            "$absent" => Ok(Pattern::Absent),
            word if word.starts_with('$') && !word.starts_with("${") => {
                Err(E::custom(format!("unknown pattern `{word}`: expected `$any` or `$absent`")))
            }
            _ => Ok(Pattern::Literal(Value::String(text.to_owned()))),
        }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Pattern, E> {
        Ok(Pattern::Literal(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Pattern, E> {
        Ok(Pattern::Literal(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Pattern, E> {
        Ok(Pattern::Literal(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Pattern, E> {
        Ok(Pattern::Literal(value.into()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Pattern, E> {
        Ok(Pattern::Literal(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pattern, A::Error> {
        let mut patterns = Vec::new();
        while let Some(one) = seq.next_element()? {
            patterns.push(one);
        }
        Ok(Pattern::Array(patterns))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pattern, A::Error> {
        let mut entries: Vec<(String, Pattern)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if !key.starts_with('$') || key.starts_with("${") {
                entries.push((key, map.next_value()?));
                continue;
            }
            let pattern = match key.as_str() {
                "$matches" => Pattern::Matches(map.next_value::<Expression>()?.0),
                "$contains" => Pattern::Contains(map.next_value()?),
                "$excludes" => Pattern::Excludes(map.next_value()?),
                "$one_of" => Pattern::OneOf(map.next_value()?),
                "$set" => Pattern::Set(map.next_value()?),
                "$not" => Pattern::Not(Box::new(map.next_value()?)),
                "$exactly" => Pattern::Exactly(map.next_value()?),
                "$length" => Pattern::Length(map.next_value()?),
                other => return Err(de::Error::unknown_field(other, OPERATORS)),
            };
            if !entries.is_empty() || map.next_key::<String>()?.is_some() {
                return Err(at_key(&key, format_args!("`{key}` must be the only key of its mapping")));
            }
            return Ok(pattern);
        }
        Ok(Pattern::Object(entries))
    }
}

/// A regular expression, compiled while decoding so that an invalid one is reported at its position.
struct Expression(Regex);

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let regex = Regex::new(&text);
        regex.map(Self).map_err(|e| de::Error::custom(format_args!("not a regular expression: {e}")))
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
                        "description": "A pattern for a value: plain values match themselves, mappings match by subset. Also $any, $absent, {$matches: REGEX}, {$contains: […]}, {$excludes: […]}, {$one_of: […]}, {$not: …}, {$exactly: …}, {$set: […]}, {$length: N}.",
        })
    }
}
