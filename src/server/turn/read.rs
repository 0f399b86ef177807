//! Reads and dispatches: bytes to lines to the room, bounded per connection and per turn. A connection that waits for an
//! answer, or does not take its own answers, is not read: so the kernel slows its peer.

use crate::limits::{CONNS_READ_PER_TURN, LINES_PER_CONN_TURN, LINES_PER_TURN_BEFORE_LOGIN};
use crate::room::{ConnId, Input};
use crate::server::net::{Conn, Inflow, Outflow, ReadOutcome};
use crate::server::turn::stop::Stage;
use crate::server::turn::{Hub, Work};

/// How far one connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing to do until the next event.
    Idle,
    /// A bound was reached; there is more.
    More,
    /// Something else has to happen first. The room will wake it.
    Waiting,
}

/// Reads each connection that has something to be read. Those that begin to wait do not count for the bound.
pub(in crate::server) fn read(hub: &mut Hub, stage: Stage) -> Work {
    wake(hub);
    let mut work = Work::Done;
    let mut worked = 0;
    for _ in 0..hub.conns.reading.len() {
        if worked >= CONNS_READ_PER_TURN {
            work = Work::Remains;
            break;
        }
        let id = hub.conns.pop_reading().expect("the queue is as long as it was");
        if hub.conns.get(id).is_some_and(|conn| conn.outflow != Outflow::Closed) {
            let progress = read_from(id, stage, hub);
            worked += usize::from(progress != Progress::Waiting);
            work |= Work::remains_if(progress == Progress::More);
        }
    }
    debug_assert!(
        !hub.conns.reading.iter().any(|id| hub.room.is_waiting(*id)),
        "a waiting connection is parked"
    );
    work
}

/// Connections that waited for something that has happened are read again.
fn wake(hub: &mut Hub) {
    for id in hub.room.take_woken() {
        if !hub.room.is_waiting(id) {
            hub.conns.unpark(id);
        }
    }
}

/// What a connection waited for may have happened in this very turn: an answer without a thread, replies that left, a
/// pass. The kernel reports none of these, so the next turn begins at once.
pub(in crate::server) fn wake_late(hub: &mut Hub) -> Work {
    wake(hub);
    Work::remains_if(!hub.conns.reading.is_empty())
}

/// Reads once, and queues the connection again if there is more.
fn read_from(id: ConnId, stage: Stage, hub: &mut Hub) -> Progress {
    let progress = if stage == Stage::Serving && !hub.room.is_leaving(id) {
        read_lines(id, hub)
    } else {
        read_and_drop(id, hub)
    };
    match progress {
        Progress::Idle => {}
        Progress::More => hub.conns.queue_reading(id),
        Progress::Waiting => hub.conns.park(id),
    }
    progress
}

fn read_lines(id: ConnId, hub: &mut Hub) -> Progress {
    let Some(conn) = hub.conns.get(id) else { return Progress::Idle };
    let mut budget = if conn.trusted { LINES_PER_CONN_TURN } else { LINES_PER_TURN_BEFORE_LOGIN };
    if let Some(progress) = dispatch(id, &mut budget, hub) {
        return progress;
    }
    if hub.conns.get(id).is_some_and(Conn::may_be_read) {
        let outcome = hub.conns.read(id);
        record_outcome(id, outcome, hub);
        if let Some(progress) = dispatch(id, &mut budget, hub) {
            return progress;
        }
    }
    let Some(conn) = hub.conns.get_mut(id) else { return Progress::Idle };
    if conn.inflow == Inflow::Ended {
        conn.inflow = Inflow::Reported;
        if conn.outflow == Outflow::Broken {
            hub.conns.close(id);
        } else {
            hub.tell(Input::Eof(id));
        }
        return Progress::Idle;
    }
    if conn.may_be_read() { Progress::More } else { Progress::Idle }
}

/// Records what a read says about the end of the connection.
pub(super) fn record_outcome(id: ConnId, outcome: ReadOutcome, hub: &mut Hub) {
    if let ReadOutcome::Broken(why) = outcome {
        hub.record_broken(id, why);
    }
    let Some(conn) = hub.conns.get_mut(id) else { return };
    match outcome {
        ReadOutcome::WouldBlock if conn.outflow == Outflow::Broken => conn.inflow = Inflow::Ended,
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock => {}
        ReadOutcome::Closed => {
            conn.inflow = Inflow::Ended;
            // It would be acknowledged, and not shown.
            hub.room.discard_output(id);
        }
        ReadOutcome::Eof if conn.outflow != Outflow::Broken => {
            conn.inflow = Inflow::Ended;
            conn.lines.finish();
        }
        ReadOutcome::CutOff if conn.outflow != Outflow::Broken => conn.inflow = Inflow::Ended,
        // After a reset an incomplete line does not count, however the stream ends.
        ReadOutcome::Eof | ReadOutcome::CutOff | ReadOutcome::Broken(_) => {
            (conn.inflow, conn.outflow) = (Inflow::Ended, Outflow::Broken);
        }
    }
}

/// Hands complete lines to the room. `None`: all were taken, and more may be read.
fn dispatch(id: ConnId, budget: &mut usize, hub: &mut Hub) -> Option<Progress> {
    let Hub { now, conns, room, effects, .. } = hub;
    let conn = conns.get_mut(id)?;
    loop {
        if room.is_leaving(id) {
            return Some(Progress::More);
        }
        if !room.listens(id) {
            return Some(Progress::Waiting);
        }
        let line = conn.lines.peek()?;
        if *budget == 0 {
            return Some(Progress::More);
        }
        let Some(taken) = room.takes(id, line) else { return Some(Progress::Waiting) };
        room.handle(*now, Input::Line(taken), effects);
        conn.lines.consume();
        *budget -= 1;
    }
}

/// Reads once from a connection that the room does not know any more, or never did, and drops that.
pub(super) fn drop_from(id: ConnId, hub: &mut Hub) {
    if read_and_drop(id, hub) == Progress::More {
        hub.conns.queue_reading(id);
    }
}

/// What a leaving peer still sends is dropped. It is read, so that our kernel does not send a reset that would destroy
/// our last lines.
fn read_and_drop(id: ConnId, hub: &mut Hub) -> Progress {
    let Some(conn) = hub.conns.get_mut(id) else { return Progress::Idle };
    conn.lines.clear();
    if conn.outflow == Outflow::Broken {
        hub.conns.close(id);
        return Progress::Idle;
    }
    if !conn.socket.readable {
        return Progress::Idle;
    }
    let has_shut_down = conn.has_shut_down();
    let outcome = hub.conns.read_and_drop(id);
    if let ReadOutcome::Broken(why) = outcome {
        hub.record_broken(id, why);
        if !has_shut_down {
            hub.conns.close(id);
        }
    }
    if has_shut_down {
        // The kernel may have news of what was acknowledged.
        hub.conns.ending.push_back(id);
    }
    let Some(conn) = hub.conns.get_mut(id) else { return Progress::Idle };
    match outcome {
        ReadOutcome::Bytes(_) | ReadOutcome::Closed if conn.socket.readable => return Progress::More,
        ReadOutcome::Bytes(_) | ReadOutcome::Closed | ReadOutcome::WouldBlock => {}
        ReadOutcome::Eof | ReadOutcome::CutOff | ReadOutcome::Broken(_) => conn.inflow = Inflow::Reported,
    }
    Progress::Idle
}
