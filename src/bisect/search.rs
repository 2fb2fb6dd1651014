//! The search algorithm: what to test next, and what the marks mean. It is independent of builds.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// An end of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RangeEnd {
    /// The first candidate.
    Earlier,
    /// The last candidate.
    Later,
}

/// The result of testing a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It behaves like the earlier end is supposed to.
    Old,
    /// It behaves like the later end is supposed to.
    New,
    /// It could not be tested.
    Skip,
}

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Test this candidate.
    Test(usize),
    /// The search is over.
    Done(SearchOutcome),
}

/// The outcome of a finished search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchOutcome {
    /// `first_new` is new and the candidate before it is old.
    Found {
        /// The first new candidate.
        first_new: usize,
    },
    /// Nothing between an old and a new candidate could be tested.
    FoundDespiteSkips {
        /// The last candidate known to be old.
        last_old: usize,
        /// The first candidate known to be new; it or one of those in between brought the change.
        first_new: usize,
    },
    /// Neither an end nor its neighbours could be tested.
    Indeterminate,
    /// Both ends behave alike.
    EndsDoNotDiffer {
        /// How both behave.
        both: Mark,
    },
    /// The earlier end is new and the later one is old.
    EndsSwapped,
}

/// How many candidates are tried in place of an end that cannot be tested.
const SLIDE: usize = 4;

/// Searches candidates in the order of time for the place where old becomes new.
///
/// Marks may arrive in any order and for any candidate, requested or not; the first mark of a candidate counts. The outcome
/// depends on the marks alone, so an interrupted search resumes as if nothing had happened. Where behaviour changes more
/// than once, one real change is found.
#[derive(Clone, Debug)]
pub(super) struct Search {
    marks: Vec<Option<Mark>>,
    first: RangeEnd,
    /// Guesses at the first new candidate, the likeliest first.
    guesses: Vec<usize>,
    /// Whether the user named no ends.
    free: bool,
}

/// The state of an end.
#[derive(Clone, Copy)]
enum EndState {
    Untested(usize),
    As(usize, Mark),
    Unusable,
}

/// An old candidate and the next one known to be new.
#[derive(Clone, Copy)]
struct Gap {
    last_old: usize,
    first_new: usize,
    untested: usize,
}

impl Search {
    /// A search over `count` candidates, ends included, that tests the end `first` before the other.
    pub(super) fn new(count: usize, first: RangeEnd) -> Self {
        Self { marks: vec![None; count], first, guesses: Vec::new(), free: false }
    }

    /// Adds guesses at the first new candidate. A guess costs at most two tests, and it becomes the answer only when both
    /// sides of it have been tested.
    #[must_use]
    pub(super) fn guided(mut self, guesses: &[usize]) -> Self {
        let count = self.marks.len();
        self.guesses = guesses.iter().copied().filter(|guess| (1..count).contains(guess)).collect();
        self
    }

    /// Declares the ends unnamed: they are tested only when no guess is right.
    #[must_use]
    pub(super) const fn with_free_ends(mut self) -> Self {
        self.free = true;
        self
    }

    /// Marks a candidate. A candidate that already has a mark keeps it.
    pub(super) fn mark(&mut self, candidate: usize, mark: Mark) {
        if let Some(place @ None) = self.marks.get_mut(candidate) {
            *place = Some(mark);
        }
    }

    /// The mark of a candidate.
    pub(super) fn marked(&self, candidate: usize) -> Option<Mark> {
        self.marks.get(candidate).copied().flatten()
    }

    /// What to do next.
    pub(super) fn next(&self) -> Next {
        if self.free {
            if let Some(next) = self.guessed(0, self.marks.len()) {
                return next;
            }
            if self.gap().is_some() {
                return self.inside();
            }
        }
        // A guess that was half right still needs the end on its other side.
        let first = match self.first {
            RangeEnd::Earlier if self.free && !self.marks.contains(&Some(Mark::New)) => RangeEnd::Later,
            RangeEnd::Later if self.free && self.marks.contains(&Some(Mark::New)) => RangeEnd::Earlier,
            first => first,
        };
        let ends = match first {
            RangeEnd::Earlier => [RangeEnd::Earlier, RangeEnd::Later],
            RangeEnd::Later => [RangeEnd::Later, RangeEnd::Earlier],
        };
        for end in ends {
            match self.settled(end) {
                EndState::Untested(candidate) => return Next::Test(candidate),
                EndState::Unusable => return Next::Done(SearchOutcome::Indeterminate),
                EndState::As(..) => {}
            }
        }
        let (EndState::As(low, earlier), EndState::As(high, later)) =
            (self.settled(RangeEnd::Earlier), self.settled(RangeEnd::Later))
        else {
            return Next::Done(SearchOutcome::Indeterminate);
        };
        let last = self.marks.len().saturating_sub(1);
        let outcome = match (earlier, later) {
            (Mark::Old, Mark::New) if low < high => return self.inside(),
            // The candidates beyond a replaced end may well behave differently.
            (Mark::New, Mark::New) if low > 0 => SearchOutcome::Indeterminate,
            (Mark::Old, Mark::Old) if high < last => SearchOutcome::Indeterminate,
            (Mark::New, Mark::Old) if low < high => SearchOutcome::EndsSwapped,
            (both, other) if both == other => SearchOutcome::EndsDoNotDiffer { both },
            _ => SearchOutcome::Indeterminate,
        };
        Next::Done(outcome)
    }

    /// The candidates that this search will most likely request, the next one first, at most `most`.
    pub(super) fn lookahead(&self, most: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut branches = VecDeque::from([self.clone()]);
        // A branch is useless when it requests a candidate found before, so twice as many are enough.
        for _ in 0..most.saturating_mul(2) {
            let Some(branch) = branches.pop_front() else { break };
            let Next::Test(candidate) = branch.next() else { continue };
            if !found.contains(&candidate) {
                found.push(candidate);
            }
            if found.len() >= most {
                break;
            }
            for mark in [Mark::Old, Mark::New] {
                let mut after = branch.clone();
                after.mark(candidate, mark);
                branches.push_back(after);
            }
        }
        found.truncate(most);
        found
    }

    /// Whether testing this candidate can still be informative.
    pub(super) fn is_open(&self, candidate: usize) -> bool {
        let inside = match self.next() {
            Next::Done(_) => false,
            Next::Test(_) => self.gap().is_none_or(|gap| (gap.last_old..gap.first_new).contains(&candidate)),
        };
        inside && self.marked(candidate).is_none()
    }

    fn settled(&self, end: RangeEnd) -> EndState {
        let count = self.marks.len();
        for slide in 0..SLIDE.min(count) {
            let candidate = match end {
                RangeEnd::Earlier => slide,
                RangeEnd::Later => count - 1 - slide,
            };
            match self.marks[candidate] {
                None => return EndState::Untested(candidate),
                Some(Mark::Skip) => {}
                Some(mark) => return EndState::As(candidate, mark),
            }
        }
        EndState::Unusable
    }

    fn inside(&self) -> Next {
        let Some(gap) = self.gap() else { return Next::Done(SearchOutcome::Indeterminate) };
        if let Some(next) = self.guessed(gap.last_old, gap.first_new) {
            return next;
        }
        if let Some(candidate) = self.middle(gap) {
            return Next::Test(candidate);
        }
        let Gap { last_old, first_new, .. } = gap;
        Next::Done(if last_old + 1 == first_new {
            SearchOutcome::Found { first_new }
        } else {
            SearchOutcome::FoundDespiteSkips { last_old, first_new }
        })
    }

    /// The next thing to do according to the guesses between an old and a new candidate.
    fn guessed(&self, last_old: usize, first_new: usize) -> Option<Next> {
        let inside = |guess: &&usize| (last_old + 1..=first_new).contains(*guess);
        self.guesses.iter().filter(inside).find_map(|guess| {
            let guess = *guess;
            match (self.marked(guess - 1), self.marked(guess), self.first) {
                (Some(Mark::Old), Some(Mark::New), _) => {
                    Some(Next::Done(SearchOutcome::Found { first_new: guess }))
                }
                (None, None | Some(Mark::New), RangeEnd::Earlier)
                | (None, Some(Mark::New), RangeEnd::Later) => Some(Next::Test(guess - 1)),
                (None | Some(Mark::Old), None, _) => Some(Next::Test(guess)),
                _ => None,
            }
        })
    }

    /// The gap to search: one that allows a clean answer before one that does not, then the one that needs the fewest
    /// tests, then the earliest.
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

    /// The untested candidate nearest to the middle, and after a skip nearest to other fractions of the gap: untestable
    /// candidates come in runs, so the neighbours of one would most likely be skipped, too.
    fn middle(&self, gap: Gap) -> Option<usize> {
        let inside = gap.last_old + 1..gap.first_new;
        let skips = inside.clone().filter(|at| self.marks[*at] == Some(Mark::Skip)).count();
        let (part, parts) = fraction(skips);
        let wanted = gap.last_old + (gap.first_new - gap.last_old) * part / parts;
        inside.filter(|at| self.marks[*at].is_none()).min_by_key(|at| (at.abs_diff(wanted), *at))
    }
}

/// 1/2, 1/4, 3/4, 1/8, 5/8, 3/8, 7/8, …: the van der Corput sequence.
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
