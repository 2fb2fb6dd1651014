//! Which scenarios share one booted gateway.

use crate::scenario::Scenario;

/// Scenarios that share one booted gateway.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LanePlan {
    /// What the lane is for, in a few words.
    pub label: String,
    /// Indices into the list of scenarios.
    pub scenarios: Vec<usize>,
}

/// Puts scenarios into the fewest lanes.
///
/// All scenarios of one configuration share a gateway, restarts included: the ones that restart wait for
/// each other and for the rest, and then one restart serves them all. Only a scenario that changes what the
/// others rely on (configuration, release, stored files) has a gateway to itself.
pub(super) fn plan<'a>(scenarios: impl IntoIterator<Item = (usize, &'a Scenario)>) -> Vec<LanePlan> {
    let mut lanes: Vec<(LanePlan, bool, &Scenario)> = Vec::new();
    for (index, scenario) in scenarios {
        let alone = scenario.is_alone();
        let open = lanes.iter_mut().find(|(_, closed, first)| {
            !alone
                && !closed
                && first.config == scenario.config
                && first.files == scenario.files
                && first.env == scenario.env
        });
        if let Some((lane, ..)) = open {
            lane.scenarios.push(index);
            continue;
        }
        let id = &scenario.id;
        let label = match (scenario.config.is_empty(), scenario.files.is_empty(), scenario.env.is_empty()) {
            _ if alone => id.clone(),
            (true, true, true) => "plain configuration".to_owned(),
            (true, true, false) => format!("environment of {id}"),
            (true, false, _) => format!("files of {id}"),
            (false, _, _) => format!("configuration of {id}"),
        };
        lanes.push((LanePlan { label, scenarios: vec![index] }, alone, scenario));
    }
    lanes.into_iter().map(|(lane, ..)| lane).collect()
}
