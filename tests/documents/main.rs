//! The documents of the repository: what is generated is what its command prints, links lead somewhere, and the
//! commands that readers are told to type are commands.

#![expect(clippy::expect_used, reason = "a test may fail")]

mod commands;
mod generated;
mod history;
mod links;
mod markdown;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether gatecrash ended well in the root of the repository, and what it printed.
fn gatecrash(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gatecrash"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("gatecrash runs");
    (output.status.success(), String::from_utf8(output.stdout).expect("a text"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn repository_file(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the repository")
}

/// The documents that people read, by their paths in the repository.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "fixtures/README.md"]
            .map(PathBuf::from)
            .to_vec();
    for entry in fs::read_dir(root().join("docs")).expect("docs").flatten() {
        documents.push(Path::new("docs").join(entry.file_name()));
    }
    documents.sort();
    documents
}
