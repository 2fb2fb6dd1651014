//! The commands that readers are told to type parse.
//!
//! A `console` block that cannot be parsed has a comment before it that says why:
//! `<!-- not parsed: WHY -->`.

use clap::ArgMatches;

use super::markdown::{code_spans, split};
use super::{documents, gatecrash, repository_file};

/// The commands of a line of a shell, each as its words. What is behind `#` is left out.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands: Vec<Vec<String>> = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | ';' | '|' | '&' | '>' | '<') => {
                if let Some(last) = commands.last_mut() {
                    last.extend(word.take());
                }
                if c != ' ' {
                    commands.push(Vec::new());
                }
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    if let Some(last) = commands.last_mut() {
        last.extend(word);
    }
    commands
}

/// What gatecrash gets where it is what a command runs.
fn arguments(command: &[String]) -> Option<Vec<String>> {
    let is_set = |word: &&String| word.contains('=') || word.as_str() == "do";
    let words: Vec<&String> = command.iter().skip_while(is_set).collect();
    match words.first()?.as_str() {
        "gatecrash" => Some(words[1..].iter().map(|one| (*one).clone()).collect()),
        "cargo" if words.get(1).is_some_and(|word| *word == "run") => {
            let dashes = words.iter().position(|word| *word == "--")?;
            Some(words[dashes + 1..].iter().map(|one| (*one).clone()).collect())
        }
        _ => None,
    }
}

fn parse(arguments: &[String]) -> Result<ArgMatches, clap::Error> {
    let words = std::iter::once("gatecrash").chain(arguments.iter().map(String::as_str));
    gatecrash::cli::command().try_get_matches_from(words)
}

/// The lines of a block that are typed, continued ones joined.
fn typed(lines: &[&str]) -> Vec<String> {
    let mut typed: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let text = line.strip_prefix("$ ").or_else(|| line.strip_prefix("> ")).map_or(*line, str::trim);
        let is_typed = goes_on || line.starts_with("$ ") || line.starts_with("> ");
        let (text, more) = text.strip_suffix('\\').map_or((text, false), |text| (text, true));
        match typed.last_mut() {
            Some(last) if goes_on => last.push_str(text),
            _ if is_typed => typed.push(text.to_owned()),
            _ => {}
        }
        goes_on = is_typed && more;
    }
    typed
}

#[test]
fn every_command_in_a_console_block_parses() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for document in documents() {
        let text = repository_file(&document.display().to_string());
        for block in split(&text).1 {
            if block.language != "console" || block.before.starts_with("<!-- not parsed: ") {
                continue;
            }
            for arguments in
                typed(&block.lines).iter().flat_map(|line| commands(line)).filter_map(|one| arguments(&one))
            {
                count += 1;
                if let Err(error) = parse(&arguments) {
                    wrong.push(format!("{}: gatecrash {}\n{error}", document.display(), arguments.join(" ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 20, "only {count} commands were found");
}

/// What shows a finding is a command about scenarios that exist.
#[test]
fn every_command_of_the_findings_parses_and_names_scenarios_that_exist() {
    let text = repository_file("docs/findings.md");
    let spans = text.lines().flat_map(|line| code_spans(line).0);
    let mut names = Vec::new();
    for arguments in spans.flat_map(commands).filter_map(|one| arguments(&one)) {
        let matches = match parse(&arguments) {
            Ok(matches) => matches,
            Err(error) => panic!("gatecrash {}\n{error}", arguments.join(" ")),
        };
        let (command, matches) = matches.subcommand().expect("a command");
        if ["run", "matrix"].contains(&command) {
            let definition = gatecrash::cli::command();
            let definition = definition.find_subcommand(command).expect("a definition");
            for argument in definition.get_positionals() {
                let values = matches.get_raw(argument.get_id().as_str()).into_iter().flatten();
                names.extend(values.map(|value| value.to_string_lossy().into_owned()));
            }
        }
    }
    assert!(names.len() > 20, "only {} names were found", names.len());
    let list: Vec<&str> = std::iter::once("list").chain(names.iter().map(String::as_str)).collect();
    let (fine, _) = gatecrash(&list);
    assert!(fine, "`gatecrash {}` says which of them does not exist", list.join(" "));
}

#[test]
fn words_are_split_as_a_shell_does() {
    let line = "A=1 gatecrash run 'tokens/*' --gateway \"cmd:x {port}\" # why";
    let found = commands(line);
    assert_eq!(found.len(), 1);
    let expected = ["run", "tokens/*", "--gateway", "cmd:x {port}"].map(str::to_owned);
    assert_eq!(arguments(&found[0]), Some(expected.to_vec()));
    assert_eq!(
        arguments(&commands("cargo run --release -- check --strict")[0]).map(|one| one.len()),
        Some(2)
    );
    assert_eq!(arguments(&commands("scripts/test")[0]), None);
}
