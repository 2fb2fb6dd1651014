//! One restart for all scenarios of a lane that ask for one.

use parking_lot::Mutex;

use tokio::sync::Notify;

/// Scenarios of a lane meet here before a restart, so that it disturbs none that is still at work.
///
/// The last one to arrive does the restart; the others wait until it is done.
#[derive(Debug)]
pub(super) struct RestartBarrier {
    counts: Mutex<Counts>,
    changed: Notify,
}

#[derive(Debug)]
struct Counts {
    at_work: usize,
    waiting: usize,
    round: u64,
}

/// What a scenario that wants a restart has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Do the restart, then call [`RestartBarrier::restarted`].
    Restart,
    /// Another one has done it.
    Done,
}

impl RestartBarrier {
    /// A barrier for this many scenarios, all of them still at work.
    pub(super) fn new(scenarios: usize) -> Self {
        Self {
            counts: Mutex::new(Counts { at_work: scenarios, waiting: 0, round: 0 }),
            changed: Notify::new(),
        }
    }

    /// One more scenario is at work.
    pub(super) fn enter(&self) {
        self.with(|counts| counts.at_work = counts.at_work.saturating_add(1));
    }

    /// A scenario has ended.
    pub(super) fn leave(&self) {
        self.with(|counts| counts.at_work = counts.at_work.saturating_sub(1));
        self.changed.notify_waiters();
    }

    /// Waits until every other scenario has ended or waits as well.
    pub(super) async fn arrive(&self) -> Turn {
        let round = self.with(|counts| {
            counts.at_work = counts.at_work.saturating_sub(1);
            counts.waiting += 1;
            counts.round
        });
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let turn = self.with(|counts| {
                if counts.round != round {
                    return Some(Turn::Done);
                }
                // Whoever sees it first takes the turn; the mark keeps the others out.
                if counts.at_work == 0 && counts.waiting > 0 {
                    counts.at_work = usize::MAX;
                    return Some(Turn::Restart);
                }
                None
            });
            match turn {
                Some(turn) => return turn,
                None => changed.await,
            }
        }
    }

    /// The restart is done, well or badly: all that waited go on.
    pub(super) fn restarted(&self) {
        self.with(|counts| {
            counts.at_work = counts.waiting;
            counts.waiting = 0;
            counts.round += 1;
        });
        self.changed.notify_waiters();
    }

    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
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
    async fn many_restarts_are_one_and_wait_for_those_at_work() {
        let barrier = Arc::new(RestartBarrier::new(4));
        let (restarts, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let restarting = (0..3).map(|_| {
            let (barrier, restarts, finished) = (barrier.clone(), restarts.clone(), finished.clone());
            tokio::spawn(async move {
                if barrier.arrive().await == Turn::Restart {
                    assert_eq!(finished.load(Ordering::SeqCst), 1, "the one at work ends first");
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
    async fn a_second_round_is_a_second_restart() {
        let barrier = RestartBarrier::new(1);
        for _ in 0..2 {
            assert_eq!(barrier.arrive().await, Turn::Restart);
            barrier.restarted();
        }
    }
}
