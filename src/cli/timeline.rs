//! `gatecrash timeline`: the behavioural history of the gateway.

use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use super::suite;
use crate::curate::timeline::{BUILT_IN, History, history, markdown, put_over, read};
use crate::report::timeline_page::html;

/// Show how the gateway's behaviour changed over the releases.
///
/// Without a run it shows the history that is kept with the suite (`suite-data/timelines.json`). A suite of your own has one
/// as soon as you store it. Exit codes: 0 shown,
/// 4 shown, but a run was cut off or lacks planned cells, 130 shown, but a run was interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Stored runs: files, ids of kept runs, or `latest`; a later one replaces cells of an earlier one
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Merge the runs into the history in this file; what they did not measure stays
    #[arg(long, value_name = "FILE", requires = "runs")]
    onto: Option<PathBuf>,
    /// Also write the history to this file
    #[arg(long, value_name = "FILE", requires = "runs")]
    store: Option<PathBuf>,
    /// How to print the history
    #[arg(long, default_value = "markdown")]
    format: TimelineFormat,
}

/// How a history is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TimelineFormat {
    /// As the document that the repository keeps
    Markdown,
    /// One page for a browser: releases across, cases down
    Html,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut exit = Exit::Fine;
    let shown = if args.runs.is_empty() {
        let place = context.working_dir.join("suite-data/timelines.json");
        if place.is_file() {
            stored_history(&place)?
        } else if suite::is_of_ones_own(&context.working_dir) {
            return Err(Failure::nothing("this suite has no recorded history yet").hint(
                "`gatecrash timeline RUN… --store suite-data/timelines.json` begins one: name runs on several releases, such \
                 as `latest` after a `gatecrash matrix`",
            ));
        } else {
            read(BUILT_IN).map_err(Failure::usage)?
        }
    } else {
        let mut runs = Vec::new();
        for word in &args.runs {
            let record = stored::read(context, word)?.record;
            stored::warn(word, &record);
            if exit == Exit::Fine {
                exit = Exit::of_stored(&record);
            }
            if args.store.is_some() {
                stored::require_complete(word, &record)?;
            }
            runs.push(record);
        }
        match &args.onto {
            Some(place) => put_over(&stored_history(&context.working_dir.join(place))?, &runs),
            None => history(&runs),
        }
    };
    if shown.timelines.is_empty() {
        return Err(Failure::nothing("no cell belongs to a release, so there is no history to show")
            .hint("only targets with a known release count; --assume-release sets it"));
    }
    if let Some(place) = &args.store {
        let mut text = serde_json::to_string(&shown).map_err(Failure::broke)?;
        // One timeline per line, so that changes give small diffs.
        text = text.replace("{\"scenario\"", "\n{\"scenario\"");
        text.push('\n');
        let place = context.working_dir.join(place);
        let written = place.parent().map_or(Ok(()), std::fs::create_dir_all);
        written
            .and_then(|()| std::fs::write(&place, text))
            .map_err(|error| Failure::usage(error).context(format!("cannot write {}", place.display())))?;
    }
    context.print(&match args.format {
        TimelineFormat::Markdown => markdown(&shown),
        TimelineFormat::Html => html(&shown),
    })?;
    Ok(exit)
}

fn stored_history(place: &Path) -> Result<History, Failure> {
    let text = std::fs::read_to_string(place)
        .map_err(|error| Failure::usage(error).context(format!("cannot read {}", place.display())))?;
    read(&text).map_err(|error| Failure::usage(error).context(format!("cannot read {}", place.display())))
}
