//! When a gateway is ready: a connect would be answered.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::process::State;
use super::target::Address;
use super::watch::Exit;

/// A refused TCP connect costs microseconds, so the wait between two may be short.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// A command that sends a challenge but does not answer the probe is a matter for the scenario; a real build
/// is given until it answers.
const PROBE_ANSWER: Duration = Duration::from_secs(3);

/// Why the wait for readiness ended without it.
pub(super) enum Unready {
    Died(Exit),
    TimeOut,
}

/// Waits until a connect to `port` would be answered. Every new log line is a reason to look at once.
pub(super) async fn wait_until_ready(
    port: u16,
    mut state: watch::Receiver<State>,
    mut lines: watch::Receiver<u64>,
    within: Duration,
    strict: bool,
) -> Result<(), Unready> {
    let deadline = Instant::now() + within;
    let probing = async {
        while !answers(port, strict).await {
            tokio::select! {
                () = sleep(BETWEEN_TRIES) => {}
                Ok(()) = lines.changed() => {}
            }
        }
    };
    tokio::select! {
        biased;
        ended = state.wait_for(|state| state.ended().is_some()) => {
            Err(Unready::Died(ended.ok().and_then(|state| state.ended()).unwrap_or_default()))
        }
        answer = timeout_at(deadline, probing) => answer.map_err(|_| Unready::TimeOut),
    }
}

/// The loopback addresses a gateway listens on.
pub(super) async fn addresses(port: u16) -> Vec<Address> {
    let mut found = vec![Address { host: Ipv4Addr::LOCALHOST.to_string(), port }];
    if TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.is_ok() {
        found.push(Address { host: Ipv6Addr::LOCALHOST.to_string(), port });
    }
    found
}

/// One attempt: a challenge, and an answer to the probe that does not say "starting".
async fn answers(port: u16, strict: bool) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect(address).await else { return false };
    let Ok((mut socket, _)) = client_async(format!("ws://{address}"), stream).await else { return false };
    if !is_challenge(socket.next().await) {
        return false;
    }
    let probe = Message::text(probe().to_string());
    let answered = socket.send(probe).await.is_ok() && !is_starting(&mut socket, strict).await;
    drop(socket);
    answered
}

fn is_challenge(frame: Option<Result<Message, Error>>) -> bool {
    let Some(Ok(Message::Text(text))) = frame else { return false };
    let frame: Value = serde_json::from_str(&text).unwrap_or_default();
    frame["event"] == "connect.challenge"
}

/// Asks for a protocol that no release speaks: the refusal comes before authentication, so nothing is
/// stored and no limit of attempts is touched.
fn probe() -> Value {
    json!({"type": "req", "id": "ready", "method": "connect", "params": {
        "minProtocol": 1,
        "maxProtocol": 1,
        "client": {"id": "cli", "version": "0", "platform": "linux", "mode": "probe"},
        "role": "operator",
        "scopes": [],
    }})
}

/// From 2026.4.29 on a gateway whose side services still start answers every connect with the code
/// UNAVAILABLE or a close with 1013.
///
/// No answer at all means starting too where the probing is strict: a busy machine can keep a real gateway
/// from answering for long.
async fn is_starting(socket: &mut WebSocketStream<TcpStream>, strict: bool) -> bool {
    let reading = async {
        while let Some(Ok(frame)) = socket.next().await {
            match frame {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).unwrap_or_default();
                    if frame["type"] == "res" {
                        return frame["error"]["code"] == "UNAVAILABLE";
                    }
                }
                Message::Close(Some(close)) => return close.code == CloseCode::Again,
                _ => {}
            }
        }
        strict
    };
    timeout(PROBE_ANSWER, reading).await.unwrap_or(strict)
}
