//! How far a connection is from the point at which its network fails.

use super::faults::{Amount, Point, Way};
use super::frame_count::FrameCount;

/// Watches one direction of a connection for a point.
#[derive(Debug)]
pub(super) struct Progress(Option<Left>);

/// What is left until the point.
#[derive(Debug)]
enum Left {
    Bytes(u64),
    Frames(u64, FrameCount),
}

impl Progress {
    /// The progress of what goes this way towards a point, if that lies on this way at all.
    pub(super) fn towards(point: Option<Point>, way: Way) -> Self {
        let amount = point.filter(|point| point.way == way).map(|point| point.amount);
        Self(amount.map(|amount| match amount {
            Amount::Bytes(number) => Left::Bytes(number),
            Amount::Frames(number) => Left::Frames(number, FrameCount::default()),
        }))
    }

    /// Whether the point is reached before anything has gone over the connection.
    pub(super) fn is_reached_at_once(&self) -> bool {
        matches!(self.0, Some(Left::Bytes(0) | Left::Frames(0, _)))
    }

    /// Takes bytes that go this way. Returns how many of them go before the point, if it is reached within them; it is reached
    /// only once.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        let reached = match self.0.as_mut()? {
            Left::Bytes(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX);
                *left = left.saturating_sub(bytes.len() as u64);
                (here <= bytes.len()).then_some(here)
            }
            Left::Frames(left, count) => {
                let mut at = 0;
                loop {
                    match count.next_end(&bytes[at..]) {
                        None => break None,
                        Some(end) => {
                            at += end;
                            *left = left.saturating_sub(1);
                            if *left == 0 {
                                break Some(at);
                            }
                        }
                    }
                }
            }
        };
        if reached.is_some() {
            self.0 = None;
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn sent(amount: Amount) -> Progress {
        Progress::towards(Some(Point { way: Way::Sent, amount }), Way::Sent)
    }

    proptest! {
        /// However the bytes are cut, a point in bytes lies behind that many of them.
        #[test]
        fn a_point_in_bytes_is_exact(number in 1_u64..5_000, chunk in 1_usize..700) {
            let mut progress = sent(Amount::Bytes(number));
            let mut gone = 0;
            for part in vec![0; 6_000].chunks(chunk) {
                if let Some(here) = progress.take(part) {
                    gone += here;
                    break;
                }
                gone += part.len();
            }
            prop_assert_eq!(gone as u64, number);
        }
    }

    #[rstest]
    #[case(1, Some(6))]
    #[case(2, Some(8))]
    #[case(3, None)]
    fn a_point_in_frames_lies_behind_the_frame(#[case] number: u64, #[case] at: Option<usize>) {
        assert_eq!(sent(Amount::Frames(number)).take(b"\r\n\r\n\x81\x00\x81\x00\x81"), at);
    }

    #[test]
    fn a_point_is_reached_once_and_only_on_its_own_way() {
        let mut progress = sent(Amount::Bytes(2));
        assert_eq!((progress.take(b"abc"), progress.take(b"abc")), (Some(2), None));
        let point = Point { way: Way::Received, amount: Amount::Bytes(0) };
        assert!(Progress::towards(Some(point), Way::Received).is_reached_at_once());
        let mut other = Progress::towards(Some(point), Way::Sent);
        assert!(!other.is_reached_at_once());
        assert_eq!(other.take(b"abc"), None);
    }
}
