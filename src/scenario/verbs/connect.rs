//! The `connect` verb: opens a connection and performs the handshake, correctly or with faults.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_json::{Map, Value};

use super::connection::{check_ends, check_name, check_network, check_persona};
use super::verb::{StepSite, Verb, envelope};
use crate::scenario::address::Address;
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::network::Network;
use crate::scenario::pattern::Pattern;
use crate::scenario::saved::Saved;
use crate::scenario::span::Spanned;

/// Opens a connection and performs the handshake.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// Name of the connection, and of this step.
    #[serde(rename = "as")]
    pub name: Spanned<String>,
    /// Device whose key signs the handshake. Without one, no identity is sent.
    pub device: Option<Spanned<String>>,
    /// Which client it claims to be: `cli`, `probe`, `backend`, `node-host`, `control-ui`, … Default: `cli`.
    pub persona: Option<Spanned<String>>,
    /// Requested role. Default: the persona's.
    pub role: Option<String>,
    /// Requested scopes. Default: the persona's.
    pub scopes: Option<Vec<String>>,
    /// Capabilities offered.
    pub caps: Option<Vec<String>>,
    /// Commands offered (nodes).
    pub commands: Option<Vec<String>>,
    /// Permissions offered (nodes).
    pub permissions: Option<Map<String, Value>>,
    /// The client's credentials. Default: `shared`.
    pub auth: Option<Spanned<Auth>>,
    /// How the device proves that it holds its key, and what is wrong with the proof.
    pub proof: Option<Proof>,
    /// Lowest and highest protocol offered. Default: `[3, 4]`.
    pub protocol: Option<[u32; 2]>,
    /// HTTP headers of the upgrade request.
    #[serde(default)]
    pub headers: Entries<String>,
    /// Name of a gateway to connect to that an earlier `start` step started. Default: the gateway under test.
    pub to: Option<Spanned<String>>,
    /// Loopback address to connect to: one in 127.0.0.0/8, `::1`, or the name `localhost`. Default: `127.0.0.1`.
    pub address: Option<Address>,
    /// Loopback address to connect from, such as `127.0.0.2`. Default: chosen by the system.
    pub from: Option<Address>,
    /// Whether to use TLS: `false` for never, or `{pin: FINGERPRINT}` to accept only that certificate and to disconnect
    /// before sending anything otherwise. Default: TLS with any certificate, if the gateway uses it.
    pub tls: Option<Tls>,
    /// What the network does to the connection. Default: it delivers everything at once.
    pub network: Option<Network>,
    /// Platform to send. Default: that of the device, otherwise `linux`.
    pub platform: Option<String>,
    /// Device family to send. Default: that of the device, otherwise none.
    pub family: Option<String>,
    /// Keys of `client` to set, or to omit if null.
    pub client: Option<Map<String, Value>>,
    /// Keys of the connect parameters to set after signing, or to omit if null.
    pub raw: Option<Map<String, Value>>,
    /// How long to wait between the challenge and the connect request.
    pub delay: Option<Millis>,
    /// How long to wait for an answer. Default: the timeout of the run.
    pub within: Option<Millis>,
    /// Why the gateway may close this connection later, for whatever reason. Without it, a close that no step
    /// expects fails this step.
    pub may_close: Option<Spanned<String>>,
    /// The outcome that is right. Default: `hello`.
    pub expect: Option<Spanned<Expectation>>,
    /// Parts of the answer to save, as JSON pointers by name.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for Connect {
    fn id(&self) -> Option<&Spanned<String>> {
        Some(&self.name)
    }

    envelope!(expect, save, within);

    fn awaits(&self) -> &'static str {
        "the answer to its handshake"
    }

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

    fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    fn needs(&self) -> Vec<Capability> {
        Vec::from_iter(self.address.is_some_and(Address::is_ipv6).then_some(Capability::Ipv6))
    }

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        found.extend(self.persona.as_ref().and_then(|one| check_persona(one, site.source)));
        found.extend(check_name(&self.name, "connection", site.source));
        found.extend(check_ends(self.from, self.address, site));
        found.extend(self.network.as_ref().and_then(|network| check_network(network, self.within, site)));
        found
    }
}

/// Whether a connection uses TLS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`false`, or `{pin: FINGERPRINT}`")]
pub enum Tls {
    /// `false`: never, even if the gateway uses TLS.
    Switched(Plain),
    /// Always, and only with this certificate.
    Pinned(CertificatePin),
}

/// The value `false`, and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain;

/// The only certificate that a client accepts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Pin")]
pub struct CertificatePin {
    /// Its SHA-256 fingerprint in hexadecimal, with or without colons; `${gateway.certificate}` is that of the gateway.
    pub pin: String,
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            return Err(de::Error::custom("`true` is the default: TLS is used if the gateway uses it"));
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

/// The credentials of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    /// The correct shared token.
    Shared,
    /// The correct password.
    Password,
    /// A wrong shared token.
    Wrong,
    /// No credentials.
    None,
    /// These credentials, which may contain references.
    Given(Credentials),
}

/// Credentials as they are sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// `auth.token`: the shared token, or a device token.
    pub token: Option<String>,
    /// `auth.deviceToken`: the token of a paired device.
    pub device_token: Option<String>,
    /// `auth.bootstrapToken`: the token from a setup code.
    pub bootstrap_token: Option<String>,
    /// `auth.password`: the gateway's password.
    pub password: Option<String>,
}

/// The words that stand for credentials.
pub const AUTH_WORDS: &[&str] = &["shared", "password", "wrong", "none"];

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AuthVisitor;

        impl<'de> Visitor<'de> for AuthVisitor {
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

        deserializer.deserialize_any(AuthVisitor)
    }
}

impl JsonSchema for Auth {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Auth".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let given = generator.subschema_for::<Credentials>();
        schemars::json_schema!({
                        "description": "The credentials of a client.",
            "anyOf": [{"enum": AUTH_WORDS}, given],
        })
    }
}

/// How a device proves that it holds its key. Whatever is not set is correct.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Layout of the signed text. Default: `v3`.
    pub version: Option<ProofVersion>,
    /// Offset of `signedAt` from now: `-10m` is stale, `10m` is in the future.
    pub signed_at: Option<Millis>,
    /// What is wrong with the nonce that is sent and signed.
    pub nonce: Option<NonceFault>,
    /// What is wrong with the signature.
    pub signature: Option<SignatureFault>,
    /// What is wrong with the public key.
    pub public_key: Option<KeyFault>,
    /// What is wrong with the device id.
    pub id: Option<IdFault>,
    /// Values to sign instead of those that are sent.
    pub over: Option<SignedOver>,
}

/// Layouts of the signed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofVersion {
    /// Nine fields, without platform and device family.
    V2,
    /// The fields of `v2`, plus platform and device family.
    #[default]
    V3,
}

/// Wrong nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NonceFault {
    /// No nonce is sent.
    Missing,
    /// It differs from that of the challenge.
    Wrong,
    /// It consists of spaces.
    Blank,
}

/// Wrong signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFault {
    /// One bit is flipped.
    Tampered,
    /// It is made with a key other than the one that is sent.
    ForeignKey,
    /// It is not base64.
    Garbage,
    /// No signature is sent.
    Missing,
}

/// Wrong public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyFault {
    /// The key of another device, which also makes the signature.
    Foreign,
    /// It is not a key.
    Garbage,
    /// No key is sent.
    Missing,
}

/// Wrong device ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdFault {
    /// The id of another device, with this device's key.
    Foreign,
    /// The correct id in upper case.
    UpperCase,
    /// No id is sent.
    Missing,
}

/// Values that are signed instead of those that are sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedOver {
    /// The role to sign.
    pub role: Option<String>,
    /// The scopes to sign.
    pub scopes: Option<Vec<String>>,
    /// The token to sign.
    pub token: Option<String>,
    /// The client id to sign.
    pub client_id: Option<String>,
    /// The client mode to sign.
    pub client_mode: Option<String>,
    /// The platform to sign.
    pub platform: Option<String>,
    /// The device family to sign.
    pub family: Option<String>,
    /// The nonce to sign.
    pub nonce: Option<String>,
}
