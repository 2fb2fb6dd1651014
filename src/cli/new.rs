//! `gatecrash new scenario`: a scenario file to begin with.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;

/// Write something new.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Write a scenario file that passes `check` and waits to be filled in
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
        /// The folder of scenarios
        #[arg(long, default_value = "scenarios", value_name = "DIR")]
        folder: PathBuf,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Command::Scenario { id, title, issue, folder } = &args.command;
    let path = folder.join(format!("{id}.yaml"));
    let broke = |error: std::io::Error| Failure::broke(format!("{}: {error}", path.display()));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(broke)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            Failure::usage(format!("{} is there already", path.display()))
        } else {
            broke(error)
        }
    })?;
    file.write_all(scaffold(id, title, issue.as_deref()).as_bytes()).map_err(broke)?;
    let next = format!("gatecrash run {id} --gateway 2026.3.31");
    context.print(&format!("wrote {}\nnext: fill it in, then {next}\n", path.display()))?;
    Ok(Exit::Fine)
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
fn scaffold(id: &str, title: &str, issue: Option<&str>) -> String {
    let up = "../".repeat(Path::new(id).components().count() - 1);
    let section = id.split('/').next().unwrap_or_default();
    let issue = issue.map(|issue| format!("issue: {}\n", quoted(issue))).unwrap_or_default();
    format!(
        "# yaml-language-server: $schema={up}scenario.schema.json
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

/// A text as YAML takes it: a text of JSON is one.
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
    fn a_new_scenario_has_nothing_to_complain_about() {
        let text = scaffold("pairing/new-one", "It \"works\": yes", Some("openclaw#1"));
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
