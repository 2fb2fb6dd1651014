//! Installs a package that somebody has as a tarball, as `npm pack` makes it, with its dependencies.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::command::{Cancel, CommandError};
use super::digest::sha256;
use super::error::{At, InstallError};
use super::event::{CachePart, InstallEvent, InstallProgress, report};
use super::lock::{LockMode, lock};
use super::manifest::package_dir;
use super::npm;
use super::scratch::{Scratch, put};
use super::site::InstallSite;

/// The name of the tarball in the project that installs it.
const TARBALL: &str = "openclaw.tgz";

/// The first characters of the hash that name a package.
const NAME: usize = 16;

/// The project in the cache that has the package of a tarball installed; it is installed first if it is missing. Equal
/// tarballs share one.
pub(super) fn install_tarball(
    site: &InstallSite,
    file: &Path,
    progress: &dyn InstallProgress,
    cancel: &Cancel,
) -> Result<PathBuf, InstallError> {
    let bytes = std::fs::read(file).at(file)?;
    let hash = &sha256(&bytes)[..NAME];
    let place = site.layout.root().join("packages").join(hash);
    let is_whole = || package_dir(&place).join("openclaw.mjs").is_file();
    if is_whole() {
        return Ok(place);
    }
    let part = CachePart::Package(file.display().to_string());
    let waiting = || report(progress, InstallEvent::Waiting(part.clone()));
    let path = site.layout.lock(&format!("package-{hash}"));
    let _held =
        lock(&path, LockMode::Exclusive, cancel, waiting).at(&path)?.ok_or(InstallError::Cancelled)?;
    // Somebody else may have been first.
    if is_whole() {
        return Ok(place);
    }
    if site.tools.offline() {
        return Err(InstallError::Offline { what: part.to_string() });
    }
    report(progress, InstallEvent::Installing(part.clone()));
    let scratch =
        Scratch::new(&site.layout.scratch(), &format!("package-{hash}")).at(&site.layout.scratch())?;
    let dir = scratch.path().join("new");
    std::fs::create_dir(&dir).at(&dir)?;
    std::fs::write(dir.join(TARBALL), &bytes).at(&dir)?;
    let project = json!({
        "name": "gatecrash-package",
        "private": true,
        "dependencies": {"openclaw": format!("file:./{TARBALL}")},
    });
    std::fs::write(dir.join("package.json"), project.to_string()).at(&dir)?;
    install_tree(site, &part, &dir, progress, cancel)?;
    if !package_dir(&dir).join("openclaw.mjs").is_file() {
        let problem = "it has no openclaw.mjs".to_owned();
        return Err(InstallError::Unusable { what: part.to_string(), problem });
    }
    put(&dir, &place, &scratch)?;
    report(progress, InstallEvent::Installed(part));
    Ok(place)
}

/// Lets pnpm, or npm if that fails, install what the project names.
fn install_tree(
    site: &InstallSite,
    part: &CachePart,
    dir: &Path,
    progress: &dyn InstallProgress,
    cancel: &Cancel,
) -> Result<(), InstallError> {
    let failed = |error: CommandError| InstallError::from_command(part.to_string(), error);
    if let Ok((node, pnpm)) = site.pnpm(progress, cancel) {
        let on_line = |line: &str| {
            if let Some(text) = line.trim().strip_prefix("Progress: ") {
                report(progress, InstallEvent::Advanced { part: part.clone(), text: text.to_owned() });
            }
        };
        let programs = (node.path.as_path(), pnpm.as_path());
        match npm::pnpm_install(&site.tools, &site.layout, programs, dir, cancel, on_line) {
            Ok(()) => return Ok(()),
            Err(error @ CommandError::Cancelled) => return Err(failed(error)),
            Err(_) => {
                let text = "pnpm failed, going on with npm".to_owned();
                report(progress, InstallEvent::Noted { part: part.clone(), text });
            }
        }
    }
    // npm would trip over half a tree made by pnpm.
    let _ = std::fs::remove_dir_all(dir.join("node_modules"));
    npm::npm_install(&site.tools, &site.layout, dir, cancel).map_err(failed)
}
