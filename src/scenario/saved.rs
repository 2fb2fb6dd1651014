//! What a step saves: a part of its answer, with an optional fallback.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_json::Value;

/// A part of an answer to save under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// JSON pointer to the part.
    pub pointer: String,
    /// Value to save if the answer has no such part. Without it, the step fails.
    pub fallback: Option<Value>,
}

/// The written form with a fallback.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SavedOrElse")]
struct SavedKeys {
    /// JSON pointer to the part.
    at: String,
    /// Value to save if the answer has no such part.
    #[serde(rename = "else")]
    fallback: Value,
}

impl<'de> Deserialize<'de> for Saved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PointerOrKeys;

        impl<'de> Visitor<'de> for PointerOrKeys {
            type Value = Saved;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON pointer, or a mapping such as `{at: /a/b, else: none}`")
            }

            fn visit_str<E: de::Error>(self, pointer: &str) -> Result<Saved, E> {
                Ok(Saved { pointer: pointer.to_owned(), fallback: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Saved, A::Error> {
                let written = SavedKeys::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Saved { pointer: written.at, fallback: Some(written.fallback) })
            }
        }

        deserializer.deserialize_any(PointerOrKeys)
    }
}

impl JsonSchema for Saved {
    fn schema_name() -> Cow<'static, str> {
        "Saved".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<SavedKeys>();
        json_schema!({
                        "description": "A part of the answer: a JSON pointer, or one with a fallback value.",
            "anyOf": [{"type": "string"}, keys],
        })
    }
}
