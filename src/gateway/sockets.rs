//! The listening TCP sockets and the bound UDP sockets of this machine, as `/proc` shows them.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::tree;

/// The processes among these that listen on a port.
pub(super) fn listeners(port: u16, among: &[u32]) -> Vec<u32> {
    let sockets = listening_sockets();
    let serves = |pid: &u32| {
        let open = tree::open_files(*pid).into_iter().filter_map(|(_, path)| socket_inode(&path));
        open.filter_map(|inode| sockets.get(&inode)).any(|address| address.port() == port)
    };
    among.iter().copied().filter(serves).collect()
}

/// The inode of a socket that an open file points to.
pub(super) fn socket_inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// All listening TCP sockets of this network namespace by inode.
pub(super) fn listening_sockets() -> HashMap<u64, SocketAddr> {
    const LISTEN: &str = "0A";
    sockets(["/proc/net/tcp", "/proc/net/tcp6"], |state| state == LISTEN)
}

/// All bound UDP sockets of this network namespace by inode.
pub(super) fn datagram_sockets() -> HashMap<u64, SocketAddr> {
    sockets(["/proc/net/udp", "/proc/net/udp6"], |_| true)
}

fn sockets(tables: [&str; 2], wanted: impl Fn(&str) -> bool) -> HashMap<u64, SocketAddr> {
    let tables = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines.filter_map(|line| socket(line, &wanted)).collect()
}

fn socket(line: &str, wanted: impl Fn(&str) -> bool) -> Option<(u64, SocketAddr)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    if !wanted(fields.get(3)?) {
        return None;
    }
    Some((fields.get(9)?.parse().ok()?, SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?)))
}

/// The kernel prints addresses as 32-bit words in the byte order of the machine.
fn ip(hex: &str) -> Option<IpAddr> {
    let words: Option<Vec<[u8; 4]>> = (0..hex.len())
        .step_by(8)
        .map(|at| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes()))
        .collect();
    match words?.as_slice() {
        [one] => Some(Ipv4Addr::from(*one).into()),
        [a, b, c, d] => {
            <[u8; 16]>::try_from([*a, *b, *c, *d].concat()).ok().map(|octets| Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn datagram_sockets_are_found_by_address() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        assert!(datagram_sockets().values().any(|one| *one == address));
        drop(socket);
        assert!(!datagram_sockets().values().any(|one| *one == address));
    }

    #[test]
    fn listening_sockets_are_found_by_address() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let address = listener.local_addr().unwrap();
            assert!(listening_sockets().values().any(|one| *one == address));
            assert_eq!(listeners(address.port(), &[std::process::id()]), [std::process::id()]);
            drop(listener);
            assert!(!listening_sockets().values().any(|one| *one == address));
        }
    }
}
