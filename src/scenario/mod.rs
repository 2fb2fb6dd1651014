//! The scenario format: types with their places in the text.

mod connect;
mod device;
mod duration;
mod entries;
mod expect;
mod file;
mod pattern;
mod span;
mod step;
mod story;

pub use connect::{
    AUTH_WORDS, Address, Auth, Connect, Credentials, IdFault, KeyFault, NonceFault, Proof, ProofVersion,
    SignatureFault, SignedOver,
};
pub use device::{Device, PairedSeed, PendingSeed, TokenSeed};
pub use duration::{Millis, ParseMillisError};
pub use entries::Entries;
pub use expect::{ClosedExpectation, EXPECTATION_WORDS, ErrorExpectation, Expectation, ExpectationKind};
pub use file::{Capability, Deviation, DeviationClass, Requires, ScenarioFile};
pub use pattern::{OPERATORS, Pattern};
pub use span::{Span, Spanned};
pub use step::{
    AwaitClose, AwaitEvent, Call, Disconnect, Repeat, Restart, Send, State, Step, Together, Wait,
};
pub use story::{Action, Scenario, Source, StoryDeviation, StoryStep};
