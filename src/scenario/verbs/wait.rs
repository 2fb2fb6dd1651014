//! The `wait` verb: waits for a fixed time, or for the close of a connection.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::verb::Verb;
use crate::scenario::duration::Millis;
use crate::scenario::expect::{ClosedExpectation, Expectation, ExpectationKind};
use crate::scenario::span::Spanned;

/// Waits for a fixed time, or until the gateway closes a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    /// Waits for a fixed time.
    For(Millis),
    /// Waits until the gateway closes a connection.
    Closed(AwaitClose),
}

/// Waits until the gateway closes a connection.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitClose {
    /// The connection to watch.
    pub on: Spanned<String>,
    /// Name of this step. Default: `wait`.
    pub id: Option<Spanned<String>>,
    /// How long to wait. Default: the timeout of the run, or one second if silence is expected.
    pub within: Option<Millis>,
    /// The outcome that is right: `closed` or `silence`. Default: `closed`.
    pub expect: Option<Spanned<Expectation>>,
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeOrKeys;

        impl<'de> Visitor<'de> for TimeOrKeys {
            type Value = Wait;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `500ms`, or a mapping with the connection to watch")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wait, E> {
                text.parse().map(Wait::For).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Wait, A::Error> {
                AwaitClose::deserialize(MapAccessDeserializer::new(map)).map(Wait::Closed)
            }
        }

        deserializer.deserialize_any(TimeOrKeys)
    }
}

impl JsonSchema for Wait {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Wait".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let time = generator.subschema_for::<Millis>();
        let close = generator.subschema_for::<AwaitClose>();
        schemars::json_schema!({"anyOf": [time, close]})
    }
}

impl Verb for Wait {
    fn id(&self) -> Option<&Spanned<String>> {
        self.close().and_then(|close| close.id.as_ref())
    }

    fn expect(&self) -> Option<&Spanned<Expectation>> {
        self.close().and_then(|close| close.expect.as_ref())
    }

    fn default_expectation(&self) -> Option<Expectation> {
        self.close().map(|_| Expectation::Closed(ClosedExpectation::default()))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, ProtocolError, Silence};
        &[Closed, Silence, ProtocolError]
    }

    fn patience(&self) -> Option<Millis> {
        match self {
            Self::For(time) => Some(*time),
            Self::Closed(close) => close.within,
        }
    }

    fn awaits(&self) -> &'static str {
        match self {
            Self::For(_) => "the end of its time",
            Self::Closed(_) => "the close of the connection",
        }
    }

    fn works_on(&self) -> Option<&Spanned<String>> {
        self.close().map(|close| &close.on)
    }
}

impl Wait {
    /// The close to wait for; `None` if it waits for a fixed time.
    const fn close(&self) -> Option<&AwaitClose> {
        match self {
            Self::For(_) => None,
            Self::Closed(close) => Some(close),
        }
    }
}
