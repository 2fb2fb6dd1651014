//! A stream that hands on the HTTP message at its beginning as a whole.
//!
//! The WebSocket library takes a message that arrives in many small pieces for an attack and gives up, on either side. Gateways
//! do not, and on a slow line nothing is wrong with it. Of an answer that refuses the upgrade, the library keeps as much of the
//! body as came along with the head, which depends on the network.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use httparse::{EMPTY_HEADER, Response};
use tokio::io::{AsyncRead, ReadBuf};

use super::writes_through::writes_through;

/// Headers of an answer that are looked through for the length of its body.
const HEADERS: usize = 128;

/// The longest message that is waited for; the library refuses a longer head.
const LONGEST: usize = 64 << 10;

/// A stream whose first bytes are an HTTP message: a request or an answer without a body, or an answer that refuses.
#[derive(Debug)]
pub(crate) struct WholeHead<S> {
    stream: S,
    head: Vec<u8>,
    /// How long the message is, once its head has come.
    length: Option<usize>,
    /// How much of it was handed on.
    given: usize,
    is_whole: bool,
}

impl<S> WholeHead<S> {
    /// The stream, before anything was read of it.
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, head: Vec::new(), length: None, given: 0, is_whole: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WholeHead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_whole {
            let mut space = [0; 1024];
            let mut part = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            let new = part.filled();
            let before = self.head.len();
            self.head.extend_from_slice(new);
            let unseen = before.saturating_sub(3);
            if self.length.is_none()
                && let Some(at) = self.head[unseen..].windows(4).position(|four| four == b"\r\n\r\n")
            {
                let end = unseen + at + 4;
                self.length = Some(end.saturating_add(body_length(&self.head[..end])));
            }
            self.is_whole = new.is_empty()
                || self.head.len() >= LONGEST
                || self.length.is_some_and(|length| self.head.len() >= length);
        }
        if self.given == self.head.len() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let rest = &self.head[self.given..];
        let here = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..here]);
        self.given += here;
        if self.given == self.head.len() {
            self.head = Vec::new();
            self.given = 0;
        }
        Poll::Ready(Ok(()))
    }
}

/// The length of the body behind the head of an answer that refuses, if it says so.
fn body_length(head: &[u8]) -> usize {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut answer = Response::new(&mut headers);
    if answer.parse(head).is_err() || answer.code == Some(101) {
        return 0;
    }
    let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok()).unwrap_or(0)
}

writes_through!(WholeHead<S>, stream);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What each read returns if these bytes arrive one by one and then end.
    async fn reads(bytes: &[u8]) -> Vec<String> {
        let (mut sender, receiver) = tokio::io::duplex(1);
        let sent = bytes.to_vec();
        let sending = tokio::spawn(async move { sender.write_all(&sent).await.unwrap() });
        let (mut stream, mut found, mut buffer) = (WholeHead::new(receiver), Vec::new(), [0; 128]);
        while let length @ 1.. = stream.read(&mut buffer).await.unwrap() {
            found.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        sending.await.unwrap();
        found
    }

    #[tokio::test]
    async fn the_head_comes_as_a_whole_and_the_rest_as_it_arrives() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(reads(format!("{head}xy").as_bytes()).await, [head, "x", "y"]);
    }

    #[tokio::test]
    async fn a_refusal_comes_with_its_body() {
        let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\nno wa";
        assert_eq!(reads(format!("{refusal}y").as_bytes()).await, [refusal, "y"]);
        let cut = "HTTP/1.1 403 Forbidden\r\nContent-Length: 50\r\n\r\nno";
        assert_eq!(reads(cut.as_bytes()).await, [cut]);
        let upgrade = "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(reads(format!("{upgrade}ab").as_bytes()).await, [upgrade, "a", "b"]);
    }

    #[tokio::test]
    async fn what_is_no_head_is_handed_on_at_the_end() {
        assert_eq!(reads(b"SSH-2.0\r\n").await, ["SSH-2.0\r\n"]);
        assert!(reads(b"").await.is_empty());
        let long = vec![b'a'; LONGEST + 10];
        assert_eq!(reads(&long).await.concat().len(), long.len());
    }
}
