//! Properties that hold for any input and any release, and a check that each planted fault changes something. The laws of
//! `suite-data/laws.yaml` are those that `gatecrash explore --laws` holds every target to.

use std::collections::HashMap;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::driver::{ConnectOutcome, Driver, TOKEN, TestClient, cli, node};
use super::{Effect, Fault, GatewayState, HISTORY, MUTANTS, NEWEST, Peer};
use crate::laws::{
    BUILT_IN, Ending, LawBook, LawName, Origin, Shown, StoredRecord, TokenOf, TraceConnect, TraceEvent,
    breaches,
};
use crate::release::Release;
use crate::wire::SignedFields;

const ALL: &[&str] =
    &["operator.admin", "operator.approvals", "operator.pairing", "operator.read", "operator.write"];

fn seeded() -> GatewayState {
    let records: serde_json::Map<String, Value> = [("legacy", json!({})), ("narrow", json!({"operator": {
        "token": "narrow-token", "role": "operator", "scopes": ["operator.read"]
    }}))]
    .into_iter()
    .map(|(name, tokens)| {
        let key = cli(name).key.unwrap();
        let record = json!({
            "deviceId": key.id(), "publicKey": key.public_key(), "platform": "linux", "roles": ["operator", "node"],
            "scopes": ["operator.read", "operator.write"], "approvedScopes": ["operator.read", "operator.write"],
            "tokens": tokens
        });
        (key.id(), record)
    })
    .collect();
    GatewayState::from_files([("devices/paired.json", &Value::Object(records))])
}

type Chapter = fn(&str, Option<Fault>) -> Vec<Effect>;

const CHAPTERS: [Chapter; 7] = [credentials, frames, proofs, devices, methods, lifecycle, remote];

/// Everything that a gateway sends in a chapter, with ids and tokens replaced by numbers in the order in which they
/// appear.
fn transcript(chapter: Chapter, release: &str, fault: Option<Fault>) -> String {
    numbered(&chapter(release, fault))
}

fn numbered(said: &[Effect]) -> String {
    let text = format!("{said:?}");
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut numbered = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        // Ids are as long as a UUID, tokens as long as 32 bytes in base64.
        if matches!(word.len(), 36 | 43) {
            let next = seen.len();
            numbered.push('#');
            numbered.push_str(&seen.entry(word).or_insert(next).to_string());
            numbered.push_str(&piece[word.len()..]);
        } else {
            numbered.push_str(piece);
        }
    }
    numbered
}

fn start(release: &str, fault: Option<Fault>, gateway: Value) -> Driver {
    Driver::with(release, fault, seeded(), gateway)
}

fn far(name: &str) -> TestClient {
    cli(name).behind("x-forwarded-for", "203.0.113.9")
}

fn devices(release: &str, fault: Option<Fault>) -> Vec<Effect> {
    let mut driver = start(release, fault, json!({}));
    driver.connect(&cli("a"));
    driver.connect(&cli("a"));
    driver.connect(&node("a"));
    driver.connect(&cli("a").scopes(&["operator.write"]).auth(json!({"deviceToken": "no"})));
    driver.connect(&TestClient { platform: "darwin", ..cli("a") });
    driver.connect(&TestClient { family: Some("Linux"), ..cli("family") });
    driver.connect(&TestClient { family: Some("Mac"), ..cli("family") });
    driver.connect(&node("legacy"));
    driver.connect(&cli("narrow").auth(json!({"deviceToken": "narrow-token"})).scopes(&["operator.write"]));
    driver.connect(&cli("narrow").auth(json!({"deviceToken": "narrow-token"})));
    driver.connect(&node("narrow").auth(json!({"deviceToken": "narrow-token"})));
    driver.connect(&cli("ghost").raw(json!({"role": "ghost"})));
    driver.connect(&TestClient { mode: "probe", ..cli("probe") }.without_device());
    driver.connect(&node("bare").without_device());
    for window in [(3, 3), (5, 6), (4, 4)] {
        driver.connect(&TestClient { window, ..cli("window") });
    }
    driver.said
}

fn proofs(release: &str, fault: Option<Fault>) -> Vec<Effect> {
    let mut driver = start(release, fault, json!({}));
    let id = cli("p").device_id();
    for proof in [
        json!({"id": "x"}),
        json!({"id": id.to_uppercase()}),
        json!({"nonce": " "}),
        json!({"nonce": "other"}),
        json!({"signature": "AAAA"}),
    ] {
        driver.connect(&cli("p").proof(proof));
    }
    for ahead in [-130_000, 130_000, -100_000_000, 100_000_000] {
        driver.connect(&TestClient { ahead, ..cli("p") });
    }
    driver.connect(&TestClient { layout: |fields| fields.v2(), ..cli("p") });
    driver.connect(&TestClient { platform: "Linux", ..cli("p") });
    let no_token = |fields: SignedFields| SignedFields { token: String::new(), ..fields }.v3();
    driver.connect(&TestClient { layout: no_token, ..cli("p") });
    driver.said
}

fn frames(release: &str, fault: Option<Fault>) -> Vec<Effect> {
    let mut driver = start(release, fault, json!({}));
    driver.first("noise");
    driver.first("[]");
    driver.first(r#"{"type":"req","id":"1","method":"status"}"#);
    driver.first(&"x".repeat(70_000));
    driver.connect(&cli("f").raw(json!({"zzz": 1})));
    driver.connect(&TestClient { id: "somebody", ..cli("f") });
    driver.open(Peer::loopback()).unwrap();
    driver.wait(20_000);
    driver.connect(&far("f"));
    driver.connect(&cli("f").behind("x-real-ip", "203.0.113.9"));
    let ui = |origin: Option<&str>| {
        let headers = [("host", "127.0.0.1:1")].into_iter().chain(origin.map(|origin| ("origin", origin)));
        TestClient { id: "openclaw-control-ui", mode: "webchat", peer: Peer::with(headers), ..cli("ui") }
    };
    driver.connect(&ui(None));
    driver.connect(&ui(Some("https://evil.example")));
    driver.connect(&ui(Some("http://localhost:1")));
    driver.said
}

/// The id of the request that a refusal names.
fn request_of(outcome: &ConnectOutcome) -> Value {
    match outcome {
        ConnectOutcome::Refused { error, .. } => error["details"]["requestId"].clone(),
        _ => json!("none"),
    }
}

fn conn(outcome: &ConnectOutcome) -> u64 {
    match outcome {
        ConnectOutcome::Hello { conn, .. } => *conn,
        _ => 0,
    }
}

fn remote(release: &str, fault: Option<Fault>) -> Vec<Effect> {
    let mut driver = start(release, fault, json!({"trustedProxies": ["127.0.0.1"]}));
    let boss = driver.connect(&cli("boss").scopes(ALL));
    let reader = driver.connect(&cli("reader"));
    let helper = driver.connect(&cli("helper").scopes(&["operator.pairing"]));
    let (boss, reader, helper) = (conn(&boss), conn(&reader), conn(&helper));
    let first = request_of(&driver.connect(&far("far").scopes(&["operator.read"])));
    let second = request_of(&driver.connect(&far("far").scopes(&["operator.admin"])));
    let approve = |driver: &mut Driver, by: u64, id: &Value| {
        let _ = driver.call(by, "device.pair.approve", json!({"requestId": id}));
    };
    let list = |driver: &mut Driver, by: u64| {
        let _ = driver.call(by, "device.pair.list", json!({}));
    };
    list(&mut driver, reader);
    list(&mut driver, boss);
    approve(&mut driver, helper, &second);
    approve(&mut driver, boss, &first);
    approve(&mut driver, boss, &second);
    driver.connect(&far("far").scopes(&["operator.admin"]));
    driver.connect(&TestClient { id: "node-host", mode: "node", role: "node", scopes: vec![], ..far("far") });
    driver.connect(&far("legacy"));
    driver.connect(&far("narrow").scopes(ALL));
    let third = request_of(&driver.connect(&far("rejected")));
    let _ = driver.call(boss, "device.pair.reject", json!({"requestId": third}));
    approve(&mut driver, boss, &third);
    driver.connect(&far("late"));
    driver.wait(301_000);
    list(&mut driver, boss);
    driver.connect(&far("late"));
    driver.restart();
    let boss = conn(&driver.connect(&cli("boss").scopes(ALL)));
    list(&mut driver, boss);
    driver.said
}

fn credentials(release: &str, fault: Option<Fault>) -> Vec<Effect> {
    let mut driver = start(release, fault, json!({}));
    for auth in [
        json!({}),
        json!({"token": "wrong"}),
        json!({"deviceToken": "wrong"}),
        json!({"bootstrapToken": "wrong"}),
        json!({"token": TOKEN}),
    ] {
        driver.connect(&cli("c").auth(auth));
    }
    let mut said = driver.said;
    let mut driver = start(release, fault, json!({"auth": {"mode": "password", "password": "right"}}));
    driver.connect(&cli("c").auth(json!({"password": "wrong"})));
    driver.connect(&cli("c").auth(json!({"password": "right"})));
    said.extend(driver.said);
    said
}

fn methods(release: &str, fault: Option<Fault>) -> Vec<Effect> {
    let mut driver = start(release, fault, json!({}));
    let boss = conn(&driver.connect(&cli("boss").scopes(ALL)));
    let writer = conn(&driver.connect(&cli("writer").scopes(&["operator.write"])));
    let nobody = conn(&driver.connect(&cli("nobody").scopes(&[])));
    let machine = TestClient { commands: vec!["system.run"], ..node("machine") };
    let machine = conn(&driver.connect(&machine));
    let helper = conn(&driver.connect(&cli("helper").scopes(&["operator.pairing"])));
    for (by, method) in [
        (nobody, "health"),
        (nobody, "status"),
        (nobody, "device.pair.list"),
        (writer, "status"),
        (boss, "device.pair.list"),
        (boss, "no.such.method"),
        (boss, "node.event"),
        (machine, "status"),
    ] {
        let _ = driver.call(by, method, json!({}));
    }
    let pending = driver.gateway.state().pending_nodes.keys().next().cloned().unwrap_or_default();
    let _ = driver.call(helper, "node.pair.approve", json!({"requestId": pending}));
    driver.said
}

fn lifecycle(release: &str, fault: Option<Fault>) -> Vec<Effect> {
    let mut driver = start(release, fault, json!({}));
    let boss = conn(&driver.connect(&cli("boss").scopes(ALL)));
    let own = cli("own").scopes(&["operator.pairing"]);
    driver.connect(&own);
    let id = own.device_id();
    let token = |driver: &Driver, role: &str| {
        let paired = driver.gateway.state().paired.get(&id);
        let tokens = paired.and_then(|device| device.tokens.as_ref());
        tokens.and_then(|tokens| tokens.get(role)).map(|token| token.token.clone()).unwrap_or_default()
    };
    let first = token(&driver, "operator");
    let by_token = |token: &str| cli("own").scopes(&["operator.pairing"]).auth(json!({"deviceToken": token}));
    let session = conn(&driver.connect(&by_token(&first)));
    let _ = driver.call(session, "device.pair.remove", json!({"deviceId": cli("narrow").device_id()}));
    let target = json!({"deviceId": id, "role": "operator"});
    let wide = json!({"deviceId": id, "role": "operator", "scopes": ["operator.admin"]});
    let _ = driver.call(boss, "device.token.rotate", wide);
    let _ = driver.call(boss, "device.token.rotate", target.clone());
    driver.connect(&by_token(&first));
    let second = token(&driver, "operator");
    driver.connect(&by_token(&second));
    let _ = driver.call(boss, "device.token.revoke", target);
    driver.connect(&by_token(&second));
    driver.connect(&node("gone"));
    let gone = node("gone").device_id();
    let _ = driver.call(boss, "device.token.revoke", json!({"deviceId": gone, "role": "node"}));
    driver.connect(&node("gone"));
    driver.connect(&cli("removed"));
    let _ = driver.call(boss, "device.pair.remove", json!({"deviceId": cli("removed").device_id()}));
    let _ = driver.call(boss, "device.pair.list", json!({}));
    driver.restart();
    driver.connect(&cli("boss").scopes(ALL).auth(json!({"deviceToken": "x"})));
    let boss = conn(&driver.connect(&cli("boss").scopes(ALL)));
    let _ = driver.call(boss, "device.pair.list", json!({}));
    driver.said
}

#[test]
fn every_planted_fault_changes_what_the_gateway_sends() {
    let release = NEWEST.to_string();
    let plain = CHAPTERS.map(|chapter| transcript(chapter, &release, None));
    let is_seen = |fault| {
        CHAPTERS
            .iter()
            .zip(&plain)
            .any(|(chapter, plain)| transcript(*chapter, &release, Some(fault)) != *plain)
    };
    let unseen: Vec<&str> =
        MUTANTS.iter().filter(|mutant| !is_seen(mutant.fault)).map(|mutant| mutant.name).collect();
    assert_eq!(unseen, [""; 0]);
}

#[rstest]
fn the_same_input_gives_the_same_output(#[values("2026.3.2", "2026.3.31", "2026.9.6")] release: &str) {
    for chapter in CHAPTERS {
        assert_eq!(transcript(chapter, release, None), transcript(chapter, release, None));
    }
}

fn any_release() -> impl Strategy<Value = String> {
    (0..HISTORY.len()).prop_map(|index| HISTORY[index].since.to_string())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-z]{1,4}",
        prop::sample::select(vec!["type", "id", "method", "params", "client", "auth", "device", "scopes"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_frame_makes_the_model_panic(release in any_release(), text in "\\PC{0,80}", json in any_json()) {
        let mut driver = Driver::new(&release);
        driver.first(&text);
        driver.first(&json.to_string());
        driver.first(&json!({"type": "req", "id": "1", "method": "connect", "params": json}).to_string());
        let conn = conn(&driver.connect(&cli("a").scopes(ALL)));
        driver.frame(conn, &text);
        driver.frame(conn, &json.to_string());
        for method in ["device.pair.approve", "device.token.rotate", "node.pair.approve", "device.pair.list"] {
            let _ = driver.call(conn, method, json.clone());
        }
    }

    #[test]
    fn no_connect_parameters_make_the_model_panic(
        release in any_release(),
        key in prop::sample::select(vec!["client", "auth", "device", "scopes", "role", "minProtocol", "caps"]),
        json in any_json(),
    ) {
        let mut raw = json!({});
        raw[key] = json;
        Driver::new(&release).connect(&cli("a").raw(raw));
    }

    #[test]
    fn a_remote_device_gets_nothing_without_an_approval(
        release in any_release(),
        scopes in prop::sample::subsequence(ALL, 0..=5),
        attempts in 1..4_usize,
        as_node in any::<bool>(),
    ) {
        let mut driver = Driver::with(&release, None, GatewayState::default(), json!({"trustedProxies": ["127.0.0.1"]}));
        let client = if as_node { node("far") } else { cli("far").scopes(&scopes) };
        for _ in 0..attempts {
            let outcome = driver.connect(&client.clone().behind("x-forwarded-for", "203.0.113.9"));
            prop_assert_eq!(outcome.word(), "not-paired");
        }
        prop_assert!(driver.gateway.state().paired.is_empty());
    }

    #[test]
    fn a_device_token_never_widens_what_was_approved(
        release in any_release(),
        first in prop::sample::subsequence(ALL, 1..=5),
        then in prop::sample::subsequence(ALL, 1..=5),
    ) {
        let mut driver = Driver::new(&release);
        let token = driver.connect(&cli("a").scopes(&first)).hello().1["auth"]["deviceToken"].clone();
        let outcome = driver.connect(&cli("a").scopes(&then).auth(json!({"deviceToken": token})));
        let held = |scope: &&str| first.contains(scope)
            || first.contains(&"operator.admin")
            || *scope == "operator.read" && first.contains(&"operator.write");
        // This holds in every release.
        prop_assert_eq!(outcome.word() == "ok", then.iter().all(held));
    }
}

/// One thing that happens in a random history of two devices.
#[derive(Clone, Debug)]
enum Happening {
    Connect { device: u8, is_node: bool, scopes: Vec<&'static str>, far: bool, shown: u8 },
    Ends { device: u8, is_node: bool, ending: Ending },
    Approve { device: u8 },
    Restart,
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let scopes = prop::sample::subsequence(ALL, 0..=2);
    let ending = prop::sample::select(vec![Ending::Revoked, Ending::Rotated, Ending::Removed]);
    prop_oneof![
        6 => (0..2_u8, any::<bool>(), scopes, any::<bool>(), 0..8_u8).prop_map(
            |(device, is_node, scopes, far, shown)| Happening::Connect { device, is_node, scopes, far, shown }
        ),
        2 => (0..2_u8, any::<bool>(), ending)
            .prop_map(|(device, is_node, ending)| Happening::Ends { device, is_node, ending }),
        2 => (0..2_u8).prop_map(|device| Happening::Approve { device }),
        1 => Just(Happening::Restart),
    ]
}

/// A history of two devices on a model, in the words of the laws.
struct Chronicle {
    driver: Driver,
    boss: u64,
    events: Vec<TraceEvent>,
    /// Device tokens that were issued: the device, the role, the token, and the event in which it was issued.
    tokens: Vec<(u8, bool, String, usize)>,
}

const NAMES: [&str; 2] = ["one", "other"];

impl Chronicle {
    fn of(release: &str, happenings: &[Happening]) -> Vec<TraceEvent> {
        let config = json!({"trustedProxies": ["127.0.0.1"]});
        let mut driver = Driver::with(release, None, GatewayState::default(), config);
        let boss = conn(&driver.connect(&cli("boss").scopes(ALL)));
        let mut chronicle = Self { driver, boss, events: Vec::new(), tokens: Vec::new() };
        for happening in happenings {
            chronicle.add(happening);
            for device in 0..2 {
                let stored = chronicle.stored(device);
                chronicle.events.push(TraceEvent::Stored(device, stored));
            }
        }
        chronicle.events
    }

    fn client(device: u8, is_node: bool) -> TestClient {
        let name = NAMES[usize::from(device)];
        if is_node { node(name) } else { cli(name) }
    }

    fn add(&mut self, happening: &Happening) {
        match happening {
            Happening::Connect { device, is_node, scopes, far, shown } => {
                self.connect(*device, *is_node, scopes, *far, *shown);
            }
            Happening::Ends { device, is_node, ending } => {
                let role = if *is_node { "node" } else { "operator" };
                let id = Self::client(*device, false).device_id();
                let (method, params) = match ending {
                    Ending::Revoked => ("device.token.revoke", json!({"deviceId": id, "role": role})),
                    Ending::Rotated => ("device.token.rotate", json!({"deviceId": id, "role": role})),
                    Ending::Removed => ("device.pair.remove", json!({"deviceId": id})),
                };
                if self.driver.call(self.boss, method, params).is_ok() {
                    let role = (*ending != Ending::Removed).then(|| role.to_owned());
                    self.events.push(TraceEvent::Ended(*device, role, *ending));
                }
            }
            Happening::Approve { device } => {
                let id = Self::client(*device, false).device_id();
                let waiting: Vec<String> = self
                    .driver
                    .gateway
                    .state()
                    .pending
                    .iter()
                    .filter(|(_, one)| one.device_id == id)
                    .map(|(request, _)| request.clone())
                    .collect();
                for request in waiting {
                    let params = json!({"requestId": request});
                    if self.driver.call(self.boss, "device.pair.approve", params).is_ok() {
                        self.events.push(TraceEvent::Approved(*device));
                    }
                }
            }
            Happening::Restart => {
                self.driver.restart();
                self.boss = conn(&self.driver.connect(&cli("boss").scopes(ALL)));
            }
        }
    }

    fn connect(&mut self, device: u8, is_node: bool, scopes: &[&'static str], far: bool, shown: u8) {
        let mut client = Self::client(device, is_node);
        if !is_node {
            client = client.scopes(scopes);
        }
        if far {
            client = client.behind("x-forwarded-for", "203.0.113.9");
        }
        let own = self.tokens.iter().rev().filter(|(of, node, ..)| *of == device && *node == is_node);
        // Tokens of long ago as well as the last one.
        let token = own.into_iter().nth(usize::from(shown % 2)).cloned();
        let (auth, shown) = match (shown, token) {
            (0, _) => (json!({}), Shown::Nothing),
            (1, _) => (json!({"token": "wrong"}), Shown::Wrong),
            (2, _) => (json!({"deviceToken": "made-up"}), Shown::Wrong),
            (3 | 4, Some((.., token, at))) => {
                (json!({"deviceToken": token}), Shown::Token(TokenOf::Connect(at)))
            }
            _ => (json!({"token": TOKEN}), Shown::Shared),
        };
        let outcome = self.driver.connect(&client.clone().auth(auth));
        let let_in = match &outcome {
            ConnectOutcome::Hello { payload, .. } => {
                if let Some(token) = payload["auth"]["deviceToken"].as_str() {
                    self.tokens.push((device, is_node, token.to_owned(), self.events.len()));
                }
                let scopes = payload["auth"]["scopes"].as_array().cloned().unwrap_or_default();
                Some(scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => None,
        };
        self.events.push(TraceEvent::Connect(TraceConnect {
            device: Some(device),
            role: client.role.to_owned(),
            scopes: client.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            shown,
            origin: if far { Origin::Elsewhere } else { Origin::Here },
            let_in,
        }));
    }

    fn stored(&self, device: u8) -> Option<StoredRecord> {
        let id = Self::client(device, false).device_id();
        let record = self.driver.gateway.state().paired.get(&id)?;
        let mut scopes = record.scopes.clone().unwrap_or_default();
        scopes.extend(record.approved_scopes.clone().unwrap_or_default());
        let tokens = record.tokens.iter().flatten();
        Some(StoredRecord {
            roles: record.roles.clone().unwrap_or_default(),
            scopes,
            tokens: tokens
                .map(|(role, token)| (role.clone(), token.scopes.clone(), token.revoked_at_ms.is_some()))
                .collect(),
        })
    }
}

/// Whether a release is known to break a law, in whatever situation.
fn is_known(book: &LawBook, law: LawName, release: &Release) -> bool {
    book.law(law).is_some_and(|law| law.broken.iter().any(|one| one.releases.contains(release)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_model_obeys_the_laws_that_its_release_obeys(
        release in any_release(),
        happenings in prop::collection::vec(any_happening(), 1..8),
    ) {
        let book = LawBook::read(BUILT_IN).unwrap();
        let known: Release = release.parse().unwrap();
        let events = Chronicle::of(&release, &happenings);
        for breach in breaches(&events) {
            prop_assert!(is_known(&book, breach.law, &known), "{release}: {breach:?} in {events:#?}");
        }
    }
}

/// A history in which a planted fault shows as a broken law.
#[rstest]
#[case(Fault::RevokedTokenWorks, LawName::EndedTokenStaysOut)]
#[case(Fault::RemotePairedSilently, LawName::RemoteNeedsApproval)]
#[case(Fault::SharedTokenNotCompared, LawName::WrongCredentialStaysOut)]
fn planted_faults_break_laws(#[case] fault: Fault, #[case] law: LawName) {
    let config = json!({"trustedProxies": ["127.0.0.1"]});
    let mut driver = Driver::with("2026.9.6", Some(fault), GatewayState::default(), config);
    let boss = conn(&driver.connect(&cli("boss").scopes(ALL)));
    let mut chronicle = Chronicle { driver, boss, events: Vec::new(), tokens: Vec::new() };
    let connect = |far: bool, shown: u8| Happening::Connect {
        device: u8::from(far),
        is_node: false,
        scopes: vec!["operator.read"],
        far,
        shown,
    };
    chronicle.add(&connect(false, 7));
    chronicle.add(&Happening::Ends { device: 0, is_node: false, ending: Ending::Revoked });
    chronicle.add(&connect(false, 4));
    chronicle.add(&connect(true, 7));
    chronicle.add(&connect(false, 1));
    let found: Vec<LawName> = breaches(&chronicle.events).into_iter().map(|one| one.law).collect();
    assert!(found.contains(&law), "{found:?}");
}
