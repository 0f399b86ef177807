//! Writing: owed replies first, then, unless the disk comes first, those whose sockets take again and a slice of the
//! pass over all receivers. When its time is up the loop polls again and takes the pass up where it was; what was said
//! meanwhile joins the bytes of those still to be served.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use log::{debug, info};

use crate::limits::{
    DISK_FIRST, DISK_TURN, FEW_CATCHING_UP, LOOKS_PER_SLICE, SLICE, WRITE_CATCHING_UP, WRITE_MAX,
};
use crate::room::{BlockNo, Chunk, ConnId, Pos};
use crate::server::Server;
use crate::server::net::conn::{Conn, Outflow};

/// How far delivering has come.
#[derive(Debug, Default)]
pub(in crate::server) struct Delivery {
    /// Connections with bytes outstanding whose socket took everything, or takes again.
    resume: VecDeque<ConnId>,
    /// What is on its way to the disk, if anything is.
    storing: Option<Storing>,
    /// When the first of those who wait for the disk is written to again, if anybody does.
    held_until: Option<Duration>,
    /// The next slot of the pass under way.
    pass_at: Option<usize>,
    /// Where replies and events are put together.
    scratch: Vec<u8>,
}

impl Delivery {
    /// When the transcript is written again, if that waits for the disk.
    pub(in crate::server) fn held_until(&self) -> Option<Duration> {
        self.held_until
    }

    /// The connection's socket takes bytes again.
    pub(in crate::server) fn resume(&mut self, conn: &mut Conn) {
        if !std::mem::replace(&mut conn.in_resume, true) {
            self.resume.push_back(conn.id);
        }
    }
}

impl Server {
    pub(in crate::server) fn write(&mut self) {
        for id in self.room.take_unblocked() {
            if let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) {
                self.delivery.resume(conn);
            }
        }
        for id in self.room.take_broken() {
            if self.is_open(id) {
                self.close(id);
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

        let (outstanding, pass) = self.disk_first_until();
        if outstanding.is_none() {
            self.write_outstanding();
        }
        if pass.is_none() {
            self.write_slice_of_pass();
        }
        self.delivery.held_until = outstanding.into_iter().chain(pass).min();
    }

    /// Until when those who have bytes outstanding wait, and until when the pass does, so that what was said is stored
    /// first. Storing goes through several threads, the kernel's too. Where all share a core with a loop that is never
    /// idle, each of them waits for the scheduler's next tick: beside one who catches up at gigabytes a second one message
    /// in a hundred took 1.4 to 1.6 times as long, and a flood whose appends took a whole pass each was half as fast.
    fn disk_first_until(&mut self) -> (Option<Duration>, Option<Duration>) {
        let now = self.now.mono;
        if !self.room.is_appending() {
            self.delivery.storing = None;
            return (None, None);
        }
        let from = self.room.transcript().durable();
        let storing = self.delivery.storing.get_or_insert(Storing { busy_since: now, from, since: now });
        if storing.from != from {
            (storing.from, storing.since) = (from, now);
        }
        let at_first = Some(storing.busy_since + DISK_FIRST).filter(|end| now < *end);
        let (due, end) = (storing.since + DISK_TURN, storing.since + 2 * DISK_TURN);
        let turn = (due <= now && now < end).then_some(end);
        (at_first.or(turn), turn)
    }

    /// Those whose sockets take again.
    fn write_outstanding(&mut self) {
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
    }

    fn write_slice_of_pass(&mut self) {
        let slice = Slice::begin();
        let mut at = match self.delivery.pass_at {
            Some(slot) => slot,
            None if self.room.is_pass_due() => {
                self.room.begin_pass();
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
            self.unfinished |= self.room.is_pass_due();
        }
    }

    /// One write of what this connection is owed, if it is owed anything and its socket takes it.
    fn write_to(&mut self, id: ConnId) -> Wrote {
        let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) else {
            return Wrote::No;
        };
        if conn.is_held || conn.has_hung_up() || matches!(conn.outflow, Outflow::Closed | Outflow::Broken) {
            return Wrote::No;
        }
        let sent = conn.socket.sent;
        match conn.flush() {
            Ok(true) => {}
            Ok(false) if conn.socket.sent != sent => return Wrote::Yes,
            Ok(false) => {
                // No block is fetched for a peer that takes nothing; but it may have fallen behind for good.
                if self.room.is_lagging(id) {
                    self.cut_lagging(id);
                }
                return Wrote::No;
            }
            Err(error) => {
                debug!("{id:?} broke: {error}");
                self.note_broken(id, error.kind());
                self.write_failed(id);
                return Wrote::No;
            }
        }
        // Others wait for each write, and one who catches up always has another to come. Of many who do, others wait as
        // long as a slice takes, whatever a write carries.
        let is_one_of_few = self.delivery.resume.len() < FEW_CATCHING_UP && self.room.is_catching_up(id);
        let most = if is_one_of_few { WRITE_CATCHING_UP } else { WRITE_MAX };
        let mut scratch = std::mem::take(&mut self.delivery.scratch);
        let mut wrote = Wrote::No;
        let after = loop {
            let bytes = match self.room.chunk(id, &mut scratch, most) {
                Chunk::Bytes(bytes) if conn.socket.writable => bytes,
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
            if !conn.socket.writable {
                break After::Open;
            }
        };
        self.delivery.scratch = scratch;
        match after {
            After::Open => {}
            // In a flood some are owed more than one write carries. What is left was said behind the mark of this pass, so
            // that another one follows: it takes it along.
            After::More if self.room.is_served(id) => {}
            After::More => {
                self.delivery.resume(conn);
                self.unfinished = true;
            }
            After::Blocked(block) => self.room.wait_for_block(id, block, &mut self.effects),
            After::Finished => {
                self.hang_up(id);
                wrote = Wrote::Yes;
            }
            After::Lagged => self.cut_lagging(id),
            After::Broken(error) => {
                debug!("{id:?} broke: {error}");
                self.note_broken(id, error.kind());
                self.write_failed(id);
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
        let origin = self.conns[id.slot as usize].socket.origin();
        info!("cut, fell behind the window: {id:?} from={origin}");
        self.close(id);
    }
}

/// What is on its way to the disk.
#[derive(Clone, Copy, Debug)]
struct Storing {
    /// Since when there has been something without a pause.
    busy_since: Duration,
    /// Where the append under way begins, and since when it is.
    from: Pos,
    since: Duration,
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
