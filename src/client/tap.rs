//! Reads the bytes below the WebSocket library for what the library hides: the close frame as it was sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

use super::budget::{ARRIVING, Share};
use super::writes_through::writes_through;
use crate::wire::{Close, ConnectionEnd};

/// 1014 (bad gateway) is registered with IANA, and the library does not know it.
const BAD_GATEWAY: u16 = 1014;

/// Smaller messages are not counted while they arrive.
const WORTH_COUNTING: usize = 256 << 10;

/// The longest payload of a control frame.
const CONTROL: usize = 125;

/// A stream that a WebSocket client reads, watched for close frames.
///
/// The library replaces a close code that it does not allow in a frame (0, 999, 1005, 5000 and the like) by 1002, as if
/// the gateway had sent that. What was really sent is remembered here.
#[derive(Debug)]
pub(super) struct Tap<S> {
    stream: S,
    scanner: FrameScanner,
    seen: SentClose,
    arriving: Share,
}

/// The largest frame and message that a client takes. Gateways accept 25 MB themselves (measured on 2026.3.31).
const LARGEST: usize = 32 << 20;

/// What is read at once. The library's default of 128 KiB is allocated for every connection, and thousands may be open.
pub(crate) const READ_AT_ONCE: usize = 8 << 10;

/// The settings of the WebSocket library for what a gateway sends.
pub(super) fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_AT_ONCE)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST))
}

/// More is arriving on all connections together than is kept.
#[derive(Debug, thiserror::Error)]
#[error("this client keeps no more of the unfinished messages on all of its connections")]
pub(super) struct TooMuchArrives;

/// The close frame as it was sent, once one has arrived: its code and the bytes of its reason.
#[derive(Clone, Debug, Default)]
pub(super) struct SentClose(Arc<Mutex<Option<CodeAndReason>>>);

type CodeAndReason = (u16, Vec<u8>);

impl SentClose {
    /// What a close frame says that the library has accepted.
    pub(super) fn end(&self, accepted: Option<CloseFrame>) -> ConnectionEnd {
        let Some(accepted) = accepted else { return ConnectionEnd::Closed(Close::frame(None, "")) };
        let code: u16 = accepted.code.into();
        let sent = self.0.lock();
        match sent.as_ref() {
            Some((BAD_GATEWAY, reason)) => match std::str::from_utf8(reason) {
                Ok(reason) => ConnectionEnd::Closed(Close::frame(Some(BAD_GATEWAY), reason)),
                Err(_) => ConnectionEnd::ProtocolError("text that is not UTF-8".to_owned()),
            },
            Some((sent, _)) if *sent != code => {
                ConnectionEnd::ProtocolError(format!("a close frame may not carry the code {sent}"))
            }
            _ => ConnectionEnd::Closed(Close::frame(Some(code), accepted.reason.as_str())),
        }
    }
}

impl<S> Tap<S> {
    /// Watches a stream on which a WebSocket handshake is about to start.
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            scanner: FrameScanner::default(),
            seen: SentClose::default(),
            arriving: Share::of(&ARRIVING),
        }
    }

    /// Watches a stream whose next bytes are frames.
    pub(super) fn of_frames(stream: S) -> Self {
        Self { scanner: FrameScanner { upgraded: true, ..FrameScanner::default() }, ..Self::new(stream) }
    }

    /// The close frame, to be read later.
    pub(super) fn sent_close(&self) -> SentClose {
        self.seen.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(polled, Poll::Ready(Ok(()))) {
            let new = &buffer.filled()[before..];
            if let Some(close) = self.scanner.take(new) {
                // Only the first close frame ends a connection.
                self.seen.0.lock().get_or_insert(close);
            }
            let arriving = self.scanner.arriving;
            if arriving >= WORTH_COUNTING || self.arriving.bytes() > 0 {
                self.arriving.set(arriving);
                if arriving > 0 && ARRIVING.is_exceeded() {
                    return Poll::Ready(Err(io::Error::other(TooMuchArrives)));
                }
            }
        }
        polled
    }
}

writes_through!(Tap<S>, stream);

/// Scans frames (RFC 6455, section 5.2) without keeping their payloads.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are bits of the frame that is being read")]
struct FrameScanner {
    /// The last bytes of the HTTP answer, until its end has come.
    upgraded: bool,
    tail: [u8; 4],
    /// The header of the frame that is being read.
    header: Vec<u8>,
    /// Bytes of the payload that are still to come, and whether they belong to a close frame.
    payload: u64,
    closing: bool,
    close: Vec<u8>,
    /// Bytes of the message that is being read, over all of its frames.
    arriving: usize,
    /// Whether the frame that is being read is the last one of its message, and whether it is part of one.
    is_last: bool,
    is_data: bool,
}

impl FrameScanner {
    /// Takes bytes that arrived; returns code and reason of a close frame as soon as it is complete.
    fn take(&mut self, mut bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
        while !self.upgraded {
            let (first, rest) = bytes.split_first()?;
            self.tail.rotate_left(1);
            self.tail[3] = *first;
            self.upgraded = self.tail == *b"\r\n\r\n";
            bytes = rest;
        }
        let mut found = None;
        while !bytes.is_empty() {
            if self.payload > 0 {
                let here = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
                self.payload -= here as u64;
                if self.is_data {
                    self.arriving = self.arriving.saturating_add(here);
                    self.end_message();
                }
                if self.closing {
                    self.close.extend(bytes[..here].iter().take(CONTROL - self.close.len()));
                    if let (0, [high, low, reason @ ..]) = (self.payload, self.close.as_slice()) {
                        found.get_or_insert((u16::from_be_bytes([*high, *low]), reason.to_vec()));
                    }
                }
                bytes = &bytes[here..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if let Some((opcode, length)) = header(&self.header) {
                self.is_last = self.header[0] & 0x80 != 0;
                self.header.clear();
                self.payload = length;
                self.closing = opcode == 8;
                self.close.clear();
                self.is_data = opcode < 8;
                self.end_message();
            }
        }
        found
    }

    /// Nothing is arriving any more when the last frame of a message is complete.
    fn end_message(&mut self) {
        if self.is_data && self.is_last && self.payload == 0 {
            self.arriving = 0;
        }
    }
}

/// Opcode and length of the payload, once the header is complete. A mask counts as payload: a server sends none,
/// and one that does has broken the protocol in a way that the library tells of.
fn header(bytes: &[u8]) -> Option<(u8, u64)> {
    let (opcode, short) = (bytes[0] & 15, *bytes.get(1)? & 127);
    let length = match short {
        126 => u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        127 => u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?),
        short => u64::from(short),
    };
    Some((opcode, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(code: u16) -> Vec<u8> {
        [&[0x88, 4][..], &code.to_be_bytes(), b"no"].concat()
    }

    fn stream(code: u16) -> Vec<u8> {
        let long = [&[0x81, 126, 1, 0][..], &[b'x'; 256]].concat();
        let longer = [vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], vec![0x88; 65_536]].concat();
        [b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(), long, longer, close(code)].concat()
    }

    proptest! {
        #[test]
        fn the_code_is_found_however_the_bytes_are_cut(code: u16, cut in 1_usize..4_000) {
            let mut scanner = FrameScanner::default();
            let found: Vec<_> = stream(code).chunks(cut).filter_map(|chunk| scanner.take(chunk)).collect();
            prop_assert_eq!(found, vec![(code, b"no".to_vec())]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut scanner = FrameScanner { upgraded: true, ..FrameScanner::default() };
            let _ = scanner.take(&bytes);
        }
    }

    #[test]
    fn a_message_counts_until_its_last_frame_is_complete() {
        let mut scanner = FrameScanner { upgraded: true, ..FrameScanner::default() };
        scanner.take(&[0x01, 3, b'a', b'b']);
        assert_eq!(scanner.arriving, 2);
        scanner.take(&[b'c', 0x89, 1, b'p', 0x00, 1, b'd', 0x80, 2, b'e']);
        assert_eq!(scanner.arriving, 5);
        scanner.take(b"f");
        assert_eq!(scanner.arriving, 0);
    }

    #[test]
    fn a_close_without_a_code_has_none() {
        let mut scanner = FrameScanner { upgraded: true, ..FrameScanner::default() };
        assert_eq!(scanner.take(&[0x88, 0]), None);
    }
}
