//! HTTP answers, read from the bytes of a connection.

use std::borrow::Cow;

use httparse::{EMPTY_HEADER, Response, Status};
use serde_json::Value;

use crate::wire::document;

/// Headers that are read; an answer with more of them has no body for us but keeps its status.
const HEADERS: usize = 128;

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HttpAnswer {
    /// Its status.
    pub(super) status: u16,
    /// Its body: the JSON value if it is JSON, else the text.
    pub(super) body: Value,
}

impl HttpAnswer {
    /// Reads an answer; none if the bytes do not begin with a status line. An answer that was cut short has the body that
    /// has arrived.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let mut response = Response::new(&mut headers);
        let parsed = response.parse(bytes);
        let status = response.code?;
        let Ok(Status::Complete(at)) = parsed else {
            return Some(Self { status, body: body(&[]) });
        };
        let chunked = response.headers.iter().any(|header| {
            header.name.eq_ignore_ascii_case("transfer-encoding")
                && header.value.to_ascii_lowercase().ends_with(b"chunked")
        });
        let bytes = if chunked { Cow::Owned(joined(&bytes[at..])) } else { Cow::Borrowed(&bytes[at..]) };
        Some(Self { status, body: body(&bytes) })
    }
}

/// The body of an answer: the JSON value if it is JSON, else the text.
pub(super) fn body(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    document(&text).unwrap_or_else(|| Value::String(text.into_owned()))
}

/// The chunks of a body in one piece. A chunk may end within a character, so they are joined before they are decoded.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Ok(Status::Complete((at, size @ 1..))) = httparse::parse_chunk_size(body) {
        let rest = &body[at..];
        let Some(chunk) = usize::try_from(size).ok().and_then(|size| rest.get(..size)) else { break };
        whole.extend_from_slice(chunk);
        let rest = &rest[chunk.len()..];
        body = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    }
    whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::json(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"ok\":true}", Some((200, json!({"ok": true}))))]
    #[case::text(b"HTTP/1.1 503 Service Unavailable\r\n\r\nbusy", Some((503, json!("busy"))))]
    #[case::chunks(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        Some((200, json!("abcde")))
    )]
    #[case::a_chunk_that_ends_within_a_character(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\n\"\xc3\r\n2\r\n\xa9\"\r\n0\r\n\r\n",
        Some((200, json!("é")))
    )]
    #[case::a_chunk_that_ends_with_a_line_break(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\r\n\r\n1\r\nb\r\n0\r\n\r\n",
        Some((200, json!("a\r\nb")))
    )]
    #[case::no_body(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Some((101, json!(""))))]
    #[case::cut_short(b"HTTP/1.1 400 Bad Request\r\nConnection: cl", Some((400, json!(""))))]
    #[case::another_protocol(b"SSH-2.0", None)]
    #[case::nothing(b"", None)]
    fn an_answer_is_read(#[case] bytes: &[u8], #[case] read: Option<(u16, Value)>) {
        let answer = HttpAnswer::parse(bytes);
        assert_eq!(answer.map(|answer| (answer.status, answer.body)), read);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(head in prop::bool::ANY, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let start: &[u8] = if head { b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" } else { b"" };
            let _ = HttpAnswer::parse(&[start, &bytes].concat());
        }
    }
}
