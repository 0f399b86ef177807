//! Accepting: bounded per turn, never fatal, and paused while there is no descriptor left.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::time::Duration;

use log::{debug, info, warn};
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Token};

use super::Server;
use super::conn::Conn;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN};
use crate::protocol::{Bye, bye};
use crate::room::{ConnId, Input};

/// Whether newcomers are taken in at present.
#[derive(Debug)]
pub(super) struct Accepting {
    ready: bool,
    paused_until: Option<Duration>,
    connections_max: usize,
}

impl Accepting {
    pub(super) fn new(connections_max: usize) -> Accepting {
        Accepting { ready: true, paused_until: None, connections_max }
    }

    pub(super) fn note_ready(&mut self) {
        self.ready = true;
    }

    /// A place became free. Whether somebody may have waited for it: the kernel has told of them before and
    /// does not tell again.
    pub(super) fn note_place(&mut self) -> bool {
        self.paused_until.take().is_some()
    }

    /// When accepting goes on, if it is paused.
    pub(super) fn resume_at(&self) -> Option<Duration> {
        self.paused_until
    }
}

impl Server {
    pub(super) fn accept(&mut self) {
        if self.accepting.paused_until.is_some_and(|until| self.now.mono >= until) {
            self.accepting.paused_until = None;
        }
        let Some(listener) = self.listener.take() else { return };
        if self.accepting.paused_until.is_none() && self.accepting.ready {
            self.accept_from(&listener);
        }
        self.listener = Some(listener);
    }

    fn accept_from(&mut self, listener: &TcpListener) {
        for _ in 0..ACCEPTS_PER_TURN {
            match listener.accept() {
                Ok((stream, peer)) if self.conns.len() >= self.accepting.connections_max => {
                    self.figures.refused_full += 1;
                    info!("refused, the server is full: from={peer}");
                    say_full(stream);
                }
                Ok((stream, peer)) => {
                    if let Err(error) = self.take_in(stream) {
                        warn!("a connection from {peer} could not be registered: {error}");
                        return self.pause_accepting();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.accepting.ready = false;
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

    fn take_in(&mut self, mut stream: TcpStream) -> io::Result<()> {
        let entry = self.conns.vacant_entry();
        let slot = u32::try_from(entry.key()).expect("there are fewer descriptors than 32-bit numbers");
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        let id = ConnId { slot, serial: self.next_serial };
        self.next_serial += 1;
        entry.insert(Conn::new(stream, id, self.options.line_max));
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
