//! `gatecrash mutants`: how strong the suite is.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{GatewayOptions, workshop};
use super::list::Format;
use super::suite::{self, Selection, SuiteOptions};
use crate::model::{MUTANTS, Mutant, mutant_named};
use crate::mutation::{HuntRequest, hunt};
use crate::release::Release;
use crate::report::terminal::{self, Look, Palette};
use crate::run::Settings;
use crate::scenario::Millis;

/// Room for eight models at the same time. More would make answers late on a busy machine, and what is late looks
/// noticed.
const JOBS: usize = 2;

/// Plant single-rule faults into the model and tell which of them the suite notices.
///
/// A fault that no scenario notices is a missing scenario. `run --gateway embedded:2026.9.6+NAME` shows how
/// scenarios fare with one fault.
///
/// Exit codes: 0 all noticed but those that cannot be seen on the wire, 1 survivors, 2 bad usage or a bad
/// scenario, 4 a scenario that fails on the model without a fault.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite beside your own [default: all]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// Only scenarios with this tag (repeat it for more)
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    #[command(flatten)]
    suite: SuiteOptions,
    /// Only this mutant (repeat it for more)
    #[arg(long = "mutant", value_name = "NAME")]
    mutants: Vec<String>,
    /// Name the mutants and what is wrong with them; run nothing
    #[arg(long)]
    list: bool,
    /// Releases whose rules are tried one after the other on what still lives
    #[arg(
        long,
        value_name = "RELEASE,…",
        value_delimiter = ',',
        default_value = "2026.9.6,2026.4.2,2026.3.31,2026.3.28"
    )]
    releases: Vec<Release>,
    /// How long a step waits for an answer, where the scenario does not say
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    timeout: Millis,
    /// Seed of all keys and secrets
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mutants = named(&args.mutants)?;
    if args.list {
        return list(&mutants, args.format, context);
    }
    // Waiting is short on the model, so those tagged `slow` are asked as well.
    let every = ["*".to_owned()];
    let names = if args.selection.is_empty() { &every[..] } else { &args.selection[..] };
    let folder = args.suite.folder.as_deref();
    let request = HuntRequest {
        scenarios: suite::scenarios(context, &Selection { folder, names, tags: &args.tags, exclude: &[] })?,
        mutants,
        releases: args.releases.clone(),
        settings: Settings::new(args.seed, args.timeout.as_duration(), Arc::clone(&context.now_ms)),
        jobs: JOBS,
    };
    let workshop = workshop(context, &GatewayOptions::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let score = runtime.block_on(async {
        let cancel = CancellationToken::new();
        hunt(&workshop, &request, &cancel).await
    });
    let text = match args.format {
        Format::Json => format!("{:#}\n", serde_json::to_value(&score).map_err(Failure::broke)?),
        Format::Text => {
            terminal::mutants(&score, &Look { width: context.width, palette: Palette::new(context.color) })
        }
    };
    context.print(&text)?;
    Ok(if score.survivors().next().is_some() {
        Exit::Bad
    } else if score.blind.is_empty() {
        Exit::Fine
    } else {
        Exit::Broke
    })
}

fn named(names: &[String]) -> Result<Vec<&'static Mutant>, Failure> {
    if names.is_empty() {
        return Ok(MUTANTS.iter().collect());
    }
    let find = |name: &String| {
        mutant_named(name).ok_or_else(|| {
            Failure::usage(format!("no mutant is called `{name}`"))
                .hint("`gatecrash mutants --list` names them")
        })
    };
    names.iter().map(find).collect()
}

fn list(mutants: &[&Mutant], format: Format, context: &Context) -> Result<Exit, Failure> {
    let text = match format {
        Format::Json => {
            let rows: Vec<_> = mutants
                .iter()
                .map(|one| serde_json::json!({"name": one.name, "rule": one.rule, "about": one.about}))
                .collect();
            format!("{:#}\n", serde_json::Value::from(rows))
        }
        Format::Text => {
            let width = mutants.iter().map(|one| one.name.len()).max().unwrap_or(0);
            {
                let lines = mutants.iter().map(|one| format!("{:width$}  {}", one.name, one.about));
                lines.collect::<Vec<_>>().join("\n") + "\n"
            }
        }
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}
