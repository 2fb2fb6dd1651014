//! Finding where behaviour changed, with a scenario as the oracle.

mod answer;
mod commits;
mod conditions;
mod confidence;
mod drive;
mod entry;
mod evidence;
mod log;
mod measure;
mod reading;
mod releases;
mod render;
mod search;
mod transitions;

pub use answer::{Answer, Conclusion, Step, Story, Stretch};
pub use commits::{BuildError, Commits, CommitsError, GitError, Install, Recipe, Repository, Trees, Variant};
pub use conditions::Conditions;
pub use confidence::{Belief, Tally, differ};
pub use drive::{Drive, Ending, Measurement, Oracle};
pub use entry::{
    Answered, Asked, BISECT_FORMAT, Candidate, Check, Commit, Entry, Find, Kind, Probe, Question, Reading,
    Support, Terms, Word, doubtful,
};
pub use evidence::{Evidence, Known, digest, is_evidence, release_build};
pub use log::{Log, LogError, entries};
pub use measure::Measure;
pub use reading::{Judge, read};
pub use releases::Releases;
pub use render::{markdown, progress, text};
pub use search::{End, Finding, Mark, Next, Search};
