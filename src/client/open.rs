//! Opening a WebSocket, or learning that there is none.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, http};

use super::connection::{Connection, broken};
use super::endpoint::{ConnectError, Endpoint};
use super::tap::Tap;
use super::transcript::{Direction, Transcript};
use crate::wire::{Close, End};

/// What became of an attempt to open a WebSocket.
#[derive(Debug)]
pub enum Opened {
    /// It is open.
    Socket(Connection),
    /// The gateway answered with HTTP instead.
    Http {
        /// Status.
        status: u16,
        /// Body: parsed JSON, or a text.
        body: Value,
    },
    /// The connection ended instead.
    Ended(End),
    /// Nothing came in the time given.
    Silence,
}

/// Why no connection could be tried at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing listens there, or the connection broke at once.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A header of the scenario is no header.
    #[error("`{name}: {value}` cannot be sent as an HTTP header")]
    Header {
        /// Name as written.
        name: String,
        /// Value as written.
        value: String,
    },
}

/// Opens a WebSocket to `endpoint`, with these headers laid over the usual ones.
pub async fn open(
    name: &str,
    endpoint: &Endpoint,
    headers: &[(String, String)],
    within: Duration,
    transcript: &Transcript,
) -> Result<Opened, OpenError> {
    let authority = endpoint.authority();
    let request = request(&authority, headers)?;
    let address = endpoint.address;
    let connecting = timeout(within, endpoint.connect()).await;
    let shown: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let opened = format!("{}://{authority} {}", endpoint.scheme(), shown.join(", "));
    let connected =
        connecting.unwrap_or_else(|_| Err(ConnectError::Tcp(std::io::ErrorKind::TimedOut.into())));
    let stream = match connected {
        Ok(stream) => stream,
        Err(ConnectError::Tcp(source)) => return Err(OpenError::Connect { address, source }),
        Err(error @ ConnectError::Tls(_)) => {
            transcript.add(name, Direction::Opened, opened.trim_end());
            transcript.add(name, Direction::ClosedByGateway, error.to_string());
            return Ok(Opened::Ended(End::Closed(Close::DROPPED)));
        }
        Err(error @ ConnectError::Pin { .. }) => {
            transcript.add(name, Direction::Opened, opened.trim_end());
            transcript.add(name, Direction::ClosedByClient, error.to_string());
            return Ok(Opened::Ended(End::ProtocolError(error.to_string())));
        }
    };
    transcript.add(name, Direction::Opened, opened.trim_end());
    let config = WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
    match timeout(within, client_async_with_config(request, Tap::new(stream), Some(config))).await {
        Ok(Ok((socket, _))) => {
            Ok(Opened::Socket(Connection::start(name, socket, transcript.clone(), within)))
        }
        Ok(Err(WsError::Http(response))) => {
            let (status, body) = http_answer(&response);
            transcript.add(name, Direction::Http, format!("HTTP {status} {body}"));
            Ok(Opened::Http { status, body })
        }
        Ok(Err(error)) => {
            let end = broken(&error);
            let direction = match &end {
                End::Closed(_) => Direction::ClosedByGateway,
                End::ProtocolError(_) => Direction::ClosedByClient,
            };
            transcript.add(name, direction, error.to_string());
            Ok(Opened::Ended(end))
        }
        Err(_) => {
            let told = format!("no answer to the upgrade within {} ms", within.as_millis());
            transcript.add(name, Direction::ClosedByClient, told);
            Ok(Opened::Silence)
        }
    }
}

fn request(authority: &str, headers: &[(String, String)]) -> Result<http::Request<()>, OpenError> {
    let unsendable =
        |name: &str, value: &str| OpenError::Header { name: name.to_owned(), value: value.to_owned() };
    let uri = format!("ws://{authority}/");
    let mut request = uri.as_str().into_client_request().map_err(|_| unsendable("uri", &uri))?;
    for (name, value) in headers {
        let refused = |_: &dyn std::fmt::Debug| unsendable(name, value);
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|e| refused(&e))?;
        let content = HeaderValue::from_str(value).map_err(|e| refused(&e))?;
        request.headers_mut().insert(header, content);
    }
    Ok(request)
}

fn http_answer(response: &http::Response<Option<Vec<u8>>>) -> (u16, Value) {
    let text = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (response.status().as_u16(), body)
}
