//! How many scenarios may run at the same time where few files can be open.

/// Files that are open whatever runs: standard streams, libraries, reports, the pipes of gateways.
const OTHERS: u64 = 96;

/// Files that a scenario has open: both ends of its connections on the model, and a few for its programs.
const OF_A_CASE: u64 = 8;

/// Below this limit, an embedded gateway counts as much as a gateway process.
const MANY: u64 = 2048;

/// The number of files that this process may have open at the same time; `None` if there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenFileLimit(pub Option<u64>);

impl OpenFileLimit {
    /// Whether so few files can be open that less runs at the same time.
    pub const fn is_low(self) -> bool {
        matches!(self.0, Some(limit) if limit < MANY)
    }

    /// How many scenarios may run at the same time on each of `lanes` gateways, at most `wanted`.
    pub(super) fn at_once(self, lanes: usize, wanted: usize) -> usize {
        let Some(limit) = self.0 else { return wanted };
        let lanes = u64::try_from(lanes).unwrap_or(u64::MAX).max(1);
        let each = limit.saturating_sub(OTHERS) / OF_A_CASE / lanes;
        wanted.min(usize::try_from(each).unwrap_or(usize::MAX)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::unlimited(None, 8, 512, 512)]
    #[case::usual(Some(20_000), 8, 512, 311)]
    #[case::enough_for_a_release(Some(1024), 2, 16, 16)]
    #[case::low(Some(256), 2, 512, 10)]
    #[case::too_low(Some(10), 2, 16, 1)]
    #[case::no_lane(Some(256), 0, 16, 16)]
    fn scenarios_at_once_fit_the_limit(
        #[case] limit: Option<u64>,
        #[case] lanes: usize,
        #[case] wanted: usize,
        #[case] at_once: usize,
    ) {
        assert_eq!(OpenFileLimit(limit).at_once(lanes, wanted), at_once);
    }
}
