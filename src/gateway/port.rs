//! Leases of free ports, so that no two harnesses take the same one.

use std::fs::{File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use super::home::Homes;

/// Below the ephemeral ports of Linux (32768) and of macOS and Windows (49152), so that no outgoing
/// connection takes one between the probe and the gateway's bind.
const FIRST: u16 = 20_000;
/// Gateways derive side ports from their own (browser control + 2, canvas + 4, a debugging range + 11).
const STRIDE: u16 = 20;
const SLOTS: u16 = 600;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that no other gatecrash process of this user takes as long as this value lives.
#[derive(Debug)]
pub(super) struct PortLease {
    port: u16,
    _lock: File,
}

impl PortLease {
    /// The leased port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// The ports that belong to a lease of this one.
pub(super) fn own_ports(port: u16) -> impl Iterator<Item = u16> {
    port..=port.saturating_add(STRIDE - 1)
}

/// Leases a port that is free on 127.0.0.1 and on `[::1]`.
pub(super) fn lease(homes: &Homes) -> io::Result<PortLease> {
    let dir = homes.shared("ports")?;
    for _ in 0..SLOTS {
        // Every process starts at another port, so that a port is seldom reused at once.
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = u16::try_from(std::process::id() % u32::from(SLOTS)).unwrap_or(0);
        let port = FIRST + (start.wrapping_add(turn) % SLOTS) * STRIDE;
        let lock = File::create(dir.join(format!("{port}.lock")))?;
        match lock.try_lock() {
            Ok(()) if is_free(port) => return Ok(PortLease { port, _lock: lock }),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "all ports of the harness are in use"))
}

/// A machine without IPv6 has nothing on `[::1]`.
fn is_free(port: u16) -> bool {
    let taken =
        |result: io::Result<TcpListener>| result.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && !taken(TcpListener::bind((Ipv6Addr::LOCALHOST, port)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_leases_share_a_port_and_a_busy_port_is_skipped() {
        let temp = tempfile::tempdir().unwrap();
        let homes = Homes::open(temp.path()).unwrap();
        let first = lease(&homes).unwrap();
        let _busy = TcpListener::bind((Ipv6Addr::LOCALHOST, first.port())).unwrap();
        let port = first.port();
        drop(first);
        let leases: Vec<_> = std::iter::from_fn(|| lease(&homes).ok()).collect();
        let ports: HashSet<_> = leases.iter().map(PortLease::port).collect();
        assert_eq!(ports.len(), leases.len());
        assert!(leases.len() > 100 && !ports.contains(&port));
    }
}
