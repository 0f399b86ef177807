//! How much a member may ask, over all connections together, and a stranger, on each. Over it the lines wait; nothing is
//! dropped.

use std::time::Duration;

use super::Room;
use super::session::{ConnId, Session, Waiting};
use crate::limits::LIST_COST;
use crate::protocol::framing::Line;
use crate::protocol::{Verb, verb_of};
use crate::room::interface::Now;

/// So many lines a second on average, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// From 1.
    pub per_second: u32,
    /// From 1.
    pub burst: u32,
}

/// The moment of the monotonic clock at which all that was asked has been paid for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance(Duration);

impl Rate {
    fn price(self, cost: u32) -> Duration {
        // What costs more than can ever be saved takes all.
        Duration::from_secs(1) * cost.min(self.burst) / self.per_second
    }
}

impl Allowance {
    /// When something of this cost may be asked, if not now.
    fn wait(self, rate: Rate, cost: u32, now: Duration) -> Option<Duration> {
        let at = (self.0 + rate.price(cost)).saturating_sub(rate.price(rate.burst));
        (at > now).then_some(at)
    }

    fn pay(&mut self, rate: Rate, cost: u32, now: Duration) {
        self.0 = self.0.max(now) + rate.price(cost);
    }
}

/// What a line costs. Of a stranger each does, and a timing mark: it gets an answer, and nobody knows whose doing it is.
fn cost_of(line: &Line<'_>, is_stranger: bool) -> u32 {
    verb(line).map_or(0, cost).max(u32::from(is_stranger))
}

/// What is asked, where the line is a command.
pub(super) fn verb(line: &Line<'_>) -> Option<Verb> {
    if let Line::Whole(line) = line { verb_of(line) } else { None }
}

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
    /// Whether this line may be taken now. If not, the connection waits until it may.
    pub(super) fn affords(&mut self, id: ConnId, line: &Line<'_>) -> bool {
        let (Some(rate), now) = (self.config.rate, self.turn_began) else { return true };
        let Some((allowance, cost)) = self.allowance(id, line) else { return true };
        let Some(at) = allowance.wait(rate, cost, now) else { return true };
        if let Some(peer) = self.peer_mut(id) {
            peer.waiting = Waiting::Allowance;
        }
        self.over_rate.insert((at, id));
        false
    }

    /// A line was taken.
    pub(super) fn charge(&mut self, now: Now, id: ConnId, line: &Line<'_>) {
        if let Some(rate) = self.config.rate
            && let Some((allowance, cost)) = self.allowance(id, line)
        {
            allowance.pay(rate, cost, now.mono);
        }
    }

    /// Out of what this line is paid, a member's or a stranger's, and what it costs, if anything.
    fn allowance(&mut self, id: ConnId, line: &Line<'_>) -> Option<(&mut Allowance, u32)> {
        let peer = self.peers.get_mut(id.slot as usize)?.as_mut().filter(|peer| peer.serial == id.serial)?;
        let cost = cost_of(line, matches!(peer.session, Session::Stranger(..)));
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
    pub(super) fn end_waits(&mut self, now: Now) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks again and again; how many were asked at each of these moments, in milliseconds.
    fn asked(rate: Rate, cost: u32, moments: &[u64]) -> Vec<usize> {
        let mut allowance = Allowance::default();
        let at = |&ms: &u64| {
            let now = Duration::from_millis(ms + 10_000);
            let mut count = 0;
            while allowance.wait(rate, cost, now).is_none() && count < 1000 {
                allowance.pay(rate, cost, now);
                count += 1;
            }
            count
        };
        moments.iter().map(at).collect()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let rate = Rate { per_second: 10, burst: 100 };
        assert_eq!(asked(rate, 1, &[0, 99, 100, 1000, 5000, 60_000]), [100, 0, 1, 9, 40, 100]);
        assert_eq!(asked(rate, 5, &[0, 400, 500, 60_000]), [20, 0, 1, 20]);
    }

    #[test]
    fn what_costs_more_than_the_burst_can_still_be_asked() {
        let rate = Rate { per_second: 3, burst: 1 };
        assert_eq!(asked(rate, 5, &[0, 300, 334, 900, 10_000]), [1, 0, 1, 1, 1]);
    }

    #[test]
    fn the_wait_is_exact() {
        let (rate, now) = (Rate { per_second: 7, burst: 3 }, Duration::from_secs(50));
        let mut allowance = Allowance::default();
        for _ in 0..1000 {
            let at = allowance.wait(rate, 1, now).unwrap_or(now);
            assert!(allowance.wait(rate, 1, at).is_none(), "at its moment it may be asked");
            allowance.pay(rate, 1, at);
        }
    }
}
