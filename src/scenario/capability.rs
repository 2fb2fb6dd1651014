//! Capabilities: what a target may be able to do.

use schemars::JsonSchema;
use serde::Deserialize;

/// Something that not every target can do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Records can be placed in its store before it boots.
    Seed,
    /// It can be stopped and started again.
    Restart,
    /// Its stored state can be read.
    State,
    /// Its configuration can be set.
    Config,
    /// It also listens on IPv6.
    Ipv6,
    /// Its log can be read.
    Log,
    /// Another release can be booted on the same home.
    Upgrade,
    /// The programs of its release (command line, node host, agent) can be run.
    Programs,
    /// It is a real gateway, not the model of one.
    Real,
}

impl Capability {
    /// What a target without the capability lacks, to follow "this target has no".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Seed => "way to place records before it boots",
            Self::Restart => "way to restart it",
            Self::State => "way to read its stored state",
            Self::Config => "way to set its configuration",
            Self::Ipv6 => "IPv6 address",
            Self::Log => "readable log",
            Self::Upgrade => "way to boot another release on the same home",
            Self::Programs => "command line, node host or agent",
            Self::Real => "real program (it is a model)",
        }
    }
}
