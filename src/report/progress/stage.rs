//! What is being done and how far it is, in words.

use std::time::Duration;

use crate::gateway::install::InstallAmount;
use crate::report::text::count;

/// The time after which an estimate is made.
const EARLIEST: Duration = Duration::from_secs(5);

/// The part of the whole after which an estimate is made.
const PART: u64 = 20;

/// The shortest time that is worth telling.
const SHORTEST: Duration = Duration::from_secs(3);

/// Something that takes a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// What is being done.
    pub text: String,
    /// How far it is, if that can be counted.
    pub amount: Option<Amount>,
    /// How long the same took the last time.
    pub usual: Option<Duration>,
}

/// How far something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Things that are done, of how many, and what one of them is called.
    Things(u64, u64, &'static str),
    /// Bytes that are here, of how many if that is known.
    Bytes(u64, Option<u64>),
}

impl From<InstallAmount> for Amount {
    fn from(amount: InstallAmount) -> Self {
        match amount {
            InstallAmount::Packages(here, all) => Self::Things(here, all, "package"),
            InstallAmount::Bytes(here, all) => Self::Bytes(here, all),
        }
    }
}

impl Amount {
    /// An amount of things.
    pub fn of(done: usize, all: usize, one: &'static str) -> Self {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Self::Things(number(done), number(all), one)
    }

    fn share(self) -> Option<(u64, u64)> {
        match self {
            Self::Things(done, all, _) => Some((done, all)),
            Self::Bytes(here, all) => Some((here, all?)),
        }
    }

    fn told(self) -> String {
        match self {
            Self::Things(done, all, one) => {
                format!("{done} of {}", count(usize::try_from(all).unwrap_or(usize::MAX), one))
            }
            Self::Bytes(here, Some(all)) if here <= all => {
                format!("{} of {} MB", megabytes(here), megabytes(all))
            }
            Self::Bytes(here, _) => format!("{} MB", megabytes(here)),
        }
    }
}

impl Stage {
    /// The stage in one line, some time after it began.
    pub fn told(&self, elapsed: Duration) -> String {
        let amount = self.amount.map(|amount| format!(": {}", amount.told())).unwrap_or_default();
        let left = self.left(elapsed).map(|left| format!(", {}", told_left(left))).unwrap_or_default();
        format!("{}{amount} ({}{left})", self.text, told_time(elapsed))
    }

    /// About how long it still takes: judged by what is done, else by how long it took the last time.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let judged =
            self.amount.and_then(Amount::share).and_then(|(done, all)| time_left(elapsed, done, all));
        let usual = || self.usual?.checked_sub(elapsed).filter(|left| *left >= SHORTEST);
        judged.or_else(usual)
    }
}

/// About how long something still takes, judging by what is done; `None` while that is too little, or if it is not worth
/// telling.
pub(crate) fn time_left(elapsed: Duration, done: u64, all: u64) -> Option<Duration> {
    if elapsed < EARLIEST || done == 0 || done < all / PART {
        return None;
    }
    let open = u128::from(all.saturating_sub(done));
    let millis = elapsed.as_millis().checked_mul(open)? / u128::from(done);
    let left = Duration::from_millis(u64::try_from(millis).ok()?);
    (left >= SHORTEST).then_some(left)
}

/// A remaining time in words.
pub(crate) fn told_left(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..60 => format!("about {seconds} s left"),
        seconds => format!("about {} min left", seconds.div_ceil(60)),
    }
}

fn told_time(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

const fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[rstest]
    #[case::nothing_known(None, None, 7, "boots (7 s)")]
    #[case::counted(
        Some(Amount::Things(20, 80, "mutant")),
        None,
        10,
        "boots: 20 of 80 mutants (10 s, about 30 s left)"
    )]
    #[case::one(Some(Amount::Things(0, 1, "mutant")), None, 10, "boots: 0 of 1 mutant (10 s)")]
    #[case::size(
        Some(Amount::Bytes(20_000_000, Some(120_000_000))),
        None,
        130,
        "boots: 20 of 120 MB (2 min 10 s, about 11 min left)"
    )]
    #[case::unknown_size(Some(Amount::Bytes(1, None)), None, 3, "boots: 1 MB (3 s)")]
    #[case::more_than_it_should_be(
        Some(Amount::Bytes(3_000_000, Some(2_000_000))),
        None,
        3,
        "boots: 3 MB (3 s)"
    )]
    #[case::as_the_last_time(None, Some(20), 5, "boots (5 s, about 15 s left)")]
    #[case::longer_than_the_last_time(None, Some(20), 30, "boots (30 s)")]
    #[case::what_is_done_counts_more(
        Some(Amount::Things(5, 10, "mutant")),
        Some(90),
        10,
        "boots: 5 of 10 mutants (10 s, about 10 s left)"
    )]
    fn a_stage_is_told_with_what_is_known(
        #[case] amount: Option<Amount>,
        #[case] usual: Option<u64>,
        #[case] elapsed: u64,
        #[case] told: &str,
    ) {
        let stage = Stage { text: "boots".into(), amount, usual: usual.map(seconds) };
        assert_eq!(stage.told(seconds(elapsed)), told);
    }

    #[rstest]
    #[case::too_early(4, 50, 100, None)]
    #[case::too_few(60, 4, 100, None)]
    #[case::half(60, 50, 100, Some(60))]
    #[case::most(90, 90, 100, Some(10))]
    #[case::not_worth_it(60, 99, 100, None)]
    #[case::done(60, 100, 100, None)]
    #[case::nothing(60, 0, 0, None)]
    fn the_time_left_is_told_once_it_can_be_judged(
        #[case] elapsed: u64,
        #[case] done: u64,
        #[case] all: u64,
        #[case] left: Option<u64>,
    ) {
        assert_eq!(time_left(seconds(elapsed), done, all), left.map(seconds));
    }

    proptest! {
        #[test]
        fn an_estimate_never_fails_and_shrinks_with_what_is_done(elapsed: u64, done: u64, all: u64) {
            let elapsed = Duration::from_millis(elapsed);
            let left = time_left(elapsed, done, all);
            if let (Some(left), Some(later)) = (left, time_left(elapsed, done.saturating_add(1), all)) {
                prop_assert!(later <= left);
            }
        }
    }
}
