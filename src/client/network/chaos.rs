//! Draws the faults of a connection from a seed.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::faults::{Amount, Cut, CutKind, Faults, Lost, Point, Way};

/// The longest latency that is drawn, in milliseconds. Longer ones only make runs longer: waits allow for it.
const LATENCY: u64 = 80;

/// The largest slices that are drawn, in bytes.
const SLICES: u64 = 16;

/// How long a connection is held back at most, in milliseconds.
const HELD: u64 = 60;

/// Behind how many bytes or frames a connection fails at most. A handshake has about 2,000 bytes and two frames each way.
const BYTES: u64 = 4_096;
const FRAMES: u64 = 5;

/// The faults that a seed has drawn for a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// What the network does to it.
    pub faults: Faults,
    /// How long it is held back, so that later connections are let through first.
    pub held: Option<Duration>,
}

/// Draws the faults of a connection. They depend on nothing but the seed and these texts, which name the connection, so not on
/// the order in which connections are opened.
pub fn draw(seed: u64, names: &[&str]) -> Drawn {
    let mut numbers = Numbers::of(seed, names);
    match numbers.below(100) {
        0..25 => Drawn::default(),
        25..42 => of(Faults { latency: latency(&mut numbers), ..Faults::default() }),
        42..57 => of(Faults { slices: Some(slices(&mut numbers)), ..Faults::default() }),
        57..70 => of(Faults {
            latency: latency(&mut numbers),
            slices: Some(slices(&mut numbers)),
            ..Faults::default()
        }),
        70..85 => Drawn { held: Some(Duration::from_millis(1 + numbers.below(HELD))), ..Drawn::default() },
        fate => {
            let way = if numbers.below(2) == 0 { Way::Sent } else { Way::Received };
            let amount = match numbers.below(2) {
                0 => Amount::Bytes(numbers.below(BYTES)),
                _ => Amount::Frames(1 + numbers.below(FRAMES)),
            };
            let kind = if fate < 93 {
                CutKind::Reset
            } else {
                CutKind::HalfOpen([Lost::Sent, Lost::Received, Lost::Both][numbers.choice(3)])
            };
            of(Faults { cut: Some(Cut { at: Point { way, amount }, kind }), ..Faults::default() })
        }
    }
}

const fn of(faults: Faults) -> Drawn {
    Drawn { faults, held: None }
}

fn latency(numbers: &mut Numbers) -> Duration {
    Duration::from_millis(1 + numbers.below(LATENCY))
}

fn slices(numbers: &mut Numbers) -> usize {
    1 + numbers.choice(SLICES)
}

/// A few numbers that depend on a seed and names. Nothing secret depends on them.
struct Numbers(std::vec::IntoIter<u8>);

impl Numbers {
    fn of(seed: u64, names: &[&str]) -> Self {
        let mut digest = Sha256::new();
        digest.update(seed.to_be_bytes());
        for name in names {
            digest.update((name.len() as u64).to_be_bytes());
            digest.update(name);
        }
        Self(digest.finalize().to_vec().into_iter())
    }

    /// A number below a bound; the bounds are small enough for two bytes. A digest is enough for sixteen numbers.
    fn below(&mut self, bound: u64) -> u64 {
        let bytes = [self.0.next(), self.0.next()].map(Option::unwrap_or_default);
        u64::from(u16::from_be_bytes(bytes)) % bound.max(1)
    }

    fn choice(&mut self, bound: u64) -> usize {
        usize::try_from(self.below(bound)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_same_connection_has_the_same_faults(seed: u64, scenario in ".{0,20}", name in ".{0,8}") {
            let names = [scenario.as_str(), name.as_str()];
            prop_assert_eq!(draw(seed, &names), draw(seed, &names));
        }

        #[test]
        fn what_is_drawn_stays_within_its_limits(seed: u64, name in ".{0,8}") {
            let Drawn { faults, held } = draw(seed, &[&name]);
            prop_assert!(faults.latency <= Duration::from_millis(LATENCY));
            prop_assert!(faults.slices.is_none_or(|bytes| (1..=16).contains(&bytes)));
            prop_assert!(held.is_none_or(|held| held <= Duration::from_millis(HELD)));
            prop_assert!(faults.cut.is_none() || held.is_none());
        }
    }

    #[test]
    fn every_kind_of_fault_is_drawn() {
        let all: Vec<Drawn> = (0..2_000).map(|seed| draw(seed, &["a", "b"])).collect();
        let some = |test: &dyn Fn(&Drawn) -> bool| all.iter().filter(|drawn| test(drawn)).count();
        let cut = |kind: CutKind| move |drawn: &Drawn| drawn.faults.cut.is_some_and(|cut| cut.kind == kind);
        assert!(some(&|drawn| drawn.faults.is_none() && drawn.held.is_none()) > 300);
        assert!(some(&|drawn| drawn.held.is_some()) > 100);
        assert!(some(&|drawn| !drawn.faults.latency.is_zero() && drawn.faults.slices.is_some()) > 100);
        for lost in [Lost::Sent, Lost::Received, Lost::Both] {
            assert!(some(&cut(CutKind::HalfOpen(lost))) > 10, "{lost:?}");
        }
        assert!(some(&cut(CutKind::Reset)) > 50);
        for way in [Way::Sent, Way::Received] {
            assert!(some(&|drawn| drawn.faults.cut.is_some_and(|cut| cut.at.way == way)) > 50, "{way}");
        }
    }

    #[test]
    fn names_are_kept_apart() {
        let differ = (0..50).filter(|seed| draw(*seed, &["ab", "c"]) != draw(*seed, &["a", "bc"])).count();
        assert!(differ > 20);
    }
}
