//! Finds the release or commit in which the behaviour of a scenario changed.

mod candidates;
mod commits;
mod conditions;
mod confidence;
mod drive;
mod entry;
mod error;
mod evidence;
mod log;
mod log_writer;
mod reading;
mod release_oracle;
mod release_search;
mod report;
mod request;
mod runner;
mod search;
mod search_context;
mod search_record;
mod session;
#[cfg(test)]
pub(crate) mod test_support;
mod transitions;

pub use commits::{BuildError, CommitOracleError, GitError, ShellError};
pub use conditions::Conditions;
pub use entry::{
    BISECT_FORMAT, BuildVerdict, Candidate, CandidateKind, Check, CheckSupport, Commit, LogEntry, Probe,
    Question, Reading, SearchEnd, SearchStart, SoughtChange, Terms, is_doubtful,
};
pub use error::BisectError;
pub use evidence::{EvidenceStore, KnownCells, digest, is_evidence, release_build};
pub use log::{Log, LogError, read_log};
pub use log_writer::{OnProgress, Progress};
pub use report::{BehaviourRange, BisectReport, Conclusion, ReportedProbe, timeline};
pub use request::{BisectRequest, BuildMethod, CommitRequest, RangeEnds};
pub use search::{Mark, SearchOutcome};
pub use search_record::SearchRecord;
pub use session::{Bisected, bisect};
