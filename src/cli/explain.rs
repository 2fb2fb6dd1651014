//! `gatecrash explain`: what a word of a report means.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report::explain::{TOPICS, alike, explain};
use crate::report::terminal::{self, Look, Palette};

/// Explain a verdict, a close code, an error code or a reason: what it means, since when, what people do.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The word, such as `fixed`, `1008`, `NOT_PAIRED` or `role-upgrade`; without it all words are listed
    #[arg(value_name = "VERDICT|CODE|REASON")]
    word: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Some(word) = &args.word else {
        let words: Vec<String> =
            TOPICS.iter().map(|topic| format!("{:<32} {}\n", topic.word, topic.kind.word())).collect();
        context.print(&words.concat())?;
        return Ok(Exit::Fine);
    };
    let topics = explain(word);
    if topics.is_empty() {
        let failure = Failure::usage(format!("nothing is known of `{word}`"));
        let like = alike(word);
        return Err(if like.is_empty() {
            failure.hint("`gatecrash explain` lists all words")
        } else {
            failure.hint(format!("did you mean `{}`?", like.join("` or `")))
        });
    }
    let look = Look { width: context.width, palette: Palette::new(context.color) };
    let texts: Vec<String> = topics.into_iter().map(|one| terminal::topic(one, &look)).collect();
    context.print(&texts.join("\n"))?;
    Ok(Exit::Fine)
}
