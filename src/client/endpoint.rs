//! Where to connect to, and from where.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

/// Where to connect to, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// The name that the request says instead of the address, such as `localhost`.
    pub name: Option<String>,
    /// The address to connect from, if not the one that the system picks.
    pub from: Option<IpAddr>,
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address, name: None, from: None }
    }
}

impl Endpoint {
    /// Connects.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(self.address).await?;
        // Small frames in lock step: waiting to fill a packet would only add latency.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// What a request calls the server: host and port.
    pub(super) fn authority(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}:{}", self.address.port()),
            None => self.address.to_string(),
        }
    }
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
    fn a_name_stands_in_the_place_of_the_address() {
        let plain = Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(plain.authority(), "127.0.0.1:80");
        assert_eq!(Endpoint { name: Some("localhost".into()), ..plain }.authority(), "localhost:80");
    }
}
