//! People outside, who never log in, and what members inside notice of them.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::PATIENCE;
use super::pinger::Pinger;
use super::run::real;
use super::table::{Spread, Table, percentile};

/// What members ask all the time, and what the answers begin with.
pub(crate) const QUESTIONS: [(&str, &str, &str); 2] =
    [("PING", "PING\n", "OK PING"), ("MSG", "MSG hello\n", "OK MSG ")];

/// One of very many addresses.
pub(crate) fn nth_address(n: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x7f01_0000 + u32::try_from(n).expect("few"))
}

/// Connects from this address of loopback.
pub(crate) fn connect(from: Ipv4Addr, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Ends with a reset instead of a minute in TIME_WAIT, for which there are not enough ports.
    socket.set_linger(Some(Duration::ZERO))?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&server.into())?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

pub(crate) fn connect_all(count: usize, server: SocketAddr) -> io::Result<Vec<TcpStream>> {
    (0..count).map(|n| connect(nth_address(n % 4), server)).collect()
}

/// As many connections to a peer that never reads: what sending costs the bench itself.
pub(crate) fn decoys(count: usize) -> io::Result<Vec<(TcpStream, TcpStream)>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    (0..count).map(|n| Ok((connect(nth_address(n % 4), address)?, listener.accept()?.0))).collect()
}

/// The members inside, one for each of [`QUESTIONS`].
pub(crate) fn inside(server: SocketAddr) -> io::Result<Vec<Pinger>> {
    QUESTIONS.into_iter().map(|(_, question, answer)| Pinger::asking(server, question, answer)).collect()
}

/// One member asks, while outsiders do something so many times a second. Returns the 99th percentile in seconds.
pub(crate) fn ask(
    inside: &mut Pinger,
    until: Instant,
    a_second: f64,
    mut outsiders: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<f64> {
    inside.begin()?;
    let start = Instant::now();
    let mut done = 0;
    while Instant::now() < until || inside.waits.is_empty() {
        inside.turn()?;
        if real(done as u64) < a_second * start.elapsed().as_secs_f64() {
            outsiders(done)?;
            done += 1;
        }
    }
    Ok(percentile(&mut inside.waits, 99))
}

/// The next byte of `text` on the next of these connections.
pub(crate) fn drip(streams: &mut [TcpStream], text: &[u8], done: usize) {
    let (count, next) = (streams.len(), done % streams.len());
    // One that was closed meanwhile is not sent anything any more.
    let _ = streams[next].write_all(&[text[done / count % text.len()]]);
}

/// A row: pairs of seconds, quiet and not, and their ratio.
pub(crate) fn row(table: &mut Table, what: &str, how_many: &str, pairs: &[(f64, f64)], aim: Option<&str>) {
    let cells = [
        what.to_owned(),
        how_many.to_owned(),
        format!(
            "{} / {} / {}",
            Spread::of(pairs.iter().map(|pair| pair.0)).show(1e-6, 0),
            Spread::of(pairs.iter().map(|pair| pair.1)).show(1e-6, 0),
            Spread::of(pairs.iter().map(|pair| pair.1 / pair.0)).show(1.0, 2)
        ),
    ];
    table.row(cells.into_iter().chain(aim.map(str::to_owned)));
}
