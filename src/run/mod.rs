//! Plans, lanes, steps and their observations; the event stream that comes out.

mod actors;
mod barrier;
mod bindings;
mod case;
mod engine;
mod event;
mod handshake;
mod identity;
mod known;
mod lane;
mod plan;
mod pool;
mod record;
mod seeds;
mod step;
mod stored;
#[cfg(test)]
pub(crate) mod test_support;
mod timeline;

pub use engine::{Emit, RunRequest, run};
pub use event::{
    Cell, Event, Format, ListedDeviation, RUN_FORMAT, RunStarted, ScenarioInfo, StepRecord, StoredRecords,
    TargetInfo,
};
pub use known::{Deny, Known, KnownCounts, ParseDenyError};
pub(crate) use known::{deciding, denied, is_of_security};
pub use lane::Settings;
pub use pool::{Pool, PoolError};
pub use record::{GatewayRecord, Recorder, RunInfo, RunRecord, Summary};
pub use timeline::{Stretch, Timeline, behaviour, timelines};
