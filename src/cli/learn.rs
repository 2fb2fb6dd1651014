//! `gatecrash learn`: learns what targets do as machines, and compares them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{GatewayOptions, provider};
use super::interrupt::cancel_on_interrupt;
use crate::learn::{Alphabet, LearnProgress, LearnRequest, Purpose, Thoroughness, learn};
use crate::run::Settings;
use crate::scenario::Millis;

/// Learn what gateways do as machines, and show where the machines differ.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Targets, as for `run --gateway`, from the oldest to the newest
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// The inputs: a built-in alphabet, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "default")]
    alphabet: String,
    /// A machine is right if the gateway has at most this many states more
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    k: u8,
    /// Random walks in addition
    #[arg(long, value_name = "N", default_value_t = 100)]
    walks: usize,
    /// Seed of keys, secrets and random walks
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    gateways: GatewayOptions,
    /// How long a step waits for an answer
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: Millis,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let alphabet = Arc::new(alphabet(&args.alphabet)?);
    let provider = provider(context, &args.gateways)?;
    let targets = args.gateways.targets(&args.targets.join(","))?;
    let targets = provider.resolve(targets).map_err(Failure::broke)?;
    let cancel = CancellationToken::new();
    let settings = Settings {
        interrupt: cancel.clone(),
        ..Settings::new(args.seed, args.timeout.as_duration(), Arc::clone(&context.now_ms))
    };
    let thoroughness = Thoroughness { extra_states: usize::from(args.k), walks: args.walks, seed: args.seed };
    let jobs = args.gateways.jobs(context);
    let request = LearnRequest { alphabet, thoroughness, settings, jobs };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    runtime.block_on(async {
        tokio::spawn(cancel_on_interrupt(cancel.clone()));
        let mut last = None;
        for target in targets {
            let prepared =
                Arc::new(provider.prepare(&target, Arc::new(|_| {})).await.map_err(Failure::broke)?);
            let progress = |p: LearnProgress| {
                let what = match p.purpose {
                    Purpose::Explore => "exploring".to_owned(),
                    Purpose::Test { states, remaining } => {
                        format!("testing {states} states, {remaining} left")
                    }
                };
                anstream::eprintln!(
                    "{target}: {what}; {} words, {} steps, {:.1} s",
                    p.asked,
                    p.steps,
                    p.since.as_secs_f64()
                );
            };
            let found = learn(prepared, &request, last.as_ref(), &progress).await.map_err(Failure::broke)?;
            for (state, word) in found.machine.access_words().iter().enumerate() {
                context.print(&format!("{state}: {}\n", request.alphabet.spell(word)))?;
                for input in 0..found.machine.inputs() {
                    let edge = found.machine.edge(state, input);
                    context.print(&format!(
                        "    {:20} {:40} {}\n",
                        request.alphabet.input_name(input),
                        edge.output,
                        edge.target
                    ))?;
                }
            }
            context.print(&format!(
                "{target}: {} states, {} + {} words, {} steps, {} boots, {:.1} s\n",
                found.machine.len(),
                found.explored,
                found.tested,
                found.steps,
                found.boots,
                found.took.as_secs_f64()
            ))?;
            last = Some(found.machine);
        }
        Ok(Exit::Fine)
    })
}

/// The alphabet of a name or a file.
fn alphabet(named: &str) -> Result<Alphabet, Failure> {
    let path = Path::new(named);
    if path.extension().is_none() && !named.contains('/') {
        return Alphabet::built_in(named).map_err(Failure::usage);
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(error).context(format!("cannot read {named}")))?;
    let name =
        PathBuf::from(named).file_stem().map(|one| one.to_string_lossy().into_owned()).unwrap_or_default();
    Alphabet::read(&name, &text).map_err(Failure::usage)
}
