//! What a command gives.

use crate::room::ids::ConnId;
use crate::room::interface::Effect;
use crate::room::peers::Peers;
use crate::room::session::Waiting;
use crate::room::transcript::window::Transcript;

pub(in crate::room) enum Answer {
    /// These lines, now.
    Lines(Vec<u8>),
    /// What comes of this. The connection waits until then.
    Await(Effect),
    /// It has got what there is to get, or will get it from the log.
    Given,
}

impl Answer {
    /// Gives it to this connection. What is wanted for it is the caller's to ask for.
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
