//! `gatecrash __broker`: shares booted gateways among the test processes of one test run.
//!
//! A test process that finds no broker starts one. The broker listens on a Unix socket that only its
//! user can reach, boots gateways when they are asked for, and ends with the test runner.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{GatewayOptions, provider};
use super::suite::{self, Selection};
use crate::error_chain::chain;
use crate::gateway::{Remote, Target};
use crate::report::terminal::{self, Appearance, Palette};
use crate::run::{Pool, Settings};
use crate::verdict::Verdict;

/// How often the broker checks that the test runner is still alive.
const OWNER_CHECK: Duration = Duration::from_millis(100);

/// Default timeout of a step. It is long because test processes keep the machine busy.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Width of a report in the output of a test.
const WIDTH: usize = 110;

/// Share booted gateways among test processes.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The socket to listen on
    #[arg(long)]
    socket: PathBuf,
    /// The process whose end ends the broker
    #[arg(long)]
    owner: u32,
    /// Seed of all keys and secrets
    #[arg(long)]
    seed: u64,
    #[command(flatten)]
    gateways: GatewayOptions,
}

/// A request of a test process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    /// Id of the scenario.
    pub scenario: String,
    /// The target to run it on.
    pub target: String,
    /// Number of the attempt, counted from 1.
    pub attempt: u32,
}

/// The answer to a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The scenario was judged.
    Cell {
        /// The verdict of the cell.
        verdict: Verdict,
        /// The report as text.
        text: String,
    },
    /// The request cannot be served, for this reason.
    Refused(String),
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let scenarios = suite::scenarios(context, &Selection::default())?;
    let now_ms = Arc::clone(&context.now_ms);
    let settings = Settings::new(args.seed, TIMEOUT, now_ms);
    // One gateway more than jobs, so that the next target can boot while the last one is still in use.
    let most = args.gateways.jobs(context) + 1;
    let pool = Pool::new(provider(context, &args.gateways)?, scenarios, settings, most);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    runtime.block_on(serve(pool, &args.socket, args.owner)).map_err(Failure::broke)?;
    Ok(Exit::Fine)
}

async fn serve(pool: Pool, socket: &Path, owner: u32) -> std::io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    let pool = Arc::new(pool);
    let mut tasks = tokio::task::JoinSet::new();
    let mut check = tokio::time::interval(OWNER_CHECK);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let pool = Arc::clone(&pool);
                tasks.spawn(async move { answer(&pool, stream).await });
            }
            Some(_) = tasks.join_next() => {}
            _ = check.tick() => if !is_alive(owner) { break },
        }
    }
    // No test process is left to read the answers.
    tasks.shutdown().await;
    if let Some(place) = socket.parent() {
        std::fs::remove_dir_all(place)?;
    }
    if let Some(pool) = Arc::into_inner(pool) {
        pool.close().await;
    }
    Ok(())
}

/// Answers one request; a test process that has ended is not an error.
async fn answer(pool: &Pool, mut stream: UnixStream) {
    let mut line = String::new();
    if BufReader::new(&mut stream).read_line(&mut line).await.is_err() {
        return;
    }
    let reply = reply(pool, &line).await.unwrap_or_else(Reply::Refused);
    if let Ok(text) = serde_json::to_string(&reply) {
        let _ = stream.write_all(format!("{text}\n").as_bytes()).await;
    }
}

async fn reply(pool: &Pool, line: &str) -> Result<Reply, String> {
    let ask: Ask = serde_json::from_str(line).map_err(|error| chain(&error))?;
    let target = Target::parse(&ask.target, Remote::Refused).map_err(|error| chain(&error))?;
    let record = pool.run(&target, &ask.scenario, ask.attempt).await.map_err(|error| chain(&error))?;
    let verdict = record.cells.first().map_or(Verdict::Error, |cell| cell.verdict);
    let appearance = Appearance { width: WIDTH, palette: Palette::PLAIN };
    Ok(Reply::Cell { verdict, text: terminal::render(&record, &appearance) })
}

fn is_alive(process: u32) -> bool {
    i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
