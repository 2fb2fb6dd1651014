//! When a log gets another line about what goes on.

use std::time::Duration;

/// What takes longer than this is told.
const LONG: Duration = Duration::from_secs(2);

/// The time between two lines about the same stage.
const BETWEEN: Duration = Duration::from_secs(10);

/// When lines were told, by a clock that begins with the command.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// When the last line was told.
    last: Option<Duration>,
    /// When the present stage began.
    stage: Duration,
    /// Whether the present stage has had a line.
    is_told: bool,
}

impl Pace {
    /// Notes that a stage begins.
    pub(crate) fn begin(&mut self, now: Duration) {
        *self = Self { stage: now, is_told: false, ..*self };
    }

    /// Notes that a line was told.
    pub(crate) fn told(&mut self, now: Duration) {
        *self = Self { last: Some(now), is_told: true, ..*self };
    }

    /// Whether a line is due: the first one once a stage is not over at once, the next ones at long intervals.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        let since = |then: Duration| now.saturating_sub(then);
        let is_quiet = since(self.last.unwrap_or_default()) >= BETWEEN;
        is_quiet || !self.is_told && since(self.stage) >= LONG
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The seconds at which lines come if somebody looks every quarter of a second, with stages that begin at these times.
    fn told(stages: &[u64], until: u64) -> Vec<u64> {
        let mut pace = Pace::default();
        let mut told = Vec::new();
        for quarter in 0..until * 4 {
            let now = Duration::from_millis(quarter * 250);
            if stages.iter().any(|start| start * 4 == quarter) {
                pace.begin(now);
            }
            if pace.is_due(now) {
                pace.told(now);
                told.push(quarter / 4);
            }
        }
        told
    }

    #[rstest::rstest]
    #[case::over_at_once(&[0], 2, &[])]
    #[case::one_long_stage(&[0], 35, &[2, 12, 22, 32])]
    #[case::a_second_stage(&[0, 6], 13, &[2, 8])]
    #[case::many_short_ones(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 12, &[10])]
    fn a_log_gets_a_line_at_the_start_of_what_takes_long_and_few_after_it(
        #[case] stages: &[u64],
        #[case] until: u64,
        #[case] lines: &[u64],
    ) {
        assert_eq!(told(stages, until), lines);
    }

    proptest! {
        #[test]
        fn nothing_is_silent_for_longer_than_it_may_be(
            stages in prop::collection::vec(0u64..100, 0..20),
        ) {
            let lines = told(&stages, 120);
            let ends = std::iter::once(0).chain(lines.iter().copied()).chain(std::iter::once(120));
            let ends: Vec<u64> = ends.collect();
            for pair in ends.windows(2) {
                prop_assert!(pair[1] - pair[0] <= BETWEEN.as_secs() + 1, "{lines:?}");
            }
            // Each stage has one line of its own at most.
            prop_assert!(lines.len() <= stages.len() + 1 + 12, "{lines:?}");
        }
    }
}
