//! The client's end of a connection through the relay.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, DuplexStream, ReadBuf};

use super::faults::SLICED;
use crate::client::writes_through::writes_through;

/// The largest slice; larger ones come in several reads anyway.
const LARGEST: usize = 1 << 10;

/// A pipe whose first bytes are read in slices, whatever has arrived meanwhile.
#[derive(Debug)]
pub(in crate::client) struct ClientEnd {
    pipe: DuplexStream,
    /// How many bytes a read returns at most.
    slice: Option<usize>,
    /// How many bytes are still sliced.
    left: usize,
}

impl ClientEnd {
    pub(super) const fn new(pipe: DuplexStream, slice: Option<usize>) -> Self {
        Self { pipe, slice, left: SLICED }
    }
}

impl AsyncRead for ClientEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(slice) = self.slice.filter(|_| self.left > 0) else {
            return Pin::new(&mut self.pipe).poll_read(context, buffer);
        };
        let mut space = [0; LARGEST];
        let most = slice.clamp(1, LARGEST).min(buffer.remaining());
        let mut part = ReadBuf::new(&mut space[..most]);
        ready!(Pin::new(&mut self.pipe).poll_read(context, &mut part))?;
        buffer.put_slice(part.filled());
        self.left = self.left.saturating_sub(part.filled().len());
        Poll::Ready(Ok(()))
    }
}

writes_through!(ClientEnd, pipe);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// The lengths of the first reads of what arrived all at once.
    async fn reads(slice: Option<usize>, arrived: usize, most: usize) -> Vec<usize> {
        let (client, mut relay) = tokio::io::duplex(2 * SLICED);
        relay.write_all(&vec![b'a'; arrived]).await.unwrap();
        drop(relay);
        let (mut end, mut lengths, mut buffer) = (ClientEnd::new(client, slice), Vec::new(), vec![0; most]);
        while let length @ 1.. = end.read(&mut buffer).await.unwrap() {
            lengths.push(length);
        }
        lengths
    }

    #[tokio::test]
    async fn what_arrived_is_read_in_slices() {
        assert_eq!(reads(Some(2), 5, 64).await, [2, 2, 1]);
        assert_eq!(reads(Some(4), 5, 3).await, [3, 2]);
        assert_eq!(reads(None, 5, 64).await, [5]);
    }

    #[tokio::test]
    async fn only_the_beginning_is_sliced() {
        let lengths = reads(Some(512), SLICED + 3_000, SLICED).await;
        assert_eq!(lengths.iter().filter(|length| **length == 512).count(), SLICED / 512);
        assert_eq!(lengths.last(), Some(&3_000));
    }
}
