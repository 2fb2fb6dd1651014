//! Predicts what an upgrade would do to the devices of a real gateway, by asking real releases on copies of its state.

mod archive;
mod ask;
mod cause;
mod devices;
mod exec;
mod judge;
mod progress;
mod report;
mod source;
mod stand_in;

pub use archive::{is_archive, unpack};
pub use ask::{AskError, ReachError};
pub use cause::{Cause, ChangedRule, ChangedScenario};
pub use devices::{Credential, DeviceRole, TokenState};
pub use exec::ExecOutcome;
pub use judge::{ReconnectAnswer, UpgradeEffect};
pub use progress::{PreflightDoing, PreflightProgress};
pub use report::{
    DeviceOutcome, PREFLIGHT_FORMAT, Preflight, PreflightError, PreflightRequest, ReleaseSide, preflight,
};
pub use source::{SourceError, StateCopy, copy_state};
