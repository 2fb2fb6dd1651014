//! Copies a state directory. The original is only read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::release::Release;

/// The files that determine how devices and the exec tool are treated. The rest (channels, credentials, plugins, sessions,
/// workspaces) is not copied, so that no gateway on the copy can use it.
pub(super) const COPIED: [&str; 5] = ["devices", "nodes", "identity", "state", "exec-approvals.json"];

/// The name of the configuration in a state directory.
pub(super) const CONFIG: &str = "openclaw.json";

/// The parts of the configuration that determine how devices and the exec tool are treated.
const KEPT_KEYS: [&[&str]; 3] = [&["gateway", "trustedProxies"], &["gateway", "nodes"], &["tools", "exec"]];

/// A copy of the relevant parts of a state directory.
#[derive(Clone, Debug, PartialEq)]
pub struct StateCopy {
    /// The relevant parts of the configuration.
    pub config: Value,
    /// The release that last wrote the configuration, if it says so.
    pub release: Option<Release>,
    /// Remarks on the copy.
    pub notes: Vec<String>,
}

/// Why a state directory cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The directory is not a state directory.
    #[error("{} is not a state directory: {reason}", path.display())]
    NoState {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// A file cannot be read, or its copy cannot be written.
    #[error("cannot copy {}", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies the relevant parts of the state directory `state` into the empty folder `into`. The configuration is read from
/// `config`, or else from `openclaw.json` in the state directory.
///
/// # Errors
///
/// When `state` is not a state directory, or a file cannot be copied.
pub fn copy_state(state: &Path, config: Option<&Path>, into: &Path) -> Result<StateCopy, SourceError> {
    let no_state = |reason| SourceError::NoState { path: state.to_owned(), reason };
    if !state.exists() {
        return Err(no_state("there is no such file or folder"));
    }
    if !state.is_dir() {
        return Err(no_state("it is neither a folder nor a backup (.tar, .tar.gz, .tgz or .zip)"));
    }
    if !COPIED.iter().any(|one| state.join(one).exists()) {
        return Err(no_state("it has neither devices/ nor state/, as the state of a gateway has"));
    }
    for one in COPIED {
        copy_below(&state.join(one), &into.join(one))?;
    }
    forget_socket(into)?;
    let usual = state.join(CONFIG);
    let mut copied = read_config(config.unwrap_or(&usual), config.is_some())?;
    let json = ["devices/paired.json", "devices/pending.json"].iter().any(|one| state.join(one).exists());
    if json && state.join("state/openclaw.sqlite").exists() {
        copied.notes.push(
            "there are both files and a database: devices of both are asked about. Releases since 2026.8.1 import the files \
             at their first start"
                .to_owned(),
        );
    }
    if state.join("state/openclaw.sqlite-wal").metadata().is_ok_and(|about| about.len() > 0) {
        copied.notes.push(
            "the database was in use or not closed: stop the gateway to be sure that the copy is complete"
                .to_owned(),
        );
    }
    Ok(copied)
}

/// Forgets where another gateway listens for exec approvals: a gateway on the copy would go there.
pub(super) fn forget_socket(state: &Path) -> Result<(), SourceError> {
    let path = state.join("exec-approvals.json");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let Ok(Value::Object(mut approvals)) = serde_json::from_str(&text) else { return Ok(()) };
    if approvals.remove("socket").is_none() {
        return Ok(());
    }
    fs::write(&path, Value::Object(approvals).to_string())
        .map_err(|source| SourceError::Copy { path, source })
}

fn read_config(path: &Path, must_be: bool) -> Result<StateCopy, SourceError> {
    let mut copied = StateCopy { config: json!({}), release: None, notes: Vec::new() };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_be => {
            copied.notes.push("there is no configuration; the releases' defaults are used".to_owned());
            return Ok(copied);
        }
        Err(source) => return Err(SourceError::Copy { path: path.to_owned(), source }),
    };
    let Ok(config) = serde_json::from_str::<Value>(&text) else {
        copied.notes.push("the configuration is not plain JSON; the releases' defaults are used".to_owned());
        return Ok(copied);
    };
    let release = config.pointer("/meta/lastTouchedVersion").and_then(Value::as_str);
    copied.release = release.and_then(|release| release.parse().ok());
    copied.config = kept(&config);
    Ok(copied)
}

fn kept(config: &Value) -> Value {
    let mut kept = Map::new();
    for path in KEPT_KEYS {
        let [section, key] = path else { continue };
        if let Some(value) = config.get(section).and_then(|section| section.get(key)) {
            let section = kept.entry((*section).to_owned()).or_insert_with(|| json!({}));
            section[*key] = value.clone();
        }
    }
    Value::Object(kept)
}

/// Copies files and folders; links and sockets lead elsewhere and are left out.
fn copy_below(from: &Path, to: &Path) -> Result<(), SourceError> {
    let failed = |source| SourceError::Copy { path: from.to_owned(), source };
    let about = match fs::symlink_metadata(from) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
    };
    if about.is_file() {
        // Not its permissions: the copy of a read-only file has to be writable.
        let mut original = fs::File::open(from).map_err(failed)?;
        let mut copy = fs::File::create(to).map_err(failed)?;
        io::copy(&mut original, &mut copy).map_err(failed)?;
    } else if about.is_dir() {
        fs::create_dir_all(to).map_err(failed)?;
        for entry in fs::read_dir(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            copy_below(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_credentials_and_plugins_are_not_copied() {
        let (state, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in ["devices", "credentials/telegram", "extensions/x"] {
            fs::create_dir_all(state.path().join(dir)).unwrap();
        }
        fs::write(state.path().join("devices/paired.json"), "{}").unwrap();
        fs::write(state.path().join("credentials/telegram/creds.json"), "secret").unwrap();
        let config = json!({
            "meta": {"lastTouchedVersion": "2026.3.28"},
            "channels": {"telegram": {"botToken": "secret"}}, "plugins": {"entries": {}},
            "gateway": {"trustedProxies": ["10.0.0.1"], "auth": {"token": "secret"}},
            "tools": {"exec": {"security": "allowlist"}, "web": {"search": {"apiKey": "secret"}}},
        });
        fs::write(state.path().join("openclaw.json"), config.to_string()).unwrap();
        let copied = copy_state(state.path(), None, into.path()).unwrap();
        assert_eq!(copied.release, Some("2026.3.28".parse().unwrap()));
        assert_eq!(
            copied.config,
            json!({"gateway": {"trustedProxies": ["10.0.0.1"]}, "tools": {"exec": {"security": "allowlist"}}})
        );
        let there: Vec<_> = fs::read_dir(into.path()).unwrap().flatten().map(|one| one.file_name()).collect();
        assert_eq!(there, ["devices"]);
    }

    #[test]
    fn no_gateway_on_a_copy_goes_to_the_socket_of_the_original() {
        let (state, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(state.path().join("devices")).unwrap();
        let approvals = json!({"version": 1, "socket": {"path": "/run/original.sock"}, "agents": {}});
        fs::write(state.path().join("exec-approvals.json"), approvals.to_string()).unwrap();
        copy_state(state.path(), None, into.path()).unwrap();
        let copied = fs::read_to_string(into.path().join("exec-approvals.json")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&copied).unwrap(), json!({"version": 1, "agents": {}}));
    }

    #[test]
    fn the_copy_of_a_read_only_file_can_be_written() {
        use std::os::unix::fs::PermissionsExt as _;
        let (state, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(state.path().join("devices")).unwrap();
        let file = state.path().join("devices/paired.json");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
        copy_state(state.path(), None, into.path()).unwrap();
        let mode = fs::metadata(into.path().join("devices/paired.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o200, 0o200, "{mode:o}");
    }

    #[test]
    fn other_directories_are_refused() {
        let (empty, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let missing = empty.path().join("missing");
        for place in [empty.path(), &missing] {
            assert!(matches!(copy_state(place, None, into.path()), Err(SourceError::NoState { .. })));
        }
    }
}
