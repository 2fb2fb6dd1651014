//! The entries of the history of the handshake.

use super::rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};
use crate::release::Release;

/// The rule that a [`RuleChange`] sets, with its new value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setting {
    /// The release has the rule.
    On(Rule),
    /// The release lacks the rule.
    Off(Rule),
    /// The seconds after which a connection that has not finished its handshake is closed.
    HandshakeSeconds(u16),
    /// The version of the protocol that the gateway speaks.
    Protocol(u32),
    /// Which forwarding headers make a peer remote.
    Forwarding(Forwarding),
    /// Where the roles of a paired device come from.
    Roles(Roles),
    /// What happens when a local device asks for more scopes than were approved.
    ScopeUpgrade(ScopeUpgrade),
    /// Which local backends skip pairing.
    BackendPairing(BackendPairing),
    /// Which clients without a device keep their scopes.
    Deviceless(Deviceless),
    /// What happens to the earlier pending requests of a device that asks again.
    PendingMerge(PendingMerge),
    /// Which commands a node offers before somebody approves them.
    NodeCommands(NodeCommands),
    /// What a node's request for approval says about the node.
    NodeRequest(NodeRequest),
    /// The scope that `node.pair.approve` needs.
    NodeApprovalScope(&'static str),
}

impl Setting {
    /// The name of the rule. A later change with the same name replaces an earlier one.
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

/// A change in the history of the handshake, which holds from one release until a later change of the same rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleChange {
    /// The first release with the change.
    pub since: Release,
    /// The rule and its new value.
    pub set: Setting,
    /// What the change means, in one sentence.
    pub about: &'static str,
    /// How it is known: the releases on which it was measured or in whose code it was read, and the upstream issue, if
    /// any.
    pub evidence: &'static str,
}
