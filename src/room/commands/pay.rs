//! How much a member may ask, over all connections together, and a stranger, on each. Over it the lines wait; nothing is
//! dropped.

use crate::limits::LIST_COST;
use crate::protocol::Verb;
use crate::room::Room;
use crate::room::ids::ConnId;
use crate::room::rate::Allowance;
use crate::room::session::Session;

/// What a command of a member costs. A line that is none, and what ends or changes a connection, costs nothing.
fn cost(verb: Verb) -> u32 {
    match verb {
        // What an admin does is a line; a change of members.txt is one more in the history, too.
        Verb::Msg | Verb::Add | Verb::Remove | Verb::Reset => 1,
        // For PASSWD, which every member may ask, two passwords are hashed.
        Verb::Who | Verb::Members | Verb::History | Verb::Info | Verb::Stats | Verb::Help | Verb::Passwd => {
            LIST_COST
        }
        Verb::Login | Verb::Resume | Verb::Token | Verb::Skip | Verb::Leave | Verb::Ping | Verb::Quit => 0,
    }
}

impl Room {
    /// Pays for a line with this verb. False: it costs more than there is, and the connection waits until there is enough.
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

    /// Out of what a line with this verb is paid, a member's or a stranger's, and what it costs, if anything. Of a stranger
    /// each line costs something, and a timing mark: it gets an answer, and nobody knows whose doing it is.
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
