//! The `stop` verb: stops the gateway and leaves it stopped.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::{Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::duration::Millis;
use crate::scenario::expect::{ExitExpectation, Expectation, ExpectationKind};
use crate::scenario::lifecycle::StopSignal;
use crate::scenario::span::Spanned;

/// Stops the gateway and leaves it stopped. The next step that needs it starts it again.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Name of this step. Default: `stop`.
    pub id: Option<Spanned<String>>,
    /// The signal to send. Default: `SIGTERM`.
    pub signal: Option<StopSignal>,
    /// How long the gateway may take to end before gatecrash kills it. Default: 15 s.
    pub within: Option<Millis>,
    /// How it should end: `exit`, or `silence` for a gateway that has to be killed. Default: an exit with any code.
    pub expect: Option<Spanned<Expectation>>,
}

impl Verb for Stop {
    envelope!(id, expect, within);

    fn awaits(&self) -> &'static str {
        "the end of the gateway"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Exit(ExitExpectation::by_itself()))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Exit, Silence};
        &[Exit, Silence]
    }

    fn stops_the_gateway(&self) -> bool {
        true
    }

    fn changes_the_home(&self) -> bool {
        true
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Restart, Capability::Real]
    }
}
