//! Stops in stages: nothing is accepted or read any more; file jobs finish; what is committed is delivered; BYE; FIN; a
//! moment for peers to read it.

use std::time::Duration;

use log::{error, info};

use crate::limits::{LINGER, SHUTDOWN_DELIVER, SHUTDOWN_FILES};
use crate::room::{Effect, Input, Now, Room};
use crate::server::log::Log;
use crate::server::members::Members;
use crate::server::net::Net;
use crate::server::net::connections::Connections;
use crate::server::net::listeners::Listeners;
use crate::server::ops::systemd::Notify;
use crate::server::turn::acks;

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody was told, and every file job was done.
    Clean,
    /// A file job did not finish in time.
    FilesStuck,
    /// The disk failed, and nobody knows what it holds.
    StorageFailed,
}

/// How far stopping has come; each with the latest time at which the next stage begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Stage {
    /// Not stopping.
    Serving,
    /// Changes of members.txt and appends that are under way finish.
    FinishingFiles(Duration),
    /// Everybody gets what is committed, and BYE.
    Delivering(Duration),
    /// Those that are behind get the rest of their present line, and BYE, if their sockets take it.
    HangingUp(Duration),
    /// The last places are recorded, and the files are closed.
    ClosingFiles(Duration),
}

impl Stage {
    pub(in crate::server) fn deadline(self) -> Option<Duration> {
        match self {
            Stage::Serving => None,
            Stage::FinishingFiles(at)
            | Stage::Delivering(at)
            | Stage::HangingUp(at)
            | Stage::ClosingFiles(at) => Some(at),
        }
    }

    /// Whether lines are read.
    pub(in crate::server) fn is_reading(self) -> bool {
        self == Stage::Serving
    }
}

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Stopping {
    stage: Stage,
    /// The result, once everything is closed.
    outcome: Outcome,
}

/// What a call of [`Stopping::advance`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Step {
    /// The stage has not changed.
    Same,
    /// The next stage has begun.
    Next,
    /// The server has stopped.
    Over(Outcome),
}

impl Default for Stopping {
    fn default() -> Stopping {
        Stopping { stage: Stage::Serving, outcome: Outcome::Clean }
    }
}

impl Stopping {
    pub(in crate::server) fn stage(&self) -> Stage {
        self.stage
    }

    /// A signal has asked to stop.
    pub(in crate::server) fn begin(&mut self, now: Now, listeners: &mut Listeners, notify: &Notify) {
        if self.stage == Stage::Serving {
            listeners.close();
            notify.say_stopping("everybody gets what was said");
            self.stage = Stage::FinishingFiles(now.mono + SHUTDOWN_FILES);
        }
    }

    /// Nobody knows what the disk holds: nothing is written any more.
    pub(in crate::server) fn stop_now(&mut self, now: Now, net: &mut Net, notify: &Notify) {
        if self.outcome == Outcome::StorageFailed {
            return;
        }
        self.outcome = Outcome::StorageFailed;
        notify.say_stopping("the disk failed");
        net.listeners.close();
        net.conns.close_handshaking();
        self.stage = Stage::HangingUp(now.mono + LINGER);
    }

    /// Begins the next stage when the present one is complete or its time is up.
    pub(in crate::server) fn advance(
        &mut self,
        now: Now,
        conns: &mut Connections,
        room: &mut Room,
        effects: &mut Vec<Effect>,
        members: &Members,
        log: &mut Log,
    ) -> Step {
        match self.stage {
            Stage::Serving => return Step::Same,
            Stage::FinishingFiles(until) => {
                if now.mono >= until {
                    error!("the disk did not answer in time; commands that were waiting got no OK");
                    return Step::Over(Outcome::FilesStuck);
                }
                if members.pending() > 0 || log.is_storing() {
                    return Step::Same;
                }
                self.stage = Stage::Delivering(now.mono + SHUTDOWN_DELIVER);
                conns.close_handshaking();
                room.handle(now, Input::Shutdown, effects);
            }
            Stage::Delivering(until) => {
                if conns.is_empty() {
                    self.begin_closing_files(now, conns, room, log);
                } else if now.mono >= until {
                    self.stage = Stage::HangingUp(now.mono + LINGER);
                    room.handle(now, Input::ShutdownNow, effects);
                } else {
                    return Step::Same;
                }
            }
            Stage::HangingUp(until) => {
                if now.mono < until && !conns.is_empty() {
                    return Step::Same;
                }
                info!("{} connections had not taken everything", conns.len());
                self.begin_closing_files(now, conns, room, log);
            }
            Stage::ClosingFiles(until) => {
                if log.is_closed() {
                    return Step::Over(self.outcome);
                }
                if now.mono >= until {
                    error!("the history could not be closed in time");
                    return Step::Over(Outcome::FilesStuck);
                }
                return Step::Same;
            }
        }
        Step::Next
    }

    fn begin_closing_files(&mut self, now: Now, conns: &mut Connections, room: &mut Room, log: &mut Log) {
        for id in conns.ids().collect::<Vec<_>>() {
            acks::query(now, id, conns, room);
        }
        acks::close_log(room, log);
        self.stage = Stage::ClosingFiles(now.mono + SHUTDOWN_FILES);
    }
}
