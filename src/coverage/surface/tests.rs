use std::sync::Arc;

use super::read::{Bundled, surface};
use super::*;
use crate::coverage::scope::Scope;
use crate::scenario::{Scenario, Source, load};

const SCOPE: &str = "
scope:
  - area: all
    sources: ['src/gateway/**/*.ts', 'src/gateway/*.ts']
left_out:
  - {sources: [src/gateway/left-out.ts], reason: needs a tailnet}
";

/// Methods in groups by scope, as in releases up to 2026.5.12.
const GROUPS: &str = r#"
import { a as READ_SCOPE } from "./operator-scopes.js";
//#region src/gateway/method-scopes.ts
const NODE_ROLE_METHODS = new Set(["node.event"]);
const METHOD_SCOPE_GROUPS = {
	[READ_SCOPE]: ["status", "sessions.list"],
	["operator.write"]: ["send"]
};
const ADMIN_METHOD_PREFIXES = ["config."];
const METHOD_SCOPE_BY_NAME = new Map(Object.entries(METHOD_SCOPE_GROUPS).flatMap(([scope, methods]) => methods.map((method) => [method, scope])));
//#endregion
//#region src/gateway/server-methods-list.ts
const BASE_METHODS = ["status", "config.get", "send"];
const GATEWAY_EVENTS = ["tick", "device.pair.requested"];
//#endregion
//#region src/gateway/server-broadcast.ts
const EVENT_SCOPE_GUARDS = { "device.pair.requested": [PAIRING_SCOPE], "health": [] };
//#endregion
//#region src/gateway/server.ts
const HANDSHAKE_TIMEOUT_MS = 10 * 1e3;
const GREETING = "hello";
function refuse(socket, name) {
	socket.close(1008, "pairing required");
	if (process.env.OPENCLAW_TEST_TIMER) socket.close(4001, `gone: ${name}`);
	close();
	respond(false, void 0, errorShape(ErrorCodes.INVALID_REQUEST, `missing scope: ${name}`));
	respond(false, void 0, errorShape("NOT_PAIRED", "no", { details: { code: ConnectErrorDetailCodes.PAIRING_REQUIRED } }));
}
//#endregion
//#region src/gateway/left-out.ts
function other(socket) { socket.close(1011, "nobody asks"); }
//#endregion
"#;

/// The declarations of another bundled file.
const ELSEWHERE: &str = r#"
//#region src/gateway/operator-scopes.ts
const READ_SCOPE = "operator.read";
const PAIRING_SCOPE = "operator.pairing";
//#endregion
//#region src/gateway/protocol/client-info.ts
const GATEWAY_CLIENT_IDS = { CLI: "cli", TEST: "test" };
const GATEWAY_CLIENT_MODES = { CLI: "cli" };
const ConnectErrorDetailCodes = { PAIRING_REQUIRED: "PAIRING_REQUIRED", AUTH: "AUTH_REQUIRED" };
//#endregion
"#;

fn read(texts: &[&str]) -> Result<Surface, NoTables> {
    let files: Vec<Bundled> =
        texts.iter().map(|text| Bundled { path: "dist/a.js".into(), text: (*text).into() }).collect();
    surface(&files, &Scope::read(SCOPE).unwrap())
}

fn methods(surface: &Surface) -> Vec<(&str, &str)> {
    surface.methods.iter().map(|one| (&*one.name, &*one.scope)).collect()
}

#[test]
fn methods_are_read_from_groups_by_scope() {
    let found = read(&[GROUPS, ELSEWHERE]).unwrap();
    let expected = [
        ("config.get", "operator.admin"),
        ("node.event", "node"),
        ("send", "operator.write"),
        ("sessions.list", "operator.read"),
        ("status", "operator.read"),
    ];
    assert_eq!(methods(&found), expected);
}

#[test]
fn methods_are_read_from_a_list_of_either_shape() {
    let guards =
        "//#region src/gateway/server-broadcast.ts\nconst EVENT_SCOPE_GUARDS = { tick: [] };\n//#endregion\n";
    let objects = r#"
//#region src/gateway/methods/core-descriptors.ts
const CORE_GATEWAY_METHOD_SPECS = [{ name: "health", scope: "operator.read" }, { name: "node.event", scope: NODE, startup: true }];
const NODE = "node";
//#endregion
"#;
    let lists = r#"
//#region src/gateway/methods/core-descriptors.ts
const CORE_GATEWAY_METHOD_SPEC_LIST = [
	["health", "health", "operator.read", "<=2026.7"],
	["node.event", null, "node", "2026.8", WRITE]
].map(([name, family, scope]) => ({ name, scope }));
//#endregion
"#;
    for text in [objects, lists] {
        let found = read(&[text, guards]).unwrap();
        assert_eq!(methods(&found), [("health", "operator.read"), ("node.event", "node")]);
    }
}

#[test]
fn events_clients_sites_and_limits_are_read() {
    let found = read(&[GROUPS, ELSEWHERE]).unwrap();
    let events: Vec<(&str, Option<usize>)> =
        found.events.iter().map(|one| (&*one.name, one.scopes.as_ref().map(Vec::len))).collect();
    assert_eq!(events, [("device.pair.requested", Some(1)), ("health", Some(0)), ("tick", None)]);
    assert_eq!(found.client_ids, ["cli", "test"]);
    assert_eq!(found.client_modes, ["cli"]);
    assert_eq!(found.details, ["PAIRING_REQUIRED", "AUTH_REQUIRED"]);
    let closes: Vec<(u16, Option<&str>)> =
        found.closes.iter().map(|one| (one.code, one.reason.as_deref())).collect();
    assert_eq!(
        closes,
        [(1008, Some("pairing required")), (4001, Some("gone: …"))],
        "what is left out is not read"
    );
    let errors: Vec<(&str, Option<&str>, Option<&str>)> =
        found.errors.iter().map(|one| (&*one.code, one.message.as_deref(), one.details.as_deref())).collect();
    let expected = [
        ("INVALID_REQUEST", Some("missing scope: …"), None),
        ("NOT_PAIRED", Some("no"), Some("PAIRING_REQUIRED")),
    ];
    assert_eq!(errors, expected);
    let limits: Vec<(&str, f64)> = found.limits.iter().map(|one| (&*one.name, one.value)).collect();
    assert_eq!(limits, [("HANDSHAKE_TIMEOUT_MS", 10_000.0)]);
    assert_eq!(found.environment, ["OPENCLAW_TEST_TIMER"]);
}

#[test]
fn a_build_without_tables_is_an_error() {
    let error = read(&["//#region src/gateway/a.ts\nconst a = 1;\n//#endregion\n"]).unwrap_err();
    assert_eq!(error.to_string(), "this build has no table of methods that can be read");
}

fn scenario(text: &str) -> Scenario {
    let source = Source { path: "scenarios/a/b.yaml".into(), text: text.into() };
    let mut suite = load(&[("a/b".to_owned(), Arc::new(source))]);
    assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
    suite.scenarios.remove(0)
}

const STORY: &str = r#"
title: A story
why: It is a test.
source: [own]
devices: {laptop: {}, machine: {}}
steps:
  - connect: {as: none, device: laptop, scopes: []}
  - call: {on: none, id: a, method: send, expect: {error: $any, message: "missing scope: operator.write"}}
  - connect: {as: reader, device: laptop, scopes: [operator.read]}
  - call: {on: reader, id: b, method: send, expect: {error: $any, message: {$matches: "missing scope"}}}
  - call: {on: reader, id: c, method: status}
  - event: {on: reader, event: device.pair.requested, within: 1ms, expect: silence}
  - connect: {as: node, device: machine, persona: node-host}
  - call: {on: node, id: d, method: send, expect: {error: INVALID_REQUEST, message: "unauthorized role: node"}}
  - connect: {as: late, device: laptop, expect: {closed: 1008, reason: "pairing required", details: {code: PAIRING_REQUIRED, reason: x}}}
"#;

fn report(exceptions: &str) -> SurfaceReport {
    let surface = read(&[GROUPS, ELSEWHERE]).unwrap();
    let release = "2026.3.31".parse().unwrap();
    let asked = asked(&[scenario(STORY)], &release);
    compare("2026.3.31", surface, &asked, &release, &Exceptions::read(exceptions).unwrap())
}

fn open(report: &SurfaceReport, table: &str) -> Vec<String> {
    let table = report.tables.iter().find(|one| one.table == table).unwrap();
    table.open().map(|one| format!("{} {}", one.name, one.question)).collect()
}

#[test]
fn role_scopes_and_expectation_tell_what_is_asked() {
    let report = report("[]");
    let open_methods = open(&report, "methods");
    let of_send: Vec<&String> = open_methods.iter().filter(|one| one.starts_with("send ")).collect();
    assert_eq!(of_send, ["send with the least scope"]);
    let of_status: Vec<&String> = open_methods.iter().filter(|one| one.starts_with("status ")).collect();
    assert_eq!(of_status, ["status without scopes", "status with other scopes", "status as a node"]);
    let expected = ["device.pair.requested is heard", "health is heard", "tick is heard"];
    assert_eq!(open(&report, "events"), expected);
    assert_eq!(open(&report, "clients"), ["test id"]);
    assert_eq!(open(&report, "closes"), ["4001 gone: … happens"]);
    assert_eq!(open(&report, "details"), ["AUTH_REQUIRED happens"]);
    assert_eq!(open(&report, "errors"), Vec::<String>::new());
}

#[test]
fn a_scenario_about_other_releases_asks_nothing() {
    let text = STORY.replace("devices:", "requires: {releases: \">=2026.9.1\"}\ndevices:");
    let release = "2026.3.31".parse().unwrap();
    assert!(asked(&[scenario(&text)], &release).method("send", "operator.write").is_empty());
}

#[test]
fn a_question_that_is_not_asked_may_have_a_reason_or_other_scenarios() {
    let exceptions = "
- {table: methods, names: [status], questions: [as a node], reason: nobody minds}
- {table: methods, names: ['status'], releases: '>=2026.9.1', reason: not here}
- {table: limits, names: ['HANDSHAKE_*'], scenarios: [a/b]}
- {table: clients, names: [test], scenarios: [a/missing]}
";
    let report = report(exceptions);
    let open_methods = open(&report, "methods");
    assert!(!open_methods.iter().any(|one| one == "status as a node"));
    assert!(open_methods.iter().any(|one| one == "status without scopes"));
    assert_eq!(open(&report, "limits"), Vec::<String>::new());
    assert_eq!(open(&report, "clients"), ["test id"], "a scenario that is not there asks nothing");
}

#[test]
fn an_exception_needs_a_reason() {
    let error = Exceptions::read("[{table: methods, names: [a], reason: ' '}]").unwrap_err();
    assert!(matches!(error, ExceptionError::NoReason(_)));
    assert!(matches!(Exceptions::read("[{tables: methods}]"), Err(ExceptionError::Shape(_))));
    assert!(Exceptions::read(BUILT_IN).is_ok());
}
