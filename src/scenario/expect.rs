//! The outcome that is right for a step.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_json::Value;

use super::decode_error::at_key;
use super::pattern::Pattern;

/// The outcome that is right for a step, or that a release is listed to have instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// `hello` or `hello: PATTERN`: the gateway lets the connection in; the pattern is for its `hello-ok`.
    Hello(Pattern),
    /// `closed: CODE`: the gateway closes, after an error response where one is described.
    Closed(ClosedExpectation),
    /// `error: CODE`: an error response, and the connection stays open.
    Error(ErrorExpectation),
    /// `http: STATUS`: an HTTP answer instead of a WebSocket.
    Http {
        /// The status.
        status: Pattern,
        /// The body: parsed JSON, or a text.
        body: Option<Pattern>,
    },
    /// `ok` or `ok: PATTERN`: a call succeeds; the pattern is for its payload.
    Ok(Pattern),
    /// `arrives` or `arrives: PATTERN`: an event comes; the pattern is for its payload.
    Arrives(Pattern),
    /// `silence`: nothing comes in the time given.
    Silence,
    /// `state: PATTERN`: what is stored.
    State(Pattern),
    /// `exit: CODE`: a program ends.
    Exit(ExitExpectation),
    /// `tool: PATTERN`: what a tool answered to the model.
    Tool {
        /// The answer, a text.
        result: Pattern,
        /// Why the gateway refused a connection meanwhile, such as `role-upgrade`.
        refused: Option<Pattern>,
    },
    /// `any_of: […]`: one of several outcomes, where all of them are right.
    AnyOf(Vec<Expectation>),
}

/// A close, and the error response that may come before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClosedExpectation {
    /// Close code; `none` in the text stands for a connection that ends without one.
    pub code: Option<Pattern>,
    /// Close reason (a text that changes between releases; judge by `details` where you can).
    pub reason: Option<Pattern>,
    /// The error response before the close.
    pub error: ErrorExpectation,
}

/// How a program ends, and what it printed.
#[derive(Clone, Debug, PartialEq)]
pub struct ExitExpectation {
    /// Exit code; `none` in the text stands for an end by a signal.
    pub code: Pattern,
    /// Standard output, a text.
    pub stdout: Option<Pattern>,
    /// Standard error, a text.
    pub stderr: Option<Pattern>,
    /// Standard output, parsed as JSON.
    pub json: Option<Pattern>,
}

impl ExitExpectation {
    /// An end with this exit code, whatever it printed.
    pub fn of_code(code: i32) -> Self {
        Self { code: Pattern::Literal(code.into()), stdout: None, stderr: None, json: None }
    }
}

/// An error response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorExpectation {
    /// `error.code`.
    pub code: Option<Pattern>,
    /// `error.message`.
    pub message: Option<Pattern>,
    /// `error.details`.
    pub details: Option<Pattern>,
}

impl ErrorExpectation {
    /// Whether anything is said about the response.
    pub const fn is_empty(&self) -> bool {
        self.code.is_none() && self.message.is_none() && self.details.is_none()
    }
}

/// What an expectation is about: which of its forms it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpectationKind {
    /// The gateway lets a connection in.
    Hello,
    /// The connection is closed by the gateway.
    Closed,
    /// An error response on an open connection.
    Error,
    /// An HTTP answer instead of a WebSocket.
    Http,
    /// A call succeeds.
    Ok,
    /// An event comes.
    Arrives,
    /// Nothing comes.
    Silence,
    /// Stored state.
    State,
    /// The end of a program.
    Exit,
    /// A tool's answer to the model.
    Tool,
}

impl ExpectationKind {
    /// The key that says it in a scenario.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Closed => "closed",
            Self::Error => "error",
            Self::Http => "http",
            Self::Ok => "ok",
            Self::Arrives => "arrives",
            Self::Silence => "silence",
            Self::State => "state",
            Self::Exit => "exit",
            Self::Tool => "tool",
        }
    }
}

impl Expectation {
    /// The kinds of outcome that can satisfy this.
    pub fn kinds(&self) -> Vec<ExpectationKind> {
        match self {
            Self::Hello(_) => vec![ExpectationKind::Hello],
            Self::Closed(_) => vec![ExpectationKind::Closed],
            Self::Error(_) => vec![ExpectationKind::Error],
            Self::Http { .. } => vec![ExpectationKind::Http],
            Self::Ok(_) => vec![ExpectationKind::Ok],
            Self::Arrives(_) => vec![ExpectationKind::Arrives],
            Self::Silence => vec![ExpectationKind::Silence],
            Self::State(_) => vec![ExpectationKind::State],
            Self::Exit(_) => vec![ExpectationKind::Exit],
            Self::Tool { .. } => vec![ExpectationKind::Tool],
            Self::AnyOf(list) => list.iter().flat_map(Self::kinds).collect(),
        }
    }

    /// Fills in the references of all patterns.
    pub fn map_text<E>(&self, resolve: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Self, E> {
        let maybe = |pattern: &Option<Pattern>, resolve: &mut _| -> Result<Option<Pattern>, E> {
            pattern.as_ref().map(|one| one.map_text(resolve)).transpose()
        };
        let error = |one: &ErrorExpectation, resolve: &mut _| -> Result<ErrorExpectation, E> {
            Ok(ErrorExpectation {
                code: maybe(&one.code, resolve)?,
                message: maybe(&one.message, resolve)?,
                details: maybe(&one.details, resolve)?,
            })
        };
        Ok(match self {
            Self::Hello(pattern) => Self::Hello(pattern.map_text(resolve)?),
            Self::Ok(pattern) => Self::Ok(pattern.map_text(resolve)?),
            Self::Arrives(pattern) => Self::Arrives(pattern.map_text(resolve)?),
            Self::State(pattern) => Self::State(pattern.map_text(resolve)?),
            Self::Tool { result, refused } => {
                Self::Tool { result: result.map_text(resolve)?, refused: maybe(refused, resolve)? }
            }
            Self::Exit(exit) => Self::Exit(ExitExpectation {
                code: exit.code.map_text(resolve)?,
                stdout: maybe(&exit.stdout, resolve)?,
                stderr: maybe(&exit.stderr, resolve)?,
                json: maybe(&exit.json, resolve)?,
            }),
            Self::Silence => Self::Silence,
            Self::Error(one) => Self::Error(error(one, resolve)?),
            Self::Closed(one) => Self::Closed(ClosedExpectation {
                error: error(&one.error, resolve)?,
                code: maybe(&one.code, resolve)?,
                reason: maybe(&one.reason, resolve)?,
            }),
            Self::Http { status, body } => {
                Self::Http { status: status.map_text(resolve)?, body: maybe(body, resolve)? }
            }
            Self::AnyOf(list) => {
                Self::AnyOf(list.iter().map(|one| one.map_text(resolve)).collect::<Result<_, E>>()?)
            }
        })
    }
}

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
    /// The exit code of a program, or `none` where a signal ended it.
    exit: Option<Pattern>,
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
    /// One of several outcomes, where all of them are right.
    any_of: Option<Vec<Expectation>>,
}

/// The words that stand for a whole expectation.
pub const EXPECTATION_WORDS: &[&str] = &["hello", "ok", "closed", "arrives", "silence", "error"];

impl Written {
    fn understand<E: de::Error>(self) -> Result<Expectation, E> {
        let heads = [
            ("hello", self.hello.is_some()),
            ("closed", self.closed.is_some()),
            ("http", self.http.is_some()),
            ("ok", self.ok.is_some()),
            ("arrives", self.arrives.is_some()),
            ("state", self.state.is_some()),
            ("exit", self.exit.is_some()),
            ("tool", self.tool.is_some()),
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
                    "an expectation needs one of `hello`, `closed`, `error`, `http`, `ok`, `arrives`, `state`, `exit`, `tool`, `any_of`",
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
            "tool" => Expectation::Tool { result: any(self.tool), refused: self.refused },
            "exit" => Expectation::Exit(ExitExpectation {
                code: any(self.exit),
                stdout: self.stdout,
                stderr: self.stderr,
                json: self.json,
            }),
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
                    other => return Err(E::unknown_variant(other, EXPECTATION_WORDS)),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expectation, A::Error> {
                Written::deserialize(MapAccessDeserializer::new(map))?.understand()
            }
        }

        deserializer.deserialize_any(WordOrKeys)
    }
}

impl fmt::Display for Expectation {
    /// As it would be written in flow style.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn keys(f: &mut fmt::Formatter<'_>, entries: &[(&str, Option<&Pattern>)]) -> fmt::Result {
            f.write_str("{")?;
            let there = entries.iter().filter_map(|(key, one)| one.map(|one| (key, one)));
            for (at, (key, one)) in there.enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                write!(f, "{comma}{key}: {one}")?;
            }
            f.write_str("}")
        }
        match self {
            Self::Hello(Pattern::Any) => f.write_str("hello"),
            Self::Ok(Pattern::Any) => f.write_str("ok"),
            Self::Arrives(Pattern::Any) => f.write_str("arrives"),
            Self::Silence => f.write_str("silence"),
            Self::Hello(one) => keys(f, &[("hello", Some(one))]),
            Self::Ok(one) => keys(f, &[("ok", Some(one))]),
            Self::Arrives(one) => keys(f, &[("arrives", Some(one))]),
            Self::State(one) => keys(f, &[("state", Some(one))]),
            Self::Http { status, body } => keys(f, &[("http", Some(status)), ("body", body.as_ref())]),
            Self::Tool { result, refused } => {
                keys(f, &[("tool", Some(result)), ("refused", refused.as_ref())])
            }
            Self::Exit(exit) => keys(
                f,
                &[
                    ("exit", Some(&exit.code)),
                    ("stdout", exit.stdout.as_ref()),
                    ("stderr", exit.stderr.as_ref()),
                    ("json", exit.json.as_ref()),
                ],
            ),
            Self::Error(error) if error.is_empty() => f.write_str("error"),
            Self::Error(error) => keys(
                f,
                &[
                    ("error", error.code.as_ref()),
                    ("message", error.message.as_ref()),
                    ("details", error.details.as_ref()),
                ],
            ),
            Self::Closed(closed) if *closed == ClosedExpectation::default() => f.write_str("closed"),
            Self::Closed(closed) => keys(
                f,
                &[
                    ("closed", closed.code.as_ref().or(Some(&Pattern::Any))),
                    ("reason", closed.reason.as_ref()),
                    ("error", closed.error.code.as_ref()),
                    ("message", closed.error.message.as_ref()),
                    ("details", closed.error.details.as_ref()),
                ],
            ),
            Self::AnyOf(list) => {
                f.write_str("any of ")?;
                for (at, one) in list.iter().enumerate() {
                    let or = if at == 0 { "" } else { " or " };
                    write!(f, "{or}{one}")?;
                }
                Ok(())
            }
        }
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
            "anyOf": [{"enum": EXPECTATION_WORDS}, keys],
        })
    }
}
