//! How a gateway is stopped, and when a starting one counts as ready.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A signal that stops a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, serde::Serialize, JsonSchema)]
pub enum StopSignal {
    /// Asks the process to end.
    #[default]
    #[serde(rename = "SIGTERM")]
    Term,
    /// What Ctrl-C sends.
    #[serde(rename = "SIGINT")]
    Interrupt,
    /// What a terminal sends when it closes.
    #[serde(rename = "SIGHUP")]
    HangUp,
    /// Cannot be ignored: a crash.
    #[serde(rename = "SIGKILL")]
    Kill,
}

impl StopSignal {
    /// The name used in scenarios and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Term => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::HangUp => "SIGHUP",
            Self::Kill => "SIGKILL",
        }
    }
}

/// When a starting gateway counts as ready, so that the next step can begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ready {
    /// A connect would be answered.
    #[default]
    Answers,
    /// Its port is open.
    Port,
    /// Immediately; the first connect waits for the port.
    AtOnce,
}

impl<'de> Deserialize<'de> for Ready {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrBool;

        impl Visitor<'_> for WordOrBool {
            type Value = Ready;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `port` or `false`")
            }

            fn visit_bool<E: de::Error>(self, answers: bool) -> Result<Ready, E> {
                Ok(if answers { Ready::Answers } else { Ready::AtOnce })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Ready, E> {
                match word {
                    "port" => Ok(Ready::Port),
                    other => Err(E::unknown_variant(other, &["true", "port", "false"])),
                }
            }
        }

        deserializer.deserialize_any(WordOrBool)
    }
}

impl JsonSchema for Ready {
    fn schema_name() -> Cow<'static, str> {
        "Ready".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
                        "description": "When the next step begins: `true` once a connect would be answered, `port` once the port is open, `false` immediately.",
            "enum": [true, "port", false],
        })
    }
}
