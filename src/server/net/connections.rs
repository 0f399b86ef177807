//! All connections, each in its slot, and the queues of those with work to do. A connection's knowledge of which queue it
//! is in changes here and nowhere else.

mod check;

pub(in crate::server) use self::check::CHECKED_MAX;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use mio::event::Event;
use mio::{Interest, Registry, Token};
use slab::Slab;

use crate::limits::READ_PER_TURN;
use crate::protocol::framing::wipe;
use crate::room::ConnId;
use crate::server::net::{
    Conn, Handshakes, Outflow, ReadOutcome, Reading, Sending, Slots, Socket, Transport,
};

/// What became of connections since the start, for STATS.
#[derive(Debug, Default)]
pub(in crate::server) struct Counts {
    pub(in crate::server) bytes_delivered: u64,
    pub(in crate::server) writes: u64,
    pub(in crate::server) cut_lagging: u64,
    pub(in crate::server) given_up: u64,
    pub(in crate::server) timed_out: u64,
    pub(in crate::server) refused_full: u64,
    pub(in crate::server) evicted: u64,
    pub(in crate::server) accept_errors: u64,
}

/// See the module. Only its methods fill the queues, and empty those to be read and written to: each connection knows its
/// place in these.
#[derive(Debug)]
pub(in crate::server) struct Connections {
    slots: Slab<Conn>,
    next_serial: u64,
    line_max: usize,
    /// Those that cannot carry lines yet.
    pub(in crate::server) handshakes: Handshakes,
    /// To be read, or with lines that wait.
    pub(in crate::server) reading: VecDeque<ConnId>,
    /// To be written to: the socket is writable again, or took everything and there is more.
    pub(in crate::server) sending: VecDeque<ConnId>,
    /// The slots of those that may not have acknowledged all they were sent.
    pub(in crate::server) unacknowledged: Slots,
    /// For the close phase: sent everything, or with news about acknowledgements after FIN.
    pub(in crate::server) ending: VecDeque<ConnId>,
    /// Closed, with slots still to be freed.
    pub(in crate::server) closed: VecDeque<ConnId>,
    /// One buffer for all reads; empty between two of them.
    scratch: Box<[u8]>,
    pub(in crate::server) counts: Counts,
}

impl Connections {
    pub(in crate::server) fn new(capacity: usize, line_max: usize, login_timeout: Duration) -> Connections {
        Connections {
            slots: Slab::with_capacity(capacity),
            next_serial: 0,
            line_max,
            handshakes: Handshakes::new(login_timeout),
            reading: VecDeque::new(),
            sending: VecDeque::new(),
            unacknowledged: Slots::default(),
            ending: VecDeque::new(),
            closed: VecDeque::new(),
            scratch: vec![0; READ_PER_TURN].into_boxed_slice(),
            counts: Counts::default(),
        }
    }

    /// All of them, including those closed whose slots are still to be freed.
    pub(in crate::server) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(in crate::server) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(in crate::server) fn ids(&self) -> impl Iterator<Item = ConnId> {
        self.slots.iter().map(|(_, conn)| conn.id)
    }

    /// `None`: it is gone.
    pub(in crate::server) fn get(&self, id: ConnId) -> Option<&Conn> {
        self.slots.get(id.slot as usize).filter(|conn| conn.id == id)
    }

    /// `None`: it is gone.
    pub(in crate::server) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.slots.get_mut(id.slot as usize).filter(|conn| conn.id == id)
    }

    /// The one in this slot.
    pub(in crate::server) fn at(&self, slot: usize) -> Option<&Conn> {
        self.slots.get(slot)
    }

    /// Adds one, and registers it for events.
    pub(in crate::server) fn insert(
        &mut self,
        now: Duration,
        mut socket: Socket,
        transport: Transport,
        registry: &Registry,
    ) -> io::Result<ConnId> {
        let slot = self.slots.vacant_key();
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        registry.register(&mut socket.stream, Token(slot), interest)?;
        let slot = u32::try_from(slot).expect("there are fewer descriptors than 32-bit numbers");
        let id = ConnId { slot, serial: self.next_serial };
        self.next_serial += 1;
        if transport.is_handshaking() {
            self.handshakes.add(id, now);
        }
        self.slots.insert(Conn::new(socket, transport, id, self.line_max));
        Ok(id)
    }

    /// Closes all that cannot carry lines yet.
    pub(in crate::server) fn close_handshaking(&mut self) {
        for id in self.handshakes.ids().collect::<Vec<_>>() {
            self.close(id);
        }
    }

    /// Frees the slot. Dropping closes the descriptor, and with it the kernel forgets its registration.
    pub(in crate::server) fn remove(&mut self, id: ConnId) {
        debug_assert!(self.get(id).is_some_and(|conn| conn.outflow == Outflow::Closed));
        self.slots.remove(id.slot as usize);
    }

    /// Records an event of the connection in this slot.
    pub(super) fn record_readiness(&mut self, slot: usize, event: &Event) {
        let Some(conn) = self.slots.get_mut(slot) else { return };
        let id = conn.id;
        if event.is_read_closed() || event.is_error() || event.is_priority() {
            conn.socket.more_after_short_read = true;
        }
        let is_writable_again = event.is_writable() && !std::mem::replace(&mut conn.socket.writable, true);
        // After our FIN every event is of interest, and the last of them reads as an end.
        if event.is_readable() || conn.socket.more_after_short_read || conn.has_shut_down() {
            conn.socket.readable = true;
            self.queue_reading(id);
        }
        if is_writable_again {
            self.queue_sending(id);
        }
    }

    /// Queues it to be read.
    pub(in crate::server) fn queue_reading(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.reading == Reading::Idle
        {
            conn.reading = Reading::Queued;
            if conn.is_handshaking() {
                self.handshakes.readable.push_back(id);
            } else {
                self.reading.push_back(id);
            }
        }
    }

    /// If it is parked, queues it to be read.
    pub(in crate::server) fn unpark(&mut self, id: ConnId) {
        if self.get(id).is_some_and(|conn| conn.reading == Reading::Parked) {
            self.set_reading(id, Reading::Idle);
            self.queue_reading(id);
        }
    }

    /// The next one to be read; it leaves the queue.
    pub(in crate::server) fn pop_reading(&mut self) -> Option<ConnId> {
        let id = self.reading.pop_front()?;
        self.set_reading(id, Reading::Idle);
        Some(id)
    }

    /// It is not read until the room wakes it.
    pub(in crate::server) fn park(&mut self, id: ConnId) {
        self.set_reading(id, Reading::Parked);
    }

    fn set_reading(&mut self, id: ConnId, reading: Reading) {
        if let Some(conn) = self.get_mut(id) {
            conn.reading = reading;
        }
    }

    /// The next one with something to be read for its handshake; it leaves the queue.
    pub(in crate::server) fn pop_handshake(&mut self) -> Option<ConnId> {
        let id = self.handshakes.readable.pop_front()?;
        self.set_reading(id, Reading::Idle);
        Some(id)
    }

    /// Reads once, into its lines. TLS may give nothing yet for what was read.
    pub(in crate::server) fn read(&mut self, id: ConnId) -> ReadOutcome {
        self.read_once(id, |conn, bytes| conn.lines.feed(bytes))
    }

    /// Reads once, and drops what was read.
    pub(in crate::server) fn read_and_drop(&mut self, id: ConnId) -> ReadOutcome {
        self.read_once(id, |_, _| {})
    }

    fn read_once(&mut self, id: ConnId, take: impl FnOnce(&mut Conn, &[u8])) -> ReadOutcome {
        let conn = self.slots.get_mut(id.slot as usize).filter(|conn| conn.id == id);
        let Some(conn) = conn else { return ReadOutcome::WouldBlock };
        let outcome = conn.read(&mut self.scratch);
        if let ReadOutcome::Bytes(n) = outcome {
            take(conn, &self.scratch[..n]);
            wipe(&mut self.scratch[..n]);
        }
        outcome
    }

    /// Queues it to be written to, unless it is held.
    pub(in crate::server) fn queue_sending(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.sending == Sending::Idle
        {
            conn.sending = Sending::Queued;
            self.sending.push_back(id);
        }
    }

    /// The next one to be written to; it leaves the queue.
    pub(in crate::server) fn pop_sending(&mut self) -> Option<ConnId> {
        loop {
            let id = self.sending.pop_front()?;
            // It may be held by now, or gone.
            if let Some(conn) = self.get_mut(id)
                && conn.sending == Sending::Queued
            {
                conn.sending = Sending::Idle;
                return Some(id);
            }
        }
    }

    /// Nothing is written to it until it is released.
    pub(in crate::server) fn hold(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id) {
            conn.sending = Sending::Held;
        }
    }

    pub(in crate::server) fn release(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.sending == Sending::Held
        {
            conn.sending = Sending::Idle;
            self.queue_sending(id);
        }
    }

    /// Neither reads nor writes it any more; its slot is freed at the end of the turn.
    pub(in crate::server) fn close(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.outflow != Outflow::Closed
        {
            conn.outflow = Outflow::Closed;
            self.closed.push_back(id);
            self.handshakes.remove(id);
        }
    }
}
