//! Rate limits: one allowance for all connections of a member, and one for each connection before login. Beyond it lines wait;
//! nothing is dropped.

use crate::limits::LIST_COST;
use crate::protocol::Verb;
use crate::room::{ConnId, Feeds, Group, Rate, Session};

/// The cost of a member's command. Lines without a command, and commands that end or change a connection, cost nothing.
fn cost(verb: Verb) -> u32 {
    match verb {
        // Each change of members.txt is also a line in the history.
        // INVITE reads it. Clients ask TITLE and ANNOUNCE at every login.
        Verb::Msg
        | Verb::Title
        | Verb::Announce
        | Verb::Add
        | Verb::Invite
        | Verb::Remove
        | Verb::Reset
        | Verb::Promote
        | Verb::Demote => 1,
        // PASSWD, which every member may send, hashes two passwords.
        Verb::Who
        | Verb::Members
        | Verb::History
        | Verb::Find
        | Verb::Info
        | Verb::Stats
        | Verb::Help
        | Verb::Passwd
        | Verb::Name => LIST_COST,
        Verb::Login
        | Verb::Resume
        | Verb::Join
        | Verb::Token
        | Verb::Skip
        | Verb::Leave
        | Verb::Ping
        | Verb::Quit => 0,
    }
}

/// Pays for a line with this verb. False if the allowance is too small: then the connection waits until it is not. Before
/// login every line costs something, even a timing mark: it is answered, and nobody can be held responsible.
pub(crate) fn pay(rate: Rate, id: ConnId, verb: Option<Verb>, group: &mut Group, feeds: &mut Feeds) -> bool {
    let (now, cost) = (feeds.now.mono, verb.map_or(0, cost));
    let (allowance, cost) = match feeds.peers.get_mut(id).map(|peer| &mut peer.session) {
        Some(Session::BeforeLogin(_, allowance)) => (allowance, cost.max(1)),
        Some(Session::Member(seat)) if cost > 0 => match group.get_mut(&seat.mail) {
            Some(member) => (&mut member.allowance, cost),
            None => return true,
        },
        _ => return true,
    };
    let paid = allowance.pay(rate, cost, now);
    if let Err(at) = paid {
        feeds.peers.wait_until(at, id);
    }
    paid.is_ok()
}
