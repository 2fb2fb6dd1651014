//! `gatecrash config`: which settings hold here, and where each comes from.

use std::ffi::OsStr;

use serde_json::json;

use super::find::{NAME, Project, find};
use super::key::{KEYS, Key};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::list::Format;

/// Show which settings hold here, and where each comes from.
///
/// A flag on the command line comes first, then an environment variable, then `gatecrash.toml` in this folder or above it, then
/// the default.
///
/// Exit codes: 0 shown, 2 the file has a mistake.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: Format,
}

/// A setting with its value and where the value comes from.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    key: &'static str,
    variable: &'static str,
    value: String,
    from: String,
}

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let project = find(&context.working_dir)?;
    let variable = |name: &str| {
        let found = context.environment.iter().find(|(key, _)| key == OsStr::new(name));
        found.map(|(_, value)| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
    };
    let origins: Vec<Origin> = KEYS.iter().map(|key| origin(key, &project, &variable)).collect();
    let file = project.path.as_ref().map(|path| path.display().to_string());
    let text = match args.format {
        Format::Json => {
            let rows: Vec<_> = origins
                .iter()
                .map(|one| {
                    json!({"key": one.key, "value": one.value, "from": one.from, "variable": one.variable})
                })
                .collect();
            format!("{:#}\n", json!({"file": file, "settings": rows}))
        }
        Format::Text => {
            let wide = origins.iter().map(|one| one.value.chars().count()).max().unwrap_or(0).min(60);
            let row = |one: &Origin| format!("{:<13} {:<wide$}  {}\n", one.key, one.value, one.from);
            let rows = origins.iter().map(row).collect::<Vec<_>>().concat();
            let none = format!("there is no {NAME} here; `gatecrash init` writes one\n");
            file.map_or(none, |file| format!("{file}\n")) + &rows
        }
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

fn origin(key: &'static Key, project: &Project, variable: &dyn Fn(&str) -> Option<String>) -> Origin {
    let (value, from) = if let Some(value) = variable(key.variable) {
        (value, key.variable.to_owned())
    } else if let Some(setting) = project.setting(key.name) {
        (setting.values.join(", "), format!("{NAME}:{}", setting.line))
    } else {
        (key.default.to_owned(), "default".to_owned())
    };
    Origin { key: key.name, variable: key.variable, value, from }
}
