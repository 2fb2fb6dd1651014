//! Decides whether it is worth starting another gateway of a target.

use parking_lot::Mutex;

use crate::scenario::Scenario;

/// Number of equal failures after which a target is given up, if one of them had no configuration from a scenario.
const ENOUGH: usize = 2;

/// Number of equal failures with different configurations after which the configurations cannot be the cause.
const ENOUGH_CONFIGURED: usize = 3;

/// The end of a cell's reason if its gateway was not started because others had failed to come up.
pub const GIVEN_UP: &str = " (not started again)";

/// The starts of a target's gateways so far.
///
/// If no gateway of a target has come up, and several have failed in the same way, the next one will not come up either,
/// unless its configuration was the cause.
#[derive(Debug, Default)]
pub(super) struct Starts(Mutex<StartHistory>);

#[derive(Debug, Default)]
struct StartHistory {
    came_up: bool,
    failures: Vec<FailedStart>,
}

#[derive(Debug)]
struct FailedStart {
    reason: String,
    configuration: String,
}

impl Starts {
    /// Records that a gateway came up.
    pub(super) fn came_up(&self) {
        self.lock().came_up = true;
    }

    /// Records that the gateway of a lane with this scenario did not come up.
    pub(super) fn failed(&self, scenario: &Scenario, reason: &str) {
        // If the scenario starts on another release, it is that release that failed.
        if scenario.starts_on.is_none() {
            let configuration = configuration(scenario);
            self.lock()
                .failures
                .push(FailedStart { reason: start_failure(reason).to_owned(), configuration });
        }
    }

    /// Why no gateway should be started for a lane with this scenario; `None` if one should.
    pub(super) fn given_up(&self, scenario: &Scenario) -> Option<String> {
        let state = self.lock();
        if state.came_up || scenario.starts_on.is_some() {
            return None;
        }
        let last = state.failures.last()?;
        let same: Vec<&FailedStart> = state.failures.iter().filter(|one| one.reason == last.reason).collect();
        let is_plain = same.iter().any(|one| one.configuration.is_empty());
        let mut configurations: Vec<&str> = same.iter().map(|one| one.configuration.as_str()).collect();
        configurations.sort_unstable();
        configurations.dedup();
        let enough = (is_plain && same.len() >= ENOUGH) || configurations.len() >= ENOUGH_CONFIGURED;
        enough.then(|| format!("{}{GIVEN_UP}", last.reason))
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, StartHistory> {
        self.0.lock()
    }
}

/// The part of the reason that is the same for all gateways that failed to start in the same way.
pub fn start_failure(reason: &str) -> &str {
    let reason = reason.strip_suffix(GIVEN_UP).unwrap_or(reason);
    // The waiting time varies.
    match reason.split_once(" was not ready after ") {
        Some((gateway, _)) => &reason[..gateway.len() + " was not ready".len()],
        None => reason,
    }
}

/// The configuration that a scenario needs; empty if it needs none.
fn configuration(scenario: &Scenario) -> String {
    let Scenario { config, files, env, .. } = scenario;
    if config.is_empty() && files.is_empty() && env.is_empty() {
        return String::new();
    }
    serde_json::to_string(&(config, files, env)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::scenario::{Source, load};

    fn scenario(story: &str) -> Scenario {
        let text = format!("title: T\nwhy: W.\n{story}\nsteps: [connect: {{as: a}}]\n");
        let suite = load(&[("a/b".to_owned(), Arc::new(Source { path: "b.yaml".into(), text }))]);
        assert_eq!(suite.diagnostics, Vec::new());
        suite.scenarios[0].clone()
    }

    const PLAIN: &str = "tags: [a]";
    const ONE: &str = "env: {WORD: one}";
    const TWO: &str = "env: {WORD: two}";
    const THREE: &str = "config: {gateway: {auth: {mode: none}}}";
    const DIED: &str = "the gateway died at boot with exit code 7";

    #[rstest]
    #[case::once(&[(PLAIN, DIED)], false)]
    #[case::twice(&[(PLAIN, DIED), (ONE, DIED)], true)]
    #[case::in_another_way(&[(PLAIN, DIED), (ONE, "the gateway died at boot with exit code 1")], false)]
    #[case::whatever_the_clock_says(
        &[(PLAIN, "the gateway was not ready after 4.0 s"), (ONE, "the gateway was not ready after 4.1 s")],
        true
    )]
    #[case::may_be_the_configuration(&[(ONE, DIED), (ONE, DIED), (TWO, DIED)], false)]
    #[case::is_not_the_configuration(&[(ONE, DIED), (TWO, DIED), (THREE, DIED)], true)]
    fn a_target_is_given_up_after_equal_failures(#[case] failures: &[(&str, &str)], #[case] given_up: bool) {
        let starts = Starts::default();
        for (story, reason) in failures {
            starts.failed(&scenario(story), reason);
        }
        let reason = starts.given_up(&scenario(PLAIN));
        assert_eq!(reason.is_some(), given_up);
        assert!(reason.is_none_or(|reason| reason.ends_with(GIVEN_UP)));
    }

    #[test]
    fn a_target_that_came_up_once_is_never_given_up() {
        let starts = Starts::default();
        starts.came_up();
        for _ in 0..9 {
            starts.failed(&scenario(PLAIN), DIED);
        }
        assert_eq!(starts.given_up(&scenario(PLAIN)), None);
    }

    #[test]
    fn failures_of_another_release_do_not_count_against_the_target() {
        let elsewhere = scenario("starts_on: 2026.3.28")
            .starts_on
            .map(|release| Scenario { starts_on: Some(release), ..scenario(PLAIN) });
        let starts = Starts::default();
        for _ in 0..9 {
            starts.failed(elsewhere.as_ref().unwrap(), DIED);
        }
        assert_eq!(starts.given_up(&scenario(PLAIN)), None);
    }
}
