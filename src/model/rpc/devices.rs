//! Calls about devices and their requests for pairing.

use serde_json::{Value, json};

use super::call::RpcCall;
use super::response::{DroppedDevice, RpcResponse};
use crate::model::mutants::Fault;
use crate::model::pairing::{self, ApproveError};
use crate::model::rulebook::Rule;
use crate::model::state::{PairedDevice, PendingDevice};

/// A device as calls show it: without secrets. `connected` tells whether the entry says that it is connected.
fn listed(call: &RpcCall<'_>, device: &PairedDevice, connected: bool) -> Value {
    let mut entry = json!(device);
    if let Some(entries) = entry.as_object_mut() {
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
                    if !call.rules.has_fault(Fault::TokensShown) {
                        entries.shift_remove("token");
                    }
                }
                summary
            })
            .collect();
        entry["tokens"] = json!(summaries);
    }
    if call.rules.has(Rule::TokenDelivery) && connected {
        let live = call.caller.live.iter().filter_map(|client| client.request.device.as_ref());
        let here = live.into_iter().any(|one| one.id == device.device_id);
        entry["connected"] = json!(here);
    }
    entry
}

pub(super) fn list(call: &RpcCall<'_>) -> RpcResponse {
    let own = call.own_device().filter(|_| call.rules.has(Rule::DeviceTokenIsDevice));
    let visible = |id: &str| own.is_none_or(|own| own == id.trim());
    let mut pending: Vec<&PendingDevice> =
        call.state.pending.values().filter(|one| visible(&one.device_id)).collect();
    pending.sort_by_key(|one| std::cmp::Reverse(one.ts));
    let mut paired: Vec<&PairedDevice> =
        call.state.paired.values().filter(|one| visible(&one.device_id)).collect();
    paired.sort_by_key(|one| std::cmp::Reverse(one.approved_at_ms));
    let paired: Vec<Value> = paired.into_iter().map(|device| listed(call, device, true)).collect();
    RpcResponse::ok(json!({"pending": pending, "paired": paired}))
}

fn announce_resolved(
    call: &RpcCall<'_>,
    response: RpcResponse,
    id: &str,
    device_id: &str,
    decision: &str,
) -> RpcResponse {
    if call.rules.has_fault(Fault::ResolvedNotAnnounced) {
        return response;
    }
    let payload =
        json!({"requestId": id, "deviceId": device_id, "decision": decision, "ts": call.caller.now});
    response.with_event("device.pair.resolved", payload)
}

pub(super) fn approve(call: &mut RpcCall<'_>) -> RpcResponse {
    let id = call.param("requestId").to_owned();
    let own = call.own_device().filter(|_| call.rules.has(Rule::DeviceTokenIsDevice)).map(str::to_owned);
    let strict = call.rules.has(Rule::NonOperatorApprovalNeedsAdmin) && !call.is_admin();
    if own.is_some() || strict {
        let Some(pending) = call.state.pending.get(&id) else {
            return RpcResponse::invalid("device pairing approval denied");
        };
        let foreign = own.is_some_and(|own| own != pending.device_id);
        let managed = call.rules.has(Rule::NonOperatorNeedsAdmin) && other_role(&pending.requested_roles());
        if foreign || managed {
            return RpcResponse::invalid("device pairing approval denied");
        }
    }
    let caller = call.scopes().to_vec();
    match pairing::approve(call.state, call.rules, call.ids, call.caller.now, &id, Some(&caller)) {
        Ok(device) => {
            let response = RpcResponse::ok(json!({"requestId": id, "device": listed(call, &device, false)}));
            announce_resolved(call, response, &id, &device.device_id, "approved")
        }
        Err(refused @ (ApproveError::Unknown | ApproveError::Forbidden(_))) => {
            RpcResponse::invalid(&refused.to_string())
        }
    }
}

pub(super) fn reject(call: &mut RpcCall<'_>) -> RpcResponse {
    let id = call.param("requestId").to_owned();
    let own = call.own_device().filter(|_| call.rules.has(Rule::DeviceTokenIsDevice));
    if let Some(own) = own {
        let mine = call.state.pending.get(&id).is_some_and(|pending| pending.device_id == own);
        if !mine {
            return RpcResponse::invalid("device pairing rejection denied");
        }
    }
    match pairing::reject(call.state, call.rules, &id) {
        Some(device_id) => {
            let response = RpcResponse::ok(json!({"requestId": id, "deviceId": device_id}));
            announce_resolved(call, response, &id, &device_id, "rejected")
        }
        None => RpcResponse::invalid("unknown requestId"),
    }
}

pub(super) fn remove(call: &mut RpcCall<'_>) -> RpcResponse {
    let device_id = call.param("deviceId").trim().to_owned();
    let managed = call.own_device().is_some()
        && call.rules.has(Rule::NonOperatorNeedsAdmin)
        && call.state.paired.get(&device_id).is_some_and(|device| {
            let of_tokens = device.tokens.iter().flat_map(|tokens| tokens.values().map(|token| &token.role));
            other_role(&device.recorded_roles()) || other_role(of_tokens)
        });
    if call.is_foreign(&device_id) || managed {
        return RpcResponse::invalid("device pairing removal denied");
    }
    if !pairing::remove(call.state, call.rules, &device_id) {
        return RpcResponse::invalid("unknown deviceId");
    }
    let mut response = RpcResponse::ok(json!({"deviceId": device_id}));
    response.dropped =
        call.rules.has(Rule::RemovalDisconnects).then_some(DroppedDevice { device_id, role: None });
    response
}

fn other_role<'a>(roles: impl IntoIterator<Item = &'a String>) -> bool {
    roles.into_iter().any(|role| role != "operator")
}
