//! `gatecrash rules`: the history of the handshake, as the model knows it.

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::list::Format;
use crate::model::{HISTORY, NOT_MODELLED, RuleChange, Setting};
use crate::release::Release;
use crate::report::terminal::{self, Appearance, Palette};

/// Tell which rules of the handshake changed in which release, and how that is known.
///
/// This is the table that the embedded model follows; what it leaves out stands at the end.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only what holds in this release
    #[arg(value_name = "RELEASE")]
    release: Option<Release>,
    /// Only changes after this release
    #[arg(long, value_name = "RELEASE", conflicts_with = "release")]
    since: Option<Release>,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let changes: Vec<&RuleChange> = match args.release {
        Some(release) => in_force(release),
        None => HISTORY.iter().filter(|one| args.since.is_none_or(|since| one.since > since)).collect(),
    };
    let text = match args.format {
        Format::Json => format!("{:#}\n", as_json(&changes)),
        Format::Text => {
            let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
            terminal::rules(&changes, if args.since.is_none() { NOT_MODELLED } else { &[] }, &appearance)
        }
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

/// The last word on each rule up to a release; rules that do not hold are left out.
fn in_force(release: Release) -> Vec<&'static RuleChange> {
    let until: Vec<&RuleChange> = HISTORY.iter().filter(|one| one.since <= release).collect();
    let replaced =
        |at: usize, one: &RuleChange| until[at + 1..].iter().any(|later| later.set.name() == one.set.name());
    let last = until.iter().enumerate().filter(|(at, one)| !replaced(*at, one)).map(|(_, one)| *one);
    last.filter(|one| !matches!(one.set, Setting::Off(_))).collect()
}

fn as_json(changes: &[&RuleChange]) -> serde_json::Value {
    let rows = changes.iter().map(|one| {
        json!({
            "since": one.since, "rule": one.set.name(), "holds": !matches!(one.set, Setting::Off(_)),
            "about": one.about, "evidence": one.evidence,
        })
    });
    let missing = NOT_MODELLED.iter().map(|one| json!({"what": one.what, "why": one.why}));
    json!({"changes": rows.collect::<Vec<_>>(), "not_modelled": missing.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_in_force_is_told_once_and_by_its_last_change() {
        let known = in_force(Release::new(2026, 4, 2));
        let mut names: Vec<String> = known.iter().map(|one| one.set.name()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        let roles = known.iter().find(|one| one.set.name() == "Roles").unwrap();
        assert_eq!(roles.since, Release::new(2026, 4, 2));
    }
}
