//! An open connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use super::inbox::{Inbox, Received, is_event, is_response};
use super::tap::{CloseCode, Tap};
use super::tls::Stream;
use super::transcript::{Direction, Transcript};
use crate::wire::{self, Close, End, Frame, WireError};

/// The socket of a connection.
pub(super) type Socket = WebSocketStream<Tap<Stream>>;
type Sink = SplitSink<Socket, Message>;

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
    /// How long a frame may take to be taken by the other side.
    write_within: Duration,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The response says ok.
    Ok(Value),
    /// The response is an error, and the connection is still open.
    Refused(WireError),
    /// The connection ended, after an error response or without one.
    Ended(End, Option<WireError>),
    /// Nothing came in time.
    Silence,
}

impl Connection {
    pub(super) fn start(name: &str, socket: Socket, transcript: Transcript, write_within: Duration) -> Self {
        let code = socket.get_ref().close_code();
        let (sink, stream) = socket.split();
        let inbox = Arc::new(Inbox::default());
        let sink = Arc::new(Mutex::new(Some(sink)));
        let (put, told, named) = (Arc::clone(&inbox), transcript.clone(), name.to_owned());
        let other_half = Arc::clone(&sink);
        let reader = tokio::spawn(async move {
            read(stream, &code, &put, &told, &named).await;
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
            write_within,
        }
    }

    /// Name in the scenario.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The challenge's nonce, or how the connection ended instead; none after `within`.
    pub async fn challenge(&self, within: Duration) -> Option<Result<String, End>> {
        let challenge =
            |one: &Received| is_event(one, "connect.challenge", &|payload, _| payload.get("nonce").is_some());
        match self.inbox.take(within, challenge).await? {
            Received::Frame(Frame::Event { payload, .. }) => {
                Some(Ok(payload["nonce"].as_str().unwrap_or_default().to_owned()))
            }
            Received::Ended(end) => Some(Err(end)),
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
            Some(Received::Ended(end)) => Answer::Ended(end, None),
            Some(Received::Frame(_) | Received::Binary(_)) | None => Answer::Silence,
        }
    }

    /// Before the handshake is done an error response is followed by a close, which belongs to it.
    async fn refusal(&self, error: WireError) -> Answer {
        if self.is_connected() {
            return Answer::Refused(error);
        }
        match self.inbox.take(CLOSE_AFTER_REFUSAL, |_| false).await {
            Some(Received::Ended(end)) => Answer::Ended(end, Some(error)),
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

    /// Waits for an event whose payload and other keys pass a test. None after `within`; the close where the connection ends.
    pub async fn event(
        &self,
        name: &str,
        within: Duration,
        test: impl Fn(&Value, &Map<String, Value>) -> bool,
    ) -> Option<Result<Value, End>> {
        match self.inbox.take(within, |one| is_event(one, name, &test)).await? {
            Received::Frame(Frame::Event { payload, .. }) => Some(Ok(payload)),
            Received::Ended(end) => Some(Err(end)),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// Waits until the connection ends without this side having closed it. None after `within`.
    pub async fn end(&self, within: Duration) -> Option<End> {
        match self.inbox.take(within, |_| false).await? {
            Received::Ended(end) => Some(end),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// How the connection has ended so far, if this side did not close it.
    pub fn ended(&self) -> Option<End> {
        self.inbox.ended()
    }

    /// Sends a text frame. What cannot be sent shows as the end that made it so.
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
        let Some(open) = sink.as_mut() else { return };
        match timeout(self.write_within, open.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => *sink = None,
            Err(_) => {
                *sink = None;
                let waited = self.write_within.as_millis();
                let told = format!("the frame was not taken within {waited} ms");
                self.transcript.add(&self.name, Direction::ClosedByClient, told);
            }
        }
    }

    /// Ends the connection with a close frame, and waits a moment for the gateway's.
    pub async fn close(&self, code: u16) {
        if self.inbox.ended().is_some() {
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
    mut stream: SplitStream<Socket>,
    code: &CloseCode,
    inbox: &Inbox,
    transcript: &Transcript,
    name: &str,
) {
    let end = loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                transcript.add(name, Direction::Received, text.as_str());
                inbox.put(Received::Frame(Frame::parse(text.as_str())));
            }
            Some(Ok(Message::Binary(bytes))) => {
                transcript.add(name, Direction::Received, format!("binary frame of {} bytes", bytes.len()));
                inbox.put(Received::Binary(bytes.len()));
            }
            Some(Ok(Message::Close(frame))) => break closed(frame, code.get()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => break broken(&error),
            None => break End::Closed(Close::DROPPED),
        }
    };
    let direction = match &end {
        End::Closed(_) => Direction::ClosedByGateway,
        End::ProtocolError(_) => Direction::ClosedByClient,
    };
    transcript.add(name, direction, end.to_string());
    inbox.put(Received::Ended(end));
    // Polling once more lets the library answer the close frame and end the TCP connection.
    while let Some(Ok(_)) = stream.next().await {}
}

/// What a close frame says. `sent` is its code before the library replaced one that no frame may carry.
fn closed(frame: Option<CloseFrame>, sent: Option<u16>) -> End {
    let Some(frame) = frame else { return End::Closed(Close::frame(None, "")) };
    let code: u16 = frame.code.into();
    match sent {
        Some(sent) if sent != code => {
            End::ProtocolError(format!("a close frame may not carry the code {sent}"))
        }
        _ => End::Closed(Close::frame(Some(code), frame.reason.as_str())),
    }
}

/// How a connection ended that the library gave up: dropped by the peer, or by this side for what the peer sent.
pub(super) fn broken(error: &WsError) -> End {
    match error {
        WsError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
        )
        | WsError::Io(_) => End::Closed(Close::DROPPED),
        WsError::Protocol(ProtocolError::ControlFrameTooBig) => {
            End::ProtocolError("a control frame of more than 125 bytes (a close reason has 123)".to_owned())
        }
        WsError::Protocol(ProtocolError::NonZeroReservedBits) => {
            End::ProtocolError("a frame with reserved bits set (RSV), and no extension was agreed".to_owned())
        }
        WsError::Protocol(ProtocolError::MaskedFrameFromServer) => {
            End::ProtocolError("a masked frame from the gateway".to_owned())
        }
        WsError::Protocol(ProtocolError::InvalidCloseSequence) => {
            End::ProtocolError("a close frame with a payload of one byte".to_owned())
        }
        WsError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            End::ProtocolError(format!("a frame of {size} bytes, over this client's limit of {max_size}"))
        }
        WsError::Utf8(_) => End::ProtocolError("text that is not UTF-8".to_owned()),
        other => End::ProtocolError(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::{accept_async, client_async};

    use std::time::Instant;

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
        let connection = connected(address).await;
        let end = connection.end(Duration::from_secs(5)).await;
        assert_eq!(end, Some(End::Closed(Close::frame(Some(1012), "service restart"))));
        assert_eq!(gateway.await.unwrap(), std::io::ErrorKind::UnexpectedEof);
        drop(connection);
    }

    async fn connected(address: std::net::SocketAddr) -> Connection {
        let stream = Tap::new(Stream::Left(TcpStream::connect(address).await.unwrap()));
        let (socket, _) = client_async(format!("ws://{address}/"), stream).await.unwrap();
        Connection::start("laptop", socket, Transcript::new(Instant::now()), Duration::from_secs(5))
    }

    /// How a connection ends on which the gateway sends these bytes behind the upgrade.
    async fn end_after(bytes: Vec<u8>) -> Option<End> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            socket.get_mut().write_all(&bytes).await.unwrap();
            let _ = timeout(Duration::from_secs(5), socket.next()).await;
        });
        connected(address).await.end(Duration::from_secs(5)).await
    }

    fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
        let length = u8::try_from(reason.len() + 2).unwrap();
        let head = if length < 126 { vec![0x88, length] } else { vec![0x88, 126, 0, length] };
        [head, code.to_be_bytes().to_vec(), reason.to_vec()].concat()
    }

    #[rstest]
    #[case::zero(close_frame(0, b""), "code 0")]
    #[case::below_all(close_frame(999, b""), "code 999")]
    #[case::no_status(close_frame(1005, b""), "code 1005")]
    #[case::abnormal(close_frame(1006, b""), "code 1006")]
    #[case::tls(close_frame(1015, b""), "code 1015")]
    #[case::above_all(close_frame(5000, b""), "code 5000")]
    #[case::largest(close_frame(65535, b""), "code 65535")]
    #[case::one_byte(vec![0x88, 1, 3], "one byte")]
    #[case::long_reason(close_frame(1008, &[b'x'; 124]), "123")]
    #[case::reason_is_no_text(close_frame(1008, &[0xff]), "UTF-8")]
    #[case::text_is_no_text(vec![0x81, 1, 0xff], "UTF-8")]
    #[case::masked(vec![0x81, 0x81, 1, 2, 3, 4, 5], "masked")]
    #[case::reserved_bits(vec![0xc1, 0], "reserved bits")]
    #[case::unknown_opcode(vec![0x83, 0], "3")]
    #[case::too_long(vec![0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0], "limit")]
    #[tokio::test]
    async fn what_breaks_the_protocol_is_never_a_close_of_the_gateway(
        #[case] bytes: Vec<u8>,
        #[case] told: &str,
    ) {
        let Some(End::ProtocolError(what)) = end_after(bytes).await else { panic!("a protocol error") };
        assert!(what.contains(told), "{what}");
    }

    #[rstest]
    #[case(1000)]
    #[case(1002)]
    #[case(1008)]
    #[case(1012)]
    #[case(4001)]
    #[tokio::test]
    async fn a_code_that_may_be_sent_is_the_gateways(#[case] code: u16) {
        let end = end_after(close_frame(code, b"why")).await;
        assert_eq!(end, Some(End::Closed(Close::frame(Some(code), "why"))));
    }

    #[tokio::test]
    async fn a_gateway_that_reads_nothing_does_not_hold_a_send_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = tokio::spawn(async move {
            let socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            tokio::time::sleep(Duration::from_secs(20)).await;
            drop(socket);
        });
        let mut connection = connected(address).await;
        connection.write_within = Duration::from_millis(200);
        let sending = connection.send_binary(vec![0; 60 << 20]);
        timeout(Duration::from_secs(10), sending).await.expect("the send has a limit");
        gateway.abort();
    }
}
