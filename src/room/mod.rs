//! The pure half: what the group decides, and what each connection is owed. It has no sockets, clock, disk, threads,
//! randomness, hash maps or log macros.
//!
//! The shell calls [`Room::handle`] with what happened, and carries out the [`Effect`]s. Replying and broadcasting are not
//! effects but state: the shell asks [`Room::chunk`] for the next bytes that a connection is owed, and tells
//! [`Room::advance`] how many the transport took. In a turn the order is `begin_turn`, any number of `takes` and `handle`,
//! `poll_proposals`, then `chunk` and `advance`.
//!
//! `Room` holds the parts: the group, and the feeds of its connections. All its methods are in this file, and each passes on the
//! parts that are needed: what a command does is a function of parts, so its arguments show what it may change.
//!
//! Longer than 350 lines: the shell has many questions for the room, each of a few lines.

mod clock;
mod commands;
mod config;
mod ended;
mod feed;
mod group;
mod ids;
mod interface;
mod jobs;
mod known;
mod last_minute;
mod peers;
mod proposal;
mod rate;
mod restore;
mod saving;
mod search;
mod searches;
mod session;
mod settings;
mod transcript;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{CHECKED_MEMBERS_MAX, TIMEOUTS_PER_TURN};
use crate::protocol::framing::Line;
use crate::protocol::{
    Author, Bye, Code, Command, Device, LastIs, Mail, Request, Role, Seq, Time, Verb, err, hello, ok,
};

pub use crate::protocol::Proof;
pub use crate::room::config::{Config, PastShown};
pub use crate::room::ended::Ended;
pub use crate::room::group::elsewhere::Connected;
pub use crate::room::group::inviting::Mark;
pub use crate::room::group::roster::{
    Change, ChangeError, Edit, HashCost, HashError, PasswordHash, Record, Roster, SaveError, Secret,
    Standing, differences,
};
pub use crate::room::group::text::{MembersFile, Mistake};
pub use crate::room::ids::{BlockNo, ConnId, Now, Pos, Version};
pub use crate::room::interface::{
    Changed, Chunk, Delivered, Difference, Effect, Input, MembersNews, RefusedFor, Restored, Taken, Ticket,
};
pub use crate::room::jobs::{
    CheckFor, CheckJob, FindJob, HashFor, HashJob, Invitation, InviteJob, JoinJob, LocateFor, LocateJob,
    NewPassword, TokenJob, Verdict,
};
pub use crate::room::known::{KnownGroup, KnownMember};
pub use crate::room::proposal::{Batch, Committed, CommittedEvent, LogRefusal, ProposalTicket, Proposer};
pub use crate::room::search::{Found, NoLines, Search};
pub use crate::room::settings::GroupSettings;
pub use crate::room::transcript::blocks::{Block, Missing};
pub use crate::room::transcript::window::{Placed, Tail, Transcript};
pub use clock::{StepBack, is_ahead, next_time};
pub use rate::Rate;

use crate::room::commands::answer::{Answer, Refused, admin_only};
use crate::room::commands::line::Other;
use crate::room::commands::proof::Fit;
use crate::room::commands::{agree, change, find, history, invite, line, lists, login, pay, proof, skip};
use crate::room::feed::Feeds;
use crate::room::group::follow::{decided, members_news, set_quiet_role};
use crate::room::group::member::Member;
use crate::room::group::{Group, typed};
use crate::room::ids::MemberId;
use crate::room::last_minute::LastMinute;
use crate::room::peers::Peers;
use crate::room::proposal::{Announced, Invited, Proposals, Quorum};
use crate::room::rate::Allowance;
use crate::room::session::{Countdown, Ending, Peer, Seat, Session, Waiting, seconds};

/// The group and all its connections.
#[derive(Debug)]
pub struct Room {
    config: Config,
    group: Group,
    feeds: Feeds,
}

impl Room {
    /// A room with an empty transcript.
    pub fn new(config: Config, roster: Roster, effects: &mut Vec<Effect>) -> Room {
        let mut group = Group::default();
        for (mail, record) in roster {
            group.insert(mail, record, Some(Seq(0)));
        }
        typed::continue_hashing(&mut group, effects);
        Room { config, group, feeds: Feeds::new(Transcript::new(config.window)) }
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
        let Restored { first, base, tail, group, devices } = restored;
        let mut feeds = Feeds::new(Transcript::restore(config.window, first, base, tail));
        feeds.now = now;
        let mut group = restore::known_group(group, devices, roster, &mut feeds);
        typed::continue_hashing(&mut group, effects);
        Room { config, group, feeds }
    }

    /// Allocates the tables for so many connections: growing would copy all of them in the middle of a turn, and leave holes in
    /// the heap. Unused pages cost nothing.
    pub fn reserve(&mut self, connections: usize) {
        self.feeds.peers.reserve(connections);
    }

    /// This is a node of a cluster: the others hear of who is connected, by [`Room::take_connected`].
    pub fn tell_other_nodes(&mut self) {
        self.group.tell_other_nodes();
    }

    /// Begins a turn.
    pub fn begin_turn(&mut self, now: Now) {
        self.feeds.now = now;
        self.group.clock_says(now.wall);
        if cfg!(debug_assertions) && self.group.len().max(self.feeds.peers.slots()) <= CHECKED_MEMBERS_MAX {
            self.check_invariants();
        }
    }

    /// Handles something that happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>, effects: &mut Vec<Effect>) {
        self.feeds.now = now;
        let Room { config, group, feeds } = self;
        match input {
            Input::Connected(id, since) => {
                feeds.peers.connect(id, since + config.login_timeout);
                feeds.reply(id, hello(config.line_max));
            }
            Input::Line(Taken { conn: id, line }) => self.line(id, line, effects),
            Input::Eof(id) => feeds.end(id, Ending::AtEnd, None, group),
            Input::Gone(id) => feeds.peers.remove(id, group),
            Input::Checked(job, verdict) => self.checked(job, verdict, None, effects),
            Input::Settled(job, last_is) => self.checked(job, Verdict::Match, Some(last_is), effects),
            Input::Hashed(job, hash) => self.hashed(job, hash, effects),
            Input::Issued(TokenJob { conn, .. }, token) => {
                if feeds.peers.answer_is_awaited(conn) {
                    feeds.reply(conn, ok(Verb::Token, token.expose()));
                }
            }
            Input::Invited(InviteJob { conn, mail, by, .. }, made) => {
                if feeds.peers.answer_is_awaited(conn) {
                    feeds.reply(conn, ok(Verb::Invite, made));
                    group.record_change(&mail, Difference::Invited, Author::Member(by));
                }
            }
            Input::Joining(job, hash, invitation) => {
                effects.extend(invite::joining(job, hash, invitation, group, feeds));
            }
            Input::Members(news) => {
                effects.extend(members_news(news, group, feeds));
                effects.extend(invite::make_words(config, group, feeds));
                typed::continue_hashing(group, effects);
            }
            Input::Decided(by, edit) => decided(by, edit, group, feeds),
            Input::QuietRole(mail, role) => set_quiet_role(&mail, role, group, feeds),
            Input::Places(places) => group.come_elsewhere(places, feeds.transcript.last()),
            Input::Expected(places) => group.expect_devices(places, feeds.transcript.last()),
            Input::Elsewhere(changes) => group.connected_elsewhere(changes),
            Input::Committed(committed) => {
                let before = feeds.transcript.last();
                feeds.committed(&committed, group);
                // Nothing has happened if all of it was known.
                let last = feeds.transcript.last();
                if last != before {
                    group.has_come(last);
                    self.log_has_answered(effects);
                }
            }
            Input::Refused(tickets, why) => {
                feeds.refused(&tickets, why);
                self.log_has_answered(effects);
            }
            Input::LogFailed => feeds.break_off(Bye::Storage, group),
            Input::CutOff => {
                feeds.proposals.quorum = Quorum::Lost;
                feeds.break_off(Bye::CutOff, group);
            }
            Input::Rejoined => feeds.proposals.rejoined(),
            Input::Located(job, place) => {
                let id = job.conn;
                if feeds.peers.answer_is_awaited(id) {
                    let answer = match place {
                        Some((pos, line)) => history::found(job, pos, &line, group, feeds),
                        None => history::not_found(&job, group, feeds),
                    };
                    effects.extend(answer.give(id, feeds));
                }
            }
            Input::Searched(job, is_read) => effects.extend(find::searched(job, is_read, feeds)),
            Input::Block(number, block) => {
                skip::block_answered(number, block, feeds);
                effects.extend(feeds.ask_blocks());
            }
            Input::Dropped(first, base) => feeds.transcript.set_past(first, base),
            Input::Measured(id, setting_up, figures) => {
                if feeds.peers.answer_is_awaited(id) {
                    feeds.reply(id, lists::stats(setting_up, &figures, group, feeds));
                }
            }
            Input::Tick => {
                for id in feeds.peers.too_late(now, TIMEOUTS_PER_TURN) {
                    feeds.end(id, Ending::AtEnd, Some(Bye::LoginTimeout), group);
                    effects.push(Effect::Refused(id, None, RefusedFor::Timeout));
                }
                feeds.peers.end_waits(now);
                group.typed.end_waits(now);
                typed::continue_hashing(group, effects);
            }
            Input::GivenUp => feeds.peers.forget_tickets(feeds.transcript.end()),
            Input::Shutdown(slots) => feeds.end_slots(slots, Ending::AtEnd, Bye::Shutdown, group),
            Input::ShutdownNow(slots) => feeds.end_slots(slots, Ending::AtLineEnd, Bye::Shutdown, group),
        }
    }

    fn line(&mut self, id: ConnId, line: Line<'_, Command<'_>>, effects: &mut Vec<Effect>) {
        let Room { config, group, feeds } = self;
        if let Some(peer) = feeds.peers.get_mut(id) {
            peer.heard = seconds(feeds.now);
        }
        match line::request_of(line, config.line_max, feeds.peers.mail_of(id).is_none()) {
            Ok((verb, request)) => {
                let answer = self.request(id, request, effects);
                let answer =
                    answer.unwrap_or_else(|(code, sentence)| Answer::Lines(err(verb, code, sentence)));
                effects.extend(answer.give(id, &mut self.feeds));
            }
            Err(Other::Nothing) => {}
            Err(Other::Answer(answer)) => feeds.reply(id, answer),
            Err(Other::End(answer)) => {
                if let Some(answer) = answer {
                    feeds.reply(id, answer);
                }
                feeds.end(id, Ending::AtEnd, Some(Bye::Protocol), group);
            }
        }
    }

    fn request(
        &mut self,
        id: ConnId,
        request: Request<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refused> {
        let Room { config, group, feeds } = self;
        let first_for = |mail: &Mail, feeds: &Feeds| group.first_for(mail, config.past, &feeds.transcript);
        match (feeds.peers.mail_of(id).cloned(), request) {
            // What anybody may ask.
            (_, Request::Ping(text)) => Ok(Answer::Lines(lists::ping(text))),
            (_, Request::Help(about)) => Ok(Answer::Lines(lists::help(about))),
            (_, Request::Quit) => {
                feeds.reply(id, ok(Verb::Quit, ""));
                feeds.end(id, Ending::AtEnd, None, group);
                Ok(Answer::Given)
            }
            (None, Request::Login { mail, .. } | Request::Join { mail, .. })
                if feeds.proposals.quorum != Quorum::Held =>
            {
                effects.push(Effect::Refused(id, Some(mail), RefusedFor::Storage));
                Err((Code::Storage, Bye::CutOff.sentence().to_owned()))
            }
            (None, Request::Login { mail, subscription, proof }) => {
                feeds.peers.stop_countdown(feeds.now, id);
                Ok(proof::ask(feeds.now.mono, id, mail, proof, CheckFor::Login(subscription), group))
            }
            (None, Request::Join { mail, word, password }) => {
                feeds.peers.stop_countdown(feeds.now, id);
                let transcript = config.transcript_id;
                Ok(Answer::Await(Effect::Join(JoinJob { conn: id, mail, word, password, transcript })))
            }
            (None, _) => Err((Code::LoginFirst, "LOGIN <mail> <secret> comes first".to_owned())),
            // What only members may ask.
            (Some(mail), Request::Msg(text)) => agree::say(id, mail, text, group, feeds),
            (Some(_), Request::Who { after }) => Ok(Answer::Lines(lists::who(after.as_ref(), group))),
            (Some(mail), Request::Members { after }) => {
                Ok(Answer::Lines(lists::members(&mail, after.as_ref(), group)))
            }
            (Some(mail), Request::Info { seq, after }) => {
                let job = LocateJob { conn: id, seq, purpose: LocateFor::Info(after) };
                history::info(job, first_for(&mail, feeds), group, feeds)
            }
            (Some(mail), Request::History(span)) => {
                Ok(history::history(id, span, first_for(&mail, feeds), group, feeds))
            }
            (Some(mail), Request::Find { before, text }) => {
                Ok(find::find(id, before, text, first_for(&mail, feeds), feeds))
            }
            (Some(_), Request::Skip) => {
                skip::skip(id, feeds);
                effects.extend(feeds.ask_blocks());
                Ok(Answer::Given)
            }
            (Some(mail), Request::Passwd { old, new }) => {
                Ok(proof::ask(feeds.now.mono, id, mail, Proof::Password(old), CheckFor::Passwd(new), group))
            }
            (Some(mail), Request::Leave) => {
                Ok(change::save(id, Verb::Leave, mail.clone(), Change::Remove { mail }))
            }
            (Some(mail), Request::Add { mail: whom, password }) => {
                change::set_password(id, &mail, NewPassword::Add(whom), password, group)
            }
            (Some(mail), Request::Invite(whom)) => invite::invite(id, mail, whom, group),
            (Some(mail), Request::Reset { mail: whom, password }) => {
                change::set_password(id, &mail, NewPassword::Reset(whom), password, group)
            }
            (Some(mail), Request::Remove(whom)) => admin_only(&mail, group)
                .map(|()| change::save(id, Verb::Remove, mail, Change::Remove { mail: whom })),
            (Some(mail), Request::Promote(whom)) => {
                change::set_role(id, Verb::Promote, mail, whom, Role::Admin, group)
            }
            (Some(mail), Request::Demote(whom)) => {
                change::set_role(id, Verb::Demote, mail, whom, Role::Member, group)
            }
            (Some(mail), Request::Name(text)) => change::set_name(id, mail, text),
            (Some(mail), Request::Title(text)) => agree::title(id, mail, text, group, feeds),
            (Some(mail), Request::Announce(mode)) => agree::announce(id, mail, mode, group, feeds),
            (Some(mail), Request::Stats) => {
                admin_only(&mail, group).map(|()| Answer::Await(Effect::Measure(id)))
            }
            (Some(mail), Request::Token) => login::token(id, mail, group, feeds),
            (Some(mail), Request::Login { .. } | Request::Join { .. }) => {
                Err((Code::AlreadyLoggedIn, format!("this connection is logged in as {mail} already")))
            }
        }
    }

    /// A password or a token was checked. `last_is`: what the log has told about what the member has said before, if it was asked.
    fn checked(
        &mut self,
        job: CheckJob,
        verdict: Verdict,
        last_is: Option<LastIs>,
        effects: &mut Vec<Effect>,
    ) {
        let Room { config, group, feeds } = self;
        let fit = proof::fit(&job, verdict, group, feeds);
        let id = job.conn;
        let is_awaited = feeds.peers.get(id).is_some_and(Peer::awaits_answer);
        if matches!(fit, Fit::NotYetStored) {
            feeds.proposals.logins.push(job);
        } else if matches!(fit, Fit::Yes(_)) && job.is_login() && last_is.is_none() && is_awaited {
            effects.push(Effect::Settle(job));
        } else if feeds.peers.answer_is_awaited(id) {
            let last_is = last_is.unwrap_or(LastIs::Certain);
            effects.extend(login::checked(job, fit, last_is, config, group, feeds));
            feeds.peers.run_countdown(feeds.now, id);
        }
    }

    /// Continues what waited for the log: logins, and messages.
    fn log_has_answered(&mut self, effects: &mut Vec<Effect>) {
        for job in std::mem::take(&mut self.feeds.proposals.logins) {
            self.checked(job, Verdict::Match, None, effects);
        }
        effects.extend(invite::make_words(&self.config, &self.group, &mut self.feeds));
        self.feeds.wake_slowed();
    }

    /// A password was hashed; `None`: the queue was full.
    fn hashed(&mut self, job: HashJob, hash: Option<PasswordHash>, effects: &mut Vec<Effect>) {
        let Room { group, feeds, .. } = self;
        match job.purpose {
            HashFor::Command(id, command) => {
                if feeds.peers.answer_is_awaited(id) {
                    let answer = change::hashed(id, command, hash, group, feeds);
                    effects.extend(answer.give(id, feeds));
                }
            }
            HashFor::Typed { mail, version, .. } => {
                typed::hashed(mail, version, job.password, hash, group, feeds);
            }
        }
        typed::continue_hashing(group, effects);
    }

    /// Hands the proposals of this turn to the log.
    pub fn poll_proposals(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.feeds.proposals.take_batch().map(Effect::Propose));
    }

    /// Updates a job that has waited for its turn to the present password.
    pub fn renew(&self, job: &mut CheckJob) {
        proof::renew(job, &self.group);
    }

    /// When the next [`Input::Tick`] is due, by the monotonic clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.feeds.peers.next_deadline().into_iter().chain(self.group.typed.retry_at()).min()
    }

    /// Takes this line if it may be taken now. If not, [`Room::take_woken`] returns the connection when what it waits for has
    /// happened: a worker or the log has answered, replies were sent, a pass over the receivers began, or the member may send
    /// more.
    pub fn takes<'a>(&mut self, id: ConnId, line: Line<'a>) -> Option<Taken<'a>> {
        let Room { config, group, feeds } = self;
        let holds_what_is_said = feeds.holds_what_is_said();
        let peer = feeds.peers.get(id).filter(|peer| peer.listens())?;
        let line = line.command();
        let verb = match line {
            Line::Whole(command) => command.verb,
            Line::TooLong(_) | Line::Cut(_) | Line::TimingMark | Line::TlsHello => None,
        };
        let waiting = match peer.waits_for(verb, holds_what_is_said) {
            Waiting::No if verb == Some(Verb::Find) && feeds.waits_for_search(id) => Waiting::Search,
            waiting => waiting,
        };
        match waiting {
            Waiting::No => {
                let is_paid = config.rate.is_none_or(|rate| pay::pay(rate, id, verb, group, feeds));
                is_paid.then_some(Taken { conn: id, line })
            }
            waiting => {
                feeds.peers.wait(id, waiting);
                None
            }
        }
    }

    /// Whether lines of this connection are taken at present: no answer has to come first.
    pub fn listens(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_some_and(Peer::listens)
    }

    /// Whether this connection waits for an answer.
    pub fn is_waiting(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_some_and(Peer::awaits_answer)
    }

    /// Whether no line of this connection will ever be taken again.
    pub fn is_leaving(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_none_or(|peer| peer.outbox.is_leaving())
    }

    /// The last words to this connection, if it is leaving with any.
    pub fn last_word(&self, id: ConnId) -> Option<Bye> {
        self.feeds.peers.get(id).and_then(|peer| peer.last_word)
    }

    /// Whether nobody has logged in on this connection yet.
    pub fn is_before_login(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_some_and(|peer| matches!(peer.session, Session::BeforeLogin(..)))
    }

    /// Connections that have waited, and whose lines may be taken again, or never will be.
    pub fn take_woken(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.feeds.peers.woken)
    }

    /// Connections whose block has been read: they can be served again.
    pub fn take_unblocked(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.feeds.peers.unblocked)
    }

    /// Connections whose block could not be read: they have to be closed.
    pub fn take_broken(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.feeds.peers.broken)
    }

    /// Connections of new devices. A device's first place has to be recorded, with [`Room::take_delivered`], before it is sent
    /// anything: if the place were lost, the device would later begin where the member's others are, and miss events.
    pub fn take_new_devices(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.feeds.peers.new_devices)
    }

    /// Where a device begins that this member has not had here; `None` if they have, or there is no place for it, or no such
    /// member. `now` is the time.
    pub fn place_of_new(&self, mail: &Mail, device: &Device, now: Time) -> Option<Delivered> {
        self.group.place_of_new(mail, device, now)
    }

    /// Changes of the group since the last call.
    pub fn take_changed(&mut self) -> Vec<Changed> {
        std::mem::take(&mut self.group.changes)
    }

    /// The next connection that is owed something other than new events.
    pub fn pop_due(&mut self) -> Option<ConnId> {
        self.feeds.peers.pop_due()
    }

    /// How many connections before login are owed something: greetings, and answers.
    pub fn due_before_login(&self) -> usize {
        self.feeds.peers.due_before_login()
    }

    /// Whether any connection is owed something other than new events.
    pub fn has_due(&self) -> bool {
        self.feeds.peers.has_due()
    }

    /// Whether events have come since the last pass over the receivers began: they need another pass.
    pub fn is_pass_due(&self) -> bool {
        self.feeds.transcript.end() > self.feeds.pass
    }

    /// Whether a flood is ahead of the receivers, so that its speakers wait for the next pass.
    pub fn is_far_ahead(&self) -> bool {
        self.feeds.is_far_ahead()
    }

    /// Begins a pass over the receivers. Each is served at least up to the present end of the transcript: in the pass, or where
    /// those are served that had more to get before.
    pub fn begin_pass(&mut self) {
        self.feeds.pass = self.feeds.transcript.end();
        self.feeds.wake_slowed();
    }

    /// What this connection is owed next, about `max` bytes at most: a slice of the transcript, or assembled in `scratch`. It stays
    /// the same until [`Room::advance`].
    pub fn chunk<'a>(&'a self, id: ConnId, scratch: &'a mut Vec<u8>, max: usize) -> Chunk<'a> {
        match self.feeds.peers.get(id) {
            Some(peer) => peer.outbox.chunk(&self.feeds.transcript, scratch, max),
            None => Chunk::Nothing,
        }
    }

    /// The transport has taken `n` bytes of the last chunk.
    pub fn advance(&mut self, id: ConnId, n: usize) {
        if let Some(peer) = self.feeds.peers.get_mut(id) {
            peer.outbox.advance(&self.feeds.transcript, n);
            if peer.has_waited() {
                self.feeds.peers.wake(id);
            }
        }
    }

    /// Whether [`Room::chunk`] has bytes. Cheaper than asking for them.
    pub fn is_due(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_some_and(|peer| peer.outbox.is_due(&self.feeds.transcript))
    }

    /// Whether this connection is owed nothing but what the next pass serves.
    pub fn is_served(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_none_or(|peer| peer.outbox.is_served(self.feeds.pass))
    }

    /// Whether more events wait for this connection than a flood alone explains.
    pub fn is_catching_up(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_some_and(|peer| peer.outbox.is_catching_up(&self.feeds.transcript))
    }

    /// Whether what this connection would get next is no longer kept.
    pub fn is_lagging(&self, id: ConnId) -> bool {
        self.feeds.peers.get(id).is_some_and(|peer| peer.outbox.is_lagging(&self.feeds.transcript))
    }

    /// What this connection would get next was dropped from the files: it continues where the history begins now. False if it
    /// cannot, and has to be closed.
    pub fn leap(&mut self, id: ConnId) -> bool {
        self.feeds.peers.get_mut(id).is_some_and(|peer| peer.outbox.leap(&self.feeds.transcript))
    }

    /// A connection waits for this block of the files.
    pub fn wait_for_block(&mut self, id: ConnId, number: BlockNo, effects: &mut Vec<Effect>) {
        self.feeds.transcript.blocks.want(number, id);
        effects.extend(self.feeds.ask_blocks());
    }

    /// Nothing can be sent to this connection any more; lines from it still count.
    pub fn discard_output(&mut self, id: ConnId) {
        if let Some(peer) = self.feeds.peers.get_mut(id) {
            peer.outbox.discard_output();
            if peer.has_waited() {
                self.feeds.peers.wake(id);
            }
        }
    }

    /// Bytes sent to this connection, and how many of them are not acknowledged.
    pub fn bytes_sent(&self, id: ConnId) -> (u64, u64) {
        self.feeds
            .peers
            .get(id)
            .map_or((0, 0), |peer| (peer.outbox.acks.sent, peer.outbox.acks.outstanding()))
    }

    /// The peer's kernel has acknowledged `total` of all bytes sent.
    pub fn acknowledged(&mut self, now: Now, id: ConnId, total: u64) {
        self.feeds.now = now;
        self.feeds.acknowledged(id, total, &mut self.group);
    }

    /// Whether acknowledgements of this connection move a device's place.
    pub fn moves_a_place(&self, id: ConnId) -> bool {
        let seat = self.feeds.peers.get(id).and_then(|peer| peer.session.seat());
        let is_here = |seat: &Seat| self.group.get(&seat.mail).is_some_and(|member| member.id == seat.member);
        seat.is_some_and(|seat| seat.device.is_some() && is_here(seat))
    }

    /// The newest connections of this member, at most `max`, and as many that are leaving.
    pub fn connections_of(&self, mail: &Mail, max: usize) -> Vec<ConnId> {
        let of = |member: &Member| member.connections().take(max).chain(member.leaving().take(max)).collect();
        self.group.get(mail).map_or(Vec::new(), of)
    }

    /// The places of devices that have changed since the last call.
    pub fn take_delivered(&mut self) -> Vec<Delivered> {
        self.group.take_places()
    }

    /// The places of devices that have moved on other nodes since the last call. What was told late, and is less than what is
    /// known, is not among them: recorded last, it would count.
    pub fn take_moved_elsewhere(&mut self) -> Vec<Delivered> {
        self.group.take_moved_elsewhere()
    }

    /// Members whose connections have changed since the last call, if other nodes are to hear of it.
    pub fn take_connected(&mut self) -> Vec<Connected> {
        self.group.take_connected()
    }

    /// How far each device of these members has come.
    pub fn places_from(
        &self,
        after: Option<&Mail>,
    ) -> impl Iterator<Item = (&Mail, impl Iterator<Item = Delivered>)> {
        self.group.page(after).map(|(mail, member)| (mail, member.devices.places(mail)))
    }

    /// How far this member's devices have come.
    pub fn places_of(&self, mail: &Mail) -> impl Iterator<Item = Delivered> {
        self.group.get(mail).into_iter().flat_map(|member| member.devices.places(mail))
    }

    /// Where this member's devices begin at the earliest that are only about to log in, here or on another node.
    pub fn expected_of(&self, mail: &Mail) -> impl Iterator<Item = Delivered> {
        self.group.get(mail).into_iter().flat_map(|member| member.devices.expected(mail))
    }

    /// Members in byte order, after `after` if it is given, and what the history knows of each; `None`: the ADDED line has no
    /// number yet.
    pub fn members_from(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, Option<KnownMember>)> {
        self.group.page(after).map(|(mail, member)| (mail, member.known()))
    }

    /// What a member is; `None` if nobody has this mail, or the password was typed and has no hash yet.
    pub fn standing(&self, mail: &Mail) -> Option<Standing> {
        let member = self.group.get(mail)?;
        match member.secret() {
            Secret::Hash(hash) => {
                Some(Standing { hash: hash.clone(), role: member.role, name: member.name.clone() })
            }
            Secret::Typed(_) => None,
        }
    }

    /// Whether the transcript has all changes of the group.
    pub fn is_group_settled(&self) -> bool {
        self.feeds.proposals.is_group_settled()
    }

    /// The admins with this mark, among them whoever has made an invitation that has it.
    pub fn admins_marked(&self, mark: Mark) -> impl Iterator<Item = &Mail> {
        self.group.inviting.admins_marked(mark)
    }

    /// Whose invitations have ended, as far as the transcript tells.
    pub fn ended(&self) -> &Ended {
        &self.group.inviting.ended
    }

    /// How many hashes of members have each cost.
    pub fn hash_costs(&self) -> &BTreeMap<HashCost, usize> {
        &self.group.costs
    }

    /// What the group has agreed on.
    pub fn settings(&self) -> &GroupSettings {
        &self.feeds.settings
    }

    /// The group in the file's form.
    pub fn roster(&self) -> Roster {
        let record = |member: &Member| Record {
            secret: member.secret().clone(),
            role: member.role,
            name: member.name.clone(),
        };
        self.group.page(None).map(|(mail, member)| (mail.clone(), record(member))).collect()
    }

    /// How many members the group has.
    pub fn members(&self) -> usize {
        self.group.len()
    }

    /// The room's figures with their names in STATS, `setting_up` connections included whose lines cannot begin yet.
    pub fn figures(&self, setting_up: usize) -> [(&'static str, u64); 5] {
        lists::own_figures(setting_up, &self.group, &self.feeds)
    }

    /// How many connections are logged in.
    pub fn logged_in(&self) -> usize {
        self.feeds.peers.logged_in
    }

    /// All connections' slots are below this.
    pub fn slots(&self) -> usize {
        self.feeds.peers.slots()
    }

    /// The transcript.
    pub fn transcript(&self) -> &Transcript {
        &self.feeds.transcript
    }

    /// Panics if an invariant does not hold. Looks at everything, so only simulations call it, and debug builds while the group
    /// is small.
    pub fn check_invariants(&self) {
        self.group.check();
        self.feeds.check();
    }
}
