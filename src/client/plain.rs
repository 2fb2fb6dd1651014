//! A plain HTTP request, sent exactly as it is written.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::endpoint::{ConnectError, Endpoint};

/// Answers are read up to this many bytes.
const MOST: usize = 1 << 20;

/// A plain HTTP request. Nothing in it is checked, so that it can be wrong.
#[derive(Clone, Debug, Default)]
pub struct PlainRequest {
    /// Method.
    pub method: String,
    /// Request target.
    pub target: String,
    /// Headers over `Host` and `Connection: close`; an empty text leaves one of these two out, and is sent of any other.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<String>,
}

/// What came of a plain HTTP request.
#[derive(Clone, Debug, PartialEq)]
pub enum PlainAnswer {
    /// An HTTP answer.
    Http {
        /// Its status.
        status: u16,
        /// Its body: parsed JSON, or a text.
        body: Value,
    },
    /// The connection ended without one.
    Dropped,
    /// Nothing came in the time given.
    Silence,
}

impl PlainRequest {
    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// Fails where nothing listens at the address.
    pub async fn send(&self, endpoint: &Endpoint, within: Duration) -> io::Result<PlainAnswer> {
        let Ok(connected) = timeout(within, endpoint.connect()).await else {
            return Ok(PlainAnswer::Silence);
        };
        let mut stream = match connected {
            Ok(stream) => stream,
            Err(ConnectError::Tcp(error)) => return Err(error),
            Err(ConnectError::Tls(_) | ConnectError::Pin { .. }) => return Ok(PlainAnswer::Dropped),
        };
        match timeout(within, stream.write_all(self.text(&endpoint.authority()).as_bytes())).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(PlainAnswer::Dropped),
            Err(_) => return Ok(PlainAnswer::Silence),
        }
        let mut bytes = Vec::new();
        // An upgraded connection stays open, so the time may end the reading.
        let reading = async {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut chunk).await {
                bytes.extend_from_slice(&chunk[..read]);
                if bytes.len() > MOST || is_upgraded(&bytes) {
                    break;
                }
            }
        };
        // What was read until then is looked at in any case.
        let in_time = timeout(within, reading).await.is_ok();
        Ok(match parse(&String::from_utf8_lossy(&bytes)) {
            Some((status, body)) => PlainAnswer::Http { status, body },
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

fn parse(answer: &str) -> Option<(u16, Value)> {
    let status = answer.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { joined(body) } else { body.to_owned() };
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    Some((status, body))
}

/// The chunks of a body in one piece.
fn joined(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16) else {
            break;
        };
        let Some(chunk) = rest.get(..size).filter(|_| size > 0) else { break };
        whole += chunk;
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"ok\":true}", Some((200, json!({"ok": true}))))]
    #[case("HTTP/1.1 503 Service Unavailable\r\n\r\nbusy", Some((503, json!("busy"))))]
    #[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Some((200, json!("abcde"))))]
    #[case("HTTP/1.1 101 Switching Protocols\r\n\r\n", Some((101, json!(""))))]
    #[case("", None)]
    #[case("no http", None)]
    fn an_answer_is_a_status_and_a_body(#[case] text: &str, #[case] parsed: Option<(u16, Value)>) {
        assert_eq!(parse(text), parsed);
    }

    #[test]
    fn headers_are_laid_over_the_usual_ones() {
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
