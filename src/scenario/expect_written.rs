//! An expectation as a person writes it: a word, or keys.

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

/// The keys of an expectation as a person writes them.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExpectationKeys")]
struct Written {
    /// The gateway lets the connection in; a pattern for its `hello-ok` payload.
    hello: Option<Pattern>,
    /// The close code, `$any`, or `none` for a connection that ends without a close frame.
    closed: Option<Pattern>,
    /// The close reason. Texts change between releases; prefer `details`.
    reason: Option<Pattern>,
    /// The code of the error response, before a close or alone.
    error: Option<Pattern>,
    /// The message of the error response.
    message: Option<Pattern>,
    /// The details of the error response, such as `{code: PAIRING_REQUIRED, reason: role-upgrade}`.
    details: Option<Pattern>,
    /// The status of an HTTP answer instead of a WebSocket.
    http: Option<Pattern>,
    /// The body of that answer.
    body: Option<Pattern>,
    /// A call succeeds; a pattern for its payload.
    ok: Option<Pattern>,
    /// An event comes; a pattern for its payload.
    arrives: Option<Pattern>,
    /// What is stored: a pattern for the document that `state` describes.
    state: Option<Pattern>,
    /// What the gateway sends breaks the WebSocket protocol (RFC 6455); a pattern for what was wrong.
    protocol_error: Option<Pattern>,
    /// The exit code of a program, or `none` where a signal ended it.
    exit: Option<Pattern>,
    /// The signal that ended it, such as `SIGTERM`.
    signal: Option<Pattern>,
    /// What it printed on standard output, as one text.
    stdout: Option<Pattern>,
    /// What it printed on standard error, as one text.
    stderr: Option<Pattern>,
    /// What it printed on standard output, parsed as JSON.
    json: Option<Pattern>,
    /// The last tool result that came back to the model, as one text.
    tool: Option<Pattern>,
    /// Why the gateway refused a connection of the agent meanwhile, such as `role-upgrade`.
    refused: Option<Pattern>,
    /// A call is refused, because the connection lacks this scope.
    #[serde(rename = "missing-scope")]
    missing_scope: Option<String>,
    /// One of several outcomes, where all of them are right.
    any_of: Option<Vec<Expectation>>,
}

/// The words that stand for a whole expectation.
pub const EXPECTATION_WORDS: &[&str] = &["hello", "ok", "closed", "arrives", "silence", "error"];

/// Those words, and the names of outcomes that have one.
static ALL_WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    EXPECTATION_WORDS.iter().copied().chain(NAMED_OUTCOMES.iter().map(|one| one.name)).collect()
});

/// The refusal of a call for want of a scope.
fn missing_scope<E: de::Error>(scope: &str) -> Result<ErrorExpectation, E> {
    let told = Regex::new(&format!("missing scope: {}", regex_lite::escape(scope))).map_err(E::custom)?;
    Ok(ErrorExpectation { message: Some(Pattern::Matches(told)), ..ErrorExpectation::default() })
}

impl Written {
    fn understand<E: de::Error>(self) -> Result<Expectation, E> {
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
                    format_args!("`{one}` and `{two}` exclude each other: use `any_of` where both are right"),
                ));
            }
        };
        if let Some(key) = refinements.first()
            && !matches!(head, "closed" | "error")
        {
            return Err(at_key(
                key,
                format_args!("`{key}` describes a refusal and cannot stand beside `{head}`"),
            ));
        }
        if self.reason.is_some() && head != "closed" {
            return Err(at_key("reason", "`reason` describes a close and needs `closed`"));
        }
        if self.body.is_some() && head != "http" {
            return Err(at_key("body", "`body` describes an HTTP answer and needs `http`"));
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
            return Err(at_key(key, format_args!("`{key}` describes a program's end and needs `exit`")));
        }
        if self.refused.is_some() && head != "tool" {
            return Err(at_key("refused", "`refused` describes an agent's turn and needs `tool`"));
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
        struct WordOrKeys;

        impl<'de> Visitor<'de> for WordOrKeys {
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
                        return Written::deserialize(keys).map_err(E::custom)?.understand();
                    }
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expectation, A::Error> {
                Written::deserialize(MapAccessDeserializer::new(map))?.understand()
            }
        }

        deserializer.deserialize_any(WordOrKeys)
    }
}

impl JsonSchema for Expectation {
    fn schema_name() -> Cow<'static, str> {
        "Expectation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<Written>();
        json_schema!({
            "description": "The outcome that is right: a word, or a mapping that says more.",
            "anyOf": [{"enum": *ALL_WORDS}, keys],
        })
    }
}
