//! Accepts new connections: bounded per turn, never fatal, and paused while there is no descriptor left.

use std::io::{self, ErrorKind, Read as _, Write as _};

use log::{debug, warn};
use mio::net::TcpStream;

use crate::limits::{ACCEPTS_PER_TURN, EVICTIONS_PER_TURN, HANDSHAKES_WAITING_MAX};
use crate::protocol::{Bye, bye};
use crate::room::{ConnId, Now, RefusedFor, Room};
use crate::server::auth::admission::{Admission, Source};
use crate::server::net::connections::Connections;
use crate::server::net::listeners::Listener;
use crate::server::net::poller::{LISTENERS_MAX, Poller};
use crate::server::net::socket::{Socket, canonical};
use crate::server::net::{Net, keepalive};
use crate::server::ops::refusals::Refusals;
use crate::server::turn::Work;

/// How far accepting came at one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepted {
    /// No connection waits any more.
    All,
    /// A bound was reached; more may wait.
    Some,
    /// No connection can be accepted at present.
    Failed,
}

/// Accepts the connections that wait at the listeners.
pub(in crate::server) fn accept(
    now: Now,
    net: &mut Net,
    admission: &mut Admission,
    refusals: &mut Refusals,
    room: &Room,
) -> Work {
    let Net { poller, listeners, conns } = net;
    if conns.to_free() > 0 {
        // Many were closed at once. Until their places are free, nobody should be evicted or turned away.
        return Work::remains_if(listeners.ready().next().is_some());
    }
    if listeners.paused_until().is_some_and(|until| now.mono >= until) {
        listeners.end_pause();
    }
    let (mut came, mut is_behind) = (Accepted::All, false);
    for listener in listeners.ready() {
        if listener.has_tls() && conns.readable_handshakes() >= HANDSHAKES_WAITING_MAX {
            is_behind = true;
            continue;
        }
        match accept_from(now, listener, poller, conns, admission, refusals, room) {
            Accepted::All => {}
            Accepted::Some => came = Accepted::Some,
            Accepted::Failed => {
                came = Accepted::Failed;
                break;
            }
        }
    }
    if came == Accepted::Failed {
        listeners.pause(now.mono);
    }
    Work::remains_if(is_behind || came == Accepted::Some)
}

fn accept_from(
    now: Now,
    listener: &mut Listener,
    poller: &Poller,
    conns: &mut Connections,
    admission: &mut Admission,
    refusals: &mut Refusals,
    room: &Room,
) -> Accepted {
    let most = if listener.has_tls() { HANDSHAKES_WAITING_MAX } else { ACCEPTS_PER_TURN };
    // A flood at one listener takes nothing from the other.
    let to_free_max = conns.to_free() + EVICTIONS_PER_TURN / LISTENERS_MAX;
    for _ in 0..most {
        if conns.to_free() >= to_free_max {
            break;
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                let source = Source::of(peer.ip());
                if !find_place(now, source, conns, admission, refusals, room) {
                    conns.counts.refused_full += 1;
                    refusals.log(now, &canonical(peer), None, RefusedFor::Full);
                    if !listener.has_tls() {
                        say_full(stream);
                    }
                    continue;
                }
                match register(now, stream, listener, poller, conns) {
                    Ok(id) => admission.add(id, source),
                    Err(error) => {
                        warn!("accepting pauses, a connection could not be registered: {error}");
                        return Accepted::Failed;
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Accepted::All,
            Err(error) if is_peers_fault(&error) => {
                debug!("a connection was gone before it was accepted: {error}");
            }
            Err(error) => {
                conns.counts.accept_errors += 1;
                warn!("accepting pauses: {error}");
                return Accepted::Failed;
            }
        }
    }
    Accepted::Some
}

/// Whether there is a place for a connection from this source: a free one, or one that an eviction makes free.
fn find_place(
    now: Now,
    source: Source,
    conns: &mut Connections,
    admission: &mut Admission,
    refusals: &mut Refusals,
    room: &Room,
) -> bool {
    if admission.is_full_for(source) {
        let Some(id) = admission.oldest_from(source) else { return false };
        evict(now, id, conns, admission, refusals, room);
    }
    // Connections evicted in this turn are still among them.
    if admission.is_full(conns.len() - conns.to_free(), room.logged_in()) {
        let Some(id) = admission.oldest_from_busiest() else { return false };
        evict(now, id, conns, admission, refusals, room);
    }
    true
}

/// Closes an unauthenticated connection, or one that only waits for acknowledgements, for a new one.
fn evict(
    now: Now,
    id: ConnId,
    conns: &mut Connections,
    admission: &mut Admission,
    refusals: &mut Refusals,
    room: &Room,
) {
    admission.protect(id);
    let conn = conns.get_mut(id).expect("what is evicted is here");
    if !conn.has_shut_down() {
        refusals.log(now, &conn.socket.origin(), None, RefusedFor::Full);
        // BYE stands in place of HELLO, or comes after it and all answers. During a handshake nothing can be sent.
        let may_speak = conn.socket.sent == 0 || (!room.is_leaving(id) && !room.is_due(id));
        if may_speak && !conn.is_handshaking() {
            let _ = conn.write(&bye(Bye::Full));
            conn.shut_down();
            let _ = conns.read_and_drop(id);
        }
        conns.counts.evicted += 1;
    }
    conns.close(id);
}

fn register(
    now: Now,
    mut stream: TcpStream,
    listener: &Listener,
    poller: &Poller,
    conns: &mut Connections,
) -> io::Result<ConnId> {
    let transport = listener.transport()?;
    poller.register_connection(&mut stream, conns.vacant_slot())?;
    let id = conns.insert(now.mono, Socket::new(stream), transport);
    let conn = conns.get(id).expect("it has just come");
    keepalive::set_times(&conn.socket.stream, id.serial);
    Ok(id)
}

/// Errors of accept(2) that concern the new connection alone, not the server.
fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
    )
}

/// One write, and one read of what the peer has sent meanwhile, so that closing does not turn into a reset before the
/// peer has read it. Best effort: there is no place to wait for more.
fn say_full(mut stream: TcpStream) {
    let _ = stream.write(&bye(Bye::Full));
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0; 1024]);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::options::{Invocation, Options, parse};
    use crate::protocol::Time;
    use crate::room::{Config, PastShown, Roster};
    use crate::server::auth::admission::Places;
    use crate::server::net::certificate::Certificate;

    /// A server's parts that accept, with these options.
    struct Parts {
        net: Net,
        admission: Admission,
        refusals: Refusals,
        room: Room,
    }

    impl Parts {
        fn with(line: &str) -> Parts {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let Ok(Invocation::Serve(options)) = parse(&args) else { panic!("options to serve with") };
            let certificate =
                options.tls.as_ref().map(|tls| Certificate::load(&tls.source).expect("it is made"));
            let (net, _) = Net::start(&options, certificate.as_ref(), 1000).expect("a free port");
            let places = Places { all: 1000, before_login: 1000, per_address: 1000 };
            let room = Room::new(config(&options), Roster::new(), &mut Vec::new());
            Parts { net, admission: Admission::new(places), refusals: Refusals::default(), room }
        }

        /// A socket that waits at the listener, after the kernel has said so.
        fn connect(&mut self) -> std::net::TcpStream {
            let (addr, _) = self.net.listeners.local_addrs().expect("it listens")[0];
            let peer = std::net::TcpStream::connect(addr).expect("it listens");
            while self.net.listeners.ready().next().is_none() {
                self.net.poller.wait(None).expect("it polls");
                self.net.record_readiness();
            }
            peer
        }

        /// Accepts this many connections, and then there is none.
        fn accept_all(&mut self, count: usize) {
            while self.net.conns.len() < count {
                let _ = self.accept();
            }
            while self.net.listeners.ready().next().is_some() {
                let _ = self.accept();
            }
        }

        fn accept(&mut self) -> Work {
            let now = Now { wall: Time::from_unix_ms(0), mono: Duration::ZERO };
            accept(now, &mut self.net, &mut self.admission, &mut self.refusals, &self.room)
        }
    }

    fn config(options: &Options) -> Config {
        Config {
            window: options.window,
            line_max: options.line_max,
            login_timeout: options.login_timeout,
            transcript_id: 1,
            rate: None,
            connections_per_member_max: 1,
            past: PastShown::Own,
        }
    }

    /// The kernel tells of a waiting connection once. Whatever keeps the server from accepting it must not let it wait for
    /// the next event, which may be another connection's.
    #[test]
    fn a_connection_that_waits_is_not_forgotten() {
        let mut parts = Parts::with("--listen 127.0.0.1:0");
        let _first = parts.connect();
        parts.accept_all(1);
        let id = parts.net.conns.ids().next().expect("one");
        // Until the slots of closed connections are free, nobody is accepted.
        parts.net.conns.close(id);
        let _second = parts.connect();
        assert_eq!((parts.accept(), parts.net.conns.len()), (Work::Remains, 1));
        let closed = parts.net.conns.pop_closed().expect("the first");
        parts.net.conns.remove(closed);
        assert_eq!((parts.accept(), parts.net.conns.len()), (Work::Done, 1));
    }

    #[test]
    fn a_connection_that_waits_for_handshakes_is_not_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let members = folder.path().join("members.txt");
        let mut parts =
            Parts::with(&format!("--listen none --tls-listen 127.0.0.1:0 --members {}", members.display()));
        let _peers: Vec<_> = (0..HANDSHAKES_WAITING_MAX).map(|_| parts.connect()).collect();
        parts.accept_all(HANDSHAKES_WAITING_MAX);
        for id in parts.net.conns.ids().collect::<Vec<_>>() {
            parts.net.conns.queue_reading(id);
        }
        let _late = parts.connect();
        assert_eq!((parts.accept(), parts.net.conns.len()), (Work::Remains, HANDSHAKES_WAITING_MAX));
        parts.net.conns.pop_handshake();
        assert_eq!((parts.accept(), parts.net.conns.len()), (Work::Done, HANDSHAKES_WAITING_MAX + 1));
    }
}
