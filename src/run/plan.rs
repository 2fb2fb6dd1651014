//! Plans which scenarios share a booted gateway.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::release::Release;
use crate::scenario::{Action, Millis, Scenario, Step, StoryStep, Wait};

/// A pending request expires after five minutes (measured on 2026.3.31), and a pairing case takes up to two seconds
/// on a gateway that serves many.
const CASES_ON_ONE_GATEWAY: usize = 150;

/// Releases with a JSON store read all of it at every connect, so each scenario that seeds devices makes every connect
/// slower. On 2026.3.31, beyond this number a second boot takes less time.
const SCENARIOS_ON_ONE_STORE: usize = 250;

/// The order in which the scenarios on a gateway begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScenarioOrder {
    /// The order in which they were given.
    #[default]
    Given,
    /// A random order, which is the same for the same number.
    Shuffled(u64),
}

/// How scenarios are spread over gateways and time. No schedule changes a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The order in which they begin.
    pub order: ScenarioOrder,
    /// Scenarios that run at the same time on one gateway. Default: as many as its release is known to handle.
    pub at_once: Option<usize>,
    /// Whether every scenario gets a gateway to itself.
    pub isolate: bool,
    /// Whether scenarios that restart their gateway, or start others next to it, get one to themselves, so that they do
    /// not disturb the measurement of another scenario.
    pub apart: bool,
    /// Whether lanes take over gateways that are up.
    pub take_over: TakeOver,
}

/// Whether a lane that asks only for another configuration takes over the idle gateway of another lane, which then
/// restarts inside its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TakeOver {
    /// On releases for which that was measured to change no outcome.
    #[default]
    WhereMeasured,
    /// On all releases.
    Always,
    /// Never: every lane boots.
    Never,
}

/// The scenarios that share a booted gateway.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LanePlan {
    /// What the lane is for, in a few words.
    pub label: String,
    /// Indices into the list of scenarios.
    pub scenarios: Vec<usize>,
    /// Whether several repetitions may share the gateway as well.
    shares_repetitions: bool,
    /// Whether all that its scenarios ask of their gateway is a configuration, and none of them changes it: then the lane
    /// can take over the gateway of another such lane, and hand over its own.
    pub needs_only_config: bool,
    /// How long one of its scenarios waits on purpose; the longest of them.
    waits: Duration,
}

impl LanePlan {
    /// The repetitions of its scenarios, grouped by gateway.
    ///
    /// A gateway with its own configuration may keep counts of what its clients do (as the rate limit does, by
    /// address), and a scenario that has a gateway to itself changes it: in both cases, each repetition gets a gateway of
    /// its own. Otherwise as many share one as can finish before the first seeded pairing request expires.
    pub(super) fn attempts(&self, repeat: u32) -> Vec<RangeInclusive<u32>> {
        let last = repeat.max(1);
        let at_once = if self.shares_repetitions { self.repetitions_at_once() } else { 1 };
        let firsts = (1..=last).step_by(at_once);
        let length = u32::try_from(at_once).unwrap_or(u32::MAX);
        firsts.map(|first| first..=last.min(first.saturating_add(length - 1))).collect()
    }

    fn repetitions_at_once(&self) -> usize {
        (CASES_ON_ONE_GATEWAY / self.scenarios.len().max(1)).max(1)
    }
}

/// Groups scenarios into as few lanes as possible.
///
/// All scenarios with the same configuration share a gateway, even those that restart it: these wait for each other and
/// for the rest, and then share one restart. Only a scenario that changes what others rely on (configuration, release,
/// stored files) gets a gateway to itself.
pub(super) fn plan<'a>(
    scenarios: impl IntoIterator<Item = (usize, &'a Scenario)>,
    release: Option<Release>,
    schedule: &Schedule,
) -> Vec<LanePlan> {
    let mut scenarios: Vec<(usize, &Scenario)> = scenarios.into_iter().collect();
    let restarting: BTreeSet<usize> =
        scenarios.iter().filter(|(_, scenario)| scenario.restarts()).map(|(index, _)| *index).collect();
    if let ScenarioOrder::Shuffled(number) = schedule.order {
        scenarios.sort_by_key(|(_, scenario)| Sha256::digest(format!("{number} {}", scenario.id)));
    }

    let mut lanes: Vec<(LanePlan, bool, &Scenario)> = Vec::new();
    for (index, scenario) in scenarios {
        let apart = schedule.apart && (scenario.restarts() || scenario.only_starts_others());
        let alone = schedule.isolate || apart || scenario.is_alone(release.as_ref());
        let open = lanes.iter_mut().find(|(_, closed, first)| {
            !alone
                && !closed
                && first.config == scenario.config
                && first.files == scenario.files
                && first.env == scenario.env
        });
        if let Some((lane, ..)) = open {
            lane.waits = lane.waits.max(waits(scenario));
            lane.needs_only_config &= !scenario.has_agent();
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
        let plain = scenario.config.is_empty() && scenario.files.is_empty() && scenario.env.is_empty();
        let lane = LanePlan {
            label,
            scenarios: vec![index],
            shares_repetitions: plain && !alone,
            waits: waits(scenario),
            needs_only_config: !alone
                && scenario.files.is_empty()
                && scenario.env.is_empty()
                && !scenario.has_agent(),
        };
        lanes.push((lane, alone, scenario));
    }
    // The rest runs beside a lane that waits long.
    let mut lanes: Vec<LanePlan> = lanes.into_iter().map(|(lane, ..)| lane).collect();
    if schedule.order == ScenarioOrder::Given {
        lanes.sort_by_key(|lane| Reverse(lane.waits));
    }
    lanes.into_iter().flat_map(|lane| split(lane, |at| restarting.contains(&at))).collect()
}

/// How long a scenario waits on purpose.
fn waits(scenario: &Scenario) -> Duration {
    let of_step = |step: &StoryStep| match &step.action {
        Action::One(Step::Wait(Wait::For(time)), _) => time.as_duration(),
        Action::One(Step::Connect(connect), _) => connect.delay.map_or(Duration::ZERO, Millis::as_duration),
        _ => Duration::ZERO,
    };
    scenario.all_steps().into_iter().map(of_step).sum()
}

/// The number of gateways that these scenarios need on a release, if all of them can run there.
pub fn boots(scenarios: &[&Scenario], release: Option<Release>, schedule: &Schedule, repeat: u32) -> usize {
    let lanes = plan(scenarios.iter().copied().enumerate(), release, schedule);
    lanes.iter().map(|lane| lane.attempts(repeat).len()).sum()
}

/// Splits a lane into lanes of about equal size, below the limit. Scenarios that restart the gateway stay together, so
/// that they still share one restart.
fn split(lane: LanePlan, restarts: impl Fn(usize) -> bool) -> Vec<LanePlan> {
    let parts = lane.scenarios.len().div_ceil(SCENARIOS_ON_ONE_STORE);
    if parts < 2 {
        return vec![lane];
    }
    let size = lane.scenarios.len().div_ceil(parts);
    let (first, others): (Vec<usize>, Vec<usize>) =
        lane.scenarios.iter().copied().partition(|at| restarts(*at));
    let spread: Vec<usize> = first.into_iter().chain(others).collect();
    let part = |(number, scenarios): (usize, &[usize])| LanePlan {
        label: format!("{} ({} of {parts})", lane.label, number + 1),
        scenarios: scenarios.to_vec(),
        shares_repetitions: lane.shares_repetitions,
        needs_only_config: lane.needs_only_config,
        waits: lane.waits,
    };
    spread.chunks(size).enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::scenario::{Source, load};

    const PLAIN: &str = "steps: [connect: {as: a}]";
    const RESTARTS: &str = "steps: [connect: {as: a}, restart: {}]";
    const COUNTS: &str =
        "config: {gateway: {auth: {rateLimit: {maxAttempts: 3}}}}\nsteps: [connect: {as: a}]";
    const WAITS: &str = "env: {WORD: one}\nsteps: [connect: {as: a}, wait: 4s]";
    const CHANGES: &str = "steps: [connect: {as: a}, restart: {config: {gateway: {auth: {mode: none}}}}]";

    fn planned(stories: &[&str]) -> Vec<LanePlan> {
        let source = |(at, story): (usize, &&str)| {
            let text = format!("title: T\nwhy: W.\nsource: [own]\ntags: [auth]\n{story}\n");
            (format!("auth/{at}"), Arc::new(Source { path: format!("{at}.yaml"), text }))
        };
        let suite = load(&stories.iter().enumerate().map(source).collect::<Vec<_>>());
        assert_eq!(suite.diagnostics, Vec::new());
        plan(suite.scenarios.iter().enumerate(), None, &Schedule::default())
    }

    #[rstest]
    #[case::alike(&[PLAIN, RESTARTS, PLAIN], &[vec![0, 1, 2]])]
    #[case::another_configuration(&[PLAIN, COUNTS, PLAIN, COUNTS], &[vec![0, 2], vec![1, 3]])]
    #[case::longest_wait_first(&[PLAIN, COUNTS, WAITS], &[vec![2], vec![0], vec![1]])]
    #[case::changes_what_others_rely_on(&[CHANGES, CHANGES, PLAIN], &[vec![0], vec![1], vec![2]])]
    fn scenarios_share_a_gateway_if_they_can(#[case] stories: &[&str], #[case] lanes: &[Vec<usize>]) {
        let planned: Vec<Vec<usize>> = planned(stories).into_iter().map(|lane| lane.scenarios).collect();
        assert_eq!(planned, lanes);
    }

    #[rstest]
    #[case::plain(PLAIN, true)]
    #[case::restarts(RESTARTS, true)]
    #[case::configuration(COUNTS, true)]
    #[case::changes_its_gateway(CHANGES, false)]
    #[case::environment("env: {WORD: one}\nsteps: [connect: {as: a}]", false)]
    #[case::files("files: {a.json: {}}\nsteps: [connect: {as: a}]", false)]
    fn a_lane_that_needs_more_than_a_configuration_boots(#[case] story: &str, #[case] takes_over: bool) {
        assert_eq!(planned(&[story])[0].needs_only_config, takes_over);
    }

    #[test]
    fn a_large_lane_is_split_and_its_restarts_stay_together() {
        let stories: Vec<&str> = (0..600).map(|at| if at % 100 == 99 { RESTARTS } else { PLAIN }).collect();
        let planned = planned(&stories);
        assert_eq!(planned.iter().map(|lane| lane.scenarios.len()).collect::<Vec<_>>(), [200, 200, 200]);
        let restarting: Vec<usize> = (0..600).filter(|at| at % 100 == 99).collect();
        assert_eq!(planned[0].scenarios[..6], restarting);
        let mut all: Vec<usize> = planned.iter().flat_map(|lane| lane.scenarios.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..600).collect::<Vec<_>>());
        assert_eq!(planned[1].label, "plain configuration (2 of 3)");
    }

    #[rstest]
    #[case::shared(PLAIN, 3, &[1..=3])]
    #[case::not_for_ever(PLAIN, 301, &[1..=150, 151..=300, 301..=301])]
    #[case::may_count_clients(COUNTS, 3, &[1..=1, 2..=2, 3..=3])]
    #[case::changes_its_gateway(CHANGES, 2, &[1..=1, 2..=2])]
    #[case::never_none(CHANGES, 0, &[1..=1])]
    fn repetitions_share_a_gateway_only_if_they_cannot_interfere(
        #[case] story: &str,
        #[case] repeat: u32,
        #[case] gateways: &[RangeInclusive<u32>],
    ) {
        assert_eq!(planned(&[story])[0].attempts(repeat), gateways);
    }
}
