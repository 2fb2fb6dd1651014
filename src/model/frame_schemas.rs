//! The schemas of the frames and parameters that the model reads.

use super::rulebook::Rule;
use super::rules::Rules;
use super::schema::{Field, Schema, optional, required};

use Schema::{Any, Flag, Is, List, Map, Object, OneOf, Short, Text, Whole};

const NAME: Schema = Text(1);
const NAMES: Schema = List(&NAME);

/// A request, the only kind of frame that clients may send.
pub(super) const REQUEST: Schema = Object(&[
    required("type", Is("req")),
    required("id", NAME),
    required("method", NAME),
    optional("params", Any),
]);

/// No parameters.
pub(super) const EMPTY: Schema = Object(&[]);
/// The id of a pending request.
pub(super) const REQUEST_ID: Schema = Object(&[required("requestId", NAME)]);
/// The id of a device.
pub(super) const DEVICE_ID: Schema = Object(&[required("deviceId", NAME)]);
/// The id of a node.
pub(super) const NODE_ID: Schema = Object(&[required("nodeId", NAME)]);
/// A device and one of its roles.
pub(super) const DEVICE_ROLE: Schema = Object(&[required("deviceId", NAME), required("role", NAME)]);
/// A device, one of its roles, and the scopes that its token gets.
pub(super) const DEVICE_ROLE_SCOPES: Schema =
    Object(&[required("deviceId", NAME), required("role", NAME), optional("scopes", NAMES)]);

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
        required("id", OneOf(ids)),
        optional("displayName", NAME),
        required("version", NAME),
        required("platform", NAME),
        optional("deviceFamily", NAME),
        optional("modelIdentifier", NAME),
        required("mode", OneOf(MODES)),
        optional("instanceId", NAME),
    ]
}

const OLD_CLIENT: &[Field] = &client(OLD_IDS);
const TUI_CLIENT: &[Field] = &client(TUI_IDS);
const NEW_CLIENT: &[Field] = &[
    required("id", OneOf(NEW_IDS)),
    optional("displayName", NAME),
    required("version", NAME),
    optional("buildId", Short(96)),
    required("platform", NAME),
    optional("deviceFamily", NAME),
    optional("modelIdentifier", NAME),
    optional("timeZone", Short(64)),
    required("mode", OneOf(NEW_MODES)),
    optional("instanceId", NAME),
];

const DEVICE: Schema = Object(&[
    required("id", NAME),
    required("publicKey", NAME),
    required("signature", NAME),
    required("signedAt", Whole(0)),
    required("nonce", NAME),
]);

const AUTH_3_2: Schema =
    Object(&[optional("token", Text(0)), optional("deviceToken", Text(0)), optional("password", Text(0))]);
const AUTH_3_13: Schema = Object(&[
    optional("token", Text(0)),
    optional("bootstrapToken", Text(0)),
    optional("deviceToken", Text(0)),
    optional("password", Text(0)),
]);
const AUTH_5_18: Schema = Object(&[
    optional("token", Text(0)),
    optional("bootstrapToken", Text(0)),
    optional("deviceToken", Text(0)),
    optional("password", Text(0)),
    optional("approvalRuntimeToken", Text(0)),
]);
const AUTH_7_1: Schema = Object(&[
    optional("token", Text(0)),
    optional("bootstrapToken", Text(0)),
    optional("deviceToken", Text(0)),
    optional("password", Text(0)),
    optional("approvalRuntimeToken", Text(0)),
    optional("agentRuntimeIdentityToken", Text(0)),
]);

const fn connect(client: &'static [Field], auth: Schema) -> [Field; 13] {
    [
        required("minProtocol", Whole(1)),
        required("maxProtocol", Whole(1)),
        required("client", Object(client)),
        optional("caps", NAMES),
        optional("commands", NAMES),
        optional("permissions", Map(&Flag)),
        optional("pathEnv", Text(0)),
        optional("role", NAME),
        optional("scopes", NAMES),
        optional("device", DEVICE),
        optional("auth", auth),
        optional("locale", Text(0)),
        optional("userAgent", Text(0)),
    ]
}

const CONNECT_3_2: &[Field] = &connect(OLD_CLIENT, AUTH_3_2);
const CONNECT_3_13: &[Field] = &connect(OLD_CLIENT, AUTH_3_13);
const CONNECT_3_28: &[Field] = &connect(TUI_CLIENT, AUTH_3_13);
const CONNECT_5_18: &[Field] = &connect(TUI_CLIENT, AUTH_5_18);
const CONNECT_7_1: &[Field] = &connect(TUI_CLIENT, AUTH_7_1);
const CONNECT_8_1: &[Field] = &[
    required("minProtocol", Whole(1)),
    required("maxProtocol", Whole(1)),
    required("client", Object(NEW_CLIENT)),
    optional("caps", NAMES),
    optional("commands", NAMES),
    optional("computerUse", Any),
    optional("workerRuns", Any),
    optional("permissions", Map(&Flag)),
    optional("pathEnv", Text(0)),
    optional("role", NAME),
    optional("scopes", NAMES),
    optional("device", DEVICE),
    optional("auth", AUTH_7_1),
    optional("locale", Text(0)),
    optional("userAgent", Text(0)),
];

/// The schema of the parameters of `connect` in a release.
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
