//! Runs named on the command line: a file, or a run that was kept.

use std::path::Path;

use super::context::Context;
use super::failure::Failure;
use crate::report::{Bounds, Loaded, Store, load};

/// The runs that were kept.
pub(super) fn store(context: &Context) -> Store {
    Store::below(&context.cache_dir, Bounds::default())
}

/// Reads the run that a word names: a file, `latest`, or an id or its beginning.
pub(super) fn read(context: &Context, word: &str) -> Result<Loaded, Failure> {
    let path = Path::new(word);
    let path =
        if path.is_file() { path.to_owned() } else { store(context).find(word).map_err(Failure::usage)? };
    let bytes =
        std::fs::read(&path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    load(&bytes).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}
