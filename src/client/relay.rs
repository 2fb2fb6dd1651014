//! A relay between a released program and its gateway. It reads the frames, so that what a program was told is known and
//! not guessed from what the program prints.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::StreamExt;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::connection::broken;
use super::http_answer::HttpAnswer;
use super::tap::{Tap, limits};
use super::transcript::{Direction, Transcript};
use crate::wire::{Close, ConnectionEnd, Frame, WireError};

/// Bytes that may wait for the reader, which never lags for long.
const BEHIND: usize = 64 * 1024;

/// The longest head of an HTTP message that is read; those of WebSocket upgrades are shorter.
const LONGEST_HEAD: usize = 16 * 1024;

/// A port that leads to a gateway. Dropping it ends the connections that go through it.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    heard: Arc<Mutex<Heard>>,
    accepting: JoinHandle<()>,
}

/// What a gateway has told a program so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The payload of the first hello.
    pub hello: Option<Value>,
    /// The last refusal of a handshake.
    pub refusal: Option<WireError>,
    /// How the gateway ended the last connection, or violated RFC 6455 on it.
    pub end: Option<ConnectionEnd>,
}

impl Relay {
    /// Listens on a port of 127.0.0.1 and relays to `gateway`. `name` is the name of the connection in the transcript.
    ///
    /// # Errors
    /// Fails if no port can be opened.
    pub async fn start(gateway: SocketAddr, name: &str, transcript: Transcript) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let heard = Arc::default();
        let reader = RelayReader { name: name.to_owned(), transcript, heard: Arc::clone(&heard) };
        Ok(Self { port, heard, accepting: tokio::spawn(accept(listener, gateway, reader)) })
    }

    /// The port that the program has to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the gateway has told the program so far.
    pub fn heard(&self) -> Heard {
        self.heard.lock().clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Reads the frames of all connections of a program.
#[derive(Clone)]
struct RelayReader {
    name: String,
    transcript: Transcript,
    heard: Arc<Mutex<Heard>>,
}

async fn accept(listener: TcpListener, gateway: SocketAddr, reader: RelayReader) {
    // Dropped with the task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((program, _)) = listener.accept().await {
        connections.spawn(join(program, gateway, reader.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// If the gateway does not listen, the connection of the program just ends.
async fn join(program: TcpStream, gateway: SocketAddr, reader: RelayReader) {
    let Ok(gateway) = TcpStream::connect(gateway).await else { return };
    // Small frames in lock step: waiting to fill a packet would only add latency.
    let _ = (program.set_nodelay(true), gateway.set_nodelay(true));
    let (from_program, to_program) = program.into_split();
    let (from_gateway, to_gateway) = gateway.into_split();
    let (asks, asked) = tokio::io::duplex(BEHIND);
    let (answers, answered) = tokio::io::duplex(BEHIND);
    let connects = Connects::default();
    tokio::join!(
        pump(from_program, to_gateway, asks),
        pump(from_gateway, to_program, answers),
        reader.asked(asked, &connects),
        reader.answered(answered, &connects),
    );
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut copy: DuplexStream) {
    let mut buffer = vec![0; BEHIND];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        // The reader stops at what it does not understand; the program must not depend on it.
        let _ = copy.write_all(&buffer[..length]).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// Ids of the `connect` requests that wait for their answer.
type Connects = Mutex<Vec<String>>;

impl RelayReader {
    async fn asked(&self, bytes: DuplexStream, connects: &Connects) {
        let Some((_, mut frames)) = frames(bytes, Role::Server).await else { return };
        while let Some(Ok(message)) = frames.next().await {
            let Message::Text(text) = message else { continue };
            if let Frame::Request { id, method, .. } = Frame::parse(text.as_str())
                && method == "connect"
            {
                connects.lock().push(id);
            }
            self.transcript.add(&self.name, Direction::Sent, text.as_str());
        }
    }

    async fn answered(&self, bytes: DuplexStream, connects: &Connects) {
        let Some((head, mut frames)) = frames(bytes, Role::Client).await else { return };
        if HttpAnswer::parse(&head).is_none_or(|answer| answer.status != 101) {
            let head = String::from_utf8_lossy(&head);
            self.transcript.add(&self.name, Direction::Http, head.lines().next().unwrap_or_default());
            return;
        }
        let sent = frames.get_ref().sent_close();
        while let Some(message) = frames.next().await {
            let end = match message {
                Ok(Message::Text(text)) => {
                    self.transcript.add(&self.name, Direction::Received, text.as_str());
                    self.hear(Frame::parse(text.as_str()), connects);
                    continue;
                }
                Ok(Message::Close(frame)) => sent.end(frame),
                Ok(_) => continue,
                Err(error) => broken(&error),
            };
            // A dropped connection says nothing: it may have been the program that ended it.
            if end == ConnectionEnd::Closed(Close::DROPPED) {
                return;
            }
            self.transcript.add(&self.name, Direction::ClosedByGateway, end.to_string());
            self.heard.lock().end = Some(end);
            return;
        }
    }

    fn hear(&self, frame: Frame, connects: &Connects) {
        let Frame::Response { id, result } = frame else { return };
        if !connects.lock().contains(&id) {
            return;
        }
        let mut heard = self.heard.lock();
        match result {
            Ok(hello) => {
                heard.hello.get_or_insert(hello);
            }
            Err(error) => heard.refusal = Some(error),
        }
    }
}

/// A stream of frames that is only read.
type Frames = WebSocketStream<Tap<tokio::io::Join<BufReader<DuplexStream>, tokio::io::Sink>>>;

/// The head of the HTTP message that comes first, and the frames that follow. None if there is no head.
async fn frames(bytes: DuplexStream, role: Role) -> Option<(Vec<u8>, Frames)> {
    let mut bytes = BufReader::new(bytes);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(bytes.read_u8().await.ok().filter(|_| head.len() < LONGEST_HEAD)?);
    }
    let both = Tap::of_frames(tokio::io::join(bytes, tokio::io::sink()));
    let frames = WebSocketStream::from_raw_socket(both, role, Some(limits())).await;
    Some((head, frames))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures_util::SinkExt;
    use rstest::rstest;
    use serde_json::json;
    use tokio_tungstenite::{accept_async, connect_async};

    use super::*;
    use crate::wire::Masker;

    /// A gateway that answers the first request and then closes the connection.
    async fn gateway(answer: Value, close: u16) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            socket.next().await.unwrap().unwrap();
            socket.send(Message::text(answer.to_string())).await.unwrap();
            let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
                code: close.into(),
                reason: "pairing required".into(),
            };
            socket.close(Some(frame)).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        });
        address
    }

    /// Lets a program send a request through the relay; what the relay has heard when the connection is closed.
    async fn asked(answer: Value, method: &str, close: u16) -> (Heard, Vec<String>) {
        let transcript = Transcript::new(Instant::now());
        let relay =
            Relay::start(gateway(answer.clone(), close).await, "node", transcript.clone()).await.unwrap();
        let (mut program, _) = connect_async(format!("ws://127.0.0.1:{}/", relay.port())).await.unwrap();
        let request = json!({"type": "req", "id": "1", "method": method, "params": {}});
        program.send(Message::text(request.to_string())).await.unwrap();
        assert_eq!(program.next().await.unwrap().unwrap(), Message::text(answer.to_string()));
        assert!(matches!(program.next().await, Some(Ok(Message::Close(Some(_))))));
        let waiting = Instant::now();
        while relay.heard().end.is_none() && waiting.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let said = transcript.masked(0, &Masker::default());
        (relay.heard(), said.into_iter().map(|entry| format!("{:?}", entry.direction)).collect())
    }

    #[rstest]
    #[case::hello(json!({"type": "res", "id": "1", "ok": true, "payload": {"protocol": 3}}), "connect")]
    #[case::refused(
        json!({"type": "res", "id": "1", "ok": false, "error": {"code": "NOT_PAIRED", "message": "no"}}),
        "connect"
    )]
    #[case::no_handshake(json!({"type": "res", "id": "1", "ok": true, "payload": {}}), "status")]
    #[tokio::test]
    async fn a_relay_hears_what_a_program_is_told(#[case] answer: Value, #[case] method: &str) {
        let (heard, directions) = asked(answer.clone(), method, 1008).await;
        let handshake = method == "connect";
        assert_eq!(heard.hello.as_ref(), answer.get("payload").filter(|_| handshake));
        assert_eq!(heard.refusal.map(|error| error.code).as_deref(), answer["error"]["code"].as_str());
        let end = ConnectionEnd::Closed(Close::frame(Some(1008), "pairing required"));
        assert_eq!(heard.end, Some(end));
        assert_eq!(directions, ["Sent", "Received", "ClosedByGateway"]);
    }

    #[tokio::test]
    async fn a_close_that_no_frame_may_carry_is_a_violation() {
        let (heard, _) = asked(json!({"type": "event", "event": "tick"}), "connect", 1005).await;
        let told = "a close frame may not carry the code 1005".to_owned();
        assert_eq!(heard.end, Some(ConnectionEnd::ProtocolError(told)));
    }

    #[tokio::test]
    async fn without_a_gateway_the_connection_of_the_program_ends() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let relay = Relay::start(nobody, "node", Transcript::new(Instant::now())).await.unwrap();
        assert!(connect_async(format!("ws://127.0.0.1:{}/", relay.port())).await.is_err());
        assert_eq!(relay.heard(), Heard::default());
    }
}
