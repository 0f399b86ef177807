//! Reads and dispatches: bytes to lines to the room, bounded per connection and per turn. A connection that waits for an
//! answer, or does not take its own answers, is not read: so the kernel slows its peer.

use crate::limits::{CONNS_READ_PER_TURN, LINES_PER_CONN_TURN, LINES_PER_TURN_BEFORE_LOGIN};
use crate::room::{ConnId, Effect, Input, Now, Room};
use crate::server::net::conn::{Conn, Inflow, Outflow};
use crate::server::net::connections::Connections;
use crate::server::net::socket::ReadOutcome;
use crate::server::turn::Work;
use crate::server::turn::stop::Stage;

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
pub(in crate::server) fn read(
    now: Now,
    stage: Stage,
    conns: &mut Connections,
    room: &mut Room,
    effects: &mut Vec<Effect>,
) -> Work {
    wake(conns, room);
    let mut work = Work::Done;
    let mut worked = 0;
    for _ in 0..conns.reading_len() {
        if worked >= CONNS_READ_PER_TURN {
            work = Work::Remains;
            break;
        }
        let id = conns.pop_reading().expect("the queue is as long as it was");
        match conns.get(id) {
            Some(conn) if conn.outflow == Outflow::Closed => {}
            Some(_) => {
                let progress = read_from(now, id, stage, conns, room, effects);
                worked += usize::from(progress != Progress::Waiting);
                work |= Work::remains_if(progress == Progress::More);
            }
            None => {}
        }
    }
    debug_assert!(!conns.reading().any(|id| room.is_waiting(id)), "a waiting connection is parked");
    work
}

/// Connections that waited for something that has happened are read again.
fn wake(conns: &mut Connections, room: &mut Room) {
    for id in room.take_woken() {
        if !room.is_waiting(id) {
            conns.unpark(id);
        }
    }
}

/// What a connection waited for may have happened in this very turn: an answer without a thread, replies that left, a
/// pass. The kernel reports none of these, so the next turn begins at once.
pub(in crate::server) fn wake_late(conns: &mut Connections, room: &mut Room) -> Work {
    wake(conns, room);
    Work::remains_if(conns.reading().next().is_some())
}

/// Reads once, and queues the connection again if there is more.
fn read_from(
    now: Now,
    id: ConnId,
    stage: Stage,
    conns: &mut Connections,
    room: &mut Room,
    effects: &mut Vec<Effect>,
) -> Progress {
    let progress = if stage.is_reading() && !room.is_leaving(id) {
        read_lines(now, id, conns, room, effects)
    } else {
        read_and_drop(id, conns)
    };
    match progress {
        Progress::Idle => {}
        Progress::More => conns.queue_reading(id),
        Progress::Waiting => conns.park(id),
    }
    progress
}

fn read_lines(
    now: Now,
    id: ConnId,
    conns: &mut Connections,
    room: &mut Room,
    effects: &mut Vec<Effect>,
) -> Progress {
    let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
    let mut budget = if conn.trusted { LINES_PER_CONN_TURN } else { LINES_PER_TURN_BEFORE_LOGIN };
    if let Some(progress) = dispatch(now, conn, &mut budget, room, effects) {
        return progress;
    }
    if conn.socket.readable && conn.inflow == Inflow::Open {
        let outcome = conns.read(id);
        record_outcome(id, outcome, conns);
        let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
        if let Some(progress) = dispatch(now, conn, &mut budget, room, effects) {
            return progress;
        }
    }
    let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
    if conn.inflow == Inflow::Ended {
        conn.inflow = Inflow::Reported;
        if conn.outflow == Outflow::Broken {
            conns.close(id);
            return Progress::Idle;
        }
        room.handle(now, Input::Eof(id), effects);
        return Progress::Idle;
    }
    if conn.socket.readable && conn.inflow == Inflow::Open { Progress::More } else { Progress::Idle }
}

/// Records what a read says about the end of the connection.
pub(super) fn record_outcome(id: ConnId, outcome: ReadOutcome, conns: &mut Connections) {
    if let ReadOutcome::Broken(why) = outcome {
        conns.counts.record_broken(id, why);
    }
    let Some(conn) = conns.get_mut(id) else { return };
    match outcome {
        ReadOutcome::WouldBlock if conn.outflow == Outflow::Broken => conn.inflow = Inflow::Ended,
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock => {}
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
fn dispatch(
    now: Now,
    conn: &mut Conn,
    budget: &mut usize,
    room: &mut Room,
    effects: &mut Vec<Effect>,
) -> Option<Progress> {
    let id = conn.id;
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
        room.handle(now, Input::Line(taken), effects);
        conn.lines.consume();
        *budget -= 1;
    }
}

/// What a leaving peer still sends is dropped. It is read, so that our kernel does not send a reset that would destroy
/// our last lines.
fn read_and_drop(id: ConnId, conns: &mut Connections) -> Progress {
    let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
    conn.lines.clear();
    if conn.outflow == Outflow::Broken {
        conns.close(id);
        return Progress::Idle;
    }
    if !conn.socket.readable {
        return Progress::Idle;
    }
    let has_shut_down = conn.has_shut_down();
    let outcome = conns.read_and_drop(id);
    if let ReadOutcome::Broken(why) = outcome {
        conns.counts.record_broken(id, why);
        if !has_shut_down {
            conns.close(id);
        }
    }
    if has_shut_down {
        // The kernel may have news of what was acknowledged.
        conns.queue_ending(id);
    }
    let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
    match outcome {
        ReadOutcome::Bytes(_) if conn.socket.readable => return Progress::More,
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock => {}
        ReadOutcome::Eof | ReadOutcome::CutOff | ReadOutcome::Broken(_) => conn.inflow = Inflow::Reported,
    }
    Progress::Idle
}
