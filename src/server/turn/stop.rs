//! Stops in stages: nothing is accepted or read any more; file jobs finish; what is committed is delivered; BYE; FIN; a
//! moment for peers to read it.

use std::ops::{ControlFlow, Range};
use std::time::Duration;

use log::{error, info, warn};

use crate::limits::{LINGER, SHUTDOWN_DELIVER, SHUTDOWN_FILES, SHUTDOWN_SLOTS_PER_TURN, SHUTDOWN_TELLING};
use crate::room::{Input, Now, Room};
use crate::server::counted::counted;
use crate::server::log::Log;
use crate::server::members::Members;
use crate::server::net::listeners::Listeners;
use crate::server::ops::systemd::Notify;
use crate::server::turn::{Hub, Work, acks};

/// How the server ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody was told, and every file job was done.
    #[default]
    Clean,
    /// A file job did not finish in time.
    FilesStuck,
    /// The disk failed, and nobody knows what it holds.
    StorageFailed,
    /// This node can no longer follow its group.
    GroupLost,
}

/// How far stopping has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server) enum Stage {
    /// Not stopping. Only in this stage are lines read.
    #[default]
    Serving,
    /// Changes of members.txt and appends that are under way finish, and the brokers decide about what they were asked.
    FinishingFiles,
    /// Everybody gets what is committed, and BYE.
    Delivering,
    /// Those that are behind get the rest of their present line, and BYE, if their sockets take it.
    HangingUp,
    /// The last places are recorded, and the files are closed.
    ClosingFiles,
}

/// Connections are told a few at a time, as fast as these take it: so it is the same for ten and for a million.
#[derive(Clone, Copy, Debug, Default)]
struct Telling {
    /// The first slot whose connection was not told yet.
    next_slot: usize,
    /// When those that were not told by then are left untold.
    until: Duration,
}

impl Telling {
    /// The next slots, once everybody told before has been written to. `None`: all were told, or time is up.
    fn next(&mut self, now: Duration, room: &Room) -> Option<Range<usize>> {
        let (first, end) = (self.next_slot, room.slots());
        if first >= end || now >= self.until {
            return None;
        }
        if !room.has_due() {
            self.next_slot = end.min(first + SHUTDOWN_SLOTS_PER_TURN);
        }
        Some(first..self.next_slot)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Stopping {
    pub(in crate::server) stage: Stage,
    /// The latest time at which the next stage begins.
    until: Duration,
    /// Whose connections are still to be told in this stage.
    telling: Telling,
    /// The result, once everything is closed.
    outcome: Outcome,
}

impl Stopping {
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        (self.stage != Stage::Serving).then_some(self.until)
    }

    fn enter(&mut self, stage: Stage, until: Duration) {
        (self.stage, self.until) = (stage, until);
    }

    /// A signal has asked to stop.
    pub(in crate::server) fn begin(&mut self, now: Now, listeners: &mut Listeners, notify: &Notify) {
        if self.stage == Stage::Serving {
            listeners.close();
            notify.say_stopping("everybody gets what was said");
            self.enter(Stage::FinishingFiles, now.mono + SHUTDOWN_FILES);
        }
    }

    /// Nobody knows what the disk holds, or what the group says: nothing is written any more. Returns whether this is news.
    pub(in crate::server) fn stop_now(
        &mut self,
        outcome: Outcome,
        hub: &mut Hub,
        listeners: &mut Listeners,
        notify: &Notify,
    ) -> bool {
        if self.outcome != Outcome::Clean {
            return false;
        }
        self.outcome = outcome;
        let is_alone = outcome == Outcome::GroupLost;
        notify.say_stopping(if is_alone { "the group cannot be followed" } else { "the disk failed" });
        listeners.close();
        hub.conns.close_handshaking();
        self.enter(Stage::HangingUp, hub.now.mono + LINGER);
        true
    }

    /// Begins the next stage when the present one is complete or its time is up; breaks when the server has stopped.
    pub(in crate::server) fn advance(
        &mut self,
        hub: &mut Hub,
        members: &Members,
        log: &mut Log,
    ) -> ControlFlow<Outcome, Work> {
        let now = hub.now.mono;
        if matches!(self.stage, Stage::Delivering | Stage::HangingUp)
            && let Some(slots) = self.telling.next(now, &hub.room)
        {
            self.tell(slots, hub);
            return ControlFlow::Continue(Work::Remains);
        }
        let is_late = now >= self.until;
        match self.stage {
            Stage::FinishingFiles if members.pending() == 0 && !log.is_finishing() => {
                self.enter(Stage::Delivering, now + SHUTDOWN_DELIVER);
                self.telling = Telling { next_slot: 0, until: now + SHUTDOWN_TELLING };
                hub.conns.close_handshaking();
                if let Some(cluster) = log.cluster() {
                    cluster.leave();
                    if cluster.asking.has_given_up() {
                        hub.tell(Input::GivenUp);
                    }
                }
            }
            Stage::FinishingFiles if is_late => {
                match log.cluster().map_or(0, |cluster| cluster.asking.give_up()) {
                    0 => {
                        error!("the disk did not answer in time; commands that were waiting got no OK");
                        return ControlFlow::Break(Outcome::FilesStuck);
                    }
                    unsettled => {
                        warn!(
                            "the brokers did not answer in time; messages and changes that are not settled: {unsettled}. \
                         Nobody was told OK for them, and the group may still have them"
                        );
                        self.enter(Stage::FinishingFiles, now + SHUTDOWN_FILES);
                    }
                }
            }
            Stage::Delivering if hub.conns.is_empty() => self.begin_closing_files(hub, log),
            Stage::Delivering if is_late => {
                self.enter(Stage::HangingUp, now + LINGER);
                self.telling.next_slot = 0;
            }
            Stage::HangingUp if is_late || hub.conns.is_empty() => {
                info!("{} had not taken everything", counted(hub.conns.len(), "connection"));
                self.begin_closing_files(hub, log);
            }
            Stage::ClosingFiles if log.is_closed() => return ControlFlow::Break(self.outcome),
            Stage::ClosingFiles if is_late => {
                error!("the history could not be closed in time");
                return ControlFlow::Break(Outcome::FilesStuck);
            }
            _ => return ControlFlow::Continue(Work::Done),
        }
        ControlFlow::Continue(Work::Remains)
    }

    /// Tells the connections in these slots. The last of them has as long as all others.
    fn tell(&mut self, slots: Range<usize>, hub: &mut Hub) {
        let (input, patience) = match self.stage {
            Stage::HangingUp => (Input::ShutdownNow(slots), LINGER),
            _ => (Input::Shutdown(slots), SHUTDOWN_DELIVER),
        };
        self.until = hub.now.mono + patience;
        hub.tell(input);
    }

    fn begin_closing_files(&mut self, hub: &mut Hub, log: &mut Log) {
        for id in hub.conns.ids().collect::<Vec<_>>() {
            acks::query(id, hub);
        }
        acks::close_log(&mut hub.room, log);
        self.enter(Stage::ClosingFiles, hub.now.mono + SHUTDOWN_FILES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Time;
    use crate::room::ConnId;
    use crate::server::turn::tests::Parts;

    /// The same moment all the time.
    fn now() -> Now {
        Now { wall: Time::from_unix_ms(0), mono: Duration::ZERO }
    }

    /// A room with so many connections, which have been greeted.
    fn room(connections: u32) -> Room {
        let mut room = Parts::with("--listen 127.0.0.1:0").hub.room;
        for slot in 0..connections {
            let id = ConnId { slot, serial: u64::from(slot) };
            room.handle(now(), Input::Connected(id, Duration::ZERO), &mut Vec::new());
        }
        assert_eq!(due(&mut room), connections as usize);
        room
    }

    /// How many are due, each once.
    fn due(room: &mut Room) -> usize {
        std::iter::from_fn(|| room.pop_due()).count()
    }

    #[test]
    fn a_turn_tells_few_and_all_are_told() {
        let mut room = room(1000);
        let mut telling = Telling { next_slot: 0, until: SHUTDOWN_TELLING };
        let mut told = 0;
        while let Some(slots) = telling.next(Duration::ZERO, &room) {
            room.handle(now(), Input::Shutdown(slots), &mut Vec::new());
            // Those told have not been written to yet.
            assert!(telling.next(Duration::ZERO, &room).is_none_or(|slots| slots.is_empty()));
            let due = due(&mut room);
            assert!(due <= SHUTDOWN_SLOTS_PER_TURN, "{due} in one turn");
            told += due;
        }
        assert_eq!(told, 1000);
    }

    #[test]
    fn when_time_is_up_nobody_more_is_told() {
        let mut telling = Telling { next_slot: 0, until: SHUTDOWN_TELLING };
        assert_eq!(telling.next(Duration::ZERO, &room(100)), Some(0..SHUTDOWN_SLOTS_PER_TURN));
        assert_eq!(telling.next(SHUTDOWN_TELLING, &room(100)), None);
    }
}
