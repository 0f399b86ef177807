//! Waits for events and signals, and says what their tokens mean.

use std::io;
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

/// Readiness changes taken from the kernel in one turn.
const EVENTS_PER_TURN: usize = 1024;

/// How many listeners there may be.
pub(in crate::server) const LISTENERS_MAX: usize = 2;

/// Of the threads: one has an answer.
pub(super) const WAKER: Token = Token(usize::MAX);
pub(super) const SIGNALS: Token = Token(usize::MAX - 1);
/// Of the first listener; the others follow. Connections are named by their slots, from 0.
pub(super) const LISTENER_FIRST: usize = usize::MAX - 1 - LISTENERS_MAX;

/// See the module.
pub(in crate::server) struct Poller {
    poll: Poll,
    events: Events,
    signals: Signals,
}

impl Poller {
    pub(super) fn new() -> io::Result<Poller> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        Ok(Poller { poll, events: Events::with_capacity(EVENTS_PER_TURN), signals })
    }

    /// The waker that ends a wait. There may be only one.
    pub(super) fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// Waits for an event, at most this long.
    pub(in crate::server) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            polled => polled,
        }
    }

    /// The events of the last wait.
    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    /// The signals received.
    pub(super) fn pending_signals(&mut self) -> Vec<i32> {
        self.signals.pending().collect()
    }

    /// Registers a listener for events.
    pub(in crate::server) fn register_listener(
        &self,
        listener: &mut impl Source,
        number: usize,
    ) -> io::Result<()> {
        assert!(number < LISTENERS_MAX, "there are as many as the options can name");
        self.poll.registry().register(listener, Token(LISTENER_FIRST + number), Interest::READABLE)
    }

    /// Registers a connection for events.
    pub(in crate::server) fn register_connection(
        &self,
        stream: &mut impl Source,
        slot: usize,
    ) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        self.poll.registry().register(stream, Token(slot), interest)
    }
}
