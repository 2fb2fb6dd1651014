//! The time limit of a whole case.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What a case may take beyond its steps.
const BASE: Duration = Duration::from_mins(1);

/// What a step may take beyond its own waits, such as for reading a large store on a busy machine.
const STEP: Duration = Duration::from_secs(30);

/// How many times a step waits at most: to connect, for the upgrade, for the challenge, for the answer.
const WAITS: u32 = 4;

/// How often a held limit is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The time limit of a whole case: what the user gave, or else the sum of what its steps may take. Its own time limits end
/// every wait; this one ends the case if one of them does not.
#[derive(Debug)]
pub(super) struct CaseLimit {
    given: Option<Duration>,
    begun: Instant,
    state: Mutex<LimitState>,
}

#[derive(Debug)]
struct LimitState {
    deadline: Instant,
    holders: usize,
    held_since: Instant,
}

/// As long as it lives, the time of the case does not count.
#[derive(Debug)]
pub(super) struct HeldLimit<'a>(&'a CaseLimit);

impl CaseLimit {
    /// The limit of a case that begins now; `given` is what the user set.
    pub(super) fn new(given: Option<Duration>, now: Instant) -> Self {
        let deadline = later(now, given.unwrap_or(BASE));
        Self { given, begun: now, state: Mutex::new(LimitState { deadline, holders: 0, held_since: now }) }
    }

    /// A step begins whose longest wait takes this long.
    pub(super) fn step_begins(&self, longest_wait: Duration) {
        if self.given.is_none() {
            let mut state = self.state.lock();
            state.deadline = later(state.deadline, longest_wait.saturating_mul(WAITS).saturating_add(STEP));
        }
    }

    /// Stops the clock of the case, for a wait that depends on other cases and has limits of its own.
    pub(super) fn hold(&self) -> HeldLimit<'_> {
        let mut state = self.state.lock();
        if state.holders == 0 {
            state.held_since = Instant::now();
        }
        state.holders += 1;
        HeldLimit(self)
    }

    /// Returns how long the limit was when it is over.
    pub(super) async fn reached(&self) -> Duration {
        loop {
            let (deadline, held) = {
                let state = self.state.lock();
                (state.deadline, state.holders > 0)
            };
            if held {
                tokio::time::sleep(POLL_INTERVAL).await;
            } else if deadline <= Instant::now() {
                return self.given.unwrap_or_else(|| deadline - self.begun);
            } else {
                tokio::time::sleep_until(deadline.into()).await;
            }
        }
    }
}

impl Drop for HeldLimit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.holders -= 1;
        if state.holders == 0 {
            state.deadline = later(state.deadline, state.held_since.elapsed());
        }
    }
}

/// A moment that far in the future, or the same one if the clock has no such moment.
fn later(moment: Instant, by: Duration) -> Instant {
    moment.checked_add(by).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(30);

    async fn is_over(limit: &CaseLimit) -> bool {
        timeout(MOMENT, limit.reached()).await.is_ok()
    }

    #[tokio::test]
    async fn a_given_limit_is_not_extended_by_steps() {
        let limit = CaseLimit::new(Some(Duration::ZERO), Instant::now());
        limit.step_begins(Duration::from_hours(1));
        assert!(is_over(&limit).await);
    }

    #[tokio::test]
    async fn the_default_grows_with_the_steps() {
        let long_ago = Instant::now().checked_sub(BASE * 2).unwrap();
        let limit = CaseLimit::new(None, long_ago);
        limit.step_begins(Duration::ZERO);
        assert_eq!(limit.reached().await, BASE + STEP);
        limit.step_begins(Duration::from_secs(30));
        assert!(!is_over(&limit).await);
    }

    #[tokio::test]
    async fn held_time_does_not_count() {
        let limit = CaseLimit::new(Some(MOMENT * 4), Instant::now());
        let (one, two) = (limit.hold(), limit.hold());
        tokio::time::sleep(MOMENT * 6).await;
        drop(one);
        assert!(!is_over(&limit).await);
        drop(two);
        assert!(!is_over(&limit).await);
        tokio::time::sleep(MOMENT * 4).await;
        assert!(is_over(&limit).await);
    }
}
