//! The verbs, what a step can do. Each file holds the type of a verb, its checks and its properties.

mod agent_turn;
mod approve;
mod call;
mod cli;
mod connect;
mod connection;
mod disconnect;
mod edit_state;
mod event;
mod http;
mod log;
mod model;
mod node_host;
mod pause;
mod restart;
mod revoke;
mod send;
mod start;
mod state;
mod step;
mod stop;
mod upgrade;
mod verb;
mod wait;

pub use agent_turn::{AgentTurn, AgentVia};
pub use approve::Approve;
pub use call::Call;
pub use cli::Cli;
pub use connect::{
    AUTH_WORDS, Auth, CertificatePin, Connect, Credentials, IdFault, KeyFault, NonceFault, Proof,
    ProofVersion, SignatureFault, SignedOver, Tls,
};
pub(super) use connection::{check_name, check_persona};
pub use disconnect::Disconnect;
pub(crate) use edit_state::HOME_IDENTITY;
pub use edit_state::{EditState, PatchOperation, PatchVerb};
pub use event::AwaitEvent;
pub use http::HttpRequest;
pub use log::{LinePattern, Log};
pub use model::{Model, ModelReply};
pub use node_host::NodeHost;
pub use pause::{Pause, Resume};
pub use restart::Restart;
pub use revoke::Revoke;
pub use send::Send;
pub use start::Start;
pub use state::State;
pub(super) use step::VERBS;
pub(crate) use step::with_verb;
pub use step::{Repeat, Sequence, Step, Together};
pub use stop::Stop;
pub use upgrade::{Destination, Upgrade};
pub use verb::{Earlier, StepSite, Verb};
pub use wait::{AwaitClose, Wait};
