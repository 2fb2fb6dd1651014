//! Finds the ends of WebSocket frames (RFC 6455, section 5.2) in a stream of bytes that begins with an HTTP message.

/// The longest header of a frame, without the mask.
const LONGEST_HEADER: usize = 10;

/// Reads bytes and tells where frames end. It keeps no payload.
#[derive(Debug, Default)]
pub(super) struct FrameCount {
    /// The last bytes of the HTTP message, until its end has come.
    tail: [u8; 4],
    upgraded: bool,
    header: Vec<u8>,
    /// Bytes that are missing of the frame whose header is complete.
    missing: Option<u64>,
}

impl FrameCount {
    /// Takes bytes up to the end of the next frame, and returns how many these are; `None` if no frame ends in them, and all
    /// were taken.
    pub(super) fn next_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while !self.upgraded {
            let next = *bytes.get(at)?;
            self.tail.rotate_left(1);
            self.tail[3] = next;
            self.upgraded = self.tail == *b"\r\n\r\n";
            at += 1;
        }
        loop {
            if let Some(missing) = self.missing {
                let here = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += here;
                let left = missing - here as u64;
                self.missing = (left > 0).then_some(left);
                return (left == 0).then_some(at);
            }
            self.header.push(*bytes.get(at)?);
            at += 1;
            if let Some(rest) = length_after(&self.header) {
                self.header.clear();
                self.missing = Some(rest);
            }
        }
    }
}

/// How many bytes of the frame follow its header, mask and payload, once the header is complete.
fn length_after(header: &[u8]) -> Option<u64> {
    debug_assert!(header.len() <= LONGEST_HEADER, "a header of ten bytes is complete");
    let second = *header.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let payload = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?)),
        127 => u64::from_be_bytes(header.get(2..10)?.try_into().ok()?),
        short => u64::from(short),
    };
    Some(payload.saturating_add(mask))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A frame with a payload of this length.
    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let bit = if masked { 0x80 } else { 0 };
        let mut bytes = vec![0x81];
        match length {
            0..126 => bytes.push(bit | u8::try_from(length).unwrap()),
            126..65_536 => {
                bytes.push(bit + 126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(bit + 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(std::iter::repeat_n(7, length + if masked { 4 } else { 0 }));
        bytes
    }

    proptest! {
        /// However the bytes are cut, every frame ends where it ends.
        #[test]
        fn frames_end_where_they_end(
            lengths in prop::collection::vec((prop_oneof![0_usize..300, 65_530_usize..65_540], any::<bool>()), 1..5),
            chunk in 1_usize..400,
        ) {
            let mut bytes = HEAD.to_vec();
            let mut ends = Vec::new();
            for (length, masked) in lengths {
                bytes.extend(frame(length, masked));
                ends.push(bytes.len());
            }
            let (mut count, mut found, mut before) = (FrameCount::default(), Vec::new(), 0);
            for part in bytes.chunks(chunk) {
                let mut rest = part;
                while let Some(end) = count.next_end(rest) {
                    rest = &rest[end..];
                    found.push(before + part.len() - rest.len());
                }
                before += part.len();
            }
            prop_assert_eq!(found, ends);
        }

        #[test]
        fn whatever_comes_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut count = FrameCount { upgraded: true, ..FrameCount::default() };
            let mut rest = bytes.as_slice();
            while let Some(end) = count.next_end(rest) {
                prop_assert!(end > 0 && end <= rest.len());
                rest = &rest[end..];
            }
        }
    }
}
