//! Stopping, in stages: nothing is accepted or read any more; file jobs end; what is durable is delivered;
//! BYE; FIN; a moment to read it.

use std::time::Duration;

use log::{error, info};

use super::{Outcome, Server};
use crate::limits::{LINGER, SHUTDOWN_DELIVER, SHUTDOWN_FILES};
use crate::room::Input;

/// Each with the moment at which the next one begins at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not stopping.
    Serving,
    /// Changes of members.txt that are under way come to their end.
    FinishingFiles(Duration),
    /// Everybody gets what is durable, and BYE.
    Delivering(Duration),
    /// Who is behind gets the line it is in, and BYE, if its socket takes it.
    HangingUp(Duration),
}

impl Stage {
    pub(super) fn deadline(self) -> Option<Duration> {
        match self {
            Stage::Serving => None,
            Stage::FinishingFiles(at) | Stage::Delivering(at) | Stage::HangingUp(at) => Some(at),
        }
    }

    /// Whether lines are taken from anybody.
    pub(super) fn is_reading(self) -> bool {
        self == Stage::Serving
    }
}

impl Server {
    pub(super) fn begin_stopping(&mut self) {
        if self.stage == Stage::Serving {
            self.stage = Stage::FinishingFiles(self.now.mono + SHUTDOWN_FILES);
            self.unfinished = true;
        }
    }

    /// Goes on to the next stage when the present one has reached its end or its time.
    pub(super) fn go_on_stopping(&mut self) -> Option<Outcome> {
        let now = self.now.mono;
        match self.stage {
            Stage::Serving => {}
            Stage::FinishingFiles(until) => {
                if now >= until {
                    error!("members.txt could not be written in time; whoever waits was not told OK");
                    return Some(Outcome::FilesStuck);
                }
                if self.members.pending() == 0 {
                    self.stage = Stage::Delivering(now + SHUTDOWN_DELIVER);
                    self.tell_all(Input::Shutdown);
                }
            }
            Stage::Delivering(until) => {
                if self.conns.is_empty() {
                    return Some(Outcome::Clean);
                }
                if now >= until {
                    self.stage = Stage::HangingUp(now + LINGER);
                    self.tell_all(Input::ShutdownNow);
                }
            }
            Stage::HangingUp(until) => {
                if now >= until || self.conns.is_empty() {
                    info!("{} connections had not taken everything", self.conns.len());
                    return Some(Outcome::Clean);
                }
            }
        }
        None
    }

    fn tell_all(&mut self, input: Input<'_>) {
        self.room.handle(self.now, input, &mut self.effects);
        self.unfinished = true;
    }
}
