//! Whether the other side is still there. Any byte of it is a sign; who is silent is asked, once.

use std::time::Instant;

use crate::limits::CLIENT_SILENCE;

/// Since when nothing was heard.
#[derive(Debug)]
pub(in crate::client) struct Liveness {
    heard: Instant,
    asked: bool,
}

/// What silence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Silence {
    /// It is short.
    Short,
    /// PING is to be sent.
    Ask,
    /// The connection is to be given up.
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

    /// The machine has slept: to be asked now, and given up sooner.
    pub(in crate::client) fn doubt(&mut self, now: Instant) {
        let heard = now.checked_sub(CLIENT_SILENCE + CLIENT_SILENCE / 2).unwrap_or(now);
        *self = Liveness::heard_at(heard);
    }
}
