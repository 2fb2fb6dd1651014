//! `--report json=FILE` and `--report markdown=FILE` of a bisect.

use std::str::FromStr;

use crate::bisect::{BisectReport, LogEntry};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::report::bisect::markdown;
use crate::report::{ParseReportError, ReportDestination, parse_kind_file};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BisectReportKind {
    Json,
    Markdown,
}

const KINDS: &[(&str, BisectReportKind)] = &[
    ("json", BisectReportKind::Json),
    ("markdown", BisectReportKind::Markdown),
    ("md", BisectReportKind::Markdown),
];

/// A report to write, such as `json=bisect.json`; `-` is standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BisectReportArg {
    kind: BisectReportKind,
    to: ReportDestination,
}

impl FromStr for BisectReportArg {
    type Err = ParseReportError;

    fn from_str(text: &str) -> Result<Self, ParseReportError> {
        let (kind, to) = parse_kind_file(text, KINDS)?;
        Ok(Self { kind, to })
    }
}

impl BisectReportArg {
    /// Whether it replaces the text on standard output.
    pub(super) fn is_to_stdout(&self) -> bool {
        self.to == ReportDestination::Stdout
    }

    /// Writes the report.
    pub(super) fn write(
        &self,
        context: &Context,
        entries: &[LogEntry],
        reproduce: Option<&str>,
    ) -> Result<(), Failure> {
        let text = match self.kind {
            BisectReportKind::Json => {
                let text =
                    serde_json::to_string_pretty(&BisectReport::of(entries)).map_err(Failure::broke)?;
                format!("{text}\n")
            }
            BisectReportKind::Markdown => markdown(entries, reproduce),
        };
        match &self.to {
            ReportDestination::Stdout => context.print(&text),
            ReportDestination::File(path) => {
                std::fs::write(context.working_dir.join(path.as_std_path()), text)
                    .map_err(|error| Failure::broke(error).context(format!("cannot write the report {path}")))
            }
        }
    }
}
