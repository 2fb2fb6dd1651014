//! Mutants of the model: single broken rules.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::options::MutantOptions;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::gateways::{GatewayOptions, provider};
use crate::cli::list::Format;
use crate::cli::suite::{self, Selection};
use crate::cli::vars::refuse_unknown;
use crate::model::{MUTANTS, Mutant, mutant_named};
use crate::mutation::{HuntProgress, HuntRequest, HuntTell, hunt};
use crate::release::Release;
use crate::report::progress::{Amount, Progress};
use crate::report::terminal::{self, Appearance, Palette};
use crate::report::text::count;
use crate::run::Settings;
use crate::scenario::Millis;

/// Room for eight models at the same time. More would delay answers on a busy machine, and a late answer counts as noticed.
const JOBS: usize = 2;

/// Options for mutants of the model.
#[derive(clap::Args, Debug)]
pub(super) struct ModelOptions {
    /// Only this mutant of the model (repeatable)
    #[arg(long = "mutant", value_name = "NAME", conflicts_with = "gateway")]
    mutants: Vec<String>,
    /// Releases whose rules are tried one after the other on the surviving mutants
    #[arg(
        long,
        value_name = "RELEASE,…",
        value_delimiter = ',',
        default_value = "2026.9.6,2026.4.2,2026.3.31,2026.3.28",
        conflicts_with = "gateway"
    )]
    releases: Vec<Release>,
    /// How long a step waits for an answer of the model, unless the scenario says otherwise
    #[arg(long, value_name = "DURATION", default_value = "10s", conflicts_with = "gateway")]
    timeout: Millis,
}

pub(super) fn run(args: &MutantOptions, options: &ModelOptions, context: &Context) -> Result<Exit, Failure> {
    let mutants = named(&options.mutants)?;
    if args.list {
        return list(&mutants, args.format, context);
    }
    // Waiting is short on the model, so scenarios tagged `slow` run, too.
    let every = ["*".to_owned()];
    let names = if args.selection.is_empty() { &every[..] } else { &args.selection[..] };
    let folder = args.suite.folder.as_deref();
    let vars = args.vars.given();
    let selection = Selection { folder, names, tags: &args.tags, exclude: &[], vars: Some(&vars) };
    let scenarios = suite::scenarios(context, &selection)?;
    refuse_unknown(&vars, &scenarios)?;
    let request = HuntRequest {
        scenarios,
        mutants,
        releases: options.releases.clone(),
        settings: Settings::new(args.seed, options.timeout.as_duration(), Arc::clone(&context.now_ms)),
        jobs: JOBS,
    };
    let provider = provider(context, &GatewayOptions::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let score = runtime.block_on(async {
        let cancel = CancellationToken::new();
        let progress = context.progress.clone();
        let tell: HuntTell = Arc::new(move |now| show_progress(&progress, now));
        hunt(&provider, &request, &tell, &cancel).await
    });
    context.progress.done();
    let text = match args.format {
        Format::Json => format!("{:#}\n", serde_json::to_value(&score).map_err(Failure::broke)?),
        Format::Text => terminal::mutants(
            &score,
            &Appearance { width: context.width, palette: Palette::new(context.color) },
        ),
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

fn show_progress(progress: &Progress, now: HuntProgress) {
    let (text, amount) = match now {
        HuntProgress::Running { release, mutants, done, all } => {
            let mutants = count(mutants, "mutant");
            (
                format!("the suite runs against {mutants} of the rules of {release}"),
                Amount::of(done, all, "cell"),
            )
        }
        HuntProgress::Confirming { release, done, all } => {
            let text = format!("what noticed a mutant of the rules of {release} runs again by itself");
            (text, Amount::of(done, all, "mutant"))
        }
    };
    let is_new = match now {
        HuntProgress::Running { done, .. } | HuntProgress::Confirming { done, .. } => done == 0,
    };
    if is_new {
        progress.begin(text);
    }
    progress.amount(amount);
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
