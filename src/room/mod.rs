//! The pure half: what the group decides, and what each connection is owed. It has no sockets, clock, disk, threads,
//! randomness, hash maps or log macros.
//!
//! The shell calls [`Room::handle`] with what happened, and carries out the [`Effect`]s. Replying and broadcasting are not
//! effects but state: the shell asks [`Room::chunk`] for the next bytes that a connection is owed, and tells
//! [`Room::advance`] how many the transport took. In a turn the order is `begin_turn`, any number of `takes` and `handle`,
//! `poll_proposals`, then `chunk` and `advance`.

mod clock;
mod commands;
mod commit;
mod feed;
mod group;
mod ids;
mod interface;
mod peers;
mod proposal;
mod rate;
mod restore;
mod session;
mod transcript;
mod waits;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{CHECKED_MEMBERS_MAX, TIMEOUTS_PER_TURN};
use crate::protocol::framing::Line;
use crate::protocol::{Bye, hello};

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
    MembersNews, Proof, RefusedFor, Restored, Taken, Ticket, TokenJob, Verdict,
};
pub use crate::room::proposal::{Batch, Committed, CommittedEvent, ProposalTicket, Proposer};
pub use crate::room::restore::Config;
pub use crate::room::transcript::blocks::Block;
pub use crate::room::transcript::window::{Past, Placed, Tail, Transcript};
pub use clock::{StepBack, is_ahead, next_time};
pub use rate::Rate;

use crate::room::commands::last_minute::LastMinute;
use crate::room::group::Group;
use peers::Peers;
use session::{Ending, Session, Waiting};

/// The group and all its connections.
#[derive(Debug)]
pub struct Room {
    config: Config,
    transcript: Transcript,
    group: Group,
    peers: Peers,
    proposals: commit::Proposals,
    /// When the turn began, by the monotonic clock.
    turn_began: Duration,
    clock: clock::Clock,
    /// The transcript's end when the present pass over the receivers began.
    pass_began: Pos,
    typed: group::typed::TypedPasswords,
    /// Changes of members that [`Room::take_changed`] has not returned yet.
    changed: Vec<Changed>,
    minute: LastMinute,
}

impl Room {
    /// Handles something that happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>, effects: &mut Vec<Effect>) {
        match input {
            Input::Connected(id, since) => self.connected(since, id),
            Input::Line(Taken { conn: id, line }) => {
                self.peers.hear(now, id);
                self.line(now, id, line, effects);
            }
            Input::Eof(id) => self.end(id, Ending::AtEnd, None),
            Input::Gone(id) => self.peers.remove(id, &mut self.group),
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
            Input::Measured(id, handshaking, figures) => self.measured(now, id, handshaking, &figures),
            Input::Tick => self.tick(now, effects),
            Input::Shutdown => self.end_all(Ending::AtEnd, Bye::Shutdown),
            Input::ShutdownNow => self.end_all(Ending::AtLineEnd, Bye::Shutdown),
        }
    }

    /// Takes this line if it may be taken now. If not, [`Room::take_woken`] returns the connection when what it waits for has
    /// happened: a worker or the log has answered, replies were sent, a pass over the receivers began, or the member may send
    /// more.
    pub fn takes<'a>(&mut self, id: ConnId, line: Line<'a>) -> Option<Taken<'a>> {
        if !self.listens(id) {
            return None;
        }
        let line = line.command();
        let verb = match line {
            Line::Whole(command) => command.verb(),
            Line::TooLong(_) | Line::Cut(_) | Line::TimingMark | Line::TlsHello => None,
        };
        match self.waits_for(id, verb) {
            Waiting::No => self.pay(id, verb).then_some(Taken { conn: id, line }),
            waiting => {
                self.peers.stop(id, waiting);
                None
            }
        }
    }

    /// Whether lines of this connection are taken at present: no answer has to come first.
    pub fn listens(&self, id: ConnId) -> bool {
        self.peers.listens(id)
    }

    /// Whether nobody has logged in on this connection yet.
    pub fn is_before_login(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| matches!(peer.session, Session::BeforeLogin(..)))
    }

    /// Whether this connection waits for an answer.
    pub fn is_waiting(&self, id: ConnId) -> bool {
        self.peers.awaits_answer(id)
    }

    /// Connections that have waited, and whose lines may be taken again, or never will be.
    pub fn take_woken(&mut self) -> Vec<ConnId> {
        self.peers.take_woken()
    }

    /// Nothing can be sent to this connection any more; lines from it still count.
    pub fn discard_output(&mut self, id: ConnId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.outbox.discard_output();
        }
        self.peers.resume(id);
    }

    /// Whether no line of this connection will ever be taken again.
    pub fn is_leaving(&self, id: ConnId) -> bool {
        self.peers.is_leaving(id)
    }

    /// Begins a turn.
    pub fn begin_turn(&mut self, now: Now) {
        self.turn_began = now.mono;
        self.clock_says(now);
        if cfg!(debug_assertions) && self.group.len().max(self.peers.len()) <= CHECKED_MEMBERS_MAX {
            self.check_invariants();
        }
    }

    /// The transcript.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Changes of members since the last call.
    pub fn take_changed(&mut self) -> Vec<Changed> {
        std::mem::take(&mut self.changed)
    }

    /// Panics if an invariant does not hold. Looks at everything, so only simulations call it, and debug builds while the group
    /// is small.
    pub fn check_invariants(&self) {
        self.group.check();
        self.transcript.check();
        self.peers.check(&self.transcript);
        self.check_waits();
    }

    /// When the next [`Input::Tick`] is due, by the monotonic clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.peers.next_deadline().into_iter().chain(self.typed.retry_at()).min()
    }

    /// How many hashes of members have each cost.
    pub fn hash_costs(&self) -> &BTreeMap<HashCost, usize> {
        self.group.hash_costs()
    }

    /// The group in the file's form.
    pub fn roster(&self) -> Roster {
        self.group.roster()
    }

    fn connected(&mut self, since: Duration, id: ConnId) {
        self.peers.connect(id, since + self.config.login_timeout);
        self.reply(id, hello(self.config.line_max));
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for id in self.peers.too_late(now, TIMEOUTS_PER_TURN) {
            self.end(id, Ending::AtEnd, Some(Bye::LoginTimeout));
            effects.push(Effect::Refused(id, None, RefusedFor::Timeout));
        }
        self.peers.end_waits(now);
        self.retry_typed(now, effects);
    }

    fn reply(&mut self, id: ConnId, line: Vec<u8>) {
        self.peers.reply(id, line, &self.transcript);
    }

    fn end(&mut self, id: ConnId, ending: Ending, last_word: Option<Bye>) {
        self.peers.end(id, ending, last_word, &self.transcript, &mut self.group);
    }

    fn end_all(&mut self, ending: Ending, last_word: Bye) {
        self.peers.end_all(ending, last_word, &self.transcript, &mut self.group);
    }
}
