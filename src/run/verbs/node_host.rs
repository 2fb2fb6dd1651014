//! Runs the release's own node host until it is connected or refused. A refused node host exits with code 0, so the
//! gateway's answer to it is what counts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::ending::ended_with;
use super::perform::Perform;
use super::program::{WITHIN, launch_of, start};
use crate::client::{Heard, Relay};
use crate::gateway::ProgramRequest;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Millis, NodeHost};
use crate::verdict::Outcome;
use crate::wire::{Close, ConnectionEnd};

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long the gateway may take to close the connection after a refusal.
const CLOSE_WITHIN: Duration = Duration::from_millis(1500);

impl Perform for NodeHost {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let name = self.id.as_ref().map_or("node_host", |id| &id.value);
        let gateway = SocketAddr::from((Ipv4Addr::LOCALHOST, context.bindings().port));
        let relay = Relay::start(gateway, name, context.transcript.clone()).await;
        let relay = relay.map_err(StepError::Relay)?;
        let port = relay.port().to_string();
        let request = ProgramRequest {
            ports: vec![relay.port()],
            args: ["node", "run", "--host", "127.0.0.1", "--port", &port].map(str::to_owned).to_vec(),
            launch: launch_of(context, self.release.as_ref().map(|release| release.value)).await?,
            own_home: self.home.as_ref().map(|home| home.value.clone()),
            ..ProgramRequest::default()
        };
        let begun = Instant::now();
        let within = self.within.map_or(WITHIN, Millis::as_duration);
        let mut running = start(context, name, &request).await?;
        let outcome = loop {
            if let Some(payload) = relay.heard().hello {
                break Outcome::Hello { payload };
            }
            let exit = running.exit(POLL_INTERVAL).await;
            let (stdout, stderr) = (running.stdout(), running.stderr());
            // It retries after some refusals; it has given up once it says so, or exits.
            let printed = printed_close(&format!("{stdout}\n{stderr}"));
            if printed.is_some() || exit.is_some() {
                break match (refused(&relay, printed).await, exit) {
                    (Some(refused), _) => refused,
                    (None, exit) => ended_with(exit.unwrap_or_default(), stdout, stderr),
                };
            }
            if begun.elapsed() >= within {
                break refused(&relay, None).await.unwrap_or(Outcome::Silence);
            }
        };
        if self.stays && matches!(outcome, Outcome::Hello { .. }) {
            context.programs.keep(name, running, relay);
        } else {
            context.programs.has_printed(name, &running.stdout(), &running.stderr());
            running.stop().await;
        }
        Ok(outcome)
    }
}

/// The outcome of a refusal, with the close that was printed if none was seen on the wire. `None` if there is no sign of
/// a refusal.
async fn refused(relay: &Relay, printed: Option<Close>) -> Option<Outcome> {
    let waiting = Instant::now();
    let mut heard = relay.heard();
    while heard.refusal.is_some() && heard.end.is_none() && waiting.elapsed() < CLOSE_WITHIN {
        tokio::time::sleep(POLL_INTERVAL).await;
        heard = relay.heard();
    }
    let Heard { refusal: error, end, .. } = heard;
    Some(Outcome::of_end(end.or(printed.map(ConnectionEnd::Closed))?, error))
}

/// The close that a node host printed: `node host gateway closed (1008): pairing required`.
fn printed_close(printed: &str) -> Option<Close> {
    let rest = printed.split("gateway closed (").nth(1)?;
    let (code, rest) = rest.split_once("): ")?;
    let reason = rest.lines().next().unwrap_or_default().trim();
    Some(Close::frame(Some(code.parse().ok()?), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_close_is_read_from_the_output_of_a_refused_node_host() {
        let printed = "node host PATH: /usr/bin\nnode host gateway closed (1008): pairing required\n";
        assert_eq!(printed_close(printed), Some(Close::frame(Some(1008), "pairing required")));
        assert_eq!(printed_close("node host PATH: /usr/bin"), None);
    }
}
