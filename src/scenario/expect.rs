//! Expectations: the outcome that is right for a step.

use std::fmt;

use serde_json::Value;

use super::flow::{write_list, write_map};
use super::pattern::Pattern;

/// The outcome that is right for a step, or the one that a deviation lists instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// `hello` or `hello: PATTERN`: the gateway accepts the connection; the pattern applies to its `hello-ok`.
    Hello(Pattern),
    /// `closed: CODE`: the gateway closes the connection, after an error response if one is described.
    Closed(ClosedExpectation),
    /// `error: CODE`: an error response; the connection stays open.
    Error(ErrorExpectation),
    /// `http: STATUS`: an HTTP response instead of a WebSocket.
    Http {
        /// The HTTP status.
        status: Pattern,
        /// The body: parsed as JSON, or as a text.
        body: Option<Pattern>,
    },
    /// `ok` or `ok: PATTERN`: a call succeeds; the pattern applies to its payload.
    Ok(Pattern),
    /// `arrives` or `arrives: PATTERN`: an event arrives; the pattern applies to its payload.
    Arrives(Pattern),
    /// `protocol_error: PATTERN`: the gateway violates RFC 6455, and the client ends the connection.
    ProtocolError(Pattern),
    /// `silence`: nothing arrives in time.
    Silence,
    /// `state: PATTERN`: what is stored.
    State(Pattern),
    /// `exit: CODE`: a program exits.
    Exit(ExitExpectation),
    /// `tool: PATTERN`: the result that a tool returned to the model.
    Tool {
        /// The result, as a text.
        result: Pattern,
        /// Why the gateway refused a connection in the meantime, such as `role-upgrade`.
        refused: Option<Pattern>,
    },
    /// `any_of: […]`: any one of several outcomes, all of which are right.
    AnyOf(Vec<Expectation>),
}

/// A close, and the error response that may precede it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClosedExpectation {
    /// Close code; the word `none` stands for a connection that ends without one.
    pub code: Option<Pattern>,
    /// Close reason. The text changes between releases; prefer `details`.
    pub reason: Option<Pattern>,
    /// The error response before the close.
    pub error: ErrorExpectation,
}

/// How a program exits, and what it printed.
#[derive(Clone, Debug, PartialEq)]
pub struct ExitExpectation {
    /// Exit code; the word `none` stands for an end by a signal, `$any` for any end.
    pub code: Pattern,
    /// The signal that ended it, such as `SIGTERM`.
    pub signal: Option<Pattern>,
    /// Standard output, as a text.
    pub stdout: Option<Pattern>,
    /// Standard error, as a text.
    pub stderr: Option<Pattern>,
    /// Standard output, parsed as JSON.
    pub json: Option<Pattern>,
}

impl ExitExpectation {
    /// An exit with this code, whatever was printed.
    pub fn of_code(code: i32) -> Self {
        Self { code: Pattern::Literal(code.into()), ..Self::by_itself() }
    }

    /// Any exit, as long as it happens in time.
    pub const fn by_itself() -> Self {
        Self { code: Pattern::Any, signal: None, stdout: None, stderr: None, json: None }
    }
}

/// What is expected of an error response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorExpectation {
    /// Pattern for `error.code`.
    pub code: Option<Pattern>,
    /// Pattern for `error.message`.
    pub message: Option<Pattern>,
    /// Pattern for `error.details`.
    pub details: Option<Pattern>,
}

impl ErrorExpectation {
    /// Whether nothing is said about the response.
    pub const fn is_empty(&self) -> bool {
        self.code.is_none() && self.message.is_none() && self.details.is_none()
    }
}

/// The kind of outcome that an expectation describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpectationKind {
    /// The gateway accepts a connection.
    Hello,
    /// The gateway closes the connection.
    Closed,
    /// An error response on an open connection.
    Error,
    /// An HTTP response instead of a WebSocket.
    Http,
    /// A call succeeds.
    Ok,
    /// An event arrives.
    Arrives,
    /// The gateway violates the WebSocket protocol.
    ProtocolError,
    /// Nothing arrives.
    Silence,
    /// Stored state.
    State,
    /// A program exits.
    Exit,
    /// A tool's result for the model.
    Tool,
}

impl ExpectationKind {
    /// The key that a scenario uses for it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Closed => "closed",
            Self::Error => "error",
            Self::Http => "http",
            Self::Ok => "ok",
            Self::Arrives => "arrives",
            Self::ProtocolError => "protocol_error",
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
            Self::ProtocolError(_) => vec![ExpectationKind::ProtocolError],
            Self::Silence => vec![ExpectationKind::Silence],
            Self::State(_) => vec![ExpectationKind::State],
            Self::Exit(_) => vec![ExpectationKind::Exit],
            Self::Tool { .. } => vec![ExpectationKind::Tool],
            Self::AnyOf(list) => list.iter().flat_map(Self::kinds).collect(),
        }
    }

    /// Applies `resolve`, which fills in references, to the literals of all patterns.
    ///
    /// # Errors
    /// Fails with the first error of `resolve`.
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
                signal: maybe(&exit.signal, resolve)?,
                stdout: maybe(&exit.stdout, resolve)?,
                stderr: maybe(&exit.stderr, resolve)?,
                json: maybe(&exit.json, resolve)?,
            }),
            Self::ProtocolError(pattern) => Self::ProtocolError(pattern.map_text(resolve)?),
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

impl fmt::Display for Expectation {
    /// Writes it as YAML in flow style, which parses to the same expectation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn keys(f: &mut fmt::Formatter<'_>, entries: &[(&str, Option<&Pattern>)]) -> fmt::Result {
            let there = entries.iter().filter_map(|(key, one)| one.map(|one| (*key, one)));
            write_map(f, there.map(|(key, one)| (key, Whole(one))))
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
            Self::ProtocolError(one) => keys(f, &[("protocol_error", Some(one))]),
            Self::Http { status, body } => keys(f, &[("http", Some(status)), ("body", body.as_ref())]),
            Self::Tool { result, refused } => {
                keys(f, &[("tool", Some(result)), ("refused", refused.as_ref())])
            }
            Self::Exit(exit) => keys(
                f,
                &[
                    ("exit", Some(&exit.code)),
                    ("signal", exit.signal.as_ref()),
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
                    ("details", error.details.as_ref()),
                    ("message", error.message.as_ref()),
                ],
            ),
            Self::Closed(closed) if *closed == ClosedExpectation::default() => f.write_str("closed"),
            Self::Closed(closed) => keys(
                f,
                &[
                    ("closed", closed.code.as_ref().or(Some(&Pattern::Any))),
                    ("reason", closed.reason.as_ref()),
                    ("error", closed.error.code.as_ref()),
                    ("details", closed.error.details.as_ref()),
                    ("message", closed.error.message.as_ref()),
                ],
            ),
            Self::AnyOf(list) => {
                f.write_str("{any_of: ")?;
                write_list(f, list)?;
                f.write_str("}")
            }
        }
    }
}

/// A pattern as the value of an expectation's key, where a bare null would mean that the key was left empty.
struct Whole<'a>(&'a Pattern);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Pattern::Literal(Value::Null) => f.write_str("{$exactly: null}"),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use regex_lite::Regex;
    use serde_json::json;

    use super::*;
    use crate::scenario::decode::decode;
    use crate::scenario::source::Source;
    use crate::scenario::tree::read;

    /// Texts that a parser might misread, and arbitrary ones.
    fn texts() -> impl Strategy<Value = String> {
        const ODD: &[&str] = &[
            "",
            " ",
            "no",
            "True",
            "~",
            "null",
            "1",
            "0x1f",
            "1e3",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#",
            "{",
            "[x]",
            "'",
            "\"",
            "\\",
            "a\nb",
            "a\r\n",
            "\t",
            "*a",
            "&a",
            "!t",
            "|",
            ">",
            "%",
            "@",
            "`",
            "?",
            "none",
            "\u{feff}",
            "\u{85}",
            "\u{2028}",
            "\u{0}",
            "\u{7f}",
            "\u{1f600}",
            "${device.laptop.id}",
            "pairing required",
            "---",
            "...",
            "<<",
            ".inf",
            "2026-01-01",
            "a, b",
        ];
        let is_word = |text: &String| text.starts_with('$') && !text.starts_with("${");
        prop_oneof![
            prop::sample::select(ODD).prop_map(str::to_owned),
            any::<String>().prop_filter("a word of the pattern language", move |text| !is_word(text)),
        ]
    }

    fn scalars() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("a number", |one| one.is_finite()).prop_map(Value::from),
            texts().prop_map(Value::from),
        ]
    }

    fn values() -> impl Strategy<Value = Value> {
        scalars().prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(texts(), inner, 0..3)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn patterns() -> impl Strategy<Value = Pattern> {
        let leaf = prop_oneof![
            Just(Pattern::Any),
            Just(Pattern::Absent),
            scalars().prop_map(Pattern::Literal),
            values().prop_map(Pattern::Exactly),
            any::<u64>().prop_map(Pattern::Length),
            prop::sample::select(&["^a.*", "\\d+ \"x\"", "it's", ": #"][..])
                .prop_map(|text| Pattern::Matches(Regex::new(text).unwrap())),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let list = || prop::collection::vec(inner.clone(), 0..3);
            prop_oneof![
                list().prop_map(Pattern::Contains),
                list().prop_map(Pattern::Excludes),
                list().prop_map(Pattern::OneOf),
                list().prop_map(Pattern::Set),
                list().prop_map(Pattern::Array),
                inner.clone().prop_map(|one| Pattern::Not(Box::new(one))),
                prop::collection::btree_map(texts(), inner.clone(), 0..3)
                    .prop_map(|entries| Pattern::Object(entries.into_iter().collect())),
            ]
        })
    }

    /// Patterns that can be the value of an expectation's key; a null there means that the value was forgotten.
    fn parts() -> impl Strategy<Value = Pattern> {
        patterns().prop_filter("null", |one| !matches!(one, Pattern::Literal(Value::Null)))
    }

    fn maybe() -> impl Strategy<Value = Option<Pattern>> {
        prop::option::of(parts())
    }

    fn errors() -> impl Strategy<Value = ErrorExpectation> {
        (maybe(), maybe(), maybe()).prop_map(|(code, message, details)| ErrorExpectation {
            code,
            message,
            details,
        })
    }

    fn expectations() -> impl Strategy<Value = Expectation> {
        let closed = (parts(), maybe(), errors()).prop_map(|(code, reason, error)| {
            Expectation::Closed(ClosedExpectation { code: Some(code), reason, error })
        });
        let exit =
            (parts(), maybe(), maybe(), maybe(), maybe()).prop_map(|(code, signal, stdout, stderr, json)| {
                Expectation::Exit(ExitExpectation { code, signal, stdout, stderr, json })
            });
        let one = prop_oneof![
            parts().prop_map(Expectation::Hello),
            parts().prop_map(Expectation::Ok),
            parts().prop_map(Expectation::Arrives),
            parts().prop_map(Expectation::State),
            parts().prop_map(Expectation::ProtocolError),
            Just(Expectation::Silence),
            Just(Expectation::Closed(ClosedExpectation::default())),
            closed,
            errors().prop_map(Expectation::Error),
            (parts(), maybe()).prop_map(|(status, body)| Expectation::Http { status, body }),
            (parts(), maybe()).prop_map(|(result, refused)| Expectation::Tool { result, refused }),
            exit,
        ];
        let leaf = one.boxed();
        prop_oneof![
            4 => leaf.clone(),
            1 => prop::collection::vec(leaf, 0..3).prop_map(Expectation::AnyOf),
        ]
    }

    #[test]
    fn several_outcomes_print_in_flow_style() {
        let written = "{any_of: [hello, {closed: 1008}, {any_of: [ok, silence]}]}";
        let parsed: Expectation = serde_saphyr::from_str(written).unwrap();
        assert_eq!(parsed.to_string(), written);
    }

    proptest! {
        #[test]
        fn a_printed_expectation_parses_to_the_same_expectation(one in expectations()) {
            let text = format!("steps: {{a: {one}}}\n");
            let source = Arc::new(Source { path: "x".into(), text: text.clone() });
            let tree = read(&source).map_err(|error| TestCaseError::fail(format!("{text}\n{error:?}")))?;
            let written = tree.get("steps").and_then(|steps| steps.get("a")).unwrap();
            let again: Expectation =
                decode(written).map_err(|error| TestCaseError::fail(format!("{text}\n{error:?}")))?;
            prop_assert_eq!(&again, &one, "{}", text);
            prop_assert_eq!(again.to_string(), one.to_string());
            prop_assert!(!one.to_string().contains('\n'));
        }
    }
}
