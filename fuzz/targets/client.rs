//! What a client makes of the bytes that a gateway sends.

use std::io::Write as _;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bolero::check;
use gatecrash::client::{Connection, Opened, Transcript, open_on};
use gatecrash::wire::ConnectionEnd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The end of a stream comes at once, so that whatever takes this long hangs.
const HANGS: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Both ends of a socket: without ports, of which a fuzzer would need more than there are.
fn pair() -> (TcpStream, UnixStream) {
    let (client, gateway) = UnixStream::pair().unwrap();
    client.set_nonblocking(true).unwrap();
    let client = StdTcpStream::from(OwnedFd::from(client));
    (TcpStream::from_std(client).unwrap(), gateway)
}

#[test]
fn any_answer_to_the_upgrade_has_an_outcome() {
    let runtime = runtime();
    check!().for_each(|bytes: &[u8]| {
        runtime.block_on(async {
            let (client, mut gateway) = pair();
            gateway.write_all(&bytes[..bytes.len().min(64 << 10)]).unwrap();
            gateway.shutdown(std::net::Shutdown::Write).unwrap();
            let transcript = Transcript::new(Instant::now());
            let opened = open_on("laptop", client, HANGS, &transcript).await;
            // The key of the request is random, so that no bytes are the right answer to it.
            assert!(!matches!(opened, Opened::Socket(_)), "{opened:?}");
            assert!(!matches!(opened, Opened::Silence), "the stream has ended");
        });
    });
}

#[test]
fn any_bytes_behind_the_upgrade_end_as_the_gateway_ended_them() {
    let runtime = runtime();
    check!().for_each(|bytes: &[u8]| {
        let bytes = &bytes[..bytes.len().min(64 << 10)];
        let (end, connection) = runtime.block_on(heard(bytes));
        drop(connection);
        let Some(ConnectionEnd::Closed(close)) = &end else {
            assert!(end.is_some(), "the stream has ended, and the connection has not");
            return;
        };
        let Some(code) = close.code else { return };
        let frame = code.to_be_bytes();
        assert!(bytes.windows(2).any(|two| two == frame), "the gateway did not send {code}");
        assert!(matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999), "{code} may not be in a frame");
        assert!(close.reason.len() <= 123, "a reason of {} bytes", close.reason.len());
    });
}

/// How a connection ends on which a gateway sends these bytes behind the upgrade.
async fn heard(bytes: &[u8]) -> (Option<ConnectionEnd>, Connection) {
    let (client, gateway) = pair();
    gateway.set_nonblocking(true).unwrap();
    let mut gateway = tokio::net::UnixStream::from_std(gateway).unwrap();
    let transcript = Transcript::new(Instant::now());
    let answer = async {
        let mut request = vec![0; 4 << 10];
        let mut length = 0;
        while !request[..length].ends_with(b"\r\n\r\n") {
            length += gateway.read(&mut request[length..]).await.unwrap();
        }
        let request = std::str::from_utf8(&request[..length]).unwrap();
        let key = request
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().starts_with("sec-websocket-key:").then(|| line[18..].trim())
            })
            .unwrap();
        let accept = derive_accept_key(key.as_bytes());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        gateway.write_all(&[head.as_bytes(), bytes].concat()).await.unwrap();
        gateway.shutdown().await.unwrap();
        gateway
    };
    let (opened, _gateway) = tokio::join!(open_on("laptop", client, HANGS, &transcript), answer);
    let Opened::Socket(connection) = opened else { panic!("{opened:?}") };
    (connection.end(HANGS).await, connection)
}
