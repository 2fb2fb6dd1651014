//! Refuses what leads out of a gateway's home: a scenario of a stranger must not reach the files of whoever runs it.
//!
//! It looks at the written tree, so that every verb that takes variables, files, configuration or a home is covered.

use std::net::IpAddr;
use std::path::{Component, Path};
use std::sync::Arc;

use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::source::Source;
use crate::scenario::span::{Span, Spanned};
use crate::scenario::tree::{NodeKind, Tree};

/// The code of the diagnostics about what leads out of a gateway's home or to other machines.
pub const OUTSIDE: &str = "outside";

/// Variables that only the harness sets, or that make a program load or write something else.
const VARIABLES: &[&str] = &[
    "HOME",
    "PATH",
    "TMPDIR",
    "TMP",
    "TEMP",
    "ENV",
    "SHELL",
    "USER",
    "LOGNAME",
    "IFS",
    "CDPATH",
    "PROMPT_COMMAND",
    "LOCPATH",
    "GCONV_PATH",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "BROWSER",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "OPENCLAW_DISABLE_BONJOUR",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_HOME",
    "OPENCLAW_PROFILE",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "DO_NOT_TRACK",
    "OPENCLAW_NO_AUTO_UPDATE",
    "OPENCLAW_SKIP_ACPX_RUNTIME_PROBE",
    "OPENSSL_CONF",
    "ZDOTDIR",
    "SSH_AUTH_SOCK",
];

/// Beginnings of such variables.
const FAMILIES: &[&str] = &[
    "LD_",
    "DYLD_",
    "NODE_",
    "NPM_",
    "PNPM_",
    "YARN_",
    "COREPACK_",
    "XDG_",
    "GATECRASH_",
    "GIT_",
    "SSL_",
    "PYTHON",
    "PERL",
    "RUBY",
    "BASH_",
    "UV_",
    "V8_",
    "BUN_",
    "DENO_",
    "JAVA_",
    "DOCKER_",
    "SYSTEMD_",
    "TSX_",
    "TS_NODE_",
];

/// Endings of variables that name a place or a program.
const PLACES: &[&str] = &[
    "_DIR",
    "_DIRS",
    "_PATH",
    "_PATHS",
    "_HOME",
    "_ROOT",
    "_FILE",
    "_FILES",
    "_BIN",
    "_CMD",
    "_COMMAND",
    "_EXEC",
    "_EXECUTABLE",
    "_SHELL",
    "_SOCKET",
    "_SOCK",
    "_PRELOAD",
    "_PROXY",
    "_CONF",
    "_CONFIG",
];

/// Endings of configuration keys that name a place or a program, in lower case.
const PLACE_KEYS: &[&str] = &[
    "dir",
    "dirs",
    "directory",
    "directories",
    "folder",
    "file",
    "files",
    "root",
    "roots",
    "workspace",
    "home",
    "storepath",
    "certpath",
    "keypath",
    "capath",
    "logpath",
    "cwd",
    "command",
    "executable",
    "binary",
    "bin",
    "paths",
    "store",
    "include",
    "executablepath",
    "binpath",
    "configpath",
    "databasepath",
    "dbpath",
    "filepath",
    "pluginpath",
    "scriptpath",
    "socketpath",
    "statepath",
];

/// Checks everything in a case that its gateways and programs get as variables, files, configuration or home.
pub(super) fn check_outside(case: &Tree, source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut found = OutsideChecks { source, found: Vec::new() };
    found.setting(case);
    for key in ["steps", "finally"] {
        if let Some(steps) = case.get(key) {
            found.steps(steps);
        }
    }
    found.found
}

struct OutsideChecks<'a> {
    source: &'a Arc<Source>,
    found: Vec<Diagnostic>,
}

impl OutsideChecks<'_> {
    fn add(&mut self, message: String, span: Span, help: &str) {
        let error = Diagnostic::error(OUTSIDE, message, self.source, span);
        self.found.push(error.label("leads out of the gateway's home").help(help));
    }

    /// Looks for verbs that set something up, also within `together` and `repeat`.
    fn steps(&mut self, tree: &Tree) {
        match &tree.kind {
            NodeKind::List(items) => items.iter().for_each(|item| self.steps(item)),
            NodeKind::Map(entries) => {
                for (key, inner) in entries {
                    match key.value.as_str() {
                        "start" | "cli" | "restart" | "upgrade" | "node_host" => self.setting(inner),
                        "together" | "repeat" | "steps" => self.steps(inner),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// The keys of a case or of a step that set a gateway or a program up.
    fn setting(&mut self, tree: &Tree) {
        for (key, value) in entries(tree) {
            match key.value.as_str() {
                "env" => entries(value).for_each(|(name, value)| self.variable(name, value)),
                "files" => entries(value).for_each(|(place, _)| self.file(place)),
                "config" => self.config("", value),
                "home" => self.home(value),
                "args" => self.arguments(value),
                _ => {}
            }
        }
    }

    fn variable(&mut self, name: &Spanned<String>, value: &Tree) {
        let upper = name.value.to_ascii_uppercase();
        let is_name = !name.value.is_empty() && !name.value.contains(['=', '\0']);
        let leads_out = VARIABLES.contains(&upper.as_str())
            || FAMILIES.iter().any(|family| upper.starts_with(family))
            || PLACES.iter().any(|place| upper.ends_with(place));
        if !is_name {
            let message = format!("`{}` is not the name of a variable", name.value.escape_debug());
            self.add(message, name.span, "a name has no `=`, and is not empty");
        } else if leads_out {
            let message = format!("the variable `{}` belongs to the harness", name.value);
            self.add(
                message,
                name.span,
                "a scenario cannot set where a gateway reads, writes or finds programs",
            );
        } else if let NodeKind::Text(text) = &value.kind {
            if text.contains('\0') {
                let message = format!("the value of `{}` contains a NUL", name.value);
                self.add(message, value.span, "no variable can contain one");
            } else if is_place_outside(text) || leads_to_another_machine(text) {
                let message = format!("the variable `{}` names something outside", name.value);
                self.add(
                    message,
                    value.span,
                    "name places within the gateway's home, and loopback addresses",
                );
            }
        }
    }

    fn arguments(&mut self, tree: &Tree) {
        let NodeKind::List(items) = &tree.kind else { return };
        for item in items {
            let NodeKind::Text(text) = &item.kind else { continue };
            let is_a_url = text.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(' '));
            let leads_out = if is_a_url {
                leads_to_another_machine(text) || names_a_file(text)
            } else {
                text.split('=').any(|part| part.starts_with(['/', '~']) || is_upwards(part))
            };
            if leads_out || text.contains('\0') {
                let message = format!("the argument `{}` names something outside", text.escape_debug());
                self.add(message, item.span, "name places within the gateway's home, and loopback addresses");
            }
        }
    }

    fn file(&mut self, place: &Spanned<String>) {
        let path = Path::new(&place.value);
        let is_inside = !place.value.is_empty()
            && !place.value.contains('\0')
            && path.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            let message =
                format!("`{}` is not a path within the state directory", place.value.escape_debug());
            self.add(message, place.span, "write a relative path such as `devices/paired.json`");
        }
    }

    fn home(&mut self, value: &Tree) {
        let NodeKind::Text(name) = &value.kind else { return };
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(allowed) {
            let message = format!("`{}` is not the name of a home", name.escape_debug());
            self.add(message, value.span, "a name consists of letters, digits, `-` and `_`");
        }
    }

    fn config(&mut self, key: &str, tree: &Tree) {
        match &tree.kind {
            // What a configuration sets for the gateway itself and for its programs are variables like any other.
            NodeKind::Map(entries) if key == "env" || key == "vars" => {
                for (name, value) in entries {
                    match value.kind {
                        NodeKind::Text(_) => self.variable(name, value),
                        _ => self.config(&name.value, value),
                    }
                }
            }
            NodeKind::Map(entries) => entries.iter().for_each(|(key, inner)| self.config(&key.value, inner)),
            NodeKind::List(items) => items.iter().for_each(|item| self.config(key, item)),
            NodeKind::Text(text) => {
                let lower = key.to_ascii_lowercase();
                let names_a_place =
                    PLACE_KEYS.iter().any(|place| lower.ends_with(place)) && is_place_outside(text);
                if names_a_place || text.starts_with('~') || names_a_file(text) {
                    let message = format!("`{key}: {text}` of the configuration names a place outside");
                    self.add(message, tree.span, "name a place relative to the gateway's home");
                }
            }
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {}
        }
    }
}

fn entries(tree: &Tree) -> impl Iterator<Item = &(Spanned<String>, Tree)> {
    let NodeKind::Map(entries) = &tree.kind else { return [].iter() };
    entries.iter()
}

/// Whether a text is a path that is absolute, of a user, or leads upwards.
fn is_place_outside(text: &str) -> bool {
    let mut words = text.split([',', ';', ' ', '=', '\t', '\n']);
    names_a_file(text)
        || words.any(|word| match word.split_once("://") {
            // The path of a URL is a path on another machine, or on a server of this one.
            Some((_, rest)) => is_upwards(rest),
            None => word.split(':').any(|part| part.starts_with(['/', '~']) || is_upwards(part)),
        })
}

/// Whether a part of a path leads upwards.
fn is_upwards(text: &str) -> bool {
    Path::new(text).components().any(|part| part == Component::ParentDir)
}

/// Whether there is a URL of a file in a text.
fn names_a_file(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.starts_with("file:")
        || [" file:", ",file:", ";file:", "=file:"].iter().any(|start| lower.contains(start))
}

/// Whether a text is a URL of another machine.
fn leads_to_another_machine(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    // A reference is filled in by the harness, and one that is empty leads nowhere.
    let is_here = host.is_empty() || host == "localhost" || host.starts_with("${");
    !is_here && !host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::scenario::{Suite, load};

    fn suite(head: &str, steps: &str) -> Suite {
        let text = format!("title: T\nwhy: W\n{head}\nsteps:\n  - connect: {{as: a}}\n{steps}");
        load(&[("a".to_owned(), Arc::new(Source { path: "a.yaml".to_owned(), text }))])
    }

    fn is_refused(head: &str, steps: &str) -> bool {
        suite(head, steps).diagnostics.iter().any(|one| one.code == "outside")
    }

    #[rstest]
    #[case::state("env: {OPENCLAW_STATE_DIR: state}")]
    #[case::configuration("env: {OPENCLAW_CONFIG_PATH: x}")]
    #[case::home("env: {HOME: x}")]
    #[case::unset_home("env: {HOME: \"\"}")]
    #[case::search_path("env: {PATH: x}")]
    #[case::preload("env: {LD_PRELOAD: x}")]
    #[case::node("env: {NODE_OPTIONS: x}")]
    #[case::lower_case_proxy("env: {https_proxy: x}")]
    #[case::mark("env: {GATECRASH_HOME: x}")]
    #[case::value_with_a_place("env: {WORD: /etc/passwd}")]
    #[case::value_of_a_user("env: {WORD: ~/x}")]
    #[case::value_upwards("env: {WORD: a/../../b}")]
    #[case::another_machine("env: {WORD: \"https://example.org/x\"}")]
    #[case::another_machine_behind_a_user("env: {WORD: \"http://localhost@192.0.2.1/\"}")]
    #[case::double_slash("env: {WORD: //etc/passwd}")]
    #[case::url_of_a_file("env: {WORD: \"x FILE:///etc/passwd\"}")]
    #[case::other_proxy("env: {grpc_proxy: x}")]
    #[case::openssl("env: {OPENSSL_CONF: x}")]
    #[case::module_path("env: {NODE_PATH: x}")]
    #[case::package_manager("env: {npm_config_registry: x}")]
    #[case::user_directories("env: {XDG_CONFIG_HOME: x}")]
    #[case::loader_of_macos("env: {DYLD_INSERT_LIBRARIES: x}")]
    #[case::variable_of_the_configuration("config: {env: {vars: {OPENCLAW_STATE_DIR: x}}}")]
    #[case::variable_of_a_server("config: {mcp: {servers: {x: {command: node, env: {NODE_OPTIONS: x}}}}}")]
    #[case::user_alone("config: {a: {b: \"~root/x\"}}")]
    #[case::inclusion("config: {$include: /etc/x.json}")]
    #[case::no_name("env: {\"A=B\": x}")]
    #[case::file_upwards("files: {../../x: y}")]
    #[case::absolute_file("files: {/tmp/x: y}")]
    #[case::file_without_a_name("files: {\"\": y}")]
    #[case::file_with_a_nul("files: {\"a\\0b\": y}")]
    #[case::directory_of_the_configuration("config: {agents: {defaults: {workspace: /tmp/x}}}")]
    #[case::list_of_the_configuration("config: {plugins: {load: {paths: [/tmp/x]}}}")]
    #[case::program_of_the_configuration("config: {mcp: {servers: {x: {command: /bin/sh}}}}")]
    #[case::user_in_the_configuration("config: {a: {b: ~/x}}")]
    fn what_leads_out_is_refused(#[case] head: &str) {
        assert!(is_refused(head, ""), "{head}");
    }

    #[rstest]
    #[case::cli("  - cli: {args: [x], env: {HOME: x}}")]
    #[case::place_as_argument("  - cli: {args: [config, file, --out=/etc/x]}")]
    #[case::machine_as_argument("  - cli: {args: [devices, list, --url, \"wss://192.0.2.1\"]}")]
    #[case::own_home("  - cli: {args: [x], home: ../../x}")]
    #[case::node_host("  - node_host: {home: a/b}")]
    #[case::start("  - start: {env: {OPENCLAW_STATE_DIR: x}}")]
    #[case::files_of_start("  - start: {files: {../x: y}}")]
    #[case::restart("  - restart: {config: {logging: {file: /tmp/log}}}")]
    #[case::nested(
        "  - repeat: {times: 2, steps: [{together: {steps: [{start: {env: {HOME: x}}}, {wait: 1ms}]}}]}"
    )]
    fn steps_that_lead_out_are_refused(#[case] steps: &str) {
        assert!(is_refused("", steps), "{steps}");
    }

    #[rstest]
    #[case("env: {WORD: said, OPENCLAW_HANDSHAKE_TIMEOUT_MS: \"\", OPENCLAW_SKIP_CANVAS_HOST: \"0\"}")]
    #[case("env: {OPENCLAW_APNS_RELAY_BASE_URL: \"http://127.0.0.1:9\", X: \"http://[::1]:9/a\"}")]
    #[case("files: {devices/paired.json: {}, workspace/AGENTS.md: x}")]
    #[case("config: {gateway: {controlUi: {basePath: /ui, allowedOrigins: [\"https://example.org\"]}}}")]
    #[case("config: {gateway: {nodes: {commands: {allow: [system.run]}}}}")]
    fn what_stays_inside_is_allowed(#[case] head: &str) {
        assert!(!is_refused(head, ""), "{head}");
    }

    proptest! {
        #[test]
        fn no_relative_place_upwards_passes(before in "[a-z/]{0,6}", after in "[a-z/]{0,6}") {
            let place = format!("{before}/../{after}");
            prop_assert!(is_place_outside(&place));
        }
    }
}
