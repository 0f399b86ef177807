//! Accepting: bounded per turn, never fatal, and paused while there is no descriptor left.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::{debug, warn};
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Token};
use rustls::ServerConfig;

use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN, EVICTIONS_PER_TURN, HANDSHAKES_WAITING_MAX};
use crate::options::Options;
use crate::protocol::{Bye, bye};
use crate::room::{ConnId, Input, RefusedFor};
use crate::server::Server;
use crate::server::auth::admission::Source;
use crate::server::net::conn::Conn;
use crate::server::net::socket::{Socket, canonical};
use crate::server::net::transport::Transport;
use crate::server::net::{keepalive, listen};
use crate::server::turn::events::LISTENERS;

/// Where newcomers come in.
#[derive(Debug)]
pub(in crate::server) struct Listener {
    pub(in crate::server) socket: TcpListener,
    /// With which certificate; `None`: plain text.
    pub(in crate::server) tls: Option<Arc<ServerConfig>>,
    /// Somebody may wait.
    pub(in crate::server) ready: bool,
}

impl Listener {
    pub(in crate::server) fn open(addr: SocketAddr, tls: Option<Arc<ServerConfig>>) -> io::Result<Listener> {
        let socket = listen::listen(addr);
        let socket = socket.map_err(|why| io::Error::new(why.kind(), format!("{addr}: {why}")))?;
        Ok(Listener { socket, tls, ready: true })
    }
}

/// Whether newcomers are taken in at present.
#[derive(Debug)]
pub(in crate::server) struct Accepting {
    paused_until: Option<Duration>,
    connections_max: usize,
    before_login_max: usize,
    per_address_max: usize,
}

impl Accepting {
    pub(in crate::server) fn new(connections_max: usize, options: &Options) -> Accepting {
        Accepting {
            paused_until: None,
            connections_max,
            before_login_max: options.connections_before_login_max,
            per_address_max: options.connections_per_address_max,
        }
    }

    /// A place became free. Whether somebody may have waited for it: the kernel has told of them before and
    /// does not tell again.
    pub(in crate::server) fn note_place(&mut self) -> bool {
        self.paused_until.take().is_some()
    }

    /// When accepting goes on, if it is paused.
    pub(in crate::server) fn resume_at(&self) -> Option<Duration> {
        self.paused_until
    }
}

impl Server {
    pub(in crate::server) fn accept(&mut self) {
        if self.closing.to_free() > 0 {
            // Many have gone at once, and their places are still to be freed: nobody has to give way, or go, before that.
            return;
        }
        if self.accepting.paused_until.is_some_and(|until| self.now.mono >= until) {
            self.accepting.paused_until = None;
        }
        let mut listeners = std::mem::take(&mut self.listeners);
        for listener in &mut listeners {
            let is_behind = listener.tls.is_some() && self.handshaking.len() >= HANDSHAKES_WAITING_MAX;
            if self.accepting.paused_until.is_none() && listener.ready && !is_behind {
                self.accept_from(listener);
            }
        }
        self.listeners = listeners;
    }

    fn accept_from(&mut self, listener: &mut Listener) {
        let most = if listener.tls.is_some() { HANDSHAKES_WAITING_MAX } else { ACCEPTS_PER_TURN };
        // A flood at one of them takes nothing of the other's.
        let to_free_max = self.closing.to_free() + EVICTIONS_PER_TURN / LISTENERS.len();
        for _ in 0..most {
            if self.closing.to_free() >= to_free_max {
                break;
            }
            match listener.socket.accept() {
                Ok((stream, peer)) => {
                    let source = Source::of(peer.ip());
                    if !self.find_place(source) {
                        self.figures.refused_full += 1;
                        self.log_refused(&canonical(peer), None, RefusedFor::Full);
                        if listener.tls.is_none() {
                            say_full(stream);
                        }
                    } else if let Err(error) = self.take_in(stream, source, listener) {
                        warn!("accepting pauses, a connection could not be registered: {error}");
                        return self.pause_accepting();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    listener.ready = false;
                    return;
                }
                Err(error) if is_the_newcomers(&error) => {
                    debug!("a connection was gone before it was accepted: {error}");
                }
                Err(error) => {
                    self.figures.accept_errors += 1;
                    warn!("accepting pauses: {error}");
                    return self.pause_accepting();
                }
            }
        }
        self.unfinished = true;
    }

    fn pause_accepting(&mut self) {
        self.accepting.paused_until = Some(self.now.mono + ACCEPT_PAUSE);
    }

    /// Whether there is a place for a connection from this source: a free one, or one that an eviction makes free.
    fn find_place(&mut self, source: Source) -> bool {
        if self.admission.connections_from(source) >= self.accepting.per_address_max {
            let Some(id) = self.admission.oldest_from(source) else { return false };
            self.evict(id);
        }
        // Connections evicted in this turn are still among them.
        let all = self.conns.len() - self.closing.to_free();
        let is_full = all >= self.accepting.connections_max
            || all - self.room.logged_in() >= self.accepting.before_login_max;
        if is_full {
            let Some(id) = self.admission.oldest_from_busiest() else { return false };
            self.evict(id);
        }
        true
    }

    /// Closes an unauthenticated connection, or one that only waits for acknowledgements, for a new one.
    fn evict(&mut self, id: ConnId) {
        self.admission.protect(id);
        let conn = &mut self.conns[id.slot as usize];
        if conn.has_hung_up() {
            return self.close(id);
        }
        self.figures.evicted += 1;
        // As for those who find no place: instead of the greeting, or behind it and all answers. Before TLS is set up
        // nothing can be said.
        let may_speak = conn.socket.sent == 0 || (!self.room.is_leaving(id) && !self.room.is_due(id));
        if may_speak && conn.is_set_up() {
            let _ = conn.write(&bye(Bye::Full));
            conn.shut_down();
            let _ = conn.read(&mut self.scratch);
        }
        self.note_refused(id, None, RefusedFor::Full);
        self.close(id);
    }

    fn take_in(&mut self, mut stream: TcpStream, source: Source, listener: &Listener) -> io::Result<()> {
        let transport = Transport::new(listener.tls.as_ref())?;
        let entry = self.conns.vacant_entry();
        let slot = u32::try_from(entry.key()).expect("there are fewer descriptors than 32-bit numbers");
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        let id = ConnId { slot, serial: self.next_serial };
        keepalive::set_times(&stream, id.serial);
        self.next_serial += 1;
        entry.insert(Conn::new(Socket::new(stream), transport, id, self.options.line_max));
        self.admission.add(id, source);
        self.room.handle(self.now, Input::Connected(id), &mut self.effects);
        Ok(())
    }
}

/// Errors of accept(2) that are the newcomer's, not ours.
fn is_the_newcomers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
    )
}

/// One write, and one read of what the newcomer said meanwhile, so that closing does not turn into a reset
/// before the word is read. Best effort: there is no place to wait for more.
fn say_full(mut stream: TcpStream) {
    let _ = stream.write(&bye(Bye::Full));
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0; 1024]);
}
