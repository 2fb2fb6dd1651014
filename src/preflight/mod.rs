//! What an upgrade would do to the devices of a real gateway, asked of real releases on copies.

mod ask;
mod devices;
mod exec;
mod judge;
mod report;
mod source;
mod stand_in;
mod text;

pub use ask::{AskError, Asked};
pub use devices::{Credential, DeviceRole, Token, device_roles};
pub use exec::Exec;
pub use judge::{Answer, Fate, judge};
pub use report::{FORMAT, Preflight, PreflightError, PreflightRequest, Row, Side, preflight};
pub use source::{Copied, SourceError, copy};
pub use text::text;
