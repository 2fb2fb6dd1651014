//! When a gateway is ready: a connect would be answered.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::process::State;
use super::target::Address;
use super::watch::Exit;
use crate::client::{Stream, secure};
use crate::scenario::Ready;

/// A refused TCP connect costs microseconds, so the wait between two may be short.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// A command that sends a challenge but does not answer the probe is a matter for the scenario; a real build
/// is given until it answers.
const PROBE_ANSWER: Duration = Duration::from_secs(3);
/// How long the upgrade and the challenge may take before the probe tries again on another connection: a gateway
/// that lost the first one is not waited for until the end.
const PROBE_UPGRADE: Duration = Duration::from_secs(10);
/// How long the gateway may take to let go of a probe, so that the probe counts against no limit of connections.
const PROBE_LEAVES: Duration = Duration::from_millis(500);

/// What the wait is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Which state counts as ready.
    pub(super) ready: Ready,
    /// Whether no answer to the probe means that the gateway still starts.
    pub(super) strict: bool,
}

/// What the last probe of a gateway saw that was not ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Nobody listened on the port.
    #[default]
    NobodyListens,
    /// It took the connection and then said nothing.
    Silence,
    /// It ended the connection without a word.
    Dropped,
    /// It speaks TLS, but the handshake came to nothing.
    Tls(String),
    /// It answered the upgrade with this HTTP status.
    Http(u16),
    /// Something else than a WebSocket answered.
    NoWebSocket(String),
    /// A WebSocket, but what came was no challenge.
    NoChallenge,
    /// It answered that it is still starting, or not at all.
    Starting,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyListens => f.write_str("nobody listens on its port"),
            Self::Silence => f.write_str("it takes connections and says nothing"),
            Self::Dropped => f.write_str("it drops every connection without a word"),
            Self::Tls(what) => write!(f, "it speaks TLS, but the handshake failed: {what}"),
            Self::Http(status) => write!(f, "it answers the WebSocket upgrade with HTTP {status}"),
            Self::NoWebSocket(what) => write!(f, "it speaks no WebSocket: {what}"),
            Self::NoChallenge => f.write_str("it sends no connect.challenge"),
            Self::Starting => {
                f.write_str("it sends a challenge but does not answer a connect, or says that it starts")
            }
        }
    }
}

/// Why the wait for readiness ended without it.
pub(super) enum Unready {
    Died(Exit),
    TimeOut(Seen),
}

/// Waits until a gateway is as ready as wanted. Every new log line is a reason to look at once. Answers with the
/// fingerprint of its certificate where it speaks TLS and was waited for.
pub(super) async fn wait_until_ready(
    port: u16,
    mut state: watch::Receiver<State>,
    mut lines: watch::Receiver<u64>,
    within: Duration,
    wanted: Wanted,
) -> Result<Option<String>, Unready> {
    if wanted.ready == Ready::AtOnce {
        return Ok(None);
    }
    let deadline = Instant::now() + within;
    let mut seen = Seen::default();
    let mut certificate = None;
    let probing = async {
        loop {
            let ready = match wanted.ready {
                Ready::Answers => answers(port, wanted.strict, &mut seen, &mut certificate).await,
                Ready::Port | Ready::AtOnce => listens(port).await,
            };
            if ready {
                return true;
            }
            tokio::select! {
                () = sleep(BETWEEN_TRIES) => {}
                Ok(()) = lines.changed() => {}
            }
        }
    };
    let answered = tokio::select! {
        biased;
        ended = state.wait_for(|state| state.ended().is_some()) => {
            return Err(Unready::Died(ended.ok().and_then(|state| state.ended()).unwrap_or_default()));
        }
        answer = timeout_at(deadline, probing) => answer.unwrap_or(false),
    };
    if answered { Ok(certificate) } else { Err(Unready::TimeOut(seen)) }
}

/// The loopback addresses a gateway listens on.
pub(super) async fn addresses(port: u16) -> Vec<Address> {
    let mut found = vec![Address { host: Ipv4Addr::LOCALHOST.to_string(), port }];
    if TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.is_ok() {
        found.push(Address { host: Ipv6Addr::LOCALHOST.to_string(), port });
    }
    found
}

async fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}

/// One attempt: a challenge, and an answer to the probe that does not say "starting". `seen` is kept up to date
/// on the way, because the time may be up in the middle; `certificate` is its fingerprint once it has spoken TLS.
async fn answers(port: u16, strict: bool, seen: &mut Seen, certificate: &mut Option<String>) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect(address).await else {
        *seen = Seen::NobodyListens;
        return false;
    };
    *seen = Seen::Silence;
    let stream = if certificate.is_some() {
        match timeout(PROBE_UPGRADE, secure(stream)).await {
            Ok(Ok((secured, fingerprint))) => {
                *certificate = Some(fingerprint);
                secured
            }
            Ok(Err(error)) => {
                *seen = Seen::Tls(error.to_string());
                return false;
            }
            Err(_) => return false,
        }
    } else {
        Stream::Left(stream)
    };
    let upgrading = timeout(PROBE_UPGRADE, client_async(format!("ws://{address}"), stream)).await;
    let mut socket = match upgrading {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(Error::Http(response))) => {
            *seen = Seen::Http(response.status().as_u16());
            return false;
        }
        Ok(Err(error)) => {
            if certificate.is_none() && speaks_tls(address).await {
                // The next attempt tells which certificate it has.
                *certificate = Some(String::new());
                *seen = Seen::Tls("it has only begun".to_owned());
            } else {
                *seen = other(&error);
            }
            return false;
        }
        Err(_) => return false,
    };
    *seen = Seen::NoChallenge;
    if !is_challenge(timeout(PROBE_UPGRADE, socket.next()).await.ok().flatten()) {
        return false;
    }
    *seen = Seen::Starting;
    let probe = Message::text(probe().to_string());
    let answered = socket.send(probe).await.is_ok() && !is_starting(&mut socket, strict).await;
    leave(socket).await;
    answered
}

/// Ends a probe and waits until the gateway has seen it: a release with a limit of connections before
/// authentication counts it until then (measured with a limit of one: the first connect got HTTP 503).
async fn leave(mut socket: WebSocketStream<Stream>) {
    let leaving = async {
        let _ = socket.close(None).await;
        while let Some(Ok(_)) = socket.next().await {}
        let mut rest = [0; 256];
        let stream = socket.get_mut();
        let _ = stream.shutdown().await;
        while matches!(stream.read(&mut rest).await, Ok(1..)) {}
    };
    let _ = timeout(PROBE_LEAVES, leaving).await;
}

/// What a server is that does not take a WebSocket upgrade.
fn other(error: &Error) -> Seen {
    match error {
        Error::Io(_) => Seen::Dropped,
        Error::Protocol(what) if what.to_string().contains("Handshake not finished") => Seen::Dropped,
        other => Seen::NoWebSocket(other.to_string()),
    }
}

/// Whether a TLS record answers the start of a TLS handshake (RFC 8446, section 5.1).
async fn speaks_tls(address: SocketAddr) -> bool {
    // The smallest ClientHello of TLS 1.2: one cipher suite, no compression. An alert is an answer, too.
    let hello: Vec<u8> =
        [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3][..], &[0; 32], &[0, 0, 2, 0xc0, 0x2f, 1, 0]].concat();
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(&hello).await.ok()?;
        stream.read_u8().await.ok()
    };
    matches!(timeout(Duration::from_secs(2), asking).await, Ok(Some(0x15 | 0x16)))
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
async fn is_starting(socket: &mut WebSocketStream<Stream>, strict: bool) -> bool {
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
