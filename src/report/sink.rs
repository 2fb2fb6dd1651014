//! Writes the reports that `--report KIND=FILE` asks for.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};

use super::kind_file::{ParseReportError, ReportDestination, parse_kind_file};
use super::{badge, events, github, html, json, junit, markdown, sarif, tap};
use crate::run::{Event, RunRecord};

/// The kinds of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// The run as one JSON document.
    Json,
    /// The events as lines of JSON, from which all other reports can be made later.
    Events,
    /// JUnit XML, for CI systems that show test results.
    Junit,
    /// One HTML page for a browser.
    Html,
    /// Markdown, for CI summaries and issues.
    Markdown,
    /// Annotations for GitHub Actions.
    Github,
    /// The Test Anything Protocol.
    Tap,
    /// SARIF, for code scanning.
    Sarif,
    /// A badge for a README: a picture, or in the form of shields.io.
    Badge,
}

/// All kinds of reports, with their names.
const KINDS: &[(&str, ReportKind)] = &[
    ("json", ReportKind::Json),
    ("events", ReportKind::Events),
    ("junit", ReportKind::Junit),
    ("html", ReportKind::Html),
    ("markdown", ReportKind::Markdown),
    ("github", ReportKind::Github),
    ("tap", ReportKind::Tap),
    ("sarif", ReportKind::Sarif),
    ("badge", ReportKind::Badge),
];

/// A requested report, such as `json=run.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRequest {
    /// The kind of report.
    pub kind: ReportKind,
    /// Where the report goes.
    pub to: ReportDestination,
}

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteReportError {
    /// Two reports were requested on standard output.
    #[error("only one report can go to standard output, not both `{0}` and `{1}`")]
    TwoOnStdout(ReportKind, ReportKind),
    /// The folder of the file does not exist.
    #[error("the report `{report}` cannot be written: there is no folder `{folder}`")]
    NoFolder {
        /// The report that cannot be written.
        report: ReportRequest,
        /// The folder that is missing.
        folder: Utf8PathBuf,
    },
    /// The file cannot be written.
    #[error("the report `{report}` cannot be written")]
    Write {
        /// The report that cannot be written.
        report: ReportRequest,
        /// Why it cannot be written.
        source: io::Error,
    },
}

impl fmt::Display for ReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KINDS.iter().find(|(_, kind)| kind == self).map_or("", |(word, _)| word))
    }
}

impl fmt::Display for ReportRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            ReportDestination::Stdout => write!(f, "{}=-", self.kind),
            ReportDestination::File(path) => write!(f, "{}={path}", self.kind),
        }
    }
}

impl ReportRequest {
    /// Whether its file is called like a picture.
    fn is_picture(&self) -> bool {
        let ReportDestination::File(path) = &self.to else { return false };
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
    }
}

impl FromStr for ReportRequest {
    type Err = ParseReportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, to) = parse_kind_file(text, KINDS)?;
        Ok(Self { kind, to })
    }
}

/// Checks before a run that all reports can be written after it.
///
/// # Errors
/// Fails for the first report that cannot be written.
pub fn check(reports: &[ReportRequest]) -> Result<(), WriteReportError> {
    let mut on_stdout = reports.iter().filter(|report| report.to == ReportDestination::Stdout);
    if let (Some(one), Some(other)) = (on_stdout.next(), on_stdout.next()) {
        return Err(WriteReportError::TwoOnStdout(one.kind, other.kind));
    }
    for report in reports {
        if let ReportDestination::File(path) = &report.to {
            let folder = folder(path);
            if !folder.is_dir() {
                return Err(WriteReportError::NoFolder { report: report.clone(), folder: folder.to_owned() });
            }
        }
    }
    Ok(())
}

/// Writes every report. An existing file is replaced atomically.
///
/// # Errors
/// Fails for the first report that cannot be written.
pub fn write(
    reports: &[ReportRequest],
    events: &[Event],
    record: &RunRecord,
    stdout: &mut dyn Write,
) -> Result<(), WriteReportError> {
    for report in reports {
        let text = render(report, events, record);
        let written = match &report.to {
            ReportDestination::Stdout => stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()),
            ReportDestination::File(path) => replace(path, text.as_bytes()),
        };
        written.map_err(|source| WriteReportError::Write { report: report.clone(), source })?;
    }
    Ok(())
}

/// The text of a report.
fn render(report: &ReportRequest, events: &[Event], record: &RunRecord) -> String {
    match report.kind {
        ReportKind::Json => json::render(record),
        ReportKind::Events => events::render(events),
        ReportKind::Junit => junit::render(record),
        ReportKind::Html => html::render(record),
        ReportKind::Markdown => markdown::render(record),
        ReportKind::Github => github::render(record),
        ReportKind::Tap => tap::render(record),
        ReportKind::Sarif => sarif::render(record),
        ReportKind::Badge if report.is_picture() => badge::svg(record),
        ReportKind::Badge => badge::render(record),
    }
}

fn folder(path: &Utf8Path) -> &Utf8Path {
    match path.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder,
        _ => Utf8Path::new("."),
    }
}

fn replace(path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    // A pipe or a terminal cannot be replaced, so it is written to.
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let mut file = new_beside(path)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// A temporary file in the same folder, with the permissions of any other new file.
fn new_beside(path: &Utf8Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(path))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::sample;

    fn report(text: &str) -> ReportRequest {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("json=run.json", ReportKind::Json, ReportDestination::File("run.json".into()))]
    #[case("events=a=b", ReportKind::Events, ReportDestination::File("a=b".into()))]
    #[case("junit=-", ReportKind::Junit, ReportDestination::Stdout)]
    fn a_report_is_a_kind_and_a_place(
        #[case] text: &str,
        #[case] kind: ReportKind,
        #[case] to: ReportDestination,
    ) {
        assert_eq!(report(text), ReportRequest { kind, to });
        assert_eq!(report(text).to_string(), text);
    }

    #[rstest]
    #[case("badge=badge.svg", "<svg ")]
    #[case("badge=badge.json", "{")]
    #[case("badge=-", "{")]
    fn a_badge_is_a_picture_if_its_file_is_called_like_one(#[case] text: &str, #[case] begins: &str) {
        let events = sample::events();
        let shown = render(&report(text), &events, &RunRecord::of(&events));
        assert!(shown.starts_with(begins), "{shown}");
    }

    #[rstest]
    #[case(
        "json",
        "`json` is not a report: write KIND=FILE, such as json=run.json, or KIND=- for standard output"
    )]
    #[case(
        "=x",
        "`=x` is not a report: write KIND=FILE, such as json=run.json, or KIND=- for standard output"
    )]
    #[case(
        "json=",
        "`json=` is not a report: write KIND=FILE, such as json=run.json, or KIND=- for standard output"
    )]
    #[case(
        "jsno=x",
        "there is no report `jsno` (did you mean `json`?): the kinds are json, events, junit, html, markdown, github, tap, sarif, badge"
    )]
    #[case(
        "JUnit=x",
        "there is no report `JUnit` (did you mean `junit`?): the kinds are json, events, junit, html, markdown, github, tap, sarif, badge"
    )]
    #[case(
        "pdf=x",
        "there is no report `pdf`: the kinds are json, events, junit, html, markdown, github, tap, sarif, badge"
    )]
    fn other_texts_are_refused(#[case] text: &str, #[case] message: &str) {
        assert_eq!(text.parse::<ReportRequest>().unwrap_err().to_string(), message);
    }

    #[test]
    fn a_report_that_cannot_be_written_is_found_before_the_run() {
        let two = check(&[report("json=-"), report("junit=-")]).unwrap_err();
        assert_eq!(two.to_string(), "only one report can go to standard output, not both `json` and `junit`");
        let missing = check(&[report("json=-"), report("junit=no/such/x.xml")]).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the report `junit=no/such/x.xml` cannot be written: there is no folder `no/such`"
        );
        check(&[report("json=-"), report("junit=x.xml"), report("events=./x")]).unwrap();
    }

    #[test]
    fn several_reports_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("run.json"), "old").unwrap();
        let events = sample::events();
        let record = RunRecord::of(&events);
        let wanted = [
            report(&format!("json={}", at("run.json"))),
            report(&format!("junit={}", at("run.xml"))),
            report("events=-"),
        ];
        let mut stdout = Vec::new();
        write(&wanted, &events, &record, &mut stdout).unwrap();
        assert_eq!(String::from_utf8(stdout).unwrap(), events::render(&events));
        assert_eq!(fs::read_to_string(at("run.json")).unwrap(), json::render(&record));
        assert_eq!(fs::read_to_string(at("run.xml")).unwrap(), junit::render(&record));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing temporary is left");
    }

    #[test]
    fn an_error_names_the_report_that_cannot_be_written() {
        let record = RunRecord::of(&sample::events());
        let error = write(&[report("json=no/such/x")], &[], &record, &mut io::sink()).unwrap_err();
        assert_eq!(error.to_string(), "the report `json=no/such/x` cannot be written");
        assert!(std::error::Error::source(&error).is_some());
    }
}
