//! Where reports of machines go.

use std::fs;
use std::io::{self, Write};
use std::str::FromStr;

use super::{document, dot, html, markdown, mermaid, svg};
use crate::learn::Study;
use crate::report::{ParseReportError, ReportDestination, parse_kind_file};

/// A kind of report about machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineReportKind {
    /// One JSON document.
    Json,
    /// Markdown with a Mermaid chart.
    Markdown,
    /// DOT, for Graphviz.
    Dot,
    /// A Mermaid chart.
    Mermaid,
    /// A picture.
    Svg,
    /// A page with the picture.
    Html,
}

const KINDS: &[(&str, MachineReportKind)] = &[
    ("json", MachineReportKind::Json),
    ("md", MachineReportKind::Markdown),
    ("markdown", MachineReportKind::Markdown),
    ("dot", MachineReportKind::Dot),
    ("mermaid", MachineReportKind::Mermaid),
    ("svg", MachineReportKind::Svg),
    ("html", MachineReportKind::Html),
];

/// A report about machines that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineReport {
    /// Its kind.
    pub kind: MachineReportKind,
    /// Where it goes.
    pub to: ReportDestination,
}

impl FromStr for MachineReport {
    type Err = ParseReportError;

    fn from_str(text: &str) -> Result<Self, ParseReportError> {
        let (kind, to) = parse_kind_file(text, KINDS)?;
        Ok(Self { kind, to })
    }
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report to {to}")]
pub struct WriteMachinesError {
    /// Where it should go.
    to: String,
    /// What the system said.
    source: io::Error,
}

/// Writes reports about machines.
///
/// # Errors
/// Fails if a file or standard output cannot be written.
pub fn write(
    reports: &[MachineReport],
    study: &Study,
    stdout: &mut dyn Write,
) -> Result<(), WriteMachinesError> {
    for report in reports {
        let text = match report.kind {
            MachineReportKind::Json => format!("{:#}\n", document(study)),
            MachineReportKind::Markdown => markdown(study),
            MachineReportKind::Dot => dot(study),
            MachineReportKind::Mermaid => mermaid(study),
            MachineReportKind::Svg => svg(study),
            MachineReportKind::Html => html(study),
        };
        let (to, written) = match &report.to {
            ReportDestination::Stdout => ("standard output".to_owned(), stdout.write_all(text.as_bytes())),
            ReportDestination::File(path) => (path.to_string(), fs::write(path, text)),
        };
        written.map_err(|source| WriteMachinesError { to, source })?;
    }
    Ok(())
}
