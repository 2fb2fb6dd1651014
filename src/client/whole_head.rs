//! A stream that hands on the HTTP message at its beginning as a whole.
//!
//! The WebSocket library takes a message that arrives in many small pieces for an attack and gives up, on either side. Gateways
//! do not, and on a slow line nothing is wrong with it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest head that is waited for; the library refuses a longer one.
const LONGEST: usize = 64 << 10;

/// A stream whose first bytes are the head of an HTTP message.
#[derive(Debug)]
pub(crate) struct WholeHead<S> {
    stream: S,
    head: Vec<u8>,
    /// How much of the head was handed on.
    given: usize,
    is_whole: bool,
}

impl<S> WholeHead<S> {
    /// The stream, before anything was read of it.
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, head: Vec::new(), given: 0, is_whole: false }
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
            let unseen = &self.head[before.saturating_sub(3)..];
            self.is_whole = new.is_empty()
                || self.head.len() >= LONGEST
                || unseen.windows(4).any(|four| four == b"\r\n\r\n");
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

impl<S: AsyncWrite + Unpin> AsyncWrite for WholeHead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What each read returns if these bytes arrive one by one and then end.
    async fn reads(bytes: &[u8]) -> Vec<String> {
        let (mut sender, receiver) = tokio::io::duplex(1);
        let sent = bytes.to_vec();
        let sending = tokio::spawn(async move { sender.write_all(&sent).await.unwrap() });
        let (mut stream, mut found, mut buffer) = (WholeHead::new(receiver), Vec::new(), [0; 64]);
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
    async fn what_is_no_head_is_handed_on_at_the_end() {
        assert_eq!(reads(b"SSH-2.0\r\n").await, ["SSH-2.0\r\n"]);
        assert!(reads(b"").await.is_empty());
        let long = vec![b'a'; LONGEST + 10];
        assert_eq!(reads(&long).await.concat().len(), long.len());
    }
}
