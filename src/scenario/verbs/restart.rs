//! The `restart` verb: stops the gateway and starts it again on the same home.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verb::{StepSite, Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::expect::{ExitExpectation, Expectation, ExpectationKind};
use crate::scenario::lifecycle::{Ready, StopSignal};
use crate::scenario::span::Spanned;

/// Stops the gateway and starts it again on the same home.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// Name of this step. Default: `restart`.
    pub id: Option<Spanned<String>>,
    /// Keys of the configuration to change while the gateway is stopped.
    pub config: Option<Value>,
    /// Let the gateway restart inside its process instead, as it does when its configuration file changes.
    #[serde(default)]
    pub in_process: bool,
    /// The signal that stops it. Default: `SIGTERM`.
    pub signal: Option<StopSignal>,
    /// How long the gateway may take to end before gatecrash kills it. Default: 15 s.
    pub within: Option<Millis>,
    /// When the next step begins. Default: once a connect would be answered.
    #[serde(default)]
    pub ready: Ready,
    /// How it should end: `exit`, or `silence` for a gateway that has to be killed. Default: an exit with any code.
    pub expect: Option<Spanned<Expectation>>,
}

impl Restart {
    /// Whether it is a plain restart, which several scenarios on one gateway can share.
    pub fn is_plain(&self) -> bool {
        self.config.is_none()
            && !self.in_process
            && self.signal.is_none()
            && self.within.is_none()
            && self.ready == Ready::Answers
            && self.expect.is_none()
    }
}

impl Verb for Restart {
    envelope!(id, expect, within);

    fn awaits(&self) -> &'static str {
        "the restart of the gateway"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        (!self.in_process).then(|| Expectation::Exit(ExitExpectation::by_itself()))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Exit, Silence};
        &[Exit, Silence]
    }

    fn stops_the_gateway(&self) -> bool {
        true
    }

    fn changes_the_home(&self) -> bool {
        !self.is_plain()
    }

    fn needs(&self) -> Vec<Capability> {
        let needs_a_process = self.signal.is_some()
            || self.within.is_some()
            || self.ready != Ready::Answers
            || self.expect.is_some();
        let mut needs = vec![Capability::Restart];
        needs.extend(needs_a_process.then_some(Capability::Real));
        needs
    }

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let ends = self.signal.is_some()
            || self.within.is_some()
            || self.ready != Ready::Answers
            || self.expect.is_some();
        if !self.in_process || !ends {
            return Vec::new();
        }
        let message = "a restart inside the process has no `signal`, `within`, `ready` or `expect`";
        let error = site.error("bad-restart", message, site.span);
        vec![
            error.help("the process does not end, and the next step begins once a connect would be answered"),
        ]
    }
}
