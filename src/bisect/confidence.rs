//! For flaky behaviour: how likely each place of the change is, given all runs so far.
//!
//! How often a run shows the new behaviour is unknown, both before and after the change. Both rates are integrated out
//! under the Jeffreys prior, so that every run, of an end or not, is informative about them.

/// Runs of one candidate, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Runs that showed the new behaviour.
    pub new: u32,
    /// All runs with a clear result.
    pub runs: u32,
}

/// Expected information, in nats, below which a run is not worth its cost.
const LEAST_INFORMATION: f64 = 1e-9;

impl Tally {
    /// Adds one run.
    pub(super) fn add(&mut self, new: bool) {
        self.runs += 1;
        self.new += u32::from(new);
    }

    /// The probability that the next run shows the new behaviour.
    pub(super) fn rate(self) -> f64 {
        (f64::from(self.new) + 0.5) / (f64::from(self.runs) + 1.0)
    }

    fn and(self, other: Self) -> Self {
        Self { new: self.new + other.new, runs: self.runs + other.runs }
    }

    /// Log-likelihood of these runs when nothing is known about their rate.
    fn evidence(self) -> f64 {
        let rising = |from: f64, count: u32| (0..count).map(|one| (from + f64::from(one)).ln()).sum::<f64>();
        rising(0.5, self.new) + rising(0.5, self.runs - self.new) - rising(1.0, self.runs)
    }
}

/// The probability that two ends behave differently, with even odds beforehand.
pub(super) fn differ(earlier: Tally, later: Tally) -> f64 {
    let odds = (earlier.evidence() + later.evidence() - earlier.and(later).evidence()).exp();
    odds / (1.0 + odds)
}

/// The probability of each place of the change. All places are equally likely at first.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    tallies: Vec<Tally>,
    skipped: Vec<bool>,
}

impl Belief {
    /// A belief over `count` candidates in order of time, whose ends differ.
    pub(super) fn new(count: usize) -> Self {
        Self { tallies: vec![Tally::default(); count], skipped: vec![false; count] }
    }

    /// Adds the result of one run: whether it showed the new behaviour.
    pub(super) fn observe(&mut self, candidate: usize, new: bool) {
        if let Some(tally) = self.tallies.get_mut(candidate) {
            tally.add(new);
        }
    }

    /// Excludes a candidate that cannot be tested.
    pub(super) fn skip(&mut self, candidate: usize) {
        if let Some(skipped) = self.skipped.get_mut(candidate) {
            *skipped = true;
        }
    }

    /// The runs before and after each place of the change, from the second candidate on.
    fn sides(&self) -> Vec<(Tally, Tally)> {
        let all = self.tallies.iter().fold(Tally::default(), |all, one| all.and(*one));
        let mut before = Tally::default();
        let mut sides = Vec::new();
        for tally in self.tallies.iter().take(self.tallies.len().saturating_sub(1)) {
            before = before.and(*tally);
            sides.push((before, Tally { new: all.new - before.new, runs: all.runs - before.runs }));
        }
        sides
    }

    /// For each candidate from the second on, the probability that it is the first new one.
    pub(super) fn posterior(&self) -> Vec<f64> {
        posterior(&self.sides())
    }

    /// The most likely first new candidate and its probability.
    pub(super) fn best(&self) -> Option<(usize, f64)> {
        (1..).zip(self.posterior()).max_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// The candidate whose next run is the most informative; none when no run would be informative.
    pub(super) fn next(&self) -> Option<usize> {
        let sides = self.sides();
        let shares = posterior(&sides);
        let weigh = |of: fn(&(Tally, Tally)) -> f64| -> Vec<f64> {
            sides.iter().zip(&shares).map(|(side, share)| share * of(side)).collect()
        };
        let (old, new) = (weigh(|side| side.0.rate()), weigh(|side| side.1.rate()));
        let noise_old = weigh(|side| entropy(side.0.rate()));
        let noise_new = weigh(|side| entropy(side.1.rate()));
        // For the current candidate: how often a run shows the new behaviour, and how much of that is noise.
        let (mut shows, mut noise) = (old.iter().sum::<f64>(), noise_old.iter().sum::<f64>());
        let mut best = (!self.skipped.first().copied().unwrap_or(true)).then(|| (entropy(shows) - noise, 0));
        for place in 0..sides.len() {
            shows += new[place] - old[place];
            noise += noise_new[place] - noise_old[place];
            let information = entropy(shows.clamp(0.0, 1.0)) - noise;
            if best.is_none_or(|(most, _)| information > most) && !self.skipped[place + 1] {
                best = Some((information, place + 1));
            }
        }
        best.filter(|(most, _)| *most > LEAST_INFORMATION).map(|(_, candidate)| candidate)
    }
}

fn posterior(sides: &[(Tally, Tally)]) -> Vec<f64> {
    let weights: Vec<f64> =
        sides.iter().map(|(before, after)| before.evidence() + after.evidence()).collect();
    let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let raw: Vec<f64> = weights.iter().map(|weight| (weight - most).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// Entropy of a binary outcome, in nats.
fn entropy(yes: f64) -> f64 {
    let term = |share: f64| if share > 0.0 { -share * share.ln() } else { 0.0 };
    term(yes) + term(1.0 - yes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// A deterministic generator of numbers from 0 to 1.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
        }
    }

    /// Runs the ends until they certainly differ, then candidates until one place reaches the probability `wanted`;
    /// returns that place and the number of runs.
    fn settle(
        count: usize,
        first_new: usize,
        rates: (f64, f64),
        wanted: f64,
        dice: &mut Dice,
    ) -> (usize, usize) {
        let mut belief = Belief::new(count);
        let mut run = |belief: &mut Belief, candidate: usize| {
            let rate = if candidate < first_new { rates.0 } else { rates.1 };
            belief.observe(candidate, dice.roll() < rate);
        };
        let mut runs = 0;
        while differ(belief.tallies[0], belief.tallies[count - 1]) < wanted {
            run(&mut belief, 0);
            run(&mut belief, count - 1);
            runs += 2;
        }
        loop {
            let (best, likely) = belief.best().unwrap();
            if likely >= wanted {
                return (best, runs);
            }
            let candidate = belief.next().unwrap();
            run(&mut belief, candidate);
            runs += 1;
        }
    }

    #[rstest]
    #[case(0.02, 0.98, 35.0)]
    #[case(0.0, 0.5, 75.0)]
    #[case(0.1, 0.7, 90.0)]
    #[case(0.5, 1.0, 75.0)]
    fn answers_are_right_as_often_as_their_confidence_says(
        #[case] before: f64,
        #[case] after: f64,
        #[case] most: f64,
    ) {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let (mut right, mut runs, trials) = (0_usize, 0_usize, 400_usize);
        for trial in 0..trials {
            let first_new = 1 + trial * 7 % 63;
            let (found, spent) = settle(64, first_new, (before, after), 0.99, &mut dice);
            right += usize::from(found == first_new);
            runs += spent;
        }
        // 0.99 of 400 with four standard deviations of room.
        assert!(right >= 388, "{right} of {trials} right");
        let mean = f64::from(u32::try_from(runs).unwrap()) / 400.0;
        assert!(mean <= most, "{mean} runs on average");
    }

    #[test]
    fn deterministic_behaviour_takes_few_runs() {
        let mut dice = Dice(7);
        for first_new in 1..64 {
            let (found, runs) = settle(64, first_new, (0.0, 1.0), 0.99, &mut dice);
            assert_eq!(found, first_new);
            assert!(runs <= 26, "{runs} runs for {first_new}");
        }
    }

    #[test]
    fn a_skipped_candidate_is_never_requested_and_leaves_two_places_open() {
        let mut belief = Belief::new(4);
        belief.skip(2);
        for _ in 0..40 {
            for (at, new) in [(0, false), (1, false), (3, true)] {
                belief.observe(at, new);
            }
        }
        assert_ne!(belief.next(), Some(2));
        assert!(belief.best().unwrap().1 < 0.51);
    }

    #[test]
    fn the_probability_that_ends_differ_follows_their_runs() {
        let tally = |new, runs| Tally { new, runs };
        assert!((differ(tally(0, 0), tally(0, 0)) - 0.5).abs() < 1e-9);
        assert!(differ(tally(0, 4), tally(4, 4)) > 0.98);
        assert!(differ(tally(0, 10), tally(0, 10)) < 0.3);
        assert!(differ(tally(0, 6), tally(3, 6)) > 0.7);
        assert!((tally(0, 9).rate() - 0.05).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn the_posterior_sums_to_one_and_does_not_depend_on_the_order(
            count in 2usize..50,
            seen in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..60),
        ) {
            let (mut one, mut other) = (Belief::new(count), Belief::new(count));
            for (at, new) in &seen {
                one.observe(at.index(count), *new);
            }
            for (at, new) in seen.iter().rev() {
                other.observe(at.index(count), *new);
            }
            let (left, right) = (one.posterior(), other.posterior());
            prop_assert!((left.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(left.iter().zip(&right).all(|(a, b)| (a - b).abs() < 1e-6));
            prop_assert!(one.next().is_none_or(|next| next < count));
        }
    }
}
