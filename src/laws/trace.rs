//! What happened to devices, in the words of the laws: no matter whether a model or a real gateway was asked.

/// A token: the one that was stored for a role of a device from the start, or the one that a connect got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOf {
    /// The token that was stored from the start for a role of a device.
    Record(u8, String),
    /// The token that an earlier connect got, by the position of its event.
    Connect(usize),
}

/// The credential that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The right shared secret.
    Shared,
    /// Nothing.
    Nothing,
    /// Something wrong, possibly beside something right.
    Wrong,
    /// A device token.
    Token(TokenOf),
}

/// Where a client seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the gateway's host, and no page.
    Here,
    /// Behind a proxy, or a page of a browser.
    Elsewhere,
    /// It cannot be said: releases differ in what they make of it.
    Unclear,
}

/// A connect and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceConnect {
    /// The device that signed, if any.
    pub device: Option<u8>,
    /// The role that it asked for.
    pub role: String,
    /// The scopes that it asked for.
    pub scopes: Vec<String>,
    /// What it sent.
    pub shown: Shown,
    /// Where it seems to be.
    pub origin: Origin,
    /// The scopes that it was let in with; `None` if it was not.
    pub let_in: Option<Vec<String>>,
}

/// How a token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was revoked.
    Revoked,
    /// Another one took its place.
    Rotated,
    /// Its device was removed.
    Removed,
}

/// What a store holds about a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRecord {
    /// The approved roles.
    pub roles: Vec<String>,
    /// The approved scopes.
    pub scopes: Vec<String>,
    /// The tokens: role, scopes, and whether it is revoked.
    pub tokens: Vec<(String, Vec<String>, bool)>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// A device is paired from the start.
    Known(u8, StoredRecord),
    /// A device waits for approval from the start, for a role and scopes.
    Waits(u8, String, Vec<String>),
    /// A client connected.
    Connect(TraceConnect),
    /// A request of a device was approved.
    Approved(u8),
    /// The token of a device for a role ended; all of its tokens if no role is named.
    Ended(u8, Option<String>, Ending),
    /// Somebody looked at what is stored about a device: a record, if it is paired.
    Stored(u8, Option<StoredRecord>),
    /// Something that no law is about.
    Other,
}
