//! Calls about devices and their tokens.

use serde_json::{Value, json};

use super::mutants::Fault;
use super::pairing::{self, ApproveError};
use super::rpc::Call;
use super::rpc_answer::{Answer, Dropped};
use super::rulebook::Rule;
use super::state::{PairedDevice, PendingDevice};
use super::tokens::{self, ChangeRefusal};

impl Call<'_> {
    fn shown(&self, device: &PairedDevice, connected: bool) -> Value {
        let mut shown = json!(device);
        if let Some(entries) = shown.as_object_mut() {
            entries.shift_remove("approvedScopes");
            entries.shift_remove("tokens");
        }
        if let Some(tokens) = device.tokens.as_ref().filter(|tokens| !tokens.is_empty()) {
            let summaries: Vec<Value> = tokens
                .values()
                .map(|token| {
                    let mut summary = json!(token);
                    if let Some(entries) = summary.as_object_mut() {
                        entries.shift_remove("issuer");
                        if !self.rules.broken(Fault::TokensShown) {
                            entries.shift_remove("token");
                        }
                    }
                    summary
                })
                .collect();
            shown["tokens"] = json!(summaries);
        }
        if self.rules.has(Rule::TokenDelivery) && connected {
            let live = self.caller.live.iter().filter_map(|client| client.ask.device.as_ref());
            let here = live.into_iter().any(|one| one.id == device.device_id);
            shown["connected"] = json!(here);
        }
        shown
    }

    pub(super) fn list_devices(&self) -> Answer {
        let own = self.own_device().filter(|_| self.rules.has(Rule::DeviceTokenIsDevice));
        let visible = |id: &str| own.is_none_or(|own| own == id.trim());
        let mut pending: Vec<&PendingDevice> =
            self.state.pending.values().filter(|one| visible(&one.device_id)).collect();
        pending.sort_by_key(|one| std::cmp::Reverse(one.ts));
        let mut paired: Vec<&PairedDevice> =
            self.state.paired.values().filter(|one| visible(&one.device_id)).collect();
        paired.sort_by_key(|one| std::cmp::Reverse(one.approved_at_ms));
        let paired: Vec<Value> = paired.into_iter().map(|device| self.shown(device, true)).collect();
        Answer::yes(json!({"pending": pending, "paired": paired}))
    }

    fn resolved(&self, answer: Answer, id: &str, device_id: &str, decision: &str) -> Answer {
        if self.rules.broken(Fault::ResolvedNotAnnounced) {
            return answer;
        }
        let payload =
            json!({"requestId": id, "deviceId": device_id, "decision": decision, "ts": self.caller.now});
        answer.announcing("device.pair.resolved", payload)
    }

    pub(super) fn approve_device(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        let own = self.own_device().filter(|_| self.rules.has(Rule::DeviceTokenIsDevice)).map(str::to_owned);
        let strict = self.rules.has(Rule::NonOperatorApprovalNeedsAdmin) && !self.is_admin();
        if own.is_some() || strict {
            let Some(pending) = self.state.pending.get(&id) else {
                return Answer::no("device pairing approval denied");
            };
            let foreign = own.is_some_and(|own| own != pending.device_id);
            let managed =
                self.rules.has(Rule::NonOperatorNeedsAdmin) && other_role(&pending.requested_roles());
            if foreign || managed {
                return Answer::no("device pairing approval denied");
            }
        }
        let caller = self.scopes().to_vec();
        match pairing::approve(self.state, self.rules, self.dice, self.caller.now, &id, Some(&caller)) {
            Ok(device) => {
                let answer = Answer::yes(json!({"requestId": id, "device": self.shown(&device, false)}));
                self.resolved(answer, &id, &device.device_id, "approved")
            }
            Err(refused @ (ApproveError::Unknown | ApproveError::Forbidden(_))) => {
                Answer::no(&refused.to_string())
            }
        }
    }

    pub(super) fn reject_device(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        let own = self.own_device().filter(|_| self.rules.has(Rule::DeviceTokenIsDevice));
        if let Some(own) = own {
            let mine = self.state.pending.get(&id).is_some_and(|pending| pending.device_id == own);
            if !mine {
                return Answer::no("device pairing rejection denied");
            }
        }
        match pairing::reject(self.state, self.rules, &id) {
            Some(device_id) => {
                let answer = Answer::yes(json!({"requestId": id, "deviceId": device_id}));
                self.resolved(answer, &id, &device_id, "rejected")
            }
            None => Answer::no("unknown requestId"),
        }
    }

    pub(super) fn remove_device(&mut self) -> Answer {
        let device_id = self.param("deviceId").trim().to_owned();
        let managed = self.own_device().is_some()
            && self.rules.has(Rule::NonOperatorNeedsAdmin)
            && self.state.paired.get(&device_id).is_some_and(|device| {
                let of_tokens =
                    device.tokens.iter().flat_map(|tokens| tokens.values().map(|token| &token.role));
                other_role(&device.recorded_roles()) || other_role(of_tokens)
            });
        if self.is_foreign(&device_id) || managed {
            return Answer::no("device pairing removal denied");
        }
        if !pairing::remove(self.state, self.rules, &device_id) {
            return Answer::no("unknown deviceId");
        }
        let mut answer = Answer::yes(json!({"deviceId": device_id}));
        answer.dropped =
            self.rules.has(Rule::RemovalDisconnects).then_some(Dropped { device_id, role: None });
        answer
    }

    /// Whether the caller may not touch tokens of this role.
    fn role_is_managed(&self, role: &str) -> bool {
        let other = !role.trim().is_empty() && role.trim() != "operator";
        self.rules.has(Rule::NonOperatorNeedsAdmin) && !self.is_admin() && other
    }

    pub(super) fn rotate_token(&mut self) -> Answer {
        let denied = "device token rotation denied";
        let (device_id, role) = (self.param("deviceId").to_owned(), self.param("role").to_owned());
        if self.is_foreign(&device_id) || self.role_is_managed(&role) {
            return Answer::no(denied);
        }
        let wanted = self.params["scopes"].is_array().then(|| super::ask::texts(&self.params["scopes"]));
        let caller = self.scopes().to_vec();
        let own = self.own_device_of_connection().is_some_and(|own| own == device_id.trim());
        let target = (device_id.as_str(), role.as_str());
        let rotated = tokens::rotate(
            self.state,
            self.rules,
            self.dice,
            self.caller.now,
            target,
            wanted.as_deref(),
            &caller,
        );
        let token = match rotated {
            Ok(token) => token,
            Err(_) if self.rules.has(Rule::RotationDenied) => return Answer::no(denied),
            Err(ChangeRefusal::CallerLacks(scope)) => return Answer::no(&format!("missing scope: {scope}")),
            Err(ChangeRefusal::Unknown | ChangeRefusal::BeyondApproval) => {
                return Answer::no("unknown deviceId/role");
            }
        };
        let in_band = own || !self.rules.has(Rule::RotatedTokenHidden);
        let mut payload = json!({
            "deviceId": device_id,
            "role": token.role,
            "scopes": token.scopes,
            "rotatedAtMs": token.issued_at_ms(),
        });
        if in_band {
            payload["token"] = json!(token.token);
        }
        if self.rules.has(Rule::TokenDelivery) {
            payload["tokenDelivery"] = json!(if in_band { "in-band" } else { "withheld-cross-device" });
        }
        let mut answer = Answer::yes(payload);
        answer.dropped = self
            .rules
            .has(Rule::RotationDisconnects)
            .then(|| Dropped { device_id: device_id.trim().to_owned(), role: Some(token.role) });
        answer
    }

    /// The device that the connection stands for, whatever it may manage.
    fn own_device_of_connection(&self) -> Option<&str> {
        let by_token = self.caller.admitted.method == super::auth::Method::DeviceToken;
        let device = self.caller.admitted.ask.device.as_ref().map(|device| device.id.trim());
        device.filter(|_| by_token)
    }

    pub(super) fn revoke_token(&mut self) -> Answer {
        let (device_id, role) = (self.param("deviceId").to_owned(), self.param("role").to_owned());
        if self.is_foreign(&device_id) || self.role_is_managed(&role) {
            return Answer::no("device token revocation denied");
        }
        let caller = self.scopes().to_vec();
        let target = (device_id.as_str(), role.as_str());
        match tokens::revoke(self.state, self.rules, self.caller.now, target, &caller) {
            Ok(token) => {
                let device_id = if self.rules.has(Rule::RemovalDisconnects) {
                    device_id.trim().to_owned()
                } else {
                    device_id
                };
                let payload =
                    json!({"deviceId": device_id, "role": token.role, "revokedAtMs": token.revoked_at_ms});
                let mut answer = Answer::yes(payload);
                answer.dropped = self
                    .rules
                    .has(Rule::RemovalDisconnects)
                    .then_some(Dropped { device_id, role: Some(token.role) });
                answer
            }
            Err(_) if self.rules.has(Rule::RevocationDenied) => Answer::no("device token revocation denied"),
            Err(_) => Answer::no("unknown deviceId/role"),
        }
    }
}

fn other_role<'a>(roles: impl IntoIterator<Item = &'a String>) -> bool {
    roles.into_iter().any(|role| role != "operator")
}
