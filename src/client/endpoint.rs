//! Where to connect to, and from where.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpSocket;
use tokio_util::either::Either;

use super::tls::{Stream, secure};

/// Where to connect to, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// The name that the request says instead of the address, such as `localhost`.
    pub name: Option<String>,
    /// The address to connect from, if not the one that the system picks.
    pub from: Option<IpAddr>,
    /// Whether the connection is secured, and how.
    pub tls: Tls,
}

/// Whether a connection is secured by TLS, and which certificate is the right one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// It is not.
    #[default]
    Off,
    /// It is, with whatever certificate the gateway shows.
    AnyCertificate,
    /// It is, and ends before a byte is sent unless the certificate has this SHA-256, in hexadecimal digits with or
    /// without colons.
    Pinned(String),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens there, or the connection broke at once.
    #[error(transparent)]
    Tcp(io::Error),
    /// The gateway ended the TLS handshake, or does not speak TLS.
    #[error("the TLS handshake failed: {0}")]
    Tls(io::Error),
    /// It has shown another certificate than the pinned one.
    #[error("the gateway's certificate has the fingerprint {shown}, and {pinned} is pinned")]
    Pin {
        /// Fingerprint of the certificate that it has shown.
        shown: String,
        /// Fingerprint that is right.
        pinned: String,
    },
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address, name: None, from: None, tls: Tls::Off }
    }
}

impl Endpoint {
    /// Connects.
    pub(super) async fn connect(&self) -> Result<Stream, ConnectError> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let socket = socket.map_err(ConnectError::Tcp)?;
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0)).map_err(ConnectError::Tcp)?;
        }
        let stream = socket.connect(self.address).await.map_err(ConnectError::Tcp)?;
        // Small frames in lock step: waiting to fill a packet would only add latency.
        let _ = stream.set_nodelay(true);
        if self.tls == Tls::Off {
            return Ok(Either::Left(stream));
        }
        let (secured, shown) = secure(stream).await.map_err(ConnectError::Tls)?;
        if let Tls::Pinned(pinned) = &self.tls
            && !is_same_fingerprint(pinned, &shown)
        {
            return Err(ConnectError::Pin { shown, pinned: pinned.clone() });
        }
        Ok(secured)
    }

    /// How the connection shows in an address: `ws`, or `wss` where it is secured.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls == Tls::Off { "ws" } else { "wss" }
    }

    /// What a request calls the server: host and port.
    pub(super) fn authority(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}:{}", self.address.port()),
            None => self.address.to_string(),
        }
    }
}

/// Whether a fingerprint as people write it is the one that a gateway has shown.
fn is_same_fingerprint(written: &str, shown: &str) -> bool {
    let digits = written.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase());
    digits.eq(shown.chars())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_peer_is_seen_at_the_address_that_it_connects_from() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint { from: Some("127.0.0.7".parse().unwrap()), ..Endpoint::from(address) };
        let (_here, there) = tokio::join!(endpoint.connect(), listener.accept());
        assert_eq!(there.unwrap().1.ip().to_string(), "127.0.0.7");
    }

    #[test]
    fn a_fingerprint_may_be_written_in_pairs_and_capitals() {
        assert!(is_same_fingerprint("AB:0c", "ab0c"));
        assert!(is_same_fingerprint("ab0c", "ab0c"));
        assert!(!is_same_fingerprint("ab0c0", "ab0c"));
        assert!(!is_same_fingerprint("", "ab0c"));
    }

    #[test]
    fn a_name_stands_in_the_place_of_the_address() {
        let plain = Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(plain.authority(), "127.0.0.1:80");
        assert_eq!(Endpoint { name: Some("localhost".into()), ..plain }.authority(), "localhost:80");
    }
}
