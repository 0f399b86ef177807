//! The invariants of the queues: what each connection knows of its place in them is true.

use std::collections::VecDeque;

use crate::room::ConnId;
use crate::server::net::{Connections, Outflow, Reading, Sending};

/// With more connections a debug build would be too slow.
pub(in crate::server) const CHECKED_MAX: usize = 200;

impl Connections {
    /// Panics if an invariant is broken. Debug builds call it in each turn while there are few connections.
    pub(in crate::server) fn check(&self) {
        if self.slots.len() > CHECKED_MAX {
            return;
        }
        for (_, conn) in &self.slots {
            let id = conn.id;
            let times = |queue: &VecDeque<ConnId>| queue.iter().filter(|other| **other == id).count();
            let to_read = times(&self.reading) + times(&self.handshakes.readable);
            let is_queued = usize::from(conn.reading == Reading::Queued);
            assert_eq!(to_read, is_queued, "{id:?} is read once, if at all");
            // One that was held and released may still be in the queue from before.
            assert!(conn.sending != Sending::Queued || times(&self.sending) > 0, "{id:?} is written to");
            let is_closed = conn.outflow == Outflow::Closed;
            assert_eq!(times(&self.closed), usize::from(is_closed), "{id:?} is freed once");
            let handshakes = self.handshakes.ids().filter(|other| *other == id).count();
            let is_handshaking = usize::from(conn.is_handshaking() && !is_closed);
            assert_eq!(handshakes, is_handshaking, "{id:?} has its deadline");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use super::*;
    use crate::server::net::socket::{ReadOutcome, Socket};
    use crate::server::net::transport::Transport;

    /// So many plain connections, with their peers.
    fn plain<const N: usize>() -> (Connections, [ConnId; N], [std::net::TcpStream; N]) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let mut conns = Connections::new(N, 4095, Duration::from_secs(60));
        let poll = mio::Poll::new().expect("a poll");
        let peers = std::array::from_fn(|_| std::net::TcpStream::connect(addr).expect("it listens"));
        let ids = std::array::from_fn(|_| {
            let (stream, _) = listener.accept().expect("one has connected");
            let socket = Socket::new(mio::net::TcpStream::from_std(stream));
            conns.insert(Duration::ZERO, socket, Transport::Plain, poll.registry()).expect("registered")
        });
        (conns, ids, peers)
    }

    #[test]
    fn a_connection_is_read_once_however_often_it_is_queued() {
        let (mut conns, [one, two], _peers) = plain();
        for id in [one, two, one] {
            conns.queue_reading(id);
            conns.check();
        }
        assert_eq!((conns.pop_reading(), conns.reading.len()), (Some(one), 1));
        // A parked one is woken by the room alone.
        conns.park(one);
        conns.queue_reading(one);
        assert_eq!(conns.reading.len(), 1);
        conns.unpark(one);
        conns.unpark(one);
        conns.check();
        assert_eq!(
            (conns.pop_reading(), conns.pop_reading(), conns.pop_reading()),
            (Some(two), Some(one), None)
        );
    }

    #[test]
    fn a_held_connection_is_not_written_to() {
        let (mut conns, [one, two], _peers) = plain();
        conns.queue_sending(one);
        conns.hold(one);
        conns.queue_sending(one);
        conns.queue_sending(two);
        conns.check();
        assert_eq!((conns.pop_sending(), conns.pop_sending()), (Some(two), None));
        conns.release(one);
        conns.release(one);
        conns.check();
        assert_eq!((conns.pop_sending(), conns.pop_sending()), (Some(one), None));
    }

    #[test]
    fn an_id_of_a_freed_slot_is_nobodys() {
        let (mut conns, [one], _peers) = plain();
        conns.queue_sending(one);
        conns.close(one);
        conns.close(one);
        conns.check();
        assert_eq!((conns.closed.len(), conns.closed.pop_front()), (1, Some(one)));
        conns.remove(one);
        assert!(conns.get(one).is_none() && conns.is_empty());
        assert_eq!((conns.pop_sending(), conns.read(one)), (None, ReadOutcome::WouldBlock));
    }

    #[test]
    fn a_read_leaves_nothing_in_the_buffer() {
        let (mut conns, [one], [mut peer]) = plain();
        peer.write_all(b"LOGIN ann@x ann-secret\n").expect("sent");
        for read in [Connections::read, Connections::read_and_drop] {
            assert_eq!(read(&mut conns, one), ReadOutcome::Bytes(23));
            assert!(conns.scratch.iter().all(|&b| b == 0), "a password would stay");
            peer.write_all(b"LOGIN ann@x ann-secret\n").expect("sent");
        }
        assert!(conns.get_mut(one).expect("it is open").lines.peek().is_some(), "only the first read counts");
    }
}
