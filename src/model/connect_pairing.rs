//! Whether a device is paired for what it asks, and the request for pairing where it is not.

use serde_json::{Value, json};

use super::ask::Ask;
use super::auth::Method;
use super::connect::{Announcement, ConnectFacts, Handshake, Locality};
use super::mutants::Fault;
use super::pairing::{self, ApproveError};
use super::platform::{self, Pin};
use super::record;
use super::refusal::{Refusal, error, error_with};
use super::rulebook::{Rule, ScopeUpgrade};
use super::scopes::{self, ADMIN, APPROVALS, READ, WRITE};
use super::state::{PairedDevice, PendingDevice};

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

impl Handshake<'_> {
    /// Compares the device with its record. Returns whether it may have a token.
    pub(super) fn check_pairing(
        &mut self,
        ask: &Ask,
        facts: &ConnectFacts,
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
        facts: &ConnectFacts,
        record: &PairedDevice,
        remote_ip: Option<&String>,
    ) -> Result<(), Refusal> {
        let pin = platform::compare(self.rules, &ask.client, record);
        if pin == Pin::Other {
            self.ask_for(Reason::Metadata, ask, facts, Some(record), remote_ip)?;
        }
        let roles = record::effective_roles(self.rules, record);
        if !roles.contains(&ask.role) && !self.rules.broken(Fault::RoleNotCompared) {
            self.ask_for(Reason::Role, ask, facts, Some(record), remote_ip)?;
        }
        let approved = record::access_scopes(self.rules, record);
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

    fn is_silent(
        &self,
        reason: Reason,
        ask: &Ask,
        facts: &ConnectFacts,
        paired: Option<&PairedDevice>,
    ) -> bool {
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
        facts: &ConnectFacts,
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
                caller.extend(paired.map(|paired| record::access_scopes(rules, paired)).unwrap_or_default());
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
        facts: &ConnectFacts,
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
                let mut approved = record::access_scopes(rules, record);
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
}

fn some(list: &[String]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}
