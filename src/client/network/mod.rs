//! Faults that are injected between a client and its gateway: what they are, how a seed chooses them, and the relay that
//! injects them.

mod chaos;
mod client_end;
mod faults;
mod frame_count;
mod progress;
mod relay;

pub use chaos::{Drawn, draw};
pub use faults::{Amount, Cut, CutKind, Faults, Lost, Point, Way};
pub(super) use relay::{Injected, RelayHandle, through};
pub use relay::{Injection, OnCut};
