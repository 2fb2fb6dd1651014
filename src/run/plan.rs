//! Which scenarios share one booted gateway.

use serde_json::{Map, Value};

use crate::scenario::Scenario;

/// Scenarios that share one booted gateway.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LanePlan {
    /// What the lane is for, in a few words.
    pub label: String,
    /// Configuration of its gateway.
    pub config: Map<String, Value>,
    /// Indices into the list of scenarios.
    pub scenarios: Vec<usize>,
}

/// Puts scenarios into the fewest lanes.
///
/// All scenarios of one configuration share a gateway, restarts included: the ones that restart wait for
/// each other and for the rest, and then one restart serves them all. Only a scenario that changes what the
/// others rely on (configuration, release, stored files) has a gateway to itself.
pub(super) fn plan<'a>(scenarios: impl IntoIterator<Item = (usize, &'a Scenario)>) -> Vec<LanePlan> {
    let mut lanes: Vec<(LanePlan, bool)> = Vec::new();
    for (index, scenario) in scenarios {
        let alone = scenario.is_alone();
        let open =
            lanes.iter_mut().find(|(lane, closed)| !alone && !closed && lane.config == scenario.config);
        if let Some((lane, _)) = open {
            lane.scenarios.push(index);
            continue;
        }
        let label = match (alone, scenario.config.is_empty()) {
            (true, _) => scenario.id.clone(),
            (false, true) => "plain configuration".to_owned(),
            (false, false) => format!("configuration of {}", scenario.id),
        };
        lanes.push((LanePlan { label, config: scenario.config.clone(), scenarios: vec![index] }, alone));
    }
    lanes.into_iter().map(|(lane, _)| lane).collect()
}
