//! The `http` verb: sends a plain HTTP request.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::connection::check_ends;
use super::verb::{StepSite, Verb, envelope};
use crate::scenario::address::Address;
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::saved::Saved;
use crate::scenario::span::Spanned;

/// Sends a plain HTTP request, or a hand-written upgrade request.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// Name of this step. Default: `http`.
    pub id: Option<Spanned<String>>,
    /// HTTP method. Default: `GET`.
    pub method: Option<String>,
    /// Request target, sent as written. Default: `/`.
    pub target: Option<String>,
    /// Headers, in addition to `Host` and `Connection: close`; an empty text omits one of these two.
    #[serde(default)]
    pub headers: Entries<String>,
    /// Body: a text is sent as it is, anything else as JSON.
    pub body: Option<Value>,
    /// Name of a gateway to connect to that an earlier `start` step started. Default: the gateway under test.
    pub to: Option<Spanned<String>>,
    /// Loopback address to connect to: one in 127.0.0.0/8, `::1`, or the name `localhost`. Default: `127.0.0.1`.
    pub address: Option<Address>,
    /// Loopback address to connect from, such as `127.0.0.2`. Default: chosen by the system.
    pub from: Option<Address>,
    /// How long to wait for the response. Default: the timeout of the run.
    pub within: Option<Millis>,
    /// The outcome that is right: `http` or `closed`. Default: `http: 200`.
    pub expect: Option<Spanned<Expectation>>,
    /// Parts of the response to save, as JSON pointers by name: `/status`, `/body/…`.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for HttpRequest {
    envelope!(id, expect, save, within);

    fn awaits(&self) -> &'static str {
        "the HTTP answer"
    }

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

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        Vec::from_iter(check_ends(self.from, self.address, site))
    }
}
