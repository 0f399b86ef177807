//! What follows from a command at once: its answer, or what it waits for.

use crate::room::ids::ConnId;
use crate::room::interface::Effect;
use crate::room::peers::Peers;
use crate::room::session::Waiting;
use crate::room::transcript::window::Transcript;

pub(in crate::room) enum Answer {
    /// These lines, now.
    Lines(Vec<u8>),
    /// None yet: the connection waits for the answer to this effect.
    Await(Effect),
    /// Nothing more: it was answered already, or the log's answer will be its own.
    Given,
}

impl Answer {
    /// Gives it to this connection, or lets it wait. Returns the effect for which it waits.
    pub(in crate::room) fn give(
        self,
        id: ConnId,
        transcript: &Transcript,
        peers: &mut Peers,
    ) -> Option<Effect> {
        match self {
            Answer::Lines(lines) => {
                peers.reply(id, lines, transcript);
                None
            }
            Answer::Await(effect) => {
                peers.wait(id, Waiting::Worker);
                Some(effect)
            }
            Answer::Given => None,
        }
    }
}
