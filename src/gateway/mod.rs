//! What is tested: target names, homes, processes, readiness, logs and stored state of gateways.

mod boot;
mod embedded;
mod home;
mod host;
pub mod install;
mod launch;
mod leaks;
mod log;
mod port;
mod process;
mod ready;
mod redirect;
mod seed;
mod state;
mod subject;
mod target;
mod tree;
mod watch;
mod workshop;

pub use boot::{BootError, BootRequest, Death, Gateway, Machine, StopReport};
pub use embedded::{Embedded, EmbeddedError};
pub use home::{HOME_VARIABLE, Home, Homes, Swept, configuration};
pub use host::{Attached, Host, HostEnd, HostError};
pub use launch::{Launch, NodeBuild};
pub use leaks::Leak;
pub use log::{Log, LogLine};
pub use seed::Seed;
pub use state::{StateError, StoredPairing, read_pairing};
pub use subject::{StartError, StartRequest, Subject};
pub use target::{Address, EmbeddedTarget, ParseTargetError, Remote, Target};
pub use tree::Stray;
pub use watch::{Exit, dispatch};
pub use workshop::{Facts, OpenWorkshopError, PrepareError, Workshop};
