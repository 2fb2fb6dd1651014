//! Explores: random stories on two targets, or on one that has to obey laws; what differs or breaks a law is shrunk to a
//! minimal scenario.

mod compare;
mod expected;
mod finding;
mod generate;
mod hunt;
mod known;
mod lawful;
mod render;
mod shrink;
mod situation;
mod stage;
mod story;
mod trace;
mod twin;
mod weights;
mod yaml;

pub use compare::{Compared, Difference, OutcomePair, Wanted, compare, words};
pub use finding::{Finding, Ledger, Told};
pub use generate::Generator;
pub use hunt::{ExploreError, ExploreRequest, Explored, Followers, Growth, HuntState, Progress, explore};
pub use known::KnownCases;
pub use lawful::LawsOf;
pub use render::{Heading, Hears, Looks, Part, Written, write};
pub use shrink::{Shrinker, weight};
pub use situation::{Situation, kind, situation};
pub use stage::{Ran, Stage, StageError};
pub use story::{
    Action, Caller, Connect, ConnectionNumber, Credential, DeviceNumber, Oddity, ProofFault, Record, Request,
    Route, Setting, Story, StoryDevice, StoryStep, Stray, TokenState, Tokens,
};
pub use weights::{BUILT_IN, Table, Weights, WeightsError};
pub use yaml::flow;
