//! Whether the server is still there. Anything it sends shows that; a silent server gets one PING.

use std::time::Instant;

use crate::limits::CLIENT_SILENCE;

/// How long the server has been silent.
#[derive(Debug)]
pub(in crate::client) struct Liveness {
    heard: Instant,
    asked: bool,
}

/// What to do about silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Silence {
    /// Nothing yet.
    Short,
    /// Send PING.
    Ask,
    /// Give up the connection.
    GiveUp,
}

impl Liveness {
    pub(in crate::client) fn heard_at(now: Instant) -> Liveness {
        Liveness { heard: now, asked: false }
    }

    pub(in crate::client) fn check(&mut self, now: Instant) -> Silence {
        let silent = now.saturating_duration_since(self.heard);
        if silent >= 2 * CLIENT_SILENCE {
            return Silence::GiveUp;
        }
        if silent < CLIENT_SILENCE || self.asked {
            return Silence::Short;
        }
        self.asked = true;
        Silence::Ask
    }

    /// The machine has slept: PING is sent now, and the connection is given up sooner.
    pub(in crate::client) fn doubt(&mut self, now: Instant) {
        let heard = now.checked_sub(CLIENT_SILENCE + CLIENT_SILENCE / 2).unwrap_or(now);
        *self = Liveness::heard_at(heard);
    }
}
