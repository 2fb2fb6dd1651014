//! What is known about a client once it has authenticated, and which pairing rules that lets it skip.

use super::auth::{AuthMethod, SharedAuth};
use super::request::{ClientInfo, ConnectRequest};
use crate::model::config::{AuthMode, HandshakeConfig};
use crate::model::peer::{self, Peer};
use crate::model::rulebook::{BackendPairing, Rule};
use crate::model::rules::Rules;

/// How close a client is, as far as pairing is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locality {
    /// It connects straight from the gateway's own host.
    Direct,
    /// It is on the gateway's host behind a forwarding header, and counts as local because it shows the shared secret.
    WithSecret,
    /// Anywhere else.
    Remote,
}

impl Locality {
    /// The locality of a client. `local` tells whether its peer is local by the address and headers alone.
    pub(super) fn of(
        rules: &Rules,
        peer: &Peer,
        request: &ConnectRequest,
        local: bool,
        shared: &SharedAuth,
    ) -> Self {
        if local {
            return Self::Direct;
        }
        let secret_counts =
            rules.has(Rule::SecretIsLocal) || rules.has(Rule::CliSecretIsLocal) && request.client.is_cli();
        let clean = !peer.has_proxy_headers(rules) && peer.origin().is_none();
        let here = peer.is_loopback() && peer::is_private_host(peer.header("host"));
        if secret_counts && clean && here && shared.secret_ok && shared.method.is_secret() {
            return Self::WithSecret;
        }
        Self::Remote
    }
}

/// What is known about a client when its device is compared with the pairing record.
#[expect(clippy::struct_excessive_bools, reason = "these are independent facts about the client")]
pub(super) struct ConnectFacts {
    /// Whether it sent an `Origin` header.
    pub(super) has_origin: bool,
    /// Whether it is an operator interface: the Control UI or, on releases that have it, the terminal UI.
    pub(super) operator_ui: bool,
    /// Whether it is a chat page.
    pub(super) webchat: bool,
    /// Whether it is an operator interface whose user a trusted proxy vouches for.
    pub(super) proxy_user: bool,
    /// Whether it showed the right shared secret, or a trusted proxy vouched for it.
    pub(super) secret_ok: bool,
    pub(super) method: AuthMethod,
    /// How close it is.
    pub(super) locality: Locality,
    /// Its public key in base64url; empty for a client without a device.
    pub(super) key: String,
}

impl ConnectFacts {
    fn by_secret(&self) -> bool {
        self.secret_ok && self.method.is_secret()
    }

    /// Whether this is a local backend that needs no pairing.
    pub(super) fn backend_skips_pairing(&self, rules: &Rules, client: &ClientInfo) -> bool {
        let by_secret = self.by_secret();
        let by_token = self.method == AuthMethod::DeviceToken;
        let skips = match rules.profile.backend_pairing {
            BackendPairing::SkippedWithSecret => by_secret,
            BackendPairing::SkippedWithToken => by_secret || by_token,
            BackendPairing::Needed => false,
            BackendPairing::SkippedWithTokenOrNone => {
                by_secret || by_token || self.method == AuthMethod::None
            }
        };
        skips && client.is_backend() && self.locality == Locality::Direct && !self.has_origin
    }

    /// Whether this is an operator interface that needs no pairing.
    pub(super) fn ui_skips_pairing(&self, rules: &Rules, settings: &HandshakeConfig, role: &str) -> bool {
        let operator = self.operator_ui && role == "operator";
        self.proxy_user && rules.has(Rule::ProxyUserSkipsPairing)
            || operator && rules.has(Rule::NoAuthControlUi) && settings.mode == AuthMode::None
    }

    /// Whether this is the command line client on the gateway's host with the shared secret.
    pub(super) fn is_trusted_cli(&self, client: &ClientInfo) -> bool {
        client.is_cli() && self.locality != Locality::Remote && !self.has_origin && self.by_secret()
    }
}
