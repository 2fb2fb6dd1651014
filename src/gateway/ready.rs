//! Waits until a gateway is ready, which is when it would answer a connect.

use std::fmt;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::process::ProcessState;
use super::target::GatewayAddress;
use super::watch::ProcessExit;
use crate::client::{Stream, secure};
use crate::scenario::Ready;

/// A refused TCP connect costs microseconds, so the wait between two may be short.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// If a shell command sends a challenge but does not answer the probe, that is left to the scenario; a real build is waited
/// for until it answers.
const PROBE_ANSWER: Duration = Duration::from_secs(3);
/// How long the upgrade and the challenge may take before the probe tries again on another connection: a gateway
/// that lost the first one is not waited for until the end, and one on a busy machine gets more time each time.
const PROBE_UPGRADE: Duration = Duration::from_secs(10);
/// The same for the first probe.
const FIRST_UPGRADE: Duration = Duration::from_secs(1);
/// How long a probe must have been under way to say something about the gateway.
const TELLING: Duration = Duration::from_millis(300);
/// The largest frame that a probe takes.
const FRAME: usize = 1 << 20;
/// How long a TCP connect to this machine may take: a full backlog drops the packets.
const CONNECT: Duration = Duration::from_secs(2);
/// How long the gateway may take to close the connection of a probe, so that the probe does not count against a limit of
/// connections.
const PROBE_LEAVES: Duration = Duration::from_millis(500);

/// When to stop waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadyGoal {
    /// What counts as ready.
    pub(super) ready: Ready,
    /// Whether a missing answer to the probe means that the gateway is still starting.
    pub(super) strict: bool,
}

/// The result of the last probe of a gateway that was not ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProbeResult {
    /// Nothing listened on the port.
    #[default]
    NobodyListens,
    /// It accepted the connection and then sent nothing.
    Silence,
    /// It did not take the connection: its queue of connections is full.
    FullBacklog,
    /// It closed the connection without sending anything.
    Dropped,
    /// It reset the connection.
    Reset,
    /// It speaks TLS, but the handshake failed.
    Tls(String),
    /// It answered the upgrade with this HTTP status.
    Http(u16),
    /// It does not speak WebSocket.
    NoWebSocket(String),
    /// It speaks WebSocket, but did not send a challenge.
    NoChallenge,
    /// It answered that it is still starting, or not at all.
    Starting,
}

impl fmt::Display for ProbeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyListens => f.write_str("nobody listens on its port"),
            Self::Silence => f.write_str("it takes connections and says nothing"),
            Self::FullBacklog => f.write_str(
                "it listens on its port, but takes no connection: its queue of connections is full",
            ),
            Self::Reset => f.write_str("it resets every connection"),
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

/// Why a gateway did not become ready.
pub(super) enum Unready {
    Died(ProcessExit),
    TimeOut(ProbeResult),
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died(exit) => write!(f, "it died with {exit}"),
            Self::TimeOut(seen) => seen.fmt(f),
        }
    }
}

/// Waits until a gateway is as ready as wanted; probes it again at every new log line. Returns the fingerprint of its
/// certificate if it speaks TLS and was probed.
pub(super) async fn wait_until_ready(
    port: u16,
    mut state: watch::Receiver<ProcessState>,
    mut lines: watch::Receiver<u64>,
    within: Duration,
    wanted: ReadyGoal,
) -> Result<Option<String>, Unready> {
    if wanted.ready == Ready::AtOnce {
        return Ok(None);
    }
    let deadline = Instant::now() + within;
    let mut prober = Prober::new(port, wanted.strict);
    let probing = async {
        loop {
            let ready = match wanted.ready {
                Ready::Answers => prober.answers().await,
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
    if answered { Ok(prober.certificate) } else { Err(Unready::TimeOut(prober.seen())) }
}

/// The loopback addresses a gateway listens on.
pub(super) async fn addresses(port: u16) -> Vec<GatewayAddress> {
    let mut found = vec![GatewayAddress { host: Ipv4Addr::LOCALHOST.to_string(), port }];
    if connect(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await.is_some() {
        found.push(GatewayAddress { host: Ipv6Addr::LOCALHOST.to_string(), port });
    }
    found
}

async fn listens(port: u16) -> bool {
    connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.is_some()
}

async fn connect(address: SocketAddr) -> Option<TcpStream> {
    timeout(CONNECT, TcpStream::connect(address)).await.ok()?.ok()
}

/// Probes a gateway until it answers.
struct Prober {
    port: u16,
    strict: bool,
    /// How long the upgrade and the challenge may take in the next probe.
    patience: Duration,
    /// The fingerprint of its certificate once it has spoken TLS.
    certificate: Option<String>,
    /// The result of the last probe that was completed.
    completed: Option<ProbeResult>,
    /// What the current probe has seen so far, and since when. Time may run out in the middle of it.
    current: ProbeResult,
    since: Instant,
}

impl Prober {
    fn new(port: u16, strict: bool) -> Self {
        Self {
            port,
            strict,
            patience: FIRST_UPGRADE,
            certificate: None,
            completed: None,
            current: ProbeResult::NobodyListens,
            since: Instant::now(),
        }
    }

    /// What is to be told about a gateway that is not ready: a probe that has only just begun tells nothing.
    fn seen(self) -> ProbeResult {
        match self.completed {
            Some(completed) if self.since.elapsed() < TELLING => completed,
            None if self.since.elapsed() < TELLING && self.current == ProbeResult::FullBacklog => {
                ProbeResult::NobodyListens
            }
            _ => self.current,
        }
    }

    /// One probe: succeeds with a challenge and an answer that does not say "starting".
    async fn answers(&mut self) -> bool {
        self.current = ProbeResult::NobodyListens;
        self.since = Instant::now();
        match self.probe().await {
            Ok(()) => true,
            Err(result) => {
                if matches!(result, ProbeResult::Silence | ProbeResult::NoChallenge) {
                    self.patience = (self.patience * 2).min(PROBE_UPGRADE);
                }
                self.completed = Some(result);
                false
            }
        }
    }

    async fn probe(&mut self) -> Result<(), ProbeResult> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        // If nobody listens, the system says so at once; a connect that takes time waits in a queue.
        self.current = ProbeResult::FullBacklog;
        let stream = match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) => return Err(ProbeResult::NobodyListens),
            Err(_) => return Err(ProbeResult::FullBacklog),
        };
        self.current = ProbeResult::Silence;
        let stream = self.secured(stream).await?;
        let config = WebSocketConfig::default().max_message_size(Some(FRAME)).max_frame_size(Some(FRAME));
        let upgrading = client_async_with_config(format!("ws://{address}"), stream, Some(config));
        let mut socket = match timeout(self.patience, upgrading).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(Error::Http(response))) => return Err(ProbeResult::Http(response.status().as_u16())),
            Ok(Err(_)) if self.certificate.is_none() && speaks_tls(address).await => {
                // The next attempt tells which certificate it has.
                self.certificate = Some(String::new());
                return Err(ProbeResult::Tls("it has only begun".to_owned()));
            }
            Ok(Err(error)) => return Err(other(&error)),
            Err(_) => return Err(ProbeResult::Silence),
        };
        self.current = ProbeResult::NoChallenge;
        if !challenges(&mut socket, self.patience).await {
            return Err(ProbeResult::NoChallenge);
        }
        self.current = ProbeResult::Starting;
        let probe = Message::text(probe().to_string());
        let answered = socket.send(probe).await.is_ok() && !is_starting(&mut socket, self.strict).await;
        leave(socket).await;
        if answered { Ok(()) } else { Err(ProbeResult::Starting) }
    }

    /// The stream, secured if the gateway is known to speak TLS.
    async fn secured(&mut self, stream: TcpStream) -> Result<Stream, ProbeResult> {
        if self.certificate.is_none() {
            return Ok(Stream::Left(stream));
        }
        match timeout(PROBE_UPGRADE, secure(stream)).await {
            Ok(Ok((secured, fingerprint))) => {
                self.certificate = Some(fingerprint);
                Ok(secured)
            }
            Ok(Err(error)) => Err(ProbeResult::Tls(error.to_string())),
            Err(_) => Err(ProbeResult::Silence),
        }
    }
}

/// Ends a probe and waits until the gateway has noticed: a release that limits connections before authentication counts it
/// until then (measured with a limit of one: the first connect got HTTP 503).
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

/// What a failed WebSocket upgrade says about a server.
fn other(error: &Error) -> ProbeResult {
    match error {
        Error::Io(what) if what.kind() == ErrorKind::ConnectionReset => ProbeResult::Reset,
        Error::Io(_) => ProbeResult::Dropped,
        Error::Protocol(what) if what.to_string().contains("Handshake not finished") => ProbeResult::Dropped,
        other => ProbeResult::NoWebSocket(other.to_string()),
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

/// Whether the first text frame is a challenge.
async fn challenges(socket: &mut WebSocketStream<Stream>, within: Duration) -> bool {
    let reading = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => return is_challenge(&text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return false,
            }
        }
    };
    timeout(within, reading).await.unwrap_or(false)
}

fn is_challenge(text: &str) -> bool {
    let frame: Value = serde_json::from_str(text).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A port whose queue of connections is full, and what keeps it full.
    async fn full() -> (u16, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = timeout(TELLING, TcpStream::connect(address)).await {
            waiting.push(stream);
        }
        (address.port(), listener, waiting)
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_full_queue_of_connections_is_told() {
        let (port, _listener, waiting) = full().await;
        assert!(!waiting.is_empty());
        let mut prober = Prober::new(port, false);
        assert!(!prober.answers().await);
        assert_eq!(prober.seen(), ProbeResult::FullBacklog);
        // Time may run out while the probe waits in the queue.
        let mut prober = Prober::new(port, false);
        assert!(timeout(TELLING * 2, prober.answers()).await.is_err());
        let seen = prober.seen();
        assert_eq!(
            seen.to_string(),
            "it listens on its port, but takes no connection: its queue of connections is full"
        );
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_told() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let mut prober = Prober::new(port, false);
        assert!(!prober.answers().await);
        assert_eq!(prober.seen(), ProbeResult::NobodyListens);
        assert_eq!(Prober::new(port, false).seen(), ProbeResult::NobodyListens);
    }
}
