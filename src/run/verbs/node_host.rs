//! Running the release's own node host until it is connected or refused. A refused one ends with code 0, so what the
//! gateway tells it is the evidence.

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
use crate::wire::Close;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How long the gateway's close may take behind its refusal.
const CLOSES: Duration = Duration::from_millis(1500);

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
            let exit = running.exit(BETWEEN_LOOKS).await;
            let (stdout, stderr) = (running.stdout(), running.stderr());
            // It tries again after some refusals; what it says and its end tell that it has given up.
            let told = closed(&format!("{stdout}\n{stderr}"));
            if told.is_some() || exit.is_some() {
                break match (refused(&relay, told).await, exit) {
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

/// How it was refused: with the close that it tells of where none came over the wire. None where nothing speaks of a
/// refusal.
async fn refused(relay: &Relay, told: Option<Close>) -> Option<Outcome> {
    let waiting = Instant::now();
    let mut heard = relay.heard();
    while heard.refusal.is_some() && heard.close.is_none() && waiting.elapsed() < CLOSES {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        heard = relay.heard();
    }
    let Heard { refusal: error, close, .. } = heard;
    Some(Outcome::Closed { close: close.or(told)?, error })
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
