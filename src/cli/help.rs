//! The help of the program: commands in groups, and examples for each command.

use std::fmt::Write as _;

use clap::Command;

/// Commands that serve one purpose.
struct CommandGroup {
    title: &'static str,
    commands: &'static [&'static str],
}

/// All commands that are not hidden, by purpose.
const GROUPS: &[CommandGroup] = &[
    CommandGroup { title: "Run scenarios", commands: &["run", "watch", "matrix", "preflight", "merge"] },
    CommandGroup {
        title: "Find what changed",
        commands: &["bisect", "diff", "explore", "learn", "news", "compare", "reasons"],
    },
    CommandGroup {
        title: "Understand results",
        commands: &["show", "explain", "report", "runs", "timeline", "rules"],
    },
    CommandGroup {
        title: "Maintain the suite",
        commands: &["list", "new", "check", "fmt", "expect", "coverage", "mutants", "schema"],
    },
    CommandGroup { title: "Set up", commands: &["init", "config", "releases", "completions", "man"] },
];

/// Example command lines for each command, by its path.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "run",
        &[
            "gatecrash run",
            "gatecrash run roles/legacy-empty-token-map/operator --gateway 2026.3.31 --report html=run.html",
        ],
    ),
    ("watch", &["gatecrash watch", "gatecrash watch my-scenarios/pairing.yaml --gateway 2026.3.31,2026.4.2"]),
    (
        "matrix",
        &[
            "gatecrash matrix 'roles/**' --gateways 2026.3.28,2026.3.31",
            "gatecrash matrix --from 2026.3.28 --to 2026.4.2 --every",
        ],
    ),
    (
        "preflight",
        &[
            "gatecrash preflight --state ~/.openclaw --to latest",
            "gatecrash preflight --state ~/.openclaw --to 2026.4.2,latest --format markdown",
        ],
    ),
    ("merge", &["gatecrash merge part-1.events part-2.events --report junit=run.xml"]),
    (
        "bisect",
        &[
            "gatecrash bisect roles/legacy-empty-token-map/operator --good 2026.3.28 --bad 2026.4.2",
            "gatecrash bisect roles/legacy-empty-token-map/operator --good v2026.3.28 --bad main --repo ~/openclaw --preset openclaw",
        ],
    ),
    (
        "diff",
        &["gatecrash diff 2026.3.28 2026.3.31 'roles/**'", "gatecrash diff embedded:2026.3.31 2026.3.31"],
    ),
    ("news", &["gatecrash news --format markdown", "gatecrash news --since 2026.9.6 --pre"]),
    (
        "learn",
        &[
            "gatecrash learn embedded:2026.3.28 embedded:2026.3.31",
            "gatecrash learn 2026.3.28 2026.3.31 2026.4.2 --out found --report html=machines.html",
        ],
    ),
    (
        "explore",
        &[
            "gatecrash explore 2026.3.28 2026.3.31 --time 5m --out found",
            "gatecrash explore 2026.9.6 --laws --time 5m",
        ],
    ),
    ("compare", &["gatecrash compare yesterday.events latest"]),
    ("reasons", &["gatecrash reasons latest"]),
    (
        "show",
        &["gatecrash show latest", "gatecrash show latest roles/legacy-empty-token-map/operator@2026.3.31"],
    ),
    (
        "explain",
        &["gatecrash explain role-upgrade", "gatecrash explain 'gateway closed (1008): pairing required'"],
    ),
    (
        "report",
        &["gatecrash report latest --html run.html", "gatecrash report run.events --report junit=run.xml"],
    ),
    ("runs", &["gatecrash runs list", "gatecrash runs prune --keep 3"]),
    ("runs prune", &["gatecrash runs prune --keep 3"]),
    ("timeline", &["gatecrash timeline latest", "gatecrash timeline --format html"]),
    ("rules", &["gatecrash rules 2026.3.31", "gatecrash rules --since 2026.3.28"]),
    ("list", &["gatecrash list", "gatecrash list --tag security --format json"]),
    ("init", &["gatecrash init", "gatecrash init my-project --rust"]),
    ("config", &["gatecrash config"]),
    ("new", &["gatecrash new scenario pairing/my-case"]),
    (
        "new scenario",
        &[
            "gatecrash new scenario pairing/my-case --title 'A paired device reconnects' --issue openclaw#59045",
        ],
    ),
    ("check", &["gatecrash check --strict", "gatecrash check my-scenarios/pairing.yaml"]),
    ("fmt", &["gatecrash fmt", "gatecrash fmt --check"]),
    ("expect", &["gatecrash expect update --from latest --dry-run"]),
    (
        "expect update",
        &[
            "gatecrash expect update --from latest --dry-run",
            "gatecrash expect update roles/legacy-empty-token-map/operator --from latest",
        ],
    ),
    (
        "coverage",
        &["gatecrash coverage", "gatecrash coverage --code --gateway 2026.3.31 --report html=coverage.html"],
    ),
    ("mutants", &["gatecrash mutants --list", "gatecrash mutants --gateway 2026.3.31 --sample 100"]),
    ("schema", &["gatecrash schema", "gatecrash schema run"]),
    ("releases", &["gatecrash releases install latest", "gatecrash releases list --available"]),
    ("releases list", &["gatecrash releases list --available --betas"]),
    ("releases install", &["gatecrash releases install 2026.3.28 2026.3.31"]),
    ("releases remove", &["gatecrash releases remove 2026.3.28"]),
    ("releases prune", &["gatecrash releases prune --keep-size 5GB"]),
    ("releases verify", &["gatecrash releases verify"]),
    ("completions", &["gatecrash completions bash", "gatecrash completions zsh"]),
    ("man", &["gatecrash man ~/.local/share/man/man1"]),
];

/// The command line with grouped commands and examples in its help.
pub(super) fn with_help(command: Command) -> Command {
    let template = template(&command);
    let command = command.help_template(template);
    EXAMPLES.iter().fold(command, |command, (path, examples)| {
        let path: Vec<&str> = path.split(' ').collect();
        with_examples(command, &path, examples)
    })
}

fn with_examples(command: Command, path: &[&str], examples: &[&str]) -> Command {
    let Some((name, rest)) = path.split_first() else {
        let header = command.get_styles().get_header();
        let title = if examples.len() == 1 { "Example" } else { "Examples" };
        let mut text = format!("{header}{title}:{header:#}");
        for example in examples {
            let _ = write!(text, "\n  {example}");
        }
        return command.after_long_help(text);
    };
    // An unknown name would panic; a test says that there is none.
    if command.find_subcommand(name).is_none() {
        return command;
    }
    command.mut_subcommand(name, |command| with_examples(command, rest, examples))
}

/// The help of the program as a whole. clap has one list of commands; here they are in groups.
fn template(command: &Command) -> String {
    let (header, literal) = (*command.get_styles().get_header(), *command.get_styles().get_literal());
    let width = GROUPS.iter().flat_map(|group| group.commands).map(|name| name.len()).max().unwrap_or(0);
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for group in GROUPS {
        let _ = write!(text, "\n{header}{}:{header:#}\n", group.title);
        for name in group.commands {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_default();
            let _ = writeln!(text, "  {literal}{name:width$}{literal:#}  {about}");
        }
    }
    let _ = write!(text, "\n{header}Options:{header:#}\n{{options}}{{after-help}}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    fn visible(command: &Command) -> Vec<&Command> {
        command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help").collect()
    }

    /// The words of an example, without quotes.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (at, part) in line.split('\'').enumerate() {
            if at % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    #[test]
    fn the_groups_name_every_visible_command_once() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|group| group.commands).copied().collect();
        let command = command();
        let mut all: Vec<&str> = visible(&command).into_iter().map(Command::get_name).collect();
        grouped.sort_unstable();
        all.sort_unstable();
        assert_eq!(grouped, all);
    }

    #[test]
    fn every_example_parses_and_is_of_its_command() {
        for (path, examples) in EXAMPLES {
            for example in *examples {
                let matches = command().try_get_matches_from(words(example));
                let matches = matches.unwrap_or_else(|error| panic!("{example}: {error}"));
                let mut at = &matches;
                for name in path.split(' ') {
                    let (found, below) = at.subcommand().unwrap();
                    assert_eq!(found, name, "{example}");
                    at = below;
                }
            }
        }
    }

    #[test]
    fn every_visible_command_has_one_or_two_examples() {
        for one in visible(&command()) {
            let examples = EXAMPLES.iter().find(|(path, _)| *path == one.get_name());
            assert!(
                examples.is_some_and(|(_, examples)| matches!(examples.len(), 1 | 2)),
                "{}",
                one.get_name()
            );
            let help = one.clone().render_long_help().to_string();
            assert!(help.contains("Example"), "{help}");
        }
        for (path, _) in EXAMPLES {
            let mut at = &command();
            for name in path.split(' ') {
                at = at.find_subcommand(name).unwrap_or_else(|| panic!("there is no command `{path}`"));
            }
        }
    }

    #[test]
    fn the_help_of_the_program_lists_the_groups() {
        let help = command().render_help().to_string();
        for group in GROUPS {
            assert!(help.contains(&format!("{}:\n", group.title)), "{help}");
        }
        assert!(help.contains("--cache-dir"), "{help}");
    }
}
