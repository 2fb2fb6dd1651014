//! Whole installations, with a scripted npm that serves tiny packages from a folder.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::*;
use crate::release::Release;

/// Answers as npm does. Files in its folder steer it: `no-pnpm`, `slow`, `down`.
const NPM: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "npm $*" >> "$here/calls"
[ -n "$npm_config_logs_dir" ] && mkdir -p "$npm_config_logs_dir" && echo "$*" >> "$npm_config_logs_dir/log"
[ -e "$here/down" ] && { echo "npm error network down" >&2; exit 1; }
case "$1" in
  view)
    if [ "$2" = openclaw ]; then cat "$here/list.json"; else echo '["22.1.0","98.0.0"]'; fi; exit 0 ;;
  config) echo "http://127.0.0.1:9/"; exit 0 ;;
esac
prefix=
while [ $# -gt 0 ]; do
  case "$1" in --prefix) prefix=$2; shift ;; esac
  last=$1; shift
done
case "$last" in
  pnpm@*)
    [ -e "$here/no-pnpm" ] && { echo "npm error no pnpm" >&2; exit 1; }
    mkdir -p "$prefix/node_modules/pnpm/bin"
    cp "$here/manager" "$prefix/node_modules/pnpm/bin/pnpm.cjs" ;;
  node-*@*)
    version=${last##*@}
    mkdir -p "$prefix/node_modules/${last%@*}/bin" "$prefix/node_modules/${last%@*}/include"
    [ "$version" = 24.21.0 ] && { echo "npm error ETARGET" >&2; exit 1; }
    printf '#!/bin/sh\necho v%s\n' "$version" > "$prefix/node_modules/${last%@*}/bin/node"
    chmod +x "$prefix/node_modules/${last%@*}/bin/node" ;;
  *) exec /bin/sh "$here/manager" install ;;
esac
"#;

/// Does what `pnpm install` and `npm install` do in a project.
const MANAGER: &str = r#"here=FOLDER
echo "manager $1" >> "$here/calls"
[ "$1" = install ] || exit 0
for flag; do case "$flag" in --config.store-dir=*) mkdir -p "${flag#*=}" ;; esac; done
[ -e "$here/slow" ] && { echo "Progress: half"; touch "$here/started"; sleep 30; }
release=$(sed 's/.*"openclaw":"\([^"]*\)".*/\1/' package.json)
case "$release" in file:*)
  mkdir -p unpacked && tar -xzf "${release#file:}" -C unpacked && rm -rf node_modules/openclaw
  mkdir -p node_modules/ws && mv unpacked/package node_modules/openclaw; exit ;;
esac
[ -d "$here/registry/$release" ] || { echo "ERR_PNPM_NO_MATCHING_VERSION openclaw@$release"; exit 1; }
mkdir -p node_modules/ws
echo "Progress: resolved 2, reused 1, downloaded 1, added 0"
cp -R "$here/registry/$release" node_modules/openclaw
printf "packages:\n\n  openclaw@$release:\n    resolution: {integrity: sha512-$release}\n" > pnpm-lock.yaml
"#;

struct TestMachine {
    dir: tempfile::TempDir,
}

impl TestMachine {
    fn new() -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        let bin = machine.bin();
        fs::create_dir_all(bin.join("registry")).unwrap();
        let manager = MANAGER.replace("FOLDER", &bin.display().to_string());
        fs::write(bin.join("manager"), manager).unwrap();
        machine.program("npm", NPM);
        // The machine's Node runs the scripted pnpm as a shell script.
        machine.program(
            "node",
            "#!/bin/sh\n[ \"$1\" = --version ] && exec echo v22.16.0\nexec /bin/sh \"$@\"\n",
        );
        fs::write(
            bin.join("list.json"),
            r#"{"versions":["0.0.1","2026.3.28","2026.3.31","2026.4.2-beta.1"],"time":{}}"#,
        )
        .unwrap();
        for release in ["2026.3.28", "2026.3.31", "2026.4.5"] {
            machine.publish(release, ">=22.14.0");
        }
        machine
    }

    fn publish(&self, release: &str, engines: &str) {
        let package = self.bin().join("registry").join(release);
        fs::create_dir_all(package.join("dist/extensions/discord")).unwrap();
        fs::write(package.join("openclaw.mjs"), format!("// {release}")).unwrap();
        fs::write(package.join("dist/gateway.js"), "serve()").unwrap();
        let plugin = r#"{"dependencies":{"@buape/carbon":"0.14.0","ws":"8","odd":"workspace:*"}}"#;
        fs::write(package.join("dist/extensions/discord/package.json"), plugin).unwrap();
        let json = format!(r#"{{"name":"openclaw","version":"{release}","engines":{{"node":"{engines}"}}}}"#);
        fs::write(package.join("package.json"), json).unwrap();
    }

    fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("cache").canonicalize().unwrap()
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.bin().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn steer(&self, word: &str) {
        fs::write(self.bin().join(word), "").unwrap();
    }

    /// How often a line of the calls starts like this.
    fn calls(&self, start: &str) -> usize {
        let calls = fs::read_to_string(self.bin().join("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.starts_with(start)).count()
    }

    fn cache_at(&self, offline: bool, now: &str) -> Cache {
        let path = format!("{}:/usr/bin:/bin", self.bin().display());
        let env: Vec<(OsString, OsString)> = vec![("PATH".into(), path.into())];
        let tools = Tools::new(self.bin().join("npm"), env, offline, now.parse().unwrap());
        Cache::open(self.dir.path().join("cache"), tools).unwrap()
    }

    fn cache(&self) -> Cache {
        self.cache_at(false, "2026-11-22T12:00:00Z")
    }

    fn offline(&self) -> Cache {
        self.cache_at(true, "2026-11-23T12:00:00Z")
    }
}

fn release(text: &str) -> Release {
    text.parse().unwrap()
}

fn install(cache: &Cache, text: &str) -> Result<Build, InstallError> {
    cache.install(release(text), &|_| {}, &Cancel::default())
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_installed_release_is_used_again_without_npm() {
    let machine = TestMachine::new();
    let build = install(&machine.cache(), "2026.3.31").unwrap();
    assert_eq!(build.entry, machine.root().join("releases/2026.3.31/node_modules/openclaw/openclaw.mjs"));
    assert_eq!((build.node.clone(), build.node_version.as_str()), (machine.bin().join("node"), "22.16.0"));
    assert_eq!(names(&machine.root().join("tmp")), [] as [&str; 0]);
    let calls = (machine.calls("npm"), machine.calls("manager"));

    let offline = machine.offline();
    let again = install(&offline, "2026.3.31").unwrap();
    assert_eq!((again.digest, again.entry), (build.digest, build.entry));
    assert!(offline.build(release("2026.3.31")).unwrap().is_some());
    assert!(offline.build(release("2026.3.28")).unwrap().is_none());
    assert_eq!((machine.calls("npm"), machine.calls("manager")), calls);
    let manifest =
        fs::read_to_string(machine.root().join("releases/2026.3.31/gatecrash-install.json")).unwrap();
    assert!(manifest.contains("sha512-2026.3.31") && manifest.contains("pnpm 10"), "{manifest}");
}

#[test]
fn npm_keeps_its_logs_in_the_cache() {
    let machine = TestMachine::new();
    install(&machine.cache(), "2026.3.31").unwrap();
    let log = fs::read_to_string(machine.root().join("npm-logs/log")).unwrap();
    assert_eq!(log.lines().count(), machine.calls("npm "));
}

#[test]
fn callers_of_the_same_release_share_one_installation() {
    let machine = TestMachine::new();
    let waited = Mutex::new(0);
    std::thread::scope(|scope| {
        for wanted in ["2026.3.31", "2026.3.31", "2026.3.31", "2026.3.28"] {
            // A cache of its own has locks of its own, as another process has.
            let cache = machine.cache();
            let waited = &waited;
            scope.spawn(move || {
                let tell = |event| {
                    if matches!(event, InstallEvent::Waiting(CachePart::Release(_))) {
                        *waited.lock() += 1;
                    }
                };
                cache.install(release(wanted), &tell, &Cancel::default()).unwrap();
            });
        }
    });
    assert_eq!(machine.calls("manager install"), 2);
    assert_eq!(names(&machine.root().join("releases")), ["2026.3.28", "2026.3.31"]);
}

#[test]
fn an_installation_tells_how_far_it_is() {
    let machine = TestMachine::new();
    let told = Mutex::new(Vec::new());
    let progress = |event: InstallEvent| {
        if let InstallEvent::Advanced { amount: Some(amount), .. } = event {
            told.lock().push(amount);
        }
    };
    machine.cache().install(release("2026.3.31"), &progress, &Cancel::default()).unwrap();
    let told = told.into_inner();
    assert!(told.contains(&InstallAmount::Packages(2, 2)), "{told:?}");
}

#[test]
fn a_cancelled_install_ends_soon_and_leaves_nothing() {
    let machine = TestMachine::new();
    machine.steer("slow");
    let cancel = Cancel::default();
    let asked = cancel.clone();
    let tell = move |event| {
        if matches!(event, InstallEvent::Advanced { .. }) {
            asked.set();
        }
    };
    let started = Instant::now();
    let ended = machine.cache().install(release("2026.3.31"), &tell, &cancel);
    assert!(matches!(ended, Err(InstallError::Cancelled)), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(15));
    assert_eq!(names(&machine.root().join("tmp")), [] as [&str; 0]);
    assert!(!machine.root().join("releases/2026.3.31").exists());
    fs::remove_file(machine.bin().join("slow")).unwrap();
    install(&machine.cache(), "2026.3.31").unwrap();
}

#[test]
fn the_leftovers_of_a_killed_installer_are_removed() {
    let machine = TestMachine::new();
    drop(machine.cache());
    let half = machine.root().join("tmp/release-2026.3.31-1-0/new/node_modules/openclaw");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("openclaw.mjs"), "half").unwrap();
    fs::write(machine.root().join("tmp/release-2026.3.31-1-0.lock"), "").unwrap();
    let cache = machine.cache();
    assert_eq!(names(&machine.root().join("tmp")), [] as [&str; 0]);
    install(&cache, "2026.3.31").unwrap();
}

#[test]
fn a_damaged_release_is_reported_and_reinstalled() {
    let machine = TestMachine::new();
    let cache = machine.cache();
    let package = install(&cache, "2026.3.31").unwrap().entry.parent().unwrap().to_owned();
    let damage = || cache.verify(release("2026.3.31")).unwrap();
    assert!(damage().unwrap().is_none());
    fs::write(package.join("dist/gateway.js"), "other()").unwrap();
    fs::write(package.join("dist/new.js"), "").unwrap();
    fs::remove_file(package.join("openclaw.mjs")).unwrap();
    let found = damage().unwrap();
    assert_eq!((found.missing, found.changed), (vec!["openclaw.mjs".into()], vec!["dist/gateway.js".into()]));
    assert_eq!(found.added, ["dist/new.js"]);
    assert!(!cache.installed().unwrap()[0].whole);
    assert!(cache.build(release("2026.3.31")).unwrap().is_none());

    install(&cache, "2026.3.31").unwrap();
    assert!(damage().unwrap().is_none());
    fs::remove_dir_all(machine.root().join("releases/2026.3.31/node_modules/ws")).unwrap();
    install(&cache, "2026.3.31").unwrap();
    assert!(machine.root().join("releases/2026.3.31/node_modules/ws").exists());
    assert_eq!(machine.calls("manager install"), 3);
    assert_eq!(cache.verify(release("2026.3.28")).unwrap(), None);
}

#[test]
fn offline_the_error_says_what_is_missing() {
    let machine = TestMachine::new();
    let text = install(&machine.offline(), "2026.3.31").unwrap_err().to_string();
    assert!(text.contains("openclaw 2026.3.31 is not installed") && text.contains("offline"), "{text}");
    assert!(matches!(machine.offline().latest(), Err(InstallError::Offline { .. })));
    assert_eq!(machine.calls("npm"), 0);
}

#[test]
fn a_release_installed_by_a_newer_gatecrash_is_refused_and_kept() {
    let machine = TestMachine::new();
    let cache = machine.cache();
    let dir = machine.root().join("releases/2026.3.31");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("gatecrash-install.json"), r#"{"format":{"major":7,"minor":0}}"#).unwrap();
    assert!(matches!(install(&cache, "2026.3.31"), Err(InstallError::Newer { major: 7, .. })));
    assert_eq!(names(&dir), ["gatecrash-install.json"]);
}

#[test]
fn an_unpublished_version_is_reported_as_such() {
    let machine = TestMachine::new();
    let ended = install(&machine.cache(), "2026.3.12");
    assert!(matches!(ended, Err(InstallError::NotPublished { .. })), "{ended:?}");
}

#[test]
fn npm_installs_if_pnpm_cannot_be_fetched() {
    let machine = TestMachine::new();
    machine.steer("no-pnpm");
    install(&machine.cache(), "2026.3.31").unwrap();
    let manifest =
        fs::read_to_string(machine.root().join("releases/2026.3.31/gatecrash-install.json")).unwrap();
    assert!(manifest.contains(r#""installer": "npm""#), "{manifest}");
}

#[test]
fn a_node_is_fetched_if_that_of_the_machine_is_too_old() {
    let machine = TestMachine::new();
    machine.publish("2026.9.6", ">=97");
    let build = install(&machine.cache(), "2026.9.6").unwrap();
    assert_eq!(build.node, machine.root().join("node/98.0.0/bin/node"));
    assert!(!machine.root().join("node/98.0.0/include").exists());
    assert_eq!(install(&machine.offline(), "2026.9.6").unwrap().node, build.node);
}

#[test]
fn the_dependencies_of_bundled_plugins_are_added_if_a_release_needs_them() {
    let machine = TestMachine::new();
    install(&machine.cache(), "2026.4.5").unwrap();
    let project = fs::read_to_string(machine.root().join("releases/2026.4.5/package.json")).unwrap();
    assert!(project.contains(r#""@buape/carbon":"0.14.0""#), "{project}");
    // `ws` is in the tree, and `workspace:` names no version of the registry.
    assert!(!project.contains("\"ws\"") && !project.contains("workspace"), "{project}");
    assert_eq!(machine.calls("manager install"), 2);
}

#[test]
fn a_release_that_completes_itself_at_its_first_start_does_so_at_installation() {
    let machine = TestMachine::new();
    let package = machine.bin().join("registry/2026.3.31");
    fs::write(package.join(".openclaw-lifecycle-pending"), "").unwrap();
    // The scripted Node runs the entry as a shell script.
    fs::write(package.join("openclaw.mjs"), "rm \"$(dirname \"$0\")/.openclaw-lifecycle-pending\"").unwrap();
    let cache = machine.cache();
    let build = install(&cache, "2026.3.31").unwrap();
    assert!(!build.entry.with_file_name(".openclaw-lifecycle-pending").exists());
    assert!(cache.verify(release("2026.3.31")).unwrap().unwrap().is_none());
}

/// The tarball that `npm pack` makes of a published package.
fn packed(machine: &TestMachine, release: &str) -> PathBuf {
    let file = machine.bin().join(format!("{release}.tgz"));
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
        fs::File::create(&file).unwrap(),
        flate2::Compression::fast(),
    ));
    archive.append_dir_all("package", machine.bin().join("registry").join(release)).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
    file
}

#[test]
fn a_tarball_is_installed_with_the_quirks_of_its_release() {
    let machine = TestMachine::new();
    let package = machine.bin().join("registry/2026.4.5");
    fs::write(package.join(".openclaw-lifecycle-pending"), "").unwrap();
    // The scripted Node runs the entry as a shell script.
    fs::write(package.join("openclaw.mjs"), "rm \"$(dirname \"$0\")/.openclaw-lifecycle-pending\"").unwrap();
    let cache = machine.cache();
    let tarball = |release: &str| {
        let file = packed(&machine, release);
        cache.build_of_tarball(&file, &|_| {}, &Cancel::default()).unwrap()
    };
    let project_of = |build: &Build| {
        let project = build.entry.ancestors().nth(3).unwrap().join("package.json");
        fs::read_to_string(project).unwrap()
    };
    let build = tarball("2026.4.5");
    assert_eq!(build.release, Some(release("2026.4.5")));
    assert_eq!(build.quirks, Quirks::of(build.release));
    assert!(!build.entry.with_file_name(".openclaw-lifecycle-pending").exists());
    let project = project_of(&build);
    assert!(project.contains(r#""openclaw":"file:./openclaw.tgz""#), "{project}");
    assert!(project.contains(r#""@buape/carbon":"0.14.0""#), "{project}");
    assert!(project.contains(r#""libsignal":"2.0.1""#) && project.contains("@node-llama-cpp/*"), "{project}");

    let other = tarball("2026.3.31");
    assert_eq!(other.quirks, Quirks::of(Some(release("2026.3.31"))));
    assert!(!project_of(&other).contains("carbon"), "it does not need the dependencies of plugins");
}

#[test]
fn a_release_in_use_is_not_removed() {
    let machine = TestMachine::new();
    let cache = machine.cache();
    let build = install(&cache, "2026.3.31").unwrap();
    fs::create_dir_all(&build.compile_cache).unwrap();
    let copy = build.clone();
    drop(build);
    assert_eq!(machine.cache().remove(release("2026.3.31")).unwrap(), Removal::InUse);
    let compile_cache = copy.compile_cache.clone();
    drop(copy);
    assert_eq!(cache.remove(release("2026.3.31")).unwrap(), Removal::Removed);
    assert!(!compile_cache.exists());
    assert_eq!(cache.remove(release("2026.3.31")).unwrap(), Removal::Absent);
}

#[test]
fn pruning_removes_the_longest_unused_releases_first_and_keeps_those_in_use() {
    let machine = TestMachine::new();
    for (text, day) in [("2026.3.31", "01"), ("2026.3.28", "02"), ("2026.4.5", "03")] {
        install(&machine.cache_at(false, &format!("2026-11-{day}T00:00:00Z")), text).unwrap();
    }
    let cache = machine.cache_at(false, "2026-11-04T00:00:00Z");
    // 3.31 is used again, so 3.28 has rested the longest.
    let running = install(&cache, "2026.3.31").unwrap();
    let all = cache.bytes().unwrap();
    assert!(prune(&cache, all, &Cancel::default()).unwrap().removed.is_empty());
    let files = |text: &str| digest::tree_bytes(&machine.root().join("releases").join(text)).unwrap();
    let left =
        files("2026.3.31") + files("2026.4.5") + digest::tree_bytes(&machine.root().join("pnpm")).unwrap();
    let pruned = prune(&cache, left, &Cancel::default()).unwrap();
    assert_eq!(pruned.removed, [release("2026.3.28")]);
    assert!(pruned.bytes_after < pruned.bytes_before);
    let pruned = prune(&cache, 0, &Cancel::default()).unwrap();
    assert_eq!((pruned.removed, pruned.in_use), (vec![release("2026.4.5")], vec![release("2026.3.31")]));
    assert!(running.entry.exists());
    assert!(machine.calls("manager store") > 0);
}

#[test]
fn the_list_is_fetched_once_a_day_and_an_old_one_serves_offline() {
    let machine = TestMachine::new();
    let cache = machine.cache_at(false, "2026-11-22T00:00:00Z");
    assert_eq!(cache.latest().unwrap(), release("2026.3.31"));
    assert_eq!(cache.available(Refresh::WhenOld).unwrap().len(), 3);
    assert_eq!(machine.calls("npm view"), 1);
    cache.available(Refresh::Now).unwrap();
    let later = machine.cache_at(false, "2026-11-24T00:00:00Z");
    machine.steer("down");
    assert_eq!(later.latest().unwrap(), release("2026.3.31"));
    assert_eq!(machine.calls("npm view"), 3);
    assert!(matches!(later.available(Refresh::Now), Err(InstallError::List(_))));
    assert_eq!(machine.offline().latest().unwrap(), release("2026.3.31"));
}

#[test]
fn a_directory_with_the_package_is_a_build() {
    let machine = TestMachine::new();
    let cache = machine.offline();
    let package = machine.bin().join("registry/2026.3.31");
    let build = cache.build_at(&package).unwrap();
    assert_eq!(build.release, Some(release("2026.3.31")));
    assert_eq!(Build::release_in(&package), build.release);
    fs::write(package.join("dist/gateway.js"), "changed()").unwrap();
    assert_ne!(cache.build_at(&package).unwrap().digest, build.digest);

    let project = machine.bin().join("project");
    fs::create_dir_all(project.join("node_modules")).unwrap();
    assert!(matches!(cache.build_at(&project), Err(InstallError::NoBuild { .. })));
    fs::rename(package, project.join("node_modules/openclaw")).unwrap();
    assert_eq!(cache.build_at(&project).unwrap().release, build.release);
    assert!(matches!(cache.build_at(Path::new("/nowhere/at/all")), Err(InstallError::NoBuild { .. })));
}
