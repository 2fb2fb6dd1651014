//! Programs that people run beside a gateway: its command line, its node host, its agent.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::boot::Gateway;
use super::configuration::merge;
use super::home::write_private;
use super::launch::{Launch, NodeBuild};
use super::log::Log;
use super::process::Process;
use super::stopping::Stopping;
use super::watch::{Exit, Program};

/// A node host and a command line follow SIGTERM within a second.
const GRACE: Duration = Duration::from_secs(3);

/// A program to run beside a gateway.
#[derive(Clone, Debug, Default)]
pub struct ProgramRequest {
    /// Arguments behind `openclaw`.
    pub args: Vec<String>,
    /// What to run; the gateway's own build where there is none.
    pub launch: Option<Launch>,
    /// Name of a home of its own; none for the gateway's.
    pub own_home: Option<String>,
    /// Environment, over that of its home.
    pub env: Vec<(String, String)>,
    /// Changes to the configuration that it reads.
    pub config: Option<Value>,
}

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// Only builds have programs.
    #[error("the target has no programs of its own")]
    NoBuild,
    /// It could not be started.
    #[error("the program cannot be started: {0}")]
    Start(#[source] io::Error),
}

/// A program that runs. Dropping it kills it with all its children.
#[derive(Debug)]
pub struct Running {
    process: Process,
    stdout: PathBuf,
    stderr: Log,
}

impl Gateway {
    /// Starts a program with the gateway's environment. `number` tells its files from those of others.
    pub async fn start_program(
        &self,
        request: &ProgramRequest,
        number: usize,
    ) -> Result<Running, ProgramError> {
        let launch = request.launch.as_ref().unwrap_or(self.launch());
        let Launch::Node(build) = launch else { return Err(ProgramError::NoBuild) };
        let program = self.program(build, request, number).map_err(ProgramError::Start)?;
        let stdout = program.stdout.clone().unwrap_or_default();
        let log = Log::create(&self.home().logs().join(format!("program-{number}.err")));
        let stderr = log.map_err(ProgramError::Start)?;
        launch.link_shared_temporary(self.home()).map_err(ProgramError::Start)?;
        let process = Process::spawn(self.executable(), self.home().mark(), program, &stderr).await;
        Ok(Running { process: process.map_err(ProgramError::Start)?, stdout, stderr })
    }

    fn program(&self, build: &NodeBuild, request: &ProgramRequest, number: usize) -> io::Result<Program> {
        let extra: Vec<(String, String)> = [
            // What a person sets for a node host; everything else reads the token from the configuration.
            ("OPENCLAW_GATEWAY_TOKEN".to_owned(), self.token().to_owned()),
        ]
        .into_iter()
        .collect();
        let mut env = build.environment(self.home(), self.port(), &extra);
        if let Some(name) = &request.own_home {
            let own = self.home().path().join("programs").join(name);
            fs::create_dir_all(own.join("state"))?;
            fs::create_dir_all(own.join("user"))?;
            let config = own.join("config.json");
            let url = format!("ws://127.0.0.1:{}", self.port());
            let remote =
                json!({"gateway": {"mode": "remote", "remote": {"url": url, "token": self.token()}}});
            write_private(&config, &serde_json::to_vec_pretty(&remote)?)?;
            env.retain(|(key, _)| {
                key != "HOME" && key != "OPENCLAW_STATE_DIR" && key != "OPENCLAW_CONFIG_PATH"
            });
            env.push(("HOME".into(), own.join("user").into()));
            env.push(("OPENCLAW_STATE_DIR".into(), own.join("state").into()));
            env.push(("OPENCLAW_CONFIG_PATH".into(), config.into()));
        }
        if let Some(changes) = &request.config {
            let name = OsString::from("OPENCLAW_CONFIG_PATH");
            let read = env.iter().find(|(key, _)| *key == name).map(|(_, path)| PathBuf::from(path));
            let text = fs::read(read.unwrap_or_else(|| self.home().config()))?;
            let mut config: Value = serde_json::from_slice(&text)?;
            merge(&mut config, changes);
            let own = self.home().path().join("programs");
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
        let stdout = self.home().logs().join(format!("program-{number}.out"));
        Ok(Program {
            path: build.node.clone(),
            args,
            env,
            directory: self.home().user(),
            stdout: Some(stdout),
            port: None,
        })
    }
}

impl Running {
    /// Waits for its end; none where it still runs after this time.
    pub async fn exit(&mut self, within: Duration) -> Option<Exit> {
        let mut state = self.process.state();
        let ended = state.wait_for(|state| state.ended().is_some());
        let ended = timeout(within, ended).await.ok()?;
        Some(ended.ok().and_then(|state| state.ended()).unwrap_or_default())
    }

    /// What it has printed on standard output.
    pub fn stdout(&self) -> String {
        fs::read(&self.stdout).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// What it has printed on standard error.
    pub fn stderr(&self) -> String {
        let lines: Vec<String> = self.stderr.tail(usize::MAX).into_iter().map(|line| line.text).collect();
        lines.join("\n")
    }

    /// Ends it with all its children, polite first.
    pub async fn stop(self) -> Exit {
        self.process.stop(Stopping { within: GRACE, ..Stopping::default() }).await.0
    }
}
