//! `gatecrash new scenario`: writes a scenario file to start from.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::suite;
use crate::report::quoted as quoted_for_shell;
use crate::scenario::schema_text;

/// Write a new scenario file to start from.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Write a scenario file that passes `check` and can be filled in
    Scenario {
        /// Its permanent id, such as pairing/legacy-empty-token-map
        #[arg(value_name = "ID", value_parser = id)]
        id: String,
        /// What should happen, in one sentence
        #[arg(long, default_value = "A device that was paired connects again")]
        title: String,
        /// Issue or pull request, such as openclaw#59045
        #[arg(long)]
        issue: Option<String>,
        /// The folder that ids are counted from; it gets the schema that editors check scenarios by
        /// [default: the suite here, else `scenarios`]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Command::Scenario { id, title, issue, folder } = &args.command;
    let root = match folder {
        Some(folder) => context.working_dir.join(folder),
        None => suite::own_root(&context.working_dir),
    };
    let path = root.join(format!("{id}.yaml"));
    let shown = suite::shown(&context.working_dir, &path);
    let at = |path: &Path, error: std::io::Error| {
        let exit = if is_of_the_user(&error) { Exit::Usage } else { Exit::Broke };
        Failure::new(exit, error).context(format!("cannot write {}", path.display()))
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| at(parent, error))?;
    }
    let schema_from_root = suite::schema_of(&root);
    let schema = root.join(&schema_from_root);
    let wrote_schema = match write_new(&schema, &schema_text()) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        written => written.map(|()| true).map_err(|error| at(&schema, error))?,
    };
    write_new(&path, &scaffold(id, title, issue.as_deref(), &schema_from_root)).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            Failure::usage(format!("{} exists already", shown.display()))
        } else {
            at(&path, error)
        }
    })?;
    let mut text = String::new();
    if wrote_schema {
        let schema = suite::shown(&context.working_dir, &schema);
        text.extend(["wrote ", &schema.display().to_string(), " for editors\n"]);
    }
    let folder = if suite::is_found(&context.working_dir, &root) {
        String::new()
    } else {
        let root = suite::shown(&context.working_dir, &root);
        format!(" --folder {}", quoted_for_shell(&root.display().to_string()))
    };
    let next = format!("gatecrash run {id}{folder} --gateway 2026.3.31");
    text.extend(["wrote ", &shown.display().to_string(), "\nnext: fill it in, then ", &next, "\n"]);
    context.print(&text)?;
    Ok(Exit::Fine)
}

/// Writes a file that does not exist yet.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Whether the path is at fault rather than the machine.
fn is_of_the_user(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
    )
}

/// An id: words of lower-case letters, digits and dashes below folders.
fn id(text: &str) -> Result<String, String> {
    let word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-')
    };
    let text = text.strip_suffix(".yaml").unwrap_or(text);
    if text.split('/').all(word) && text.contains('/') {
        Ok(text.to_owned())
    } else {
        Err("an id is a section and a name of lower-case letters, digits and dashes: pairing/legacy-tokens"
            .into())
    }
}

/// The text of a new scenario.
fn scaffold(id: &str, title: &str, issue: Option<&str>, schema_from_root: &Path) -> String {
    let up = "../".repeat(Path::new(id).components().count() - 1);
    let schema = schema_from_root.display();
    let section = id.split('/').next().unwrap_or_default();
    let issue = issue.map(|issue| format!("issue: {}\n", quoted(issue))).unwrap_or_default();
    format!(
        "# yaml-language-server: $schema={up}{schema}
title: {}
why: Say on what ground this is right; a security promise, a promise that still stands, or what a paired user may rely on.
{issue}tags: [{section}]

devices:
  laptop:
    paired: {{roles: [operator], scopes: [operator.read]}}

steps:
  - connect: {{as: operator, device: laptop, persona: cli, scopes: [operator.read], expect: hello}}
",
        quoted(title)
    )
}

/// A text as a YAML string: a JSON string is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::scenario::{Source, check, load};

    #[test]
    fn a_new_scenario_passes_the_check() {
        let text = scaffold(
            "pairing/new-one",
            "It \"works\": yes",
            Some("openclaw#1"),
            Path::new("scenario.schema.json"),
        );
        let source = Arc::new(Source { path: "scenarios/pairing/new-one.yaml".into(), text });
        let suite = load(&[("pairing/new-one".into(), source)]);
        let complaints: Vec<String> = suite.diagnostics.iter().map(|one| one.message.clone()).collect();
        assert_eq!(complaints, [] as [&str; 0]);
        assert_eq!(suite.scenarios[0].title, "It \"works\": yes");
        assert!(check(&suite, false).is_empty());
    }

    #[rstest]
    #[case("pairing/a-b", Ok("pairing/a-b"))]
    #[case("pairing/deep/a.yaml", Ok("pairing/deep/a"))]
    #[case("a", Err(()))]
    #[case("pairing/../x", Err(()))]
    #[case("/pairing/x", Err(()))]
    #[case("Pairing/X", Err(()))]
    fn ids_are_paths_of_plain_words(#[case] text: &str, #[case] expected: Result<&str, ()>) {
        assert_eq!(id(text).map_err(|_| ()), expected.map(str::to_owned));
    }
}
