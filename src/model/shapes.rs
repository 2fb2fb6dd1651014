//! The schemas of the frames and parameters that the model reads.

use super::rulebook::Rule;
use super::rules::Rules;
use super::schema::{Field, Schema, may, needs};

use Schema::{Any, Flag, Is, List, Map, Object, OneOf, Short, Text, Whole};

const NAME: Schema = Text(1);
const NAMES: Schema = List(&NAME);

/// A request: the only frames that clients may send.
pub(super) const REQUEST: Schema =
    Object(&[needs("type", Is("req")), needs("id", NAME), needs("method", NAME), may("params", Any)]);

/// Nothing.
pub(super) const EMPTY: Schema = Object(&[]);
/// A pending request's id.
pub(super) const REQUEST_ID: Schema = Object(&[needs("requestId", NAME)]);
/// A device.
pub(super) const DEVICE_ID: Schema = Object(&[needs("deviceId", NAME)]);
/// A node.
pub(super) const NODE_ID: Schema = Object(&[needs("nodeId", NAME)]);
/// A device's role.
pub(super) const DEVICE_ROLE: Schema = Object(&[needs("deviceId", NAME), needs("role", NAME)]);
/// A device's role and the scopes that its token gets.
pub(super) const DEVICE_ROLE_SCOPES: Schema =
    Object(&[needs("deviceId", NAME), needs("role", NAME), may("scopes", NAMES)]);

const OLD_IDS: &[&str] = &[
    "webchat-ui",
    "openclaw-control-ui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-ios",
    "openclaw-android",
    "node-host",
    "test",
    "fingerprint",
    "openclaw-probe",
];
const TUI_IDS: &[&str] = &[
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-ios",
    "openclaw-android",
    "node-host",
    "test",
    "fingerprint",
    "openclaw-probe",
];
const NEW_IDS: &[&str] = &[
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-browser-copilot",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-linux",
    "openclaw-ios",
    "openclaw-watchos",
    "openclaw-android",
    "node-host",
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];
const MODES: &[&str] = &["webchat", "cli", "ui", "backend", "node", "probe", "test"];
const NEW_MODES: &[&str] = &["webchat", "cli", "ui", "backend", "node", "worker", "probe", "test"];

const fn client(ids: &'static [&'static str]) -> [Field; 8] {
    [
        needs("id", OneOf(ids)),
        may("displayName", NAME),
        needs("version", NAME),
        needs("platform", NAME),
        may("deviceFamily", NAME),
        may("modelIdentifier", NAME),
        needs("mode", OneOf(MODES)),
        may("instanceId", NAME),
    ]
}

const OLD_CLIENT: &[Field] = &client(OLD_IDS);
const TUI_CLIENT: &[Field] = &client(TUI_IDS);
const NEW_CLIENT: &[Field] = &[
    needs("id", OneOf(NEW_IDS)),
    may("displayName", NAME),
    needs("version", NAME),
    may("buildId", Short(96)),
    needs("platform", NAME),
    may("deviceFamily", NAME),
    may("modelIdentifier", NAME),
    may("timeZone", Short(64)),
    needs("mode", OneOf(NEW_MODES)),
    may("instanceId", NAME),
];

const DEVICE: Schema = Object(&[
    needs("id", NAME),
    needs("publicKey", NAME),
    needs("signature", NAME),
    needs("signedAt", Whole(0)),
    needs("nonce", NAME),
]);

const AUTH_3_2: Schema =
    Object(&[may("token", Text(0)), may("deviceToken", Text(0)), may("password", Text(0))]);
const AUTH_3_13: Schema = Object(&[
    may("token", Text(0)),
    may("bootstrapToken", Text(0)),
    may("deviceToken", Text(0)),
    may("password", Text(0)),
]);
const AUTH_5_18: Schema = Object(&[
    may("token", Text(0)),
    may("bootstrapToken", Text(0)),
    may("deviceToken", Text(0)),
    may("password", Text(0)),
    may("approvalRuntimeToken", Text(0)),
]);
const AUTH_7_1: Schema = Object(&[
    may("token", Text(0)),
    may("bootstrapToken", Text(0)),
    may("deviceToken", Text(0)),
    may("password", Text(0)),
    may("approvalRuntimeToken", Text(0)),
    may("agentRuntimeIdentityToken", Text(0)),
]);

const fn connect(client: &'static [Field], auth: Schema) -> [Field; 13] {
    [
        needs("minProtocol", Whole(1)),
        needs("maxProtocol", Whole(1)),
        needs("client", Object(client)),
        may("caps", NAMES),
        may("commands", NAMES),
        may("permissions", Map(&Flag)),
        may("pathEnv", Text(0)),
        may("role", NAME),
        may("scopes", NAMES),
        may("device", DEVICE),
        may("auth", auth),
        may("locale", Text(0)),
        may("userAgent", Text(0)),
    ]
}

const CONNECT_3_2: &[Field] = &connect(OLD_CLIENT, AUTH_3_2);
const CONNECT_3_13: &[Field] = &connect(OLD_CLIENT, AUTH_3_13);
const CONNECT_3_28: &[Field] = &connect(TUI_CLIENT, AUTH_3_13);
const CONNECT_5_18: &[Field] = &connect(TUI_CLIENT, AUTH_5_18);
const CONNECT_7_1: &[Field] = &connect(TUI_CLIENT, AUTH_7_1);
const CONNECT_8_1: &[Field] = &[
    needs("minProtocol", Whole(1)),
    needs("maxProtocol", Whole(1)),
    needs("client", Object(NEW_CLIENT)),
    may("caps", NAMES),
    may("commands", NAMES),
    may("computerUse", Any),
    may("workerRuns", Any),
    may("permissions", Map(&Flag)),
    may("pathEnv", Text(0)),
    may("role", NAME),
    may("scopes", NAMES),
    may("device", DEVICE),
    may("auth", AUTH_7_1),
    may("locale", Text(0)),
    may("userAgent", Text(0)),
];

/// The parameters of `connect` in the release.
pub(super) fn connect_params(rules: &Rules) -> Schema {
    let fields = if rules.has(Rule::NewerClients) {
        CONNECT_8_1
    } else if rules.has(Rule::AgentRuntimeTokens) {
        CONNECT_7_1
    } else if rules.has(Rule::ApprovalRuntimeTokens) {
        CONNECT_5_18
    } else if rules.has(Rule::TerminalUi) {
        CONNECT_3_28
    } else if rules.has(Rule::BootstrapTokens) {
        CONNECT_3_13
    } else {
        CONNECT_3_2
    };
    Object(fields)
}
