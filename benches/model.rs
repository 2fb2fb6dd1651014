//! How fast the model decides, and how many handshakes its server completes.
//!
//! The server's benchmark runs one batch of handshakes on both kinds of connections that matter: one
//! after another, and many in flight.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use gatecrash::model::{
    Boot, Effect, GatewayState, IncomingFrame, ModelGateway, NEWEST, Peer, Profile, ServeOptions, Served,
    serve,
};
use gatecrash::wire::{ConnectParams, DeviceKey, DeviceProof, SignedFields, connect_request};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const TOKEN: &str = "shared-token";
const BATCH: usize = 64;

fn main() {
    divan::main();
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

fn config() -> Value {
    json!({"gateway": {"auth": {"mode": "token", "token": TOKEN}}})
}

fn request(key: &DeviceKey, nonce: &str, now: i64) -> String {
    let fields = SignedFields {
        device_id: key.id(),
        client_id: "cli".into(),
        client_mode: "cli".into(),
        role: "operator".into(),
        scopes: vec!["operator.read".into()],
        signed_at: now,
        token: TOKEN.into(),
        nonce: nonce.into(),
        platform: "linux".into(),
        family: String::new(),
    };
    let client = json!({"id": "cli", "mode": "cli", "version": "1", "platform": "linux"});
    let params = ConnectParams {
        min_protocol: 3,
        max_protocol: 4,
        client: client.as_object().cloned().unwrap_or_default(),
        role: fields.role.clone(),
        scopes: fields.scopes.clone(),
        auth: json!({"token": TOKEN}).as_object().cloned().unwrap_or_default(),
        device: Some(DeviceProof {
            id: Some(key.id()),
            public_key: Some(key.public_key()),
            signature: Some(key.sign(&fields.v3())),
            signed_at: now,
            nonce: Some(nonce.into()),
        }),
        ..Default::default()
    };
    connect_request("1", &params).to_string()
}

fn nonce(text: &str) -> String {
    let frame: Value = serde_json::from_str(text).unwrap_or_default();
    frame["payload"]["nonce"].as_str().unwrap_or_default().to_owned()
}

/// A decision alone: the frame is made and signed beforehand.
#[divan::bench]
fn decide(bencher: Bencher<'_, '_>) {
    let (config, key, time) = (config(), DeviceKey::derive(&["bench"]), now());
    let boot = Boot {
        profile: Profile::of(NEWEST),
        config: &config,
        state: GatewayState::default(),
        seed: 1,
        fault: None,
        now: time,
        state_dir: "/state",
    };
    let gateway = RefCell::new(ModelGateway::new(boot));
    let next = Cell::new(0);
    let signed = || {
        let conn = next.replace(next.get() + 1);
        let peer = Peer { addr: [127, 0, 0, 1].into(), headers: BTreeMap::new() };
        let challenge = gateway.borrow_mut().opened(conn, peer, time).unwrap_or_default();
        match challenge.first() {
            Some(Effect::Send { text, .. }) => (conn, request(&key, &nonce(text), time)),
            _ => (conn, String::new()),
        }
    };
    bencher.counter(ItemsCount::new(1_usize)).with_inputs(signed).bench_local_values(|(conn, text)| {
        let said = gateway.borrow_mut().frame(conn, IncomingFrame::Text(&text), time).len();
        gateway.borrow_mut().closed(conn);
        said
    });
}

async fn shake(address: SocketAddr, key: &DeviceKey) -> bool {
    let Ok((mut socket, _)) = connect_async(format!("ws://{address}")).await else { return false };
    let Some(Ok(challenge)) = socket.next().await else { return false };
    let text = request(key, &nonce(challenge.to_text().unwrap_or_default()), now());
    if socket.send(Message::text(text)).await.is_err() {
        return false;
    }
    let hello = socket.next().await;
    hello
        .and_then(Result::ok)
        .is_some_and(|message| message.to_text().is_ok_and(|text| text.contains("hello-ok")))
}

fn served(runtime: &Runtime) -> Served {
    let options = ServeOptions {
        profile: Profile::of(NEWEST),
        config: config(),
        state: GatewayState::default(),
        seed: 1,
        fault: None,
        state_dir: "/state".into(),
        clock: Arc::new(now),
    };
    match runtime.block_on(serve(options)) {
        Ok(served) => served,
        Err(error) => panic!("{error}"),
    }
}

fn runtime() -> Runtime {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("{error}"),
    }
}

/// Full handshakes over loopback, many in flight, with the client on the same cores.
#[divan::bench(sample_count = 20)]
fn handshakes(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let served = served(&runtime);
    let keys: Vec<DeviceKey> =
        (0..BATCH).map(|index| DeviceKey::derive(&["bench", &index.to_string()])).collect();
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let all = runtime.block_on(join_all(keys.iter().map(|key| shake(served.v4, key))));
        assert!(all.into_iter().all(|fine| fine));
    });
}

/// From nothing to a gateway that answers.
#[divan::bench]
fn boot(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    bencher.bench_local(|| served(&runtime));
}
