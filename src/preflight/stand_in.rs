//! Stand-ins for devices. The private keys of real devices are on the devices, so each record in the copy gets twins with
//! known keys that are otherwise equal, and a gateway judges those.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::devices::{Credential, DeviceRole};
use crate::gateway::{StateError, put_twins};
use crate::wire::DeviceKey;

/// A stand-in for a device in one role with one credential.
#[derive(Clone, Debug)]
pub(super) struct StandIn {
    /// The index of the device and role in the list.
    pub index: usize,
    /// The role it reconnects in.
    pub role: String,
    /// What it presents.
    pub credential: Credential,
    /// Its key.
    pub key: DeviceKey,
    /// The record of the real device.
    pub record: Value,
}

/// A stand-in for every device, role and credential: none is affected by what another one changed.
pub(super) fn stand_ins(roles: &[DeviceRole], paired: &Map<String, Value>, seed: u64) -> Vec<StandIn> {
    let mut all = Vec::new();
    for (index, one) in roles.iter().enumerate() {
        for credential in one.credentials() {
            let words = ["preflight", &seed.to_string(), &one.device, &one.role, credential.word()];
            let record = paired.get(&one.device).cloned().unwrap_or_default();
            let (role, key) = (one.role.clone(), DeviceKey::derive(&words));
            all.push(StandIn { index, role, credential, key, record });
        }
    }
    all
}

/// Adds the twins to the store of a copied state directory.
pub(super) fn place(state: &Path, roles: &[DeviceRole], all: &[StandIn]) -> Result<(), StateError> {
    let twins: Vec<(String, String, String)> =
        all.iter().map(|one| (roles[one.index].device.clone(), one.key.id(), one.key.public_key())).collect();
    put_twins(state, &twins)
}

/// The device id that programs on the gateway's machine share: command line, exec tool, local node host.
pub(super) fn own_identity(state: &Path) -> Option<String> {
    let place: PathBuf = state.join("identity/device.json");
    let identity: Value = serde_json::from_slice(&fs::read(place).ok()?).ok()?;
    identity.get("deviceId").and_then(Value::as_str).map(str::to_owned)
}
