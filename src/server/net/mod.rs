//! Sockets and the layers between them and lines: listeners, connections with their readiness and their transports, and
//! what the kernel knows of them.

mod base;
pub mod certificate;
mod checkpoints;
pub(super) mod conn;
pub(super) mod connections;
mod handshakes;
pub(super) mod keepalive;
pub(super) mod listen;
pub(super) mod listeners;
pub mod passed;
mod renewal;
mod slots;
pub(super) mod socket;
pub mod tcp_info;
mod tls;
pub(super) mod transport;
pub(super) mod validity;
pub mod web;

pub use self::certificate::{Certificate, Source};
pub(super) use self::conn::{Conn, Inflow, Outflow};
pub(super) use self::connections::Connections;
pub use self::listeners::Speech;
pub(super) use self::listeners::{LISTENERS_MAX, Listener, Listeners};
pub(super) use self::socket::{ReadOutcome, Socket, canonical};
pub(super) use self::transport::Transport;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use self::checkpoints::Checkpoints;
use self::conn::{Reading, Sending};
use self::handshakes::Handshakes;
use self::listeners::LISTENER_FIRST;
use self::passed::Passed;
use self::renewal::Renewal;
use self::slots::Slots;
use self::tcp_info::Watch;
use self::tls::Tls;
use crate::options::Options;

/// Readiness changes taken from the kernel in one turn.
const EVENTS_PER_TURN: usize = 1024;

/// The token of the threads: one has an answer.
const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);

/// What the network tells of.
pub(in crate::server) struct Net {
    pub(in crate::server) poll: Poll,
    events: Events,
    signals: Signals,
    pub(in crate::server) listeners: Listeners,
}

impl Net {
    /// Listens, with the sockets that were passed on where there are some. `certificate` is the one to serve TLS with, if TLS is
    /// served. Also returns the loop's waker.
    pub(in crate::server) fn start(
        options: &Options,
        certificate: Option<&Certificate>,
        passed: Passed,
    ) -> io::Result<(Net, Arc<Waker>)> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let listeners = Listeners::open(options, certificate, passed, poll.registry(), &waker)?;
        Ok((Net { poll, events: Events::with_capacity(EVENTS_PER_TURN), signals, listeners }, waker))
    }

    /// Waits for an event, at most this long.
    pub(in crate::server) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            polled => polled,
        }
    }

    /// Records the readiness of listeners and connections. Returns the signals received.
    pub(in crate::server) fn record_readiness(&mut self, conns: &mut Connections) -> Vec<i32> {
        let mut is_signalled = false;
        for event in &self.events {
            match event.token() {
                WAKER => {}
                SIGNALS => is_signalled = true,
                Token(number @ LISTENER_FIRST..) => self.listeners.set_ready(number - LISTENER_FIRST),
                Token(slot) => conns.record_readiness(slot, event),
            }
        }
        if is_signalled { self.signals.pending().collect() } else { Vec::new() }
    }
}
