//! `gatecrash report`: reports of a run that was stored.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use crate::report::{self, ReportDestination, ReportKind, ReportRequest};

/// Make reports of a stored run, without running anything again.
///
/// Exit codes: 0 done, 4 done, but the run was cut off or lacks planned cells, 130 done, but it was interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A file of events or a JSON report, or the id of a kept run, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
    /// Write a report: html=FILE, json=FILE, events=FILE, junit=FILE, markdown=FILE, github=FILE, tap=FILE or sarif=FILE; `-` is standard output
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<ReportRequest>,
    /// Write the HTML page, as `--report html=FILE` does
    #[arg(long, value_name = "FILE", required_unless_present = "reports")]
    html: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut reports = args.reports.clone();
    if let Some(file) = &args.html {
        let to = if file == "-" { ReportDestination::Stdout } else { ReportDestination::File(file.into()) };
        reports.push(ReportRequest { kind: ReportKind::Html, to });
    }
    report::check(&reports).map_err(Failure::usage)?;
    let loaded = stored::read(context, &args.run)?;
    if loaded.events.is_none() && reports.iter().any(|one| one.kind == ReportKind::Events) {
        return Err(Failure::usage("a JSON report holds no events").hint("name a file of events instead"));
    }
    let events = loaded.events.unwrap_or_default();
    let mut out = std::io::stdout().lock();
    report::write(&reports, &events, &loaded.record, &mut out).map_err(Failure::broke)?;
    stored::warn(&args.run, &loaded.record);
    Ok(Exit::of_stored(&loaded.record))
}
