//! `gatecrash init`: makes a project for scenarios of one's own.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::find::NAME;
use super::templates::{IGNORED, PROJECT, SCENARIO, TESTS, WORKFLOW};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::scenario::schema_text;

/// Make a project for scenarios of your own.
///
/// Writes a project file, a first scenario, the schema that editors check scenarios by, a workflow for GitHub, and lines for
/// `.gitignore`. Files that exist are kept as they are.
///
/// Exit codes: 0 written, 2 the folder cannot be written.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// The folder [default: this one]
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// Also write tests/gatecrash.rs, which makes every scenario a test of `cargo test` and cargo-nextest
    #[arg(long)]
    rust: bool,
    /// Leave out the workflow
    #[arg(long)]
    no_workflow: bool,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    New,
    Extended,
    Kept,
}

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let root = context.working_dir.join(&args.dir);
    let schema = schema_text();
    let mut files = vec![
        (NAME, PROJECT),
        ("scenarios/pairing/first.yaml", SCENARIO),
        ("scenarios/scenario.schema.json", schema.as_str()),
    ];
    if !args.no_workflow {
        files.push((".github/workflows/gatecrash.yml", WORKFLOW));
    }
    if args.rust {
        files.push(("tests/gatecrash.rs", TESTS));
    }
    let mut text = String::new();
    for (name, content) in files {
        let written = write_new(&root.join(name), content).map_err(|error| failure(name, error))?;
        text.push_str(&told(name, written));
    }
    let ignored = ignore(&root.join(".gitignore")).map_err(|error| failure(".gitignore", error))?;
    text.push_str(&told(".gitignore", ignored));
    if args.rust {
        text.push_str("add to Cargo.toml: [[test]] name = \"gatecrash\", harness = false\n");
    }
    let there =
        if args.dir == Path::new(".") { String::new() } else { format!("cd {}, then ", args.dir.display()) };
    text.extend(["next: ", &there, "gatecrash run\n"]);
    context.print(&text)?;
    Ok(Exit::Fine)
}

fn told(name: &str, written: Written) -> String {
    match written {
        Written::New => format!("wrote    {name}\n"),
        Written::Extended => format!("extended {name}\n"),
        Written::Kept => format!("kept     {name}\n"),
    }
}

fn write_new(path: &Path, text: &str) -> std::io::Result<Written> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| Written::New),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Written::Kept),
        Err(error) => Err(error),
    }
}

/// Adds the lines that `.gitignore` lacks.
fn ignore(path: &Path) -> std::io::Result<Written> {
    let before = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let Some(after) = with_lines(before.as_deref().unwrap_or_default(), IGNORED) else {
        return Ok(Written::Kept);
    };
    fs::write(path, after)?;
    Ok(if before.is_some() { Written::Extended } else { Written::New })
}

/// A text with the lines that it lacks; none if it has all of them.
fn with_lines(text: &str, lines: &[&str]) -> Option<String> {
    let missing: Vec<&str> =
        lines.iter().copied().filter(|line| !text.lines().any(|own| own.trim() == *line)).collect();
    if missing.is_empty() {
        return None;
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Some(format!("{text}{gap}{}\n", missing.join("\n")))
}

fn failure(name: &str, error: std::io::Error) -> Failure {
    Failure::usage(error).context(format!("cannot write {name}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_added_once_and_nothing_is_lost(text in "(/gatecrash-report\\.\\*|[a-z/]{0,5}|\n){0,8}") {
            let added = with_lines(&text, IGNORED).unwrap_or_else(|| text.clone());
            prop_assert!(added.starts_with(&text));
            prop_assert_eq!(with_lines(&added, IGNORED), None);
        }
    }
}
