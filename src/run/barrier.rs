//! Combines the restarts that scenarios of a lane request into one.

use parking_lot::Mutex;

use tokio::sync::Notify;

/// Scenarios of a lane wait here before a restart, so that it does not disturb any that are still running.
///
/// The last one to arrive performs the restart; the others wait until it is done.
#[derive(Debug)]
pub(super) struct RestartBarrier {
    counts: Mutex<BarrierCounts>,
    changed: Notify,
}

#[derive(Debug)]
struct BarrierCounts {
    running: usize,
    waiting: usize,
    round: u64,
}

/// What a scenario that requested a restart has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RestartTurn {
    /// Perform the restart, then call [`RestartBarrier::restarted`].
    Restart,
    /// Nothing: another scenario performed it.
    Done,
}

impl RestartBarrier {
    /// A barrier for this many scenarios, all of which are still running.
    pub(super) fn new(scenarios: usize) -> Self {
        Self {
            counts: Mutex::new(BarrierCounts { running: scenarios, waiting: 0, round: 0 }),
            changed: Notify::new(),
        }
    }

    /// Registers a scenario that starts to run.
    pub(super) fn enter(&self) {
        self.with(|counts| counts.running = counts.running.saturating_add(1));
    }

    /// Registers that a scenario has ended.
    pub(super) fn leave(&self) {
        self.with(|counts| counts.running = counts.running.saturating_sub(1));
        self.changed.notify_waiters();
    }

    /// Waits until every other scenario has ended or is waiting as well.
    pub(super) async fn arrive(&self) -> RestartTurn {
        let round = self.with(|counts| {
            counts.running = counts.running.saturating_sub(1);
            counts.waiting += 1;
            counts.round
        });
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let turn = self.with(|counts| {
                if counts.round != round {
                    return Some(RestartTurn::Done);
                }
                // The first one to see this performs the restart; the marker keeps the others out.
                if counts.running == 0 && counts.waiting > 0 {
                    counts.running = usize::MAX;
                    return Some(RestartTurn::Restart);
                }
                None
            });
            match turn {
                Some(turn) => return turn,
                None => changed.await,
            }
        }
    }

    /// The restart is done, whether or not it succeeded: everyone who waited continues.
    pub(super) fn restarted(&self) {
        self.with(|counts| {
            counts.running = counts.waiting;
            counts.waiting = 0;
            counts.round += 1;
        });
        self.changed.notify_waiters();
    }

    fn with<T>(&self, change: impl FnOnce(&mut BarrierCounts) -> T) -> T {
        change(&mut self.counts.lock())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn concurrent_restarts_are_combined_and_wait_for_running_scenarios() {
        let barrier = Arc::new(RestartBarrier::new(4));
        let (restarts, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let restarting = (0..3).map(|_| {
            let (barrier, restarts, finished) = (barrier.clone(), restarts.clone(), finished.clone());
            tokio::spawn(async move {
                if barrier.arrive().await == RestartTurn::Restart {
                    assert_eq!(finished.load(Ordering::SeqCst), 1, "the running scenario ends first");
                    restarts.fetch_add(1, Ordering::SeqCst);
                    barrier.restarted();
                }
                barrier.leave();
            })
        });
        let restarting: Vec<_> = restarting.collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(restarts.load(Ordering::SeqCst), 0);
        finished.fetch_add(1, Ordering::SeqCst);
        barrier.leave();
        for one in restarting {
            tokio::time::timeout(Duration::from_secs(5), one).await.unwrap().unwrap();
        }
        assert_eq!(restarts.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn each_round_performs_its_own_restart() {
        let barrier = RestartBarrier::new(1);
        for _ in 0..2 {
            assert_eq!(barrier.arrive().await, RestartTurn::Restart);
            barrier.restarted();
        }
    }
}
