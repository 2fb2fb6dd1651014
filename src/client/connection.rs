//! An open WebSocket connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use super::inbox::{Inbox, Received, is_event, is_response};
use super::network::{Injected, RelayHandle};
use super::tap::{SentClose, Tap, TooMuchArrives};
use super::transcript::{Direction, Transcript};
use super::whole_head::WholeHead;
use crate::wire::{self, Close, ConnectionEnd, Frame, WireError};

/// The socket of a connection.
pub(super) type ClientSocket = WebSocketStream<Tap<WholeHead<Injected>>>;
type Sink = SplitSink<ClientSocket, Message>;

/// How long the close frame of the gateway may take after ours.
const CLOSING: Duration = Duration::from_millis(500);

/// How long a polite close may take as a whole, with a gateway that does not read.
const CLOSED_WITHIN: Duration = Duration::from_secs(2);

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
    /// Whether nothing is read at present.
    paused: watch::Sender<bool>,
    next_id: AtomicU64,
    connected: AtomicBool,
    /// How long the other side may take to accept a frame.
    write_within: Duration,
    /// The relay that injects faults, if there is one.
    relay: Option<RelayHandle>,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum CallOutcome {
    /// A successful response, with its payload.
    Ok(Value),
    /// The response is an error, and the connection is still open.
    Refused(WireError),
    /// The connection ended, after an error response or without one.
    Ended(ConnectionEnd, Option<WireError>),
    /// Nothing arrived in time.
    Silence,
}

impl Connection {
    pub(super) fn start(
        name: &str,
        socket: ClientSocket,
        transcript: Transcript,
        write_within: Duration,
        relay: Option<RelayHandle>,
    ) -> Self {
        let sent = socket.get_ref().sent_close();
        let (sink, stream) = socket.split();
        let inbox = Arc::new(Inbox::default());
        let sink = Arc::new(Mutex::new(Some(sink)));
        let (put, told, named) = (Arc::clone(&inbox), transcript.clone(), name.to_owned());
        let other_half = Arc::clone(&sink);
        let (paused, pause) = watch::channel(false);
        let reader = tokio::spawn(async move {
            read(PausableStream { stream, paused: pause }, &sent, &put, &told, &named).await;
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
            paused,
            next_id: AtomicU64::new(1),
            connected: AtomicBool::new(false),
            write_within,
            relay,
        }
    }

    /// A time limit, with what the injected faults may take on top.
    fn limit(&self, within: Duration) -> Duration {
        self.relay.as_ref().map_or(within, |relay| within.saturating_add(relay.delay()))
    }

    /// Its name in the scenario.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The nonce of the challenge, or how the connection ended instead; none if nothing arrives `within` that time.
    pub async fn challenge(&self, within: Duration) -> Option<Result<String, ConnectionEnd>> {
        let challenge =
            |one: &Received| is_event(one, "connect.challenge", &|payload, _| payload.get("nonce").is_some());
        match self.inbox.take(self.limit(within), challenge).await? {
            Received::Frame(Frame::Event { payload, .. }) => {
                Some(Ok(payload["nonce"].as_str().unwrap_or_default().to_owned()))
            }
            Received::Ended(end) => Some(Err(end)),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// A request id that this connection has not used yet. The same run uses the same ids.
    pub fn fresh_id(&self) -> String {
        format!("{}-{}", self.name, self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a request and waits for its outcome.
    pub async fn ask(&self, id: &str, request: &Value, within: Duration) -> CallOutcome {
        self.send_text(request.to_string()).await;
        self.answer(id, within).await
    }

    /// Calls a method and waits for the outcome.
    pub async fn call(&self, method: &str, params: Option<&Value>, within: Duration) -> CallOutcome {
        let id = self.fresh_id();
        self.ask(&id, &wire::request(&id, method, params), within).await
    }

    /// Waits for the outcome of a request that was sent.
    pub async fn answer(&self, id: &str, within: Duration) -> CallOutcome {
        self.answer_where(within, |one| is_response(one, id)).await
    }

    /// Waits for the first response to anything, or for the end of the connection; for frames that are sent as they are.
    pub async fn any_answer(&self, within: Duration) -> CallOutcome {
        self.answer_where(within, |one| matches!(one, Received::Frame(Frame::Response { .. }))).await
    }

    async fn answer_where(&self, within: Duration, wanted: impl Fn(&Received) -> bool) -> CallOutcome {
        match self.inbox.take(self.limit(within), wanted).await {
            Some(Received::Frame(Frame::Response { result: Ok(payload), .. })) => CallOutcome::Ok(payload),
            Some(Received::Frame(Frame::Response { result: Err(error), .. })) => self.refusal(error).await,
            Some(Received::Ended(end)) => CallOutcome::Ended(end, None),
            Some(Received::Frame(_) | Received::Binary(_)) | None => CallOutcome::Silence,
        }
    }

    /// Before the handshake is done an error response is followed by a close, which belongs to it.
    async fn refusal(&self, error: WireError) -> CallOutcome {
        if self.is_connected() {
            return CallOutcome::Refused(error);
        }
        match self.inbox.end(self.limit(CLOSE_AFTER_REFUSAL)).await {
            Some(end) => CallOutcome::Ended(end, Some(error)),
            None => CallOutcome::Refused(error),
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

    /// Waits for an event whose payload and other keys pass a test. None if there is none `within` that time; the end if the
    /// connection ends first.
    pub async fn event(
        &self,
        name: &str,
        within: Duration,
        test: impl Fn(&Value, &Map<String, Value>) -> bool,
    ) -> Option<Result<Value, ConnectionEnd>> {
        match self.inbox.take(self.limit(within), |one| is_event(one, name, &test)).await? {
            Received::Frame(Frame::Event { payload, .. }) => Some(Ok(payload)),
            Received::Ended(end) => Some(Err(end)),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// Waits until the connection ends without this side having closed it. None if it is still open after `within`.
    pub async fn end(&self, within: Duration) -> Option<ConnectionEnd> {
        self.inbox.end(self.limit(within)).await
    }

    /// How the connection ended, if it has ended and this side did not close it.
    pub fn ended(&self) -> Option<ConnectionEnd> {
        self.inbox.ended()
    }

    /// The number of frames that were dropped before anything asked for them, because more arrived than is kept.
    pub fn dropped_frames(&self) -> usize {
        self.inbox.dropped()
    }

    /// Stops reading: what the gateway sends from now on piles up on its side.
    pub fn pause(&self) {
        self.paused.send_replace(true);
    }

    /// Reads again.
    pub fn resume(&self) {
        self.paused.send_replace(false);
    }

    /// Sends a text frame. A failure to send shows as the end of the connection.
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
        match timeout(self.limit(self.write_within), open.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => *sink = None,
            Err(_) => {
                *sink = None;
                let waited = self.write_within.as_millis();
                let told = format!("the frame was not accepted within {waited} ms");
                self.transcript.add(&self.name, Direction::ClosedByClient, told);
            }
        }
    }

    /// Ends the connection with a close frame, and waits a moment for that of the gateway.
    pub async fn close(&self, code: u16) {
        if self.inbox.ended().is_some() {
            return;
        }
        self.transcript.add(&self.name, Direction::ClosedByClient, code.to_string());
        let closing = async {
            self.send(Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() }))).await;
            self.inbox.end(self.limit(CLOSING)).await;
        };
        let _ = timeout(self.limit(CLOSED_WITHIN), closing).await;
        self.abort().await;
    }

    /// Drops the TCP connection without a close frame.
    pub async fn abort(&self) {
        self.reader.abort();
        // A frame that is being sent to a gateway that does not read holds the sink until its own time is over.
        if let Ok(mut sink) = timeout(CLOSING, self.sink.lock()).await {
            *sink = None;
        }
        // The steps that follow rely on it that the gateway has been told.
        if let Some(relay) = &self.relay {
            let _ = timeout(self.limit(CLOSING), relay.delivered()).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What is read from a socket, unless reading is paused.
struct PausableStream {
    stream: SplitStream<ClientSocket>,
    paused: watch::Receiver<bool>,
}

impl PausableStream {
    async fn next(&mut self) -> Option<Result<Message, WsError>> {
        loop {
            // An error means that the connection is dropped, which ends this task.
            let _ = self.paused.wait_for(|paused| !paused).await;
            tokio::select! {
                biased;
                Ok(_) = self.paused.wait_for(|paused| *paused) => {}
                next = self.stream.next() => return next,
            }
        }
    }
}

async fn read(
    mut stream: PausableStream,
    sent: &SentClose,
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
            Some(Ok(Message::Close(frame))) => break sent.end(frame),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => break broken(&error),
            None => break ConnectionEnd::Closed(Close::DROPPED),
        }
    };
    let direction = match &end {
        ConnectionEnd::Closed(_) => Direction::ClosedByGateway,
        ConnectionEnd::ProtocolError(_) => Direction::ClosedByClient,
    };
    transcript.add(name, direction, end.to_string());
    inbox.put(Received::Ended(end));
    // Polling once more lets the library answer the close frame and end the TCP connection.
    let _ = timeout(CLOSING, async { while let Some(Ok(_)) = stream.next().await {} }).await;
}

/// How a connection ended that the library gave up on: dropped by the peer, or by this side because of what the peer sent.
pub(super) fn broken(error: &WsError) -> ConnectionEnd {
    match error {
        WsError::Io(error) if matches!(error.get_ref(), Some(inner) if inner.is::<TooMuchArrives>()) => {
            ConnectionEnd::ProtocolError(error.to_string())
        }
        WsError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
        )
        | WsError::Io(_) => ConnectionEnd::Closed(Close::DROPPED),
        WsError::Protocol(ProtocolError::ControlFrameTooBig) => ConnectionEnd::ProtocolError(
            "a control frame of more than 125 bytes (a close reason has 123)".to_owned(),
        ),
        WsError::Protocol(ProtocolError::NonZeroReservedBits) => ConnectionEnd::ProtocolError(
            "a frame with reserved bits set (RSV), and no extension was agreed".to_owned(),
        ),
        WsError::Protocol(ProtocolError::MaskedFrameFromServer) => {
            ConnectionEnd::ProtocolError("a masked frame from the gateway".to_owned())
        }
        WsError::Protocol(ProtocolError::InvalidCloseSequence) => {
            ConnectionEnd::ProtocolError("a close frame with a payload of one byte".to_owned())
        }
        WsError::Capacity(CapacityError::MessageTooLong { size, max_size }) => ConnectionEnd::ProtocolError(
            format!("a frame of {size} bytes, over this client's limit of {max_size}"),
        ),
        WsError::Utf8(_) => ConnectionEnd::ProtocolError("text that is not UTF-8".to_owned()),
        other => ConnectionEnd::ProtocolError(other.to_string()),
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
    use crate::client::Stream;

    #[tokio::test]
    async fn nothing_is_read_while_paused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            while let Some(Ok(Message::Text(id))) = socket.next().await {
                let answer = format!(r#"{{"type":"res","id":"{id}","ok":true,"payload":1}}"#);
                socket.send(Message::text(answer)).await.unwrap();
            }
        });
        let connection = connected(address).await;
        let long = Duration::from_secs(10);
        connection.pause();
        connection.send_text("1".to_owned()).await;
        assert_eq!(connection.answer("1", Duration::from_millis(100)).await, CallOutcome::Silence);
        connection.resume();
        assert_eq!(connection.answer("1", long).await, CallOutcome::Ok(Value::from(1)));
        connection.abort().await;
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_closed_by_the_gateway_is_not_left_half_open() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = tokio::spawn(async move {
            let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            let restart = CloseFrame { code: 1012.into(), reason: "service restart".into() };
            socket.close(Some(restart)).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
            socket.get_mut().shutdown().await.unwrap();
            let end = timeout(Duration::from_secs(5), socket.get_mut().read_u8()).await;
            end.expect("the client closes the connection").unwrap_err().kind()
        });
        let connection = connected(address).await;
        let end = connection.end(Duration::from_secs(5)).await;
        assert_eq!(end, Some(ConnectionEnd::Closed(Close::frame(Some(1012), "service restart"))));
        assert_eq!(gateway.await.unwrap(), std::io::ErrorKind::UnexpectedEof);
        drop(connection);
    }

    async fn connected(address: std::net::SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = Tap::new(WholeHead::new(Injected::Left(Stream::Left(stream))));
        let (socket, _) = client_async(format!("ws://{address}/"), stream).await.unwrap();
        Connection::start("laptop", socket, Transcript::new(Instant::now()), Duration::from_secs(5), None)
    }

    /// How a connection ends on which the gateway sends these bytes behind the upgrade.
    async fn end_after(bytes: Vec<u8>) -> Option<ConnectionEnd> {
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
    #[case::reserved(close_frame(1004, b""), "code 1004")]
    #[case::for_the_future(close_frame(2000, b""), "code 2000")]
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
    async fn a_protocol_violation_is_never_a_close_by_the_gateway(
        #[case] bytes: Vec<u8>,
        #[case] told: &str,
    ) {
        let Some(ConnectionEnd::ProtocolError(what)) = end_after(bytes).await else {
            panic!("a protocol error")
        };
        assert!(what.contains(told), "{what}");
    }

    #[rstest]
    #[case(1000)]
    #[case(1002)]
    #[case(1008)]
    #[case(1012)]
    #[case(1014)]
    #[case(3000)]
    #[case(4001)]
    #[case(4999)]
    #[tokio::test]
    async fn a_valid_close_code_is_reported_as_sent(#[case] code: u16) {
        let end = end_after(close_frame(code, b"why")).await;
        assert_eq!(end, Some(ConnectionEnd::Closed(Close::frame(Some(code), "why"))));
    }

    #[tokio::test]
    async fn a_send_to_a_gateway_that_reads_nothing_times_out() {
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
