//! Fills in options from the environment and from the project file.
//!
//! What is given on the command line comes first, then the environment, then the file, then the built-in default: values of
//! the file become the defaults of the options.

use clap::{ArgAction, Command};

use super::find::Project;
use super::key::{KEYS, Key};

/// The command line with the environment variables of all keys.
pub(in crate::cli) fn with_environment(command: Command) -> Command {
    KEYS.iter().fold(command, |command, key| change(command, key, &|option| option.env(key.variable)))
}

/// The command line with the defaults of a project file.
pub(in crate::cli) fn with_file(command: Command, project: &Project) -> Command {
    project.settings.iter().fold(command, |command, one| {
        change(command, one.key, &|option| match option.get_action() {
            ArgAction::Append => option.default_values(one.values.clone()),
            _ => option.default_value(one.values.join(",")),
        })
    })
}

fn change(command: Command, key: &Key, how: &dyn Fn(clap::Arg) -> clap::Arg) -> Command {
    let command = if key.commands.is_empty() { on(command, key, how) } else { command };
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    names.iter().fold(command, |command, name| {
        if key.commands.is_empty() || key.commands.contains(&name.as_str()) {
            command.mut_subcommand(name, |inner| on(inner, key, how))
        } else {
            command
        }
    })
}

/// Changes the option of a command, if the command has it.
fn on(command: Command, key: &Key, how: &dyn Fn(clap::Arg) -> clap::Arg) -> Command {
    if command.get_arguments().any(|one| one.get_id() == key.option) {
        command.mut_arg(key.option, how)
    } else {
        command
    }
}
