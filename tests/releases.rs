//! Every scenario on every target is a test of its own.
//!
//! `GATECRASH_GATEWAY=A,B` names the targets. The test processes of one run share booted gateways through a
//! broker, which the first of them starts and which ends with the test runner. With `GATECRASH_OFFLINE=1`
//! releases that are not installed are left out, and their number is told.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use gatecrash::cli::{Ask, Reply, scenario_ids};
use gatecrash::verdict::Verdict;
use libtest_mimic::{Arguments, Failed, Trial};

/// The model, and the release of openclaw#59045. Those on either side of it are run as a whole, in `as_listed.rs`.
const FOUNDING: &str = "embedded,2026.3.31";

/// How long a broker may take to listen.
const BROKER_START: Duration = Duration::from_secs(20);

const GATECRASH: &str = env!("CARGO_BIN_EXE_gatecrash");

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if let Some((target, id)) = the_only_one(&arguments) {
        let trial = Trial::test(format!("{target}::{id}"), move || run(&target, &id));
        return libtest_mimic::run(&arguments, vec![trial]).exit_code();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let ids = match scenario_ids(&root) {
        Ok(ids) => ids,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let named = env::var("GATECRASH_GATEWAY").unwrap_or_else(|_| FOUNDING.to_owned());
    let targets = available(named.split(',').map(str::trim).filter(|name| !name.is_empty()), ids.len());
    let trials = targets.iter().flat_map(|target| {
        ids.iter().map(|id| {
            let (target, id): (String, String) = (target.clone(), id.clone());
            Trial::test(format!("{target}::{id}"), move || run(&target, &id))
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// The target and the scenario that a test runner has picked from the list: one process a test need not
/// read the whole suite again.
fn the_only_one(arguments: &Arguments) -> Option<(String, String)> {
    let name = arguments.filter.as_ref().filter(|_| arguments.exact && !arguments.list)?;
    let (target, id) = name.rsplit_once("::")?;
    Some((target.to_owned(), id.to_owned()))
}

/// The targets that can be tested: offline, only releases that are installed.
fn available<'a>(targets: impl Iterator<Item = &'a str>, scenarios: usize) -> Vec<String> {
    let offline = env::var("GATECRASH_OFFLINE").is_ok_and(|value| !value.is_empty() && value != "0");
    let targets: Vec<String> = targets.map(str::to_owned).collect();
    if !offline {
        return targets;
    }
    let listed =
        Command::new(GATECRASH).args(["releases", "list", "--installed", "--format", "json"]).output();
    let text = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let is_release = |target: &str| target.starts_with(|c: char| c.is_ascii_digit());
    let (here, missing): (Vec<String>, Vec<String>) = targets
        .into_iter()
        .partition(|target| !is_release(target) || text.contains(&format!("\"{target}\"")));
    if !missing.is_empty() {
        let count = missing.len() * scenarios;
        eprintln!("offline: {count} tests left out, not installed: {}", missing.join(", "));
    }
    here
}

fn run(target: &str, scenario: &str) -> Result<(), Failed> {
    let attempt = env::var("NEXTEST_ATTEMPT").ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let ask = Ask { scenario: scenario.to_owned(), target: target.to_owned(), attempt };
    let mut stream = connect()?;
    writeln!(stream, "{}", serde_json::to_string(&ask)?)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    match serde_json::from_str(&line).map_err(|error| format!("the broker went away: {error}"))? {
        Reply::Refused(reason) => Err(reason.into()),
        Reply::Cell { verdict: Verdict::Pass | Verdict::Known, .. } => Ok(()),
        Reply::Cell { verdict: Verdict::Untestable, text, .. } => {
            println!("untestable\n{text}");
            Ok(())
        }
        Reply::Cell { text, .. } => Err(text.into()),
    }
}

/// A connection to this run's broker, which is started where there is none.
fn connect() -> Result<UnixStream, Failed> {
    let place = place()?;
    let socket = place.join("socket");
    if let Ok(stream) = UnixStream::connect(&socket) {
        return Ok(stream);
    }
    let lock = File::create(place.join("lock"))?;
    lock.lock()?;
    if let Ok(stream) = UnixStream::connect(&socket) {
        return Ok(stream);
    }
    let log = File::create(place.join("log"))?;
    let owner = if env::var_os("NEXTEST").is_some() {
        std::os::unix::process::parent_id()
    } else {
        std::process::id()
    };
    let mut broker = Command::new(GATECRASH)
        .arg("__broker")
        .args(["--owner", &owner.to_string(), "--seed", "59045", "--socket"])
        .arg(&socket)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()?;
    let deadline = Instant::now() + BROKER_START;
    loop {
        if let Ok(stream) = UnixStream::connect(&socket) {
            return Ok(stream);
        }
        if let Some(status) = broker.try_wait()? {
            let said = fs::read_to_string(place.join("log")).unwrap_or_default();
            return Err(format!("the broker ended with {status}: {said}").into());
        }
        if Instant::now() > deadline {
            return Err("the broker does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The folder of this run's broker; short, because the path of a socket has a limit.
fn place() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let run = env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
    let place = env::temp_dir().join(format!("gatecrash-broker-{run}"));
    fs::DirBuilder::new().mode(0o700).recursive(true).create(&place)?;
    Ok(place)
}
