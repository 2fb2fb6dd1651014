//! `gatecrash merge`: the parts of a run that was spread over machines, as one run.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use crate::report::terminal::{self, Appearance, Palette};
use crate::report::{self, ReportDestination, ReportRequest};
use crate::run::RunRecord;

/// Join the parts of a run that was spread over machines into one run and one report.
///
/// Each part is a file of events (`--report events=FILE`) made with the same seed. Exit codes are those of
/// `run`, for the whole: 4 where a part was cut off.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Files of events
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// Write a report of the whole: html=FILE, json=FILE, events=FILE, junit=FILE, markdown=FILE, github=FILE, tap=FILE or sarif=FILE; `-` is standard output
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<ReportRequest>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    report::check(&args.reports).map_err(Failure::usage)?;
    let mut parts = Vec::new();
    for name in &args.runs {
        let loaded = stored::read(context, name)?;
        stored::warn(name, &loaded.record);
        let events = loaded.events;
        let hint = "make each part with --report events=FILE";
        parts.push(events.ok_or_else(|| Failure::usage(format!("{name} holds no events")).hint(hint))?);
    }
    let events = report::merge(parts).map_err(Failure::usage)?;
    let record = RunRecord::of(&events);
    let mut out = std::io::stdout().lock();
    report::write(&args.reports, &events, &record, &mut out).map_err(Failure::broke)?;
    drop(out);
    if args.reports.iter().all(|one| one.to != ReportDestination::Stdout) {
        let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
        context.print(&terminal::render(&record, &appearance))?;
    }
    Ok(Exit::of_run(&record))
}
