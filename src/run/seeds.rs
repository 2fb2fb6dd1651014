//! Builds the device records that are placed in the store before a gateway boots.

use serde_json::{Map, Value, json};

use super::identity::Identity;
use crate::gateway::Seed;
use crate::scenario::{Device, Millis, PairedSeed, PendingSeed, Scenario};
use crate::wire::{Persona, persona};

/// Default age of a request. Gateways drop requests after five minutes, and on a busy machine it can take longer until
/// the case begins; a request from the future does not expire.
const IN_THE_FUTURE: Millis = Millis(-3_600_000);

/// Adds the records of a case to a seed.
pub(super) fn add(into: &mut Seed, scenario: &Scenario, identity: &Identity, now_ms: i64) {
    for (name, device) in &scenario.devices {
        if let Some(seed) = &device.paired {
            let record = paired_record(name, device, seed, identity, now_ms);
            into.paired.insert(identity.key(name).id(), record);
        }
        if let Some(seed) = &device.pending {
            let record = pending_record(name, device, seed, identity, now_ms);
            into.pending.insert(pending_id(identity, name), record);
        }
    }
}

/// The token that is seeded for a role of a device.
pub(super) fn token(identity: &Identity, device: &str, role: &str) -> String {
    identity.secret(&["device token", device, role])
}

/// The id of the request that is seeded for a device.
pub(super) fn pending_id(identity: &Identity, device: &str) -> String {
    identity.uuid(&format!("pending {device}"))
}

fn who(name: Option<&str>) -> &'static Persona {
    // `check` rejects unknown personas; the fallback only avoids a panic.
    name.and_then(persona).or_else(|| persona("cli")).unwrap_or(&crate::wire::PERSONAS[0])
}

fn paired_record(name: &str, device: &Device, seed: &PairedSeed, identity: &Identity, now_ms: i64) -> Value {
    let key = identity.key(name);
    let persona = who(seed.persona.as_ref().map(|one| one.value.as_str()));
    let roles = seed.roles.clone().unwrap_or_else(|| vec![persona.role.to_owned()]);
    let scopes = seed.scopes.clone().unwrap_or_default();
    let created = now_ms - seed.age.unwrap_or(Millis(86_400_000)).0;
    let mut record = base_record(&key, device, persona);
    record.insert("role".into(), json!(seed.role.as_ref().or(roles.first())));
    record.insert("roles".into(), json!(roles));
    record.insert("scopes".into(), json!(scopes));
    record.insert("approvedScopes".into(), json!(seed.approved_scopes.as_ref().unwrap_or(&scopes)));
    record.insert("tokens".into(), Value::Object(tokens(name, seed, &roles, &scopes, identity, created)));
    record.insert("createdAtMs".into(), json!(created));
    record.insert("approvedAtMs".into(), json!(created));
    overwrite(&mut record, seed.set.as_ref());
    for key in seed.omit.iter().flatten() {
        record.shift_remove(key);
    }
    Value::Object(record)
}

fn tokens(
    device: &str,
    seed: &PairedSeed,
    roles: &[String],
    scopes: &[String],
    identity: &Identity,
    created: i64,
) -> Map<String, Value> {
    let usual = |role: &str| if role == "operator" { scopes.to_vec() } else { Vec::new() };
    let entry = |role: &str, scopes: Vec<String>, revoked: bool| {
        let mut token = json!({
            "token": token(identity, device, role),
            "role": role,
            "scopes": scopes,
            "createdAtMs": created,
        });
        if revoked {
            token["revokedAtMs"] = json!(created + 1_000);
        }
        (role.to_owned(), token)
    };
    match &seed.tokens {
        None => roles.iter().map(|role| entry(role, usual(role), false)).collect(),
        Some(written) => written
            .iter()
            .map(|(role, one)| {
                let scopes = one.scopes.clone().unwrap_or_else(|| usual(&role.value));
                entry(&role.value, scopes, one.revoked)
            })
            .collect(),
    }
}

fn pending_record(
    name: &str,
    device: &Device,
    seed: &PendingSeed,
    identity: &Identity,
    now_ms: i64,
) -> Value {
    let persona = who(seed.persona.as_ref().map(|one| one.value.as_str()));
    let role = seed.role.clone().unwrap_or_else(|| persona.role.to_owned());
    let mut record = base_record(&identity.key(name), device, persona);
    record.insert("requestId".into(), json!(pending_id(identity, name)));
    record.insert("roles".into(), json!(seed.roles.clone().unwrap_or_else(|| vec![role.clone()])));
    record.insert("role".into(), json!(role));
    record.insert("scopes".into(), json!(seed.scopes.clone().unwrap_or_default()));
    record.insert("silent".into(), json!(false));
    record.insert("isRepair".into(), json!(seed.repair));
    record.insert("ts".into(), json!(now_ms - seed.age.unwrap_or(IN_THE_FUTURE).0));
    overwrite(&mut record, seed.set.as_ref());
    for key in seed.omit.iter().flatten() {
        record.shift_remove(key);
    }
    Value::Object(record)
}

fn base_record(key: &crate::wire::DeviceKey, device: &Device, persona: &Persona) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("deviceId".into(), json!(key.id()));
    record.insert("publicKey".into(), json!(key.public_key()));
    record.insert("platform".into(), json!(device.platform.as_deref().unwrap_or(super::handshake::PLATFORM)));
    if let Some(family) = &device.family {
        record.insert("deviceFamily".into(), json!(family));
    }
    if let Some(display_name) = persona.display_name {
        record.insert("displayName".into(), json!(display_name));
    }
    record.insert("clientId".into(), json!(persona.client_id));
    record.insert("clientMode".into(), json!(persona.mode));
    record
}

fn overwrite(record: &mut Map<String, Value>, set: Option<&Value>) {
    if let Some(Value::Object(entries)) = set {
        record.extend(entries.clone());
    }
}
