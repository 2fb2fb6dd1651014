//! The steps that the history of the handshake is made of.

use super::rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};
use crate::release::Release;

/// What a [`Change`] sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setting {
    /// The rule holds.
    On(Rule),
    /// The rule does not hold.
    Off(Rule),
    /// Seconds until a silent connection is closed.
    HandshakeSeconds(u16),
    /// The protocol that is spoken.
    Protocol(u32),
    /// How forwarding headers count.
    Forwarding(Forwarding),
    /// Which roles a paired device has.
    Roles(Roles),
    /// What happens when more scopes are asked for.
    ScopeUpgrade(ScopeUpgrade),
    /// Which backends need no pairing.
    BackendPairing(BackendPairing),
    /// What a client without a device keeps.
    Deviceless(Deviceless),
    /// What becomes of earlier requests.
    PendingMerge(PendingMerge),
    /// What a fresh node gets.
    NodeCommands(NodeCommands),
    /// What a node's request tells.
    NodeRequest(NodeRequest),
    /// The scope that `node.pair.approve` needs.
    NodeApprovalScope(&'static str),
}

impl Setting {
    /// The rule's name: changes with the same name replace one another.
    pub fn name(&self) -> String {
        match self {
            Self::On(rule) | Self::Off(rule) => format!("{rule:?}"),
            Self::HandshakeSeconds(_) => "HandshakeSeconds".to_owned(),
            Self::Protocol(_) => "Protocol".to_owned(),
            Self::Forwarding(_) => "Forwarding".to_owned(),
            Self::Roles(_) => "Roles".to_owned(),
            Self::ScopeUpgrade(_) => "ScopeUpgrade".to_owned(),
            Self::BackendPairing(_) => "BackendPairing".to_owned(),
            Self::Deviceless(_) => "Deviceless".to_owned(),
            Self::PendingMerge(_) => "PendingMerge".to_owned(),
            Self::NodeCommands(_) => "NodeCommands".to_owned(),
            Self::NodeRequest(_) => "NodeRequest".to_owned(),
            Self::NodeApprovalScope(_) => "NodeApprovalScope".to_owned(),
        }
    }
}

/// A step in the history of the handshake: from this release on, this holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// First release that has it.
    pub since: Release,
    /// What is set.
    pub set: Setting,
    /// What that means, in one line.
    pub about: &'static str,
    /// How it is known: measured or read on which release, and the report or change behind it.
    pub evidence: &'static str,
}
