//! Sockets and the layers between them and lines: listeners, connections with their readiness and their transports, and
//! what the kernel knows of them.

pub mod certificate;
mod checkpoints;
pub(super) mod conn;
pub(super) mod connections;
mod handshakes;
pub(super) mod keepalive;
pub(super) mod listen;
pub(super) mod listeners;
pub(super) mod poller;
pub(super) mod socket;
pub mod tcp_info;
mod tls;
pub(super) mod transport;
pub(super) mod validity;

use std::io;
use std::sync::Arc;

use mio::{Token, Waker};

use crate::options::Options;
use crate::server::net::certificate::Certificate;
use crate::server::net::connections::Connections;
use crate::server::net::listeners::Listeners;
use crate::server::net::poller::{LISTENER_FIRST, Poller, SIGNALS, WAKER};

/// What the network tells of.
pub(in crate::server) struct Net {
    pub(in crate::server) poller: Poller,
    pub(in crate::server) listeners: Listeners,
}

impl Net {
    /// Listens. `certificate` is the one to serve TLS with, if TLS is served. Also returns the loop's waker.
    pub(in crate::server) fn start(
        options: &Options,
        certificate: Option<&Certificate>,
    ) -> io::Result<(Net, Arc<Waker>)> {
        let poller = Poller::new()?;
        let waker = Arc::new(poller.waker()?);
        let listeners = Listeners::open(options, certificate, &poller, &waker)?;
        Ok((Net { poller, listeners }, waker))
    }

    /// Records the readiness of listeners and connections. Returns the signals received.
    pub(in crate::server) fn record_readiness(&mut self, conns: &mut Connections) -> Vec<i32> {
        let mut is_signalled = false;
        for event in self.poller.events() {
            match event.token() {
                WAKER => {}
                SIGNALS => is_signalled = true,
                Token(number @ LISTENER_FIRST..) => self.listeners.set_ready(number - LISTENER_FIRST),
                Token(slot) => conns.record_readiness(slot, event),
            }
        }
        if is_signalled { self.poller.pending_signals() } else { Vec::new() }
    }
}
