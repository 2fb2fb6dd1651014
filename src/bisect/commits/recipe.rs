//! How a commit becomes a gateway.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::bisect::evidence::hex;

/// How a commit becomes a gateway.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Shell command that builds, run in the tree.
    pub build: String,
    /// What has to be there before, and what it depends on.
    pub install: Option<Install>,
    /// The target to test: `path:{dir}` or `cmd:…`, with `{dir}` for the tree.
    pub gateway: String,
    /// Paths that are left out of the trees.
    pub leave_out: Vec<String>,
    /// Whether one tree is used for the whole range. Its ignored files stay from commit to commit, which
    /// saves an installation each time; without it each tree is kept with what was built in it.
    pub reuse: bool,
    /// How long a build may take.
    pub within: Duration,
    /// Environment of the build.
    pub env: Vec<(OsString, OsString)>,
}

/// An installation that many commits share.
#[derive(Clone, Debug)]
pub struct Install {
    /// Shell command, run in the tree.
    pub command: String,
    /// Files and folders that it depends on.
    pub key: Vec<String>,
}

/// Points the one git dependency at its npm package, installs without scripts, puts the lockfile back.
/// pnpm takes no tarball without a digest.
/// pnpm must not switch to the version that the repository names.
const OPENCLAW_INSTALL: &str = r#"set -eu
export npm_config_manage_package_manager_versions=false COREPACK_ENABLE_STRICT=0 CI=1
tarball=$(npm view libsignal@2.0.1 dist.tarball)
integrity=$(npm view libsignal@2.0.1 dist.integrity)
sed -i -E "s|resolution: \{tarball: [^}]*libsignal-node[^}]*\}|resolution: {integrity: $integrity, tarball: $tarball}|" pnpm-lock.yaml
npm exec --yes --prefer-offline --package=pnpm@10 -- pnpm install --frozen-lockfile --ignore-scripts \
  --config.strict-store-pkg-content-check=false
git checkout -q -- pnpm-lock.yaml
"#;

/// Names of chunks are hashed: stale output would be judged as the commit before. Of the steps after the
/// bundler only those for plugin metadata matter to a handshake. The script of the bundler calls pnpm.
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

impl Recipe {
    /// A build command and a target.
    pub fn plain(build: String, gateway: String, within: Duration, env: Vec<(OsString, OsString)>) -> Self {
        Self { build, install: None, gateway, leave_out: Vec::new(), reuse: false, within, env }
    }

    /// The repository of the gateway itself, built with this Node.
    pub fn openclaw(node: &Path, path: &OsString, within: Duration, env: Vec<(OsString, OsString)>) -> Self {
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
            install: Some(Install { command: OPENCLAW_INSTALL.to_owned(), key }),
            gateway,
            // Public copies of the repository may lack this large file.
            leave_out: vec!["extensions/diffs/assets/viewer-runtime.js".to_owned()],
            reuse: true,
            within,
            env,
        }
    }

    /// Digest of everything that shapes a build.
    pub(super) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.build, &self.gateway, &self.leave_out.join(",")] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hex(&hash.finalize())[..12].to_owned()
    }
}
