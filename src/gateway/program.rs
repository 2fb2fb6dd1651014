//! Programs that people run beside a gateway: the command line client, a node host, an agent.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::boot::Gateway;
use super::configuration::merge;
use super::confine::{loopback_ports, ports_of};
use super::home::write_private;
use super::launch::{Launch, NodeBuild};
use super::log::GatewayLog;
use super::process::Process;
use super::stopping::Stopping;
use super::watch::{ProcessExit, Program};
use crate::bounded_read;

/// A node host and a command line follow SIGTERM within a second.
const GRACE: Duration = Duration::from_secs(3);

/// How much is read of what it printed, in bytes.
const PRINTED: u64 = 4 << 20;

/// A program to run beside a gateway.
#[derive(Clone, Debug, Default)]
pub struct ProgramRequest {
    /// The arguments of `openclaw`.
    pub args: Vec<String>,
    /// What to run, if not the build of the gateway.
    pub launch: Option<Launch>,
    /// The name of a home of its own, if it does not use that of the gateway.
    pub own_home: Option<String>,
    /// Environment variables, in addition to or in place of those of its home.
    pub env: Vec<(String, String)>,
    /// Changes to the configuration that it reads.
    pub config: Option<Value>,
    /// Ports of loopback that it connects to besides those of its gateway.
    pub ports: Vec<u16>,
}

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The target is not a build, so nothing is known about its programs.
    #[error("the target has no programs of its own")]
    NoBuild,
    /// It could not be started.
    #[error("the program cannot be started")]
    Start(#[source] io::Error),
}

/// A program that was started. Dropping it kills it with all its children.
#[derive(Debug)]
pub struct StartedProgram {
    process: Process,
    stdout: PathBuf,
    stderr: GatewayLog,
}

impl StartedProgram {
    /// Starts a program with the gateway's environment. `number` tells its files from those of other programs.
    pub(super) async fn start(
        gateway: &Gateway,
        request: &ProgramRequest,
        number: usize,
    ) -> Result<Self, ProgramError> {
        let launch = request.launch.as_ref().unwrap_or(gateway.launch());
        let Launch::Node(build) = launch else { return Err(ProgramError::NoBuild) };
        launch.link_shared_temporary(gateway.home()).map_err(ProgramError::Start)?;
        let program = program(gateway, launch, build, request, number).map_err(ProgramError::Start)?;
        let stdout = program.stdout.clone().unwrap_or_default();
        let log = GatewayLog::create(&gateway.home().logs().join(format!("program-{number}.err")));
        let stderr = log.map_err(ProgramError::Start)?;
        let process = Process::spawn(gateway.executable(), gateway.home(), program, &stderr).await;
        Ok(Self { process: process.map_err(ProgramError::Start)?, stdout, stderr })
    }

    /// Waits for its end; none if it is still running after this time.
    pub async fn exit(&mut self, within: Duration) -> Option<ProcessExit> {
        let mut state = self.process.state();
        let ended = state.wait_for(|state| state.ended().is_some());
        let ended = timeout(within, ended).await.ok()?;
        Some(ended.ok().and_then(|state| state.ended()).unwrap_or_default())
    }

    /// What it has printed to standard output.
    pub fn stdout(&self) -> String {
        let mut bytes = Vec::new();
        let read =
            bounded_read::open(&self.stdout).and_then(|file| file.take(PRINTED).read_to_end(&mut bytes));
        read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// What it has printed to standard error.
    pub fn stderr(&self) -> String {
        let lines: Vec<String> = self.stderr.tail(usize::MAX).into_iter().map(|line| line.text).collect();
        lines.join("\n")
    }

    /// Stops it with all its children, first by a signal and then by force.
    pub async fn stop(self) -> ProcessExit {
        self.process.stop(Stopping { within: GRACE, ..Stopping::default() }).await.0
    }
}

/// The command line and the environment of a program.
fn program(
    gateway: &Gateway,
    launch: &Launch,
    build: &NodeBuild,
    request: &ProgramRequest,
    number: usize,
) -> io::Result<Program> {
    let extra: Vec<(String, String)> = [
        // What a person sets for a node host; everything else reads the token from the configuration.
        ("OPENCLAW_GATEWAY_TOKEN".to_owned(), gateway.token().to_owned()),
    ]
    .into_iter()
    .collect();
    let mut env = build.environment(gateway.home(), gateway.port(), &extra);
    let mut named = gateway.named_ports();
    named
        .extend(request.ports.iter().copied().chain(request.args.iter().flat_map(|one| loopback_ports(one))));
    if let Some(name) = &request.own_home {
        let own = gateway.home().path().join("programs").join(name);
        fs::create_dir_all(own.join("state"))?;
        fs::create_dir_all(own.join("user"))?;
        let config = own.join("config.json");
        let url = format!("ws://127.0.0.1:{}", gateway.port());
        let remote = json!({"gateway": {"mode": "remote", "remote": {"url": url, "token": gateway.token()}}});
        write_private(&config, &serde_json::to_vec_pretty(&remote)?)?;
        env.retain(|(key, _)| key != "HOME" && key != "OPENCLAW_STATE_DIR" && key != "OPENCLAW_CONFIG_PATH");
        env.push(("HOME".into(), own.join("user").into()));
        env.push(("OPENCLAW_STATE_DIR".into(), own.join("state").into()));
        env.push(("OPENCLAW_CONFIG_PATH".into(), config.into()));
    }
    if let Some(changes) = &request.config {
        let name = OsString::from("OPENCLAW_CONFIG_PATH");
        let read = env.iter().find(|(key, _)| *key == name).map(|(_, path)| PathBuf::from(path));
        let text = bounded_read::read(&read.unwrap_or_else(|| gateway.home().config()), PRINTED)?;
        let mut config: Value = serde_json::from_slice(&text)?;
        merge(&mut config, changes);
        named.extend(ports_of(&config));
        let own = gateway.home().path().join("programs");
        fs::create_dir_all(&own)?;
        let own = own.join(format!("config-{number}.json"));
        write_private(&own, &serde_json::to_vec_pretty(&config)?)?;
        env.retain(|(key, _)| *key != name);
        env.push((name, own.into()));
    }
    for (key, value) in &request.env {
        env.retain(|(name, _)| name != key.as_str());
        env.push((key.into(), value.into()));
    }
    let mut args: Vec<OsString> = vec![build.entry.clone().into()];
    args.extend(request.args.iter().map(Into::into));
    let stdout = gateway.home().logs().join(format!("program-{number}.out"));
    Ok(Program {
        path: build.node.clone(),
        args,
        env,
        directory: gateway.home().user(),
        stdout: Some(stdout),
        limits: gateway
            .is_confined()
            .then(|| launch.limits(gateway.home(), gateway.port(), &request.env, &named)),
        port: None,
    })
}
