//! The decision about a `connect` request.

use serde_json::{Value, json};

use super::ask::Ask;
use super::auth::{self, Method, SharedAuth, Standing};
use super::config::{AuthMode, Settings};
use super::dice::Dice;
use super::mutants::Fault;
use super::nodes;
use super::peer::{self, Peer};
use super::platform::{self};
use super::proof;
use super::refusal::{Refusal, error, error_with};
use super::rulebook::{BackendPairing, Rule};
use super::rules::Rules;
use super::scopes::ADMIN;
use super::state::{Issuer, State, Token};
use super::tokens::{self, Shown, TokenRefusal};

/// An event for every connection that may see it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Announcement {
    /// Its name.
    pub(super) event: &'static str,
    /// Its payload.
    pub(super) payload: Value,
}

/// A client that was let in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Admitted {
    /// What it asked for, with the scopes and commands that it got.
    pub(super) ask: Ask,
    /// By what it was let in.
    pub(super) method: Method,
    /// Its device token.
    pub(super) token: Option<Token>,
    /// Address, where it is not local.
    pub(super) remote_ip: Option<String>,
}

/// Where a client stands for pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locality {
    Direct,
    WithSecret,
    Remote,
}

/// A `connect` request under decision.
pub(super) struct Handshake<'a> {
    pub(super) rules: &'a Rules,
    pub(super) settings: &'a Settings,
    pub(super) state: &'a mut State,
    pub(super) dice: &'a mut Dice,
    pub(super) peer: &'a Peer,
    pub(super) nonce: &'a str,
    pub(super) now: i64,
    /// Events that the decision causes, in their order.
    pub(super) announced: Vec<Announcement>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the client of its own")]
pub(super) struct ConnectFacts {
    pub(super) origin: bool,
    pub(super) control_ui: bool,
    pub(super) webchat: bool,
    pub(super) proxy_user: bool,
    pub(super) method: Method,
    pub(super) locality: Locality,
    pub(super) key: String,
}

impl Handshake<'_> {
    /// Decides. The request keeps to the schema.
    pub(super) fn decide(&mut self, mut ask: Ask) -> Result<Admitted, Refusal> {
        self.check_protocol(&ask)?;
        self.check_role(&mut ask)?;
        let local = self.peer.is_local(self.rules, self.settings);
        let control_ui = auth::is_operator_ui(self.rules, &ask.client);
        self.check_origin(&ask, local)?;

        let flags = self.rules.has(Rule::ControlUiBypassFlags);
        let bypass = flags && control_ui && self.settings.no_device_auth;
        if bypass {
            ask.device = None;
        }
        let shared = auth::shared(self.rules, self.settings, self.peer, &ask);
        let proxy_user =
            |method: Method| control_ui && ask.role == "operator" && method == Method::TrustedProxy;
        let mut facts = ConnectFacts {
            origin: self.peer.origin().is_some(),
            control_ui,
            webchat: ask.client.is_webchat(),
            proxy_user: proxy_user(shared.method) && shared.ok,
            method: shared.method,
            locality: self.locality(&ask, local, &shared),
            key: String::new(),
        };
        if ask.device.is_none() {
            let standing = Standing {
                shared: &shared,
                control_ui,
                local,
                bypass,
                backend: self.backend_skips(&ask, &facts, shared.secret_ok),
                proxy_user: facts.proxy_user,
                trusted_cli: is_trusted_cli(&ask, &facts, &shared),
            };
            if !auth::deviceless(self.rules, self.settings, &ask, &standing)? {
                ask.scopes.clear();
            }
        } else {
            facts.key = self.check_proof(&ask)?;
        }
        let (method, issuer) = self.authenticate(&ask, &shared, local)?;
        facts.method = method;
        facts.proxy_user = proxy_user(method);
        facts.locality = self.locality(&ask, local, &shared);

        let remote_ip = self.peer.reported_ip(self.rules, self.settings);
        platform::canonical(self.rules, &mut ask.client);
        let approved =
            ask.device.is_some() && self.check_pairing(&ask, &facts, shared.secret_ok, remote_ip.as_ref())?;
        let token = self.device_token(&ask, &facts, approved, issuer);
        if ask.role == "node" {
            // The request for what the node can do stays, though approving it does not help (measured on 9.6).
            self.settle_node(&mut ask, remote_ip.clone());
            self.check_node_identity(&ask, method, token.as_ref())?;
        }
        self.check_build(&ask)?;
        Ok(Admitted { ask, method, token, remote_ip })
    }

    fn check_protocol(&self, ask: &Ask) -> Result<(), Refusal> {
        let current = f64::from(self.rules.profile.protocol);
        let (least, most) = (ask.min_protocol, ask.max_protocol);
        let older = self.rules.has(Rule::OlderProbesAndNodes);
        let probe = older && ask.client.mode == "probe" && most >= current - 1.0 && least <= current;
        let node = older
            && ask.role == "node"
            && ask.client.mode == "node"
            && most >= current - 1.0
            && least <= current - 1.0;
        let old = self.rules.broken(Fault::OldProtocolAccepted) && most >= current - 1.0;
        let new = self.rules.broken(Fault::NewProtocolAccepted);
        if most >= current && (least <= current || new) || probe || node || old && least <= current {
            return Ok(());
        }
        let mut details = json!({"expectedProtocol": self.rules.profile.protocol});
        if self.rules.profile.protocol > 3 {
            details["minimumProbeProtocol"] = json!(if older { 3 } else { self.rules.profile.protocol });
        }
        if self.rules.has(Rule::ProtocolRefusalDetails) {
            details["code"] = json!("PROTOCOL_MISMATCH");
            details["clientMinProtocol"] = whole(least);
            details["clientMaxProtocol"] = whole(most);
        }
        let code = if self.rules.broken(Fault::WrongProtocolClose) { 1008 } else { 1002 };
        let error = error_with("INVALID_REQUEST", "protocol mismatch", details);
        Err(Refusal::close_with(error, code, "protocol mismatch"))
    }

    fn check_role(&self, ask: &mut Ask) -> Result<(), Refusal> {
        if matches!(ask.role.as_str(), "operator" | "node") {
            return Ok(());
        }
        if self.rules.broken(Fault::UnknownRoleAccepted) {
            "operator".clone_into(&mut ask.role);
            return Ok(());
        }
        Err(Refusal::close_with(error("INVALID_REQUEST", "invalid role"), 1008, "invalid role"))
    }

    fn check_origin(&self, ask: &Ask, local: bool) -> Result<(), Refusal> {
        let behind_proxy =
            self.peer.has_proxy_headers(self.rules) && !self.rules.has(Rule::OriginBehindProxy);
        let any_client = self.peer.origin().is_some() && !behind_proxy;
        if !any_client && !ask.client.is_browser_ui() && !ask.client.is_webchat() {
            return Ok(());
        }
        let Some(reason) = peer::refused_origin(self.rules, self.settings, self.peer, local) else {
            return Ok(());
        };
        let text = "origin not allowed (open the Control UI from the gateway host or allow it in \
                    gateway.controlUi.allowedOrigins)";
        let error = if self.rules.has(Rule::OriginDetails) {
            let details = json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason});
            error_with("INVALID_REQUEST", text, details)
        } else {
            error("INVALID_REQUEST", text)
        };
        Err(Refusal::close_with(error, 1008, text))
    }

    fn check_proof(&self, ask: &Ask) -> Result<String, Refusal> {
        proof::check(self.rules, ask, self.nonce, self.now).map_err(|refused| {
            let text = refused.to_string();
            let (code, reason) = refused.detail();
            let error = error_with("INVALID_REQUEST", &text, json!({"code": code, "reason": reason}));
            Refusal::close_with(error, 1008, &text)
        })
    }

    fn locality(&self, ask: &Ask, local: bool, shared: &SharedAuth) -> Locality {
        if local {
            return Locality::Direct;
        }
        let known = self.rules.has(Rule::SecretIsLocal)
            || self.rules.has(Rule::CliSecretIsLocal) && ask.client.is_cli();
        let clean = !self.peer.has_proxy_headers(self.rules) && self.peer.origin().is_none();
        let here = self.peer.is_loopback() && peer::is_private_host(self.peer.header("host"));
        if known && clean && here && shared.secret_ok && shared.method.is_secret() {
            return Locality::WithSecret;
        }
        Locality::Remote
    }

    pub(super) fn backend_skips(&self, ask: &Ask, facts: &ConnectFacts, secret_ok: bool) -> bool {
        let by_secret = secret_ok && facts.method.is_secret();
        let by_token = facts.method == Method::DeviceToken;
        let skips = match self.rules.profile.backend_pairing {
            BackendPairing::SkippedWithSecret => by_secret,
            BackendPairing::SkippedWithToken => by_secret || by_token,
            BackendPairing::Needed => false,
            BackendPairing::SkippedWithTokenOrNone => by_secret || by_token || facts.method == Method::None,
        };
        skips && ask.client.is_backend() && facts.locality == Locality::Direct && !facts.origin
    }

    fn authenticate(
        &mut self,
        ask: &Ask,
        shared: &SharedAuth,
        local: bool,
    ) -> Result<(Method, Option<Issuer>), Refusal> {
        if shared.ok {
            return Ok((shared.method, None));
        }
        let mut reason = shared.reason.clone();
        let trimmed =
            |text: Option<&String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if let Some(device) = &ask.device {
            if self.rules.has(Rule::BootstrapTokens) && trimmed(ask.auth.bootstrap_token.as_ref()).is_some() {
                if self.rules.broken(Fault::BootstrapTokenAccepted) {
                    return Ok((Method::BootstrapToken, None));
                }
                reason = Some("bootstrap_token_invalid".to_owned());
            }
            let explicit = trimmed(ask.auth.device_token.as_ref());
            let is_explicit = explicit.is_some();
            if let Some(token) = explicit.or_else(|| trimmed(ask.auth.token.as_ref())) {
                let shown =
                    Shown { device_id: &device.id, token: &token, role: &ask.role, scopes: &ask.scopes };
                let generation = auth::generation(self.settings);
                match tokens::check(self.state, self.rules, self.now, shown, generation.as_deref()) {
                    Ok(issuer) => return Ok((Method::DeviceToken, issuer)),
                    Err(TokenRefusal::Scope) if self.rules.has(Rule::ScopeMismatchNamed) => {
                        reason = Some("scope_mismatch".to_owned());
                    }
                    Err(_) if is_explicit || reason.is_none() => {
                        reason = Some("device_token_mismatch".to_owned());
                    }
                    Err(_) => {}
                }
            }
        }
        Err(auth::unauthorized(self.rules, self.settings, ask, reason.as_deref(), local))
    }

    pub(super) fn control_ui_skips(&self, ask: &Ask, facts: &ConnectFacts) -> bool {
        let operator = facts.control_ui && ask.role == "operator";
        facts.proxy_user && self.rules.has(Rule::ProxyUserSkipsPairing)
            || operator && self.rules.has(Rule::NoAuthControlUi) && self.settings.mode == AuthMode::None
    }

    fn device_token(
        &mut self,
        ask: &Ask,
        facts: &ConnectFacts,
        approved: bool,
        issuer: Option<Issuer>,
    ) -> Option<Token> {
        let device = ask.device.as_ref()?;
        let rules = self.rules;
        if facts.proxy_user && !rules.has(Rule::ProxyUserSkipsPairing)
            || rules.has(Rule::TokenNeedsApproval) && !approved
        {
            return None;
        }
        let page = ask.client.is_browser_ui() || facts.webchat;
        let issued_under = issuer.or_else(|| {
            let generation = auth::generation(self.settings)
                .filter(|_| page && facts.method.is_secret() && rules.has(Rule::BrowserTokensBound))?;
            Some(Issuer { kind: "shared-gateway-auth".to_owned(), generation })
        });
        let widened = [ADMIN.to_owned()];
        let shown = Shown {
            device_id: &device.id,
            token: "",
            role: &ask.role,
            scopes: if rules.broken(Fault::ScopesWidened) && ask.role == "operator" {
                &widened
            } else {
                &ask.scopes
            },
        };
        tokens::ensure(self.state, rules, self.dice, self.now, shown, issued_under.as_ref())
    }

    /// A node is known by its key and a token: the one it has shown, or the one that it is given now.
    fn check_node_identity(&self, ask: &Ask, method: Method, token: Option<&Token>) -> Result<(), Refusal> {
        let known = ask.device.is_some() && (method == Method::DeviceToken || token.is_some());
        if known || !self.rules.has(Rule::NodeNeedsToken) {
            return Ok(());
        }
        let message = "authenticated node pairing identity unavailable";
        Err(Refusal::close_with(error("NOT_PAIRED", message), 1008, message))
    }

    fn settle_node(&mut self, ask: &mut Ask, remote_ip: Option<String>) {
        let settled =
            nodes::reconcile(self.state, self.rules, self.settings, self.dice, self.now, ask, remote_ip);
        let node_id = ask.device.as_ref().map_or(ask.client.id.clone(), |device| device.id.clone());
        for old in &settled.superseded {
            let payload =
                json!({"requestId": old, "nodeId": node_id, "decision": "rejected", "ts": self.now});
            self.announced.push(Announcement { event: "node.pair.resolved", payload });
        }
        if let Some(request) = settled.requested {
            let mut payload = json!(request);
            if self.rules.has(Rule::NodeRequestScopesAnnounced) {
                payload["requiredApproveScopes"] = json!(nodes::approval_scopes(self.rules, &request));
            }
            self.announced.push(Announcement { event: "node.pair.requested", payload });
        }
        ask.commands = settled.commands;
    }

    fn check_build(&self, ask: &Ask) -> Result<(), Refusal> {
        let gated = self.rules.has(Rule::ControlUiBuildGate)
            && ask.client.is_browser_ui()
            && !self.settings.own_control_ui
            && peer::is_gateway_page(self.rules, self.peer);
        let build = build_id(self.rules);
        let own = ask.client.build.as_deref().map(str::trim);
        if !gated || own == Some("dev") || own == Some(build.as_str()) {
            return Ok(());
        }
        let text = "protocol mismatch: Control UI updated; reload this page to continue";
        let details = json!({"code": "PROTOCOL_MISMATCH", "gatewayBuildId": build, "reloadRequired": true});
        let mut error = error_with("UNAVAILABLE", text, details);
        error["retryable"] = json!(false);
        Err(Refusal::close_with(error, 1008, text))
    }
}

/// Whether this is the command line client, here, with the shared secret.
fn is_trusted_cli(ask: &Ask, facts: &ConnectFacts, shared: &SharedAuth) -> bool {
    let local = facts.locality != Locality::Remote;
    ask.client.is_cli() && local && !facts.origin && shared.secret_ok && shared.method.is_secret()
}

/// The build that a release's own Control UI has.
pub(super) fn build_id(rules: &Rules) -> String {
    format!("embedded-{}", rules.profile.release())
}

/// A number of the schema's whole numbers as JSON has it.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the schema admits whole numbers only")]
    let number = number as i64;
    json!(number)
}
