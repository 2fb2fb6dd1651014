//! Calls about nodes.

use serde_json::{Value, json};

use super::connect::Admitted;
use super::nodes;
use super::record;
use super::rpc::Call;
use super::rpc_answer::Answer;
use super::rulebook::Rule;

impl Call<'_> {
    pub(super) fn list_nodes(&self) -> Value {
        let live: Vec<&&Admitted> =
            self.caller.live.iter().filter(|client| client.ask.role == "node").collect();
        let live_id = |client: &Admitted| {
            client.ask.device.as_ref().map_or(client.ask.client.id.clone(), |device| device.id.clone())
        };
        let paired =
            self.state.paired.values().filter(|device| {
                record::effective_roles(self.rules, device).iter().any(|role| role == "node")
            });
        let mut ids: Vec<String> = paired.map(|device| device.device_id.clone()).collect();
        ids.extend(live.iter().map(|client| live_id(client)));
        ids.sort();
        ids.dedup();
        let mut known: Vec<Value> = ids
            .iter()
            .map(|id| {
                let client = live.iter().find(|client| live_id(client) == *id);
                let record = self.state.paired.get(id);
                let of = |ours: Option<String>, theirs: Option<&String>| ours.or_else(|| theirs.cloned());
                let ask = client.map(|client| &client.ask);
                let mut commands = ask.map(|ask| ask.commands.clone()).unwrap_or_default();
                commands.sort();
                let mut caps = ask.map(|ask| ask.caps.clone()).unwrap_or_default();
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
                            ask.and_then(|ask| ask.client.display_name.clone()),
                            record.and_then(|one| one.display_name.as_ref()),
                        ),
                    ),
                    (
                        "platform",
                        of(
                            ask.map(|ask| ask.client.platform.clone()),
                            record.and_then(|one| one.platform.as_ref()),
                        ),
                    ),
                    ("version", ask.map(|ask| ask.client.version.clone())),
                    (
                        "clientId",
                        of(
                            ask.map(|ask| ask.client.id.clone()),
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
        json!({"ts": self.caller.now, "nodes": known})
    }

    pub(super) fn list_node_requests(&self) -> Value {
        let pending: Vec<Value> = self
            .state
            .pending_nodes
            .values()
            .map(|request| {
                let mut entry = json!(request);
                if self.rules.has(Rule::NodeApprovalScopesShown) {
                    entry["requiredApproveScopes"] = json!(nodes::approval_scopes(self.rules, request));
                }
                entry
            })
            .collect();
        let paired: Vec<Value> = self.state.nodes.values().map(|node| json!(node)).collect();
        json!({"pending": pending, "paired": paired})
    }

    pub(super) fn approve_node(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        let caller = self.scopes().to_vec();
        match nodes::approve(self.state, self.rules, self.dice, self.caller.now, &id, &caller) {
            Ok(Some(node)) => {
                let event = json!({
                    "requestId": id, "nodeId": node.node_id, "decision": "approved", "ts": self.caller.now
                });
                Answer::yes(json!({"requestId": id, "node": node})).announcing("node.pair.resolved", event)
            }
            Ok(None) => Answer::no("unknown requestId"),
            Err(scope) => {
                let request = self.state.pending_nodes.get(&id);
                let required = request.map(|request| nodes::approval_scopes(self.rules, request));
                Answer::lacking(self.rules, &scope, &required.unwrap_or_default())
            }
        }
    }

    pub(super) fn reject_node(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        match self.state.pending_nodes.remove(&id) {
            Some(request) => {
                let event = json!({
                    "requestId": id, "nodeId": request.node_id, "decision": "rejected", "ts": self.caller.now
                });
                Answer::yes(json!({"requestId": id, "nodeId": request.node_id}))
                    .announcing("node.pair.resolved", event)
            }
            None => Answer::no("unknown requestId"),
        }
    }

    pub(super) fn remove_node(&mut self) -> Answer {
        let id = self.param("nodeId").to_owned();
        match self.state.nodes.remove(id.trim()) {
            Some(node) => Answer::yes(json!({"nodeId": node.node_id})),
            None => Answer::no("unknown nodeId"),
        }
    }
}
