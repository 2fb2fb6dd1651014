//! The calls of npm and pnpm.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::command::{Cancel, CommandError, run};
use super::layout::CacheLayout;
use super::quirks::{Workaround, workarounds};
use super::tools::Tools;
use crate::release::Release;

/// A question to the registry usually takes a second or two.
const QUESTION: Duration = Duration::from_secs(90);

/// An installation usually takes 5 to 60 s; a slow connection gets its time.
const INSTALLATION: Duration = Duration::from_mins(20);

/// How many of its logs npm keeps.
const LOGS: &str = "10";

/// Ends a package manager when its standard input closes, which is when the program that started it is
/// gone. Preloaded into the main thread only; children of the package manager run without it.
const WATCH: &str = r#""use strict";
if (require("node:worker_threads").isMainThread && process.env.GATECRASH_WATCH) {
  delete process.env.GATECRASH_WATCH;
  delete process.env.NODE_OPTIONS;
  const end = () => process.exit(1);
  process.stdin.on("error", end).on("end", end).resume();
  if (process.stdin.unref) process.stdin.unref();
}
"#;

/// Writes the watch script if it is not there.
pub(super) fn prepare_watch(layout: &CacheLayout) -> std::io::Result<()> {
    let path = layout.watch_script();
    if std::fs::read(&path).is_ok_and(|text| text == WATCH.as_bytes()) {
        return Ok(());
    }
    // Written in one step, because another process may be reading it.
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let written = std::fs::write(&part, WATCH).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // A full disk must not keep a part of it.
        let _ = std::fs::remove_file(part);
    }
    written
}

/// Makes a command end with this process, and fail soon if there is no network.
fn guard<'c>(command: &'c mut Command, layout: &CacheLayout) -> &'c mut Command {
    let script = layout.watch_script().to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    command
        .env("GATECRASH_WATCH", "1")
        .env("NODE_OPTIONS", format!("--require=\"{script}\""))
        .env("npm_config_fetch_retries", "2")
        .env("npm_config_fetch_retry_mintimeout", "1000")
        .env("npm_config_fetch_retry_maxtimeout", "8000")
        .env("npm_config_update_notifier", "false")
        .env("npm_config_audit", "false")
        .env("npm_config_fund", "false")
        .env("npm_config_loglevel", "error")
        // Its logs would go to the user's home otherwise.
        .env("npm_config_logs_dir", layout.npm_logs())
        .env("npm_config_logs_max", LOGS)
}

/// `npm view WHAT FIELD… --json`.
pub(super) fn view(
    tools: &Tools,
    layout: &CacheLayout,
    what: &str,
    fields: &[&str],
    cancel: &Cancel,
) -> Result<Value, CommandError> {
    let mut command = tools.npm();
    guard(&mut command, layout).arg("view").arg(what).args(fields).arg("--json");
    let said = run(&mut command, cancel, QUESTION, |_| {})?;
    Ok(serde_json::from_str(&said).unwrap_or(Value::Null))
}

/// The registry that npm is set to, so that pnpm asks the same one.
fn registry(tools: &Tools, layout: &CacheLayout, cancel: &Cancel) -> Option<String> {
    let mut command = tools.npm();
    guard(&mut command, layout).args(["config", "get", "registry"]);
    let said = run(&mut command, cancel, QUESTION, |_| {}).ok()?;
    Some(said.trim().to_owned()).filter(|text| !text.is_empty() && text != "undefined")
}

/// How many bytes a package has when it is unpacked, if the registry tells.
pub(super) fn unpacked_size(
    tools: &Tools,
    layout: &CacheLayout,
    (name, version): (&str, &str),
    cancel: &Cancel,
) -> Option<u64> {
    view(tools, layout, &format!("{name}@{version}"), &["dist.unpackedSize"], cancel).ok()?.as_u64()
}

/// One package fetched by npm.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) dir: PathBuf,
    pub(super) integrity: Option<String>,
}

/// Fetches one package into `dir` with scripts off.
pub(super) fn fetch_package(
    tools: &Tools,
    layout: &CacheLayout,
    (name, version): (&str, &str),
    dir: &Path,
    cancel: &Cancel,
) -> Result<Fetched, CommandError> {
    let mut command = tools.npm();
    guard(&mut command, layout)
        .args(["install", "--ignore-scripts", "--no-save", "--no-package-lock", "--force", "--prefix"])
        .arg(dir)
        .arg(format!("{name}@{version}"))
        .current_dir(dir);
    run(&mut command, cancel, INSTALLATION, |_| {})?;
    Ok(Fetched { dir: dir.join("node_modules").join(name), integrity: npm_integrity(dir, name) })
}

/// The integrity of a package from the hidden lock file of npm.
fn npm_integrity(dir: &Path, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Lock {
        packages: BTreeMap<String, Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        integrity: Option<String>,
    }
    let text = std::fs::read(dir.join("node_modules/.package-lock.json")).ok()?;
    let mut lock: Lock = serde_json::from_slice(&text).ok()?;
    lock.packages.remove(&format!("node_modules/{name}"))?.integrity
}

/// The integrity of the gateway's package from the lock file of pnpm.
fn pnpm_integrity(dir: &Path, release: &Release) -> Option<String> {
    let text = std::fs::read_to_string(dir.join("pnpm-lock.yaml")).ok()?;
    let head = format!("openclaw@{release}:");
    let mut lines = text.lines().skip_while(|line| line.trim().trim_matches('\'') != head);
    let resolution = lines.nth(1)?;
    let (_, hash) = resolution.split_once("integrity: ")?;
    Some(hash.trim_end_matches('}').split(',').next()?.trim().to_owned())
}

/// The integrity of the gateway's package, and the text of the lock file, whoever installed it.
pub(super) fn outcome(dir: &Path, release: &Release) -> (Option<String>, Vec<u8>) {
    let lock = ["pnpm-lock.yaml", "package-lock.json"]
        .iter()
        .find_map(|name| std::fs::read(dir.join(name)).ok())
        .unwrap_or_default();
    (pnpm_integrity(dir, release).or_else(|| npm_integrity(dir, "openclaw")), lock)
}

/// The `package.json` of a project that installs a release.
pub(super) fn project(release: &Release, more: &BTreeMap<String, String>) -> Value {
    project_of("gatecrash-release", &release.to_string(), Some(*release), more)
}

/// The `package.json` of a project that installs the gateway from a version or a file, with the workarounds for the quirks
/// of its release.
pub(super) fn project_of(
    name: &str,
    from: &str,
    release: Option<Release>,
    more: &BTreeMap<String, String>,
) -> Value {
    let mut dependencies: Map<String, Value> =
        more.iter().map(|(name, version)| (name.clone(), Value::from(version.as_str()))).collect();
    dependencies.insert("openclaw".to_owned(), from.into());
    let overrides: Map<String, Value> = workarounds(release)
        .filter_map(|workaround| match workaround {
            Workaround::Override { package, version } => Some((package.to_owned(), version.into())),
            _ => None,
        })
        .collect();
    let left_out: Vec<&str> = workarounds(release)
        .filter_map(|workaround| match workaround {
            Workaround::LeaveOut(pattern) => Some(pattern),
            _ => None,
        })
        .collect();
    json!({
        "name": name,
        "private": true,
        "dependencies": dependencies,
        "overrides": overrides,
        "pnpm": {"overrides": overrides, "ignoredOptionalDependencies": left_out},
    })
}

/// `pnpm install` in `dir`, run by `node`: one flat tree as npm makes it, files linked from one store,
/// nothing written elsewhere, nothing asked, no other pnpm version fetched.
pub(super) fn pnpm_install(
    tools: &Tools,
    layout: &CacheLayout,
    (node, pnpm): (&Path, &Path),
    dir: &Path,
    cancel: &Cancel,
    on_line: impl FnMut(&str) + Send,
) -> Result<(), CommandError> {
    let registry = registry(tools, layout, cancel);
    let mut command = tools.command(node);
    let flag = |name: &str, value: &OsStr| {
        let mut flag = std::ffi::OsString::from(format!("--config.{name}="));
        flag.push(value);
        flag
    };
    guard(&mut command, layout)
        .arg(pnpm.join("bin/pnpm.cjs"))
        .args([
            "install",
            "--ignore-scripts",
            "--no-frozen-lockfile",
            "--ignore-workspace",
            "--prefer-offline",
        ])
        .args([
            "--reporter=append-only",
            "--config.node-linker=hoisted",
            "--config.strict-peer-dependencies=false",
        ])
        .args(["--config.manage-package-manager-versions=false", "--config.engine-strict=false"])
        .arg(flag("store-dir", layout.pnpm_store().as_os_str()))
        .arg(flag("cache-dir", layout.pnpm_private("cache").as_os_str()))
        .arg(flag("state-dir", layout.pnpm_private("state").as_os_str()))
        .args(registry.map(|address| format!("--config.registry={address}")))
        .env("CI", "true")
        // Its progress is information.
        .env("npm_config_loglevel", "info")
        .env("XDG_CONFIG_HOME", layout.pnpm_private("config"))
        .env("PNPM_HOME", layout.pnpm_private("home"))
        .current_dir(dir);
    run(&mut command, cancel, INSTALLATION, on_line).map(|_| ())
}

/// `npm install` in `dir`, for when pnpm cannot be used.
pub(super) fn npm_install(
    tools: &Tools,
    layout: &CacheLayout,
    dir: &Path,
    cancel: &Cancel,
) -> Result<(), CommandError> {
    let mut command = tools.npm();
    guard(&mut command, layout).args(["install", "--ignore-scripts"]).current_dir(dir);
    run(&mut command, cancel, INSTALLATION, |_| {}).map(|_| ())
}

/// Removes the files from the store that no release uses any more.
pub(super) fn store_prune(
    tools: &Tools,
    layout: &CacheLayout,
    (node, pnpm): (&Path, &Path),
    cancel: &Cancel,
) -> Result<(), CommandError> {
    let mut command = tools.command(node);
    guard(&mut command, layout)
        .arg(pnpm.join("bin/pnpm.cjs"))
        .args(["store", "prune"])
        .arg("--config.manage-package-manager-versions=false")
        .arg(format!("--config.store-dir={}", layout.pnpm_store().display()))
        .arg(format!("--config.cache-dir={}", layout.pnpm_private("cache").display()))
        .arg(format!("--config.state-dir={}", layout.pnpm_private("state").display()))
        .env("XDG_CONFIG_HOME", layout.pnpm_private("config"))
        .current_dir(layout.root());
    run(&mut command, cancel, INSTALLATION, |_| {}).map(|_| ())
}

/// Whether a package manager failed because the version does not exist.
pub(super) fn says_not_published(error: &CommandError) -> bool {
    let text = error.to_string();
    ["ERR_PNPM_NO_MATCHING_VERSION", "ETARGET", "E404"].iter().any(|word| text.contains(word))
        && text.contains("openclaw")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_pins_the_release_and_replaces_git_dependencies() {
        let more = BTreeMap::from([("grammy".to_owned(), "^1.41.1".to_owned())]);
        let project = project(&Release::new(2026, 4, 5), &more);
        assert_eq!(project["dependencies"], json!({"grammy": "^1.41.1", "openclaw": "2026.4.5"}));
        assert_eq!(project["pnpm"]["overrides"]["libsignal"], "2.0.1");
        assert_eq!(project["overrides"], project["pnpm"]["overrides"]);
        assert_eq!(project["pnpm"]["ignoredOptionalDependencies"][0], "@node-llama-cpp/*");
    }

    #[test]
    fn the_integrity_comes_from_the_lock_file_of_either_manager() {
        let dir = tempfile::tempdir().unwrap();
        let release = Release::new(2026, 3, 31);
        let lock = "packages:\n\n  openclaw@2026.3.3:\n    resolution: {integrity: sha512-no==}\n\n  \
                    openclaw@2026.3.31:\n    resolution: {integrity: sha512-yes==}\n    engines: {}\n";
        std::fs::write(dir.path().join("pnpm-lock.yaml"), lock).unwrap();
        let (integrity, text) = outcome(dir.path(), &release);
        assert_eq!((integrity.as_deref(), text.len()), (Some("sha512-yes=="), lock.len()));

        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("node_modules")).unwrap();
        let lock = r#"{"packages":{"node_modules/openclaw":{"version":"1","integrity":"sha512-npm"}}}"#;
        std::fs::write(dir.path().join("node_modules/.package-lock.json"), lock).unwrap();
        assert_eq!(outcome(dir.path(), &release).0.as_deref(), Some("sha512-npm"));
    }
}
