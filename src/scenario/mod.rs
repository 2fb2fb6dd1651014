//! The scenario format: its types, loading, checks and JSON Schema.

mod address;
mod assemble;
mod capability;
mod change;
mod check;
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
mod format;
mod layout;
mod lifecycle;
mod load;
mod named;
mod needed;
mod network;
mod pattern;
mod reference;
mod saved;
mod schema;
mod source;
mod span;
mod story;
mod suggest;
mod tree;
mod vars;
mod verbs;

pub use address::{Address, ParseAddressError};
pub use capability::Capability;
pub use change::{CHANGES, Change};
pub use check::{OUTSIDE, check};
pub use defaults::is_of_defaults;
pub use device::{Device, PairedSeed, PendingSeed, TokenSeed};
pub use diagnostic::{Diagnostic, Related, Severity};
pub use draft::BUILT_IN;
pub use duration::{Millis, ParseMillisError};
pub use entries::Entries;
pub use expect::{ClosedExpectation, ErrorExpectation, ExitExpectation, Expectation, ExpectationKind};
pub use expect_written::EXPECTATION_WORDS;
pub use file::{Deviation, DeviationClass, Observe, Owner, Requires, ScenarioFile};
pub use flow::{FlowText, FlowValue};
pub use format::formatted;
pub use layout::{DeviationEntry, Layout, layout};
pub use lifecycle::{Ready, StopSignal};
pub use load::{Suite, load, load_with};
pub use named::{NAMED_OUTCOMES, NamedOutcome};
pub use needed::{NeededVersion, ParseNeededError};
pub use network::{HalfOpen, LostTraffic, Network, NetworkPoint, NetworkReset};
pub use pattern::{OPERATORS, Pattern};
pub use reference::{
    BUILTIN_REFERENCES, Reference, ReferenceError, TextPart, UnresolvedReference, parse_text, resolve,
    resolve_with,
};
pub use saved::Saved;
pub use schema::{schema, schema_text};
pub use source::Source;
pub use span::{Span, Spanned};
pub use story::{Action, Scenario, StoryDeviation, StoryStep, StoryVague, changes_everybody};
pub use vars::{GivenVars, VarValue, Variable};
pub use verbs::{
    AUTH_WORDS, AgentTurn, AgentVia, Approve, Auth, AwaitClose, AwaitEvent, Call, CertificatePin, Cli,
    Connect, Credentials, Destination, Disconnect, Earlier, EditState, HttpRequest, IdFault, KeyFault,
    LinePattern, Log, Model, ModelReply, NodeHost, NonceFault, PatchOperation, PatchVerb, Pause, Proof,
    ProofVersion, Repeat, Restart, Resume, Revoke, Send, Sequence, SignatureFault, SignedOver, Start, State,
    Step, StepSite, Stop, Tls, Together, Upgrade, Verb, Wait,
};
pub(crate) use verbs::{HOME_IDENTITY, with_verb};
