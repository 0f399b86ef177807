//! What the kernel reports about real connections: the facts that `src/server/net/tcp_info.rs` relies on.

#[path = "common/disk.rs"]
mod disk;
#[path = "common/netns.rs"]
mod netns;

use std::fs;
use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chat_room::server::net::tcp_info::{Liveness, Patience, Watch, info};
use disk::skip;
use netns::{Cable, End};
use socket2::{Domain, SockRef, Socket, Type};

/// What no connection reaches: how far the raw figure goes, FIN and SYN included.
const UNCAPPED: u64 = u64::MAX;

fn listen(ip: impl Into<IpAddr>) -> TcpListener {
    let listener = TcpListener::bind(SocketAddr::new(ip.into(), 0)).expect("a listener");
    // Inherited by what is accepted: nothing here waits for ever.
    SockRef::from(&listener).set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
    listener
}

/// Our end, which was accepted, and the peer's.
fn pair() -> (TcpStream, TcpStream) {
    let listener = listen(Ipv4Addr::LOCALHOST);
    let peer = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    (listener.accept().expect("a connection").0, peer)
}

/// Writes until both kernels' buffers are full. How many bytes.
fn fill(ours: &mut TcpStream) -> u64 {
    ours.set_nonblocking(true).expect("an option");
    let bytes = vec![b'x'; 65536];
    let mut written = 0;
    let mut full_since = Instant::now();
    while full_since.elapsed() < Duration::from_millis(300) {
        match ours.write(&bytes) {
            Ok(n) => (written, full_since) = (written + n as u64, Instant::now()),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                sleep(Duration::from_millis(10));
            }
        }
    }
    written
}

/// Waits until the kernel has this to say.
fn until(what: &str, mut said: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !said() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(10));
    }
}

fn acked(ours: &TcpStream, written: u64) -> u64 {
    info(ours).expect("a socket").acknowledged(written)
}

fn is_closed(ours: &TcpStream) -> bool {
    info(ours).expect("a socket").is_closed
}

/// Waits for the connection's error, and gives it.
fn broken(ours: &mut TcpStream) -> io::ErrorKind {
    let mut kind = None;
    until("an error", || {
        kind = ours.take_error().expect("a socket").map(|error| error.kind());
        kind.is_some()
    });
    kind.expect("an error")
}

#[test]
fn a_syn_counts_where_it_was_sent_and_not_where_it_was_accepted() {
    let (ours, peer) = pair();
    assert_eq!(acked(&ours, UNCAPPED), 0);
    assert_eq!(acked(&peer, UNCAPPED), 1);
}

#[test]
fn what_the_peers_kernel_holds_is_acknowledged_read_or_not() {
    let (mut ours, mut peer) = pair();
    ours.write_all(b"hello").expect("room");
    until("five", || acked(&ours, UNCAPPED) == 5);
    peer.read_exact(&mut [0; 5]).expect("five bytes");
    drop(peer);
    // The end of the peer's stream.
    assert_eq!(ours.read(&mut [0]).expect("an end"), 0);
    assert_eq!(acked(&ours, UNCAPPED), 5);
    // Nobody takes these any more.
    ours.write_all(b"world").expect("room");
    // The kernel calls a reset after the end a broken pipe, and reading tells nothing of it.
    assert_eq!(broken(&mut ours), io::ErrorKind::BrokenPipe);
    assert_eq!(ours.read(&mut [0]).expect("an end"), 0);
    assert!(is_closed(&ours));
    assert_eq!(acked(&ours, 10), 5);
}

#[test]
fn a_full_peer_acknowledges_as_it_reads() {
    let (mut ours, mut peer) = pair();
    let written = fill(&mut ours);
    let held = acked(&ours, written);
    assert!(0 < held && held < written, "{held} of {written}");
    let mut read = 0;
    let mut last = held;
    let mut buf = vec![0; 100_000];
    while read < written {
        let n = peer.read(&mut buf).expect("bytes") as u64;
        read += n;
        let now = acked(&ours, written);
        assert!(last <= now && read <= now && now <= written, "{last} {read} {now} {written}");
        last = now;
    }
    assert_eq!(last, written);
}

#[test]
fn a_reset_moves_nothing() {
    // By unread input, all of which its kernel had acknowledged.
    let (mut ours, peer) = pair();
    ours.write_all(b"hello").expect("room");
    until("five", || acked(&ours, 5) == 5);
    drop(peer);
    assert_eq!(broken(&mut ours), io::ErrorKind::ConnectionReset);
    assert_eq!(acked(&ours, UNCAPPED), 5);

    // With bytes outstanding; and after all that one may do with such a socket.
    let (mut ours, mut peer) = pair();
    let written = fill(&mut ours);
    peer.read_exact(&mut vec![0; 300_000]).expect("bytes");
    sleep(Duration::from_millis(100));
    let before = acked(&ours, written);
    assert!(300_000 <= before && before < written, "{before} of {written}");
    drop(peer);
    assert_eq!(broken(&mut ours), io::ErrorKind::ConnectionReset);
    assert_eq!(acked(&ours, UNCAPPED), before);
    assert!(ours.write(b"more").is_err());
    assert_eq!(ours.read(&mut [0]).expect("an end"), 0);
    assert!(ours.shutdown(Shutdown::Both).is_err());
    assert_eq!(acked(&ours, UNCAPPED), before);
}

#[test]
fn our_fin_counts_as_one_when_it_is_acknowledged_and_not_before() {
    let (mut ours, mut peer) = pair();
    let written = fill(&mut ours);
    let before = acked(&ours, written);
    ours.shutdown(Shutdown::Write).expect("a connection");
    assert_eq!(acked(&ours, UNCAPPED), before);
    peer.read_to_end(&mut Vec::new()).expect("an end");
    until("all and the FIN", || acked(&ours, UNCAPPED) == written + 1);
    assert_eq!(acked(&ours, written), written);
    assert!(!is_closed(&ours), "the peer goes on");
    drop(peer);
    ours.set_nonblocking(false).expect("an option");
    assert_eq!(ours.read(&mut [0]).expect("an end"), 0);
    assert_eq!(acked(&ours, written), written);
    until("both have ended", || is_closed(&ours));
}

#[test]
fn what_it_costs() {
    const TIMES: u32 = 100_000;
    let (ours, _peer) = pair();
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(acked(&ours, 0));
    }
    let took = began.elapsed() / TIMES;
    writeln!(io::stdout(), "TCP_INFO takes {} ns", took.as_nanos()).expect("standard output");
}

/// A cable, or one line that says why not.
fn cable() -> Option<Cable> {
    Cable::lay().map_err(skip).ok()
}

/// A connection from far to near.
fn over(cable: &Cable) -> (TcpStream, TcpStream) {
    let listener = cable.at(End::Near, || listen(End::Near.ip()));
    let address = listener.local_addr().expect("an address");
    let peer = cable.at(End::Far, || TcpStream::connect(address)).expect("a connection");
    (listener.accept().expect("a connection").0, peer)
}

/// A connection and who watches it.
struct Watched {
    stream: TcpStream,
    written: u64,
    watch: Watch,
    started: Instant,
}

impl Watched {
    fn new(stream: TcpStream, written: u64) -> Watched {
        Watched { stream, written, watch: Watch::default(), started: Instant::now() }
    }

    fn look(&mut self) -> Liveness {
        let info = info(&self.stream).expect("a socket");
        // Window probes come after 0.2, 0.4, 0.8, 1.6 and 3.2 seconds.
        let patience = Patience { silent: Duration::from_secs(3), stuck: Duration::from_secs(3600) };
        self.watch.look(self.started.elapsed(), self.written, &info, patience)
    }
}

#[test]
fn a_dead_kernel_is_told_from_a_program_that_does_not_read() {
    let Some(cable) = cable() else { return };
    let (mut full, _stopped) = over(&cable);
    let (mut small, mut reader) = over(&cable);
    let (idle, _other) = over(&cable);
    let written = fill(&mut full);
    let mut full = Watched::new(full, written);
    let before = acked(&full.stream, written);
    let mut idle = Watched::new(idle, 0);

    while full.started.elapsed() < Duration::from_secs(4) {
        assert_eq!(full.look(), Liveness::Alive, "its kernel answers window probes");
        sleep(Duration::from_millis(50));
    }
    cable.pull();
    small.write_all(b"hello").expect("room");
    let mut small = Watched::new(small, 5);
    until("silence under a full window", || full.look() == Liveness::Silent);
    until("silence", || small.look() == Liveness::Silent);
    assert_eq!(idle.look(), Liveness::Alive, "nothing is outstanding");
    assert!(info(&idle.stream).expect("a socket").last_heard > Duration::from_secs(6));
    assert_eq!(acked(&full.stream, written), before);
    assert_eq!(acked(&small.stream, 5), 0);

    cable.plug();
    until("the next repeat", || small.look() == Liveness::Alive);
    assert_eq!(acked(&small.stream, 5), 5);
    reader.read_exact(&mut [0; 5]).expect("five bytes");
    until("the next window probe", || full.look() == Liveness::Alive);
}

#[test]
fn giving_up_moves_nothing() {
    let Some(cable) = cable() else { return };
    // One repeat, instead of fifteen.
    cable.at(End::Near, || fs::write("/proc/sys/net/ipv4/tcp_retries2", "1")).expect("a setting");
    let (mut ours, _peer) = over(&cable);
    ours.write_all(b"hello").expect("room");
    until("five", || acked(&ours, 5) == 5);
    cable.pull();
    ours.write_all(b"world").expect("room");
    assert_eq!(broken(&mut ours), io::ErrorKind::TimedOut);
    assert_eq!(acked(&ours, 10), 5);
}

/// Here `SIOCOUTQ` says that nothing is outstanding.
#[test]
fn fast_open_acknowledges_nothing_before_its_handshake() {
    let Some(cable) = cable() else { return };
    // Without cookies, for every listener.
    let setting = || fs::write("/proc/sys/net/ipv4/tcp_fastopen", "1543");
    let (listener, peer) = (
        cable.at(End::Near, || setting().map(|()| listen(End::Near.ip()))).expect("a setting"),
        cable.at(End::Far, || setting().and_then(|()| Socket::new(Domain::IPV4, Type::STREAM, None))),
    );
    let peer = peer.expect("a setting");
    // Our answers go astray.
    let astray = format!("neigh replace {} lladdr 02:00:00:00:00:99 dev eth0 nud permanent", End::Far.ip());
    cable.ip(End::Near, &astray).expect("a neighbour");
    peer.set_nonblocking(true).expect("an option");
    let address = listener.local_addr().expect("an address").into();
    peer.send_to_with_flags(b"hi\n", &address, libc::MSG_FASTOPEN).expect("a SYN with bytes");
    let (mut ours, _) = listener.accept().expect("a connection");
    ours.read_exact(&mut [0; 3]).expect("three bytes");
    ours.write_all(b"hello").expect("room");
    sleep(Duration::from_millis(100));
    assert_eq!(acked(&ours, UNCAPPED), 0);
}
