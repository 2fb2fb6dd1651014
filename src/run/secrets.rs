//! The secrets of a gateway before it runs: its own, and those that scenarios give it.

use serde_json::Value;

use super::identity::gateway_secret;
use crate::scenario::{Action, Entries, Scenario, Step};
use crate::wire::Masker;

/// A masker that knows what the gateway of these scenarios is given, in a run with this seed.
pub(super) fn masker<'a>(seed: u64, scenarios: impl IntoIterator<Item = &'a Scenario>) -> Masker {
    let mut masker = Masker::default();
    masker.learn(&gateway_secret(seed, "token"), "gateway token");
    masker.learn(&gateway_secret(seed, "password"), "gateway password");
    for scenario in scenarios {
        learn(&mut masker, scenario);
    }
    masker
}

/// Learns what a scenario writes as a secret: in configurations, files and variables, also those of its steps.
pub(super) fn learn(masker: &mut Masker, scenario: &Scenario) {
    masker.learn_written(&Value::Object(scenario.config.clone()));
    masker.learn_written(&Value::Object(scenario.files.clone()));
    masker.learn_variables(scenario.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    for step in scenario.all_steps() {
        let Action::One(step, _) = &step.action else { continue };
        let (config, env) = match step {
            Step::Start(start) => (start.config.as_ref(), Some(&start.env)),
            Step::Cli(cli) => (cli.config.as_ref(), Some(&cli.env)),
            Step::Restart(restart) => (restart.config.as_ref(), None),
            Step::Upgrade(upgrade) => (upgrade.config.as_ref(), None),
            _ => (None, None),
        };
        if let Some(config) = config {
            masker.learn_written(config);
        }
        let variables = env.into_iter().flat_map(Entries::iter);
        masker.learn_variables(variables.map(|(name, value)| (name.value.as_str(), value.as_str())));
    }
}
