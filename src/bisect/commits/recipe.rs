//! How commits are built and started.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::bisect::evidence::hex;

/// How a commit is built and started.
#[derive(Clone, Debug)]
pub(super) struct BuildRecipe {
    /// Shell command that builds, run in the working tree.
    pub build: String,
    /// What has to be installed before a build.
    pub install: Option<InstallStep>,
    /// The target to test: `path:{dir}` or `cmd:…`, with `{dir}` for the working tree.
    pub gateway: String,
    /// Paths that are left out of working trees.
    pub leave_out: Vec<String>,
    /// Whether one working tree serves the whole range. Ignored files stay from commit to commit, which saves an
    /// installation each time; otherwise each build keeps a working tree of its own.
    pub reuse: bool,
    /// How long a build may take.
    pub within: Duration,
    /// Environment of the build.
    pub env: Vec<(OsString, OsString)>,
}

/// An installation that commits share as long as its inputs are the same.
#[derive(Clone, Debug)]
pub(super) struct InstallStep {
    /// Shell command, run in the working tree.
    pub command: String,
    /// Files and folders that the installation depends on.
    pub key: Vec<String>,
}

/// Points the one git dependency at its npm package, installs without scripts, and restores the lockfile. pnpm accepts a
/// tarball only with a digest, and it must not switch to the version that the repository names.
const OPENCLAW_INSTALL: &str = r#"set -eu
export npm_config_manage_package_manager_versions=false COREPACK_ENABLE_STRICT=0 CI=1
tarball=$(npm view libsignal@2.0.1 dist.tarball)
integrity=$(npm view libsignal@2.0.1 dist.integrity)
sed -i -E "s|resolution: \{tarball: [^}]*libsignal-node[^}]*\}|resolution: {integrity: $integrity, tarball: $tarball}|" pnpm-lock.yaml
npm exec --yes --prefer-offline --package=pnpm@10 -- pnpm install --frozen-lockfile --ignore-scripts \
  --config.strict-store-pkg-content-check=false
git checkout -q -- pnpm-lock.yaml
"#;

/// Chunk names are hashed, so stale output would be tested in place of the commit. Of the steps after the bundler only those
/// for plugin metadata matter to a handshake. The bundler's script calls pnpm.
const OPENCLAW_BUILD: &str = r#"set -eu
export npm_config_manage_package_manager_versions=false COREPACK_ENABLE_STRICT=0 CI=1
rm -rf dist dist-runtime
npm exec --yes --prefer-offline --package=pnpm@10 -- node scripts/tsdown-build.mjs
node --input-type=module -e '
for (const [file, name] of [
  ["copy-plugin-sdk-root-alias", "copyPluginSdkRootAlias"],
  ["copy-bundled-plugin-metadata", "copyBundledPluginMetadata"],
  ["write-official-channel-catalog", "writeOfficialChannelCatalog"],
]) (await import(`${process.cwd()}/scripts/${file}.mjs`))[name]({});
'
"#;

impl BuildRecipe {
    /// A recipe of a build command and a target.
    pub(super) fn plain(
        build: String,
        gateway: String,
        within: Duration,
        env: Vec<(OsString, OsString)>,
    ) -> Self {
        Self { build, install: None, gateway, leave_out: Vec::new(), reuse: false, within, env }
    }

    /// The recipe of the gateway's own repository, built with this Node.
    pub(super) fn openclaw(
        node: &Path,
        path: &OsString,
        within: Duration,
        env: Vec<(OsString, OsString)>,
    ) -> Self {
        let mut env: Vec<_> = env.into_iter().filter(|(name, _)| name != "PATH").collect();
        let mut search = node.parent().map(|dir| dir.as_os_str().to_owned()).unwrap_or_default();
        search.push(":");
        search.push(path);
        env.push(("PATH".into(), search));
        let gateway = format!(
            "cmd:NODE_COMPILE_CACHE='{{dir}}.compile-cache' OPENCLAW_BUNDLED_PLUGINS_DIR='{{dir}}/dist/extensions' \
             exec '{}' '{{dir}}/openclaw.mjs' gateway run --port {{port}} --bind loopback --allow-unconfigured",
            node.display(),
        );
        let key = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "patches"].map(str::to_owned).to_vec();
        Self {
            build: OPENCLAW_BUILD.to_owned(),
            install: Some(InstallStep { command: OPENCLAW_INSTALL.to_owned(), key }),
            gateway,
            // Public mirrors of the repository may lack this large file.
            leave_out: vec!["extensions/diffs/assets/viewer-runtime.js".to_owned()],
            reuse: true,
            within,
            env,
        }
    }

    /// Digest of everything that determines a build.
    pub(super) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.build, &self.gateway, &self.leave_out.join(",")] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hex(&hash.finalize())[..12].to_owned()
    }
}
