//! Whether the machine gave gateway and harness the processor time that a time-out presumes.

use std::collections::VecDeque;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::JoinHandle;

/// How often the harness looks how late it is.
const TICK: Duration = Duration::from_millis(25);
/// A tick that is this late is remembered.
const LATE: Duration = Duration::from_millis(100);
/// Ticks that are remembered at most: the latest ones.
const KEPT: usize = 1_024;
/// A single delay of our own timer that speaks of starvation.
const OWN_DELAY: Duration = Duration::from_millis(750);
/// The part of the time that a gateway's main thread may wait for a processor.
const WAITING: f64 = 0.5;
/// The part of the time in which some task of the machine waits for a processor (pressure stall information).
const STALLED: f64 = 0.98;
/// Shares of shorter times say little.
const SHORTEST: Duration = Duration::from_millis(500);

/// Measures the delay of the harness's own timer, from when it is made until it is dropped.
#[derive(Debug)]
pub(super) struct Pressure {
    late: Arc<Mutex<VecDeque<(Instant, Duration)>>>,
    clock: JoinHandle<()>,
}

impl Pressure {
    /// Starts measuring; must be called in a runtime.
    pub(super) fn start() -> Self {
        let late: Arc<Mutex<VecDeque<(Instant, Duration)>>> = Arc::default();
        let put = Arc::clone(&late);
        let clock = tokio::spawn(async move {
            loop {
                let begun = Instant::now();
                tokio::time::sleep(TICK).await;
                let delay = begun.elapsed().saturating_sub(TICK);
                if delay >= LATE {
                    let mut kept = put.lock();
                    if kept.len() == KEPT {
                        kept.pop_front();
                    }
                    kept.push_back((Instant::now(), delay));
                }
            }
        });
        Self { late, clock }
    }

    /// The longest delay of the own timer since a moment.
    fn delay_since(&self, moment: Instant) -> Duration {
        let kept = self.late.lock();
        kept.iter().filter(|(at, _)| *at >= moment).map(|(_, delay)| *delay).max().unwrap_or_default()
    }

    /// Begins to watch a stretch of time in which a gateway is waited for.
    pub(super) fn watch(gateway: Watched) -> Stretch {
        Stretch { begun: Instant::now(), before: Reading::of(gateway), gateway }
    }

    /// What the machine withheld since then, in words; none where a time-out is the gateway's own.
    pub(super) fn starved(&self, stretch: &Stretch) -> Option<String> {
        let over = Shares::between(&stretch.before, &Reading::of(stretch.gateway), stretch.begun.elapsed());
        starvation(self.delay_since(stretch.begun), &over)
    }
}

impl Drop for Pressure {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

/// Whose processor time is looked at besides our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// A process of ours.
    Process(u32),
    /// The gateway runs in this process.
    Here,
    /// Somebody else's process, which is not known.
    Elsewhere,
}

/// A stretch of time in which a gateway is waited for.
#[derive(Debug)]
pub(super) struct Stretch {
    begun: Instant,
    before: Reading,
    gateway: Watched,
}

/// What the kernel has counted so far.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    /// Time that the gateway's main thread waited for a processor.
    waited: Option<Duration>,
    /// Time in which some task of the machine waited for a processor.
    stalled: Option<Duration>,
}

impl Reading {
    fn of(gateway: Watched) -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        match gateway {
            Watched::Process(pid) => {
                let waited = read(&format!("/proc/{pid}/schedstat")).and_then(|text| run_delay(&text));
                Self { waited, stalled: None }
            }
            Watched::Here => Self::default(),
            Watched::Elsewhere => {
                Self { waited: None, stalled: read("/proc/pressure/cpu").and_then(|text| stall_total(&text)) }
            }
        }
    }
}

/// The second number of `/proc/PID/schedstat`: nanoseconds in which a thread could run and did not.
fn run_delay(text: &str) -> Option<Duration> {
    text.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// `total` of the line `some` of `/proc/pressure/cpu`, in microseconds.
fn stall_total(text: &str) -> Option<Duration> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = line.split_whitespace().find_map(|field| field.strip_prefix("total="))?;
    total.parse().ok().map(Duration::from_micros)
}

/// Parts of a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Shares {
    gateway: Option<f64>,
    machine: Option<f64>,
}

impl Shares {
    fn between(before: &Reading, after: &Reading, length: Duration) -> Self {
        if length < SHORTEST {
            return Self::default();
        }
        let share = |before: Option<Duration>, after: Option<Duration>| {
            Some(after?.saturating_sub(before?).as_secs_f64() / length.as_secs_f64())
        };
        Self { gateway: share(before.waited, after.waited), machine: share(before.stalled, after.stalled) }
    }
}

fn starvation(delay: Duration, shares: &Shares) -> Option<String> {
    let percent = |share: f64| (share * 100.0).round();
    if delay >= OWN_DELAY {
        return Some(format!("gatecrash itself was kept from running for {} ms", delay.as_millis()));
    }
    match (shares.gateway, shares.machine) {
        (Some(share), _) if share >= WAITING => {
            Some(format!("the gateway waited for a processor {} % of the time", percent(share)))
        }
        (None, Some(share)) if share >= STALLED => {
            Some(format!("the machine's processors were overcommitted {} % of the time", percent(share)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[rstest]
    #[case::idle(ms(0), None, None, false)]
    #[case::busy_but_served(ms(300), Some(0.3), Some(1.0), false)]
    #[case::own_timer_late(ms(800), Some(0.0), Some(0.0), true)]
    #[case::gateway_kept_waiting(ms(0), Some(0.6), Some(0.7), true)]
    #[case::machine_overcommitted(ms(0), None, Some(0.99), true)]
    #[case::machine_busy(ms(0), None, Some(0.9), false)]
    fn starvation_is_measured(
        #[case] delay: Duration,
        #[case] gateway: Option<f64>,
        #[case] machine: Option<f64>,
        #[case] starved: bool,
    ) {
        assert_eq!(starvation(delay, &Shares { gateway, machine }).is_some(), starved);
    }

    #[test]
    fn the_kernels_counters_are_read() {
        assert_eq!(run_delay("200086 139662 1\n"), Some(Duration::from_nanos(139_662)));
        let text = "some avg10=14.22 avg60=27.25 avg300=24.23 total=160977757\nfull avg10=0.00 total=5\n";
        assert_eq!(stall_total(text), Some(Duration::from_micros(160_977_757)));
        assert_eq!(run_delay(""), None);
        assert_eq!(stall_total("nothing"), None);
    }

    #[test]
    fn shares_of_short_times_say_nothing() {
        let before = Reading { waited: Some(ms(0)), stalled: Some(ms(0)) };
        let after = Reading { waited: Some(ms(90)), stalled: Some(ms(90)) };
        assert_eq!(Shares::between(&before, &after, ms(100)), Shares::default());
        let after = Reading { waited: Some(ms(500)), stalled: None };
        assert_eq!(Shares::between(&before, &after, ms(1_000)).gateway, Some(0.5));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_harness_that_cannot_run_notices() {
        let pressure = Pressure::start();
        let stretch = Pressure::watch(Watched::Here);
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(900));
        tokio::time::sleep(Duration::from_millis(60)).await;
        let told = pressure.starved(&stretch).expect("the delay is noticed");
        assert!(told.contains("gatecrash itself"), "{told}");
    }
}
