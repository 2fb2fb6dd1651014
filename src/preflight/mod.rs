//! Predicts what an upgrade would do to the devices of a real gateway, by asking real releases on copies of its state.

mod ask;
mod devices;
mod exec;
mod judge;
mod report;
mod source;
mod stand_in;

pub use ask::{AskError, ReachError};
pub use devices::{Credential, DeviceRole, TokenState};
pub use exec::ExecOutcome;
pub use judge::{ReconnectAnswer, UpgradeEffect};
pub use report::{
    DeviceOutcome, PREFLIGHT_FORMAT, Preflight, PreflightError, PreflightRequest, ReleaseSide, preflight,
};
pub use source::{SourceError, StateCopy, copy_state};
