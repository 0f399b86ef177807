//! Connecting to a name: its addresses are tried in turn, each soon after the one before, so that a dead one costs a moment and not
//! its whole timeout (RFC 8305, Happy Eyeballs).

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::options::host_and_port;
use crate::limits::{CLIENT_CONNECT_WAIT, CLIENT_NEXT_ADDRESS};

/// Connects to HOST:PORT.
pub(super) fn reach(server: &str) -> io::Result<TcpStream> {
    let connect = |address: &SocketAddr| TcpStream::connect_timeout(address, CLIENT_CONNECT_WAIT);
    first_of(&alternating(&addresses(server)?), CLIENT_NEXT_ADDRESS, connect)
}

fn addresses(server: &str) -> io::Result<Vec<SocketAddr>> {
    let no_port = || io::Error::new(io::ErrorKind::InvalidInput, "it is not HOST:PORT");
    // The resolver takes an address without brackets, with its zone.
    let (host, port) = host_and_port(server).ok_or_else(no_port)?;
    (host, port).to_socket_addrs().map(Iterator::collect)
}

/// The addresses, alternating between the two families, beginning with the one that the resolver puts first.
fn alternating(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_first = |address: &&SocketAddr| address.is_ipv6() == addresses[0].is_ipv6();
    let (first, second): (Vec<&SocketAddr>, Vec<&SocketAddr>) = addresses.iter().partition(is_first);
    let turns = (0..addresses.len()).flat_map(|at| [first.get(at), second.get(at)]);
    turns.flatten().map(|address| **address).collect()
}

/// The first connection that succeeds. The next address is tried when the one before has failed, or has taken `step`; attempts
/// that have begun continue.
fn first_of<T: Send + 'static>(
    addresses: &[SocketAddr],
    step: Duration,
    connect: impl Fn(&SocketAddr) -> io::Result<T> + Clone + Send + 'static,
) -> io::Result<T> {
    let (done, outcomes) = channel();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let (mut left, mut open) = (addresses.iter().copied(), 0);
    loop {
        if let Some(address) = left.next() {
            let (done, connect) = (done.clone(), connect.clone());
            // A connection that comes too late is closed by being dropped.
            thread::spawn(move || drop(done.send(connect(&address))));
            open += 1;
        } else if open == 0 {
            return Err(last);
        }
        let patience = if left.len() > 0 { step } else { Duration::MAX };
        match outcomes.recv_timeout(patience) {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(why)) => {
                open -= 1;
                last = why;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => unreachable!("this function holds a sender"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Tries some addresses: those that end in 1 are dead, those that end in 2 refuse. Which one was connected to.
    #[track_caller]
    fn check(addresses: &str, expected: &str) {
        let addresses: Vec<SocketAddr> =
            addresses.split(' ').map(|address| address.parse().expect("an address")).collect();
        let (kept, never) = channel::<()>();
        let never = Arc::new(Mutex::new(never));
        let connect = move |address: &SocketAddr| match address.ip().to_string() {
            dead if dead.ends_with('1') => {
                // As long as the test.
                let _ = never.lock().expect("nobody panics").recv();
                Err(io::ErrorKind::TimedOut.into())
            }
            refused if refused.ends_with('2') => Err(io::ErrorKind::ConnectionRefused.into()),
            other => Ok(other),
        };
        let found = first_of(&alternating(&addresses), Duration::from_millis(1), connect);
        drop(kept);
        assert_eq!(found.unwrap_or_else(|why| why.kind().to_string()), expected);
    }

    /// One after the other, this would never end.
    #[test]
    fn a_dead_address_holds_up_no_other() {
        check("10.0.0.1:1 10.0.0.3:1", "10.0.0.3");
        check("10.0.0.2:1 10.0.0.3:1", "10.0.0.3");
        check("10.0.0.2:1 10.0.1.2:1", "connection refused");
        check("10.0.0.1:1 [::1]:1 10.0.0.2:1 [::3]:1", "::3");
    }

    #[test]
    fn families_alternate() {
        let all: Vec<SocketAddr> =
            ["[::1]:1", "[::2]:1", "1.1.1.1:1", "[::3]:1"].map(|a| a.parse().expect("an address")).to_vec();
        let turns: Vec<String> = alternating(&all).iter().map(|address| address.ip().to_string()).collect();
        assert_eq!(turns, ["::1", "1.1.1.1", "::2", "::3"]);
        assert_eq!(alternating(&[]), []);
    }

    #[test]
    fn an_address_in_brackets_may_have_a_zone() {
        for (server, expected) in
            [("[::1]:7", "[::1]:7"), ("127.0.0.1:7", "127.0.0.1:7"), ("[fe80::1%lo]:7", "[fe80::1%1]:7")]
        {
            let found = addresses(server).expect("it is one");
            assert_eq!(found.iter().map(SocketAddr::to_string).collect::<Vec<_>>(), [expected], "{server}");
        }
    }
}
