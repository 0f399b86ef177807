//! Writes: replies first, then, unless the disk comes first, connections whose sockets are writable again and a slice of
//! the pass over the receivers. When the slice is used up the loop polls again and continues the pass where it was; what
//! was committed meanwhile joins the bytes of the connections still to be served.

mod one;

use std::time::{Duration, Instant};

use crate::limits::{DISK_FIRST, DISK_TURN, LOOKS_PER_SLICE, SLICE};
use crate::room::Pos;
use crate::server::histogram::Histogram;
use crate::server::log::Log;
use crate::server::turn::close::Closing;
use crate::server::turn::write::one::{Wrote, write_to};
use crate::server::turn::{Hub, Work};

/// How far delivery has come.
#[derive(Debug, Default)]
pub(in crate::server) struct Delivery {
    /// The append under way, if there is one.
    storing: Option<Storing>,
    /// While writing waits for the disk: when it continues.
    pub(in crate::server) held_until: Option<Duration>,
    /// How long the sending queue was written to since it last waited for the disk.
    sent_for: Duration,
    /// The pass under way.
    pass: Option<Pass>,
    /// Since when there has been something for the next pass.
    due_since: Option<Instant>,
    /// How long events waited until the last receiver was served that was not catching up.
    pub(in crate::server) took: Histogram,
    /// A buffer in which replies and events are joined.
    scratch: Vec<u8>,
}

impl Delivery {
    /// Until when the connections in the sending queue wait, and until when the pass waits, so that the append under way is
    /// stored first. Storing goes through several threads, the kernel's too. Where all share a core with a loop that is
    /// never idle, each of them waits for the scheduler's next tick: next to a client that caught up at gigabytes a second,
    /// one message in a hundred took 1.4 to 1.6 times as long, and a flood whose appends took a whole pass each was half
    /// as fast.
    ///
    /// `storing`: where the append under way begins, if there is one.
    fn disk_first_until(
        &mut self,
        now: Duration,
        storing: Option<Pos>,
    ) -> (Option<Duration>, Option<Duration>) {
        let Some(from) = storing else {
            self.storing = None;
            return (None, None);
        };
        let storing = self.storing.get_or_insert_with(|| {
            // Somebody who says one thing after the other takes no more than half of the time from those who catch up.
            let hold = DISK_FIRST.min(std::mem::take(&mut self.sent_for));
            Storing { held_until: now + hold, from, since: now }
        });
        if storing.from != from {
            (storing.from, storing.since) = (from, now);
        }
        let at_first = Some(storing.held_until).filter(|end| now < *end);
        let (due, end) = (storing.since + DISK_TURN, storing.since + 2 * DISK_TURN);
        let turn = (due <= now && now < end).then_some(end);
        (at_first.or(turn), turn)
    }
}

pub(in crate::server) fn write(
    hub: &mut Hub,
    log: &Log,
    delivery: &mut Delivery,
    closing: &mut Closing,
) -> Work {
    for id in hub.room.take_unblocked() {
        hub.conns.queue_sending(id);
    }
    for id in hub.room.take_broken() {
        hub.conns.close(id);
    }
    let mut work = Work::Done;
    let began = Instant::now();
    while let Some(id) = hub.room.pop_due() {
        closing.start_leaving(id, hub);
        if is_over(began, write_to(id, hub, &mut delivery.scratch)) {
            work = Work::Remains;
            break;
        }
    }

    let storing = log.is_storing().then(|| hub.room.transcript().end());
    let (sending, pass) = delivery.disk_first_until(hub.now.mono, storing);
    delivery.held_until = sending.into_iter().chain(pass).min();
    if sending.is_none() {
        write_sending(hub, delivery);
    }
    if pass.is_none() {
        work |= write_slice_of_pass(hub, delivery);
    }
    work |= Work::remains_if(sending.is_none() && !hub.conns.sending.is_empty());
    work
}

/// Writes to the connections in the sending queue: those with more to be sent, whose sockets are writable again.
fn write_sending(hub: &mut Hub, delivery: &mut Delivery) {
    let began = Instant::now();
    for _ in 0..hub.conns.sending.len() {
        let Some(id) = hub.conns.pop_sending() else { break };
        if is_over(began, write_to(id, hub, &mut delivery.scratch)) {
            break;
        }
    }
    delivery.sent_for += began.elapsed();
}

fn write_slice_of_pass(hub: &mut Hub, delivery: &mut Delivery) -> Work {
    let began = Instant::now();
    if hub.room.is_pass_due() {
        delivery.due_since.get_or_insert(began);
    }
    let mut pass = match delivery.pass.take() {
        Some(pass) => pass,
        None if hub.room.is_pass_due() => {
            let serves = if hub.room.is_far_ahead() { Serves::All } else { Serves::Unqueued };
            hub.room.begin_pass();
            Pass { next: 0, since: delivery.due_since.take().unwrap_or(began), serves }
        }
        None => return Work::Done,
    };
    let end = hub.room.slots().min(pass.next + LOOKS_PER_SLICE);
    while pass.next < end {
        let conn = hub.conns.at(pass.next).filter(|conn| pass.serves == Serves::All || !conn.is_queued());
        pass.next += 1;
        if let Some(id) = conn.map(|conn| conn.id)
            && is_over(began, write_to(id, hub, &mut delivery.scratch))
        {
            break;
        }
    }
    if pass.next < hub.room.slots() {
        delivery.pass = Some(pass);
        Work::Remains
    } else {
        delivery.took.observe(pass.since.elapsed());
        // At most one pass a turn: what was committed meanwhile waits for the next, which then takes more at once.
        Work::remains_if(hub.room.is_pass_due())
    }
}

/// An append under way.
#[derive(Clone, Copy, Debug)]
struct Storing {
    /// Until when the sending queue waits for the first one after a pause.
    held_until: Duration,
    /// Where it begins, and since when it is under way.
    from: Pos,
    since: Duration,
}

/// A pass over the receivers.
#[derive(Debug)]
struct Pass {
    /// The slot to be looked at next.
    next: usize,
    /// Since when what it delivers was to be delivered.
    since: Instant,
    serves: Serves,
}

/// Which receivers a pass serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serves {
    /// In a flood it waits for all, so that it does not leave anybody further and further behind.
    All,
    /// Those in the sending queue are written to from there. When a thousand catch up, each with a full write, nobody else waits
    /// for these writes.
    Unqueued,
}

/// Whether a stretch of writing is over. It is measured by the clock, after each write: one takes 2 microseconds or 50, depending
/// on what it carries.
fn is_over(began: Instant, wrote: Wrote) -> bool {
    wrote == Wrote::Yes && began.elapsed() >= SLICE
}

#[cfg(test)]
mod tests;
