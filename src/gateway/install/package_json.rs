//! What is read of a `package.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// The keys of a `package.json` that matter here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PackageJson {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) engines: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) dependencies: BTreeMap<String, String>,
}

impl PackageJson {
    /// Reads the one in `dir`; `None` if there is none or it cannot be read.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(dir.join("package.json")).ok()?).ok()
    }
}
