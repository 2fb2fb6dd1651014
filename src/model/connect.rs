//! The decision about a `connect` request.

use serde_json::{Value, json};

use super::ask::Ask;
use super::auth::{self, Method, Shared, Standing};
use super::config::{AuthMode, Settings};
use super::dice::Dice;
use super::mutants::Fault;
use super::nodes;
use super::pairing::{self, ApproveError};
use super::peer::{self, Peer};
use super::platform::{self, Pin};
use super::profile::{BackendPairing, Rule, ScopeUpgrade};
use super::proof;
use super::refusal::{Refusal, error, error_with};
use super::rules::Rules;
use super::scopes::{self, ADMIN, APPROVALS, READ, WRITE};
use super::state::{Issuer, PairedDevice, PendingDevice, State, Token};
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

/// Why a device has to be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    NotPaired,
    Role,
    Scope,
    Metadata,
}

impl Reason {
    const fn name(self) -> &'static str {
        match self {
            Self::NotPaired => "not-paired",
            Self::Role => "role-upgrade",
            Self::Scope => "scope-upgrade",
            Self::Metadata => "metadata-upgrade",
        }
    }

    const fn requirement(self) -> &'static str {
        match self {
            Self::NotPaired => "device is not approved yet",
            Self::Role => "device is asking for a higher role than currently approved",
            Self::Scope => "device is asking for more scopes than currently approved",
            Self::Metadata => "device identity changed and must be re-approved",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::NotPaired => "Approve this device from the pending pairing requests.",
            Self::Role => "Review the requested role upgrade, then approve the pending request.",
            Self::Scope => "Review the requested scopes, then approve the pending upgrade.",
            Self::Metadata => "Review the refreshed device details, then approve the pending request.",
        }
    }
}

/// Where a client stands for pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Locality {
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
struct Facts {
    origin: bool,
    control_ui: bool,
    webchat: bool,
    proxy_user: bool,
    method: Method,
    locality: Locality,
    key: String,
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
        let mut facts = Facts {
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
            self.settle_node(&mut ask, remote_ip.clone());
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

    fn locality(&self, ask: &Ask, local: bool, shared: &Shared) -> Locality {
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

    fn backend_skips(&self, ask: &Ask, facts: &Facts, secret_ok: bool) -> bool {
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
        shared: &Shared,
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

    fn control_ui_skips(&self, ask: &Ask, facts: &Facts) -> bool {
        let operator = facts.control_ui && ask.role == "operator";
        facts.proxy_user && self.rules.has(Rule::ProxyUserSkipsPairing)
            || operator && self.rules.has(Rule::NoAuthControlUi) && self.settings.mode == AuthMode::None
    }

    /// Compares the device with its record. Returns whether it may have a token.
    fn check_pairing(
        &mut self,
        ask: &Ask,
        facts: &Facts,
        secret_ok: bool,
        remote_ip: Option<&String>,
    ) -> Result<bool, Refusal> {
        let Some(device) = &ask.device else { return Ok(false) };
        let paired = self.state.paired.get(&device.id).cloned();
        let same_key = paired.as_ref().filter(|record| record.public_key == facts.key);
        let backend = self.backend_skips(ask, facts, secret_ok);
        let ui = self.control_ui_skips(ask, facts);
        if backend || ui {
            let by_token = backend && !ui && facts.method == Method::DeviceToken;
            match same_key {
                None => return Ok(!by_token),
                Some(_) if !self.rules.has(Rule::SkipOnlyFirstPairing) => {
                    if self.rules.has(Rule::HelloTellsConnectionScopes) {
                        self.refresh_record(ask, remote_ip, None);
                    }
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        match same_key.cloned() {
            None => self.ask_for(Reason::NotPaired, ask, facts, paired.as_ref(), remote_ip)?,
            Some(record) => self.check_record(ask, facts, &record, remote_ip)?,
        }
        Ok(true)
    }

    fn check_record(
        &mut self,
        ask: &Ask,
        facts: &Facts,
        record: &PairedDevice,
        remote_ip: Option<&String>,
    ) -> Result<(), Refusal> {
        let pin = platform::compare(self.rules, &ask.client, record);
        if pin == Pin::Other {
            self.ask_for(Reason::Metadata, ask, facts, Some(record), remote_ip)?;
        }
        let roles = pairing::effective_roles(self.rules, record);
        if !roles.contains(&ask.role) && !self.rules.broken(Fault::RoleNotCompared) {
            self.ask_for(Reason::Role, ask, facts, Some(record), remote_ip)?;
        }
        let approved = pairing::access_scopes(self.rules, record);
        let covered = !approved.is_empty() && scopes::cover(self.rules, &ask.role, &ask.scopes, &approved);
        if !ask.scopes.is_empty() && !covered && !self.rules.broken(Fault::ScopesNotCompared) {
            self.ask_for(Reason::Scope, ask, facts, Some(record), remote_ip)?;
        }
        let newer = match pin {
            Pin::Newer(platform) => Some(platform),
            Pin::Same | Pin::Other => None,
        };
        self.refresh_record(ask, remote_ip, newer);
        Ok(())
    }

    fn refresh_record(&mut self, ask: &Ask, remote_ip: Option<&String>, platform: Option<String>) {
        let Some(device) = &ask.device else { return };
        let rules = self.rules;
        let Some(record) = self.state.paired.get_mut(&device.id) else { return };
        record.display_name.clone_from(&ask.client.display_name);
        record.remote_ip = remote_ip.cloned();
        if rules.has(Rule::LastSeenRecorded) {
            record.last_seen_at_ms = Some(self.now);
            record.last_seen_reason = Some("connect".to_owned());
        }
        if platform.is_some() {
            record.platform = platform;
        }
        if rules.has(Rule::ConnectUpdatesClient) {
            record.client_id = Some(ask.client.id.clone());
            record.client_mode = Some(ask.client.mode.clone());
        }
        if rules.has(Rule::ConnectWidensRecord) {
            let known = record.recorded_roles();
            record.roles = Some(scopes::merged(known.iter().chain([&ask.role]).map(String::as_str)));
            record.role = Some(ask.role.clone());
            record.scopes = pairing::merge_scopes(rules, [record.scopes.as_ref(), Some(&ask.scopes)]);
        }
    }

    fn is_silent(&self, reason: Reason, ask: &Ask, facts: &Facts, paired: Option<&PairedDevice>) -> bool {
        let rules = self.rules;
        let operator = ask.role == "operator";
        let page = facts.control_ui || facts.webchat;
        let far = facts.locality == Locality::Remote;
        let let_in = match reason {
            Reason::NotPaired => rules.broken(Fault::RemotePairedSilently),
            Reason::Role => rules.broken(Fault::RemoteUpgradedSilently),
            Reason::Scope | Reason::Metadata => false,
        };
        if far && let_in {
            return true;
        }
        if far || paired.is_some() && !operator && rules.has(Rule::OnlyOperatorSilently) {
            return false;
        }
        if facts.origin && (!page || !rules.has(Rule::SilentBrowserPairing)) {
            return false;
        }
        if reason == Reason::Metadata {
            let native = facts.locality == Locality::Direct && ask.client.is_native_ui();
            let beside = facts.locality == Locality::WithSecret;
            return rules.has(Rule::SilentMetadata) && !facts.origin && !page && (native || beside);
        }
        // `nodes.pairing.autoApproveLocal` came with the silent scope upgrade.
        let knows_switch = rules.profile.scope_upgrade == ScopeUpgrade::SilentWithSecret;
        if knows_switch && !self.settings.approve_local || rules.broken(Fault::LocalNeedsApproval) {
            return false;
        }
        match reason {
            Reason::NotPaired | Reason::Metadata => true,
            Reason::Role => rules.has(Rule::SilentRoleUpgrade),
            Reason::Scope => match rules.profile.scope_upgrade {
                ScopeUpgrade::Silent => true,
                ScopeUpgrade::Asked => false,
                ScopeUpgrade::SilentWithSecret => facts.method == Method::None || facts.method.is_secret(),
            },
        }
    }

    /// Makes a request for pairing, and approves it where nobody need be asked.
    fn ask_for(
        &mut self,
        reason: Reason,
        ask: &Ask,
        facts: &Facts,
        paired: Option<&PairedDevice>,
        remote_ip: Option<&String>,
    ) -> Result<(), Refusal> {
        let Some(device) = &ask.device else { return Ok(()) };
        let rules = self.rules;
        let silent = self.is_silent(reason, ask, facts, paired);
        let mut wanted = ask.scopes.clone();
        if silent && rules.broken(Fault::ScopesWidened) {
            wanted = [ADMIN, READ, WRITE, APPROVALS, scopes::PAIRING].map(str::to_owned).to_vec();
        }
        let incoming = PendingDevice {
            device_id: device.id.clone(),
            public_key: facts.key.clone(),
            display_name: ask.client.display_name.clone(),
            platform: Some(ask.client.platform.clone()),
            device_family: ask.client.family.clone(),
            client_id: Some(ask.client.id.clone()),
            client_mode: Some(ask.client.mode.clone()),
            role: Some(ask.role.clone()),
            scopes: Some(wanted.clone()),
            remote_ip: remote_ip.cloned(),
            silent: Some(silent),
            ..Default::default()
        };
        let requested = pairing::request(self.state, rules, self.dice, self.now, incoming);
        let id = requested.request.request_id.clone();
        if rules.has(Rule::SupersededAnnounced) {
            for old in &requested.superseded {
                self.announce_resolved(old, &device.id, "rejected");
            }
        }
        if requested.request.silent == Some(true) {
            let mut caller = wanted;
            if rules.has(Rule::SilentApprovalCountsRecord) {
                caller.extend(paired.map(|record| pairing::access_scopes(rules, record)).unwrap_or_default());
            }
            let checked = rules.has(Rule::SilentApprovalNeedsScopes).then_some(caller.as_slice());
            match pairing::approve(self.state, rules, self.dice, self.now, &id, checked) {
                Ok(_) => {
                    self.note_silent_approval(&device.id);
                    self.announce_resolved(&id, &device.id, "approved");
                    return Ok(());
                }
                Err(ApproveError::Unknown) => {}
                Err(ApproveError::Forbidden(_)) => self.announce_requested(&requested.request),
            }
        } else if requested.created {
            self.announce_requested(&requested.request);
        }
        Err(self.pairing_refusal(reason, ask, facts, paired, &id))
    }

    fn note_silent_approval(&mut self, device_id: &str) {
        let Some(record) = self.state.paired.get_mut(device_id) else { return };
        if self.rules.has(Rule::LastSeenRecorded) {
            record.last_seen_at_ms = Some(self.now);
            record.last_seen_reason = Some("connect".to_owned());
        }
        if self.rules.has(Rule::ApprovalWayRecorded) {
            record.approved_via = Some("silent".to_owned());
        }
    }

    fn announce_requested(&mut self, request: &PendingDevice) {
        if !self.rules.broken(Fault::PendingNotAnnounced) {
            self.announced.push(Announcement { event: "device.pair.requested", payload: json!(request) });
        }
    }

    fn announce_resolved(&mut self, id: &str, device_id: &str, decision: &str) {
        if !self.rules.broken(Fault::ResolvedNotAnnounced) {
            let payload =
                json!({"requestId": id, "deviceId": device_id, "decision": decision, "ts": self.now});
            self.announced.push(Announcement { event: "device.pair.resolved", payload });
        }
    }

    fn pairing_refusal(
        &self,
        reason: Reason,
        ask: &Ask,
        facts: &Facts,
        paired: Option<&PairedDevice>,
        id: &str,
    ) -> Refusal {
        let rules = self.rules;
        let reason = if rules.broken(Fault::ReasonAlwaysNotPaired) { Reason::NotPaired } else { reason };
        let id = (!rules.broken(Fault::RefusalWithoutRequest)).then_some(id);
        let code = if rules.broken(Fault::WrongPairingClose) { 1000 } else { 1008 };
        let mut details = json!({"code": "PAIRING_REQUIRED", "requestId": id, "reason": reason.name()});
        let mut text = "pairing required".to_owned();
        let mut close = text.clone();
        if rules.has(Rule::PairingRefusalDetails) {
            text = format!("pairing required: {}", reason.requirement());
            close = id.map_or_else(|| text.clone(), |id| format!("{text} (requestId: {id})"));
            let trim =
                |list: &[String]| -> Vec<String> { list.iter().map(|one| one.trim().to_owned()).collect() };
            details["remediationHint"] = json!(reason.remedy());
            details["deviceId"] = json!(ask.device.as_ref().map(|device| &device.id));
            details["requestedRole"] = json!(ask.role);
            if !ask.scopes.is_empty() || !rules.has(Rule::EmptyDetailsDropped) {
                details["requestedScopes"] = json!(trim(&ask.scopes));
            }
            if let Some(record) = paired.filter(|record| record.public_key == facts.key) {
                let known = record.recorded_roles();
                let mut approved = pairing::access_scopes(rules, record);
                if rules.has(Rule::SupersededAnnounced) {
                    approved = scopes::merged(approved.iter().map(String::as_str));
                    approved.sort();
                }
                details["approvedRoles"] = some(&known);
                details["approvedScopes"] = some(&approved);
            }
            let waits = rules.has(Rule::ControlUiWaits) && facts.control_ui && ask.role == "operator";
            if waits && id.is_some() {
                details["recommendedNextStep"] = json!("wait_then_retry");
                details["retryable"] = json!(true);
                details["pauseReconnect"] = json!(false);
            }
        }
        let error = if rules.broken(Fault::RefusalWithoutDetails) {
            error("NOT_PAIRED", &text)
        } else {
            error_with("NOT_PAIRED", &text, details)
        };
        Refusal::close_with(error, code, &close)
    }

    fn device_token(
        &mut self,
        ask: &Ask,
        facts: &Facts,
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
            self.announced.push(Announcement { event: "node.pair.requested", payload: json!(request) });
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
fn is_trusted_cli(ask: &Ask, facts: &Facts, shared: &Shared) -> bool {
    let local = facts.locality != Locality::Remote;
    ask.client.is_cli() && local && !facts.origin && shared.secret_ok && shared.method.is_secret()
}

/// The build that a release's own Control UI has.
pub(super) fn build_id(rules: &Rules) -> String {
    format!("embedded-{}", rules.profile.release())
}

fn some(list: &[String]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}

/// A number of the schema's whole numbers as JSON has it.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the schema admits whole numbers only")]
    let number = number as i64;
    json!(number)
}
