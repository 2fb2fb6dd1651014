//! What a gateway stores about a scenario's devices, before and after the scenario.

use serde_json::{Map, Value, json};

use super::event::StoredRecords;
use super::identity::Identity;
use super::lane::Lane;
use super::seeds;
use crate::gateway::Seed;
use crate::scenario::Scenario;
use crate::verdict::redact_volatile;
use crate::wire::Masker;

/// The records of a case's devices as they were seeded and as they are now; `None` if the store cannot be read, or if
/// there are no records.
pub(super) async fn records(
    lane: &Lane,
    scenario: &Scenario,
    identity: &Identity,
    masker: &Masker,
) -> Option<StoredRecords> {
    let mut seed = Seed::default();
    seeds::add(&mut seed, scenario, identity, lane.now_ms());
    let now = lane.stored().await.ok()?;
    let [before, after] = [(&seed.paired, &seed.pending), (&now.paired, &now.pending)]
        .map(|(paired, pending)| masker.value(&by_device(scenario, identity, paired, pending)));
    let has_records = |records: &Value| records.as_object().is_some_and(|one| !one.is_empty());
    (has_records(&before) || has_records(&after)).then_some(StoredRecords { before, after })
}

fn by_device(
    scenario: &Scenario,
    identity: &Identity,
    paired: &Map<String, Value>,
    pending: &Map<String, Value>,
) -> Value {
    let mut devices = Map::new();
    for (name, _) in &scenario.devices {
        let id = identity.key(name).id();
        let mut records = Map::new();
        if let Some(record) = paired.get(&id) {
            records.insert("paired".to_owned(), record.clone());
        }
        let asked = |request: &&Value| request.get("deviceId").and_then(Value::as_str) == Some(id.as_str());
        let requests: Vec<&Value> = pending.values().filter(asked).collect();
        if !requests.is_empty() {
            records.insert("pending".to_owned(), json!(requests));
        }
        if !records.is_empty() {
            devices.insert(name.clone(), Value::Object(records));
        }
    }
    let mut devices = Value::Object(devices);
    redact_volatile(&mut devices);
    devices
}
