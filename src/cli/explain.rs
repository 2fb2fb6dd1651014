//! `gatecrash explain`: explains the words of reports.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report::explain::{TOPICS, alike, explain};
use crate::report::terminal::{self, Appearance, Palette};
use crate::scenario::{NAMED_OUTCOMES, NamedOutcome};

/// Explain a verdict, a close code, an error code or a reason.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The word, such as `fixed`, `1008`, `NOT_PAIRED`, `role-upgrade`, or the name of an outcome; without it, all words are listed
    #[arg(value_name = "VERDICT|CODE|REASON")]
    word: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Some(word) = &args.word else {
        let words: Vec<String> =
            TOPICS.iter().map(|topic| format!("{:<32} {}\n", topic.word, topic.kind.word())).collect();
        let outcomes = NAMED_OUTCOMES.iter().map(|one| format!("{:<32} outcome of a scenario\n", one.name));
        context.print(&words.into_iter().chain(outcomes).collect::<String>())?;
        return Ok(Exit::Fine);
    };
    let topics = explain(word);
    let named = NAMED_OUTCOMES.iter().find(|one| one.name == word).map(outcome);
    if topics.is_empty() && named.is_none() {
        let failure = Failure::usage(format!("there is no explanation of `{word}`"));
        let similar = alike(word);
        return Err(if similar.is_empty() {
            failure.hint("`gatecrash explain` lists all words")
        } else {
            failure.hint(format!("did you mean `{}`?", similar.join("` or `")))
        });
    }
    let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
    let topics = topics.into_iter().map(|one| terminal::topic(one, &appearance));
    let texts: Vec<String> = topics.chain(named).collect();
    context.print(&texts.join("\n"))?;
    Ok(Exit::Fine)
}

/// The explanation of a named outcome.
fn outcome(one: &NamedOutcome) -> String {
    format!("`expect: {}` in a scenario: {}\n\n  stands for {}\n", one.name, one.about, one.written())
}
