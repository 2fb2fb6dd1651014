//! Installs one release: from the registry into its directory of the cache.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use super::command::{Cancel, CommandError, run};
use super::digest::{PackageFile, package_files, sha256, tree_bytes};
use super::error::{At, InstallError};
use super::event::{CachePart, InstallEvent, InstallProgress, report, report_line};
use super::growth::while_growing;
use super::manifest::{self, Manifest, PackageFacts, PackageSummary, count_modules, package_dir};
use super::npm;
use super::package_json::PackageJson;
use super::quirks::{Workaround, workarounds};
use super::scratch::{Scratch, put};
use super::site::{Get, InstallSite};
use crate::error_chain::chain;
use crate::release::Release;

/// What an installation takes at most, in bytes: 2026.9.6 takes 635 MB, and as much again if its packages are not linked to
/// the store. A package manager on a full disk tries again for minutes before it gives up.
const SPACE: u64 = 1400 << 20;

/// A first start takes seconds.
const FINISHING: Duration = Duration::from_mins(3);

/// Installs a release into its directory. The caller holds its lock.
pub(super) fn install_anew(
    site: &InstallSite,
    release: Release,
    progress: &dyn InstallProgress,
    cancel: &Cancel,
) -> Result<(), InstallError> {
    let part = CachePart::Release(release);
    if site.tools.offline() {
        return Err(InstallError::Offline { what: part.to_string() });
    }
    report(progress, InstallEvent::Installing(part.clone()));
    let scratch =
        Scratch::new(&site.layout.scratch(), &format!("release-{release}")).at(&site.layout.scratch())?;
    check_space(&part, scratch.path())?;
    let dir = scratch.path().join("new");
    std::fs::create_dir(&dir).at(&dir)?;
    let mut more = BTreeMap::new();
    let mut installer = install_tree(site, release, &dir, &more, progress, cancel)?;
    if workarounds(Some(release)).any(|workaround| workaround == Workaround::BundledPluginDependencies) {
        more = plugin_dependencies(&dir);
        installer = install_tree(site, release, &dir, &more, progress, cancel)?;
    }
    let package = package_dir(&dir);
    let unusable =
        |problem: &str| InstallError::Unusable { what: part.to_string(), problem: problem.to_owned() };
    let json = PackageJson::read(&package).ok_or_else(|| unusable("the package is not in the tree"))?;
    if json.version.and_then(|text| text.parse().ok()) != Some(release) {
        return Err(unusable("the registry gave another version"));
    }
    if !package.join("openclaw.mjs").is_file() {
        return Err(unusable("the package has no openclaw.mjs"));
    }
    let engines = json.engines.get("node").cloned();
    let node = site.node_for(engines.as_deref(), Get::Fetched(progress, cancel))?;
    finish_once(site, (&part, Some(release)), &package, &node.path, &scratch, cancel)?;

    report(progress, InstallEvent::Verifying(part.clone()));
    let files = package_files(&package).at(&package)?;
    let (integrity, lock) = npm::outcome(&dir, &release);
    let facts = PackageFacts {
        integrity,
        engines,
        node: node.version.to_string(),
        installer,
        tree_bytes: tree_bytes(&dir).at(&dir)?,
        package: summary(&dir, &files),
        lock_sha256: sha256(&lock),
    };
    manifest::write(&dir, &Manifest::new(release, site.tools.now(), facts), &files)?;
    if cancel.is_set() {
        return Err(InstallError::Cancelled);
    }
    put(&dir, &site.layout.release(&release), &scratch)?;
    report(progress, InstallEvent::Installed(part));
    Ok(())
}

/// Fails if there is not enough space for an installation.
fn check_space(part: &CachePart, place: &Path) -> Result<(), InstallError> {
    // A file system that does not tell may have enough.
    let Ok(about) = rustix::fs::statvfs(place) else { return Ok(()) };
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    if free >= SPACE {
        return Ok(());
    }
    Err(InstallError::NoSpace { what: part.to_string(), place: place.to_owned(), free, needed: SPACE })
}

/// Starts the program once, in a temporary home, if a quirk says that it finishes its own installation then.
pub(super) fn finish_once(
    site: &InstallSite,
    (part, release): (&CachePart, Option<Release>),
    package: &Path,
    node: &Path,
    scratch: &Scratch,
    cancel: &Cancel,
) -> Result<(), InstallError> {
    let unfinished = workarounds(release).any(|workaround| match workaround {
        Workaround::FinishOnce(mark) => package.join(mark).exists(),
        _ => false,
    });
    if !unfinished {
        return Ok(());
    }
    let home = scratch.path().join("home");
    std::fs::create_dir(&home).at(&home)?;
    let mut command = site.tools.command(node);
    command.arg(package.join("openclaw.mjs")).arg("--version").current_dir(&home);
    command.env("HOME", &home).env("TMPDIR", &home).env("OPENCLAW_STATE_DIR", &home);
    run(&mut command, cancel, FINISHING, |_| {})
        .map_err(|error| InstallError::from_command(part.to_string(), error))?;
    Ok(())
}

/// Lets pnpm, or npm if that fails, make `node_modules`. Returns which of them did.
fn install_tree(
    site: &InstallSite,
    release: Release,
    dir: &Path,
    more: &BTreeMap<String, String>,
    progress: &dyn InstallProgress,
    cancel: &Cancel,
) -> Result<String, InstallError> {
    let part = CachePart::Release(release);
    let project = dir.join("package.json");
    std::fs::write(&project, npm::project(&release, more).to_string()).at(&project)?;
    let failed = |error: CommandError| {
        if npm::says_not_published(&error) {
            InstallError::NotPublished { release }
        } else {
            InstallError::from_command(part.to_string(), error)
        }
    };
    let fall_back = |error: &(dyn Error + 'static)| {
        let text = chain(error);
        let first = text.lines().find(|line| line.contains("ERR")).or(text.lines().next());
        let text = format!("pnpm failed, going on with npm: {}", first.unwrap_or_default());
        report(progress, InstallEvent::Noted { part: part.clone(), text });
    };
    match site.pnpm(progress, cancel) {
        Ok((node, pnpm)) => {
            let on_line = |line: &str| report_line(progress, &part, line);
            let programs = (node.path.as_path(), pnpm.as_path());
            match npm::pnpm_install(&site.tools, &site.layout, programs, dir, cancel, on_line) {
                Ok(()) => {
                    let version = pnpm.file_name().unwrap_or_default().to_string_lossy();
                    return Ok(format!("pnpm {version}"));
                }
                Err(error @ CommandError::Cancelled) => return Err(failed(error)),
                Err(error) if npm::says_not_published(&error) => return Err(failed(error)),
                Err(error) => fall_back(&error),
            }
        }
        Err(InstallError::Cancelled) => return Err(InstallError::Cancelled),
        Err(error) => fall_back(&error),
    }
    // npm would trip over half a tree made by pnpm.
    let _ = std::fs::remove_dir_all(dir.join("node_modules"));
    let npm = || npm::npm_install(&site.tools, &site.layout, dir, cancel);
    while_growing(dir, &part, |_| None, progress, npm).map_err(failed)?;
    Ok("npm".to_owned())
}

fn summary(dir: &Path, files: &[PackageFile]) -> PackageSummary {
    PackageSummary {
        files: files.len() as u64,
        bytes: files.iter().map(|file| file.size).sum(),
        sha256: sha256(manifest::list_text(files).as_bytes()),
        modules: count_modules(dir),
    }
}

/// The dependencies of the bundled plugins that are missing from the tree.
pub(super) fn plugin_dependencies(dir: &Path) -> BTreeMap<String, String> {
    let plugins = std::fs::read_dir(package_dir(dir).join("dist/extensions"));
    let mut wanted = BTreeMap::new();
    for plugin in plugins.into_iter().flatten().flatten() {
        let json = PackageJson::read(&plugin.path()).unwrap_or_default();
        // A path or an address instead of a version is not on the registry.
        let from_registry = json.dependencies.into_iter().filter(|(_, version)| !version.contains(':'));
        wanted.extend(from_registry.filter(|(name, _)| !dir.join("node_modules").join(name).exists()));
    }
    wanted
}
