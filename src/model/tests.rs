//! Compares the model with what was measured on real releases.

#![expect(clippy::needless_pass_by_value, reason = "calls read better with their JSON in place")]

use rstest::rstest;
use serde_json::{Value, json};

use super::driver::{ConnectOutcome, Driver, TestClient, cli, node};
use super::{GatewayState, Peer};

const FOUNDING: [&str; 8] =
    ["2026.3.24", "2026.3.28", "2026.3.31", "2026.4.1", "2026.4.2", "2026.5.2", "2026.5.28", "2026.9.6"];

fn seeded(client: &TestClient, tokens: Value) -> GatewayState {
    let key = client.key.as_ref().unwrap();
    let record = json!({
        "deviceId": key.id(), "publicKey": key.public_key(), "platform": "linux",
        "clientId": "cli", "clientMode": "cli", "role": "operator", "roles": ["operator", "node"],
        "scopes": ["operator.read"], "approvedScopes": ["operator.read"], "tokens": tokens,
        "createdAtMs": 1, "approvedAtMs": 1
    });
    GatewayState::from_files([("devices/paired.json", &json!({key.id(): record}))])
}

fn operator_then_node(release: &str) -> String {
    let mut driver = Driver::new(release);
    assert_eq!(driver.connect(&cli("a")).word(), "ok");
    driver.connect(&node("a")).word()
}

fn seeded_then(release: &str, tokens: Value, client: &TestClient) -> String {
    let mut driver = Driver::with(release, None, seeded(client, tokens), json!({}));
    driver.connect(client).word()
}

fn revoked_node(release: &str, with_old_token: bool) -> String {
    let client = node("n");
    let mut driver = Driver::new(release);
    driver.connect(&client).hello();
    let admin = cli("boss").scopes(&["operator.admin", "operator.pairing"]);
    let (conn, _) = {
        let hello = driver.connect(&admin);
        let (conn, payload) = hello.hello();
        (conn, payload.clone())
    };
    let old =
        driver.gateway.state().paired[&client.device_id()].tokens.as_ref().unwrap()["node"].token.clone();
    driver
        .call(conn, "device.token.revoke", json!({"deviceId": client.device_id(), "role": "node"}))
        .unwrap();
    let client = if with_old_token { client.auth(json!({"deviceToken": old})) } else { client };
    driver.connect(&client).word()
}

fn remote_upgrade(release: &str) -> String {
    let mut driver = Driver::new(release);
    driver.connect(&cli("a")).hello();
    driver.connect(&node("a").behind("x-forwarded-for", "203.0.113.9")).word()
}

fn on_each_release(measure: impl Fn(&str) -> String) -> Vec<String> {
    FOUNDING.iter().map(|release| measure(release)).collect()
}

const R: &str = "role-upgrade";
const T: &str = "AUTH_DEVICE_TOKEN_MISMATCH";

#[test]
fn founding_case_fresh_operator() {
    assert_eq!(on_each_release(|release| Driver::new(release).connect(&cli("a")).word()), ["ok"; 8]);
}

#[test]
fn founding_case_same_device_as_node() {
    assert_eq!(on_each_release(operator_then_node), [R, R, R, R, "ok", "ok", R, R]);
}

#[test]
fn founding_case_empty_token_map_as_operator() {
    let measure = |release: &str| seeded_then(release, json!({}), &cli("a"));
    assert_eq!(on_each_release(measure), ["ok", "ok", R, R, "ok", "ok", "ok", "ok"]);
}

#[test]
fn founding_case_empty_token_map_as_node() {
    let measure = |release: &str| seeded_then(release, json!({}), &node("a"));
    assert_eq!(on_each_release(measure), ["ok", "ok", R, R, "ok", "ok", R, R]);
}

#[test]
fn founding_case_operator_token_only_as_node() {
    let tokens = json!({"operator": {"token": "t", "role": "operator", "scopes": ["operator.read"]}});
    let measure = |release: &str| seeded_then(release, tokens.clone(), &node("a"));
    assert_eq!(on_each_release(measure), ["ok", "ok", R, R, "ok", "ok", R, R]);
}

#[test]
fn founding_case_revoked_node_with_the_shared_token() {
    assert_eq!(on_each_release(|release| revoked_node(release, false)), ["ok", "ok", R, R, "ok", "ok", R, R]);
}

#[test]
fn founding_case_revoked_node_with_its_old_token() {
    assert_eq!(on_each_release(|release| revoked_node(release, true)), [T; 8]);
}

#[test]
fn founding_case_remote_role_upgrade() {
    assert_eq!(on_each_release(remote_upgrade), [R, R, R, R, R, R, R, "http 403"]);
}

#[rstest]
#[case("2026.3.24", "ok")]
#[case("2026.3.28", "scope-upgrade")]
#[case("2026.7.35", "scope-upgrade")]
#[case("2026.8.1", "ok")]
fn a_second_connect_asks_for_more_scopes(#[case] release: &str, #[case] word: &str) {
    let mut driver = Driver::new(release);
    driver.connect(&cli("a")).hello();
    assert_eq!(driver.connect(&cli("a").scopes(&["operator.admin"])).word(), word);
}

#[rstest]
#[case("2026.4.1", "role-upgrade")]
#[case("2026.4.2", "scope-upgrade")]
#[case("2026.7.1", "scope-upgrade")]
#[case("2026.8.1", "metadata-upgrade")]
#[case("2026.9.6", "metadata-upgrade")]
fn a_node_connects_as_an_operator(#[case] release: &str, #[case] word: &str) {
    let mut driver = Driver::new(release);
    driver.connect(&node("a")).hello();
    assert_eq!(driver.connect(&cli("a")).word(), word);
}

#[rstest]
#[case("2026.3.2", true)]
#[case("2026.3.13", false)]
#[case("2026.3.28", false)]
#[case("2026.3.31", true)]
fn a_fresh_node_comes_back_with_its_own_token(#[case] release: &str, #[case] works: bool) {
    let mut driver = Driver::new(release);
    let hello = driver.connect(&node("n"));
    assert_eq!(hello.hello().1["auth"]["deviceToken"].is_string(), works);
    let id = node("n").device_id();
    let token = driver.gateway.state().paired[&id].tokens.as_ref().unwrap()["node"].token.clone();
    let back = driver.connect(&node("n").auth(json!({"deviceToken": token})));
    assert_eq!(back.word(), if works { "ok" } else { T });
}

#[rstest]
#[case("2026.3.31", (3, 3), "cli", "ok")]
#[case("2026.5.7", (3, 3), "cli", "ok")]
#[case("2026.5.12", (3, 3), "cli", "protocol mismatch")]
#[case("2026.5.12", (3, 4), "cli", "ok")]
#[case("2026.9.6", (4, 5), "cli", "ok")]
#[case("2026.9.6", (5, 6), "cli", "PROTOCOL_MISMATCH")]
#[case("2026.6.11", (3, 3), "probe", "PROTOCOL_MISMATCH")]
#[case("2026.7.1", (3, 3), "probe", "ok")]
#[case("2026.7.1", (3, 3), "node", "ok")]
fn the_protocol_ranges_have_to_overlap(
    #[case] release: &str,
    #[case] window: (u32, u32),
    #[case] mode: &'static str,
    #[case] word: &str,
) {
    let client = if mode == "node" { node("a") } else { TestClient { mode, ..cli("a") } };
    let outcome = Driver::new(release).connect(&TestClient { window, ..client });
    assert_eq!(outcome.word(), word);
    if let ConnectOutcome::Refused { code, reason, .. } = outcome {
        assert_eq!((code, reason.as_str()), (1002, "protocol mismatch"));
    }
}

fn page(name: &str) -> TestClient {
    let origin = [("host", "127.0.0.1:18789"), ("origin", "http://127.0.0.1:18789")];
    TestClient { id: "openclaw-control-ui", mode: "webchat", peer: Peer::with(origin), ..cli(name) }
}

#[rstest]
#[case("2026.3.31", "ok")]
#[case("2026.5.12", "ok")]
#[case("2026.5.18", "not-paired")]
#[case("2026.5.20", "not-paired")]
#[case("2026.5.22", "ok")]
#[case("2026.7.1", "ok")]
#[case("2026.8.1", "PROTOCOL_MISMATCH")]
fn a_browser_connects_for_the_first_time(#[case] release: &str, #[case] word: &str) {
    assert_eq!(Driver::new(release).connect(&page("p")).word(), word);
}

#[test]
fn a_development_build_is_not_told_to_reload() {
    let client = json!({
        "id": "openclaw-control-ui", "mode": "webchat", "version": "1", "platform": "linux", "buildId": "dev"
    });
    assert_eq!(Driver::new("2026.9.6").connect(&page("p").raw(json!({"client": client}))).word(), "ok");
}

#[rstest]
#[case("2026.3.2", "cli", "cli", true)]
#[case("2026.3.13", "cli", "cli", false)]
#[case("2026.6.11", "cli", "cli", false)]
#[case("2026.7.1", "cli", "cli", true)]
#[case("2026.9.6", "cli", "probe", false)]
#[case("2026.4.20", "gateway-client", "backend", true)]
fn a_client_without_a_device_keeps_its_scopes(
    #[case] release: &str,
    #[case] id: &'static str,
    #[case] mode: &'static str,
    #[case] keeps: bool,
) {
    let mut driver = Driver::new(release);
    let hello = driver.connect(&TestClient { id, mode, ..cli("a") }.without_device());
    let answer = driver.call(hello.hello().0, "status", json!({}));
    assert_eq!(answer.err().as_deref(), (!keeps).then_some("missing scope: operator.read"));
}

#[rstest]
#[case(json!({}), "AUTH_TOKEN_MISSING", "unauthorized: gateway token missing (set gateway.remote.token to match gateway.auth.token)")]
#[case(json!({"token": "wrong"}), "AUTH_TOKEN_MISMATCH", "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)")]
#[case(json!({"deviceToken": "wrong"}), "AUTH_DEVICE_TOKEN_MISMATCH", "unauthorized: device token mismatch (rotate/reissue device token)")]
#[case(json!({"bootstrapToken": "x"}), "AUTH_BOOTSTRAP_TOKEN_INVALID", "unauthorized: bootstrap token invalid or expired (scan a fresh setup code)")]
fn a_refusal_of_credentials_says_why(#[case] auth: Value, #[case] code: &str, #[case] message: &str) {
    let ConnectOutcome::Refused { error, code: close, reason } =
        Driver::new("2026.3.31").connect(&cli("a").auth(auth))
    else {
        panic!("a refusal")
    };
    assert_eq!(error["code"], "INVALID_REQUEST");
    assert_eq!((error["details"]["code"].as_str(), error["message"].as_str()), (Some(code), Some(message)));
    assert_eq!((close, reason.as_str()), (1008, message.get(..120).unwrap_or(message)));
}

#[rstest]
#[case(json!({"id": "x"}), "device-id-mismatch")]
#[case(json!({"nonce": " "}), "device-nonce-missing")]
#[case(json!({"nonce": "other"}), "device-nonce-mismatch")]
#[case(json!({"signature": "AAAA"}), "device-signature")]
#[case(json!({"signedAt": 5}), "device-signature-stale")]
fn a_refusal_of_a_proof_says_why(#[case] proof: Value, #[case] reason: &str) {
    assert_eq!(Driver::new("2026.3.31").connect(&cli("a").proof(proof)).word(), reason);
}

#[rstest]
#[case(119_000, "ok")]
#[case(-119_000, "ok")]
#[case(121_000, "device-signature-stale")]
#[case(-121_000, "device-signature-stale")]
fn the_clock_of_a_device_may_be_two_minutes_off(#[case] ahead: i64, #[case] word: &str) {
    assert_eq!(Driver::new("2026.3.31").connect(&TestClient { ahead, ..cli("a") }).word(), word);
}

#[rstest]
#[case("not json", 1000, "")]
#[case("[]", 1008, "invalid request frame")]
#[case(r#"{"type":"connect"}"#, 1008, "invalid request frame")]
fn a_malformed_first_frame_closes_the_connection(
    #[case] text: &str,
    #[case] code: u16,
    #[case] reason: &str,
) {
    let closed = ConnectOutcome::Closed { code, reason: reason.to_owned() };
    assert_eq!(Driver::new("2026.3.31").first(text), closed);
}

#[test]
fn the_first_request_must_be_connect() {
    let outcome = Driver::new("2026.3.31").first(r#"{"type":"req","id":"1","method":"status"}"#);
    assert_eq!(outcome.word(), "invalid handshake: first request must be connect");
}

#[rstest]
#[case("2026.3.2", 1000)]
#[case("2026.3.13", 1009)]
fn a_first_frame_above_64_kib_closes_the_connection(#[case] release: &str, #[case] code: u16) {
    let outcome = Driver::new(release).first(&"x".repeat(1 << 20));
    assert_eq!(outcome, ConnectOutcome::Closed { code, reason: String::new() });
}

#[test]
fn unknown_keys_and_clients_are_refused() {
    let mut driver = Driver::new("2026.3.31");
    let word = driver.connect(&cli("a").raw(json!({"zzz": 1}))).word();
    assert_eq!(word, "invalid connect params: at root: unexpected property 'zzz'");
    let word = driver.connect(&TestClient { id: "openclaw-mobile", ..cli("a") }).word();
    assert!(word.contains("at /client/id: must be equal to constant"), "{word}");
}

#[rstest]
#[case("2026.4.15", "pairing required", "pairing required")]
#[case(
    "2026.4.20",
    "pairing required: device is not approved yet",
    "pairing required: device is not approved yet (requestId: "
)]
fn a_pairing_refusal_names_its_request(#[case] release: &str, #[case] message: &str, #[case] close: &str) {
    let mut driver = Driver::new(release);
    let stranger = cli("a").behind("x-forwarded-for", "203.0.113.9");
    let ConnectOutcome::Refused { error, code, reason } = driver.connect(&stranger) else {
        panic!("a refusal")
    };
    assert_eq!((error["code"].as_str(), error["message"].as_str()), (Some("NOT_PAIRED"), Some(message)));
    assert_eq!(error["details"]["code"], "PAIRING_REQUIRED");
    assert_eq!(code, 1008);
    assert!(reason.starts_with(close), "{reason}");
    let id = error["details"]["requestId"].as_str().unwrap();
    assert_eq!(driver.gateway.state().pending[id].device_id, stranger.device_id());
}

#[test]
fn an_approved_remote_device_is_let_in_and_announced() {
    let mut driver = Driver::new("2026.3.31");
    let stranger = cli("far").behind("x-forwarded-for", "203.0.113.9");
    let admin = driver.connect(&cli("boss").scopes(&["operator.admin", "operator.pairing"]));
    let admin = admin.hello().0;
    let ConnectOutcome::Refused { error, .. } = driver.connect(&stranger) else { panic!("a refusal") };
    let said = format!("{:?}", driver.said);
    assert!(said.contains("device.pair.requested"));
    let id = error["details"]["requestId"].clone();
    driver.call(admin, "device.pair.approve", json!({"requestId": id})).unwrap();
    assert!(format!("{:?}", driver.said).contains("device.pair.resolved"));
    assert_eq!(driver.connect(&stranger).word(), "ok");
    assert_eq!(
        driver.call(admin, "device.pair.approve", json!({"requestId": id})),
        Err("unknown requestId".into())
    );
}

#[test]
fn a_connection_without_a_connect_is_closed_after_the_handshake_timeout() {
    let mut driver = Driver::new("2026.3.31");
    let (conn, _) = driver.open(Peer::loopback()).unwrap();
    assert_eq!(driver.wait(9_999), []);
    let closed = super::Effect::Close { conn, code: 1000, reason: String::new() };
    assert_eq!(driver.wait(1), [closed]);
}

#[test]
fn pairing_survives_a_restart_and_an_upgrade() {
    let mut driver = Driver::new("2026.3.31");
    let token = driver.connect(&cli("a")).hello().1["auth"]["deviceToken"].clone();
    driver.restart();
    let client = cli("a").auth(json!({"deviceToken": token}));
    assert_eq!(driver.connect(&client).word(), "ok");
    driver.gateway.restart(super::Profile::newest(), None, driver.now);
    assert_eq!(driver.connect(&client).word(), "ok");
}

#[test]
fn a_removed_device_is_disconnected() {
    let mut driver = Driver::new("2026.3.31");
    let (conn, id) = (driver.connect(&cli("a")).hello().0, cli("a").device_id());
    let admin = driver.connect(&cli("boss").scopes(&["operator.admin"])).hello().0;
    driver.call(admin, "device.pair.remove", json!({"deviceId": id})).unwrap();
    let closed = super::Effect::Close { conn, code: 4001, reason: "device removed".into() };
    assert!(driver.said.contains(&closed));
}

#[test]
fn the_list_of_devices_has_no_tokens() {
    let mut driver = Driver::new("2026.3.31");
    let admin = driver.connect(&cli("boss").scopes(&["operator.admin"])).hello().0;
    let list = driver.call(admin, "device.pair.list", json!({})).unwrap();
    let token =
        &driver.gateway.state().paired[&cli("boss").device_id()].tokens.as_ref().unwrap()["operator"].token;
    assert_eq!(list["paired"][0]["tokens"][0]["role"], "operator");
    assert!(!list.to_string().contains(token.as_str()));
}
