//! The relay between a client and its gateway, which injects faults.
//!
//! The client's end is a pipe in this process, and the gateway's end is the connection that the client would have without it:
//! the gateway sees the same address, the same port and, behind TLS, the same handshake.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Bytes;
use tokio_util::either::Either;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::client_end::ClientEnd;
use super::faults::{Cut, CutKind, Faults, SLICED, Way};
use super::progress::Progress;
use crate::client::tls::Stream;

/// Bytes that wait in the client's pipe, and that are read at once.
const PARCEL: usize = 16 << 10;

/// Parcels that may be under way in one direction.
const UNDER_WAY: usize = 64;

/// A connection as the client holds it: the gateway's own, or a pipe to the relay.
pub(in crate::client) type Injected = Either<Stream, ClientEnd>;

/// Is told of a failure of the network just before the failure can be noticed.
pub type OnCut = Arc<dyn Fn(Cut) + Send + Sync>;

/// What is injected into a connection, and who is told when the network fails.
#[derive(Clone)]
pub struct Injection {
    /// What the network does.
    pub faults: Faults,
    /// Whether the time limits of the client allow for the time that the faults take.
    pub allowed_for: bool,
    /// Is told of the failure, once. A half-open connection has failed when the first bytes or the end of one side are lost.
    pub on_cut: OnCut,
}

impl fmt::Debug for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Injection({})", self.faults)
    }
}

/// A relay that runs. It ends by itself when both sides have, and is dropped by [`RelayHandle::end`].
#[derive(Debug)]
pub(in crate::client) struct RelayHandle {
    task: JoinHandle<()>,
    /// Cancelled when the gateway has got everything that the client sent, with the end, or never will.
    delivered: CancellationToken,
    /// How much later than otherwise an answer may come, if the client's limits allow for it.
    delay: Duration,
}

impl RelayHandle {
    /// How much longer the client has to wait than without the relay.
    pub(in crate::client) const fn delay(&self) -> Duration {
        self.delay
    }

    /// Waits until everything that the client has sent is with the gateway, and that the client has gone.
    pub(in crate::client) async fn delivered(&self) {
        self.delivered.cancelled().await;
    }
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Puts a relay into a connection. Returns the client's end.
pub(in crate::client) fn through(gateway: Stream, injection: &Injection) -> (ClientEnd, RelayHandle) {
    let (ours, client) = tokio::io::duplex(PARCEL);
    let Injection { faults, allowed_for, on_cut } = injection.clone();
    let delay = if allowed_for { faults.delay() } else { Duration::ZERO };
    let delivered = CancellationToken::new();
    let ours = ClientEnd::new(ours, faults.slices);
    let network = Network::new(faults, on_cut);
    let task = tokio::spawn(relay(client, gateway, network, delivered.clone().drop_guard()));
    (ours, RelayHandle { task, delivered, delay })
}

/// The network of one connection.
struct Network {
    faults: Faults,
    on_cut: OnCut,
    told: AtomicBool,
    /// Whether the point of the cut is behind us.
    has_failed: AtomicBool,
    reset: CancellationToken,
    sent: Mutex<Progress>,
    received: Mutex<Progress>,
    /// Bytes to the gateway that were sliced. The client's end slices what it reads.
    sliced: AtomicUsize,
}

/// A piece of what one side sent; an empty one stands for its end.
struct Parcel {
    due: Instant,
    bytes: Bytes,
}

async fn relay(client: DuplexStream, gateway: Stream, network: Network, delivered: DropGuard) {
    let (from_client, to_client) = split(client);
    let (mut from_gateway, mut to_gateway) = split(gateway);
    if network.is_cut_at_once() {
        network.fail();
    }
    {
        let sent = async {
            network.carry(from_client, &mut to_gateway, Way::Sent).await;
            drop(delivered);
        };
        let received = network.carry(&mut from_gateway, to_client, Way::Received);
        tokio::select! {
            biased;
            () = network.reset.cancelled() => {}
            _ = async { tokio::join!(sent, received) } => {}
        }
    }
    let gateway = from_gateway.unsplit(to_gateway);
    if network.reset.is_cancelled() {
        // An RST instead of a FIN. If the system refuses, the connection just ends.
        let _ = tcp(&gateway).set_zero_linger();
    }
}

/// The TCP connection below.
fn tcp(stream: &Stream) -> &TcpStream {
    match stream {
        Either::Left(stream) => stream,
        Either::Right(secured) => secured.get_ref().0,
    }
}

impl Network {
    fn new(faults: Faults, on_cut: OnCut) -> Self {
        let point = faults.cut.map(|cut| cut.at);
        Self {
            sent: Mutex::new(Progress::towards(point, Way::Sent)),
            received: Mutex::new(Progress::towards(point, Way::Received)),
            sliced: AtomicUsize::new(0),
            faults,
            on_cut,
            told: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            reset: CancellationToken::new(),
        }
    }

    const fn progress(&self, way: Way) -> &Mutex<Progress> {
        match way {
            Way::Sent => &self.sent,
            Way::Received => &self.received,
        }
    }

    fn is_cut_at_once(&self) -> bool {
        [Way::Sent, Way::Received].into_iter().any(|way| self.progress(way).lock().is_reached_at_once())
    }

    /// The point of the cut is reached.
    fn fail(&self) {
        self.has_failed.store(true, Ordering::SeqCst);
        if matches!(self.faults.cut, Some(Cut { kind: CutKind::Reset, .. })) {
            self.tell();
            self.reset.cancel();
        }
    }

    /// Whether what goes this way is lost now.
    fn loses(&self, way: Way) -> bool {
        let Some(Cut { kind: CutKind::HalfOpen(lost), .. }) = self.faults.cut else { return false };
        lost.covers(way) && self.has_failed.load(Ordering::SeqCst)
    }

    fn tell(&self) {
        if let Some(cut) = self.faults.cut
            && !self.told.swap(true, Ordering::SeqCst)
        {
            (self.on_cut)(cut);
        }
    }

    /// Carries everything one way, until that side has ended and the other knows it.
    async fn carry(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, way: Way) {
        let (put, mut under_way) = mpsc::channel::<Parcel>(UNDER_WAY);
        let latency = self.faults.latency;
        let read = async move {
            let mut buffer = vec![0; PARCEL];
            loop {
                // A broken connection has ended, too.
                let length = from.read(&mut buffer).await.unwrap_or(0);
                let bytes = Bytes::copy_from_slice(&buffer[..length]);
                let sent = put.send(Parcel { due: Instant::now() + latency, bytes }).await;
                if sent.is_err() || length == 0 {
                    return std::future::pending::<()>().await;
                }
            }
        };
        let write = async {
            while let Some(Parcel { due, bytes }) = under_way.recv().await {
                if !latency.is_zero() {
                    sleep_until(due).await;
                }
                if self.loses(way) {
                    self.tell();
                    if bytes.is_empty() {
                        // The other side never learns of the end.
                        return std::future::pending::<()>().await;
                    }
                } else if bytes.is_empty() {
                    let _ = to.shutdown().await;
                    return;
                } else if self.pass(&mut to, way, &bytes).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = write => {}
            () = read => {}
        }
    }

    /// Passes bytes on as far as the network does.
    async fn pass(&self, to: &mut (impl AsyncWrite + Unpin), way: Way, bytes: &[u8]) -> std::io::Result<()> {
        let reached = self.progress(way).lock().take(bytes);
        let (first, rest) = bytes.split_at(reached.unwrap_or(bytes.len()));
        self.write(to, way, first).await?;
        if reached.is_some() {
            self.fail();
        }
        if rest.is_empty() {
            return Ok(());
        }
        if self.loses(way) {
            self.tell();
            return Ok(());
        }
        if self.reset.is_cancelled() {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        self.write(to, way, rest).await
    }

    async fn write(&self, to: &mut (impl AsyncWrite + Unpin), way: Way, bytes: &[u8]) -> std::io::Result<()> {
        let mut rest = bytes;
        if let Some(slice) = self.faults.slices.filter(|_| way == Way::Sent) {
            while !rest.is_empty() && self.sliced.load(Ordering::Relaxed) < SLICED {
                let (first, others) = rest.split_at(slice.min(rest.len()));
                to.write_all(first).await?;
                to.flush().await?;
                // The gateway gets the chance to see this slice alone.
                tokio::task::yield_now().await;
                self.sliced.fetch_add(first.len(), Ordering::Relaxed);
                rest = others;
            }
        }
        to.write_all(rest).await?;
        to.flush().await
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::client::network::{Amount, Lost, Point};

    const SOON: Duration = Duration::from_secs(10);
    const MOMENT: Duration = Duration::from_millis(50);

    struct Bench {
        client: ClientEnd,
        gateway: TcpStream,
        relay: RelayHandle,
        told: Arc<Mutex<Vec<String>>>,
    }

    async fn bench(faults: Faults) -> Bench {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (gateway, _) = listener.accept().await.unwrap();
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let tell = Arc::clone(&told);
        let on_cut: OnCut = Arc::new(move |cut| tell.lock().push(cut.to_string()));
        let injection = Injection { faults, allowed_for: true, on_cut };
        let (client, relay) = through(Stream::Left(stream), &injection);
        Bench { client, gateway, relay, told }
    }

    fn cut(way: Way, amount: Amount, kind: CutKind) -> Faults {
        Faults { cut: Some(Cut { at: Point { way, amount }, kind }), ..Faults::default() }
    }

    /// Everything that arrives until the end, and whether the end is a reset.
    async fn arrives(stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, bool) {
        let (mut all, mut buffer) = (Vec::new(), vec![0; 4096]);
        loop {
            match timeout(SOON, stream.read(&mut buffer)).await.expect("it ends") {
                Ok(0) => return (all, false),
                Ok(length) => all.extend_from_slice(&buffer[..length]),
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                    return (all, true);
                }
            }
        }
    }

    #[rstest]
    #[case::at_once(Faults::default())]
    #[case::late(Faults { latency: Duration::from_millis(5), ..Faults::default() })]
    #[case::byte_by_byte(Faults { slices: Some(1), ..Faults::default() })]
    #[tokio::test]
    async fn what_one_side_sends_arrives_and_so_does_its_end(#[case] faults: Faults) {
        let Bench { mut client, mut gateway, relay, told } = bench(faults).await;
        let sent: Vec<u8> = (0..40_000_u32).map(|number| number.to_be_bytes()[3]).collect();
        let question = sent.clone();
        let asking = tokio::spawn(async move {
            client.write_all(&question).await.unwrap();
            client.shutdown().await.unwrap();
            client
        });
        assert_eq!(arrives(&mut gateway).await, (sent.clone(), false));
        timeout(SOON, relay.delivered()).await.expect("the gateway has it all");
        let answer = sent.clone();
        let answering = tokio::spawn(async move { gateway.write_all(&answer).await.unwrap() });
        assert_eq!(arrives(&mut asking.await.unwrap()).await, (sent, false));
        answering.await.unwrap();
        assert!(told.lock().is_empty());
    }

    #[tokio::test]
    async fn latency_applies_to_both_ways() {
        let latency = Duration::from_millis(60);
        let Bench { mut client, mut gateway, relay, .. } =
            bench(Faults { latency, ..Faults::default() }).await;
        assert_eq!(relay.delay(), latency * 2);
        let begun = std::time::Instant::now();
        client.write_u8(1).await.unwrap();
        assert_eq!(gateway.read_u8().await.unwrap(), 1);
        assert!(begun.elapsed() >= latency);
        gateway.write_u8(2).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 2);
        assert!(begun.elapsed() >= latency * 2);
    }

    #[tokio::test]
    async fn the_client_sees_slices_one_by_one() {
        let Bench { mut client, mut gateway, relay: _relay, .. } =
            bench(Faults { slices: Some(2), ..Faults::default() }).await;
        gateway.write_all(b"abcde").await.unwrap();
        let (mut seen, mut buffer) = (0, [0; 16]);
        while seen < 5 {
            let length = client.read(&mut buffer).await.unwrap();
            assert!((1..=2).contains(&length), "{length} bytes after {seen}");
            seen += length;
        }
    }

    #[rstest]
    #[case(Way::Sent, Amount::Bytes(3), b"abc")]
    #[case(Way::Sent, Amount::Bytes(0), b"")]
    #[tokio::test]
    async fn a_reset_is_an_rst_for_the_gateway_and_an_end_for_the_client(
        #[case] way: Way,
        #[case] amount: Amount,
        #[case] got: &[u8],
    ) {
        let Bench { mut client, mut gateway, told, relay: _relay } =
            bench(cut(way, amount, CutKind::Reset)).await;
        let _ = client.write_all(b"abcdef").await;
        assert_eq!(arrives(&mut gateway).await, (got.to_vec(), true));
        assert_eq!(arrives(&mut client).await, (Vec::new(), false));
        assert_eq!(told.lock().len(), 1);
    }

    #[tokio::test]
    async fn a_reset_behind_an_answer_comes_after_it() {
        let faults = cut(Way::Received, Amount::Bytes(2), CutKind::Reset);
        let Bench { mut client, mut gateway, relay: _relay, .. } = bench(faults).await;
        gateway.write_all(b"abc").await.unwrap();
        assert_eq!(arrives(&mut client).await, (b"ab".to_vec(), false));
    }

    #[rstest]
    #[case(Lost::Sent, true)]
    #[case(Lost::Both, false)]
    #[tokio::test]
    async fn on_a_half_open_connection_nothing_arrives_and_nothing_ends(
        #[case] lost: Lost,
        #[case] is_answered: bool,
    ) {
        let faults = cut(Way::Sent, Amount::Bytes(2), CutKind::HalfOpen(lost));
        let Bench { mut client, mut gateway, relay, told } = bench(faults).await;
        client.write_all(b"ab").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(gateway.read_exact(&mut buffer[..2]).await.unwrap(), 2);
        assert!(told.lock().is_empty(), "nothing is lost yet");
        client.write_all(b"cd").await.unwrap();
        gateway.write_all(b"x").await.unwrap();
        assert_eq!(timeout(MOMENT, client.read_u8()).await.is_ok(), is_answered);
        drop(client);
        assert!(timeout(MOMENT, gateway.read_u8()).await.is_err(), "not even the end arrives");
        assert_eq!(told.lock().len(), 1);
        drop(relay);
        assert!(timeout(SOON, gateway.read_u8()).await.expect("it ends with the case").is_err());
    }
}
