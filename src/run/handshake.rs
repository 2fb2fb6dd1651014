//! Builds the parameters of a `connect` step, correct or with the faults that it asks for.

use serde_json::{Map, Value, json};

use crate::scenario::{
    Auth, Connect, Credentials, Device, IdFault, KeyFault, NonceFault, Proof, ProofVersion, SignatureFault,
};
use crate::wire::{ConnectParams, DeviceKey, DeviceProof, Persona, SignedFields, persona};

/// Platform to send if a scenario names none.
pub(super) const PLATFORM: &str = "linux";

/// What the connect parameters depend on in addition to the step.
pub(crate) struct HandshakeFacts<'a> {
    /// The gateway's shared token.
    pub shared_token: &'a str,
    /// The gateway's password.
    pub password: &'a str,
    /// The nonce of the challenge.
    pub nonce: &'a str,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The key of the step's device.
    pub key: Option<&'a DeviceKey>,
    /// The key of a device that the gateway does not know.
    pub foreign: &'a DeviceKey,
    /// The device of the step.
    pub device: Option<&'a Device>,
}

/// The parameters of a `connect` step, whose references must already be filled in.
pub(crate) fn params(step: &Connect, facts: &HandshakeFacts<'_>) -> ConnectParams {
    let named = step.persona.as_ref().and_then(|name| persona(&name.value));
    let who: &Persona = named.or_else(|| persona("cli")).unwrap_or(&crate::wire::PERSONAS[0]);
    let [min_protocol, max_protocol] = step.protocol.unwrap_or([3, 4]);
    let mut params = ConnectParams {
        min_protocol,
        max_protocol,
        client: client(step, who, facts.device),
        role: step.role.clone().unwrap_or_else(|| who.role.to_owned()),
        scopes: step
            .scopes
            .clone()
            .unwrap_or_else(|| who.scopes.iter().map(|one| (*one).to_owned()).collect()),
        caps: step.caps.clone().unwrap_or_default(),
        commands: step.commands.clone(),
        permissions: step.permissions.clone(),
        auth: auth(step.auth.as_ref().map_or(&Auth::Shared, |auth| &auth.value), facts),
        device: None,
        raw: step.raw.clone().unwrap_or_default(),
    };
    if let Some(key) = facts.key {
        let usual = Proof::default();
        params.device = Some(proof(step.proof.as_ref().unwrap_or(&usual), key, &params, facts));
    }
    params
}

fn client(step: &Connect, who: &Persona, device: Option<&Device>) -> Map<String, Value> {
    let mut client = Map::new();
    let mut set = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            client.insert(key.to_owned(), json!(value));
        }
    };
    let platform = step.platform.as_deref().or_else(|| device.and_then(|one| one.platform.as_deref()));
    set("id", Some(who.client_id));
    set("displayName", who.display_name);
    set("version", Some(env!("CARGO_PKG_VERSION")));
    set("platform", Some(platform.unwrap_or(PLATFORM)));
    set("deviceFamily", step.family.as_deref().or_else(|| device.and_then(|one| one.family.as_deref())));
    set("mode", Some(who.mode));
    for (key, value) in step.client.iter().flatten() {
        if value.is_null() {
            client.shift_remove(key);
        } else {
            client.insert(key.clone(), value.clone());
        }
    }
    client
}

fn auth(auth: &Auth, facts: &HandshakeFacts<'_>) -> Map<String, Value> {
    let given = match auth {
        Auth::Shared => Credentials { token: Some(facts.shared_token.to_owned()), ..Credentials::default() },
        Auth::Password => Credentials { password: Some(facts.password.to_owned()), ..Credentials::default() },
        Auth::Wrong => {
            Credentials { token: Some("not-the-shared-token".to_owned()), ..Credentials::default() }
        }
        Auth::None => Credentials::default(),
        Auth::Given(credentials) => credentials.clone(),
    };
    let keys = [
        ("token", given.token),
        ("deviceToken", given.device_token),
        ("bootstrapToken", given.bootstrap_token),
        ("password", given.password),
    ];
    keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?)))).collect()
}

fn proof(faults: &Proof, key: &DeviceKey, params: &ConnectParams, facts: &HandshakeFacts<'_>) -> DeviceProof {
    let shown = match faults.public_key {
        Some(KeyFault::Foreign) => facts.foreign,
        Some(KeyFault::Garbage | KeyFault::Missing) | None => key,
    };
    let signer = match faults.signature {
        Some(SignatureFault::ForeignKey) => facts.foreign,
        Some(SignatureFault::Tampered | SignatureFault::Garbage | SignatureFault::Missing) | None => shown,
    };
    let id = match faults.id {
        Some(IdFault::Foreign) => facts.foreign.id(),
        Some(IdFault::UpperCase) => key.id().to_uppercase(),
        Some(IdFault::Missing) | None => key.id(),
    };
    let nonce = match faults.nonce {
        None => facts.nonce.to_owned(),
        Some(NonceFault::Wrong) => "not-the-nonce-of-the-challenge".to_owned(),
        Some(NonceFault::Blank) => "   ".to_owned(),
        Some(NonceFault::Missing) => String::new(),
    };
    let signed_at = facts.now_ms + faults.signed_at.map_or(0, |offset| offset.0);
    let fields = signed_fields(faults, params, &id, &nonce, signed_at);
    let text = match faults.version.unwrap_or_default() {
        ProofVersion::V2 => fields.v2(),
        ProofVersion::V3 => fields.v3(),
    };
    let signature = signer.sign(&text);
    DeviceProof {
        id: (faults.id != Some(IdFault::Missing)).then_some(id),
        public_key: match faults.public_key {
            Some(KeyFault::Missing) => None,
            Some(KeyFault::Garbage) => Some("not a key".to_owned()),
            Some(KeyFault::Foreign) | None => Some(shown.public_key()),
        },
        signature: match faults.signature {
            Some(SignatureFault::Missing) => None,
            Some(SignatureFault::Garbage) => Some("not a signature".to_owned()),
            Some(SignatureFault::Tampered) => Some(tampered(&signature)),
            Some(SignatureFault::ForeignKey) | None => Some(signature),
        },
        signed_at,
        nonce: (faults.nonce != Some(NonceFault::Missing)).then_some(nonce),
    }
}

fn signed_fields(
    faults: &Proof,
    params: &ConnectParams,
    id: &str,
    nonce: &str,
    signed_at: i64,
) -> SignedFields {
    let text =
        |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let shown = ["token", "deviceToken", "bootstrapToken"].map(|key| text(&params.auth, key));
    let sent = SignedFields {
        device_id: id.to_owned(),
        client_id: text(&params.client, "id"),
        client_mode: text(&params.client, "mode"),
        role: params.role.clone(),
        scopes: params.scopes.clone(),
        signed_at,
        token: shown.into_iter().find(|token| !token.is_empty()).unwrap_or_default(),
        nonce: nonce.to_owned(),
        platform: text(&params.client, "platform"),
        family: text(&params.client, "deviceFamily"),
    };
    let Some(over) = faults.over.clone() else { return sent };
    SignedFields {
        device_id: sent.device_id,
        signed_at: sent.signed_at,
        client_id: over.client_id.unwrap_or(sent.client_id),
        client_mode: over.client_mode.unwrap_or(sent.client_mode),
        role: over.role.unwrap_or(sent.role),
        scopes: over.scopes.unwrap_or(sent.scopes),
        token: over.token.unwrap_or(sent.token),
        nonce: over.nonce.unwrap_or(sent.nonce),
        platform: over.platform.unwrap_or(sent.platform),
        family: over.family.unwrap_or(sent.family),
    }
}

/// The same signature with its first character changed.
fn tampered(signature: &str) -> String {
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    std::iter::once(other).chain(signature.chars().skip(1)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::scenario::{Action, Source, Step, load};

    /// Whether a gateway that checks everything would accept the proof of a step, given as JSON.
    fn holds(step: &Value) -> bool {
        let mut written = json!({"as": "c", "device": "d"});
        written.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
        let file = json!({"title": "t", "why": "w", "devices": {"d": {}}, "steps": [{"connect": written}]});
        let source = Arc::new(Source { path: "t.yaml".into(), text: file.to_string() });
        let suite = load(&[("t".to_owned(), source)]);
        let Action::One(Step::Connect(step), _) = &suite.scenarios[0].steps[0].action else {
            panic!("a connect step")
        };
        let (key, foreign) = (DeviceKey::derive(&["mine"]), DeviceKey::derive(&["foreign"]));
        let facts = HandshakeFacts {
            shared_token: "shared",
            password: "password",
            nonce: "n0nce",
            now_ms: 1_000_000_000,
            key: Some(&key),
            foreign: &foreign,
            device: None,
        };
        let params = params(step, &facts);
        let device = params.device.clone().unwrap();
        let (Some(id), Some(public_key), Some(signature), Some(nonce)) =
            (device.id, device.public_key, device.signature, device.nonce)
        else {
            return false;
        };
        let fields = signed_fields(&Proof::default(), &params, &id, &nonce, device.signed_at);
        let signed =
            [fields.v2(), fields.v3()].iter().any(|text| DeviceKey::verify(&public_key, text, &signature));
        let fresh = (device.signed_at - facts.now_ms).abs() <= 120_000;
        id == key.id() && public_key == key.public_key() && nonce == facts.nonce && fresh && signed
    }

    #[rstest]
    #[case(json!({}))]
    #[case(json!({"proof": {"version": "v2"}}))]
    #[case(json!({"auth": {"device_token": "t"}}))]
    #[case(json!({"persona": "node-host", "platform": "Darwin", "family": "Desktop"}))]
    fn a_proof_without_faults_is_valid(#[case] step: Value) {
        assert!(holds(&step));
    }

    #[rstest]
    #[case(json!({"signed_at": "-10m"}))]
    #[case(json!({"signed_at": "10m"}))]
    #[case(json!({"nonce": "missing"}))]
    #[case(json!({"nonce": "wrong"}))]
    #[case(json!({"nonce": "blank"}))]
    #[case(json!({"signature": "tampered"}))]
    #[case(json!({"signature": "foreign-key"}))]
    #[case(json!({"signature": "garbage"}))]
    #[case(json!({"signature": "missing"}))]
    #[case(json!({"public_key": "foreign"}))]
    #[case(json!({"public_key": "garbage"}))]
    #[case(json!({"public_key": "missing"}))]
    #[case(json!({"id": "foreign"}))]
    #[case(json!({"id": "upper-case"}))]
    #[case(json!({"id": "missing"}))]
    #[case(json!({"over": {"role": "node"}}))]
    #[case(json!({"over": {"scopes": ["operator.admin"]}}))]
    #[case(json!({"over": {"token": "other"}}))]
    #[case(json!({"over": {"nonce": "other"}}))]
    fn every_fault_makes_the_proof_invalid(#[case] fault: Value) {
        assert!(!holds(&json!({"proof": fault})));
    }
}
