//! Runs named on the command line: files, and runs in the store.

use std::path::Path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::bounded_read;
use crate::report::events::ReadEventsError;
use crate::report::{Bounds, LoadError, Loaded, RunStore, load, undone};
use crate::run::{Ending, RunRecord};

/// The largest file of a run, in bytes.
const LARGEST: u64 = 1 << 30;

/// The store of runs.
pub(super) fn store(context: &Context) -> RunStore {
    RunStore::below(&context.cache_dir, bounds(context))
}

/// How many runs are kept.
pub(super) fn bounds(context: &Context) -> Bounds {
    let usual = Bounds::default();
    match context.keep_runs {
        // Who says how many runs are kept means all of them, however recent.
        Some(number) => Bounds { runs: number.max(1), fresh_ms: 0, ..usual },
        None => usual,
    }
}

/// Reads the run that a word names: a file, `latest`, or an id or the beginning of one.
pub(super) fn read(context: &Context, word: &str) -> Result<Loaded, Failure> {
    let path = Path::new(word);
    let path =
        if path.is_file() { path.to_owned() } else { store(context).find(word).map_err(Failure::usage)? };
    let bytes = bounded_read::read(&path, LARGEST)
        .map_err(|error| Failure::usage(error).context(format!("cannot read {}", path.display())))?;
    load(&bytes).map_err(|error| {
        let exit = if matches!(&error, LoadError::Events(ReadEventsError::CutOff)) {
            Exit::Broke
        } else {
            Exit::Usage
        };
        Failure::new(exit, error).context(format!("cannot read {}", path.display()))
    })
}

/// Warns on standard error that a run is incomplete.
pub(super) fn warn(name: &str, record: &RunRecord) {
    if let Some(ending) = undone::ending(record) {
        anstream::eprintln!("warning: the run {name} is {ending}");
    }
}

/// Refuses an incomplete run, for commands that draw conclusions from what is missing.
pub(super) fn require_complete(name: &str, record: &RunRecord) -> Result<(), Failure> {
    let Some(ending) = undone::ending(record) else { return Ok(()) };
    let exit = if record.ending() == Ending::Interrupted { Exit::Interrupted } else { Exit::Broke };
    let message = format!("the run {name} is {ending}, so it says nothing about what it did not reach");
    Err(Failure::new(exit, message).hint("run it again and let it finish"))
}
