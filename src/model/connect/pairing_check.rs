//! Whether a device is paired for what it asks, and the request for pairing where it is not.

use serde_json::{Value, json};

use super::admission::Announcement;
use super::auth::AuthMethod;
use super::facts::{ConnectFacts, Locality};
use super::request::ConnectRequest;
use crate::model::config::HandshakeConfig;
use crate::model::id_generator::IdGenerator;
use crate::model::mutants::Fault;
use crate::model::pairing::{self, ApproveError};
use crate::model::platform::{self, PlatformMatch};
use crate::model::record;
use crate::model::refusal::{Refusal, error, error_with};
use crate::model::rulebook::{Rule, ScopeUpgrade};
use crate::model::rules::Rules;
use crate::model::scopes::{self, ADMIN, APPROVALS, READ, WRITE};
use crate::model::state::{GatewayState, PairedDevice, PendingDevice};

/// Why a device has to be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PairingReason {
    NotPaired,
    Role,
    Scope,
    Metadata,
}

impl PairingReason {
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

/// The pairing decision about one `connect` request of a device that has proved its key.
pub(super) struct PairingCheck<'a> {
    pub(super) rules: &'a Rules,
    pub(super) settings: &'a HandshakeConfig,
    pub(super) state: &'a mut GatewayState,
    pub(super) ids: &'a mut IdGenerator,
    pub(super) now: i64,
    pub(super) request: &'a ConnectRequest,
    pub(super) device_id: &'a str,
    pub(super) facts: &'a ConnectFacts,
    pub(super) remote_ip: Option<&'a String>,
    /// Receives the events that the decision causes.
    pub(super) announced: &'a mut Vec<Announcement>,
}

impl PairingCheck<'_> {
    /// Compares the device with its record. Returns whether it may have a device token.
    ///
    /// # Errors
    /// Fails with the refusal for a device that somebody has to approve first.
    pub(super) fn decide(mut self) -> Result<bool, Refusal> {
        let (rules, facts) = (self.rules, self.facts);
        let paired = self.state.paired.get(self.device_id).cloned();
        let same_key = paired.as_ref().filter(|record| record.public_key == facts.key);
        let backend = facts.backend_skips_pairing(rules, &self.request.client);
        let ui = facts.ui_skips_pairing(rules, self.settings, &self.request.role);
        if backend || ui {
            let by_token = backend && !ui && facts.method == AuthMethod::DeviceToken;
            match same_key {
                None => return Ok(!by_token),
                Some(_) if !rules.has(Rule::SkipOnlyFirstPairing) => {
                    if rules.has(Rule::HelloTellsConnectionScopes) {
                        self.refresh_record(None);
                    }
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        match same_key {
            None => self.require_approval(PairingReason::NotPaired, paired.as_ref())?,
            Some(record) => self.check_record(record)?,
        }
        Ok(true)
    }

    fn check_record(&mut self, record: &PairedDevice) -> Result<(), Refusal> {
        let (rules, request) = (self.rules, self.request);
        let platform = platform::compare(rules, &request.client, record);
        if platform == PlatformMatch::Other {
            self.require_approval(PairingReason::Metadata, Some(record))?;
        }
        let roles = record::effective_roles(rules, record);
        if !roles.contains(&request.role) && !rules.has_fault(Fault::RoleNotCompared) {
            self.require_approval(PairingReason::Role, Some(record))?;
        }
        let approved = record::access_scopes(rules, record);
        let covered = !approved.is_empty() && scopes::cover(rules, &request.role, &request.scopes, &approved);
        if !request.scopes.is_empty() && !covered && !rules.has_fault(Fault::ScopesNotCompared) {
            self.require_approval(PairingReason::Scope, Some(record))?;
        }
        let newer = match platform {
            PlatformMatch::Newer(platform) => Some(platform),
            PlatformMatch::Same | PlatformMatch::Other => None,
        };
        self.refresh_record(newer);
        Ok(())
    }

    /// Writes what the client says about itself into the record of its device.
    fn refresh_record(&mut self, platform: Option<String>) {
        let (rules, request) = (self.rules, self.request);
        let Some(record) = self.state.paired.get_mut(self.device_id) else { return };
        record.display_name.clone_from(&request.client.display_name);
        record.remote_ip = self.remote_ip.cloned();
        if rules.has(Rule::LastSeenRecorded) {
            record.last_seen_at_ms = Some(self.now);
            record.last_seen_reason = Some("connect".to_owned());
        }
        if platform.is_some() {
            record.platform = platform;
        }
        if rules.has(Rule::ConnectUpdatesClient) {
            record.client_id = Some(request.client.id.clone());
            record.client_mode = Some(request.client.mode.clone());
        }
        if rules.has(Rule::ConnectWidensRecord) {
            let known = record.recorded_roles();
            record.roles = Some(scopes::merged(known.iter().chain([&request.role]).map(String::as_str)));
            record.role = Some(request.role.clone());
            record.scopes = pairing::merge_scopes(rules, [record.scopes.as_ref(), Some(&request.scopes)]);
        }
    }

    /// Whether the gateway approves by itself instead of waiting for an operator.
    fn is_silent(&self, reason: PairingReason, is_paired: bool) -> bool {
        let (rules, facts) = (self.rules, self.facts);
        let operator = self.request.role == "operator";
        let page = facts.operator_ui || facts.webchat;
        let remote = facts.locality == Locality::Remote;
        let fault_admits = match reason {
            PairingReason::NotPaired => rules.has_fault(Fault::RemotePairedSilently),
            PairingReason::Role => rules.has_fault(Fault::RemoteUpgradedSilently),
            PairingReason::Scope | PairingReason::Metadata => false,
        };
        if remote && fault_admits {
            return true;
        }
        if remote || is_paired && !operator && rules.has(Rule::OnlyOperatorSilently) {
            return false;
        }
        if facts.has_origin && (!page || !rules.has(Rule::SilentBrowserPairing)) {
            return false;
        }
        if reason == PairingReason::Metadata {
            let native = facts.locality == Locality::Direct && self.request.client.is_native_ui();
            let with_secret = facts.locality == Locality::WithSecret;
            return rules.has(Rule::SilentMetadata) && !facts.has_origin && !page && (native || with_secret);
        }
        // `nodes.pairing.autoApproveLocal` came with the release that grants scopes silently for the shared secret.
        let has_switch = rules.profile.scope_upgrade == ScopeUpgrade::SilentWithSecret;
        if has_switch && !self.settings.approve_local || rules.has_fault(Fault::LocalNeedsApproval) {
            return false;
        }
        match reason {
            PairingReason::NotPaired | PairingReason::Metadata => true,
            PairingReason::Role => rules.has(Rule::SilentRoleUpgrade),
            PairingReason::Scope => match rules.profile.scope_upgrade {
                ScopeUpgrade::Silent => true,
                ScopeUpgrade::Asked => false,
                ScopeUpgrade::SilentWithSecret => {
                    facts.method == AuthMethod::None || facts.method.is_secret()
                }
            },
        }
    }

    /// Makes a request for pairing, and approves it where no operator has to be asked.
    fn require_approval(
        &mut self,
        reason: PairingReason,
        paired: Option<&PairedDevice>,
    ) -> Result<(), Refusal> {
        let (rules, request) = (self.rules, self.request);
        let silent = self.is_silent(reason, paired.is_some());
        let mut wanted = request.scopes.clone();
        if silent && rules.has_fault(Fault::ScopesWidened) {
            wanted = [ADMIN, READ, WRITE, APPROVALS, scopes::PAIRING].map(str::to_owned).to_vec();
        }
        let incoming = PendingDevice {
            device_id: self.device_id.to_owned(),
            public_key: self.facts.key.clone(),
            display_name: request.client.display_name.clone(),
            platform: Some(request.client.platform.clone()),
            device_family: request.client.family.clone(),
            client_id: Some(request.client.id.clone()),
            client_mode: Some(request.client.mode.clone()),
            role: Some(request.role.clone()),
            scopes: Some(wanted.clone()),
            remote_ip: self.remote_ip.cloned(),
            silent: Some(silent),
            ..Default::default()
        };
        let requested = pairing::request(self.state, rules, self.ids, self.now, incoming);
        let id = requested.request.request_id.clone();
        if rules.has(Rule::SupersededAnnounced) {
            for old in &requested.superseded {
                self.announce_resolved(old, "rejected");
            }
        }
        if requested.request.silent == Some(true) {
            let mut granted = wanted;
            if rules.has(Rule::SilentApprovalCountsRecord) {
                granted.extend(paired.map(|paired| record::access_scopes(rules, paired)).unwrap_or_default());
            }
            let checked = rules.has(Rule::SilentApprovalNeedsScopes).then_some(granted.as_slice());
            match pairing::approve(self.state, rules, self.ids, self.now, &id, checked) {
                Ok(_) => {
                    self.note_silent_approval();
                    self.announce_resolved(&id, "approved");
                    return Ok(());
                }
                Err(ApproveError::Unknown) => {}
                Err(ApproveError::Forbidden(_)) => self.announce_requested(&requested.request),
            }
        } else if requested.created {
            self.announce_requested(&requested.request);
        }
        Err(self.refusal(reason, paired, &id))
    }

    fn note_silent_approval(&mut self) {
        let Some(record) = self.state.paired.get_mut(self.device_id) else { return };
        if self.rules.has(Rule::LastSeenRecorded) {
            record.last_seen_at_ms = Some(self.now);
            record.last_seen_reason = Some("connect".to_owned());
        }
        if self.rules.has(Rule::ApprovalWayRecorded) {
            record.approved_via = Some("silent".to_owned());
        }
    }

    fn announce_requested(&mut self, pending: &PendingDevice) {
        if !self.rules.has_fault(Fault::PendingNotAnnounced) {
            self.announced.push(Announcement { event: "device.pair.requested", payload: json!(pending) });
        }
    }

    fn announce_resolved(&mut self, id: &str, decision: &str) {
        if !self.rules.has_fault(Fault::ResolvedNotAnnounced) {
            let payload =
                json!({"requestId": id, "deviceId": self.device_id, "decision": decision, "ts": self.now});
            self.announced.push(Announcement { event: "device.pair.resolved", payload });
        }
    }

    fn refusal(&self, reason: PairingReason, paired: Option<&PairedDevice>, id: &str) -> Refusal {
        let (rules, request) = (self.rules, self.request);
        let reason =
            if rules.has_fault(Fault::ReasonAlwaysNotPaired) { PairingReason::NotPaired } else { reason };
        let id = (!rules.has_fault(Fault::RefusalWithoutRequest)).then_some(id);
        let code = if rules.has_fault(Fault::WrongPairingClose) { 1000 } else { 1008 };
        let mut details = json!({"code": "PAIRING_REQUIRED", "requestId": id, "reason": reason.name()});
        let mut text = "pairing required".to_owned();
        let mut close = text.clone();
        if rules.has(Rule::PairingRefusalDetails) {
            text = format!("pairing required: {}", reason.requirement());
            close = id.map_or_else(|| text.clone(), |id| format!("{text} (requestId: {id})"));
            let trim =
                |list: &[String]| -> Vec<String> { list.iter().map(|one| one.trim().to_owned()).collect() };
            details["remediationHint"] = json!(reason.remedy());
            details["deviceId"] = json!(self.device_id);
            details["requestedRole"] = json!(request.role);
            if !request.scopes.is_empty() || !rules.has(Rule::EmptyDetailsDropped) {
                details["requestedScopes"] = json!(trim(&request.scopes));
            }
            if let Some(record) = paired.filter(|record| record.public_key == self.facts.key) {
                let known = record.recorded_roles();
                let mut approved = record::access_scopes(rules, record);
                if rules.has(Rule::SupersededAnnounced) {
                    approved = scopes::merged(approved.iter().map(String::as_str));
                    approved.sort();
                }
                details["approvedRoles"] = null_if_empty(&known);
                details["approvedScopes"] = null_if_empty(&approved);
            }
            let waits =
                rules.has(Rule::ControlUiWaits) && self.facts.operator_ui && request.role == "operator";
            if waits && id.is_some() {
                details["recommendedNextStep"] = json!("wait_then_retry");
                details["retryable"] = json!(true);
                details["pauseReconnect"] = json!(false);
            }
        }
        let error = if rules.has_fault(Fault::RefusalWithoutDetails) {
            error("NOT_PAIRED", &text)
        } else {
            error_with("NOT_PAIRED", &text, details)
        };
        Refusal::close_with(error, code, &close)
    }
}

fn null_if_empty(list: &[String]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}
