//! All connections, each in its slot, and the queues in which those stand with whom something is to be done. What a
//! connection knows of its place in a queue is changed here and nowhere else.

use std::collections::VecDeque;
use std::time::Duration;

use mio::event::Event;
use slab::Slab;

use crate::limits::READ_PER_TURN;
use crate::protocol::framing::wipe;
use crate::room::ConnId;
use crate::server::net::conn::{Conn, Outflow, Reading, Sending};
use crate::server::net::counts::Counts;
use crate::server::net::setting_up::SettingUp;
use crate::server::net::socket::{ReadOutcome, Socket};
use crate::server::net::transport::Transport;

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Connections {
    slots: Slab<Conn>,
    next_serial: u64,
    line_max: usize,
    /// Whose lines cannot begin yet.
    setting_up: SettingUp,
    /// Whose lines can begin, and of which the room has not heard; with when they were accepted.
    new: Vec<(ConnId, Duration)>,
    /// With something to be read, or with lines that wait.
    reading: VecDeque<ConnId>,
    /// With bytes outstanding, whose socket took everything, or takes again.
    sending: VecDeque<ConnId>,
    /// With all said, or with news of what has arrived since.
    ending: VecDeque<ConnId>,
    /// Closed, and in their slots still.
    closed: VecDeque<ConnId>,
    /// One buffer for all reading; empty between two reads.
    scratch: Box<[u8]>,
    pub(in crate::server) counts: Counts,
}

impl Connections {
    pub(super) fn new(connections_max: usize, line_max: usize, login_timeout: Duration) -> Connections {
        Connections {
            slots: Slab::with_capacity(connections_max),
            next_serial: 0,
            line_max,
            setting_up: SettingUp::new(login_timeout),
            new: Vec::new(),
            reading: VecDeque::new(),
            sending: VecDeque::new(),
            ending: VecDeque::new(),
            closed: VecDeque::new(),
            scratch: vec![0; READ_PER_TURN].into_boxed_slice(),
            counts: Counts::default(),
        }
    }

    /// All of them, with those that are closed and still to be freed.
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

    /// Whichever is in this slot.
    pub(in crate::server) fn at(&self, slot: usize) -> Option<&Conn> {
        self.slots.get(slot)
    }

    /// The slot of the next one.
    pub(in crate::server) fn vacant_slot(&self) -> usize {
        self.slots.vacant_key()
    }

    /// A new one, in the vacant slot.
    pub(in crate::server) fn insert(
        &mut self,
        now: Duration,
        socket: Socket,
        transport: Transport,
    ) -> ConnId {
        let slot = u32::try_from(self.slots.vacant_key());
        let slot = slot.expect("there are fewer descriptors than 32-bit numbers");
        let id = ConnId { slot, serial: self.next_serial };
        self.next_serial += 1;
        if transport.is_set_up() {
            self.new.push((id, now));
        } else {
            self.setting_up.add(id, now);
        }
        self.slots.insert(Conn::new(socket, transport, id, self.line_max));
        id
    }

    /// The lines of this one can begin.
    pub(in crate::server) fn note_set_up(&mut self, id: ConnId) {
        let accepted = self.setting_up.remove(id);
        self.new.extend(accepted.map(|accepted| (id, accepted)));
    }

    /// Those of which the room is to hear, with when they were accepted.
    pub(in crate::server) fn take_new(&mut self) -> Vec<(ConnId, Duration)> {
        std::mem::take(&mut self.new)
    }

    /// How many there are whose lines cannot begin yet.
    pub(in crate::server) fn setting_up(&self) -> usize {
        self.setting_up.len()
    }

    /// When one of these has had its time.
    pub(in crate::server) fn setting_up_deadline(&self) -> Option<Duration> {
        self.setting_up.next_deadline()
    }

    /// One of these that has had its time.
    pub(in crate::server) fn late(&self, now: Duration) -> Option<ConnId> {
        self.setting_up.late(now)
    }

    /// Closes all of these: nobody will talk with them.
    pub(in crate::server) fn close_setting_up(&mut self) {
        for id in self.setting_up.ids().collect::<Vec<_>>() {
            self.close(id);
        }
    }

    /// Frees the slot. Dropping closes the descriptor, and with it the kernel forgets its registration.
    pub(in crate::server) fn remove(&mut self, id: ConnId) {
        debug_assert!(self.get(id).is_some_and(|conn| conn.outflow == Outflow::Closed));
        self.slots.remove(id.slot as usize);
    }

    /// Remembers what the kernel tells of the connection in this slot.
    pub(super) fn note_readiness(&mut self, slot: usize, event: &Event) {
        let Some(conn) = self.slots.get_mut(slot) else { return };
        let id = conn.id;
        if event.is_read_closed() || event.is_error() || event.is_priority() {
            conn.socket.short_tells_nothing = true;
        }
        let is_writable_again = event.is_writable() && !std::mem::replace(&mut conn.socket.writable, true);
        // Who has hung up is told of all that happens to it, and the last of that reads as an end.
        if event.is_readable() || conn.socket.short_tells_nothing || conn.has_hung_up() {
            conn.socket.readable = true;
            self.queue_reading(id);
        }
        if is_writable_again {
            self.queue_sending(id);
        }
    }

    /// It is read in its turn.
    pub(in crate::server) fn queue_reading(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.reading == Reading::Idle
        {
            conn.reading = Reading::Queued;
            if conn.is_set_up() {
                self.reading.push_back(id);
            } else {
                self.setting_up.push_readable(id);
            }
        }
    }

    /// What it waited for has come, if it waited.
    pub(in crate::server) fn unpark(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.reading == Reading::Parked
        {
            conn.reading = Reading::Queued;
            self.reading.push_back(id);
        }
    }

    /// How many there are to be read.
    pub(in crate::server) fn to_read(&self) -> usize {
        self.reading.len()
    }

    /// Those to be read.
    pub(in crate::server) fn queued_for_reading(&self) -> impl Iterator<Item = ConnId> {
        self.reading.iter().copied()
    }

    /// The next one to be read, which then is [`Reading::Idle`].
    pub(in crate::server) fn pop_reading(&mut self) -> Option<ConnId> {
        let id = self.reading.pop_front()?;
        if let Some(conn) = self.get_mut(id) {
            conn.reading = Reading::Idle;
        }
        Some(id)
    }

    /// It is not read before a word of the room's.
    pub(in crate::server) fn park(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id) {
            conn.reading = Reading::Parked;
        }
    }

    /// How many have something to be read before they are set up.
    pub(in crate::server) fn to_set_up(&self) -> usize {
        self.setting_up.readable()
    }

    /// The next one of these, which then is [`Reading::Idle`].
    pub(in crate::server) fn pop_setting_up(&mut self) -> Option<ConnId> {
        let id = self.setting_up.pop_readable()?;
        if let Some(conn) = self.get_mut(id) {
            conn.reading = Reading::Idle;
        }
        Some(id)
    }

    /// Reads once; what comes goes to its lines. Of TLS, nothing may come of what was read.
    pub(in crate::server) fn read(&mut self, id: ConnId) -> ReadOutcome {
        self.read_once(id, |conn, bytes| conn.lines.feed(bytes))
    }

    /// Reads once; what comes is nobody's.
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

    /// It is written to in its turn, unless nothing may be written at present.
    pub(in crate::server) fn queue_sending(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.sending == Sending::Idle
        {
            conn.sending = Sending::Queued;
            self.sending.push_back(id);
        }
    }

    /// How many there are to be written to because of their sockets.
    pub(in crate::server) fn to_send(&self) -> usize {
        self.sending.len()
    }

    /// The next one to be written to.
    pub(in crate::server) fn pop_sending(&mut self) -> Option<ConnId> {
        loop {
            let id = self.sending.pop_front()?;
            // It may have been held since, or be gone.
            if let Some(conn) = self.get_mut(id)
                && conn.sending == Sending::Queued
            {
                conn.sending = Sending::Idle;
                return Some(id);
            }
        }
    }

    /// Nothing is written until it is released.
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

    /// At the end of the turn it is looked whether it ends.
    pub(in crate::server) fn queue_ending(&mut self, id: ConnId) {
        self.ending.push_back(id);
    }

    pub(in crate::server) fn pop_ending(&mut self) -> Option<ConnId> {
        self.ending.pop_front()
    }

    pub(in crate::server) fn is_any_ending(&self) -> bool {
        !self.ending.is_empty()
    }

    /// Takes nothing more from the socket and gives it nothing; the slot is freed at the end of the turn.
    pub(in crate::server) fn close(&mut self, id: ConnId) {
        if let Some(conn) = self.get_mut(id)
            && conn.outflow != Outflow::Closed
        {
            conn.outflow = Outflow::Closed;
            self.closed.push_back(id);
            self.setting_up.remove(id);
        }
    }

    /// How many are closed and still to be freed.
    pub(in crate::server) fn to_free(&self) -> usize {
        self.closed.len()
    }

    pub(in crate::server) fn pop_closed(&mut self) -> Option<ConnId> {
        self.closed.pop_front()
    }
}
