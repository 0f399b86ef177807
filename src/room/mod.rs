//! The pure half: what the group decides, and what each connection is owed. It has no sockets, clock, disk, threads,
//! randomness, hash maps or log macros.
//!
//! The shell calls [`Room::handle`] with what happened, and carries out the [`Effect`]s. Replying and broadcasting are not
//! effects but state: the shell asks [`Room::chunk`] for the next bytes that a connection is owed, and tells
//! [`Room::advance`] how many the transport took. In a turn the order is `begin_turn`, any number of `takes` and `handle`,
//! `poll_proposals`, then `chunk` and `advance`.
//!
//! `Room` holds the parts. All its methods are in this file, and each passes on the parts that are needed: what a command
//! does is a function of parts, so its arguments show what it may change.
//!
//! Longer than 350 lines: the shell has many questions for the room, each of a few lines.

mod clock;
mod commands;
mod commit;
mod config;
mod feed;
mod group;
mod ids;
mod interface;
mod jobs;
mod peers;
mod proposal;
mod rate;
mod restore;
mod session;
mod transcript;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{CHECKED_MEMBERS_MAX, TIMEOUTS_PER_TURN};
use crate::protocol::framing::Line;
use crate::protocol::{Bye, Code, Command, Device, Event, Mail, Request, Seq, Time, Verb, err, hello, ok};

pub use crate::room::commands::past::PastShown;
pub use crate::room::config::Config;
pub use crate::room::feed::chunk::Chunk;
pub use crate::room::feed::extent::Feed;
pub use crate::room::feed::outbox::Outbox;
pub use crate::room::group::roster::{
    Change, ChangeError, Edit, HashCost, HashError, PasswordHash, Record, Roster, SaveError, Secret,
    Standing, differences,
};
pub use crate::room::group::text::{MembersFile, Mistake};
pub use crate::room::ids::{BlockNo, ConnId, Now, Pos, Version};
pub use crate::room::interface::{
    Changed, Difference, Effect, Input, MembersNews, RecordedDevice, RefusedFor, Restored, Taken, Ticket,
};
pub use crate::room::jobs::{
    CheckFor, CheckJob, HashFor, HashJob, LocateFor, LocateJob, NewPassword, Proof, TokenJob, Verdict,
};
pub use crate::room::proposal::{Batch, Committed, CommittedEvent, ProposalTicket, Proposer};
pub use crate::room::transcript::blocks::Block;
pub use crate::room::transcript::window::{Past, Placed, Tail, Transcript};
pub use clock::{StepBack, is_ahead, next_time};
pub use rate::Rate;

use crate::room::commands::answer::Answer;
use crate::room::commands::past::first_for;
use crate::room::commands::proof::Fit;
use crate::room::commands::refused::Refused;
use crate::room::commands::{change, history, info, line, lists, login, pay, proof, skip, stats};
use crate::room::commit::Proposals;
use crate::room::feed::arrived;
use crate::room::feed::passes::Pass;
use crate::room::group::follow::members_news;
use crate::room::group::{Group, typed};
use crate::room::peers::Peers;
use crate::room::session::{Ending, Session, Waiting};

/// The group and all its connections.
#[derive(Debug)]
pub struct Room {
    config: Config,
    /// When the turn began, by the monotonic clock.
    turn_began: Duration,
    transcript: Transcript,
    pass: Pass,
    group: Group,
    proposals: Proposals,
    peers: Peers,
}

impl Room {
    /// A room with an empty transcript.
    pub fn new(config: Config, roster: Roster, effects: &mut Vec<Effect>) -> Room {
        let transcript = Transcript::new(config.window);
        Room::of(config, transcript, restore::new_group(roster), effects)
    }

    /// A room with the transcript of the files. Differences between its members and `roster` are announced as edits, made
    /// while no server was running.
    pub fn restore(
        config: Config,
        roster: &Roster,
        restored: Restored,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Room {
        let Restored { first, base, tail, members, devices } = restored;
        let transcript = Transcript::restore(config.window, first, base, tail);
        let group = restore::known_group(now, &members, devices, roster, transcript.last());
        let mut room = Room::of(config, transcript, group, effects);
        let Room { transcript, group, proposals, peers, .. } = &mut room;
        restore::follow_edits(now, members, roster, transcript, group, proposals, peers);
        typed::continue_hashing(group, effects);
        room
    }

    fn of(config: Config, transcript: Transcript, mut group: Group, effects: &mut Vec<Effect>) -> Room {
        typed::find(&mut group);
        typed::continue_hashing(&mut group, effects);
        Room {
            config,
            turn_began: Duration::ZERO,
            pass: Pass(transcript.end()),
            transcript,
            group,
            proposals: Proposals::default(),
            peers: Peers::default(),
        }
    }

    /// Allocates the tables for so many connections: growing would copy all of them in the middle of a turn, and leave holes in
    /// the heap. Unused pages cost nothing.
    pub fn reserve(&mut self, connections: usize) {
        self.peers.reserve(connections);
    }

    /// Begins a turn.
    pub fn begin_turn(&mut self, now: Now) {
        self.turn_began = now.mono;
        self.group.clock_says(now.wall);
        if cfg!(debug_assertions) && self.group.len().max(self.peers.len()) <= CHECKED_MEMBERS_MAX {
            self.check_invariants();
        }
    }

    /// Handles something that happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>, effects: &mut Vec<Effect>) {
        let Room { config, transcript, group, proposals, peers, .. } = self;
        match input {
            Input::Connected(id, since) => {
                peers.connect(id, since + config.login_timeout);
                peers.reply(id, hello(config.line_max), transcript);
            }
            Input::Line(Taken { conn: id, line }) => self.line(now, id, line, effects),
            Input::Eof(id) => peers.end(id, Ending::AtEnd, None, transcript, group),
            Input::Gone(id) => peers.remove(id, group),
            Input::Checked(job, verdict) => self.checked(now, job, verdict, effects),
            Input::Hashed(job, hash) => self.hashed(now, job, hash, effects),
            Input::Issued(TokenJob { conn, .. }, token) => {
                if peers.answer_is_awaited(conn) {
                    peers.reply(conn, ok(Verb::Token, token.expose()), transcript);
                }
            }
            Input::Members(news) => {
                members_news(now, news, transcript, group, proposals, peers, effects);
            }
            Input::Committed(committed) => {
                commit::committed(now, &committed, transcript, group, proposals, peers);
                self.continue_logins(now, effects);
                self.wake_slowed();
            }
            Input::Refused(tickets) => {
                commit::refused(&tickets, transcript, proposals, peers);
                self.continue_logins(now, effects);
                self.wake_slowed();
            }
            Input::LogFailed => {
                peers.forget_tickets();
                peers.end_all(Ending::AtLineEnd, Bye::Storage, transcript, group);
            }
            Input::Located(job, found) => {
                if peers.answer_is_awaited(job.conn) {
                    let id = job.conn;
                    let answer = history::located(job, found, transcript, group, peers);
                    effects.extend(answer.give(id, transcript, peers));
                }
            }
            Input::Block(number, block) => skip::block_answered(number, block, transcript, peers, effects),
            Input::Dropped(first, base) => transcript.set_past(first, base),
            Input::Measured(id, setting_up, figures) => {
                if peers.answer_is_awaited(id) {
                    let lines = stats::answer(now, setting_up, &figures, transcript, group, proposals, peers);
                    peers.reply(id, lines, transcript);
                }
            }
            Input::Tick => {
                for id in peers.too_late(now, TIMEOUTS_PER_TURN) {
                    peers.end(id, Ending::AtEnd, Some(Bye::LoginTimeout), transcript, group);
                    effects.push(Effect::Refused(id, None, RefusedFor::Timeout));
                }
                peers.end_waits(now);
                typed::retry(now, group, effects);
            }
            Input::Shutdown => peers.end_all(Ending::AtEnd, Bye::Shutdown, transcript, group),
            Input::ShutdownNow => peers.end_all(Ending::AtLineEnd, Bye::Shutdown, transcript, group),
        }
    }

    fn line(&mut self, now: Now, id: ConnId, line: Line<'_, Command<'_>>, effects: &mut Vec<Effect>) {
        let Room { config, transcript, group, peers, .. } = self;
        peers.hear(now, id);
        let Some(request) = line::request_of(id, line, config.line_max, transcript, group, peers) else {
            return;
        };
        let verb = request.verb();
        let answer = self.request(now, id, request, effects);
        let answer = answer.unwrap_or_else(|(code, sentence)| Answer::Lines(err(verb, code, sentence)));
        effects.extend(answer.give(id, &self.transcript, &mut self.peers));
    }

    /// What anybody may ask.
    fn request(
        &mut self,
        now: Now,
        id: ConnId,
        request: Request<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refused> {
        let Room { transcript, group, peers, .. } = self;
        match (peers.mail_of(id).cloned(), request) {
            (_, Request::Ping(text)) => Ok(Answer::Lines(lists::ping(text))),
            (_, Request::Help(about)) => Ok(Answer::Lines(lists::help(about))),
            (_, Request::Quit) => {
                peers.reply(id, ok(Verb::Quit, ""), transcript);
                peers.end(id, Ending::AtEnd, None, transcript, group);
                Ok(Answer::Given)
            }
            (None, Request::Login { mail, subscription, password }) => {
                Ok(login::login(now, id, mail, subscription, Proof::Password(password), group, peers))
            }
            (None, Request::Resume { mail, subscription, token }) => {
                Ok(login::login(now, id, mail, subscription, Proof::Token(token), group, peers))
            }
            (None, _) => Err((Code::LoginFirst, "LOGIN <mail> <secret> comes first".to_owned())),
            (Some(mail), request) => self.member_request(now, id, mail, request, effects),
        }
    }

    /// What only members may ask.
    fn member_request(
        &mut self,
        now: Now,
        id: ConnId,
        mail: Mail,
        request: Request<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refused> {
        let Room { config, transcript, group, proposals, peers, .. } = self;
        match request {
            Request::Msg(text) => {
                proposals.message(now, id, &Event::Msg { mail, text }, peers);
                Ok(Answer::Given)
            }
            Request::Who { after } => Ok(Answer::Lines(lists::who(after.as_ref(), group))),
            Request::Members { after } => Ok(Answer::Lines(lists::members(&mail, after.as_ref(), group))),
            Request::Info { seq, after } => {
                let first = first_for(&mail, config.past, transcript, group);
                let job = info::ask(id, seq, after, first, transcript)?;
                Ok(history::locate(job, transcript, group, peers))
            }
            Request::History(span) => {
                let first = first_for(&mail, config.past, transcript, group);
                Ok(history::history(id, span, first, transcript, group, peers))
            }
            Request::Skip => {
                skip::skip(id, transcript, peers, effects);
                Ok(Answer::Given)
            }
            Request::Passwd { old, new } => {
                Ok(proof::ask(id, mail, Proof::Password(old), CheckFor::Passwd(new), group))
            }
            Request::Leave => Ok(change::leave(id, mail)),
            Request::Add { mail: whom, password } => change::add(id, &mail, whom, password, group),
            Request::Reset { mail: whom, password } => change::reset(id, &mail, whom, password, group),
            Request::Remove(whom) => change::remove(id, mail, whom, group),
            Request::Stats => stats::ask(id, &mail, group),
            Request::Token => login::token(id, mail, transcript, group),
            Request::Login { .. } | Request::Resume { .. } => {
                Err((Code::AlreadyLoggedIn, format!("this connection is logged in as {mail} already")))
            }
            Request::Ping(_) | Request::Help(_) | Request::Quit => {
                unreachable!("request() has answered these")
            }
        }
    }

    /// A password or a token was checked.
    fn checked(&mut self, now: Now, job: CheckJob, verdict: Verdict, effects: &mut Vec<Effect>) {
        let Room { config, transcript, group, proposals, peers, .. } = self;
        let fit = proof::fit(&job, verdict, transcript, group, proposals, peers);
        if matches!(fit, Fit::NotYetStored) {
            return proposals.postpone(job);
        }
        let id = job.conn;
        if peers.answer_is_awaited(id) {
            effects.extend(login::checked(now, job, fit, config, transcript, group, peers));
            peers.run_countdown(now, id);
        }
    }

    /// Continues the logins that waited for the log.
    fn continue_logins(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for job in self.proposals.take_logins() {
            self.checked(now, job, Verdict::Match, effects);
        }
    }

    /// A password was hashed; `None`: the queue was full.
    fn hashed(&mut self, now: Now, job: HashJob, hash: Option<PasswordHash>, effects: &mut Vec<Effect>) {
        let Room { transcript, group, peers, .. } = self;
        match (job.purpose, hash) {
            (HashFor::Command(id, command), hash) => {
                if peers.answer_is_awaited(id) {
                    let answer = change::hashed(id, command, hash, group, peers);
                    effects.extend(answer.give(id, transcript, peers));
                }
                return;
            }
            (HashFor::Typed { mail, version, .. }, Some(hash)) => {
                typed::hashed(mail, version, job.password, hash, transcript, group, peers);
            }
            (HashFor::Typed { mail, version, .. }, None) => typed::not_hashed(now, mail, version, group),
        }
        typed::continue_hashing(group, effects);
    }

    /// Hands the proposals of this turn to the log.
    pub fn poll_proposals(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.proposals.take_batch().map(Effect::Propose));
    }

    /// Updates a job that has waited for its turn to the present password.
    pub fn renew(&self, job: &mut CheckJob) {
        proof::renew(job, &self.group);
    }

    /// When the next [`Input::Tick`] is due, by the monotonic clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.peers.next_deadline().into_iter().chain(self.group.typed.retry_at()).min()
    }

    /// Takes this line if it may be taken now. If not, [`Room::take_woken`] returns the connection when what it waits for has
    /// happened: a worker or the log has answered, replies were sent, a pass over the receivers began, or the member may send
    /// more.
    pub fn takes<'a>(&mut self, id: ConnId, line: Line<'a>) -> Option<Taken<'a>> {
        let is_far_ahead = self.is_far_ahead();
        let Room { config, turn_began, group, peers, .. } = self;
        if !peers.listens(id) {
            return None;
        }
        let line = line.command();
        let verb = match line {
            Line::Whole(command) => command.verb(),
            Line::TooLong(_) | Line::Cut(_) | Line::TimingMark | Line::TlsHello => None,
        };
        match peers.get(id)?.waits_for(verb, is_far_ahead) {
            Waiting::No => {
                pay::pay(config.rate, *turn_began, id, verb, group, peers).then_some(Taken { conn: id, line })
            }
            waiting => {
                peers.wait(id, waiting);
                None
            }
        }
    }

    fn is_far_ahead(&self) -> bool {
        self.pass.is_far_behind(&self.transcript, self.proposals.outstanding())
    }

    /// The receivers may have caught up.
    fn wake_slowed(&mut self) {
        if !self.is_far_ahead() {
            self.peers.wake_slowed();
        }
    }

    /// Whether lines of this connection are taken at present: no answer has to come first.
    pub fn listens(&self, id: ConnId) -> bool {
        self.peers.listens(id)
    }

    /// Whether this connection waits for an answer.
    pub fn is_waiting(&self, id: ConnId) -> bool {
        self.peers.awaits_answer(id)
    }

    /// Whether no line of this connection will ever be taken again.
    pub fn is_leaving(&self, id: ConnId) -> bool {
        self.peers.is_leaving(id)
    }

    /// Whether nobody has logged in on this connection yet.
    pub fn is_before_login(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| matches!(peer.session, Session::BeforeLogin(..)))
    }

    /// Connections that have waited, and whose lines may be taken again, or never will be.
    pub fn take_woken(&mut self) -> Vec<ConnId> {
        self.peers.take_woken()
    }

    /// Connections whose block has been read: they can be served again.
    pub fn take_unblocked(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.peers.unblocked)
    }

    /// Connections whose block could not be read: they have to be closed.
    pub fn take_broken(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.peers.broken)
    }

    /// Connections of new devices. A device's first place has to be recorded, with [`Room::take_delivered`], before it is sent
    /// anything: if the place were lost, the device would later begin where the member's others are, and miss events.
    pub fn take_new_devices(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.peers.new_devices)
    }

    /// Changes of members since the last call.
    pub fn take_changed(&mut self) -> Vec<Changed> {
        self.group.take_changes()
    }

    /// The next connection that is owed something other than new events.
    pub fn pop_due(&mut self) -> Option<ConnId> {
        self.peers.pop_due()
    }

    /// Whether events have come since the last pass over the receivers began: they need another pass.
    pub fn is_pass_due(&self) -> bool {
        self.pass.is_next_due(&self.transcript)
    }

    /// Begins a pass over all receivers. It serves each of them at least up to the present end of the transcript.
    pub fn begin_pass(&mut self) {
        self.pass = Pass(self.transcript.end());
        self.wake_slowed();
    }

    /// What this connection is owed next, see [`Outbox::chunk`].
    pub fn chunk<'a>(&'a self, id: ConnId, scratch: &'a mut Vec<u8>, max: usize) -> Chunk<'a> {
        match self.peers.get(id) {
            Some(peer) => peer.outbox.chunk(&self.transcript, scratch, max),
            None => Chunk::Nothing,
        }
    }

    /// The transport has taken `n` bytes of the last chunk.
    pub fn advance(&mut self, id: ConnId, n: usize) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.outbox.advance(&self.transcript, n);
            if peer.has_waited() {
                self.peers.wake(id);
            }
        }
    }

    /// Whether [`Room::chunk`] has bytes. Cheaper than asking for them.
    pub fn is_due(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_due(&self.transcript))
    }

    /// Whether this connection is owed nothing but what the next pass serves.
    pub fn is_served(&self, id: ConnId) -> bool {
        self.peers.get(id).is_none_or(|peer| peer.outbox.is_served(self.pass.0))
    }

    /// Whether more events wait for this connection than a flood alone explains.
    pub fn is_catching_up(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_catching_up(&self.transcript))
    }

    /// Whether what this connection would get next is no longer kept.
    pub fn is_lagging(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_lagging(&self.transcript))
    }

    /// What this connection would get next was dropped from the files: it continues where the history begins now. False if it
    /// cannot, and has to be closed.
    pub fn leap(&mut self, id: ConnId) -> bool {
        self.peers.get_mut(id).is_some_and(|peer| peer.outbox.leap(&self.transcript))
    }

    /// A connection waits for this block of the files.
    pub fn wait_for_block(&mut self, id: ConnId, number: BlockNo, effects: &mut Vec<Effect>) {
        skip::wait_for_block(id, number, &mut self.transcript, effects);
    }

    /// Nothing can be sent to this connection any more; lines from it still count.
    pub fn discard_output(&mut self, id: ConnId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.outbox.discard_output();
            if peer.has_waited() {
                self.peers.wake(id);
            }
        }
    }

    /// Bytes sent to this connection, and how many of them are not acknowledged.
    pub fn bytes_sent(&self, id: ConnId) -> (u64, u64) {
        self.peers.get(id).map_or((0, 0), |peer| (peer.outbox.bytes_sent(), peer.outbox.outstanding()))
    }

    /// The peer's kernel has acknowledged `total` of all bytes sent.
    pub fn acknowledged(&mut self, now: Now, id: ConnId, total: u64) {
        arrived::acknowledged(now, id, total, &self.transcript, &mut self.group, &mut self.peers);
    }

    /// Whether acknowledgements of this connection move a device's place.
    pub fn moves_a_place(&self, id: ConnId) -> bool {
        arrived::moves_a_place(id, &self.group, &self.peers)
    }

    /// The newest connections of this member, at most `max`, and as many that are leaving.
    pub fn connections_of(&self, mail: &Mail, max: usize) -> Vec<ConnId> {
        self.group.connections_of(mail, max)
    }

    /// The last line acknowledged by a device, if the device is known.
    pub fn delivered(&self, mail: &Mail, device: &Device) -> Option<Seq> {
        self.group.delivered(mail, device)
    }

    /// The places of devices that have changed since the last call.
    pub fn take_delivered(&mut self) -> Vec<RecordedDevice> {
        self.group.take_places()
    }

    /// How far each device of these members has come.
    pub fn places_from(
        &self,
        after: Option<&Mail>,
    ) -> impl Iterator<Item = (&Mail, impl Iterator<Item = (&Device, Seq, Time)>)> {
        self.group.page(after).map(|(mail, member)| (mail, member.devices.places()))
    }

    /// Members in byte order, after `after` if it is given, and the number of each one's ADDED line, if that is known yet.
    pub fn members_from(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, Option<Seq>)> {
        self.group.page(after).map(|(mail, member)| (mail, member.added))
    }

    /// Whether the transcript has all changes of the group.
    pub fn is_group_settled(&self) -> bool {
        self.proposals.is_group_settled()
    }

    /// How many hashes of members have each cost.
    pub fn hash_costs(&self) -> &BTreeMap<HashCost, usize> {
        self.group.hash_costs()
    }

    /// The group in the file's form.
    pub fn roster(&self) -> Roster {
        self.group.roster()
    }

    /// How many members the group has.
    pub fn members(&self) -> usize {
        self.group.len()
    }

    /// How many connections are logged in.
    pub fn logged_in(&self) -> usize {
        self.peers.logged_in()
    }

    /// All connections' slots are below this.
    pub fn slots(&self) -> usize {
        self.peers.slots()
    }

    /// The transcript.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Panics if an invariant does not hold. Looks at everything, so only simulations call it, and debug builds while the group
    /// is small.
    pub fn check_invariants(&self) {
        self.group.check();
        self.transcript.check();
        self.peers.check(&self.transcript, self.is_far_ahead());
    }
}
