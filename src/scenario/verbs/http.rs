//! The `http` verb: a plain HTTP request.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::connection::check_ends;
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

/// Sends a plain HTTP request, or an upgrade request written by hand.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// Name of this step. Default: `http`.
    pub id: Option<Spanned<String>>,
    /// Method. Default: `GET`.
    pub method: Option<String>,
    /// Request target, sent as it stands. Default: `/`.
    pub target: Option<String>,
    /// Headers, laid over `Host` and `Connection: close`; an empty text leaves one of these two out.
    #[serde(default)]
    pub headers: Entries<String>,
    /// Body: a text as it stands, anything else as JSON.
    pub body: Option<Value>,
    /// Name of a gateway that a `start` step has started, to connect to that one.
    pub to: Option<Spanned<String>>,
    /// Address of this machine to connect to: one of 127.0.0.0/8, `::1`, or `localhost` by name. Default:
    /// `127.0.0.1`.
    pub address: Option<Address>,
    /// Address of this machine to connect from, such as `127.0.0.2`. Default: what the system picks.
    pub from: Option<Address>,
    /// How long to wait for the answer. Default: the run's time-out.
    pub within: Option<Millis>,
    /// The outcome that is right: `http` or `closed`. Default: `http: 200`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of the answer (`/status`, `/body/…`), by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for HttpRequest {
    envelope!(id, expect, save);

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Http { status: Pattern::Literal(200.into()), body: None })
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, Http, Silence};
        &[Http, Closed, Silence]
    }

    fn reaches(&self) -> Option<&Spanned<String>> {
        self.to.as_ref()
    }

    fn needs(&self) -> Vec<Capability> {
        let mut needs = vec![Capability::Real];
        needs.extend(self.address.is_some_and(Address::is_ipv6).then_some(Capability::Ipv6));
        needs
    }

    fn check(&self, site: &Site<'_>) -> Vec<Diagnostic> {
        Vec::from_iter(check_ends(self.from, self.address, site))
    }
}
