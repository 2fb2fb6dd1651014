//! A story: devices and what they do, in a form that can be generated, changed and shrunk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Number of a device of a story; it stays the same while the story shrinks.
pub type DeviceNumber = u8;

/// Number of a connection of a story; it stays the same while the story shrinks.
pub type ConnectionNumber = u8;

/// Devices and steps. Every story can be written as a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Story {
    /// How the gateway is configured.
    pub setting: Setting,
    /// The devices, apart from the owner.
    pub devices: Vec<StoryDevice>,
    /// What happens, in order.
    pub steps: Vec<StoryStep>,
}

/// A configuration of the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// The default configuration of the harness, with a shared token.
    #[default]
    Plain,
    /// Loopback is a trusted proxy, and pages of one origin are allowed.
    Proxies,
    /// A password takes the place of the shared token.
    Password,
    /// Clients have a second for their handshake.
    Impatient,
}

/// A device, and what the gateway knows about it from the start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoryDevice {
    /// Its number in the story.
    pub number: DeviceNumber,
    /// Its record, if it is paired.
    pub record: Option<Record>,
    /// Its request, if it waits for approval.
    pub request: Option<Request>,
}

/// The stored record of a paired device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The approved roles.
    pub roles: Vec<String>,
    /// The approved scopes.
    pub scopes: Vec<String>,
    /// The stored tokens.
    pub tokens: Tokens,
    /// Keys that are left out of the record, apart from `tokens`.
    pub omit: Vec<String>,
    /// The persona that paired, if it is not that of the first role.
    pub persona: Option<String>,
}

impl Record {
    /// Whether a token is stored for a role, active or not.
    fn has_token(&self, role: &str) -> bool {
        match &self.tokens {
            Tokens::Usual => self.roles.iter().any(|one| one == role),
            Tokens::Absent => false,
            Tokens::Map(tokens) => tokens.contains_key(role),
        }
    }
}

/// The tokens of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokens {
    /// An active token for each role.
    #[default]
    Usual,
    /// The record has no token map.
    Absent,
    /// Exactly these, by role.
    Map(BTreeMap<String, TokenState>),
}

/// A stored token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenState {
    /// It works.
    Active,
    /// It was revoked.
    Revoked,
}

/// A stored request for approval.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The requested role.
    pub role: String,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// Whether it is older than the five minutes after which gateways forget a request.
    pub expired: bool,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoryStep {
    /// A client connects.
    Connect(Connect),
    /// Somebody manages a device.
    Manage {
        /// Who calls.
        by: Caller,
        /// What is done.
        action: Action,
        /// The device that is managed.
        device: DeviceNumber,
    },
    /// Somebody calls a method without parameters.
    Call {
        /// Who calls.
        by: Caller,
        /// The method.
        method: String,
    },
    /// Somebody waits a moment for an event about a device.
    Hear {
        /// Who waits.
        by: Caller,
        /// The event.
        event: String,
        /// The device it is about.
        device: DeviceNumber,
    },
    /// A client sends a first frame that is no handshake.
    Stray(Stray),
    /// A client ends its connection.
    Disconnect(ConnectionNumber),
    /// The gateway restarts.
    Restart,
}

/// Who calls a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// The owner, who has the scopes for administration and pairing.
    Owner,
    /// A connection of the story.
    Connection(ConnectionNumber),
}

/// What is done with a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Its token for a role is revoked.
    Revoke(String),
    /// Its token for a role is replaced, with these scopes if any are named.
    Rotate(String, Option<Vec<String>>),
    /// It is removed.
    Remove,
    /// Its requests are approved.
    Approve,
    /// The request that it started with is rejected.
    RejectFirst,
    /// The request that it started with is approved by its id, whether it still waits or not.
    ApproveFirst,
    /// What it asked for as a node is approved.
    ApproveNode,
    /// What it asked for as a node is rejected.
    RejectNode,
}

/// First frames that are no handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stray {
    /// Another method than `connect`.
    Method,
    /// A text that is not JSON.
    Noise,
    /// A text of 70,000 characters.
    Long,
    /// Nothing.
    Silent,
}

/// How a client connects. The defaults are those of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Connect {
    /// Its number in the story.
    pub number: ConnectionNumber,
    /// The device that signs, if any.
    pub device: Option<DeviceNumber>,
    /// Which client it claims to be.
    pub persona: String,
    /// The requested role, if it is not the persona's.
    pub role: Option<String>,
    /// The requested scopes, if they are not the persona's.
    pub scopes: Option<Vec<String>>,
    /// The credential that it sends.
    pub auth: Credential,
    /// Headers that say where it comes from.
    pub route: Route,
    /// The lowest and highest protocol that it offers, if not 3 and 4.
    pub protocol: Option<(u32, u32)>,
    /// What is wrong with its proof.
    pub proof: Option<ProofFault>,
    /// Another platform than that of the device.
    pub platform: Option<String>,
    /// A device family, which records of the story do not have.
    pub family: Option<String>,
    /// Something that the schema of the protocol does not know.
    pub oddity: Option<Oddity>,
    /// Commands that it offers as a node.
    pub commands: Vec<String>,
}

/// A credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// The right shared token, or the right password where a password takes its place.
    #[default]
    Shared,
    /// None.
    None,
    /// A wrong shared token or password.
    Wrong,
    /// The token that was stored from the start for a role of a device.
    Stored(DeviceNumber, String),
    /// The device token that an earlier connection got.
    Issued(ConnectionNumber),
    /// A made-up device token.
    WrongDeviceToken,
    /// A made-up set-up code.
    WrongCode,
    /// A wrong shared token beside the stored token of a device.
    WrongBesideStored(DeviceNumber, String),
}

/// Where a client seems to come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// From this host.
    #[default]
    Local,
    /// By a public name in the `Host` header.
    HostName,
    /// Through a proxy, by `X-Forwarded-For`.
    ForwardedFor,
    /// Through a proxy, by `X-Real-IP`.
    RealIp,
    /// Through a proxy, by `Forwarded`.
    Forwarded,
    /// Through a proxy, by `X-Forwarded-Proto` alone.
    ForwardedProto,
    /// Through a proxy, by `X-Forwarded-Host` alone.
    ForwardedHost,
    /// A page that the gateway itself serves.
    OwnPage,
    /// A page of the allowed origin.
    AllowedPage,
    /// A page of a foreign origin.
    ForeignPage,
}

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofFault {
    /// It has the older layout, which is valid.
    V2,
    /// The nonce is another one.
    NonceWrong,
    /// The nonce is missing.
    NonceMissing,
    /// The nonce is blank.
    NonceBlank,
    /// The signature is altered.
    SignatureTampered,
    /// The signature is by another key.
    SignatureForeign,
    /// The key is another device's.
    KeyForeign,
    /// The id is in upper case.
    IdUpperCase,
    /// The id is another device's.
    IdForeign,
    /// It was signed an hour ago.
    Late,
    /// It was signed an hour from now.
    Early,
    /// Other scopes were signed.
    OverScopes,
    /// Another token was signed.
    OverToken,
    /// Another role was signed.
    OverRole,
}

/// Something that the schema of the protocol does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oddity {
    /// An unknown key.
    UnknownKey,
    /// An unknown client id.
    UnknownClient,
}

impl Story {
    /// The device of a number.
    pub fn device(&self, number: DeviceNumber) -> Option<&StoryDevice> {
        self.devices.iter().find(|device| device.number == number)
    }

    /// The connects, in order.
    pub fn connects(&self) -> impl Iterator<Item = &Connect> {
        self.steps.iter().filter_map(StoryStep::connect)
    }

    /// Whether an owner takes part.
    pub fn has_owner(&self) -> bool {
        self.steps.iter().any(|step| step.caller() == Some(Caller::Owner)) || self.answers_nodes()
    }

    /// Whether somebody answers what a node asks for, for which an owner hears of it.
    pub fn answers_nodes(&self) -> bool {
        let answers = |step: &StoryStep| match step {
            StoryStep::Manage { action, .. } => action.answers_a_node(),
            _ => false,
        };
        self.steps.iter().any(answers)
    }

    /// Whether the gateway restarts.
    pub fn restarts(&self) -> bool {
        self.steps.contains(&StoryStep::Restart)
    }

    /// Whether every step has what it refers to: its devices, and connections that an earlier step opens.
    pub fn is_whole(&self) -> bool {
        let known = |number: DeviceNumber| self.device(number).is_some();
        let stored = |number: DeviceNumber, role: &str| {
            let record = self.device(number).and_then(|device| device.record.as_ref());
            record.is_some_and(|record| record.has_token(role))
        };
        let asked = |number: DeviceNumber| self.device(number).is_some_and(|device| device.request.is_some());
        let mut open: Vec<(ConnectionNumber, bool)> = Vec::new();
        let mut nodes: Vec<DeviceNumber> = Vec::new();
        let fine = self.steps.iter().all(|step| {
            let there = |number: ConnectionNumber| open.iter().any(|(one, _)| *one == number);
            let is_open = |number: ConnectionNumber| open.contains(&(number, true));
            let fine = match step {
                StoryStep::Connect(connect) => {
                    connect.device.is_none_or(known)
                        && !there(connect.number)
                        && match &connect.auth {
                            Credential::Stored(device, role)
                            | Credential::WrongBesideStored(device, role) => stored(*device, role),
                            Credential::Issued(from) => there(*from),
                            _ => true,
                        }
                }
                StoryStep::Manage { by, action, device } => {
                    let there = match action {
                        Action::RejectFirst | Action::ApproveFirst => asked(*device),
                        _ if action.answers_a_node() => nodes.contains(device),
                        _ => true,
                    };
                    by.connection().is_none_or(is_open) && known(*device) && there
                }
                StoryStep::Hear { by, device, .. } => by.connection().is_none_or(is_open) && known(*device),
                StoryStep::Call { by, .. } => by.connection().is_none_or(is_open),
                StoryStep::Disconnect(number) => is_open(*number),
                StoryStep::Stray(_) | StoryStep::Restart => true,
            };
            match step {
                StoryStep::Connect(connect) => {
                    open.push((connect.number, true));
                    nodes.extend(connect.device.filter(|_| connect.asked_role() == "node"));
                }
                StoryStep::Disconnect(number) => {
                    open.iter_mut().filter(|(one, _)| one == number).for_each(|one| one.1 = false);
                }
                // A restart ends every connection, and the owner connects again.
                StoryStep::Restart => open.iter_mut().for_each(|one| one.1 = false),
                _ => {}
            }
            fine
        });
        fine && !self.steps.is_empty() && self.steps.iter().any(|step| *step != StoryStep::Restart)
    }
}

impl StoryStep {
    /// The connect, if it is one.
    pub const fn connect(&self) -> Option<&Connect> {
        match self {
            Self::Connect(connect) => Some(connect),
            _ => None,
        }
    }

    /// Who calls.
    pub const fn caller(&self) -> Option<Caller> {
        match self {
            Self::Manage { by, .. } | Self::Call { by, .. } | Self::Hear { by, .. } => Some(*by),
            _ => None,
        }
    }

    /// The device that it is about.
    pub const fn device(&self) -> Option<DeviceNumber> {
        match self {
            Self::Connect(connect) => connect.device,
            Self::Manage { device, .. } | Self::Hear { device, .. } => Some(*device),
            _ => None,
        }
    }
}

impl Action {
    /// Whether it answers what a device asked for as a node.
    pub const fn answers_a_node(&self) -> bool {
        matches!(self, Self::ApproveNode | Self::RejectNode)
    }
}

impl Caller {
    /// The connection of the story, if it is not the owner.
    pub const fn connection(self) -> Option<ConnectionNumber> {
        match self {
            Self::Owner => None,
            Self::Connection(number) => Some(number),
        }
    }
}

impl Connect {
    /// A client that does nothing out of the ordinary.
    pub fn usual(number: ConnectionNumber, device: Option<DeviceNumber>, persona: &str) -> Self {
        Self {
            number,
            device,
            persona: persona.to_owned(),
            role: None,
            scopes: None,
            auth: Credential::Shared,
            route: Route::Local,
            protocol: None,
            proof: None,
            platform: None,
            family: None,
            oddity: None,
            commands: Vec::new(),
        }
    }

    /// The role that it asks for.
    pub fn asked_role(&self) -> &str {
        let own = crate::wire::persona(&self.persona).map_or("operator", |persona| persona.role);
        self.role.as_deref().unwrap_or(own)
    }

    /// The scopes that it asks for.
    pub fn asked_scopes(&self) -> Vec<String> {
        let own = || {
            let scopes = crate::wire::persona(&self.persona).map_or(&[][..], |persona| persona.scopes);
            scopes.iter().map(|scope| (*scope).to_owned()).collect()
        };
        self.scopes.clone().unwrap_or_else(own)
    }
}
