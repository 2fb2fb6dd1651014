//! Whether it is worth to start another gateway of a target.

use parking_lot::Mutex;

use crate::scenario::Scenario;

/// Equal failures after which a target is given up, where a gateway without any configuration of a scenario is
/// among them.
const ENOUGH: usize = 2;

/// Equal failures of gateways with different configurations after which it is not the configurations.
const ENOUGH_CONFIGURED: usize = 3;

/// What a cell's reason ends in where its gateway was not started because others had not come up.
pub const GIVEN_UP: &str = " (not started again)";

/// How the gateways of a target have started so far.
///
/// A target of which none has come up, and several have failed in the same way, will not come up for the next
/// lane either, unless the lane's configuration was the cause.
#[derive(Debug, Default)]
pub(super) struct Starts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    came_up: bool,
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Failure {
    reason: String,
    configuration: String,
}

impl Starts {
    /// A gateway came up.
    pub(super) fn came_up(&self) {
        self.lock().came_up = true;
    }

    /// The gateway of a lane with this scenario did not come up.
    pub(super) fn failed(&self, scenario: &Scenario, reason: &str) {
        // Where the story begins on another release, it is that one which did not start.
        if scenario.starts_on.is_none() {
            let configuration = configuration(scenario);
            self.lock().failures.push(Failure { reason: start_failure(reason).to_owned(), configuration });
        }
    }

    /// Why no gateway is started for a lane with this scenario; none where one is.
    pub(super) fn given_up(&self, scenario: &Scenario) -> Option<String> {
        let state = self.lock();
        if state.came_up || scenario.starts_on.is_some() {
            return None;
        }
        let last = state.failures.last()?;
        let same: Vec<&Failure> = state.failures.iter().filter(|one| one.reason == last.reason).collect();
        let is_plain = same.iter().any(|one| one.configuration.is_empty());
        let mut configurations: Vec<&str> = same.iter().map(|one| one.configuration.as_str()).collect();
        configurations.sort_unstable();
        configurations.dedup();
        let enough = (is_plain && same.len() >= ENOUGH) || configurations.len() >= ENOUGH_CONFIGURED;
        enough.then(|| format!("{}{GIVEN_UP}", last.reason))
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, State> {
        self.0.lock()
    }
}

/// What is the same in the reasons of gateways that did not start in the same way.
pub fn start_failure(reason: &str) -> &str {
    let reason = reason.strip_suffix(GIVEN_UP).unwrap_or(reason);
    // How long was waited is a matter of the clock.
    match reason.split_once(" was not ready after ") {
        Some((gateway, _)) => &reason[..gateway.len() + " was not ready".len()],
        None => reason,
    }
}

/// What a scenario asks of its gateway; empty where that is nothing.
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
    fn a_target_that_fails_alike_is_given_up(#[case] failures: &[(&str, &str)], #[case] given_up: bool) {
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
    fn another_release_that_does_not_start_says_nothing_of_the_target() {
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
