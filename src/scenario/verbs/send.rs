//! The `send` verb: sends a raw frame.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::connection::{check_ends, check_name, check_network};
use super::verb::{StepSite, Verb, envelope};
use crate::scenario::address::Address;
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{ClosedExpectation, Expectation, ExpectationKind};
use crate::scenario::network::Network;
use crate::scenario::saved::Saved;
use crate::scenario::span::{Span, Spanned};

/// Sends a raw frame, on an open connection or on a new socket without a handshake.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// An open connection to send on.
    pub on: Option<Spanned<String>>,
    /// Name of a new socket to open and send on, and of this step.
    #[serde(rename = "as")]
    pub name: Option<Spanned<String>>,
    /// Name of this step. Default: the name of the new socket, otherwise `send`.
    pub id: Option<Spanned<String>>,
    /// Content of a text frame.
    pub text: Option<String>,
    /// Content of a text frame, as JSON.
    pub json: Option<Value>,
    /// Content of a binary frame, in hexadecimal.
    pub binary: Option<Spanned<String>>,
    /// Pad the text frame with spaces to this many bytes.
    pub pad_to: Option<usize>,
    /// Send without waiting for the challenge (new sockets only).
    #[serde(default)]
    pub before_challenge: bool,
    /// HTTP headers of the upgrade request (new sockets only).
    #[serde(default)]
    pub headers: Entries<String>,
    /// Name of a gateway to connect to that an earlier `start` step started (new sockets only). Default: the gateway
    /// under test.
    pub to: Option<Spanned<String>>,
    /// Loopback address to connect to (new sockets only): one in 127.0.0.0/8, `::1`, or the name `localhost`.
    /// Default: `127.0.0.1`.
    pub address: Option<Address>,
    /// Loopback address to connect from (new sockets only). Default: chosen by the system.
    pub from: Option<Address>,
    /// What the network does to the connection (new sockets only). Default: it delivers everything at once.
    pub network: Option<Network>,
    /// How long to wait for an answer. Default: the timeout of the run, or one second if silence is expected.
    pub within: Option<Millis>,
    /// Why the gateway may close this socket later, for whatever reason. Without it, a close that no step expects
    /// fails this step.
    pub may_close: Option<Spanned<String>>,
    /// The outcome that is right: `closed`, `error`, `ok` or `silence`. Default: `closed`.
    pub expect: Option<Spanned<Expectation>>,
    /// Parts of the answer to save, as JSON pointers by name.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// Maximum size of a padded frame, in bytes. Releases accept frames of up to 25 MB after the handshake (measured on
/// 2026.3.31).
const LARGEST_FRAME: usize = 64 * 1024 * 1024;

impl Verb for Send {
    fn id(&self) -> Option<&Spanned<String>> {
        self.id.as_ref().or(self.name.as_ref())
    }

    envelope!(expect, save, within);

    fn awaits(&self) -> &'static str {
        "an answer to its frame"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Closed(ClosedExpectation::default()))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, Error, Http, Ok, ProtocolError, Silence};
        if self.name.is_some() {
            &[Closed, Error, Ok, Silence, Http, ProtocolError]
        } else {
            &[Closed, Error, Ok, Silence, ProtocolError]
        }
    }

    fn opens(&self) -> Option<&Spanned<String>> {
        self.name.as_ref()
    }

    fn works_on(&self) -> Option<&Spanned<String>> {
        self.on.as_ref()
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
        let mut add = |message: &str, span: Span, label: &str, help: &str| {
            found.push(site.error("bad-send", message, span).label(label).help(help));
        };
        match (&self.on, &self.name) {
            (None, None) => add(
                "`send` needs a connection",
                site.span,
                "on what?",
                "write `on:` for an open connection, or `as:` for a new socket",
            ),
            (Some(_), Some(name)) => add(
                "`on` and `as` exclude each other",
                name.span,
                "a second connection",
                "`on` sends on an open connection; `as` opens a new socket",
            ),
            _ => {}
        }
        let payloads = [self.text.is_some(), self.json.is_some(), self.binary.is_some()];
        match payloads.iter().filter(|there| **there).count() {
            1 => {}
            // A new socket may stay silent.
            0 if self.name.is_some() && self.pad_to.is_none() => {}
            0 => add("`send` has nothing to send", site.span, "no payload", "add `text`, `json` or `binary`"),
            _ => add(
                "`send` sends only one frame",
                site.span,
                "several payloads",
                "keep only one of `text`, `json` and `binary`",
            ),
        }
        if let Some(binary) = &self.binary {
            let digits = binary.value.bytes().filter(|byte| !byte.is_ascii_whitespace());
            let whole =
                digits.clone().count() % 2 == 0 && digits.clone().all(|byte| byte.is_ascii_hexdigit());
            let has_references = binary.value.contains("${");
            if !whole && !has_references {
                add(
                    "`binary` is not hexadecimal",
                    binary.span,
                    "not hexadecimal",
                    "write two digits (0-9, a-f) per byte, such as `00ff`",
                );
            }
            if self.pad_to.is_some() {
                add("`pad_to` only pads text frames", binary.span, "binary", "remove `pad_to`");
            }
        }
        if self.pad_to.is_some_and(|bytes| bytes > LARGEST_FRAME) {
            let message = format!("`pad_to` is limited to {LARGEST_FRAME} bytes");
            add(&message, site.span, "too large", "no release accepts frames of more than 25 MB");
        }
        if let Some(on) = &self.on {
            let new_only = [
                (self.before_challenge, "before_challenge"),
                (!self.headers.is_empty(), "headers"),
                (self.address.is_some_and(|one| one != Address::default()), "address"),
                (self.from.is_some(), "from"),
                (self.to.is_some(), "to"),
                (self.network.is_some(), "network"),
            ];
            for (_, key) in new_only.iter().filter(|(there, _)| *there) {
                let message = format!("`{key}` only applies to new sockets");
                add(&message, on.span, "already open", "use `as` instead of `on`");
            }
        }
        found.extend(self.name.as_ref().and_then(|name| check_name(name, "connection", site.source)));
        found.extend(check_ends(self.from, self.address, site));
        found.extend(self.network.as_ref().and_then(|network| check_network(network, self.within, site)));
        found
    }
}
