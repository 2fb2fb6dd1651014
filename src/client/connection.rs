//! An open connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::inbox::{Inbox, Received, is_event, is_response};
use super::transcript::{Direction, Transcript};
use crate::wire::{self, Close, Frame, WireError};

type Sink = SplitSink<WebSocketStream<TcpStream>, Message>;

/// How long a polite close may take on our side.
const CLOSING: Duration = Duration::from_millis(500);

/// How long a close may come after an error response and still belong to it.
///
/// The gateway sends both at once; this only has to bridge the scheduling of a busy machine.
const CLOSE_AFTER_REFUSAL: Duration = Duration::from_millis(1_500);

/// An open connection. Dropping it drops the socket without a close frame.
#[derive(Debug)]
pub struct Connection {
    name: String,
    sink: Arc<Mutex<Option<Sink>>>,
    inbox: Arc<Inbox>,
    transcript: Transcript,
    reader: JoinHandle<()>,
    next_id: AtomicU64,
    connected: AtomicBool,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The response says ok.
    Ok(Value),
    /// The response is an error, and the connection is still open.
    Refused(WireError),
    /// The gateway closed, after an error response or without one.
    Closed(Close, Option<WireError>),
    /// Nothing came in time.
    Silence,
}

impl Connection {
    pub(super) fn start(name: &str, socket: WebSocketStream<TcpStream>, transcript: Transcript) -> Self {
        let (sink, stream) = socket.split();
        let inbox = Arc::new(Inbox::default());
        let sink = Arc::new(Mutex::new(Some(sink)));
        let (put, told, named) = (Arc::clone(&inbox), transcript.clone(), name.to_owned());
        let other_half = Arc::clone(&sink);
        let reader = tokio::spawn(async move {
            read(stream, &put, &told, &named).await;
            // The TCP connection is open as long as one half is held, and a gateway that restarts by itself
            // waits for its end (for more than 25 s, measured on 2026.3.28).
            *other_half.lock().await = None;
        });
        Self {
            name: name.to_owned(),
            sink,
            inbox,
            transcript,
            reader,
            next_id: AtomicU64::new(1),
            connected: AtomicBool::new(false),
        }
    }

    /// Name in the scenario.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The challenge's nonce, or how the connection ended instead; none after `within`.
    pub async fn challenge(&self, within: Duration) -> Option<Result<String, Close>> {
        let challenge =
            |one: &Received| is_event(one, "connect.challenge", &|payload| payload.get("nonce").is_some());
        match self.inbox.take(within, challenge).await? {
            Received::Frame(Frame::Event { payload, .. }) => {
                Some(Ok(payload["nonce"].as_str().unwrap_or_default().to_owned()))
            }
            Received::Closed(close) => Some(Err(close)),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// A request id that this connection has not used; the same run uses the same ones.
    pub fn fresh_id(&self) -> String {
        format!("{}-{}", self.name, self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a request and waits for what comes of it.
    pub async fn ask(&self, id: &str, request: &Value, within: Duration) -> Answer {
        self.send_text(request.to_string()).await;
        self.answer(id, within).await
    }

    /// Calls a method.
    pub async fn call(&self, method: &str, params: Option<&Value>, within: Duration) -> Answer {
        let id = self.fresh_id();
        self.ask(&id, &wire::request(&id, method, params), within).await
    }

    /// Waits for what comes of a request that was sent.
    pub async fn answer(&self, id: &str, within: Duration) -> Answer {
        self.answer_where(within, |one| is_response(one, id)).await
    }

    /// Waits for the first response to anything, or the end: what a raw frame leads to.
    pub async fn any_answer(&self, within: Duration) -> Answer {
        self.answer_where(within, |one| matches!(one, Received::Frame(Frame::Response { .. }))).await
    }

    async fn answer_where(&self, within: Duration, wanted: impl Fn(&Received) -> bool) -> Answer {
        match self.inbox.take(within, wanted).await {
            Some(Received::Frame(Frame::Response { result: Ok(payload), .. })) => Answer::Ok(payload),
            Some(Received::Frame(Frame::Response { result: Err(error), .. })) => self.refusal(error).await,
            Some(Received::Closed(close)) => Answer::Closed(close, None),
            Some(Received::Frame(_) | Received::Binary(_)) | None => Answer::Silence,
        }
    }

    /// Before the handshake is done an error response is followed by a close, which belongs to it.
    async fn refusal(&self, error: WireError) -> Answer {
        if self.is_connected() {
            return Answer::Refused(error);
        }
        match self.inbox.take(CLOSE_AFTER_REFUSAL, |_| false).await {
            Some(Received::Closed(close)) => Answer::Closed(close, Some(error)),
            _ => Answer::Refused(error),
        }
    }

    /// Whether the handshake is done.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Notes that the handshake is done: from here on an error response leaves the connection open.
    pub fn set_connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    /// Waits for an event that passes a test. None after `within`; the close where the connection ends.
    pub async fn event(
        &self,
        name: &str,
        within: Duration,
        test: impl Fn(&Value) -> bool,
    ) -> Option<Result<Value, Close>> {
        match self.inbox.take(within, |one| is_event(one, name, &test)).await? {
            Received::Frame(Frame::Event { payload, .. }) => Some(Ok(payload)),
            Received::Closed(close) => Some(Err(close)),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// Waits until the gateway ends the connection. None after `within`.
    pub async fn end(&self, within: Duration) -> Option<Close> {
        match self.inbox.take(within, |_| false).await? {
            Received::Closed(close) => Some(close),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// Sends a text frame. What cannot be sent shows as the close that made it so.
    pub async fn send_text(&self, text: String) {
        self.transcript.add(&self.name, Direction::Sent, text.as_str());
        self.send(Message::text(text)).await;
    }

    /// Sends a binary frame.
    pub async fn send_binary(&self, bytes: Vec<u8>) {
        self.transcript.add(&self.name, Direction::Sent, format!("binary frame of {} bytes", bytes.len()));
        self.send(Message::Binary(Bytes::from(bytes))).await;
    }

    async fn send(&self, message: Message) {
        let mut sink = self.sink.lock().await;
        if let Some(open) = sink.as_mut()
            && open.send(message).await.is_err()
        {
            *sink = None;
        }
    }

    /// Ends the connection with a close frame, and waits a moment for the gateway's.
    pub async fn close(&self, code: u16) {
        if self.inbox.closed().is_some() {
            return;
        }
        self.transcript.add(&self.name, Direction::ClosedByClient, code.to_string());
        self.send(Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() }))).await;
        let _ = timeout(CLOSING, self.inbox.take(CLOSING, |_| false)).await;
        self.abort().await;
    }

    /// Drops the TCP connection without a close frame.
    pub async fn abort(&self) {
        self.reader.abort();
        *self.sink.lock().await = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    inbox: &Inbox,
    transcript: &Transcript,
    name: &str,
) {
    let close = loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                transcript.add(name, Direction::Received, text.as_str());
                inbox.put(Received::Frame(Frame::parse(text.as_str())));
            }
            Some(Ok(Message::Binary(bytes))) => {
                transcript.add(name, Direction::Received, format!("binary frame of {} bytes", bytes.len()));
                inbox.put(Received::Binary(bytes.len()));
            }
            Some(Ok(Message::Close(Some(frame)))) => {
                break Close::frame(Some(frame.code.into()), frame.reason.as_str());
            }
            Some(Ok(Message::Close(None))) => break Close::frame(None, ""),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(_)) | None => break Close::DROPPED,
        }
    };
    transcript.add(name, Direction::ClosedByGateway, close.to_string());
    inbox.put(Received::Closed(close));
    // Polling once more lets the library answer the close frame and end the TCP connection.
    while let Some(Ok(_)) = stream.next().await {}
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_tungstenite::{accept_async, client_async};

    use super::*;

    #[tokio::test]
    async fn what_the_gateway_closed_does_not_stay_half_open() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = tokio::spawn(async move {
            let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            let restart = CloseFrame { code: 1012.into(), reason: "service restart".into() };
            socket.close(Some(restart)).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
            socket.get_mut().shutdown().await.unwrap();
            let end = timeout(Duration::from_secs(5), socket.get_mut().read_u8()).await;
            end.expect("the client keeps the connection").unwrap_err().kind()
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(format!("ws://{address}/"), stream).await.unwrap();
        let connection = Connection::start("laptop", socket, Transcript::new(std::time::Instant::now()));
        let close = connection.end(Duration::from_secs(5)).await;
        assert_eq!(close, Some(Close::frame(Some(1012), "service restart")));
        assert_eq!(gateway.await.unwrap(), std::io::ErrorKind::UnexpectedEof);
        drop(connection);
    }
}
