//! A plain HTTP request, sent exactly as it is written.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::endpoint::{ConnectError, Endpoint};
use super::http_answer::HttpAnswer;
use super::network::{Injected, Injection, through};

/// The most bytes that are read of an answer.
const MOST: usize = 1 << 20;

/// A plain HTTP request. Nothing in it is checked, so that scenarios can send malformed ones.
#[derive(Clone, Debug, Default)]
pub struct PlainRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// The request target, such as `/health`.
    pub target: String,
    /// Headers beside or in place of `Host` and `Connection: close`. An empty text leaves one of these two out; any other
    /// header is sent with an empty value.
    pub headers: Vec<(String, String)>,
    /// The body, if it has one.
    pub body: Option<String>,
}

/// The outcome of a plain HTTP request.
#[derive(Clone, Debug, PartialEq)]
pub enum PlainAnswer {
    /// An HTTP answer.
    Http {
        /// Its status.
        status: u16,
        /// Its body: the JSON value if it is JSON, else the text.
        body: Value,
    },
    /// The connection ended without an answer.
    Dropped,
    /// Nothing arrived in time.
    Silence,
}

impl PlainRequest {
    /// Sends it and reads the answer, through a network with faults if some are to be injected.
    ///
    /// # Errors
    /// Fails if nothing listens at the address.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        within: Duration,
        injection: Option<&Injection>,
    ) -> io::Result<PlainAnswer> {
        let Ok(connected) = timeout(within, endpoint.connect()).await else {
            return Ok(PlainAnswer::Silence);
        };
        let stream = match connected {
            Ok(stream) => stream,
            Err(ConnectError::Tcp(error)) => return Err(error),
            Err(ConnectError::Tls(_) | ConnectError::Pin { .. }) => return Ok(PlainAnswer::Dropped),
        };
        let (mut stream, relay) = match injection {
            Some(injection) => {
                let (stream, relay) = through(stream, injection);
                (Injected::Right(stream), Some(relay))
            }
            None => (Injected::Left(stream), None),
        };
        let within = relay.as_ref().map_or(within, |relay| within.saturating_add(relay.delay()));
        match timeout(within, stream.write_all(self.text(&endpoint.authority()).as_bytes())).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(PlainAnswer::Dropped),
            Err(_) => return Ok(PlainAnswer::Silence),
        }
        let mut bytes = Vec::new();
        // An upgraded connection stays open, so reading may end by the time limit.
        let reading = async {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut chunk).await {
                bytes.extend_from_slice(&chunk[..read]);
                if bytes.len() > MOST || is_upgraded(&bytes) {
                    break;
                }
            }
        };
        // What was read until then counts in any case.
        let in_time = timeout(within, reading).await.is_ok();
        Ok(match HttpAnswer::parse(&bytes) {
            Some(HttpAnswer { status, body }) => PlainAnswer::Http { status, body },
            None if in_time => PlainAnswer::Dropped,
            None => PlainAnswer::Silence,
        })
    }

    fn text(&self, authority: &str) -> String {
        let usual = [("Host", authority.to_owned()), ("Connection", "close".to_owned())];
        let length = self.body.as_ref().map(|body| ("Content-Length", body.len().to_string()));
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let given = |name: &str| self.headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        let left_out = |name: &str, value: &str| {
            value.is_empty() && usual.iter().any(|(one, _)| one.eq_ignore_ascii_case(name))
        };
        let sent: Vec<_> =
            self.headers.iter().filter(|(name, value)| !left_out(name, value)).cloned().collect();
        let usual = usual.clone().into_iter().chain(length).filter(|(name, _)| !given(name));
        let usual = usual.map(|(name, value)| (name.to_owned(), value));
        for (name, value) in usual.chain(sent) {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text + "\r\n" + self.body.as_deref().unwrap_or_default()
    }
}

fn is_upgraded(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.1 101")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_headers_replace_the_usual_ones() {
        let request = PlainRequest {
            method: "GET".into(),
            target: "/a b".into(),
            headers: vec![
                ("host".into(), "x".into()),
                ("Connection".into(), String::new()),
                ("X-OpenClaw-Scopes".into(), String::new()),
            ],
            body: Some("é".into()),
        };
        let text = request.text("127.0.0.1:1");
        assert_eq!(text, "GET /a b HTTP/1.1\r\nContent-Length: 2\r\nhost: x\r\nX-OpenClaw-Scopes: \r\n\r\né");
    }
}
