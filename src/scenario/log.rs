//! The `log` verb: what the gateway or a program has printed, and which frames went over a connection.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::duration::Millis;
use super::entries::Entries;
use super::expect::Expectation;
use super::pattern::Pattern;
use super::saved::Saved;
use super::span::Spanned;

/// Waits for a line of a log or for a frame of a connection, or for its absence.
///
/// What was there before the step counts, too: from the boot on where the scenario has its gateway to itself, else
/// from the beginning of the scenario.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Name of this step. Default: `log`.
    pub id: Option<Spanned<String>>,
    /// Whose: a program (`cli`, `node_host`) or a connection of the scenario, by name. Default: the gateway.
    pub of: Option<Spanned<String>>,
    /// A line that was printed: a text that it holds, a pattern such as `{$matches: …}` for the whole line, or a
    /// list of which all must hold for the same line.
    pub line: Option<Spanned<Line>>,
    /// A frame that the client sent, as a whole: `{type: req, method: …}`.
    pub sent: Option<Spanned<Pattern>>,
    /// A frame that the client received, as a whole: `{type: res, ok: true, …}`.
    pub received: Option<Spanned<Pattern>>,
    /// The step since whose beginning it must have come. Default: as far back as there is something of this
    /// scenario.
    pub since: Option<Spanned<String>>,
    /// How long to wait. Default: the run's time-out, or one second where silence is expected.
    pub within: Option<Millis>,
    /// The outcome that is right: `arrives` or `silence`. Default: `arrives`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of what was found, by JSON pointer: of the frame, or `/line`.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// What must hold for a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line(pub Vec<Pattern>);

impl Line {
    /// Fills in the references of all texts.
    pub fn map_text<E>(&self, resolve: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Self, E> {
        Ok(Self(self.0.iter().map(|one| one.map_text(resolve)).collect::<Result<_, E>>()?))
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Pattern::deserialize(deserializer)? {
            Pattern::Array(list) => Self(list),
            one => Self(vec![one]),
        })
    }
}

impl JsonSchema for Line {
    fn schema_name() -> Cow<'static, str> {
        "Line".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<Pattern>();
        json_schema!({
            "description": "A text that the line holds, a pattern for the whole line, or a list of which all must hold.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": pattern, "minItems": 1}, pattern],
        })
    }
}
