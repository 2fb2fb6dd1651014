//! Opening a WebSocket connection.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error as WsError, http};

use super::connection::{Connection, broken};
use super::endpoint::{ConnectError, Endpoint};
use super::http_answer;
use super::network::{Injected, Injection, through};
use super::tap::{Tap, limits};
use super::tls::Stream;
use super::transcript::{Direction, Transcript};
use super::whole_head::WholeHead;
use crate::wire::{Close, ConnectionEnd};

/// The outcome of an attempt to open a WebSocket.
#[derive(Debug)]
pub enum Opened {
    /// It is open.
    Socket(Connection),
    /// The gateway answered with HTTP instead.
    Http {
        /// The HTTP status.
        status: u16,
        /// The body: the JSON value if it is JSON, else the text.
        body: Value,
    },
    /// The connection ended instead.
    Ended(ConnectionEnd),
    /// Nothing arrived in time.
    Silence,
}

/// Why a WebSocket could not even be tried.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing listens there, or the connection broke at once.
    #[error("cannot connect to {address}")]
    Connect {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system took no connection to it in time: it listens, but its queue of connections is full.
    #[error("{address} took no connection within {:.1} s: its queue of connections is full", within.as_secs_f64())]
    FullBacklog {
        /// The address.
        address: SocketAddr,
        /// How long was waited.
        within: Duration,
    },
    /// A header of the scenario is not valid in HTTP.
    #[error("`{name}: {value}` cannot be sent as an HTTP header")]
    Header {
        /// Name as written.
        name: String,
        /// Value as written.
        value: String,
    },
}

/// Opens a WebSocket to `endpoint`, with these headers added to the usual ones or in their place, through a network with
/// faults if some are to be injected.
///
/// # Errors
/// Fails if nothing listens at the address or a header is not valid.
pub async fn open(
    name: &str,
    endpoint: &Endpoint,
    headers: &[(String, String)],
    within: Duration,
    transcript: &Transcript,
    injection: Option<&Injection>,
) -> Result<Opened, OpenError> {
    let authority = endpoint.authority();
    let request = request(&authority, headers)?;
    let address = endpoint.address;
    let connecting = timeout(within, endpoint.connect()).await;
    let shown: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let opened = format!("{}://{authority} {}", endpoint.scheme(), shown.join(", "));
    // A machine that is asked at a port where nobody listens refuses at once.
    let Ok(connected) = connecting else { return Err(OpenError::FullBacklog { address, within }) };
    let stream = match connected {
        Ok(stream) => stream,
        Err(ConnectError::Tcp(source)) => return Err(OpenError::Connect { address, source }),
        Err(ConnectError::Tls(source)) => {
            transcript.add(name, Direction::Opened, opened.trim_end());
            transcript.add(name, Direction::ClosedByGateway, format!("the TLS handshake failed: {source}"));
            return Ok(Opened::Ended(ConnectionEnd::Closed(Close::DROPPED)));
        }
        Err(error @ ConnectError::Pin { .. }) => {
            transcript.add(name, Direction::Opened, opened.trim_end());
            transcript.add(name, Direction::ClosedByClient, error.to_string());
            return Ok(Opened::Ended(ConnectionEnd::ProtocolError(error.to_string())));
        }
    };
    transcript.add(name, Direction::Opened, opened.trim_end());
    Ok(upgrade(name, stream, request, within, injection, transcript).await)
}

/// Opens a WebSocket on a stream that is connected already. The request names `localhost` as its host.
pub async fn open_on(name: &str, stream: TcpStream, within: Duration, transcript: &Transcript) -> Opened {
    let request = request("localhost", &[]).unwrap_or_default();
    upgrade(name, Stream::Left(stream), request, within, None, transcript).await
}

/// Asks for the upgrade of a stream to a WebSocket.
async fn upgrade(
    name: &str,
    stream: Stream,
    request: http::Request<()>,
    within: Duration,
    injection: Option<&Injection>,
    transcript: &Transcript,
) -> Opened {
    let (stream, relay) = match injection {
        Some(injection) => {
            transcript.add(name, Direction::Network, injection.faults.to_string());
            let (stream, relay) = through(stream, injection);
            (Injected::Right(stream), Some(relay))
        }
        None => (Injected::Left(stream), None),
    };
    let longest = relay.as_ref().map_or(within, |relay| within.saturating_add(relay.delay()));
    match timeout(
        longest,
        client_async_with_config(request, Tap::new(WholeHead::new(stream)), Some(limits())),
    )
    .await
    {
        Ok(Ok((socket, _))) => {
            Opened::Socket(Connection::start(name, socket, transcript.clone(), within, relay))
        }
        Ok(Err(WsError::Http(response))) => {
            let status = response.status().as_u16();
            let body = http_answer::body(response.body().as_deref().unwrap_or_default());
            transcript.add(name, Direction::Http, format!("HTTP {status} {body}"));
            Opened::Http { status, body }
        }
        Ok(Err(error)) => {
            let end = broken(&error);
            let direction = match &end {
                ConnectionEnd::Closed(_) => Direction::ClosedByGateway,
                ConnectionEnd::ProtocolError(_) => Direction::ClosedByClient,
            };
            transcript.add(name, direction, error.to_string());
            Opened::Ended(end)
        }
        Err(_) => {
            let told = format!("no answer to the upgrade within {} ms", within.as_millis());
            transcript.add(name, Direction::ClosedByClient, told);
            Opened::Silence
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
