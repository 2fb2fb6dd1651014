//! Calls about nodes.

use serde_json::{Value, json};

use super::call::RpcCall;
use super::response::RpcResponse;
use crate::model::connect::Admitted;
use crate::model::nodes;
use crate::model::record;
use crate::model::rulebook::Rule;

pub(super) fn list(call: &RpcCall<'_>) -> Value {
    let live: Vec<&&Admitted> =
        call.caller.live.iter().filter(|client| client.request.role == "node").collect();
    let live_id = |client: &Admitted| {
        client.request.device.as_ref().map_or(client.request.client.id.clone(), |device| device.id.clone())
    };
    let paired = call
        .state
        .paired
        .values()
        .filter(|device| record::effective_roles(call.rules, device).iter().any(|role| role == "node"));
    let mut ids: Vec<String> = paired.map(|device| device.device_id.clone()).collect();
    ids.extend(live.iter().map(|client| live_id(client)));
    ids.sort();
    ids.dedup();
    let mut known: Vec<Value> = ids
        .iter()
        .map(|id| {
            let client = live.iter().find(|client| live_id(client) == *id);
            let record = call.state.paired.get(id);
            let of = |ours: Option<String>, theirs: Option<&String>| ours.or_else(|| theirs.cloned());
            let request = client.map(|client| &client.request);
            let mut commands = request.map(|request| request.commands.clone()).unwrap_or_default();
            commands.sort();
            let mut caps = request.map(|request| request.caps.clone()).unwrap_or_default();
            caps.sort();
            let mut entry = json!({
                "nodeId": id,
                "caps": caps,
                "commands": commands,
                "paired": record.is_some(),
                "connected": client.is_some(),
            });
            for (key, value) in [
                (
                    "displayName",
                    of(
                        request.and_then(|request| request.client.display_name.clone()),
                        record.and_then(|one| one.display_name.as_ref()),
                    ),
                ),
                (
                    "platform",
                    of(
                        request.map(|request| request.client.platform.clone()),
                        record.and_then(|one| one.platform.as_ref()),
                    ),
                ),
                ("version", request.map(|request| request.client.version.clone())),
                (
                    "clientId",
                    of(
                        request.map(|request| request.client.id.clone()),
                        record.and_then(|one| one.client_id.as_ref()),
                    ),
                ),
            ] {
                if let Some(value) = value {
                    entry[key] = json!(value);
                }
            }
            entry
        })
        .collect();
    known.sort_by_key(|entry| entry["connected"] != true);
    json!({"ts": call.caller.now, "nodes": known})
}

pub(super) fn list_requests(call: &RpcCall<'_>) -> Value {
    let pending: Vec<Value> = call
        .state
        .pending_nodes
        .values()
        .map(|request| {
            let mut entry = json!(request);
            if call.rules.has(Rule::NodeApprovalScopesShown) {
                entry["requiredApproveScopes"] = json!(nodes::approval_scopes(call.rules, request));
            }
            entry
        })
        .collect();
    let paired: Vec<Value> = call.state.nodes.values().map(|node| json!(node)).collect();
    json!({"pending": pending, "paired": paired})
}

pub(super) fn approve(call: &mut RpcCall<'_>) -> RpcResponse {
    let id = call.param("requestId").to_owned();
    let caller = call.scopes().to_vec();
    match nodes::approve(call.state, call.rules, call.ids, call.caller.now, &id, &caller) {
        Ok(Some(node)) => {
            let event = json!({
                "requestId": id, "nodeId": node.node_id, "decision": "approved", "ts": call.caller.now
            });
            RpcResponse::ok(json!({"requestId": id, "node": node})).with_event("node.pair.resolved", event)
        }
        Ok(None) => RpcResponse::invalid("unknown requestId"),
        Err(scope) => {
            let request = call.state.pending_nodes.get(&id);
            let required = request.map(|request| nodes::approval_scopes(call.rules, request));
            RpcResponse::missing_scope(call.rules, &scope, &required.unwrap_or_default())
        }
    }
}

pub(super) fn reject(call: &mut RpcCall<'_>) -> RpcResponse {
    let id = call.param("requestId").to_owned();
    match call.state.pending_nodes.remove(&id) {
        Some(request) => {
            let event = json!({
                "requestId": id, "nodeId": request.node_id, "decision": "rejected", "ts": call.caller.now
            });
            RpcResponse::ok(json!({"requestId": id, "nodeId": request.node_id}))
                .with_event("node.pair.resolved", event)
        }
        None => RpcResponse::invalid("unknown requestId"),
    }
}

pub(super) fn remove(call: &mut RpcCall<'_>) -> RpcResponse {
    let id = call.param("nodeId").to_owned();
    match call.state.nodes.remove(id.trim()) {
        Some(node) => RpcResponse::ok(json!({"nodeId": node.node_id})),
        None => RpcResponse::invalid("unknown nodeId"),
    }
}
