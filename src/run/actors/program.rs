//! What the steps for programs have in common.

use std::fs;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::step::CaseContext;
use super::super::step_error::StepError;
use crate::client::Direction;
use crate::gateway::{Exit, Launch, ProgramRequest, Running, RunningGatewayError};
use crate::release::Release;
use crate::verdict::Outcome;
use crate::wire::Masker;

/// Lines of a program's output that a transcript keeps.
const SHOWN: usize = 12;

/// How long the gateway may take to log what it did.
const LOGGED: Duration = Duration::from_millis(300);

/// A program that has ended, or did not in its time.
pub(super) struct Ended {
    pub exit: Option<Exit>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// As an outcome: silence where it did not end.
    pub(super) fn outcome(self) -> Outcome {
        match self.exit {
            Some(exit) => ended_with(exit, self.stdout, self.stderr),
            None => Outcome::Silence,
        }
    }
}

/// The outcome of a program that ended, with what it printed.
pub(super) fn ended_with(exit: Exit, stdout: String, stderr: String) -> Outcome {
    Outcome::Exit { code: exit.code, signal: exit.signal_name(), stdout, stderr }
}

impl CaseContext<'_> {
    /// What a program is started from: another release where the step names one.
    pub(super) async fn launch_of(&self, release: Option<Release>) -> Result<Option<Launch>, StepError> {
        let Some(release) = release else { return Ok(None) };
        let launch = self.lane.prepared().launch_of(release, Arc::new(|_| {})).await;
        launch.map(Some).map_err(|error| StepError::Broken(error.to_string()))
    }

    /// Starts a program; `name` is the step's, for the transcript.
    pub(super) async fn start(&self, name: &str, request: &ProgramRequest) -> Result<Running, StepError> {
        self.transcript.add(name, Direction::Sent, format!("openclaw {}", request.args.join(" ")));
        let number = self.next_program();
        let host = self.lane.host().await;
        host.start_program(request, number).await.map_err(|error| match error {
            RunningGatewayError::Attached | RunningGatewayError::NoHome => {
                StepError::Untestable("the target runs elsewhere".to_owned())
            }
            other => StepError::Broken(other.to_string()),
        })
    }

    /// Runs a program to its end, or ends it where it takes too long.
    pub(super) async fn finish(
        &self,
        name: &str,
        request: &ProgramRequest,
        within: Duration,
    ) -> Result<Ended, StepError> {
        let mut running = self.start(name, request).await?;
        let exit = running.exit(within).await;
        let ended = Ended { exit, stdout: running.stdout(), stderr: running.stderr() };
        running.stop().await;
        self.has_printed(name, &ended.stdout, &ended.stderr);
        for text in [&ended.stdout, &ended.stderr] {
            let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            for line in &lines[lines.len().saturating_sub(SHOWN)..] {
                self.transcript.add(name, Direction::Received, *line);
            }
        }
        let how = exit.map_or_else(|| "did not end in time".to_owned(), |exit| exit.to_string());
        self.transcript.add(name, Direction::Ended, how);
        Ok(ended)
    }

    /// Keeps what a program that has ended had printed.
    pub(super) fn has_printed(&self, name: &str, stdout: &str, stderr: &str) {
        let mut prints = self.prints.lock().unwrap_or_else(PoisonError::into_inner);
        prints.insert(name.to_owned(), format!("{stdout}\n{stderr}"));
    }

    /// Why the gateway refused a connection since a moment, as it logged it; it may log behind its answer.
    pub(super) async fn refusal_since(&self, moment: Instant) -> Option<String> {
        let patience = Instant::now() + LOGGED;
        loop {
            let lines = self.lane.log_since(moment).await;
            if let Some(reason) = lines.iter().rev().find_map(|line| refusal(line)) {
                return Some(reason);
            }
            if Instant::now() > patience {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Looks which identity the programs of the gateway's home have made.
    pub(in super::super) async fn look_at_identity(&self) {
        if !self.scenario.is_alone(self.lane.release().as_ref()) {
            return;
        }
        let host = self.lane.host().await;
        let identity = host.home().and_then(|home| {
            let bytes = fs::read(home.state().join("identity/device.json")).ok()?;
            let identity: Value = serde_json::from_slice(&bytes).ok()?;
            identity.get("deviceId").and_then(Value::as_str).map(str::to_owned)
        });
        if identity.is_some() {
            self.bindings.lock().unwrap_or_else(PoisonError::into_inner).own_identity = identity;
        }
    }

    /// Ends the programs that still run.
    pub(in super::super) async fn end_programs(&self) {
        let left = std::mem::take(&mut *self.programs.lock().unwrap_or_else(PoisonError::into_inner));
        for program in left {
            program.running.stop().await;
        }
    }

    /// Makes every secret known that programs have stored.
    pub(in super::super) async fn learn_stored(&self, masker: &mut Masker) {
        if !self.scenario.is_alone(self.lane.release().as_ref()) {
            return;
        }
        if let Ok(stored) = self.lane.stored().await {
            for record in stored.paired.values().chain(stored.pending.values()) {
                masker.learn_from(record);
            }
        }
        let host = self.lane.host().await;
        for file in ["identity/device.json", "identity/device-auth.json", "node.json"] {
            let bytes = host.home().and_then(|home| fs::read(home.state().join(file)).ok());
            if let Some(value) = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) {
                masker.learn_from(&value);
            }
        }
    }
}

/// Such as `role-upgrade` in `device access upgrade requested reason=role-upgrade device=…`.
fn refusal(line: &str) -> Option<String> {
    let known = ["role-upgrade", "scope-upgrade", "metadata-upgrade", "not-paired"];
    let reason = line.split("reason=").skip(1).find_map(|rest| {
        let word = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next()?;
        known.contains(&word).then(|| word.to_owned())
    });
    reason.filter(|_| line.contains("upgrade requested") || line.contains("pairing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_tells_why_a_connection_was_refused() {
        let line = "[gateway] security audit: device access upgrade requested reason=role-upgrade device=d1 ip=127.0.0.1";
        assert_eq!(refusal(line).as_deref(), Some("role-upgrade"));
        assert_eq!(refusal("[ws] closed before connect conn=1 code=1008 reason=pairing required"), None);
    }
}
