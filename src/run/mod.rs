//! Runs scenarios: plans lanes, runs steps, observes outcomes, and emits the event stream.

mod abridged;
mod barrier;
mod bindings;
mod case;
mod case_limit;
mod context;
mod deny;
mod doubt;
mod engine;
mod event;
mod excerpt;
mod handshake;
mod identity;
mod kept;
mod kept_transcripts;
mod known;
mod lane;
mod neighbours;
mod network;
mod open_files;
mod plan;
mod pool;
mod pressure;
mod programs;
mod record;
mod rerun;
mod secrets;
mod seeds;
mod sockets;
mod starts;
mod step;
mod step_error;
mod stored;
#[cfg(test)]
pub(crate) mod test_support;
mod timeline;
mod unfinished;
mod verbs;
mod warm;

pub use deny::{Deny, ParseDenyError};
pub(crate) use engine::untestable;
pub use engine::{Emit, RunRequest, run};
pub use event::{
    Cell, Event, Format, FramesChecked, ListedDeviation, LogStretch, PlannedPart, RUN_FORMAT, RunStarted,
    ScenarioInfo, StepRecord, StoredRecords, TargetInfo,
};
pub use excerpt::Excerpt;
pub(crate) use handshake::{HandshakeFacts, params as connect_params};
pub use kept::KeptGateways;
pub use kept_transcripts::KeptTranscripts;
pub use known::{Known, KnownCounts};
pub(crate) use known::{deciding, denied, is_of_security, shows};
pub use lane::{AllReached, Reached, Settings};
pub use open_files::OpenFileLimit;
pub use plan::{ScenarioOrder, Schedule, TakeOver, boots};
pub use pool::{Pool, PoolError};
pub use record::{GatewayRecord, Recorder, RunInfo, RunRecord, Summary};
pub use rerun::{CellName, Folders, Rerun, STEP_TIMEOUT};
pub use starts::{GIVEN_UP, start_failure};
pub use timeline::{GAP, Series, Stretch, Timeline, behaviour, stretches, timelines};
pub use unfinished::{Ending, RunningAttempt, Unfinished};
pub use warm::{Warm, WarmError};
