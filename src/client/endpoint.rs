//! Endpoints: the address to connect to, the one to connect from, and TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpSocket;
use tokio_util::either::Either;

use super::tls::{Stream, secure};

/// An endpoint of a gateway and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address to connect to.
    pub address: SocketAddr,
    /// The name in the request instead of the address, such as `localhost`.
    pub name: Option<String>,
    /// The address to connect from, if not the one that the system picks.
    pub from: Option<IpAddr>,
    /// Whether the connection is secured, and how.
    pub tls: EndpointTls,
}

/// Whether a connection uses TLS, and which certificate it accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EndpointTls {
    /// Plain TCP.
    #[default]
    Off,
    /// TLS with whatever certificate the gateway presents.
    AnyCertificate,
    /// TLS that ends before a byte is sent unless the certificate has this SHA-256, in hexadecimal digits with or without
    /// colons.
    Pinned(String),
}

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens there, or the connection broke at once.
    #[error(transparent)]
    Tcp(io::Error),
    /// The gateway ended the TLS handshake, or does not speak TLS.
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    /// It presented another certificate than the pinned one.
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
        Self { address, name: None, from: None, tls: EndpointTls::Off }
    }
}

impl Endpoint {
    /// Opens a TCP connection, with a TLS handshake if that is asked for.
    pub(super) async fn connect(&self) -> Result<Stream, ConnectError> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let socket = socket.map_err(ConnectError::Tcp)?;
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0)).map_err(ConnectError::Tcp)?;
        }
        let stream = socket.connect(self.address).await.map_err(ConnectError::Tcp)?;
        // Small frames in lock step: waiting to fill a packet would only add latency.
        let _ = stream.set_nodelay(true);
        if self.tls == EndpointTls::Off {
            return Ok(Either::Left(stream));
        }
        let (secured, shown) = secure(stream).await.map_err(ConnectError::Tls)?;
        if let EndpointTls::Pinned(pinned) = &self.tls
            && !is_same_fingerprint(pinned, &shown)
        {
            return Err(ConnectError::Pin { shown, pinned: pinned.clone() });
        }
        Ok(secured)
    }

    /// The scheme of its address: `ws`, or `wss` with TLS.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls == EndpointTls::Off { "ws" } else { "wss" }
    }

    /// Host and port as they stand in a request.
    pub(super) fn authority(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}:{}", self.address.port()),
            None => self.address.to_string(),
        }
    }
}

/// Whether a fingerprint as people write it is that of the certificate that a gateway presented.
fn is_same_fingerprint(written: &str, shown: &str) -> bool {
    let digits = written.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase());
    digits.eq(shown.chars())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_comes_from_the_address_that_was_given() {
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
    fn a_name_replaces_the_address_in_requests() {
        let plain = Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(plain.authority(), "127.0.0.1:80");
        assert_eq!(Endpoint { name: Some("localhost".into()), ..plain }.authority(), "localhost:80");
    }
}
