//! Diagnostics: what is wrong with a scenario, and where. This is plain data; `report` renders it.

use std::fmt;
use std::sync::Arc;

use super::source::Source;
use super::span::Span;

/// How serious a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look; an error with `--strict`.
    Warning,
    /// The scenario cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// Stable name of the rule, such as `unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The file it is about.
    pub source: Arc<Source>,
    /// Position in the file.
    pub span: Span,
    /// Text to show at that position; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Related positions.
    pub related: Vec<Related>,
}

/// Another position that is relevant to a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The file it is in.
    pub source: Arc<Source>,
    /// Position in the file.
    pub span: Span,
    /// Text to show there.
    pub label: String,
}

impl Diagnostic {
    /// An error without label, help or related positions.
    pub fn error(code: &'static str, message: impl Into<String>, source: &Arc<Source>, span: Span) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            source: Arc::clone(source),
            span,
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// Turns it into a warning.
    #[must_use]
    pub const fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds a text to show at its position.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds advice, if there is any.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Adds a related position.
    #[must_use]
    pub fn related(mut self, source: &Arc<Source>, span: Span, label: impl Into<String>) -> Self {
        self.related.push(Related { source: Arc::clone(source), span, label: label.into() });
        self
    }
}

/// Sorts by file and position, and removes duplicates: every row of a table and every user of a scenario reports
/// the same mistake again.
pub(super) fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        (&a.source.path, a.span.start, a.code, &a.message).cmp(&(
            &b.source.path,
            b.span.start,
            b.code,
            &b.message,
        ))
    });
    diagnostics.dedup_by(|a, b| {
        (a.code, a.span, &a.message, &a.source.path) == (b.code, b.span, &b.message, &b.source.path)
    });
}
