//! Reading and dispatching: bytes to lines to the room, bounded per connection and per turn. A connection
//! that waits for an answer, or takes none of its own, is read no further: the kernel slows its peer.

use crate::limits::{CONNS_READ_PER_TURN, LINES_PER_CONN_TURN, LINES_PER_TURN_BEFORE_LOGIN};
use crate::room::{ConnId, Effect, Input, Now, Room};
use crate::server::net::conn::{Conn, Inflow, Outflow};
use crate::server::net::connections::Connections;
use crate::server::net::socket::ReadOutcome;
use crate::server::turn::Left;
use crate::server::turn::stop::Stage;

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

/// Everybody with something to read gets a turn, the stalled too, but only work counts for the bound.
pub(in crate::server) fn read(
    now: Now,
    stage: Stage,
    conns: &mut Connections,
    room: &mut Room,
    effects: &mut Vec<Effect>,
) -> Left {
    wake(conns, room);
    let mut left = Left::Nothing;
    let mut worked = 0;
    for _ in 0..conns.to_read() {
        if worked >= CONNS_READ_PER_TURN {
            left = Left::Something;
            break;
        }
        let id = conns.pop_reading().expect("the queue is as long as it was");
        match conns.get(id) {
            Some(conn) if conn.outflow == Outflow::Closed => {}
            Some(_) => {
                let progress = read_from(now, id, stage, conns, room, effects);
                worked += usize::from(!matches!(progress, Progress::Stalled | Progress::Waiting));
                left |= Left::when(progress == Progress::More);
            }
            None => {}
        }
    }
    debug_assert!(!conns.queued_for_reading().any(|id| room.is_waiting(id)), "who waits costs nothing");
    left
}

/// Those who waited for an answer or for their allowance are read again.
fn wake(conns: &mut Connections, room: &mut Room) {
    for id in room.take_woken() {
        if !room.is_waiting(id) {
            conns.unpark(id);
        }
    }
}

/// What a stalled connection waited for may have come in this very turn: an answer without a thread, its
/// replies' leaving, the end of a pass. Nothing in the kernel will tell, so the next turn does not wait.
pub(in crate::server) fn look_at_stalled(conns: &mut Connections, room: &mut Room) -> Left {
    wake(conns, room);
    Left::when(conns.queued_for_reading().any(|id| room.may_go_on(id)))
}

/// Reads once, and sees to it that it is read on when there is something to be read.
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
        Progress::More | Progress::Stalled => conns.queue_reading(id),
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
        note_outcome(id, outcome, conns);
        let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
        if let Some(progress) = dispatch(now, conn, &mut budget, room, effects) {
            return progress;
        }
    }
    let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
    if conn.inflow == Inflow::Ended {
        conn.inflow = Inflow::Told;
        if conn.outflow == Outflow::Broken {
            conns.close(id);
            return Progress::Idle;
        }
        room.handle(now, Input::Eof(id), effects);
        return Progress::Idle;
    }
    if conn.socket.readable && conn.inflow == Inflow::Open { Progress::More } else { Progress::Idle }
}

/// Notes what a read says of how it goes on.
pub(super) fn note_outcome(id: ConnId, outcome: ReadOutcome, conns: &mut Connections) {
    if let ReadOutcome::Broken(why) = outcome {
        conns.counts.note_broken(id, why);
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
        // After a reset half a line is none, however the stream ends.
        ReadOutcome::Eof | ReadOutcome::CutOff | ReadOutcome::Broken(_) => {
            (conn.inflow, conn.outflow) = (Inflow::Ended, Outflow::Broken);
        }
    }
}

/// Hands the room the lines that are there. `None`: all were taken, and more may be read.
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
        let Some(taken) = room.takes(id, line) else {
            // It may wait for its allowance by now.
            return Some(if room.listens(id) { Progress::Stalled } else { Progress::Waiting });
        };
        room.handle(now, Input::Line(taken), effects);
        conn.lines.consume();
        *budget -= 1;
    }
}

/// What a leaving peer still says is nobody's; it is read so that its kernel does not answer our last
/// words with a reset.
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
    let has_hung_up = conn.has_hung_up();
    let outcome = conns.read_and_drop(id);
    if let ReadOutcome::Broken(why) = outcome {
        conns.counts.note_broken(id, why);
        if !has_hung_up {
            conns.close(id);
        }
    }
    if has_hung_up {
        // There is news of what has arrived.
        conns.queue_ending(id);
    }
    let Some(conn) = conns.get_mut(id) else { return Progress::Idle };
    match outcome {
        ReadOutcome::Bytes(_) if conn.socket.readable => return Progress::More,
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock => {}
        ReadOutcome::Eof | ReadOutcome::CutOff | ReadOutcome::Broken(_) => conn.inflow = Inflow::Told,
    }
    Progress::Idle
}
