//! What a network does to a connection.

use std::fmt;
use std::time::Duration;

/// The most bytes of each direction that are cut into slices; what follows arrives as it was sent. A frame of 25 MB in slices
/// of one byte would take minutes and show nothing new.
pub(super) const SLICED: usize = 16 << 10;

/// What slicing may add to the time until an answer, on a busy machine.
const SLICING: Duration = Duration::from_secs(2);

/// What the network between client and gateway does to a connection. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long everything is under way, in each direction.
    pub latency: Duration,
    /// How many bytes arrive at a time, in each direction, for the first 16 KiB of each.
    pub slices: Option<usize>,
    /// When the network fails, and how.
    pub cut: Option<Cut>,
}

/// A failure of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When it happens.
    pub at: Point,
    /// What happens.
    pub kind: CutKind,
}

/// How a network fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutKind {
    /// The connection is reset: the gateway gets an RST, and the client finds its socket closed.
    Reset,
    /// Nothing arrives any more, and both sockets stay open.
    HalfOpen(Lost),
}

/// What does not arrive on a half-open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// What the client sends.
    Sent,
    /// What the client would receive.
    Received,
    /// Both.
    Both,
}

impl Lost {
    /// Whether what goes this way is lost.
    pub fn covers(self, way: Way) -> bool {
        match self {
            Self::Both => true,
            Self::Sent => way == Way::Sent,
            Self::Received => way == Way::Received,
        }
    }
}

/// A direction, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the gateway.
    Sent,
    /// From the gateway to the client.
    Received,
}

/// An amount of what went over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Bytes, beginning with those of the HTTP upgrade (and behind TLS, if there is TLS).
    Bytes(u64),
    /// Whole WebSocket frames of any kind.
    Frames(u64),
}

/// A point in the life of a connection: when this much has gone one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Which way.
    pub way: Way,
    /// How much.
    pub amount: Amount,
}

impl Faults {
    /// Whether nothing is done to the connection.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How much later than otherwise an answer may come: everything is under way twice.
    pub fn delay(&self) -> Duration {
        let slicing = if self.slices.is_some() { SLICING } else { Duration::ZERO };
        self.latency.saturating_mul(2).saturating_add(slicing)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "sent",
            Self::Received => "received",
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.amount {
            Amount::Bytes(number) => (number, "byte"),
            Amount::Frames(number) => (number, "frame"),
        };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "{number} {unit}{plural} {}", self.way)
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            CutKind::Reset => write!(f, "reset after {}", self.at),
            CutKind::HalfOpen(lost) => {
                let lost = match lost {
                    Lost::Sent => "nothing that is sent arrives",
                    Lost::Received => "nothing is received",
                    Lost::Both => "nothing arrives either way",
                };
                write!(f, "half-open after {}: {lost}", self.at)
            }
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency =
            (!self.latency.is_zero()).then(|| format!("latency of {} ms", self.latency.as_millis()));
        let bytes = |number: usize| if number == 1 { "1 byte".to_owned() } else { format!("{number} bytes") };
        let slices = self.slices.map(|number| format!("slices of {}", bytes(number)));
        let all: Vec<String> =
            latency.into_iter().chain(slices).chain(self.cut.map(|cut| cut.to_string())).collect();
        if all.is_empty() { f.write_str("nothing") } else { f.write_str(&all.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const fn cut(way: Way, amount: Amount, kind: CutKind) -> Cut {
        Cut { at: Point { way, amount }, kind }
    }

    #[rstest]
    #[case(Faults::default(), "nothing")]
    #[case(
        Faults { latency: Duration::from_millis(20), slices: Some(1), ..Faults::default() },
        "latency of 20 ms, slices of 1 byte"
    )]
    #[case(
        Faults { cut: Some(cut(Way::Sent, Amount::Frames(1), CutKind::Reset)), ..Faults::default() },
        "reset after 1 frame sent"
    )]
    #[case(
        Faults { cut: Some(cut(Way::Received, Amount::Bytes(40), CutKind::HalfOpen(Lost::Both))), ..Faults::default() },
        "half-open after 40 bytes received: nothing arrives either way"
    )]
    fn faults_are_told_in_words(#[case] faults: Faults, #[case] told: &str) {
        assert_eq!(faults.to_string(), told);
    }
}
