//! Checks the parameters of a call and hands it to the function that answers it.

use serde_json::{Value, json};

use super::call::{Caller, RpcCall};
use super::response::RpcResponse;
use super::{devices, nodes, tokens};
use crate::model::config::HandshakeConfig;
use crate::model::frame_schemas;
use crate::model::id_generator::IdGenerator;
use crate::model::methods;
use crate::model::mutants::Fault;
use crate::model::rulebook::Rule;
use crate::model::rules::Rules;
use crate::model::schema::{Schema, SchemaDialect, violations};
use crate::model::state::GatewayState;
use crate::model::unmodelled::{Unmodelled, unmodelled_parameter};

/// Answers a call of a method that the caller may call.
pub(in crate::model) fn call(
    state: &mut GatewayState,
    rules: &Rules,
    ids: &mut IdGenerator,
    caller: &Caller<'_>,
    method: &str,
    params: Option<&Value>,
) -> RpcResponse {
    let nothing = json!({});
    let params = params.unwrap_or(&nothing);
    if let Some(schema) = schema_of(method)
        && let Some(unknown) = unmodelled_parameter(method, &schema.keys(), params)
    {
        return RpcResponse::unmodelled(&unknown);
    }
    if let Some(schema) = schema_of(method)
        && let Some(wrong) = violations(&schema, Some(params), SchemaDialect::of(rules))
    {
        return RpcResponse::invalid(&format!("invalid {method} params: {wrong}"));
    }
    let mut call = RpcCall { state, rules, ids, caller, params };
    match method {
        "health" => RpcResponse::ok(json!({"ok": true, "ts": caller.now, "channels": {}, "agents": []})),
        "status" => RpcResponse::ok(status(rules)),
        "config.get" => RpcResponse::ok(config(rules, caller.settings)),
        "device.pair.list" => devices::list(&call),
        "device.pair.approve" => devices::approve(&mut call),
        "device.pair.reject" => devices::reject(&mut call),
        "device.pair.remove" => devices::remove(&mut call),
        "device.token.rotate" => tokens::rotate(&mut call),
        "device.token.revoke" => tokens::revoke(&mut call),
        "node.list" => RpcResponse::ok(nodes::list(&call)),
        "node.pair.list" => RpcResponse::ok(nodes::list_requests(&call)),
        "node.pair.approve" => nodes::approve(&mut call),
        "node.pair.reject" => nodes::reject(&mut call),
        "node.pair.remove" if rules.has(Rule::NodeRemoval) => nodes::remove(&mut call),
        "connect" => RpcResponse::invalid("connect is only valid as the first request"),
        _ if rules.has_fault(Fault::OperatorCallsNodeMethods) && methods::is_for_nodes(method) => {
            RpcResponse::ok(json!({}))
        }
        _ if methods::exists(rules, method) => {
            RpcResponse::unmodelled(&Unmodelled::Answer(method.to_owned()))
        }
        _ if rules.has_fault(Fault::UnknownMethodAnswered) => RpcResponse::ok(json!({})),
        _ => RpcResponse::invalid(&format!("unknown method: {method}")),
    }
}

fn schema_of(method: &str) -> Option<Schema> {
    match method {
        "health" | "status" | "config.get" | "device.pair.list" | "node.list" | "node.pair.list" => {
            Some(frame_schemas::EMPTY)
        }
        "device.pair.approve" | "device.pair.reject" | "node.pair.approve" | "node.pair.reject" => {
            Some(frame_schemas::REQUEST_ID)
        }
        "device.pair.remove" => Some(frame_schemas::DEVICE_ID),
        "node.pair.remove" => Some(frame_schemas::NODE_ID),
        "device.token.rotate" => Some(frame_schemas::DEVICE_ROLE_SCOPES),
        "device.token.revoke" => Some(frame_schemas::DEVICE_ROLE),
        _ => None,
    }
}

fn status(rules: &Rules) -> Value {
    json!({
        "runtimeVersion": rules.profile.release().to_string(),
        "heartbeat": {},
        "channelSummary": [],
        "queuedSystemEvents": [],
        "sessions": {"count": 0, "recent": []},
    })
}

fn config(rules: &Rules, settings: &HandshakeConfig) -> Value {
    let mut config = settings.raw.clone();
    if let Some(auth) = config.pointer_mut("/gateway/auth").and_then(Value::as_object_mut) {
        for key in ["token", "password"] {
            if let Some(secret) = auth.get_mut(key) {
                *secret = json!("__OPENCLAW_REDACTED__");
            }
        }
    }
    json!({"exists": true, "valid": true, "config": config, "hash": rules.build_id(), "issues": []})
}
