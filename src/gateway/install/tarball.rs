//! Installs a package that somebody has as a tarball, as `npm pack` makes it, with its dependencies.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::command::{Cancel, CommandError};
use super::digest::sha256;
use super::error::{At, InstallError};
use super::event::{CachePart, InstallEvent, InstallProgress, report, report_line};
use super::growth::while_growing;
use super::lock::{LockMode, lock};
use super::manifest::package_dir;
use super::npm;
use super::package_json::PackageJson;
use super::quirks::{Workaround, workarounds};
use super::release_install::{finish_once, plugin_dependencies};
use super::scratch::{Scratch, put};
use super::site::{Get, InstallSite};
use crate::release::Release;

/// The name of the tarball in the project that installs it.
const TARBALL: &str = "openclaw.tgz";

/// A `package.json` is not longer than this, in bytes.
const LONGEST: u64 = 1 << 20;

/// The first characters of the hash that name a package.
const NAME: usize = 16;

/// The project in the cache that has the package of a tarball installed; it is installed first if it is missing, with the
/// workarounds for the quirks of the release in its `package.json`. Equal
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
    let release = packed_release(&bytes);
    install_tree(site, (&part, release), &dir, &BTreeMap::new(), progress, cancel)?;
    if workarounds(release).any(|workaround| workaround == Workaround::BundledPluginDependencies) {
        let more = plugin_dependencies(&dir);
        install_tree(site, (&part, release), &dir, &more, progress, cancel)?;
    }
    let package = package_dir(&dir);
    if !package.join("openclaw.mjs").is_file() {
        let problem = "it has no openclaw.mjs".to_owned();
        return Err(InstallError::Unusable { what: part.to_string(), problem });
    }
    let engines = PackageJson::read(&package).and_then(|json| json.engines.get("node").cloned());
    let node = site.node_for(engines.as_deref(), Get::Fetched(progress, cancel))?;
    finish_once(site, (&part, release), &package, &node.path, &scratch, cancel)?;
    put(&dir, &place, &scratch)?;
    report(progress, InstallEvent::Installed(part));
    Ok(place)
}

/// The release in the `package.json` of a package; `None` if it cannot be read, or is no release.
fn packed_release(bytes: &[u8]) -> Option<Release> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    for entry in archive.entries().ok()? {
        let entry = entry.ok()?;
        // It is in a folder at the top, whose name does not matter.
        let is_it = entry.path().is_ok_and(|path| {
            let path = path.strip_prefix(".").unwrap_or(&path);
            path.ends_with("package.json") && path.components().count() == 2
        });
        if is_it {
            let mut text = Vec::new();
            entry.take(LONGEST).read_to_end(&mut text).ok()?;
            return serde_json::from_slice::<PackageJson>(&text).ok()?.version?.parse().ok();
        }
    }
    None
}

/// Lets pnpm, or npm if that fails, install the package with its dependencies and `more`.
fn install_tree(
    site: &InstallSite,
    (part, release): (&CachePart, Option<Release>),
    dir: &Path,
    more: &BTreeMap<String, String>,
    progress: &dyn InstallProgress,
    cancel: &Cancel,
) -> Result<(), InstallError> {
    let project = npm::project_of("gatecrash-package", &format!("file:./{TARBALL}"), release, more);
    let path = dir.join("package.json");
    std::fs::write(&path, project.to_string()).at(&path)?;
    let failed = |error: CommandError| InstallError::from_command(part.to_string(), error);
    if let Ok((node, pnpm)) = site.pnpm(progress, cancel) {
        let on_line = |line: &str| report_line(progress, part, line);
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
    let npm = || npm::npm_install(&site.tools, &site.layout, dir, cancel);
    while_growing(dir, part, |_| None, progress, npm).map_err(failed)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use rstest::rstest;

    use super::*;

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[rstest]
    #[case(&[("package/dist/a/package.json", r#"{"version":"2026.3.28"}"#), ("package/package.json", r#"{"version":"2026.4.5"}"#)], Some("2026.4.5"))]
    #[case(&[("openclaw/package.json", r#"{"version":"2026.9.7-beta.1"}"#)], Some("2026.9.7-beta.1"))]
    #[case(&[("package/package.json", r#"{"version":"next"}"#)], None)]
    #[case(&[("package/package.json", "{")], None)]
    #[case(&[("package.json", r#"{"version":"2026.4.5"}"#)], None)]
    fn the_release_is_that_of_the_package_itself(
        #[case] files: &[(&str, &str)],
        #[case] release: Option<&str>,
    ) {
        assert_eq!(packed_release(&packed(files)), release.map(|text| text.parse().unwrap()));
        assert_eq!(packed_release(b"no archive"), None);
    }
}
