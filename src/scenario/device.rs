//! Devices of a scenario, and the records that are stored for them before the gateway boots.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::duration::Millis;
use super::entries::Entries;
use super::span::Spanned;

/// A device: its own key pair, and what the gateway already knows about it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Platform sent on connect, such as `linux`.
    pub platform: Option<String>,
    /// Device family sent on connect, such as `desktop`.
    pub family: Option<String>,
    /// A record of the approved device, stored before the gateway boots.
    pub paired: Option<Spanned<PairedSeed>>,
    /// A request for approval, stored before the gateway boots.
    pub pending: Option<Spanned<PendingSeed>>,
}

/// A stored record of an approved device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairedSeed {
    /// Roles that were approved. Default: `[operator]`.
    pub roles: Option<Vec<String>>,
    /// The record's single `role`. Default: the first of `roles`.
    pub role: Option<String>,
    /// Scopes that were approved. Default: none.
    pub scopes: Option<Vec<String>>,
    /// `approvedScopes`, if they differ from `scopes`.
    pub approved_scopes: Option<Vec<String>>,
    /// Tokens by role. Default: an active token for each role; `{}` is an empty map.
    pub tokens: Option<Entries<TokenSeed>>,
    /// Persona that paired. Default: `cli`.
    pub persona: Option<Spanned<String>>,
    /// Age of the record. Default: `1d`.
    pub age: Option<Millis>,
    /// Keys to leave out of the stored record, such as `[tokens]`.
    pub omit: Option<Vec<String>>,
    /// Keys to set in the stored record as written.
    pub set: Option<Value>,
}

/// A stored token of a paired device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSeed {
    /// Scopes of the token. Default: the record's for an operator, none for a node.
    pub scopes: Option<Vec<String>>,
    /// Whether the token has been revoked.
    #[serde(default)]
    pub revoked: bool,
}

/// A stored request for approval.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PendingSeed {
    /// Requested role. Default: `operator`.
    pub role: Option<String>,
    /// Requested roles. Default: the role.
    pub roles: Option<Vec<String>>,
    /// Requested scopes. Default: none.
    pub scopes: Option<Vec<String>>,
    /// Persona that asked. Default: `cli`.
    pub persona: Option<Spanned<String>>,
    /// Age of the request. Gateways drop a request after five minutes. Default: an hour in the future, so that it
    /// does not expire however long the gateway takes.
    pub age: Option<Millis>,
    /// Whether the device was paired before (`isRepair`).
    #[serde(default)]
    pub repair: bool,
    /// Keys to leave out of the stored request, such as `[role]`.
    pub omit: Option<Vec<String>>,
    /// Keys to set in the stored request as written.
    pub set: Option<Value>,
}
