//! Stopping, in stages: nothing is accepted or read any more; file jobs end; what is durable is delivered;
//! BYE; FIN; a moment to read it.

use std::time::Duration;

use log::{error, info};

use crate::limits::{LINGER, SHUTDOWN_DELIVER, SHUTDOWN_FILES};
use crate::room::Input;
use crate::server::Server;

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody was told, every file job was done.
    Clean,
    /// A file job did not end in time.
    FilesStuck,
    /// The disk failed in a way that leaves it unknown what it holds.
    StorageFailed,
}

/// Each with the moment at which the next one begins at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Stage {
    /// Not stopping.
    Serving,
    /// Changes of members.txt that are under way come to their end.
    FinishingFiles(Duration),
    /// Everybody gets what is durable, and BYE.
    Delivering(Duration),
    /// Who is behind gets the line it is in, and BYE, if its socket takes it.
    HangingUp(Duration),
    /// What has arrived is noted, and the files are closed.
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

    /// Whether lines are taken from anybody.
    pub(in crate::server) fn is_reading(self) -> bool {
        self == Stage::Serving
    }
}

impl Server {
    pub(in crate::server) fn begin_stopping(&mut self) {
        if self.stage == Stage::Serving {
            self.listeners.clear();
            self.notify_stopping("everybody gets what was said");
            self.stage = Stage::FinishingFiles(self.now.mono + SHUTDOWN_FILES);
            self.unfinished = true;
        }
    }

    /// Goes on to the next stage when the present one has reached its end or its time.
    pub(in crate::server) fn go_on_stopping(&mut self) -> Option<Outcome> {
        let now = self.now.mono;
        match self.stage {
            Stage::Serving => {}
            Stage::FinishingFiles(until) => {
                if now >= until {
                    error!("the disk did not answer in time; commands that were waiting got no OK");
                    return Some(Outcome::FilesStuck);
                }
                if self.members.pending() == 0 && !self.room.is_appending() {
                    self.stage = Stage::Delivering(now + SHUTDOWN_DELIVER);
                    self.tell_all(Input::Shutdown);
                }
            }
            Stage::Delivering(until) => {
                if self.conns.is_empty() {
                    self.begin_closing_files();
                } else if now >= until {
                    self.stage = Stage::HangingUp(now + LINGER);
                    self.tell_all(Input::ShutdownNow);
                }
            }
            Stage::HangingUp(until) => {
                if now >= until || self.conns.is_empty() {
                    info!("{} connections had not taken everything", self.conns.len());
                    self.begin_closing_files();
                }
            }
            Stage::ClosingFiles(until) => {
                if self.store.is_closed() {
                    return Some(self.outcome);
                }
                if now >= until {
                    error!("the history could not be closed in time");
                    return Some(Outcome::FilesStuck);
                }
            }
        }
        None
    }

    /// What the disk holds is unknown: everybody is told, nothing is written any more.
    pub(in crate::server) fn stop_at_once(&mut self) {
        if self.outcome == Outcome::StorageFailed {
            return;
        }
        self.outcome = Outcome::StorageFailed;
        self.notify_stopping("the disk failed");
        self.listeners.clear();
        self.stage = Stage::HangingUp(self.now.mono + LINGER);
        self.unfinished = true;
    }

    fn begin_closing_files(&mut self) {
        let ids: Vec<_> = self.conns.iter().map(|(_, conn)| conn.id).collect();
        for id in ids {
            self.look_at(id);
        }
        self.close_store();
        self.stage = Stage::ClosingFiles(self.now.mono + SHUTDOWN_FILES);
        self.unfinished = true;
    }

    fn tell_all(&mut self, input: Input<'_>) {
        self.room.handle(self.now, input, &mut self.effects);
        self.unfinished = true;
    }
}
