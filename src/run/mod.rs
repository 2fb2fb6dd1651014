//! Plans, lanes, steps and their observations; the event stream that comes out.

mod event;
mod record;
#[cfg(test)]
pub(crate) mod test_support;
mod timeline;

pub use event::{
    Cell, Event, Format, ListedDeviation, RUN_FORMAT, RunStarted, ScenarioInfo, StepRecord, TargetInfo,
};
pub use record::{GatewayRecord, Recorder, RunInfo, RunRecord, Summary};
pub use timeline::{Stretch, Timeline, behaviour, timelines};
