//! Accepts new connections: bounded per turn, never fatal, and paused while there is no descriptor left.

use std::io::{self, ErrorKind, Read as _, Write as _};

use log::{debug, warn};
use mio::Registry;
use mio::net::TcpStream;

use crate::limits::{ACCEPTS_PER_TURN, ACCEPTS_PER_TURN_MIN, EVICTIONS_PER_TURN, HANDSHAKES_WAITING_MAX};
use crate::protocol::{Bye, bye};
use crate::room::{ConnId, Input, RefusedFor};
use crate::server::auth::admission::Source;
use crate::server::net::web::answer;
use crate::server::net::web::http::date;
use crate::server::net::{Conn, LISTENERS_MAX, Listener, Net, Socket, Speech, canonical, keepalive};
use crate::server::turn::{Hub, Work};

/// Accepts the connections that wait at the listeners.
pub(in crate::server) fn accept(net: &mut Net, hub: &mut Hub) -> Work {
    let Net { poll, listeners, .. } = net;
    if !hub.conns.closed.is_empty() {
        // Many were closed at once. Until their places are free, nobody should be evicted or turned away.
        return Work::remains_if(listeners.ready().next().is_some());
    }
    if listeners.paused_until.is_some_and(|until| hub.now.mono >= until) {
        listeners.end_pause();
    }
    let mut work = Work::Done;
    let has_failed = listeners.ready().any(|listener| match accept_from(listener, poll.registry(), hub) {
        Some(left) => {
            work |= left;
            false
        }
        None => true,
    });
    if has_failed {
        listeners.pause(hub.now.mono);
    }
    work
}

/// `None`: no connection can be accepted at present.
fn accept_from(listener: &mut Listener, registry: &Registry, hub: &mut Hub) -> Option<Work> {
    let speech = listener.speech();
    let most = if speech != Speech::Lines && hub.conns.handshakes.readable.len() >= HANDSHAKES_WAITING_MAX {
        0
    } else {
        // What those accepted before are owed takes memory until it is written.
        ACCEPTS_PER_TURN.saturating_sub(hub.room.due_before_login()).max(ACCEPTS_PER_TURN_MIN)
    };
    // A flood at one listener takes nothing from the other.
    let to_free_max = hub.conns.closed.len() + EVICTIONS_PER_TURN / LISTENERS_MAX;
    for _ in 0..most {
        if hub.conns.closed.len() >= to_free_max {
            break;
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                let source = Source::of(peer.ip());
                if !find_place(source, hub) {
                    hub.conns.counts.refused_full += 1;
                    hub.refusals.log(hub.now, &canonical(peer).to_string(), None, RefusedFor::Full);
                    match speech {
                        Speech::Lines => say_full(stream, &bye(Bye::Full)),
                        Speech::Http => say_full(stream, &answer::full(&date())),
                        Speech::LinesWithTls | Speech::Https => {}
                    }
                } else if let Err(error) = register(stream, source, listener, registry, hub) {
                    warn!("accepting pauses, a connection could not be registered: {error}");
                    return None;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(Work::Done),
            Err(error) if is_peers_fault(&error) => {
                debug!("a connection was gone before it was accepted: {error}");
            }
            Err(error) => {
                hub.conns.counts.accept_errors += 1;
                warn!("accepting pauses: {error}");
                return None;
            }
        }
    }
    Some(Work::Remains)
}

/// Whether there is a place for a connection from this source: a free one, or one that an eviction makes free.
fn find_place(source: Source, hub: &mut Hub) -> bool {
    if hub.admission.is_full_for(source) {
        let Some(id) = hub.admission.oldest_from(source) else { return false };
        evict(id, hub);
    }
    // Connections evicted in this turn are still among them.
    let open = hub.conns.len() - hub.conns.closed.len();
    if hub.admission.is_full(open, hub.room.logged_in()) {
        let Some(id) = hub.admission.oldest_from_busiest() else { return false };
        evict(id, hub);
    }
    true
}

/// Closes an unauthenticated connection, or one that only waits for acknowledgements, for a new one.
fn evict(id: ConnId, hub: &mut Hub) {
    hub.admission.protect(id);
    if !hub.conns.get(id).is_some_and(Conn::has_shut_down) {
        hub.log_refused(id, None, RefusedFor::Full);
        let Hub { conns, room, .. } = hub;
        let conn = conns.get_mut(id).expect("what is evicted is here");
        // BYE stands in place of HELLO, or comes after it and all answers. During a handshake nothing can be sent.
        let may_speak = room.bytes_sent(id).0 == 0 || (!room.is_leaving(id) && !room.is_due(id));
        if may_speak && !conn.is_handshaking() {
            let _ = conn.write(&bye(Bye::Full));
            conn.shut_down(Some(Bye::Full));
            let _ = conns.read_and_drop(id);
        }
        conns.counts.evicted += 1;
    }
    hub.conns.close(id);
}

fn register(
    stream: TcpStream,
    source: Source,
    listener: &Listener,
    registry: &Registry,
    hub: &mut Hub,
) -> io::Result<()> {
    let id = hub.conns.insert(hub.now.mono, Socket::new(stream), listener.transport()?, registry)?;
    hub.admission.add(id, source);
    let conn = hub.conns.get(id).expect("it has just come");
    keepalive::set_times(&conn.socket.stream, id.serial);
    if !conn.is_handshaking() {
        hub.tell(Input::Connected(id, hub.now.mono));
    }
    Ok(())
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
fn say_full(mut stream: TcpStream, words: &[u8]) {
    let _ = stream.write(words);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0; 1024]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::turn::tests::Parts;

    /// The kernel tells of a waiting connection once. Whatever keeps the server from accepting it must not let it wait for
    /// the next event, which may be another connection's.
    #[test]
    fn a_connection_that_waits_is_not_forgotten() {
        let mut parts = Parts::with("--listen 127.0.0.1:0");
        let _first = parts.connect();
        parts.accept_all(1);
        let id = parts.hub.conns.ids().next().expect("one");
        // Until the slots of closed connections are free, nobody is accepted.
        parts.hub.conns.close(id);
        let _second = parts.connect();
        assert_eq!((parts.accept(), parts.hub.conns.len()), (Work::Remains, 1));
        let closed = parts.hub.conns.closed.pop_front().expect("the first");
        parts.hub.tell(Input::Gone(closed));
        parts.hub.conns.remove(closed);
        assert_eq!((parts.accept(), parts.hub.conns.len()), (Work::Done, 1));
    }

    /// Many who come at once take little memory before they are greeted.
    #[test]
    fn as_many_are_accepted_as_are_greeted() {
        let mut parts = Parts::with("--listen 127.0.0.1:0");
        let _peers: Vec<_> = (0..2 * ACCEPTS_PER_TURN).map(|_| parts.connect()).collect();
        let mut accepts = |greeted: usize| {
            for _ in 0..greeted {
                assert!(parts.hub.room.pop_due().is_some(), "somebody is greeted");
            }
            let before = parts.hub.conns.len();
            assert_eq!(parts.accept(), Work::Remains);
            parts.hub.conns.len() - before
        };
        assert_eq!(accepts(0), ACCEPTS_PER_TURN);
        // Somebody always gets in, whatever others are owed.
        assert_eq!(accepts(0), ACCEPTS_PER_TURN_MIN);
        assert_eq!(accepts(2 * ACCEPTS_PER_TURN_MIN), ACCEPTS_PER_TURN_MIN);
        assert_eq!(accepts(3 * ACCEPTS_PER_TURN_MIN), 3 * ACCEPTS_PER_TURN_MIN);
    }

    #[test]
    fn a_connection_that_waits_for_handshakes_is_not_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let members = folder.path().join("members.txt");
        let mut parts =
            Parts::with(&format!("--listen none --tls-listen 127.0.0.1:0 --members {}", members.display()));
        let _peers: Vec<_> = (0..HANDSHAKES_WAITING_MAX).map(|_| parts.connect()).collect();
        parts.accept_all(HANDSHAKES_WAITING_MAX);
        for id in parts.hub.conns.ids().collect::<Vec<_>>() {
            parts.hub.conns.queue_reading(id);
        }
        let _late = parts.connect();
        assert_eq!((parts.accept(), parts.hub.conns.len()), (Work::Remains, HANDSHAKES_WAITING_MAX));
        parts.hub.conns.pop_handshake();
        assert_eq!((parts.accept(), parts.hub.conns.len()), (Work::Done, HANDSHAKES_WAITING_MAX + 1));
    }
}
