//! Stand-ins: the private keys of real devices are on the devices. In the copy, each record gets twins with
//! keys of ours and all else equal, so that a gateway judges the same record.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::devices::{Credential, DeviceRole};
use crate::gateway::{StateError, put_twins};
use crate::wire::DeviceKey;

/// A stand-in for a device in a role, which comes back in one way.
#[derive(Clone, Debug)]
pub(super) struct StandIn {
    /// Which device and role, by its place in the list.
    pub index: usize,
    /// The role in which it comes back.
    pub role: String,
    /// What it shows.
    pub way: Credential,
    /// Its key.
    pub key: DeviceKey,
    /// The record that it stands in for.
    pub record: Value,
}

/// A stand-in for every device, role and way: none meets what another one changed.
pub(super) fn stand_ins(roles: &[DeviceRole], paired: &Map<String, Value>, seed: u64) -> Vec<StandIn> {
    let mut all = Vec::new();
    for (index, one) in roles.iter().enumerate() {
        for way in one.ways() {
            let words = ["preflight", &seed.to_string(), &one.device, &one.role, way.word()];
            let record = paired.get(&one.device).cloned().unwrap_or_default();
            all.push(StandIn { index, role: one.role.clone(), way, key: DeviceKey::derive(&words), record });
        }
    }
    all
}

/// Puts the twins into the store of a copied state directory.
pub(super) fn place(state: &Path, roles: &[DeviceRole], all: &[StandIn]) -> Result<(), StateError> {
    let twins: Vec<(String, String, String)> =
        all.iter().map(|one| (roles[one.index].device.clone(), one.key.id(), one.key.public_key())).collect();
    put_twins(state, &twins)
}

/// The device id of the programs on the gateway's machine: command line, exec tool, local node host.
pub(super) fn own_identity(state: &Path) -> Option<String> {
    let place: PathBuf = state.join("identity/device.json");
    let identity: Value = serde_json::from_slice(&fs::read(place).ok()?).ok()?;
    identity.get("deviceId").and_then(Value::as_str).map(str::to_owned)
}
