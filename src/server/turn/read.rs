//! Reading and dispatching: bytes to lines to the room, bounded per connection and per turn. A connection
//! that waits for an answer, or takes none of its own, is read no further: the kernel slows its peer.

use std::time::Instant;

use log::debug;

use crate::limits::{
    CONNS_READ_PER_TURN, HANDSHAKES_SLICE, LINES_PER_CONN_TURN, LINES_PER_TURN_BEFORE_LOGIN,
};
use crate::protocol::framing::wipe;
use crate::room::{CheckJob, ConnId, Effect, Input};
use crate::server::Server;
use crate::server::net::conn::{Inflow, Outflow};
use crate::server::net::socket::ReadOutcome;

/// How far one connection came in this turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing is left to do until the kernel says so.
    Idle,
    /// A bound was reached; there is more.
    More,
    /// Something has to happen first: a write, a pass.
    Stalled,
    /// An answer has to come first, or the time at which more may be asked: the room will tell.
    Waiting,
}

impl Server {
    /// Everybody with something to read gets a turn, the stalled too, but only work counts for the bound.
    pub(in crate::server) fn read(&mut self) {
        self.wake();
        let mut worked = 0;
        for _ in 0..self.ready.len() {
            if worked >= CONNS_READ_PER_TURN {
                self.unfinished = true;
                break;
            }
            let id = self.ready.pop_front().expect("the queue is as long as it was");
            match self.conns.get(id.slot as usize).filter(|conn| conn.id == id) {
                Some(conn) if !conn.is_set_up() => self.handshaking.push_back(id),
                Some(conn) if conn.outflow != Outflow::Closed => {
                    let progress = self.read_from(id);
                    worked += usize::from(!matches!(progress, Progress::Stalled | Progress::Waiting));
                }
                _ => {}
            }
        }
        let began = Instant::now();
        while let Some(id) = self.handshaking.pop_front() {
            let conn = self.conns.get(id.slot as usize).filter(|conn| conn.id == id);
            if conn.is_some_and(|conn| conn.outflow != Outflow::Closed) {
                self.read_from(id);
            }
            if began.elapsed() >= HANDSHAKES_SLICE {
                break;
            }
        }
        self.unfinished |= !self.handshaking.is_empty();
        debug_assert!(!self.ready.iter().any(|id| self.room.is_waiting(*id)), "who waits costs nothing");
    }

    /// Those who waited for an answer or for their allowance are read again.
    fn wake(&mut self) {
        for id in self.room.take_woken() {
            if let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id)
                && !self.room.is_waiting(id)
                && std::mem::take(&mut conn.is_parked)
            {
                self.ready.push_back(id);
            }
        }
    }

    /// Reads once, and sees to it that it is read on when there is something to be read.
    fn read_from(&mut self, id: ConnId) -> Progress {
        let progress = if self.stage.is_reading() && !self.room.is_leaving(id) {
            self.read_lines(id)
        } else {
            self.read_and_drop(id)
        };
        match progress {
            Progress::Idle => self.conns[id.slot as usize].in_ready = false,
            Progress::More => {
                self.unfinished = true;
                self.ready.push_back(id);
            }
            Progress::Stalled => self.ready.push_back(id),
            Progress::Waiting => self.conns[id.slot as usize].is_parked = true,
        }
        progress
    }

    /// What a stalled connection waited for may have come in this very turn: an answer without a thread, its
    /// replies' leaving, the end of a pass. Nothing in the kernel will tell, so the next turn does not wait.
    pub(in crate::server) fn look_at_stalled(&mut self) {
        self.wake();
        self.unfinished = self.unfinished || self.ready.iter().any(|&id| self.room.may_go_on(id));
    }

    fn read_lines(&mut self, id: ConnId) -> Progress {
        let is_trusted = self.conns[id.slot as usize].trusted;
        let mut budget = if is_trusted { LINES_PER_CONN_TURN } else { LINES_PER_TURN_BEFORE_LOGIN };
        if let Some(progress) = self.dispatch(id, &mut budget) {
            return progress;
        }
        let conn = &mut self.conns[id.slot as usize];
        if conn.socket.readable && conn.inflow == Inflow::Open {
            let was_set_up = conn.is_set_up();
            let outcome = conn.read(&mut self.scratch);
            if !was_set_up && conn.is_set_up() {
                // The greeting can be said now.
                self.delivery.resume(conn);
            }
            match outcome {
                ReadOutcome::Bytes(n) => {
                    conn.lines.feed(&self.scratch[..n]);
                    wipe(&mut self.scratch[..n]);
                }
                ReadOutcome::WouldBlock if conn.outflow == Outflow::Broken => conn.inflow = Inflow::Ended,
                ReadOutcome::WouldBlock => {}
                ReadOutcome::Eof if conn.outflow != Outflow::Broken => {
                    conn.inflow = Inflow::Ended;
                    conn.lines.finish();
                }
                ReadOutcome::CutOff if conn.outflow != Outflow::Broken => conn.inflow = Inflow::Ended,
                // After a reset half a line is none, however the stream ends.
                ReadOutcome::Eof | ReadOutcome::CutOff => {
                    (conn.inflow, conn.outflow) = (Inflow::Ended, Outflow::Broken);
                }
                ReadOutcome::Broken(why) => {
                    (conn.inflow, conn.outflow) = (Inflow::Ended, Outflow::Broken);
                    self.note_broken(id, why);
                }
            }
            if let Some(progress) = self.dispatch(id, &mut budget) {
                return progress;
            }
        }
        let conn = &mut self.conns[id.slot as usize];
        if conn.inflow == Inflow::Ended {
            conn.inflow = Inflow::Told;
            if conn.outflow == Outflow::Broken {
                self.close(id);
                return Progress::Idle;
            }
            self.room.handle(self.now, Input::Eof(id), &mut self.effects);
        }
        if conn.socket.readable && conn.inflow == Inflow::Open { Progress::More } else { Progress::Idle }
    }

    /// Hands the room the lines that are there. `None`: all were taken, and more may be read.
    fn dispatch(&mut self, id: ConnId, budget: &mut usize) -> Option<Progress> {
        let conn = &mut self.conns[id.slot as usize];
        loop {
            if self.room.is_leaving(id) {
                return Some(Progress::More);
            }
            if !self.room.listens(id) {
                return Some(Progress::Waiting);
            }
            let line = conn.lines.peek()?;
            if *budget == 0 {
                return Some(Progress::More);
            }
            if !self.room.takes(id, &line) {
                // It may wait for its allowance by now.
                return Some(if self.room.listens(id) { Progress::Stalled } else { Progress::Waiting });
            }
            self.room.handle(self.now, Input::Line(id, line), &mut self.effects);
            conn.lines.consume();
            *budget -= 1;
        }
    }

    /// What a leaving peer still says is nobody's; it is read so that its kernel does not answer our last
    /// words with a reset.
    fn read_and_drop(&mut self, id: ConnId) -> Progress {
        let conn = &mut self.conns[id.slot as usize];
        conn.lines.clear();
        if conn.outflow == Outflow::Broken {
            self.close(id);
            return Progress::Idle;
        }
        if !conn.socket.readable {
            return Progress::Idle;
        }
        let has_hung_up = conn.has_hung_up();
        let mut progress = Progress::Idle;
        match conn.read(&mut self.scratch) {
            ReadOutcome::Bytes(n) => {
                wipe(&mut self.scratch[..n]);
                if conn.socket.readable {
                    progress = Progress::More;
                }
            }
            ReadOutcome::WouldBlock => {}
            ReadOutcome::Eof | ReadOutcome::CutOff => conn.inflow = Inflow::Told,
            ReadOutcome::Broken(why) => {
                conn.inflow = Inflow::Told;
                self.note_broken(id, why);
                if !has_hung_up {
                    self.close(id);
                }
            }
        }
        if has_hung_up {
            self.see_off(id);
        }
        progress
    }

    fn check(&mut self, job: CheckJob) -> Option<Input<'static>> {
        let source = self.admission.source_of(job.conn);
        self.admission.protect(job.conn);
        self.passwords.check(job, source, self.now, &self.room)
    }

    /// Carries out what the room wants; some of it is answered at once.
    pub(in crate::server) fn carry_out(&mut self, effect: Effect) -> Option<Input<'static>> {
        match effect {
            Effect::Check(job) => self.check(job),
            Effect::Issue(job) => Some(self.passwords.issue(job, self.now.wall)),
            Effect::Hash(job) => self.passwords.hash(job, self.now, &self.room),
            Effect::Save(ticket, change) => self.members.save(ticket, change),
            Effect::Append { to } => self.store.append(self.room.transcript(), to),
            Effect::Locate(job) => self.store.locate(job),
            Effect::Block(number) => self.store.read_block(number),
            Effect::Refused(id, mail, why) => {
                self.note_refused(id, mail.as_ref(), why);
                None
            }
            Effect::Measure(id) => {
                let figures = self.measure();
                debug!("STATS asked by {id:?}");
                Some(Input::Measured(id, figures))
            }
        }
    }
}
