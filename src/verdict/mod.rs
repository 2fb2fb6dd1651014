//! From an observation to a verdict; pure.

mod judge;
mod matching;
mod outcome;
mod signature;

pub use judge::{Judgement, Verdict, judge, overall};
pub use matching::{Mismatch, line_has, matches, mismatch, satisfies};
pub use outcome::{Outcome, normalised, redact_volatile};
pub use signature::Signature;
