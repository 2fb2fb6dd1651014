//! The search itself: what to test next, and what the marks say. It knows nothing of builds.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Where in time something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first candidate.
    Earlier,
    /// The last candidate.
    Later,
}

/// What a test said of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It behaves as the earlier end is said to.
    Old,
    /// It behaves as the later end is said to.
    New,
    /// It cannot be told.
    Skip,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Test this candidate.
    Test(usize),
    /// Nothing is left to test.
    Done(Finding),
}

/// What a finished search says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// `first_new` is new and the candidate before it is old.
    Found {
        /// The first new candidate.
        first_new: usize,
    },
    /// Everything between an old and a new candidate could not be told.
    FoundDespiteSkips {
        /// The last candidate that is known to be old.
        last_old: usize,
        /// The first one that is known to be new; the change is there or in one of those between.
        first_new: usize,
    },
    /// An end, and what is next to it, cannot be told.
    Indeterminate,
    /// Both ends behave alike.
    EndsDoNotDiffer {
        /// How both behave.
        both: Mark,
    },
    /// The earlier end is new and the later one is old.
    EndsSwapped,
}

/// How far an end that cannot be told slides towards the other.
const SLIDE: usize = 4;

/// Searches candidates in the order of time for the place where old becomes new.
///
/// Marks may come in any order, for any candidate, asked for or not; the first one of a candidate
/// stands. What comes out is a function of the marks alone, so a search that was interrupted goes on as
/// if it never had been. Where the behaviour changes more than once, one true change is found.
#[derive(Clone, Debug)]
pub struct Search {
    marks: Vec<Option<Mark>>,
    first: End,
    /// First new candidates, as somebody thinks, the likeliest first.
    guesses: Vec<usize>,
    /// Whether nobody said what the ends are.
    free: bool,
}

/// What is known of an end.
#[derive(Clone, Copy)]
enum Settled {
    Untested(usize),
    As(usize, Mark),
    Unusable,
}

/// An old candidate and the next one that is known to be new.
#[derive(Clone, Copy)]
struct Gap {
    last_old: usize,
    first_new: usize,
    untested: usize,
}

impl Search {
    /// A search over `count` candidates, ends included, that verifies the end `first` before the other.
    pub fn new(count: usize, first: End) -> Self {
        Self { marks: vec![None; count], first, guesses: Vec::new(), free: false }
    }

    /// The same, where somebody has an idea which candidates are the first new ones. A guess costs two tests
    /// at most, and it is an answer only when both sides of it have been tested.
    #[must_use]
    pub fn guided(mut self, guesses: &[usize]) -> Self {
        let count = self.marks.len();
        self.guesses = guesses.iter().copied().filter(|guess| (1..count).contains(guess)).collect();
        self
    }

    /// The same, where nobody has said what the ends are: they are tested only when no guess is right.
    #[must_use]
    pub const fn with_free_ends(mut self) -> Self {
        self.free = true;
        self
    }

    /// Says what a candidate is. A candidate that has a mark keeps it.
    pub fn mark(&mut self, candidate: usize, mark: Mark) {
        if let Some(place @ None) = self.marks.get_mut(candidate) {
            *place = Some(mark);
        }
    }

    /// The mark of a candidate.
    pub fn marked(&self, candidate: usize) -> Option<Mark> {
        self.marks.get(candidate).copied().flatten()
    }

    /// What to do next.
    pub fn next(&self) -> Next {
        if self.free {
            if let Some(next) = self.guessed(0, self.marks.len()) {
                return next;
            }
            if self.gap().is_some() {
                return self.inside();
            }
        }
        // A guess that was half right needs the end on the other side of it.
        let first = match self.first {
            End::Earlier if self.free && !self.marks.contains(&Some(Mark::New)) => End::Later,
            End::Later if self.free && self.marks.contains(&Some(Mark::New)) => End::Earlier,
            first => first,
        };
        let ends = match first {
            End::Earlier => [End::Earlier, End::Later],
            End::Later => [End::Later, End::Earlier],
        };
        for end in ends {
            match self.settled(end) {
                Settled::Untested(candidate) => return Next::Test(candidate),
                Settled::Unusable => return Next::Done(Finding::Indeterminate),
                Settled::As(..) => {}
            }
        }
        let (Settled::As(low, earlier), Settled::As(high, later)) =
            (self.settled(End::Earlier), self.settled(End::Later))
        else {
            return Next::Done(Finding::Indeterminate);
        };
        let last = self.marks.len().saturating_sub(1);
        let finding = match (earlier, later) {
            (Mark::Old, Mark::New) if low < high => return self.inside(),
            // What lies beyond an end that has slid may well be the other way.
            (Mark::New, Mark::New) if low > 0 => Finding::Indeterminate,
            (Mark::Old, Mark::Old) if high < last => Finding::Indeterminate,
            (Mark::New, Mark::Old) if low < high => Finding::EndsSwapped,
            (both, other) if both == other => Finding::EndsDoNotDiffer { both },
            _ => Finding::Indeterminate,
        };
        Next::Done(finding)
    }

    /// The candidates that this search will most likely ask for, the next one first, at most `most`.
    pub fn lookahead(&self, most: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut ways = VecDeque::from([self.clone()]);
        // A way of no use is one whose question is known already, so twice as many are enough.
        for _ in 0..most.saturating_mul(2) {
            let Some(way) = ways.pop_front() else { break };
            let Next::Test(candidate) = way.next() else { continue };
            if !found.contains(&candidate) {
                found.push(candidate);
            }
            if found.len() >= most {
                break;
            }
            for mark in [Mark::Old, Mark::New] {
                let mut after = way.clone();
                after.mark(candidate, mark);
                ways.push_back(after);
            }
        }
        found.truncate(most);
        found
    }

    /// Whether a test of this candidate can still say something.
    pub fn is_open(&self, candidate: usize) -> bool {
        let inside = match self.next() {
            Next::Done(_) => false,
            Next::Test(_) => self.gap().is_none_or(|gap| (gap.last_old..gap.first_new).contains(&candidate)),
        };
        inside && self.marked(candidate).is_none()
    }

    fn settled(&self, end: End) -> Settled {
        let count = self.marks.len();
        for slide in 0..SLIDE.min(count) {
            let candidate = match end {
                End::Earlier => slide,
                End::Later => count - 1 - slide,
            };
            match self.marks[candidate] {
                None => return Settled::Untested(candidate),
                Some(Mark::Skip) => {}
                Some(mark) => return Settled::As(candidate, mark),
            }
        }
        Settled::Unusable
    }

    fn inside(&self) -> Next {
        let Some(gap) = self.gap() else { return Next::Done(Finding::Indeterminate) };
        if let Some(next) = self.guessed(gap.last_old, gap.first_new) {
            return next;
        }
        if let Some(candidate) = self.middle(gap) {
            return Next::Test(candidate);
        }
        let Gap { last_old, first_new, .. } = gap;
        Next::Done(if last_old + 1 == first_new {
            Finding::Found { first_new }
        } else {
            Finding::FoundDespiteSkips { last_old, first_new }
        })
    }

    /// What the guesses between an old and a new candidate ask for, or say.
    fn guessed(&self, last_old: usize, first_new: usize) -> Option<Next> {
        let inside = |guess: &&usize| (last_old + 1..=first_new).contains(*guess);
        self.guesses.iter().filter(inside).find_map(|guess| {
            let guess = *guess;
            match (self.marked(guess - 1), self.marked(guess), self.first) {
                (Some(Mark::Old), Some(Mark::New), _) => {
                    Some(Next::Done(Finding::Found { first_new: guess }))
                }
                (None, None | Some(Mark::New), End::Earlier) | (None, Some(Mark::New), End::Later) => {
                    Some(Next::Test(guess - 1))
                }
                (None | Some(Mark::Old), None, _) => Some(Next::Test(guess)),
                _ => None,
            }
        })
    }

    /// The gap to search: one that can give a clean answer before one that cannot, then the one that
    /// asks for the fewest tests, then the earliest.
    fn gap(&self) -> Option<Gap> {
        let mut old = None;
        let mut gaps: Vec<Gap> = Vec::new();
        for (at, mark) in self.marks.iter().enumerate() {
            match mark {
                Some(Mark::Old) => old = Some(at),
                Some(Mark::New) => {
                    if let Some(last_old) = old.take() {
                        let untested =
                            self.marks[last_old + 1..at].iter().filter(|mark| mark.is_none()).count();
                        gaps.push(Gap { last_old, first_new: at, untested });
                    }
                }
                Some(Mark::Skip) | None => {}
            }
        }
        gaps.into_iter().min_by_key(|gap| {
            let blocked = gap.untested == 0 && gap.last_old + 1 < gap.first_new;
            (blocked, gap.untested, gap.last_old)
        })
    }

    /// The untested candidate next to the middle, and after a skip next to other fractions of the gap:
    /// what cannot be told stands in runs, and its neighbours would most likely be skipped too.
    fn middle(&self, gap: Gap) -> Option<usize> {
        let inside = gap.last_old + 1..gap.first_new;
        let skips = inside.clone().filter(|at| self.marks[*at] == Some(Mark::Skip)).count();
        let (part, parts) = fraction(skips);
        let wanted = gap.last_old + (gap.first_new - gap.last_old) * part / parts;
        inside.filter(|at| self.marks[*at].is_none()).min_by_key(|at| (at.abs_diff(wanted), *at))
    }
}

/// 1/2, 1/4, 3/4, 1/8, 5/8, 3/8, 7/8, …: the sequence of van der Corput.
fn fraction(number: usize) -> (usize, usize) {
    let (mut rest, mut part, mut parts): (usize, usize, usize) = (number.min(4094) + 1, 0, 1);
    while rest > 0 {
        part = part * 2 + rest % 2;
        parts *= 2;
        rest /= 2;
    }
    (part, parts)
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
