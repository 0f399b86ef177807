//! The pure half: what the group decides, and what each connection is owed. No sockets, clock, disk,
//! threads, randomness, hash maps or log macros in here.
//!
//! The shell calls [`Room::handle`] with what happened and carries out the [`Effect`]s that come of it.
//! Replying and broadcasting are no effects, they are state: the shell asks [`Room::chunk`] for the next
//! bytes a connection is owed and says [`Room::advance`] for what the transport took. In a turn the order is
//! `begin_turn`, any number of `takes` and `handle`, `poll_proposals`, then `chunk` and `advance`.

mod clock;
mod commands;
mod commit;
mod feed;
mod group;
mod ids;
mod interface;
mod proposal;
mod rate;
mod restore;
mod session;
mod transcript;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::limits::{CHECKED_MEMBERS_MAX, OWED_PAUSE, TIMEOUTS_PER_TURN};
use crate::protocol::framing::Line;
use crate::protocol::{Bye, Mail, Verb, bye, hello};

pub use crate::room::commands::past::PastShown;
pub use crate::room::feed::chunk::Chunk;
pub use crate::room::feed::outbox::{Feed, Outbox};
pub use crate::room::group::roster::{
    Change, ChangeError, Edit, HashCost, HashError, PasswordHash, Record, Roster, SaveError, Secret,
    differences,
};
pub use crate::room::group::text::{MembersFile, Mistake};
pub use crate::room::ids::{BlockNo, ConnId, Now, Pos, Version};
pub use crate::room::interface::{
    Changed, CheckFor, CheckJob, Difference, Effect, HashFor, HashJob, Input, LocateFor, LocateJob,
    MembersNews, Proof, Recall, RefusedFor, Taken, Ticket, TokenJob, Verdict,
};
pub use crate::room::proposal::{Batch, Committed, CommittedEvent, ProposalTicket, Proposer};
pub use crate::room::restore::Config;
pub use crate::room::transcript::blocks::Block;
pub use crate::room::transcript::window::{Past, Placed, Tail, Transcript};
pub use clock::{StepBack, is_ahead, next_time};
pub use rate::Rate;

use crate::room::commands::last_minute::LastMinute;
use crate::room::group::Group;
use rate::Allowance;
use session::{Countdown, Ending, Peer, Session, Waiting};

/// See the module.
#[derive(Debug)]
pub struct Room {
    config: Config,
    transcript: Transcript,
    group: Group,
    peers: Vec<Option<Peer>>,
    connections: usize,
    logged_in: usize,
    /// Connections with something new to be sent, each once.
    due: VecDeque<ConnId>,
    /// The same of those who are not logged in, and whether it is their turn.
    due_outside: VecDeque<ConnId>,
    outside_next: bool,
    proposals: commit::Proposals,
    /// Strangers, by the moment at which they must have logged in.
    deadlines: BTreeSet<(Duration, ConnId)>,
    /// Those whose next line has to wait, by the moment at which it may be taken.
    over_rate: BTreeSet<(Duration, ConnId)>,
    /// When the turn began, on the monotonic clock.
    turn_began: Duration,
    clock: clock::Clock,
    /// The transcript's end at which the present pass over the receivers began.
    pass_began: Pos,
    /// Connections whose block has come, and those whose block cannot be had.
    unblocked: Vec<ConnId>,
    broken: Vec<ConnId>,
    /// Connections of devices that were not known before.
    new_devices: Vec<ConnId>,
    /// Connections that have waited for an answer or for their allowance, and do not any more.
    woken: Vec<ConnId>,
    /// Connections whose SKIP waits for a block.
    skipping: Vec<ConnId>,
    typed: group::typed::TypedPasswords,
    /// What is different about members, as far as it was not asked for yet.
    changed: Vec<Changed>,
    minute: LastMinute,
}

impl Room {
    /// Takes in what happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>, effects: &mut Vec<Effect>) {
        match input {
            Input::Connected(id, since) => self.connected(since, id),
            Input::Line(Taken { conn: id, line }) => {
                self.hear(now, id);
                self.line(now, id, line, effects);
            }
            Input::Eof(id) => self.end(id, Ending::AtEnd, None),
            Input::Gone(id) => self.gone(id),
            Input::Checked(job, verdict) => self.checked(now, job, verdict, effects),
            Input::Hashed(job, hash) => self.hashed(now, job, hash, effects),
            Input::Issued(job, token) => self.issued(&job, &token),
            Input::Members(news) => self.members_news(now, news, effects),
            Input::Committed(committed) => self.committed(now, &committed, effects),
            Input::Refused(tickets) => self.refused(now, &tickets, effects),
            Input::LogFailed => self.log_failed(),
            Input::Located(job, found) => self.located(job, found, effects),
            Input::Block(number, block) => self.block_answered(number, block, effects),
            Input::Dropped(first, base) => self.transcript.set_past(first, base),
            Input::Measured(id, setting_up, figures) => self.measured(now, id, setting_up, &figures),
            Input::Tick => self.tick(now, effects),
            Input::Shutdown => self.end_all(Ending::AtEnd, Bye::Shutdown),
            Input::ShutdownNow => self.end_all(Ending::AtLineEnd, Bye::Shutdown),
        }
    }

    /// Takes this line, if it may be taken now. If not, it is asked again after something has changed: a worker
    /// answered, replies were sent, a pass over the receivers began, the member may ask more.
    pub fn takes<'a>(&mut self, id: ConnId, line: Line<'a>) -> Option<Taken<'a>> {
        let line = line.command();
        let verb = match line {
            Line::Whole(command) => command.verb(),
            Line::TooLong(_) | Line::Cut(_) | Line::TimingMark | Line::TlsHello => None,
        };
        let open = self.listens(id) && self.peer(id)?.outbox.owed() < OWED_PAUSE;
        let waits_for_others = verb == Some(Verb::Msg) && self.is_far_ahead();
        let takes = open && !waits_for_others && !self.waits_for_own(id, verb) && self.pay(id, verb);
        takes.then_some(Taken { conn: id, line })
    }

    /// Who asks what was said is told of what they have just said, too: the log answers that first.
    fn waits_for_own(&mut self, id: ConnId, verb: Option<Verb>) -> bool {
        let asks = matches!(verb, Some(Verb::History | Verb::Info | Verb::Stats));
        let peer = self.peer_mut(id).filter(|peer| asks && peer.outbox.has_tickets());
        peer.map(|peer| peer.waiting = Waiting::OwnMessages).is_some()
    }

    /// Whether a connection whose line was not taken should be asked again in the next turn.
    pub fn may_go_on(&self, id: ConnId) -> bool {
        let taking =
            |peer: &Peer| self.listens(id) && peer.outbox.owed() < OWED_PAUSE && !self.is_far_ahead();
        self.peer(id).is_none_or(|peer| peer.outbox.is_leaving() || taking(peer))
    }

    /// Whether lines of this connection are taken at present, or an answer has to come first.
    pub fn listens(&self, id: ConnId) -> bool {
        self.peer(id).is_some_and(|peer| peer.waiting == Waiting::No && !peer.outbox.is_leaving())
    }

    /// Whether nobody has logged in on this connection, and somebody still may.
    pub fn is_stranger(&self, id: ConnId) -> bool {
        self.peer(id).is_some_and(|peer| matches!(peer.session, Session::Stranger(..)))
    }

    /// Whether this connection waits for an answer.
    pub fn is_waiting(&self, id: ConnId) -> bool {
        self.peer(id).is_some_and(|peer| peer.waiting == Waiting::Worker && !peer.outbox.is_leaving())
    }

    /// Connections that waited for an answer or their allowance, and whose lines may be taken again, or never will.
    pub fn take_woken(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.woken)
    }

    /// Nothing can be sent to this connection any more; lines from it still count.
    pub fn discard_output(&mut self, id: ConnId) {
        if let Some(peer) = self.peer_mut(id) {
            peer.outbox.discard_output();
        }
    }

    /// Whether no line of this connection will ever be taken again.
    pub fn is_leaving(&self, id: ConnId) -> bool {
        self.peer(id).is_none_or(|peer| peer.outbox.is_leaving())
    }

    /// A new turn.
    pub fn begin_turn(&mut self, now: Now) {
        self.turn_began = now.mono;
        self.clock_says(now);
        if cfg!(debug_assertions) && self.group.len().max(self.connections) <= CHECKED_MEMBERS_MAX {
            self.check_invariants();
        }
    }

    /// The transcript: for knowing how far it goes.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// What is different about members since this was asked last.
    pub fn take_changed(&mut self) -> Vec<Changed> {
        std::mem::take(&mut self.changed)
    }

    /// Panics if something is not as it always is between two inputs. Costs as much as there is: it is for simulations, and
    /// for builds with debug assertions while the group is small.
    pub fn check_invariants(&self) {
        self.group.check();
        self.transcript.check();
        let peers = || self.peers.iter().flatten();
        peers().for_each(|peer| peer.outbox.check(&self.transcript));
        assert_eq!(self.connections, peers().count());
        assert_eq!(self.logged_in, peers().filter(|peer| matches!(peer.session, Session::Member(_))).count());
        let stopped = |peer: &&Peer| peer.waiting == Waiting::OwnMessages && !peer.outbox.has_tickets();
        assert_eq!(peers().filter(stopped).count(), 0, "who waits for the log will be answered");
    }

    /// When [`Input::Tick`] is next wanted, on the monotonic clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        let login = self.deadlines.first().map(|&(at, _)| at);
        let allowance = self.over_rate.first().map(|&(at, _)| at);
        login.into_iter().chain(allowance).chain(self.typed.retry_at()).min()
    }

    /// How many members' hashes have each cost.
    pub fn hash_costs(&self) -> &BTreeMap<HashCost, usize> {
        self.group.hash_costs()
    }

    /// The group in the file's form.
    pub fn roster(&self) -> Roster {
        self.group.roster()
    }

    fn connected(&mut self, since: Duration, id: ConnId) {
        let slot = id.slot as usize;
        if self.peers.len() <= slot {
            self.peers.resize_with(slot + 1, || None);
        }
        let deadline = since + self.config.login_timeout;
        let mut outbox = Outbox::new();
        outbox.reply(&self.transcript, hello(self.config.line_max));
        let session = Session::Stranger(Countdown::Until(deadline), Allowance::default());
        let peer = Peer {
            serial: id.serial,
            outbox,
            session,
            waiting: Waiting::No,
            tries: 0,
            listed: false,
            heard: 0,
        };
        debug_assert!(self.peers[slot].is_none());
        self.peers[slot] = Some(peer);
        self.connections += 1;
        self.deadlines.insert((deadline, id));
        self.list(id);
    }

    fn gone(&mut self, id: ConnId) {
        if self.peer(id).is_some() {
            self.forget_session(id);
            let peer = self.peers[id.slot as usize].take();
            if let Some(Peer { session: Session::Leaving(Some(seat)), .. }) = peer {
                self.group.release(&seat, id);
            }
            self.connections -= 1;
        }
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let due = self.deadlines.iter().take_while(|(at, _)| *at <= now.mono);
        for (_, id) in due.take(TIMEOUTS_PER_TURN).copied().collect::<Vec<_>>() {
            self.end(id, Ending::AtEnd, Some(Bye::LoginTimeout));
            effects.push(Effect::Refused(id, None, RefusedFor::Timeout));
        }
        self.end_waits(now);
        self.retry_typed(now, effects);
    }

    fn reply(&mut self, id: ConnId, line: Vec<u8>) {
        let slot = id.slot as usize;
        if let Some(peer) = self.peers.get_mut(slot).and_then(Option::as_mut)
            && peer.serial == id.serial
        {
            peer.outbox.reply(&self.transcript, line);
            self.list(id);
        }
    }

    /// No further line of this connection is taken. What it is still sent, `ending` says.
    fn end(&mut self, id: ConnId, ending: Ending, last_word: Option<Bye>) {
        self.forget_session(id);
        let Some(peer) = self.peers.get_mut(id.slot as usize).and_then(Option::as_mut) else { return };
        if peer.serial != id.serial {
            return;
        }
        let was_leaving = peer.outbox.is_leaving();
        if peer.waiting != Waiting::No {
            self.woken.push(id);
        }
        match ending {
            Ending::AtEnd => peer.outbox.leave_at_end(&self.transcript),
            Ending::AtLineEnd => peer.outbox.leave_at_line_end(&self.transcript),
        }
        if let Some(last_word) = last_word
            && !was_leaving
        {
            peer.outbox.reply(&self.transcript, bye(last_word));
        }
        self.list(id);
    }

    fn end_all(&mut self, ending: Ending, last_word: Bye) {
        let slots = u32::try_from(self.peers.len()).expect("slots are 32 bits");
        for slot in 0..slots {
            if let Some(peer) = &self.peers[slot as usize] {
                self.end(ConnId { slot, serial: peer.serial }, ending, Some(last_word));
            }
        }
    }

    /// The connection is no stranger with a deadline and nobody's session any more.
    fn forget_session(&mut self, id: ConnId) {
        let Some(peer) = self.peer_mut(id) else { return };
        match std::mem::replace(&mut peer.session, Session::Leaving(None)) {
            Session::Stranger(Countdown::Until(at), _) => {
                self.deadlines.remove(&(at, id));
            }
            Session::Stranger(Countdown::Stopped(_), _) => {}
            Session::Member(seat) => {
                peer.session = Session::Leaving(Some(seat.clone()));
                self.logged_in -= 1;
                self.group.leave(&seat, id);
            }
            Session::Leaving(seat) => peer.session = Session::Leaving(seat),
        }
    }

    fn peer(&self, id: ConnId) -> Option<&Peer> {
        self.peers.get(id.slot as usize)?.as_ref().filter(|peer| peer.serial == id.serial)
    }

    fn peer_mut(&mut self, id: ConnId) -> Option<&mut Peer> {
        self.peers.get_mut(id.slot as usize)?.as_mut().filter(|peer| peer.serial == id.serial)
    }

    /// Whose connection it is.
    fn mail_of(&self, id: ConnId) -> Option<Mail> {
        match &self.peer(id)?.session {
            Session::Member(seat) => Some(seat.mail.clone()),
            Session::Stranger(..) | Session::Leaving(_) => None,
        }
    }
}
