//! The release's own node host.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::step::{Stage, Trouble};
use crate::client::Direction;
use crate::gateway::ProgramRequest;
use crate::scenario::{Millis, NodeHost};
use crate::verdict::Outcome;
use crate::wire::{Close, WireError};

const WITHIN: Duration = Duration::from_mins(2);

/// A refusal comes within milliseconds: a connection that stands this long has been let in.
const STANDS: Duration = Duration::from_millis(1500);

const LOOK: Duration = Duration::from_millis(50);

impl Stage<'_> {
    /// Starts a node host and waits until it is connected or refused. A refused one ends with code 0, so what
    /// it prints and whether its connection stands are the evidence.
    pub(in super::super) async fn node_host(&self, step: &NodeHost) -> Result<Outcome, Trouble> {
        let port = self.bindings().port.to_string();
        let request = ProgramRequest {
            args: ["node", "run", "--host", "127.0.0.1", "--port", &port].map(str::to_owned).to_vec(),
            launch: self.launch_of(step.release.as_ref().map(|release| release.value)).await?,
            own_home: step.home.as_ref().map(|home| home.value.clone()),
        };
        let name = step.id.as_ref().map_or("node_host", |id| &id.value);
        let begun = Instant::now();
        let within = step.within.map_or(WITHIN, Millis::as_duration);
        let mut running = self.start(name, &request).await?;
        let mut since: Option<Instant> = None;
        let outcome = loop {
            let printed = format!("{}\n{}", running.stdout(), running.stderr());
            if let Some(close) = closed(&printed) {
                break Some(self.refused(close, begun).await);
            }
            if let Some(exit) = running.exit(LOOK).await {
                let (stdout, stderr) = (running.stdout(), running.stderr());
                break Some(match closed(&format!("{stdout}\n{stderr}")) {
                    Some(close) => self.refused(close, begun).await,
                    None => Outcome::Exit { code: exit.code, stdout, stderr },
                });
            }
            since = if running.is_connected_to(self.bindings().port) {
                since.or_else(|| Some(Instant::now()))
            } else {
                None
            };
            if since.is_some_and(|since| since.elapsed() >= STANDS) {
                break None;
            }
            if begun.elapsed() >= within {
                break Some(Outcome::Silence);
            }
        };
        let Some(outcome) = outcome else {
            self.transcript.add(name, Direction::Received, "connected");
            if step.stays {
                self.programs.lock().unwrap_or_else(PoisonError::into_inner).push(running);
            } else {
                running.stop().await;
            }
            return Ok(Outcome::Hello { payload: json!({"connected": true}) });
        };
        self.transcript.add(name, Direction::ClosedByGateway, outcome.to_string());
        running.stop().await;
        Ok(outcome)
    }

    async fn refused(&self, close: Close, begun: Instant) -> Outcome {
        let error = self.refusal_since(begun).await.map(|reason| WireError {
            code: "NOT_PAIRED".to_owned(),
            message: close.reason.clone(),
            details: json!({"code": "PAIRING_REQUIRED", "reason": reason}),
        });
        Outcome::Closed { close, error }
    }
}

/// The close that a node host tells of: `node host gateway closed (1008): pairing required`.
fn closed(printed: &str) -> Option<Close> {
    let rest = printed.split("gateway closed (").nth(1)?;
    let (code, rest) = rest.split_once("): ")?;
    let reason = rest.lines().next().unwrap_or_default().trim();
    Some(Close::frame(Some(code.parse().ok()?), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_node_host_tells_its_close() {
        let printed = "node host PATH: /usr/bin\nnode host gateway closed (1008): pairing required\n";
        assert_eq!(closed(printed), Some(Close::frame(Some(1008), "pairing required")));
        assert_eq!(closed("node host PATH: /usr/bin"), None);
    }
}
