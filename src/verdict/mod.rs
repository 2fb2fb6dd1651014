//! From an observed outcome to a verdict, without any I/O.

mod judge;
mod matching;
mod outcome;
mod printed;
mod signature;

pub use judge::{Judgement, Verdict, judge, overall};
pub use matching::{Mismatch, line_has, matches, mismatch, satisfies};
pub use outcome::{Outcome, normalised, redact_volatile};
pub(crate) use printed::telling_line;
pub use signature::Signature;
