//! How much a member may ask, over all connections together, and a stranger, on each. Over it the lines wait; nothing is
//! dropped.

use crate::limits::LIST_COST;
use crate::protocol::Verb;
use crate::room::Room;
use crate::room::ids::{ConnId, Now};
use crate::room::rate::Allowance;
use crate::room::session::{Session, Waiting};

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
        if let Some(peer) = self.peer_mut(id) {
            peer.waiting = Waiting::Allowance;
        }
        self.over_rate.insert((at, id));
        false
    }

    /// Out of what a line with this verb is paid, a member's or a stranger's, and what it costs, if anything. Of a stranger
    /// each line costs something, and a timing mark: it gets an answer, and nobody knows whose doing it is.
    fn allowance(&mut self, id: ConnId, verb: Option<Verb>) -> Option<(&mut Allowance, u32)> {
        let peer = self.peers.get_mut(id.slot as usize)?.as_mut().filter(|peer| peer.serial == id.serial)?;
        let is_stranger = matches!(peer.session, Session::Stranger(..));
        let cost = verb.map_or(0, cost).max(u32::from(is_stranger));
        if cost == 0 {
            return None;
        }
        let allowance = match &mut peer.session {
            Session::Stranger(_, allowance) => allowance,
            Session::Member(seat) => &mut self.group.get_mut(&seat.mail)?.allowance,
            Session::Leaving(_) => return None,
        };
        Some((allowance, cost))
    }

    /// Who has waited long enough may ask again.
    pub(in crate::room) fn end_waits(&mut self, now: Now) {
        while let Some(&(at, id)) = self.over_rate.first()
            && at <= now.mono
        {
            self.over_rate.pop_first();
            if let Some(peer) = self.peer_mut(id)
                && peer.waiting == Waiting::Allowance
            {
                peer.waiting = Waiting::No;
                self.woken.push(id);
            }
        }
    }
}
