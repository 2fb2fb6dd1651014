//! The `connect` verb: a handshake with every way of being right or wrong.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_json::{Map, Value};

use super::connection::{check_ends, check_name, check_persona};
use super::verb::{Site, Verb, envelope};
use crate::scenario::address::Address;
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::saved::Saved;
use crate::scenario::span::Spanned;

/// Opens a connection and does the handshake.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// Name of the connection, and of this step.
    #[serde(rename = "as")]
    pub name: Spanned<String>,
    /// Device whose key signs the handshake. Without one, no identity is sent.
    pub device: Option<Spanned<String>>,
    /// Who the client says it is: `cli`, `probe`, `backend`, `node-host`, `control-ui`, … Default: `cli`.
    pub persona: Option<Spanned<String>>,
    /// Role asked for. Default: the persona's.
    pub role: Option<String>,
    /// Scopes asked for. Default: the persona's.
    pub scopes: Option<Vec<String>>,
    /// Capabilities offered.
    pub caps: Option<Vec<String>>,
    /// Commands offered (nodes).
    pub commands: Option<Vec<String>>,
    /// Permissions offered (nodes).
    pub permissions: Option<Map<String, Value>>,
    /// What the client shows to be let in. Default: `shared`.
    pub auth: Option<Spanned<Auth>>,
    /// How the device proves that it holds its key, and every way of doing so wrongly.
    pub proof: Option<Proof>,
    /// Lowest and highest protocol offered. Default: `[3, 4]`.
    pub protocol: Option<[u32; 2]>,
    /// HTTP headers of the upgrade request.
    #[serde(default)]
    pub headers: Entries<String>,
    /// Name of a gateway that a `start` step has started, to connect to that one.
    pub to: Option<Spanned<String>>,
    /// Address of this machine to connect to: one of 127.0.0.0/8, `::1`, or `localhost` by name. Default:
    /// `127.0.0.1`.
    pub address: Option<Address>,
    /// Address of this machine to connect from, such as `127.0.0.2`. Default: what the system picks.
    pub from: Option<Address>,
    /// Whether the connection is secured: `false` for never, or `{pin: FINGERPRINT}` for TLS that ends before a byte is
    /// sent unless the gateway shows that certificate. Default: TLS, with any certificate, where the gateway speaks it.
    pub tls: Option<Tls>,
    /// Platform sent. Default: the device's, else `linux`.
    pub platform: Option<String>,
    /// Device family sent. Default: the device's, else none.
    pub family: Option<String>,
    /// Keys of `client` to set, or to leave out with null.
    pub client: Option<Map<String, Value>>,
    /// Keys of the connect parameters to set after signing, or to leave out with null.
    pub raw: Option<Map<String, Value>>,
    /// How long to wait between the challenge and the connect request.
    pub delay: Option<Millis>,
    /// How long to wait for an answer. Default: the run's time-out.
    pub within: Option<Millis>,
    /// Why the gateway may close this connection later, whatever it says then. Without it, a close that no step
    /// expects fails this step.
    pub may_close: Option<Spanned<String>>,
    /// The outcome that is right. Default: `hello`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of the answer, by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for Connect {
    fn id(&self) -> Option<&Spanned<String>> {
        Some(&self.name)
    }

    envelope!(expect, save);

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Hello(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, Error, Hello, Http, ProtocolError, Silence};
        &[Hello, Closed, Error, Http, ProtocolError, Silence]
    }

    fn opens(&self) -> Option<&Spanned<String>> {
        Some(&self.name)
    }

    fn device(&self) -> Option<&Spanned<String>> {
        self.device.as_ref()
    }

    fn reaches(&self) -> Option<&Spanned<String>> {
        self.to.as_ref()
    }

    fn needs(&self) -> Vec<Capability> {
        Vec::from_iter(self.address.is_some_and(Address::is_ipv6).then_some(Capability::Ipv6))
    }

    fn check(&self, site: &Site<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        found.extend(self.persona.as_ref().and_then(|one| check_persona(one, site.source)));
        found.extend(check_name(&self.name, "connection", site.source));
        found.extend(check_ends(self.from, self.address, site));
        found
    }
}

/// Whether a connection is secured by TLS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`false`, or `{pin: FINGERPRINT}`")]
pub enum Tls {
    /// `false`: it is not, even where the gateway speaks TLS.
    Switched(Plain),
    /// It is, and only with this certificate.
    Pinned(Pin),
}

/// `false`, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain;

/// The certificate that a client takes and no other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its SHA-256 in hexadecimal digits, with or without colons; `${gateway.certificate}` is the gateway's own.
    pub pin: String,
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            return Err(de::Error::custom("TLS is used anyway where the gateway speaks it"));
        }
        Ok(Self)
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Plain".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"const": false})
    }
}

/// What a client shows to be let in.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    /// The gateway's shared token.
    Shared,
    /// The gateway's password.
    Password,
    /// A shared token that is wrong.
    Wrong,
    /// Nothing.
    None,
    /// These credentials; they may hold references.
    Given(Credentials),
}

/// Credentials as they are sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// `auth.token`: the shared token, or a device token.
    pub token: Option<String>,
    /// `auth.deviceToken`.
    pub device_token: Option<String>,
    /// `auth.bootstrapToken`.
    pub bootstrap_token: Option<String>,
    /// `auth.password`.
    pub password: Option<String>,
}

/// The words that stand for credentials.
pub const AUTH_WORDS: &[&str] = &["shared", "password", "wrong", "none"];

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrKeys;

        impl<'de> Visitor<'de> for WordOrKeys {
            type Value = Auth;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`shared`, `password`, `wrong`, `none`, or a mapping of credentials")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Auth, E> {
                match word {
                    "shared" => Ok(Auth::Shared),
                    "password" => Ok(Auth::Password),
                    "wrong" => Ok(Auth::Wrong),
                    "none" => Ok(Auth::None),
                    other => Err(E::unknown_variant(other, AUTH_WORDS)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Auth, A::Error> {
                Credentials::deserialize(MapAccessDeserializer::new(map)).map(Auth::Given)
            }
        }

        deserializer.deserialize_any(WordOrKeys)
    }
}

impl JsonSchema for Auth {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Auth".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let given = generator.subschema_for::<Credentials>();
        schemars::json_schema!({
            "description": "What a client shows to be let in.",
            "anyOf": [{"enum": AUTH_WORDS}, given],
        })
    }
}

/// How a device proves that it holds its key. Every field left out is done right.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Layout of the signed text. Default: `v3`.
    pub version: Option<ProofVersion>,
    /// Offset of `signedAt` from now: `-10m` is stale, `10m` lies in the future.
    pub signed_at: Option<Millis>,
    /// The nonce that is sent and signed.
    pub nonce: Option<NonceFault>,
    /// What is wrong with the signature.
    pub signature: Option<SignatureFault>,
    /// What is wrong with the public key.
    pub public_key: Option<KeyFault>,
    /// What is wrong with the device id.
    pub id: Option<IdFault>,
    /// Fields signed over instead of those that are sent.
    pub over: Option<SignedOver>,
}

/// Layouts of the signed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofVersion {
    /// Nine fields.
    V2,
    /// Those and platform and family.
    #[default]
    V3,
}

/// Wrong nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NonceFault {
    /// None is sent.
    Missing,
    /// Another one than the challenge's.
    Wrong,
    /// Spaces only.
    Blank,
}

/// Wrong signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFault {
    /// One bit is flipped.
    Tampered,
    /// Made with another key than the one that is sent.
    ForeignKey,
    /// Not base64.
    Garbage,
    /// None is sent.
    Missing,
}

/// Wrong public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyFault {
    /// Another device's key, with which the signature is made too.
    Foreign,
    /// Not a key.
    Garbage,
    /// None is sent.
    Missing,
}

/// Wrong device ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdFault {
    /// Another device's id beside this device's key.
    Foreign,
    /// The right id in upper case.
    UpperCase,
    /// None is sent.
    Missing,
}

/// Fields that are signed instead of those that are sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedOver {
    /// Role.
    pub role: Option<String>,
    /// Scopes.
    pub scopes: Option<Vec<String>>,
    /// Token.
    pub token: Option<String>,
    /// Client id.
    pub client_id: Option<String>,
    /// Client mode.
    pub client_mode: Option<String>,
    /// Platform.
    pub platform: Option<String>,
    /// Device family.
    pub family: Option<String>,
    /// Nonce.
    pub nonce: Option<String>,
}
