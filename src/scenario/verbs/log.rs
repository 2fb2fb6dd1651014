//! The `log` verb: searches the output of the gateway or a program, or the frames of a connection.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::verb::{StepSite, Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::saved::Saved;
use crate::scenario::span::{Span, Spanned};
use crate::scenario::suggest::advice;

/// Waits for a line of a log or a frame of a connection, or for its absence.
///
/// Lines and frames from before the step count as well: since boot if the scenario has its gateway to itself,
/// otherwise since the beginning of the scenario.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Name of this step. Default: `log`.
    pub id: Option<Spanned<String>>,
    /// Where to search: the name of a program (`cli`, `node_host`) or a connection of the scenario. Default: the
    /// gateway's log.
    pub of: Option<Spanned<String>>,
    /// A printed line: a text that it contains, a pattern such as `{$matches: …}` for the whole line, or a list of
    /// these, all of which must match the same line.
    pub line: Option<Spanned<LinePattern>>,
    /// A frame that the client sent: `{type: req, method: …}`.
    pub sent: Option<Spanned<Pattern>>,
    /// A frame that the client received: `{type: res, ok: true, …}`.
    pub received: Option<Spanned<Pattern>>,
    /// Only consider what came after this step began. Default: everything that belongs to the scenario.
    pub since: Option<Spanned<String>>,
    /// How long to wait. Default: the timeout of the run, or one second if silence is expected.
    pub within: Option<Millis>,
    /// The outcome that is right: `arrives` or `silence`. Default: `arrives`.
    pub expect: Option<Spanned<Expectation>>,
    /// Parts of the match to save, as JSON pointers by name: into the frame, or `/line`.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for Log {
    envelope!(id, expect, save, within);

    fn awaits(&self) -> &'static str {
        "the line or frame"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Arrives(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Arrives, Silence};
        &[Arrives, Silence]
    }

    fn transcript_of(&self) -> Option<&str> {
        self.of.as_ref().map(|of| of.value.as_str())
    }

    // The log of a stopped gateway can still be read.
    fn needs_the_gateway(&self) -> bool {
        false
    }

    fn needs(&self) -> Vec<Capability> {
        Vec::from_iter(self.of.is_none().then_some(Capability::Log))
    }

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let mut found = self.check_what(site);
        found.extend(self.check_names(site));
        found
    }
}

impl Log {
    /// Checks that the step says what to look for, and only one thing.
    fn check_what(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut add = |message: &str, span: Span, label: &str, help: &str| {
            found.push(site.error("bad-log", message, span).label(label).help(help));
        };
        let given = [self.line.is_some(), self.sent.is_some(), self.received.is_some()];
        match given.iter().filter(|is_given| **is_given).count() {
            1 => {}
            0 => {
                add(
                    "`log` does not say what to look for",
                    site.span,
                    "nothing to look for",
                    "add `line`, `sent` or `received`",
                );
            }
            _ => add(
                "`log` looks for only one thing",
                site.span,
                "several",
                "keep only one of `line`, `sent` and `received`",
            ),
        }
        let frame = self.sent.as_ref().or(self.received.as_ref());
        if let (Some(frame), None) = (frame, &self.of) {
            add(
                "`sent` and `received` need a connection or a program",
                frame.span,
                "whose frames?",
                "add `of:` with its name",
            );
        }
        if let Some(line) = &self.line {
            if line.value.0.is_empty() {
                add(
                    "an empty list matches every line",
                    line.span,
                    "empty",
                    "write a text that the line contains",
                );
            }
            if let Some(wrong) = line.value.0.iter().find(|one| !is_for_text(one)) {
                let message = format!("`{wrong}` is not a pattern for a line of text");
                add(&message, line.span, "not a pattern for text", "write a text, or `{$matches: …}`");
            }
            if let (Some(since), Some(_)) = (&self.since, &self.of) {
                add(
                    "the output of a program has no timestamps",
                    since.span,
                    "not supported here",
                    "remove `since`, or look for a frame",
                );
            }
        }
        found
    }

    /// Checks that the names in the step exist, and that another scenario cannot cause what it looks for.
    fn check_names(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let earlier = site.earlier;
        if let Some(of) = &self.of {
            let connections = earlier.connections.iter().filter(|_| self.line.is_none());
            let names: Vec<&str> = earlier.programs.iter().chain(connections).map(String::as_str).collect();
            if !names.contains(&of.value.as_str()) {
                let what = if self.line.is_some() { "program" } else { "connection or program" };
                let message = format!("there is no {what} `{}` before this step", of.value);
                let error = site.error("unknown-log", message, of.span);
                found.push(error.label("unknown").maybe_help(advice("known", &of.value, &names)));
            }
        }
        if let Some(since) = &self.since
            && !earlier.steps.contains(&since.value)
        {
            let ids: Vec<&str> = earlier.steps.iter().map(String::as_str).collect();
            let message = format!("there is no step `{}` before this one", since.value);
            let error = site.error("unknown-step", message, since.span);
            found.push(error.label("unknown step").maybe_help(advice("steps", &since.value, &ids)));
        }
        if let (Some(line), None) = (&self.line, &self.of)
            && !earlier.has_own_gateway
            && !is_about_this_scenario(&line.value)
        {
            let message = "another scenario on the same gateway could print such a line";
            let error = site.error("shared-log", message, line.span).label("whose?");
            found.push(error.help(
                                "include something unique to this scenario, such as `${device.NAME.id}`, or give it a gateway to itself \
                                 with `alone: true`",
            ));
        }
        found
    }
}

/// Patterns that must all match the same line.
#[derive(Clone, Debug, PartialEq)]
pub struct LinePattern(pub Vec<Pattern>);

impl LinePattern {
    /// Applies `resolve`, which fills in references, to the literals of all patterns.
    ///
    /// # Errors
    /// Fails with the first error of `resolve`.
    pub fn map_text<E>(&self, resolve: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Self, E> {
        Ok(Self(self.0.iter().map(|one| one.map_text(resolve)).collect::<Result<_, E>>()?))
    }
}

impl<'de> Deserialize<'de> for LinePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Pattern::deserialize(deserializer)? {
            Pattern::Array(list) => Self(list),
            one => Self(vec![one]),
        })
    }
}

impl JsonSchema for LinePattern {
    fn schema_name() -> Cow<'static, str> {
        "Line".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<Pattern>();
        json_schema!({
                        "description": "A text that the line contains, a pattern for the whole line, or a list of these, all of which must match.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": pattern, "minItems": 1}, pattern],
        })
    }
}

/// Whether a reference ties the line to this scenario.
fn is_about_this_scenario(line: &LinePattern) -> bool {
    line.0.iter().any(|one| matches!(one, Pattern::Literal(Value::String(text)) if text.contains("${")))
}

fn is_for_text(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Literal(Value::String(text)) => !text.trim().is_empty(),
        Pattern::Matches(_) => true,
        Pattern::OneOf(list) => !list.is_empty() && list.iter().all(is_for_text),
        Pattern::Not(inner) => is_for_text(inner),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::scenario::{Source, check, load};

    /// The diagnostics for a `log` step after a connect.
    fn codes(log: &Value) -> Vec<&'static str> {
        let file = json!({"title": "t", "why": "w", "devices": {"d": {}}, "steps": [
            {"connect": {"as": "c", "device": "d"}},
            {"log": log},
        ]});
        let source = Arc::new(Source { path: "t.yaml".into(), text: file.to_string() });
        check(&load(&[("t".to_owned(), source)]), true).iter().map(|one| one.code).collect()
    }

    #[rstest]
    #[case(json!({"line": "device=${device.d.id}"}))]
    #[case(json!({"line": ["refused", "${device.d.id}", {"$matches": "code=1008"}], "since": "c"}))]
    #[case(json!({"of": "c", "received": {"type": "res"}, "expect": "silence"}))]
    #[case(json!({"of": "c", "sent": {"method": "connect"}}))]
    fn a_log_step_that_can_match_passes_the_checks(#[case] log: Value) {
        assert_eq!(codes(&log), [""; 0], "{log}");
    }

    #[rstest]
    #[case(json!({}), "bad-log")]
    #[case(json!({"line": "${device.d.id}", "sent": {}, "of": "c"}), "bad-log")]
    #[case(json!({"line": 1}), "bad-log")]
    #[case(json!({"line": []}), "bad-log")]
    #[case(json!({"sent": {"type": "req"}}), "bad-log")]
    #[case(json!({"line": "refused"}), "shared-log")]
    #[case(json!({"line": "x", "of": "c"}), "unknown-log")]
    #[case(json!({"of": "other", "sent": {}}), "unknown-log")]
    #[case(json!({"line": "${device.d.id}", "since": "later"}), "unknown-step")]
    #[case(json!({"line": "${device.d.id}", "expect": "ok"}), "impossible-outcome")]
    fn a_log_step_that_cannot_match_is_reported(#[case] log: Value, #[case] code: &str) {
        assert!(codes(&log).contains(&code), "{log}: {:?}", codes(&log));
    }
}
