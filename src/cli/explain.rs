//! `gatecrash explain`: explains the words of reports.

use std::io::Read as _;

use serde_json::Value;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report::explain::{TOPICS, alike, explain, explain_text};
use crate::report::terminal::{self, Appearance, Palette};
use crate::scenario::{NAMED_OUTCOMES, NamedOutcome, schema};
use crate::wire::{PERSONAS, Persona};

/// Explain any word of a report or of a scenario, or what a gateway said.
///
/// Takes a verdict, a class, a close code, an error code, a reason, a scope, an outcome, a verb, a persona, a pattern, a sign of a
/// table, a word of the reports; or a whole line of a log. Without a word, all words are listed. `-` reads lines from standard input.
///
/// Exit codes: 0 explained, 2 nothing in it is known.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The word, such as `fixed`, `1008`, `NOT_PAIRED`, `role-upgrade`, `connect` or `node-host`, or a line of a log
    #[arg(value_name = "WORD|LINE|-")]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
    let texts = match args.words.as_slice() {
        [] => vec![list()],
        [dash] if dash == "-" => {
            let mut lines = String::new();
            std::io::stdin().read_to_string(&mut lines).map_err(Failure::usage)?;
            line(&lines, &appearance)?
        }
        [word] if !word.trim().contains(char::is_whitespace) => about_word(word, &appearance)?,
        words => line(&words.join(" "), &appearance)?,
    };
    context.print(&texts.join("\n"))?;
    Ok(Exit::Fine)
}

/// All words, with what they are.
fn list() -> String {
    let topics = TOPICS.iter().map(|topic| (topic.word.to_owned(), topic.kind.word()));
    let outcomes = NAMED_OUTCOMES.iter().map(|one| (one.name.to_owned(), "outcome of a scenario"));
    let personas = PERSONAS.iter().map(|one| (one.name.to_owned(), "persona"));
    let verbs = verbs().into_iter().map(|(verb, _)| (verb, "verb of a scenario"));
    let rows = topics.chain(outcomes).chain(personas).chain(verbs);
    rows.map(|(word, kind)| format!("{word:<36} {kind}\n")).collect::<Vec<_>>().concat()
}

fn about_word(word: &str, appearance: &Appearance) -> Result<Vec<String>, Failure> {
    let topics = explain(word).into_iter().map(|one| terminal::topic(one, appearance));
    let named = NAMED_OUTCOMES.iter().filter(|one| one.name == word).map(outcome);
    let personas = PERSONAS.iter().filter(|one| one.name == word).map(persona);
    let verbs = verbs().into_iter().filter(|(verb, _)| verb == word).map(|(verb, about)| {
        format!("`{verb}` as a step of a scenario: {about}\n\n  all its keys: docs/scenario-format.md, or `gatecrash schema`\n")
    });
    let texts: Vec<String> = topics.chain(named).chain(personas).chain(verbs).collect();
    if !texts.is_empty() {
        return Ok(texts);
    }
    // A word of its own may still be a part of a line, such as `code=1008`.
    let inside = explain_text(word);
    if !inside.is_empty() {
        return Ok(inside.into_iter().map(|one| terminal::topic(one, appearance)).collect());
    }
    let failure = Failure::usage(format!("there is no explanation of `{word}`"));
    let similar = alike(word);
    Err(if similar.is_empty() {
        failure.hint("`gatecrash explain` lists all words")
    } else {
        failure.hint(format!("did you mean `{}`?", similar.join("` or `")))
    })
}

/// The explanation of everything known in a line, or in several.
fn line(text: &str, appearance: &Appearance) -> Result<Vec<String>, Failure> {
    // A word may have several words, such as `keeps working`.
    let whole = explain(text);
    let topics = if whole.is_empty() { explain_text(text) } else { whole };
    if topics.is_empty() {
        return Err(Failure::usage("there is no known code, reason or close in this text")
            .hint("`gatecrash explain` lists all words"));
    }
    Ok(topics.into_iter().map(|one| terminal::topic(one, appearance)).collect())
}

/// The verbs of scenarios, with what they do.
fn verbs() -> Vec<(String, String)> {
    let schema = schema();
    let alternatives = schema["definitions"]["Step"]["oneOf"].as_array();
    let one = |verb: &Value| {
        let name = verb["properties"].as_object()?.keys().next()?.clone();
        Some((name, verb["description"].as_str()?.to_owned()))
    };
    alternatives.into_iter().flatten().filter_map(one).collect()
}

/// The explanation of a named outcome.
fn outcome(one: &NamedOutcome) -> String {
    format!("`expect: {}` in a scenario: {}\n\n  stands for {}\n", one.name, one.about, one.written())
}

/// The explanation of a persona.
fn persona(one: &Persona) -> String {
    let scopes = if one.scopes.is_empty() { "no scopes".to_owned() } else { one.scopes.join(", ") };
    format!(
        "`persona: {}` in a scenario: {}\n\n  sends client.id {}, client.mode {}, role {}, {scopes}\n",
        one.name, one.about, one.client_id, one.mode, one.role
    )
}
