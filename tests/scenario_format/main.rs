//! The scenario format: what is accepted, what is rejected with which message, and the JSON Schema.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command;
mod hostile;
mod messages;
mod reuse;
mod schema;
mod tables;

use std::sync::Arc;

use gatecrash::scenario::{Source, Suite, load};

/// Loads files given as ids and texts.
fn suite(files: &[(&str, &str)]) -> Suite {
    let sources: Vec<(String, Arc<Source>)> = files
        .iter()
        .map(|(id, text)| {
            let source = Source { path: format!("scenarios/{id}.yaml"), text: (*text).to_owned() };
            ((*id).to_owned(), Arc::new(source))
        })
        .collect();
    load(&sources)
}

/// A scenario with the required keys.
fn scenario(rest: &str) -> String {
    format!("title: A sentence\nwhy: A reason.\n{rest}\n")
}
