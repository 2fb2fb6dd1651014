//! What a command is doing and how far it is: one line on a terminal, few lines in a log.

mod earlier;
mod line;
mod pace;
mod stage;

pub use earlier::EarlierTimes;
pub use line::Progress;
pub(crate) use pace::Pace;
pub use stage::{Amount, Stage};
pub(crate) use stage::{time_left, told_left};
