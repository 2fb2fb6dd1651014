//! What to launch as a gateway, and its environment.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;
use serde_json::{Value, json};

use super::configuration::{Changes, merge, smallest};
use super::confine::{Limits, loopback_ports};
use super::home::Home;
use super::install::Build;
use super::port::own_ports;
use super::redirect;
use super::watch::Program;

/// What to launch as a gateway.
#[derive(Clone, Debug)]
pub enum Launch {
    /// A build that runs on Node.
    Node(NodeBuild),
    /// A shell command; `{port}` in it becomes the port.
    Command(String),
}

/// A gateway package on disk and the Node it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeBuild {
    /// The `node` executable.
    pub node: PathBuf,
    /// The package's `openclaw.mjs`.
    pub entry: PathBuf,
    /// Node's compile cache, shared by all runs of the build.
    pub compile_cache: PathBuf,
    /// Folders of `TMPDIR` that all runs of the build share, and where they really are: the build compiles into them on its
    /// first start only.
    pub shared_temporary: Vec<(String, PathBuf)>,
    /// Parts of the command lines of children that are known to outlive the gateway. They are killed like any other, but do not
    /// count as leaks.
    pub known_strays: Vec<&'static str>,
    /// Environment variables that this build needs beyond those of every build.
    pub env: Vec<(String, String)>,
    /// Values that the configuration has at these JSON pointers unless a scenario changes them.
    pub settings: Vec<(&'static str, bool)>,
    /// Machines that this build is known to ask for by itself. It does not reach them, and that is no news.
    pub own_calls: Vec<&'static str>,
    /// Whether the bundled plugins stay off unless the configuration turns them on.
    pub without_plugins: bool,
    /// How long a boot of this build may take.
    pub ready_within: Duration,
}

impl NodeBuild {
    /// What to launch for an installed build.
    pub fn of(build: &Build) -> Self {
        let shared = build.quirks.shared_temporary.iter();
        Self {
            node: build.node.clone(),
            entry: build.entry.clone(),
            compile_cache: build.compile_cache.clone(),
            shared_temporary: shared
                .map(|folder| ((*folder).to_owned(), build.shared_temporary(folder)))
                .collect(),
            known_strays: build.quirks.stray_children.clone(),
            env: Vec::new(),
            settings: build.quirks.settings.clone(),
            own_calls: build.quirks.own_calls.clone(),
            without_plugins: build.quirks.without_plugins,
            ready_within: build.quirks.ready_within,
        }
    }

    /// The whole environment of a program of this build in a home.
    pub(super) fn environment(
        &self,
        home: &Home,
        port: u16,
        extra: &[(String, String)],
    ) -> Vec<(OsString, OsString)> {
        let mut env = environment(home, port, &self.env, extra);
        let node_dir = self.node.parent().unwrap_or(Path::new("/usr/bin")).to_owned();
        let places = [node_dir, "/usr/bin".into(), "/bin".into()];
        let path = std::env::join_paths(places).unwrap_or_else(|_| "/usr/bin:/bin".into());
        env.push(("PATH".into(), path));
        env.push(("NODE_COMPILE_CACHE".into(), self.compile_cache.clone().into()));
        env.push(("NODE_OPTIONS".into(), redirect::node_options(home)));
        env
    }
}

/// Settings that every build gets. Measured on releases from 2026.3.2 to 2026.9.6.
const SWITCHES: [(&str, &str); 15] = [
    // One process instead of a launcher and a child.
    ("OPENCLAW_NO_RESPAWN", "1"),
    // From 2026.5.2 on a compile cache makes the launcher respawn unless it believes that it did.
    ("OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED", "1"),
    ("OPENCLAW_SKIP_CHANNELS", "1"),
    ("OPENCLAW_SKIP_CRON", "1"),
    ("OPENCLAW_SKIP_CANVAS_HOST", "1"),
    ("OPENCLAW_SKIP_BROWSER_CONTROL_SERVER", "1"),
    ("OPENCLAW_SKIP_GMAIL_WATCHER", "1"),
    ("OPENCLAW_DISABLE_BONJOUR", "1"),
    // From 5.12 on; before, only the configuration says so (see the quirks).
    ("OPENCLAW_NO_AUTO_UPDATE", "1"),
    // 4.15 tries a program at every start that it fetches from the registry with `npx`.
    ("OPENCLAW_SKIP_ACPX_RUNTIME_PROBE", "1"),
    // 8.1 and later report to their maker at every start.
    ("DO_NOT_TRACK", "1"),
    // A first connect loads modules. From a cold disk that has taken more than the ten seconds that 2026.3.28
    // gives a handshake, and slowness of the machine is no verdict on a release. Known from 2026.3.22 on.
    ("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "60000"),
    ("NO_COLOR", "1"),
    ("LANG", "C.UTF-8"),
    ("TZ", "UTC"),
];

/// How long a shell command may take until it is ready.
const COMMAND_READY_WITHIN: Duration = Duration::from_secs(30);

impl Launch {
    /// How long a boot may take.
    pub(super) fn ready_within(&self) -> Duration {
        match self {
            Self::Node(build) => build.ready_within,
            Self::Command(_) => COMMAND_READY_WITHIN,
        }
    }

    /// The configuration of a gateway: the default one, what this build needs beyond it, and the changes that were asked for.
    pub(super) fn configuration(&self, token: &str, changes: &Changes) -> Value {
        let mut config = smallest(token);
        if let Self::Node(build) = self {
            if build.without_plugins {
                merge(&mut config, &json!({"plugins": {"enabled": false}}));
            }
            for (pointer, value) in &build.settings {
                let keys = pointer.trim_start_matches('/').rsplit('/');
                merge(&mut config, &keys.fold(json!(value), |inner, key| json!({ key: inner })));
            }
        }
        changes.of(config)
    }

    /// Makes the folders that the runs of a build share, and links those of a temporary directory into the `TMPDIR` of a home.
    pub(super) fn link_shared_temporary(&self, home: &Home) -> io::Result<()> {
        let Self::Node(build) = self else { return Ok(()) };
        // A program is only let into folders that exist. Without a compile cache it boots as well, but slowly.
        let _ = fs::create_dir_all(&build.compile_cache);
        for (folder, place) in &build.shared_temporary {
            if fs::create_dir_all(place).is_err() || rustix::fs::access(place, Access::WRITE_OK).is_err() {
                // With a read-only cache, every home has a folder of its own and takes longer to boot.
                continue;
            }
            match symlink(place, home.temp().join(folder)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether this build is known for asking for this machine by itself.
    pub(super) fn knows_call(&self, machine: &str) -> bool {
        match self {
            Self::Node(build) => build.own_calls.contains(&machine),
            Self::Command(_) => false,
        }
    }

    /// Whether this build is known for leaving this child behind.
    pub(super) fn knows_stray(&self, command: &str) -> bool {
        match self {
            Self::Node(build) => build.known_strays.iter().any(|known| command.contains(known)),
            Self::Command(_) => false,
        }
    }

    /// The directories outside the home that the gateway may write to.
    pub(super) fn shared_directories(&self) -> Vec<&Path> {
        let Self::Node(build) = self else { return Vec::new() };
        let temporary = build.shared_temporary.iter().map(|(_, place)| place.as_path());
        temporary.chain([build.compile_cache.as_path()]).collect()
    }

    /// What a build may do: write to its home, to what the runs of the build share, and to what the harness names in `extra`
    /// variables (those of a scenario name no place outside of the home); connect to the ports that a gateway serves, and to
    /// those of loopback that the variables name or that are `named` elsewhere.
    pub(super) fn limits(&self, home: &Home, port: u16, extra: &[(String, String)], named: &[u16]) -> Limits {
        let shared = self.shared_directories().into_iter().map(Path::to_owned);
        let places = extra.iter().map(|(_, value)| Path::new(value)).filter(|place| place.is_absolute());
        let folders = places.filter_map(|place| if place.is_dir() { Some(place) } else { place.parent() });
        let writable = shared.chain(folders.map(Path::to_owned)).chain([home.path().to_owned()]).collect();
        let in_variables = extra.iter().flat_map(|(_, value)| loopback_ports(value));
        let ports = own_ports(port).chain(in_variables).chain(named.iter().copied()).collect();
        Limits { writable, ports }
    }

    /// The program with its whole environment. `path` is the search path for shell commands, and `limits` are those of a build.
    pub(super) fn program(
        &self,
        home: &Home,
        port: u16,
        path: &OsString,
        extra: &[(String, String)],
        limits: Option<Limits>,
    ) -> Program {
        let directory = home.user();
        match self {
            Self::Node(build) => {
                let env = build.environment(home, port, extra);
                let mut args: Vec<OsString> = vec![build.entry.clone().into()];
                args.extend(["gateway", "run", "--port"].map(Into::into));
                args.push(port.to_string().into());
                args.extend(["--bind", "loopback", "--allow-unconfigured"].map(Into::into));
                Program {
                    path: build.node.clone(),
                    args,
                    env,
                    directory,
                    stdout: None,
                    limits,
                    port: Some(port),
                }
            }
            Self::Command(command) => {
                let mut env = environment(home, port, &[], extra);
                env.push(("PATH".into(), path.clone()));
                let command = command.replace("{port}", &port.to_string());
                let args = vec!["-c".into(), command.into()];
                // A command is the user's own, and may do what the user may.
                let (path, port) = ("/bin/sh".into(), Some(port));
                Program { path, args, env, directory, stdout: None, limits: None, port }
            }
        }
    }
}

/// The environment of every program in a home, without the search path and the settings of Node.
fn environment(
    home: &Home,
    port: u16,
    own: &[(String, String)],
    extra: &[(String, String)],
) -> Vec<(OsString, OsString)> {
    let mut env: Vec<(OsString, OsString)> = vec![
        home.mark(),
        ("GATECRASH_PORT".into(), port.to_string().into()),
        // 2026.1.29 loses the option `--port` on its way and would listen on the user's own port (measured).
        ("OPENCLAW_GATEWAY_PORT".into(), port.to_string().into()),
        ("HOME".into(), home.user().into()),
        ("TMPDIR".into(), home.temp().into()),
        ("OPENCLAW_STATE_DIR".into(), home.state().into()),
        ("OPENCLAW_CONFIG_PATH".into(), home.config().into()),
    ];
    env.extend(SWITCHES.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    env.extend(own.iter().chain(extra).map(|(name, value)| (name.into(), value.into())));
    env
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_it_is(false, json!({}), None)]
    #[case::kept_off(true, json!({}), Some(json!(false)))]
    #[case::asked_for(true, json!({"plugins": {"enabled": true}}), Some(json!(true)))]
    #[case::with_a_removed_key(true, json!({"gateway": {"auth": {"token": null}}}), Some(json!(false)))]
    fn plugins_stay_off_for_builds_that_cannot_boot_with_them(
        #[case] without_plugins: bool,
        #[case] changes: Value,
        #[case] enabled: Option<Value>,
    ) {
        let launch = Launch::Node(NodeBuild {
            node: "node".into(),
            entry: "openclaw.mjs".into(),
            compile_cache: "cache".into(),
            shared_temporary: Vec::new(),
            known_strays: Vec::new(),
            env: Vec::new(),
            settings: vec![("/update/checkOnStart", false)],
            own_calls: Vec::new(),
            without_plugins,
            ready_within: Duration::ZERO,
        });
        let config = launch.configuration("secret", &changes.clone().into());
        assert_eq!(config.pointer("/plugins/enabled"), enabled.as_ref());
        assert_eq!(config.pointer("/update/checkOnStart"), Some(&json!(false)));
        let removed = changes.pointer("/gateway/auth/token").is_some();
        assert_eq!(config.pointer("/gateway/auth/token").is_none(), removed, "a null removes what is there");
    }
}
