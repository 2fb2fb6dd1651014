//! The written form of an expectation: a word, or a mapping.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use regex_lite::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::decode_error::at_key;
use super::expect::{ClosedExpectation, ErrorExpectation, ExitExpectation, Expectation};
use super::named::{NAMED_OUTCOMES, keys_of};
use super::pattern::Pattern;

/// The keys of an expectation as they are written.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExpectationKeys {
    /// The gateway accepts the connection; a pattern for its `hello-ok` payload.
    hello: Option<Pattern>,
    /// The gateway closes the connection: the close code, `$any`, or `none` for an end without a close frame.
    closed: Option<Pattern>,
    /// The close reason. The text changes between releases; prefer `details`.
    reason: Option<Pattern>,
    /// The code of the error response, with or without a close after it.
    error: Option<Pattern>,
    /// The message of the error response.
    message: Option<Pattern>,
    /// The details of the error response, such as `{code: PAIRING_REQUIRED, reason: role-upgrade}`.
    details: Option<Pattern>,
    /// The status of an HTTP response instead of a WebSocket.
    http: Option<Pattern>,
    /// The body of the HTTP response.
    body: Option<Pattern>,
    /// A call succeeds; a pattern for its payload.
    ok: Option<Pattern>,
    /// An event arrives; a pattern for its payload.
    arrives: Option<Pattern>,
    /// The stored state: a pattern for the document that `state` reads.
    state: Option<Pattern>,
    /// The gateway violates the WebSocket protocol (RFC 6455); a pattern for what was wrong.
    protocol_error: Option<Pattern>,
    /// The exit code of a program, or `none` if a signal ended it.
    exit: Option<Pattern>,
    /// The signal that ended the program, such as `SIGTERM`.
    signal: Option<Pattern>,
    /// What the program printed on standard output, as one text.
    stdout: Option<Pattern>,
    /// What the program printed on standard error, as one text.
    stderr: Option<Pattern>,
    /// What the program printed on standard output, parsed as JSON.
    json: Option<Pattern>,
    /// The last tool result that was returned to the model, as one text.
    tool: Option<Pattern>,
    /// Why the gateway refused a connection of the agent in the meantime, such as `role-upgrade`.
    refused: Option<Pattern>,
    /// A call is refused because the connection lacks this scope.
    #[serde(rename = "missing-scope")]
    missing_scope: Option<String>,
    /// Any one of several outcomes, all of which are right.
    any_of: Option<Vec<Expectation>>,
}

/// The words that stand for a whole expectation.
pub const EXPECTATION_WORDS: &[&str] = &["hello", "ok", "closed", "arrives", "silence", "error"];

/// Those words, and the names of the named outcomes.
static ALL_WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    EXPECTATION_WORDS.iter().copied().chain(NAMED_OUTCOMES.iter().map(|one| one.name)).collect()
});

/// The refusal of a call because a scope is missing.
fn missing_scope<E: de::Error>(scope: &str) -> Result<ErrorExpectation, E> {
    let message = Regex::new(&format!("missing scope: {}", regex_lite::escape(scope))).map_err(E::custom)?;
    Ok(ErrorExpectation { message: Some(Pattern::Matches(message)), ..ErrorExpectation::default() })
}

impl ExpectationKeys {
    fn into_expectation<E: de::Error>(self) -> Result<Expectation, E> {
        let heads = [
            ("hello", self.hello.is_some()),
            ("closed", self.closed.is_some()),
            ("http", self.http.is_some()),
            ("ok", self.ok.is_some()),
            ("arrives", self.arrives.is_some()),
            ("state", self.state.is_some()),
            ("protocol_error", self.protocol_error.is_some()),
            ("exit", self.exit.is_some()),
            ("tool", self.tool.is_some()),
            ("missing-scope", self.missing_scope.is_some()),
            ("any_of", self.any_of.is_some()),
        ];
        let refinements = [
            ("error", self.error.is_some()),
            ("message", self.message.is_some()),
            ("details", self.details.is_some()),
        ];
        let there = |keys: &[(&'static str, bool)]| -> Vec<&'static str> {
            keys.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect()
        };
        let (heads, refinements) = (there(&heads), there(&refinements));
        let head = match heads.as_slice() {
            [one] => *one,
            [] if !refinements.is_empty() => "error",
            [] => {
                return Err(E::custom(
                    "an expectation needs one of `hello`, `closed`, `error`, `http`, `ok`, `arrives`, `state`, `protocol_error`, `exit`, `tool`, `missing-scope`, `any_of`",
                ));
            }
            [one, two, ..] => {
                return Err(at_key(
                    two,
                    format_args!("`{one}` and `{two}` exclude each other; if both are right, use `any_of`"),
                ));
            }
        };
        if let Some(key) = refinements.first()
            && !matches!(head, "closed" | "error")
        {
            return Err(at_key(
                key,
                format_args!("`{key}` describes a refusal and cannot be combined with `{head}`"),
            ));
        }
        if self.reason.is_some() && head != "closed" {
            return Err(at_key("reason", "`reason` describes a close and needs `closed`"));
        }
        if self.body.is_some() && head != "http" {
            return Err(at_key("body", "`body` describes an HTTP response and needs `http`"));
        }
        let printed = [
            ("signal", self.signal.is_some()),
            ("stdout", self.stdout.is_some()),
            ("stderr", self.stderr.is_some()),
            ("json", self.json.is_some()),
        ];
        if let Some(key) = there(&printed).first()
            && head != "exit"
        {
            return Err(at_key(key, format_args!("`{key}` describes how a program exits and needs `exit`")));
        }
        if self.refused.is_some() && head != "tool" {
            return Err(at_key("refused", "`refused` describes a turn of the agent and needs `tool`"));
        }
        let error = ErrorExpectation { code: self.error, message: self.message, details: self.details };
        let any = |pattern: Option<Pattern>| pattern.unwrap_or(Pattern::Any);
        Ok(match head {
            "hello" => Expectation::Hello(any(self.hello)),
            "closed" => {
                Expectation::Closed(ClosedExpectation { code: self.closed, reason: self.reason, error })
            }
            "http" => Expectation::Http { status: any(self.http), body: self.body },
            "ok" => Expectation::Ok(any(self.ok)),
            "arrives" => Expectation::Arrives(any(self.arrives)),
            "state" => Expectation::State(any(self.state)),
            "protocol_error" => Expectation::ProtocolError(any(self.protocol_error)),
            "tool" => Expectation::Tool { result: any(self.tool), refused: self.refused },
            "exit" => Expectation::Exit(ExitExpectation {
                code: any(self.exit),
                signal: self.signal,
                stdout: self.stdout,
                stderr: self.stderr,
                json: self.json,
            }),
            "missing-scope" => Expectation::Error(missing_scope(&self.missing_scope.unwrap_or_default())?),
            "any_of" => Expectation::AnyOf(self.any_of.unwrap_or_default()),
            _ => Expectation::Error(error),
        })
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExpectationVisitor;

        impl<'de> Visitor<'de> for ExpectationVisitor {
            type Value = Expectation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word such as `hello`, or a mapping such as `{closed: 1008}`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Expectation, E> {
                Ok(match word {
                    "hello" => Expectation::Hello(Pattern::Any),
                    "ok" => Expectation::Ok(Pattern::Any),
                    "closed" => Expectation::Closed(ClosedExpectation::default()),
                    "error" => Expectation::Error(ErrorExpectation::default()),
                    "arrives" => Expectation::Arrives(Pattern::Any),
                    "silence" => Expectation::Silence,
                    other => {
                        let keys = keys_of(other).ok_or_else(|| E::unknown_variant(other, &ALL_WORDS))?;
                        return ExpectationKeys::deserialize(keys).map_err(E::custom)?.into_expectation();
                    }
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expectation, A::Error> {
                ExpectationKeys::deserialize(MapAccessDeserializer::new(map))?.into_expectation()
            }
        }

        deserializer.deserialize_any(ExpectationVisitor)
    }
}

impl JsonSchema for Expectation {
    fn schema_name() -> Cow<'static, str> {
        "Expectation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<ExpectationKeys>();
        json_schema!({
                        "description": "The outcome that is right: a word, or a mapping for more detail.",
            "anyOf": [{"enum": *ALL_WORDS}, keys],
        })
    }
}
