//! The steps of the decision about a `connect` request, in the order in which the gateway takes them.

use serde_json::{Value, json};

use super::admission::{Admitted, Announcement};
use super::auth::{self, AuthMethod, DevicelessFacts, SharedAuth};
use super::facts::{ConnectFacts, Locality};
use super::pairing_check::PairingCheck;
use super::proof;
use super::request::ConnectRequest;
use crate::model::config::HandshakeConfig;
use crate::model::id_generator::IdGenerator;
use crate::model::mutants::Fault;
use crate::model::nodes;
use crate::model::peer::{self, Peer};
use crate::model::platform;
use crate::model::refusal::{Refusal, error, error_with};
use crate::model::rulebook::Rule;
use crate::model::rules::Rules;
use crate::model::scopes::ADMIN;
use crate::model::state::{DeviceToken, GatewayState, Issuer};
use crate::model::tokens::{self, PresentedToken, TokenRefusal};

/// Decides about one `connect` request.
pub(in crate::model) struct Handshake<'a> {
    pub(in crate::model) rules: &'a Rules,
    pub(in crate::model) settings: &'a HandshakeConfig,
    pub(in crate::model) state: &'a mut GatewayState,
    pub(in crate::model) ids: &'a mut IdGenerator,
    pub(in crate::model) peer: &'a Peer,
    pub(in crate::model) nonce: &'a str,
    pub(in crate::model) now: i64,
    /// The events that the decision causes, in the order in which they are sent.
    pub(in crate::model) announced: Vec<Announcement>,
}

impl Handshake<'_> {
    /// Decides whether the client is let in. The request must satisfy the schema.
    ///
    /// # Errors
    /// Fails with the refusal that the client gets.
    pub(in crate::model) fn decide(&mut self, mut request: ConnectRequest) -> Result<Admitted, Refusal> {
        self.check_protocol(&request)?;
        self.check_role(&mut request)?;
        let local = self.peer.is_local(self.rules, self.settings);
        let operator_ui = auth::is_operator_ui(self.rules, &request.client);
        self.check_origin(&request, local)?;

        let flags = self.rules.has(Rule::ControlUiBypassFlags);
        let bypass = flags && operator_ui && self.settings.no_device_auth;
        if bypass {
            request.device = None;
        }
        let shared = auth::shared(self.rules, self.settings, self.peer, &request);
        let proxy_user = |method: AuthMethod| {
            operator_ui && request.role == "operator" && method == AuthMethod::TrustedProxy
        };
        let mut facts = ConnectFacts {
            has_origin: self.peer.origin().is_some(),
            operator_ui,
            webchat: request.client.is_webchat(),
            proxy_user: proxy_user(shared.method) && shared.ok,
            secret_ok: shared.secret_ok,
            method: shared.method,
            locality: Locality::of(self.rules, self.peer, &request, local, &shared),
            key: String::new(),
        };
        if request.device.is_none() {
            let client = DevicelessFacts {
                shared: &shared,
                operator_ui,
                local,
                bypass,
                backend: facts.backend_skips_pairing(self.rules, &request.client),
                proxy_user: facts.proxy_user,
                trusted_cli: facts.is_trusted_cli(&request.client),
            };
            if !auth::deviceless(self.rules, self.settings, &request, &client)? {
                request.scopes.clear();
            }
        } else {
            facts.key = self.check_proof(&request)?;
        }
        let (method, issuer) = self.authenticate(&request, &shared, local)?;
        facts.method = method;
        facts.proxy_user = proxy_user(method);

        let remote_ip = self.peer.reported_ip(self.rules, self.settings);
        platform::canonical(self.rules, &mut request.client);
        let approved = self.check_pairing(&request, &facts, remote_ip.as_ref())?;
        let token = self.device_token(&request, &facts, approved, issuer);
        if request.role == "node" {
            // A node that is refused for lack of a token still leaves its request for commands (measured on 9.6).
            self.settle_node(&mut request, remote_ip.clone());
            self.check_node_identity(&request, method, token.as_ref())?;
        }
        self.check_build(&request)?;
        Ok(Admitted { request, method, token, remote_ip })
    }

    fn check_protocol(&self, request: &ConnectRequest) -> Result<(), Refusal> {
        let current = f64::from(self.rules.profile.protocol);
        let (least, most) = (request.min_protocol, request.max_protocol);
        let older = self.rules.has(Rule::OlderProbesAndNodes);
        let probe = older && request.client.mode == "probe" && most >= current - 1.0 && least <= current;
        let node = older
            && request.role == "node"
            && request.client.mode == "node"
            && most >= current - 1.0
            && least <= current - 1.0;
        let old = self.rules.has_fault(Fault::OldProtocolAccepted) && most >= current - 1.0;
        let new = self.rules.has_fault(Fault::NewProtocolAccepted);
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
        let code = if self.rules.has_fault(Fault::WrongProtocolClose) { 1008 } else { 1002 };
        let error = error_with("INVALID_REQUEST", "protocol mismatch", details);
        Err(Refusal::close_with(error, code, "protocol mismatch"))
    }

    fn check_role(&self, request: &mut ConnectRequest) -> Result<(), Refusal> {
        if matches!(request.role.as_str(), "operator" | "node") {
            return Ok(());
        }
        if self.rules.has_fault(Fault::UnknownRoleAccepted) {
            "operator".clone_into(&mut request.role);
            return Ok(());
        }
        Err(Refusal::close_with(error("INVALID_REQUEST", "invalid role"), 1008, "invalid role"))
    }

    fn check_origin(&self, request: &ConnectRequest, local: bool) -> Result<(), Refusal> {
        let behind_proxy =
            self.peer.has_proxy_headers(self.rules) && !self.rules.has(Rule::OriginBehindProxy);
        let any_client = self.peer.origin().is_some() && !behind_proxy;
        if !any_client && !request.client.is_browser_ui() && !request.client.is_webchat() {
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

    fn check_proof(&self, request: &ConnectRequest) -> Result<String, Refusal> {
        proof::check(self.rules, request, self.nonce, self.now).map_err(|refused| {
            let text = refused.to_string();
            let (code, reason) = refused.detail();
            let error = error_with("INVALID_REQUEST", &text, json!({"code": code, "reason": reason}));
            Refusal::close_with(error, 1008, &text)
        })
    }

    /// Compares the device with its pairing record. Returns whether it may have a device token.
    fn check_pairing(
        &mut self,
        request: &ConnectRequest,
        facts: &ConnectFacts,
        remote_ip: Option<&String>,
    ) -> Result<bool, Refusal> {
        let Some(device) = &request.device else { return Ok(false) };
        let check = PairingCheck {
            rules: self.rules,
            settings: self.settings,
            state: self.state,
            ids: self.ids,
            now: self.now,
            request,
            device_id: &device.id,
            facts,
            remote_ip,
            announced: &mut self.announced,
        };
        check.decide()
    }

    fn authenticate(
        &mut self,
        request: &ConnectRequest,
        shared: &SharedAuth,
        local: bool,
    ) -> Result<(AuthMethod, Option<Issuer>), Refusal> {
        if shared.ok {
            return Ok((shared.method, None));
        }
        let mut reason = shared.reason.clone();
        let trimmed =
            |text: Option<&String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if let Some(device) = &request.device {
            if self.rules.has(Rule::BootstrapTokens)
                && trimmed(request.auth.bootstrap_token.as_ref()).is_some()
            {
                if self.rules.has_fault(Fault::BootstrapTokenAccepted) {
                    return Ok((AuthMethod::BootstrapToken, None));
                }
                reason = Some("bootstrap_token_invalid".to_owned());
            }
            let explicit = trimmed(request.auth.device_token.as_ref());
            let is_explicit = explicit.is_some();
            if let Some(token) = explicit.or_else(|| trimmed(request.auth.token.as_ref())) {
                let shown = PresentedToken {
                    device_id: &device.id,
                    token: &token,
                    role: &request.role,
                    scopes: &request.scopes,
                };
                let generation = auth::generation(self.settings);
                match tokens::check(self.state, self.rules, self.now, shown, generation.as_deref()) {
                    Ok(issuer) => return Ok((AuthMethod::DeviceToken, issuer)),
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
        Err(auth::unauthorized(self.rules, self.settings, request, reason.as_deref(), local))
    }

    fn device_token(
        &mut self,
        request: &ConnectRequest,
        facts: &ConnectFacts,
        approved: bool,
        issuer: Option<Issuer>,
    ) -> Option<DeviceToken> {
        let device = request.device.as_ref()?;
        let rules = self.rules;
        if facts.proxy_user && !rules.has(Rule::ProxyUserSkipsPairing)
            || rules.has(Rule::TokenNeedsApproval) && !approved
        {
            return None;
        }
        let page = request.client.is_browser_ui() || facts.webchat;
        let issued_under = issuer.or_else(|| {
            let generation = auth::generation(self.settings)
                .filter(|_| page && facts.method.is_secret() && rules.has(Rule::BrowserTokensBound))?;
            Some(Issuer { kind: "shared-gateway-auth".to_owned(), generation })
        });
        let widened = [ADMIN.to_owned()];
        let shown = PresentedToken {
            device_id: &device.id,
            token: "",
            role: &request.role,
            scopes: if rules.has_fault(Fault::ScopesWidened) && request.role == "operator" {
                &widened
            } else {
                &request.scopes
            },
        };
        tokens::ensure(self.state, rules, self.ids, self.now, shown, issued_under.as_ref())
    }

    /// A node needs a device token: the one that it authenticated with, or one that it is given now.
    fn check_node_identity(
        &self,
        request: &ConnectRequest,
        method: AuthMethod,
        token: Option<&DeviceToken>,
    ) -> Result<(), Refusal> {
        let known = request.device.is_some() && (method == AuthMethod::DeviceToken || token.is_some());
        if known || !self.rules.has(Rule::NodeNeedsToken) {
            return Ok(());
        }
        let message = "authenticated node pairing identity unavailable";
        Err(Refusal::close_with(error("NOT_PAIRED", message), 1008, message))
    }

    fn settle_node(&mut self, request: &mut ConnectRequest, remote_ip: Option<String>) {
        let settled =
            nodes::reconcile(self.state, self.rules, self.settings, self.ids, self.now, request, remote_ip);
        let node_id = request.device.as_ref().map_or(request.client.id.clone(), |device| device.id.clone());
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
        request.commands = settled.commands;
    }

    fn check_build(&self, request: &ConnectRequest) -> Result<(), Refusal> {
        let gated = self.rules.has(Rule::ControlUiBuildGate)
            && request.client.is_browser_ui()
            && !self.settings.own_control_ui
            && peer::is_gateway_page(self.rules, self.peer);
        let build = self.rules.build_id();
        let own = request.client.build.as_deref().map(str::trim);
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

/// A protocol version as a JSON integer.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the schema admits whole numbers only")]
    let number = number as i64;
    json!(number)
}
