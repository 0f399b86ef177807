//! Rate limits: one allowance for all connections of a member, and one for each connection before login. Beyond it lines wait;
//! nothing is dropped.

use crate::limits::LIST_COST;
use crate::protocol::Verb;
use crate::room::Room;
use crate::room::ids::ConnId;
use crate::room::rate::Allowance;
use crate::room::session::Session;

/// The cost of a member's command. Lines without a command, and commands that end or change a connection, cost nothing.
fn cost(verb: Verb) -> u32 {
    match verb {
        // Each change of members.txt is also a line in the history.
        Verb::Msg | Verb::Add | Verb::Remove | Verb::Reset => 1,
        // PASSWD, which every member may send, hashes two passwords.
        Verb::Who | Verb::Members | Verb::History | Verb::Info | Verb::Stats | Verb::Help | Verb::Passwd => {
            LIST_COST
        }
        Verb::Login | Verb::Resume | Verb::Token | Verb::Skip | Verb::Leave | Verb::Ping | Verb::Quit => 0,
    }
}

impl Room {
    /// Pays for a line with this verb. False if the allowance is too small: then the connection waits until it is not.
    pub(in crate::room) fn pay(&mut self, id: ConnId, verb: Option<Verb>) -> bool {
        let (Some(rate), now) = (self.config.rate, self.turn_began) else { return true };
        let Some((allowance, cost)) = self.allowance(id, verb) else { return true };
        let Some(at) = allowance.wait(rate, cost, now) else {
            allowance.pay(rate, cost, now);
            return true;
        };
        self.peers.wait_until(at, id);
        false
    }

    /// The allowance that pays for a line with this verb, and the cost, if there is one. Before login every line costs
    /// something, even a timing mark: it is answered, and nobody can be held responsible.
    fn allowance(&mut self, id: ConnId, verb: Option<Verb>) -> Option<(&mut Allowance, u32)> {
        let peer = self.peers.get_mut(id)?;
        let is_before_login = matches!(peer.session, Session::BeforeLogin(..));
        let cost = verb.map_or(0, cost).max(u32::from(is_before_login));
        if cost == 0 {
            return None;
        }
        let allowance = match &mut peer.session {
            Session::BeforeLogin(_, allowance) => allowance,
            Session::Member(seat) => &mut self.group.get_mut(&seat.mail)?.allowance,
            Session::Leaving(_) => return None,
        };
        Some((allowance, cost))
    }
}
