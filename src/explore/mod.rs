//! Explores: random stories on two targets, or on one that has to obey laws; what differs or breaks a law is shrunk to a
//! minimal scenario.

mod generate;
mod render;
mod situation;
mod story;
mod weights;
mod yaml;

pub use generate::Generator;
pub use render::{Heading, Part, Written, write};
pub use situation::{Situation, kind, situation};
pub use story::{Caller, Connect, Credential, Record, Setting, Story, StoryDevice, StoryStep, TokenState, Tokens};
pub use weights::{BUILT_IN, Table, Weights, WeightsError};
