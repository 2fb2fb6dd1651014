//! The scenario format: types with their places in the text.

mod actors;
mod address;
mod assemble;
mod beside;
mod change;
mod check;
mod connect;
mod decode;
mod decode_error;
mod defaults;
mod device;
mod diagnostic;
mod draft;
mod duration;
mod entries;
mod expand;
mod expect;
mod expect_written;
mod file;
mod flow;
mod layout;
mod lifecycle;
mod load;
mod log;
mod named;
mod pattern;
mod reference;
mod saved;
mod schema;
mod source;
mod span;
mod step;
mod story;
mod suggest;
mod tree;

pub use actors::{
    AgentTurn, AgentVia, Approve, Cli, Destination, EditState, Model, ModelReply, NodeHost, PatchOperation,
    PatchVerb, Revoke, Upgrade,
};
pub use address::{Address, ParseAddressError};
pub use beside::{HttpRequest, Start};
pub use change::{CHANGES, Change};
pub use check::check;
pub use connect::{
    AUTH_WORDS, Auth, Connect, Credentials, IdFault, KeyFault, NonceFault, Pin, Proof, ProofVersion,
    SignatureFault, SignedOver, Tls,
};
pub use defaults::is_of_defaults;
pub use device::{Device, PairedSeed, PendingSeed, TokenSeed};
pub use diagnostic::{Diagnostic, Related, Severity};
pub use draft::BUILT_IN;
pub use duration::{Millis, ParseMillisError};
pub use entries::Entries;
pub use expect::{ClosedExpectation, ErrorExpectation, ExitExpectation, Expectation, ExpectationKind};
pub use expect_written::EXPECTATION_WORDS;
pub use file::{Capability, Deviation, DeviationClass, Observe, Owner, Requires, ScenarioFile};
pub use flow::FlowText;
pub use layout::{Layout, Place, layout};
pub use lifecycle::{Ready, Restart, Stop, StopSignal};
pub use load::{Suite, load};
pub use log::{Line, Log};
pub use named::{NAMED_OUTCOMES, NamedOutcome};
pub use pattern::{OPERATORS, Pattern};
pub use reference::{
    BUILTIN_REFERENCES, Part, Reference, ReferenceError, UnresolvedReference, parse_text, resolve,
    resolve_telling,
};
pub use saved::Saved;
pub use schema::{schema, schema_text};
pub use source::Source;
pub use span::{Span, Spanned};
pub use step::{
    AwaitClose, AwaitEvent, Call, Disconnect, Repeat, Send, Sequence, State, Step, Together, Wait,
};
pub use story::{Action, Scenario, StoryDeviation, StoryStep, StoryVague, changes_everybody};
pub use suggest::did_you_mean;
