//! The WebSocket of one connection to a served model, from its upgrade to its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::boundary::{ConnectionId, HttpRefusal, IncomingFrame};
use super::hello::MAX_PAYLOAD;
use super::peer::Peer;
use super::service::{Service, SocketCommand};
use crate::client::{READ_AT_ONCE, WholeHead};

/// How long a peer may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Accepts the upgrade of a connection and serves it until it ends.
pub(super) async fn serve_connection(stream: TcpStream, address: SocketAddr, shared: Arc<Service>) {
    // Without it the connection is merely slower.
    let _ = stream.set_nodelay(true);
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_AT_ONCE)
        .max_message_size(Some(MAX_PAYLOAD + 1))
        .max_frame_size(Some(MAX_PAYLOAD + 1));
    let mut opened: Option<(ConnectionId, UnboundedReceiver<SocketCommand>)> = None;
    let upgrade = |request: &Request, response: Response| {
        let peer = Peer { addr: address.ip(), headers: headers(request) };
        let (commands, inbox) = unbounded_channel();
        let now = shared.now();
        let mut held = shared.lock();
        let conn = held.next;
        held.next += 1;
        match held.gateway.opened(conn, peer, now) {
            Ok(effects) => {
                held.commands.insert(conn, commands);
                held.carry_out(effects);
                let next = held.gateway.next_deadline();
                if next < held.deadline {
                    held.deadline = next;
                    shared.woken.notify_one();
                }
                opened = Some((conn, inbox));
                Ok(response)
            }
            Err(refusal) => Err(http_response(&refusal)),
        }
    };
    let accepted = tokio::select! {
        () = shared.stopped.cancelled() => return,
        accepted = accept_hdr_async_with_config(WholeHead::new(stream), upgrade, Some(limits)) => accepted,
    };
    let Some((conn, inbox)) = opened else { return };
    if let Ok(socket) = accepted {
        exchange_frames(socket, conn, inbox, &shared).await;
    }
    let mut held = shared.lock();
    held.gateway.closed(conn);
    held.commands.remove(&conn);
}

fn headers(request: &Request) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|known| {
                known.push_str(", ");
                known.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    headers
}

fn http_response(refusal: &HttpRefusal) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(refusal.body.clone()));
    *response.status_mut() = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(refusal.body.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn exchange_frames(
    mut socket: WebSocketStream<WholeHead<TcpStream>>,
    conn: ConnectionId,
    mut inbox: UnboundedReceiver<SocketCommand>,
    shared: &Service,
) {
    loop {
        tokio::select! {
            biased;
            command = inbox.recv() => match command {
                Some(SocketCommand::Send(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                Some(SocketCommand::Close(code, reason)) => {
                    close(socket, code, reason).await;
                    return;
                }
                None => return,
            },
            () = shared.stopped.cancelled() => {
                close(socket, 1012, "service restart".to_owned()).await;
                return;
            }
            message = socket.next() => match message {
                Some(Ok(message)) => handle_message(&message, conn, shared),
                Some(Err(Error::Capacity(_))) => deliver_frame(conn, IncomingFrame::TooLong(usize::MAX), shared),
                Some(Err(_)) | None => return,
            },
        }
    }
}

fn handle_message(message: &Message, conn: ConnectionId, shared: &Service) {
    match message {
        Message::Text(text) => deliver_frame(conn, IncomingFrame::Text(text.as_str()), shared),
        Message::Binary(bytes) => {
            deliver_frame(conn, IncomingFrame::Text(&String::from_utf8_lossy(bytes)), shared);
        }
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
    }
}

fn deliver_frame(conn: ConnectionId, frame: IncomingFrame<'_>, shared: &Service) {
    let now = shared.now();
    let mut held = shared.lock();
    let effects = held.gateway.frame(conn, frame, now);
    held.carry_out(effects);
}

async fn close(mut socket: WebSocketStream<WholeHead<TcpStream>>, code: u16, reason: String) {
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
    let closing = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // A peer that does not answer the close is dropped.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
}
