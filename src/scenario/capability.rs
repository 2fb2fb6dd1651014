//! What a target may be able to do.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a target may be able to do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Records can be placed before it boots.
    Seed,
    /// It can be stopped and started again.
    Restart,
    /// What it stores can be read.
    State,
    /// Its configuration can be chosen.
    Config,
    /// It listens on IPv6 too.
    Ipv6,
    /// What it prints can be read.
    Log,
    /// Another release can be booted on its home.
    Upgrade,
    /// The programs of its release can be run: command line, node host, agent.
    Programs,
    /// It is a released program, not the model of one.
    Real,
}

impl Capability {
    /// What a target without it lacks, for messages.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Seed => "way to place records before it boots",
            Self::Restart => "way to restart it",
            Self::State => "way to read what it stores",
            Self::Config => "way to choose its configuration",
            Self::Ipv6 => "IPv6 address",
            Self::Log => "log that can be read",
            Self::Upgrade => "way to boot another release on its home",
            Self::Programs => "command line, node host or agent",
            Self::Real => "real program (it is a model)",
        }
    }
}
