//! Calls about device tokens.

use serde_json::json;

use super::call::RpcCall;
use super::response::{DroppedDevice, RpcResponse};
use crate::model::connect::AuthMethod;
use crate::model::json_texts::texts;
use crate::model::rulebook::Rule;
use crate::model::tokens::{self, ChangeRefusal};

/// Whether the caller may not touch tokens of this role.
fn role_is_managed(call: &RpcCall<'_>, role: &str) -> bool {
    let other = !role.trim().is_empty() && role.trim() != "operator";
    call.rules.has(Rule::NonOperatorNeedsAdmin) && !call.is_admin() && other
}

pub(super) fn rotate(call: &mut RpcCall<'_>) -> RpcResponse {
    let denied = "device token rotation denied";
    let (device_id, role) = (call.param("deviceId").to_owned(), call.param("role").to_owned());
    if call.is_foreign(&device_id) || role_is_managed(call, &role) {
        return RpcResponse::invalid(denied);
    }
    let wanted = call.params["scopes"].is_array().then(|| texts(&call.params["scopes"]));
    let caller = call.scopes().to_vec();
    let own = own_device_of_connection(call).is_some_and(|own| own == device_id.trim());
    let target = (device_id.as_str(), role.as_str());
    let rotated =
        tokens::rotate(call.state, call.rules, call.ids, call.caller.now, target, wanted.as_deref(), &caller);
    let token = match rotated {
        Ok(token) => token,
        Err(_) if call.rules.has(Rule::RotationDenied) => return RpcResponse::invalid(denied),
        Err(ChangeRefusal::CallerLacks(scope)) => {
            return RpcResponse::invalid(&format!("missing scope: {scope}"));
        }
        Err(ChangeRefusal::Unknown | ChangeRefusal::BeyondApproval) => {
            return RpcResponse::invalid("unknown deviceId/role");
        }
    };
    let in_band = own || !call.rules.has(Rule::RotatedTokenHidden);
    let mut payload = json!({
        "deviceId": device_id,
        "role": token.role,
        "scopes": token.scopes,
        "rotatedAtMs": token.issued_at_ms(),
    });
    if in_band {
        payload["token"] = json!(token.token);
    }
    if call.rules.has(Rule::TokenDelivery) {
        payload["tokenDelivery"] = json!(if in_band { "in-band" } else { "withheld-cross-device" });
    }
    let mut response = RpcResponse::ok(payload);
    response.dropped = call
        .rules
        .has(Rule::RotationDisconnects)
        .then(|| DroppedDevice { device_id: device_id.trim().to_owned(), role: Some(token.role) });
    response
}

/// The device of a caller that authenticated by its device token.
fn own_device_of_connection<'a>(call: &'a RpcCall<'_>) -> Option<&'a str> {
    let by_token = call.caller.admitted.method == AuthMethod::DeviceToken;
    let device = call.caller.admitted.request.device.as_ref().map(|device| device.id.trim());
    device.filter(|_| by_token)
}

pub(super) fn revoke(call: &mut RpcCall<'_>) -> RpcResponse {
    let (device_id, role) = (call.param("deviceId").to_owned(), call.param("role").to_owned());
    if call.is_foreign(&device_id) || role_is_managed(call, &role) {
        return RpcResponse::invalid("device token revocation denied");
    }
    let caller = call.scopes().to_vec();
    let target = (device_id.as_str(), role.as_str());
    match tokens::revoke(call.state, call.rules, call.caller.now, target, &caller) {
        Ok(token) => {
            let device_id = if call.rules.has(Rule::RemovalDisconnects) {
                device_id.trim().to_owned()
            } else {
                device_id
            };
            let payload =
                json!({"deviceId": device_id, "role": token.role, "revokedAtMs": token.revoked_at_ms});
            let mut response = RpcResponse::ok(payload);
            response.dropped = call
                .rules
                .has(Rule::RemovalDisconnects)
                .then_some(DroppedDevice { device_id, role: Some(token.role) });
            response
        }
        Err(_) if call.rules.has(Rule::RevocationDenied) => {
            RpcResponse::invalid("device token revocation denied")
        }
        Err(_) => RpcResponse::invalid("unknown deviceId/role"),
    }
}
