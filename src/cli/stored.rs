//! Runs named on the command line: a file, or a run that was kept.

use std::path::Path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report::events::ReadEventsError;
use crate::report::{Bounds, LoadError, Loaded, RunStore, load, undone};
use crate::run::{Ending, RunRecord};

/// The runs that were kept.
pub(super) fn store(context: &Context) -> RunStore {
    RunStore::below(&context.cache_dir, Bounds::default())
}

/// Reads the run that a word names: a file, `latest`, or an id or its beginning.
pub(super) fn read(context: &Context, word: &str) -> Result<Loaded, Failure> {
    let path = Path::new(word);
    let path =
        if path.is_file() { path.to_owned() } else { store(context).find(word).map_err(Failure::usage)? };
    let bytes =
        std::fs::read(&path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    load(&bytes).map_err(|error| {
        let exit = if matches!(&error, LoadError::Events(ReadEventsError::CutOff)) {
            Exit::Broke
        } else {
            Exit::Usage
        };
        Failure { message: format!("{}: {error}", path.display()), hint: None, exit }
    })
}

/// Tells on standard error that a run is not whole.
pub(super) fn warn(name: &str, record: &RunRecord) {
    if let Some(ending) = undone::ending(record) {
        anstream::eprintln!("warning: the run {name} is {ending}");
    }
}

/// Refuses a run that is not whole, for commands that conclude something from what is not there.
pub(super) fn whole(name: &str, record: &RunRecord) -> Result<(), Failure> {
    let Some(ending) = undone::ending(record) else { return Ok(()) };
    let exit = if record.ending() == Ending::Interrupted { Exit::Interrupted } else { Exit::Broke };
    let message = format!("the run {name} is {ending}, and says nothing about what it did not reach");
    Err(Failure { message, hint: Some("run it again to its end".to_owned()), exit })
}
