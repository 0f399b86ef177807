//! Writing: owed replies first, then those whose sockets take again, then a slice of the pass over all
//! receivers. When its time is up the loop polls again and takes the pass up where it was; what was said
//! meanwhile joins the bytes of those still to be served.

use std::collections::VecDeque;
use std::time::Instant;

use log::{debug, info};

use super::Server;
use super::conn::{Conn, Outflow};
use crate::limits::{LOOKS_PER_SLICE, SLICE, WRITE_MAX};
use crate::room::{BlockNo, Chunk, ConnId, Pos};

/// How far delivering has come.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Connections with bytes outstanding whose socket took everything, or takes again.
    resume: VecDeque<ConnId>,
    /// The next slot of the pass under way.
    pass_at: Option<usize>,
    /// The mark up to which the last pass has served, or serves, everybody.
    served: Pos,
    /// Where replies and events are put together.
    scratch: Vec<u8>,
}

impl Delivery {
    /// Everybody has everything up to this mark.
    pub(super) fn beginning_at(served: Pos) -> Delivery {
        Delivery { served, ..Delivery::default() }
    }

    /// The connection's socket takes bytes again.
    pub(super) fn resume(&mut self, conn: &mut Conn) {
        if !std::mem::replace(&mut conn.in_resume, true) {
            self.resume.push_back(conn.id);
        }
    }
}

impl Server {
    pub(super) fn write(&mut self) {
        for id in self.room.take_unblocked() {
            if let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) {
                self.delivery.resume(conn);
            }
        }
        for id in self.room.take_broken() {
            if self.is_open(id) {
                self.bury(id);
            }
        }
        let slice = Slice::begin();
        while let Some(id) = self.room.pop_due() {
            self.note_leaving(id);
            if self.write_to(id) == Wrote::Yes && slice.is_over() {
                self.unfinished = true;
                break;
            }
        }

        let slice = Slice::begin();
        for _ in 0..self.delivery.resume.len() {
            let id = self.delivery.resume.pop_front().expect("the queue is as long as it was");
            if let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) {
                conn.in_resume = false;
                if self.write_to(id) == Wrote::Yes && slice.is_over() {
                    break;
                }
            }
        }
        self.unfinished |= !self.delivery.resume.is_empty();

        self.write_slice_of_pass();
    }

    fn write_slice_of_pass(&mut self) {
        let slice = Slice::begin();
        let mut at = match self.delivery.pass_at {
            Some(slot) => slot,
            None if self.room.transcript().durable() > self.delivery.served => {
                self.delivery.served = self.room.begin_pass();
                0
            }
            None => return,
        };
        let end = self.room.slots().min(at + LOOKS_PER_SLICE);
        while at < end {
            at += 1;
            if let Some(conn) = self.conns.get(at - 1)
                && self.write_to(conn.id) == Wrote::Yes
                && slice.is_over()
            {
                break;
            }
        }
        if at < self.room.slots() {
            self.delivery.pass_at = Some(at);
            self.unfinished = true;
        } else {
            self.delivery.pass_at = None;
            // One pass a turn at most: what was said meanwhile waits for the next, which takes more of it.
            self.unfinished |= self.room.transcript().durable() > self.delivery.served;
        }
    }

    /// One write of what this connection is owed, if it is owed anything and its socket takes it.
    fn write_to(&mut self, id: ConnId) -> Wrote {
        let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) else {
            return Wrote::No;
        };
        if conn.is_held || matches!(conn.outflow, Outflow::Dead | Outflow::Broken | Outflow::ShutDown) {
            return Wrote::No;
        }
        let sent = conn.sent;
        match conn.flush() {
            Ok(true) => {}
            Ok(false) if conn.sent != sent => return Wrote::Yes,
            Ok(false) => {
                // No block is fetched for a peer that takes nothing; but it may have fallen behind for good.
                if self.room.is_lagging(id) {
                    self.cut_lagging(id);
                }
                return Wrote::No;
            }
            Err(error) => {
                debug!("{id:?} broke: {error}");
                self.go_deaf(id);
                return Wrote::No;
            }
        }
        let mut scratch = std::mem::take(&mut self.delivery.scratch);
        let mut wrote = Wrote::No;
        let after = loop {
            let bytes = match self.room.chunk(id, &mut scratch, WRITE_MAX) {
                Chunk::Bytes(bytes) if conn.writable => bytes,
                Chunk::Bytes(_) | Chunk::Nothing => break After::Open,
                Chunk::Blocked(block) => break After::Blocked(block),
                Chunk::Finished => break After::Finished,
                Chunk::Lagged => break After::Lagged,
            };
            if wrote == Wrote::Yes {
                // The socket took everything and there is more: the others come first.
                break After::More;
            }
            wrote = Wrote::Yes;
            self.figures.writes += 1;
            match conn.write(bytes) {
                Ok(n) => {
                    self.figures.bytes_delivered += n as u64;
                    self.room.advance(id, n);
                }
                Err(error) => break After::Broken(error),
            }
            if !conn.writable {
                break After::Open;
            }
        };
        self.delivery.scratch = scratch;
        match after {
            After::Open => {}
            After::More => {
                self.delivery.resume(conn);
                self.unfinished = true;
            }
            After::Blocked(block) => self.room.wait_for_block(id, block, &mut self.effects),
            After::Finished => self.hang_up(id),
            After::Lagged => self.cut_lagging(id),
            After::Broken(error) => {
                debug!("{id:?} broke: {error}");
                self.go_deaf(id);
            }
        }
        wrote
    }

    /// What the peer would get next is forgotten.
    fn cut_lagging(&mut self, id: ConnId) {
        if self.room.leap(id) {
            info!("what it had not read was dropped, it goes on with the oldest event: {id:?}");
            self.delivery.resume(&mut self.conns[id.slot as usize]);
            self.unfinished = true;
            return;
        }
        self.figures.cut_lagging += 1;
        let origin = self.conns[id.slot as usize].origin();
        info!("cut, fell behind the window: {id:?} from={origin}");
        self.bury(id);
    }
}

/// Whether there was a system call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrote {
    Yes,
    No,
}

/// A stretch of writing, by the clock: a write takes 2 microseconds or 50, by what it carries.
struct Slice {
    began: Instant,
}

impl Slice {
    fn begin() -> Slice {
        Slice { began: Instant::now() }
    }

    fn is_over(&self) -> bool {
        self.began.elapsed() >= SLICE
    }
}

/// What follows a write.
enum After {
    Open,
    Blocked(BlockNo),
    More,
    Finished,
    Lagged,
    Broken(std::io::Error),
}
