//! The naive server: what every client must receive, one list of lines each. No positions, no cursors, no
//! keys: a line is appended when the log has given it its number, and a reply that comes after an own message is held until
//! the log has answered that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chat_room::protocol::Time;
use chat_room::room::LogRefusal;

use super::file::{Field, FileRoster, Row};
use super::invited::Invited;
use super::swarm::Overtaken;

pub(super) type Client = usize;

/// What the simulation calls the request for a timing mark.
pub(super) const TIMING_MARK: &str = "TIMING-MARK";
/// What answers it, without the last byte, in Latin-1.
const NO_TIMING_MARK: &str = "\u{ff}\u{fc}";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Of the feed, by its number.
    Event(u64),
    /// The OK of an own message, by its number.
    Own(u64),
    /// The same, among events that are skipped.
    Skipped(u64),
    Reply,
}

/// A line as it must come. Of refusals, greetings and last words only the beginning counts: the sentence
/// is a person's. So with `OK LOGIN`: how far back the window reaches is not the oracle's to know. So with `seen=`: any
/// time will do, and where a crash left it open, `never` too.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) kind: Kind,
}

impl Line {
    fn reply(text: impl Into<String>) -> Line {
        Line { text: text.into(), kind: Kind::Reply }
    }

    /// What it must begin with: a name comes after a time that is not known.
    pub(super) fn beginning(&self) -> &str {
        let (begins, _) = self.text.split_once(" name=").unwrap_or((&self.text, ""));
        if begins.ends_with(" seen=") || begins.ends_with(" seen") { begins } else { &self.text }
    }

    pub(super) fn fits(&self, received: &str) -> bool {
        let text = self.beginning();
        let name = &self.text[text.len()..];
        let seen = |text| received.strip_prefix(text).and_then(|rest| rest.strip_suffix(name));
        if text.ends_with(" seen=") {
            return seen(text).is_some_and(|time| Time::parse(time).is_some());
        }
        if text.ends_with(" seen") {
            let seen = seen(text).and_then(|rest| rest.strip_prefix('='));
            return seen.is_some_and(|seen| seen == "never" || Time::parse(seen).is_some());
        }
        let open = ["ERR ", "BYE ", "HELLO", "OK LOGIN ", "OK RESUME "]
            .iter()
            .any(|word| self.text.starts_with(word));
        if open { received.starts_with(&self.text) } else { received == self.text }
    }
}

#[derive(Debug)]
enum Held {
    /// An own message, TITLE or ANNOUNCE, by its verb.
    Own(&'static str),
    Reply(Line),
}

#[derive(Clone, Debug)]
pub(super) enum Pending {
    Login {
        verb: &'static str,
        mail: String,
        /// The password or the token.
        given: String,
        /// Whether it fitted when it was looked at, and as of when that was.
        fitted: bool,
        version: Option<u64>,
        device: Option<String>,
    },
    Passwd {
        old: String,
        fitted: bool,
        version: u64,
    },
    /// ADD, REMOVE, RESET, LEAVE, PROMOTE, DEMOTE, NAME, and PASSWD once its old password was right, as of then.
    Change {
        verb: &'static str,
        version: u64,
    },
    /// JOIN, until its password is hashed.
    Join {
        mail: String,
        word: String,
    },
    /// INVITE, until the ends of earlier invitations have their numbers.
    Invite {
        mail: String,
        by: String,
    },
    /// What it will be.
    Token(String),
    History {
        from: u64,
        to: u64,
    },
    Info {
        seq: u64,
        /// Those behind this mail are listed.
        after: String,
    },
    Find {
        /// What may be found: from this event on, before that.
        first: u64,
        end: u64,
        text: String,
        /// How far the thread has come; `None`: there is nothing to search.
        searched: Option<Searched>,
    },
    Stats,
    Skip,
}

/// How far a search has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Searched {
    /// Back to this event.
    pub(super) to: u64,
    /// The oldest event that is kept.
    pub(super) oldest: u64,
    /// Whether the files could be read.
    pub(super) is_read: bool,
}

/// Whether a login waits for its member's ADDED line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Postponed {
    No,
    /// Until it is stored, or is not.
    Until,
    /// It cannot be stored at present, and others come before it.
    Refused,
}

/// What has to arrive first.
#[derive(Debug)]
enum Behind {
    Lines(usize),
    Bytes(usize),
}

/// Which event is the last for a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum LastEvent {
    #[default]
    Open,
    /// Its own message that was said last, which has no number yet.
    Own,
    Is(u64),
    /// It is not told what became of its messages.
    BrokenOff,
}

#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) lines: Vec<Line>,
    held: VecDeque<Held>,
    pub(super) who: Option<String>,
    pub(super) device: Option<String>,
    /// Mail and device, also when it has left: what arrives still counts.
    seat: Option<(String, String)>,
    feed: bool,
    /// Nothing that was said before this event is ever shown to it.
    pub(super) first: u64,
    pub(super) leaving: bool,
    last_event: LastEvent,
    pub(super) pending: Option<Pending>,
    tries: u32,
    /// The feed is admitted, but its place is still looked for in the files.
    pub(super) locating: bool,
    /// Skipped: behind so many lines, everything up to this event.
    jumps: Vec<(Behind, u64)>,
    /// Events before this one are gone.
    leaped_to: u64,
    /// Lines received, the one being received included.
    pub(super) started: usize,
    /// Those that were received as a whole.
    pub(super) whole: usize,
    /// Bytes received.
    pub(super) received: usize,
}

impl Expected {
    /// Own messages before this event that are not on their way are among those that are skipped.
    fn skip_own(&mut self, first: u64) {
        for line in &mut self.lines[self.started..] {
            if let Kind::Own(seq) = line.kind
                && seq < first
            {
                line.kind = Kind::Skipped(seq);
            }
        }
    }

    /// A message of its waits, and no last word.
    fn is_unanswered(&self) -> bool {
        let waits = |held: &Held| matches!(held, Held::Own(_));
        let last = |held: &Held| matches!(held, Held::Reply(line) if line.text.starts_with("BYE "));
        self.held.iter().any(waits) && !self.held.iter().any(last)
    }

    /// It is not told what became of its messages. An answer after one that does not come would be taken for that.
    fn break_off(&mut self) {
        self.last_event = LastEvent::BrokenOff;
        for held in std::mem::take(&mut self.held) {
            if let Held::Reply(line) = held
                && line.text.starts_with("BYE ")
            {
                self.lines.push(line);
            }
        }
    }

    /// Its oldest message that waits is answered with this line, and `last` is the last event.
    fn settle(&mut self, line: Line, last: u64) {
        if self.last_event == LastEvent::BrokenOff {
            return;
        }
        assert!(matches!(self.held.pop_front(), Some(Held::Own(_))));
        self.lines.push(line);
        while let Some(Held::Reply(_)) = self.held.front() {
            let Some(Held::Reply(line)) = self.held.pop_front() else { unreachable!() };
            self.lines.push(line);
        }
        if self.last_event == LastEvent::Own && self.held.is_empty() {
            self.last_event = LastEvent::Is(last);
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    /// What stands in the file for a password.
    pub(super) stands: Field,
    /// While that is as it was typed over a hash: the hash, as long as nobody knows that it does not fit.
    pub(super) before: Option<Field>,
    /// Nobody knows whether it does.
    pub(super) is_in_doubt: bool,
    pub(super) admin: bool,
    pub(super) name: Option<String>,
    pub(super) version: u64,
}

/// Whether the node is in touch with the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Touch {
    Held,
    Lost,
    /// Found again, but messages from before have no answer.
    Unsettled,
}

/// What somebody wants to happen. The log gives it its number.
struct Proposal {
    wall_ms: u64,
    /// First word and all that follows the time.
    word: &'static str,
    rest: String,
    /// Who says it; `None`: it is a change of the group, and whether an addition, and of whom.
    author: Option<Client>,
    membership: Option<(bool, String)>,
}

impl Proposal {
    /// Whether it is about what the group agrees on.
    fn is_setting(&self) -> bool {
        matches!(self.word, "TITLED" | "ANNOUNCE")
    }
}

/// What the group has agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) title: Option<String>,
    pub(super) announce: bool,
}

impl Settings {
    /// After an event with this first word, and this after its time.
    pub(super) fn after(&self, word: &str, rest: &str) -> Settings {
        let (_, said) = rest.split_once(' ').unwrap_or_default();
        match word {
            "TITLED" => Settings { title: Some(said.to_owned()), ..self.clone() },
            "ANNOUNCE" => Settings { announce: said == "on", ..self.clone() },
            _ => self.clone(),
        }
    }

    /// The answer to whoever has changed it, and to TITLE alone.
    fn ok(&self, verb: &str) -> String {
        let title = self.title.as_ref().filter(|_| verb == "TITLE");
        format!("OK {verb}{}", title.map_or(String::new(), |title| format!(" {title}")))
    }

    /// The answer to ANNOUNCE alone.
    fn mode(&self) -> String {
        format!("OK ANNOUNCE {}", if self.announce { "on" } else { "off" })
    }
}

pub(super) struct Oracle {
    pub(super) clients: Vec<Expected>,
    /// Those whose connection is there.
    pub(super) open: BTreeSet<Client>,
    pub(super) members: BTreeMap<String, Member>,
    pub(super) versions: u64,
    /// Every event that has its number.
    pub(super) log: Vec<String>,
    /// How far each device has been acknowledged, at most.
    pub(super) arrived: BTreeMap<(String, String), u64>,
    /// Devices that a removal has made forgotten, with the number of the line that had added their member.
    forgotten: Vec<(u64, (String, String), u64)>,
    /// Devices of which a crash has left it open whether they are remembered.
    pub(super) unsure: BTreeSet<(String, String)>,
    /// The line that announced each member; `u64::MAX` while it has no number.
    pub(super) added: BTreeMap<String, u64>,
    /// Members read from that line on.
    own_past: bool,
    /// The second of the monotonic clock, and those in which an event got its number.
    pub(super) second: u64,
    pub(super) appended_at: Vec<u64>,
    /// How far each member's furthest device has come, as far as the room has heard.
    pub(super) furthest: BTreeMap<String, u64>,
    /// All tokens that were given.
    pub(super) tokens: Vec<String>,
    /// Of those that were used, which are of an earlier membership.
    pub(super) old_tokens: usize,
    /// All invitations that were given.
    pub(super) invited: Vec<Invited>,
    /// The ends of earlier ones are known from this event on.
    pub(super) ends_since: u64,
    /// Those who have joined, and words that were good once.
    pub(super) joined: usize,
    pub(super) bad_invites: usize,
    /// Right logins that came while nobody knew whether the typed password is another.
    pub(super) in_doubt: usize,
    /// PASSWD that came in between what was typed and its hash.
    pub(super) passwd_raced: usize,
    /// Answers of these kinds.
    pub(super) infos: usize,
    pub(super) member_lists: usize,
    pub(super) stats: usize,
    pub(super) finds: usize,
    /// Events that were asked for and were said before the one who asked came.
    pub(super) before: usize,
    /// What the log has not answered, in its order.
    proposals: VecDeque<Proposal>,
    pub(super) settings: Settings,
    /// Messages refused because only admins speak, TITLE and ANNOUNCE that said what was so, and those that were committed.
    pub(super) silenced: usize,
    pub(super) so_already: usize,
    pub(super) agreed: usize,
    /// The log has refused messages, and the next event will be the first change of the group that waits.
    is_stalled: bool,
    touch: Touch,
    /// Logins that were refused because of it.
    pub(super) logins_cut_off: usize,
    pub(super) failed_messages: usize,
    /// Logins whose member was another by the time of the verdict.
    pub(super) overtaken: Overtaken,
    founders: BTreeMap<String, bool>,
}

impl Oracle {
    pub(super) fn new(roster: &FileRoster, own_past: bool) -> Oracle {
        let mut oracle = Oracle {
            clients: Vec::new(),
            open: BTreeSet::new(),
            members: BTreeMap::new(),
            versions: 0,
            log: Vec::new(),
            arrived: BTreeMap::new(),
            forgotten: Vec::new(),
            unsure: BTreeSet::new(),
            added: BTreeMap::new(),
            own_past,
            second: 0,
            appended_at: Vec::new(),
            furthest: BTreeMap::new(),
            tokens: Vec::new(),
            old_tokens: 0,
            invited: Vec::new(),
            ends_since: 0,
            joined: 0,
            bad_invites: 0,
            in_doubt: 0,
            passwd_raced: 0,
            infos: 0,
            member_lists: 0,
            stats: 0,
            finds: 0,
            before: 0,
            proposals: VecDeque::new(),
            settings: Settings::default(),
            silenced: 0,
            so_already: 0,
            agreed: 0,
            is_stalled: false,
            touch: Touch::Held,
            logins_cut_off: 0,
            failed_messages: 0,
            overtaken: Overtaken::default(),
            founders: roster.iter().map(|(mail, row)| (mail.clone(), row.admin)).collect(),
        };
        for (mail, row) in roster {
            oracle.insert(mail, &row.field, row.admin);
        }
        oracle
    }

    pub(super) fn last(&self) -> u64 {
        self.log.len() as u64
    }

    /// The line that announced this member, 0 for who was there from the beginning.
    pub(super) fn added_of(&self, mail: &str) -> u64 {
        self.added.get(mail).copied().unwrap_or(0)
    }

    /// What this member may read begins with this event.
    pub(super) fn first_own(&self, mail: &str) -> u64 {
        if self.own_past { self.added_of(mail) } else { 0 }
    }

    pub(super) fn connected(&mut self) -> Client {
        let greeting = Line::reply("HELLO chat-room/");
        self.clients.push(Expected { lines: vec![greeting], ..Expected::default() });
        self.open.insert(self.clients.len() - 1);
        self.clients.len() - 1
    }

    fn push(&mut self, client: Client, line: Line) {
        let client = &mut self.clients[client];
        if client.held.is_empty() {
            client.lines.push(line);
        } else {
            client.held.push_back(Held::Reply(line));
        }
    }

    pub(super) fn reply(&mut self, client: Client, text: impl Into<String>) {
        self.push(client, Line::reply(text));
    }

    pub(super) fn is_admin(&self, client: Client) -> bool {
        let who = self.clients[client].who.as_ref();
        who.and_then(|who| self.members.get(who)).is_some_and(|member| member.admin)
    }

    /// A line was taken by the room, which has lines from `first` on.
    pub(super) fn line(&mut self, client: Client, now_ms: u64, first: u64, line: &str) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim_matches([' ', '\t']).is_empty() {
            return;
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let who = self.clients[client].who.clone();
        let words: Vec<String> = rest.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        if matches!(verb, "HISTORY" | "FIND" | "INFO" | "STATS" | "TITLE" | "ANNOUNCE") {
            assert!(!self.awaits_own(client), "client {client} is told of what it has said");
        }
        if matches!(verb, "MSG" | "TITLE" | "ANNOUNCE") {
            let waits = self.proposals.iter().any(Proposal::is_setting);
            assert!(!waits, "what may be said is decided before client {client} says it");
        }
        match (verb, who) {
            (TIMING_MARK, _) => self.reply(client, NO_TIMING_MARK),
            ("PING", _) if rest.is_empty() => self.reply(client, "OK PING"),
            ("PING", _) => self.reply(client, format!("OK PING {rest}")),
            ("QUIT", _) => {
                self.reply(client, "OK QUIT");
                self.leave_at_end(client);
            }
            ("HUGE", who) => {
                self.reply(client, "ERR HUGE too-long ");
                if who.is_none() {
                    self.reply_last(client, "BYE protocol ");
                }
            }
            ("ANNOUNCE", _) if !["", "on", "off"].contains(&rest) => {
                self.reply(client, "ERR ANNOUNCE usage ");
            }
            ("GARBAGE", _) => self.reply(client, "ERR GARBAGE unknown-command "),
            ("LOGIN" | "RESUME" | "JOIN", None) if self.touch != Touch::Held => {
                self.refuse_login(client, verb);
            }
            ("LOGIN" | "RESUME", None) => self.ask_login(client, verb, &words),
            ("JOIN", None) => {
                let (mail, word) = (words[0].clone(), words[1].clone());
                self.clients[client].pending = Some(Pending::Join { mail, word });
            }
            (verb, None) => self.reply(client, format!("ERR {verb} login-first ")),
            ("LOGIN" | "RESUME" | "JOIN", Some(_)) => {
                self.reply(client, format!("ERR {verb} already-logged-in "));
            }
            ("TOKEN", Some(who)) => self.ask_token(client, &who),
            ("MSG", Some(_)) if self.settings.announce && !self.is_admin(client) => {
                self.silenced += 1;
                self.reply(client, "ERR MSG announce-only ");
            }
            ("MSG", Some(who)) => self.propose(client, now_ms, "MSG", "MSG", format!("{who} {rest}")),
            ("TITLE" | "ANNOUNCE", Some(who)) => self.agree(client, now_ms, &who, verb, rest),
            ("WHO", Some(_)) => self.who(client),
            ("MEMBERS", Some(_)) => self.members(client, words.first().map_or("", |after| after)),
            ("STATS", Some(_)) if !self.is_admin(client) => self.reply(client, "ERR STATS admin-only "),
            ("STATS", Some(_)) => self.clients[client].pending = Some(Pending::Stats),
            ("SKIP", Some(_)) => self.clients[client].pending = Some(Pending::Skip),
            ("INFO", Some(who)) => {
                let seq = words[0].parse::<u64>().expect("a number");
                let own = self.first_own(&who);
                self.before += usize::from(seq >= first && seq < own);
                if seq < first.max(own) || seq > self.last() {
                    return self.reply(client, "ERR INFO no-such-message ");
                }
                let after = words.get(1).cloned().unwrap_or_default();
                self.clients[client].pending = Some(Pending::Info { seq, after });
            }
            ("FIND", Some(who)) => self.find(client, &who, first, &words),
            ("HISTORY", Some(who)) => self.ask_history(client, &who, first, &words),
            ("PASSWD", Some(_)) => {
                let old = words[0].clone();
                self.clients[client].pending = Some(Pending::Passwd { old, fitted: false, version: 0 });
            }
            ("LEAVE", Some(_)) => self.change(client, "LEAVE"),
            ("NAME", Some(_))
                if rest.starts_with(' ') || rest.ends_with(' ') || rest.contains(['@', '/', '\0']) =>
            {
                self.reply(client, "ERR NAME bad-name ");
            }
            ("NAME", Some(_)) => self.change(client, "NAME"),
            ("ADD" | "INVITE" | "RESET" | "REMOVE" | "PROMOTE" | "DEMOTE", Some(_))
                if !self.is_admin(client) =>
            {
                self.reply(client, format!("ERR {verb} admin-only "));
            }
            ("RESET", Some(_)) if !self.members.contains_key(&words[0]) => {
                self.reply(client, "ERR RESET no-such-member ");
            }
            ("ADD" | "INVITE" | "RESET" | "REMOVE" | "PROMOTE" | "DEMOTE", Some(_)) => {
                let all = ["ADD", "INVITE", "RESET", "REMOVE", "PROMOTE", "DEMOTE"];
                self.change(client, all.into_iter().find(|one| *one == verb).expect("one of them"));
            }
            _ => unreachable!("the simulation says nothing else: {line}"),
        }
    }

    fn ask_login(&mut self, client: Client, verb: &str, words: &[String]) {
        let (mail, device) = match words[0].split_once('/') {
            Some((mail, "-")) => (mail.to_owned(), None),
            Some((mail, device)) => (mail.to_owned(), Some(device.to_owned())),
            None => (words[0].clone(), Some(String::new())),
        };
        let (verb, given) = (if verb == "LOGIN" { "LOGIN" } else { "RESUME" }, words[1].clone());
        let (fitted, version) = (false, None);
        self.clients[client].pending = Some(Pending::Login { verb, mail, given, fitted, version, device });
        self.looks(client);
    }

    /// The client's command goes to the log, which gives its event a place, or refuses it.
    fn propose(&mut self, client: Client, now_ms: u64, verb: &'static str, word: &'static str, rest: String) {
        let author = Some(client);
        self.proposals.push_back(Proposal { wall_ms: now_ms, word, rest, author, membership: None });
        self.clients[client].held.push_back(Held::Own(verb));
    }

    /// TITLE and ANNOUNCE.
    fn agree(&mut self, client: Client, now_ms: u64, who: &str, verb: &str, rest: &str) {
        let is_title = verb == "TITLE";
        let word = if is_title { "TITLED" } else { "ANNOUNCE" };
        let (rest, proposed) = (rest.to_owned(), format!("{who} {rest}"));
        if rest.is_empty() {
            let said = if is_title { self.settings.ok("TITLE") } else { self.settings.mode() };
            self.reply(client, said);
        } else if !self.is_admin(client) {
            self.reply(client, format!("ERR {verb} admin-only "));
        } else if is_title && rest.trim() != rest {
            self.reply(client, "ERR TITLE bad-title ");
        } else if self.settings.after(word, &proposed) == self.settings {
            self.so_already += 1;
            self.reply(client, self.settings.ok(verb));
        } else {
            self.propose(client, now_ms, if is_title { "TITLE" } else { "ANNOUNCE" }, word, proposed);
        }
    }

    fn ask_history(&mut self, client: Client, who: &str, first: u64, words: &[String]) {
        let (last, own) = (self.last(), self.first_own(who));
        if words.first().is_some_and(|word| word == "SINCE") {
            let asked = words[1].parse::<u64>().expect("a number");
            self.before += usize::from(asked + 1 < own && first < own);
        }
        let first = first.max(own);
        let (from, to) = match words.first().map(String::as_str) {
            Some("SINCE") => {
                let from = (words[1].parse::<u64>().expect("a number") + 1).max(first);
                (from, last.min(from + words[2].parse::<u64>().expect("a number") - 1))
            }
            Some(n) => ((last + 1).saturating_sub(n.parse().expect("a number")).max(first), last),
            None => ((last + 1).saturating_sub(20).max(first), last),
        };
        self.clients[client].pending = Some(Pending::History { from, to });
    }

    fn refuse_login(&mut self, client: Client, verb: &str) {
        self.logins_cut_off += 1;
        self.reply(client, format!("ERR {verb} storage "));
    }

    fn change(&mut self, client: Client, verb: &'static str) {
        self.clients[client].pending = Some(Pending::Change { verb, version: 0 });
    }

    /// Whether the log has something to answer that the client has said.
    pub(super) fn awaits_own(&self, client: Client) -> bool {
        self.clients[client].held.iter().any(|held| matches!(held, Held::Own(_)))
    }

    pub(super) fn announce(&mut self, now_ms: u64, is_added: bool, by: &str, mail: &str) {
        self.proposals.push_back(Proposal {
            wall_ms: now_ms,
            word: if is_added { "ADDED" } else { "REMOVED" },
            rest: format!("{by} {mail}"),
            author: None,
            membership: Some((is_added, mail.to_owned())),
        });
        let added = self.added.get(mail).copied().unwrap_or_default();
        let of_mail = |((of, _), _): &(&(String, String), &u64)| of == mail;
        let forgotten = self.arrived.iter().filter(of_mail).map(|(key, last)| (added, key.clone(), *last));
        self.forgotten.extend(forgotten);
        self.arrived.retain(|(of, _), _| of != mail);
        self.unsure.retain(|(of, _)| of != mail);
        if is_added {
            self.added.insert(mail.to_owned(), u64::MAX);
        } else {
            self.added.remove(mail);
        }
    }

    /// Gives a member this role, and tells it if it is another.
    pub(super) fn set_role(&mut self, now_ms: u64, by: &str, mail: &str, admin: bool) {
        let Some(member) = self.members.get_mut(mail).filter(|member| member.admin != admin) else { return };
        member.admin = admin;
        self.proposals.push_back(Proposal {
            wall_ms: now_ms,
            word: if admin { "PROMOTED" } else { "DEMOTED" },
            rest: format!("{by} {mail}"),
            author: None,
            membership: None,
        });
    }

    /// Gives a member this name, or takes it, and tells it if it is another.
    pub(super) fn set_name(&mut self, now_ms: u64, by: &str, mail: &str, name: Option<&str>) {
        let Some(member) = self.members.get_mut(mail).filter(|member| member.name.as_deref() != name) else {
            return;
        };
        member.name = name.map(str::to_owned);
        let by = if by == "-" { "- " } else { "" };
        let name = name.map_or(String::new(), |name| format!(" {name}"));
        self.proposals.push_back(Proposal {
            wall_ms: now_ms,
            word: "NAMED",
            rest: format!("{by}{mail}{name}"),
            author: None,
            membership: None,
        });
    }

    /// The proposal has the next number: its line, and the answer to its author.
    fn number(&mut self, proposal: &Proposal) -> (String, String) {
        // A lead of more than a minute is a clock that was wrong.
        let last = self.log.last().and_then(|line| Time::parse(line.split(' ').nth(2)?));
        let (last, now) = (last.map_or(0, Time::unix_ms), proposal.wall_ms);
        let time = Time::from_unix_ms(if last > now + 60_000 { now } else { last.max(now) });
        let seq = self.last() + 1;
        let text = format!("{} {seq} {time} {}", proposal.word, proposal.rest);
        self.log.push(text.clone());
        self.settings = self.settings.after(proposal.word, &proposal.rest);
        let ok = match proposal.word {
            "TITLED" => self.settings.ok("TITLE"),
            "ANNOUNCE" => self.settings.ok("ANNOUNCE"),
            _ => format!("OK MSG {seq} {time}"),
        };
        (text, ok)
    }

    /// What becomes of the client's login, whose password is right, if its member's ADDED line is not durable.
    pub(super) fn postpones(&mut self, client: Client) -> Postponed {
        let Some(Pending::Login { mail, .. }) = &self.clients[client].pending else { return Postponed::No };
        let is_here = !self.clients[client].leaving && self.members.contains_key(mail);
        if !is_here || self.added_of(mail) <= self.last() {
            return Postponed::No;
        }
        if !self.is_stalled {
            return Postponed::Until;
        }
        let mut waiting = self.proposals.iter().filter(|proposal| proposal.author.is_none());
        let is_of = |change: &Proposal| change.membership.as_ref().is_some_and(|(_, of)| of == mail);
        if waiting.next().is_some_and(is_of) && !waiting.any(is_of) {
            self.added.insert(mail.clone(), self.last() + 1);
            return Postponed::No;
        }
        Postponed::Refused
    }

    /// The line that the client's login waits for could not be stored.
    pub(super) fn refuse_unstored(&mut self, client: Client) {
        if let Some(Pending::Login { verb, .. }) = self.clients[client].pending.take()
            && !self.clients[client].leaving
        {
            self.reply(client, format!("ERR {verb} storage "));
        }
    }

    /// Whether the member whom the client wants to be is another than when it asked.
    pub(super) fn is_overtaken(&self, client: Client) -> bool {
        match &self.clients[client].pending {
            Some(Pending::Login { mail, version, .. }) => {
                self.members.get(mail).map(|member| member.version) != *version
            }
            _ => false,
        }
    }

    /// A worker has checked what the client waits for. `delivered`: how far the room says that the device
    /// has come, for a login with a feed that is let in; `first`: the oldest line it still has.
    pub(super) fn checked(&mut self, client: Client, busy: bool, delivered: Option<u64>, first: u64) {
        let Some(pending) = self.clients[client].pending.take() else { return };
        if self.clients[client].leaving {
            return;
        }
        match pending {
            Pending::Login { verb, .. } if busy => self.reply(client, format!("ERR {verb} busy ")),
            Pending::Passwd { .. } if busy => self.reply(client, "ERR PASSWD busy "),
            Pending::Login { verb, mail, fitted, version, device, .. } => {
                let member = self.members.get(&mail);
                match (member.map(|member| member.version), version) {
                    (now, then) if now == then => {}
                    (None, _) => self.overtaken.removed += 1,
                    (_, None) => self.overtaken.added += 1,
                    _ => self.overtaken.changed += 1,
                }
                if !fitted || member.is_none() {
                    return self.wrong(client, verb, "bad-login");
                }
                if member.map(|member| member.version) != version {
                    return self.reply(client, format!("ERR {verb} busy "));
                }
                if member.is_some_and(|member| member.is_in_doubt) {
                    self.in_doubt += 1;
                    return self.reply(client, format!("ERR {verb} busy "));
                }
                let role = if member.is_some_and(|m| m.admin) { "admin" } else { "member" };
                let (last, own) = (self.last(), self.first_own(&mail));
                let first = first.max(own);
                let start = match (&device, delivered) {
                    (Some(device), Some(delivered)) => {
                        let key = (mail.clone(), device.clone());
                        let furthest = self.devices_of(&mail).max();
                        let is_sure = !self.unsure.remove(&key);
                        let known = self.arrived.get(&key).copied().filter(|_| is_sure);
                        let beginning = self.added.get(&mail).map_or(0, |added| added.saturating_sub(1));
                        // Nobody has a claim to what was said before their own ADDED line, nor to what is gone.
                        let most = known.or(furthest).unwrap_or(beginning).max(beginning).max(first - 1);
                        assert!(delivered <= most, "{mail}/{device} never had {delivered}, {most} at most");
                        self.arrived.insert((mail.clone(), device.clone()), delivered);
                        delivered.max(first - 1).min(last)
                    }
                    (None, None) => last,
                    _ => panic!("only a feed has a place: {device:?} {delivered:?}"),
                };
                let missed = last - start;
                self.reply(
                    client,
                    format!(
                        "OK {verb} {mail} role={role} last={last} missed={missed} first={first} transcript="
                    ),
                );
                let missed: Vec<Line> = (start..last)
                    .map(|index| {
                        let text = self.log[usize::try_from(index).expect("few")].clone();
                        Line { text, kind: Kind::Event(index + 1) }
                    })
                    .collect();
                let expected = &mut self.clients[client];
                expected.seat = device.clone().map(|device| (mail.clone(), device));
                expected.who = Some(mail);
                expected.first = own;
                expected.feed = device.is_some();
                expected.device = device;
                // What came before the feed's beginning is forgotten, and so is not waited for.
                expected.jumps.push((Behind::Lines(expected.lines.len()), start));
                expected.lines.extend(missed);
            }
            Pending::Passwd { fitted, version, .. } => {
                let who = self.clients[client].who.clone().expect("only members change a password");
                if !fitted {
                    return self.wrong(client, "PASSWD", "bad-login");
                }
                if self.members[&who].version != version {
                    self.passwd_raced += 1;
                    return self.reply(client, "ERR PASSWD busy ");
                }
                self.clients[client].pending = Some(Pending::Change { verb: "PASSWD", version });
            }
            Pending::Change { .. }
            | Pending::Token(_)
            | Pending::Join { .. }
            | Pending::Invite { .. }
            | Pending::History { .. }
            | Pending::Info { .. }
            | Pending::Find { .. }
            | Pending::Stats
            | Pending::Skip => {
                unreachable!("these are not checked")
            }
        }
    }

    pub(super) fn wrong(&mut self, client: Client, verb: &str, code: &str) {
        self.reply(client, format!("ERR {verb} {code} "));
        self.clients[client].tries += 1;
        if self.clients[client].tries == 3 {
            self.reply_last(client, "BYE bad-login ");
        }
    }

    fn reply_last(&mut self, client: Client, text: &str) {
        self.leave_at_end(client);
        self.reply(client, text);
    }

    /// A worker had no place to hash a password for the client.
    pub(super) fn hash_busy(&mut self, client: Client) {
        if let Some(Pending::Change { verb, .. }) = self.clients[client].pending.take()
            && !self.clients[client].leaving
        {
            self.reply(client, format!("ERR {verb} busy "));
        }
    }

    /// A password was hashed; whether the change goes on to the file.
    pub(super) fn hash_done(&mut self, client: Client) -> bool {
        let Some(Pending::Change { verb, version }) = self.clients[client].pending else { return false };
        if self.clients[client].leaving {
            self.clients[client].pending = None;
            return false;
        }
        let who = self.clients[client].who.as_ref();
        let current = who.and_then(|who| self.members.get(who)).map(|member| member.version);
        if verb == "PASSWD" && current != Some(version) {
            self.clients[client].pending = None;
            self.passwd_raced += 1;
            self.reply(client, "ERR PASSWD busy ");
            return false;
        }
        if verb != "PASSWD" && !self.is_admin(client) {
            self.clients[client].pending = None;
            self.reply(client, format!("ERR {verb} admin-only "));
            return false;
        }
        true
    }

    /// The file has answered the client's change: made, or refused with a code. `by` asked for it.
    pub(super) fn saved(
        &mut self,
        client: Client,
        now_ms: u64,
        by: &str,
        change: &FileChange,
        code: Option<&str>,
    ) {
        let pending = self.clients[client].pending.take();
        let awaited = pending.is_some() && !self.clients[client].leaving;
        let verb = change.verb;
        if let Some(code) = code {
            if awaited && (verb, code) == ("JOIN", "bad-invite") {
                self.bad_invites += 1;
                self.wrong(client, verb, code);
            } else if awaited {
                self.passwd_raced += usize::from((verb, code) == ("PASSWD", "busy"));
                self.reply(client, format!("ERR {verb} {code} "));
            }
            return;
        }
        if awaited && verb == "INVITE" {
            let (mail, by) = (change.whom.clone(), by.to_owned());
            self.clients[client].pending = Some(Pending::Invite { mail, by });
        } else if awaited {
            self.reply(
                client,
                match verb {
                    "LEAVE" | "PASSWD" | "NAME" => format!("OK {verb}"),
                    _ => format!("OK {verb} {}", change.whom),
                },
            );
        }
        let whom = change.whom.clone();
        if let Some(made) = change.made {
            self.has_joined(&whom, by, made);
        }
        match verb {
            "INVITE" => {
                if self.members.contains_key(&whom) {
                    self.take_out(now_ms, &whom, "-", "removed");
                }
            }
            "ADD" | "JOIN" => {
                if self.members.contains_key(&whom) {
                    self.take_out(now_ms, &whom, "-", "removed");
                }
                self.announce(now_ms, true, by, &whom);
                let stands = change.stands.clone().expect("ADD has one");
                self.insert(&whom, &stands, false);
            }
            "REMOVE" | "LEAVE" => {
                if !self.members.contains_key(&whom) {
                    self.announce(now_ms, true, "-", &whom);
                }
                self.take_out(now_ms, &whom, by, if verb == "LEAVE" { "left" } else { "removed" });
            }
            "PROMOTE" => self.set_role(now_ms, by, &whom, true),
            "DEMOTE" => self.set_role(now_ms, by, &whom, false),
            "NAME" => self.set_name(now_ms, by, &whom, change.name.as_deref()),
            "RESET" | "PASSWD" => {
                let stands = change.stands.clone().expect("a new one");
                self.new_password(&whom, stands, Some(client));
            }
            _ => panic!("{verb} changes no member"),
        }
    }

    pub(super) fn take_out(&mut self, now_ms: u64, mail: &str, by: &str, why: &str) {
        self.announce(now_ms, false, by, mail);
        self.members.remove(mail);
        // Whoever is leaving, and waits for the answer to their last message, gets nothing that is said from now on.
        let last = self.last();
        let is_theirs = |client: &&mut Expected| client.seat.as_ref().is_some_and(|(of, _)| of == mail);
        for client in self.clients.iter_mut().filter(is_theirs) {
            if client.last_event == LastEvent::Own {
                client.last_event = LastEvent::Is(last);
            }
        }
        self.cut(mail, why, None);
    }

    /// The rest of the line that is on its way, the answers that are owed, the last word. Whoever may come back is told no number
    /// after one that was left out.
    pub(super) fn cut(&mut self, mail: &str, why: &str, spared: Option<Client>) {
        for client in 0..self.clients.len() {
            if self.clients[client].who.as_deref() == Some(mail) && Some(client) != spared {
                if !["removed", "left"].contains(&why) {
                    self.drop_later_answers(client);
                }
                self.drop_unseen_events(client);
                self.forget(client);
                self.reply(client, format!("BYE {why} "));
            }
        }
    }

    /// The feed ends here: own messages behind events that are not sent yet are not answered, nor those without a number, nor what
    /// comes after them.
    fn drop_later_answers(&mut self, client: Client) {
        let client = &mut self.clients[client];
        if !client.feed || client.locating {
            return;
        }
        let started = client.started;
        let begun = client.lines[..started].last().filter(|_| client.whole < started);
        let has_begun =
            begun.is_some_and(|line| matches!(line.kind, Kind::Event(seq) if seq >= client.leaped_to));
        let (mut index, mut has_hole, mut is_over) = (0, has_begun, false);
        client.lines.retain(|line| {
            index += 1;
            if index <= started {
                return true;
            }
            has_hole |= matches!(line.kind, Kind::Event(_));
            is_over |= has_hole && matches!(line.kind, Kind::Own(_));
            !is_over || line.text.starts_with("BYE ")
        });
        if is_over || client.held.iter().any(|held| matches!(held, Held::Own(_))) {
            client.break_off();
        }
    }

    fn drop_unseen_events(&mut self, client: Client) {
        let client = &mut self.clients[client];
        let mut index = 0;
        let started = client.started;
        client.lines.retain(|line| {
            index += 1;
            index <= started || !matches!(line.kind, Kind::Event(_))
        });
        client.feed = false;
    }

    fn forget(&mut self, client: Client) {
        let client = &mut self.clients[client];
        client.who = None;
        client.device = None;
        client.leaving = true;
    }

    /// End of input, or QUIT: everything up to now, and up to the last own message.
    pub(super) fn leave_at_end(&mut self, client: Client) {
        if self.awaits_own(client) {
            self.clients[client].last_event = LastEvent::Own;
        } else {
            self.clients[client].last_event = LastEvent::Is(self.last());
        }
        self.forget(client);
    }

    /// The server stops: this client gets what is durable and its answers, then the last word.
    pub(super) fn stop(&mut self, client: Client) {
        if !self.clients[client].leaving {
            if self.clients[client].locating {
                self.drop_unseen_events(client);
            }
            self.reply_last(client, "BYE shutdown ");
        }
    }

    /// The server stops now: what is not on its way to this client is not sent, but answers.
    pub(super) fn stop_now(&mut self, client: Client) {
        self.drop_later_answers(client);
        self.drop_unseen_events(client);
        if !self.clients[client].leaving {
            self.forget(client);
            self.reply(client, "BYE shutdown ");
        }
    }

    /// The connection is gone.
    pub(super) fn gone(&mut self, client: Client) {
        self.open.remove(&client);
        self.drop_unseen_events(client);
        self.forget(client);
    }

    /// The log has given the first `count` proposals their numbers.
    pub(super) fn committed(&mut self, count: usize) {
        self.is_stalled = false;
        for _ in 0..count {
            let proposal = self.proposals.pop_front().expect("it was proposed");
            self.commit(proposal);
        }
    }

    /// A change of the group has its place before all messages that wait.
    pub(super) fn change_committed(&mut self) {
        let change = self.proposals.iter().position(|proposal| proposal.author.is_none());
        let change = change.and_then(|at| self.proposals.remove(at)).expect("it was proposed");
        self.commit(change);
    }

    /// Another node's member says something, or an admin there something about the group.
    pub(super) fn said_elsewhere(&mut self, wall_ms: u64, word: &'static str, rest: String) {
        self.commit(Proposal { wall_ms, word, rest, author: None, membership: None });
    }

    fn commit(&mut self, proposal: Proposal) {
        let (text, ok) = self.number(&proposal);
        self.agreed += usize::from(proposal.is_setting());
        let is_shown_to_its_author = proposal.is_setting();
        let (Proposal { author, membership, .. }, seq) = (proposal, self.last());
        self.appended_at.push(self.second);
        if let Some((true, mail)) = membership {
            let of_mail = |later: &Proposal| later.membership.as_ref().is_some_and(|(_, of)| *of == mail);
            if !self.proposals.iter().any(of_mail) && self.members.contains_key(&mail) {
                self.added.insert(mail, seq);
            }
        }
        for client in 0..self.clients.len() {
            let expected = &mut self.clients[client];
            if author == Some(client) {
                let kind = if is_shown_to_its_author { Kind::Reply } else { Kind::Own(seq) };
                expected.settle(Line { text: ok.clone(), kind }, seq);
            }
            if (author != Some(client) || is_shown_to_its_author)
                && expected.feed
                && !matches!(expected.last_event, LastEvent::Is(last) if last < seq)
            {
                let kind = Kind::Event(seq);
                expected.lines.push(Line { text: text.clone(), kind });
            }
        }
        self.settled();
    }

    /// What the group would have agreed on after the first that waits, if that is a TITLE or ANNOUNCE.
    pub(super) fn asked_first(&self) -> Option<Settings> {
        let first = self.proposals.front().filter(|proposal| proposal.is_setting())?;
        Some(self.settings.after(first.word, &first.rest)).filter(|after| *after != self.settings)
    }

    /// What is to be said of the first message that waits, or TITLE, or ANNOUNCE, in its place, if that is not its event.
    pub(super) fn refusal(&self) -> Option<LogRefusal> {
        let proposal = self.proposals.front().expect("it was proposed");
        let who = proposal.rest.split(' ').next().expect("an author");
        let is_admin = self.members.get(who).map(|member| member.admin);
        match (proposal.word, is_admin) {
            ("MSG", None) => Some(LogRefusal::NotAMember),
            ("MSG", Some(false)) if self.settings.announce => Some(LogRefusal::AnnounceOnly),
            ("MSG", Some(_)) => None,
            (_, None | Some(false)) => Some(LogRefusal::NotAllowed),
            (word, Some(true)) => {
                (self.settings.after(word, &proposal.rest) == self.settings).then_some(LogRefusal::SoAlready)
            }
        }
    }

    /// And that is said.
    pub(super) fn refused_first(&mut self, why: LogRefusal) {
        let proposal = self.proposals.pop_front().expect("it was proposed");
        let verb = if proposal.word == "TITLED" { "TITLE" } else { proposal.word };
        let said = match why {
            LogRefusal::NotAMember => format!("ERR {verb} no-such-member "),
            LogRefusal::AnnounceOnly => format!("ERR {verb} announce-only "),
            LogRefusal::NotAllowed => format!("ERR {verb} admin-only "),
            LogRefusal::SoAlready => self.settings.ok(verb),
            LogRefusal::Storage | LogRefusal::TooLong => unreachable!("not for what it says"),
        };
        let (client, last) = (proposal.author.expect("only what clients say waits"), self.last());
        self.clients[client].settle(Line::reply(said), last);
        self.settled();
    }

    /// The node is cut off: whoever is there, or has half-closed and waits for an answer, is sent to another, and not told what
    /// became of their messages.
    pub(super) fn cut_off(&mut self) {
        self.touch = Touch::Lost;
        for client in 0..self.clients.len() {
            let is_unanswered = self.open.contains(&client) && self.clients[client].is_unanswered();
            self.drop_later_answers(client);
            self.drop_unseen_events(client);
            self.clients[client].break_off();
            if !self.clients[client].leaving || is_unanswered {
                self.forget(client);
                self.reply(client, "BYE cut-off ");
            }
        }
    }

    pub(super) fn rejoined(&mut self) {
        self.touch = Touch::Unsettled;
        self.settled();
    }

    fn settled(&mut self) {
        if self.touch == Touch::Unsettled && self.proposals.is_empty() {
            self.touch = Touch::Held;
        }
    }

    /// The log takes no messages: those that were said and have no number will never have one. Changes of the group wait.
    pub(super) fn refused(&mut self) {
        let before = self.proposals.len();
        self.proposals.retain(|proposal| proposal.author.is_none());
        self.failed_messages += before - self.proposals.len();
        self.is_stalled = !self.proposals.is_empty();
        let last = self.last();
        for client in &mut self.clients {
            for held in std::mem::take(&mut client.held) {
                client.lines.push(match held {
                    Held::Own(verb) => Line::reply(format!("ERR {verb} storage ")),
                    Held::Reply(line) => line,
                });
            }
            if client.last_event == LastEvent::Own {
                client.last_event = LastEvent::Is(last);
            }
        }
        self.settled();
    }

    /// Changes of the group that have no number yet: their first words, and of whom they are.
    pub(super) fn changes_waiting(&self) -> impl Iterator<Item = (&str, &str)> {
        let changes = self.proposals.iter().filter(|proposal| proposal.author.is_none());
        changes.map(|change| (change.word, change.rest.split(' ').nth(1).unwrap_or_default()))
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    fn devices_of(&self, mail: &str) -> impl Iterator<Item = u64> {
        self.arrived.iter().filter(move |((of, _), _)| of == mail).map(|(_, seq)| *seq)
    }

    /// So many lines of the client have been acknowledged, whole ones.
    pub(super) fn acknowledged(&mut self, client: Client, lines: usize, bytes: usize) {
        let expected = &self.clients[client];
        let Some((who, device)) = &expected.seat else { return };
        let last = expected.lines[..lines].iter().filter_map(|line| match line.kind {
            Kind::Event(seq) | Kind::Own(seq) | Kind::Skipped(seq) => Some(seq),
            Kind::Reply => None,
        });
        let skipped = expected.jumps.iter().filter(|(behind, _)| match behind {
            Behind::Lines(behind) => *behind <= lines,
            Behind::Bytes(behind) => *behind <= bytes,
        });
        let skipped = skipped.map(|(_, seq)| *seq);
        let last = last.chain(skipped);
        if let (Some(last), Some(arrived)) =
            (last.max(), self.arrived.get_mut(&(who.clone(), device.clone())))
        {
            *arrived = last.max(*arrived);
        }
    }

    /// The client waits for nothing any more: HISTORY, FIND, INFO, TOKEN or SKIP is answered, if it was that.
    pub(super) fn answered(&mut self, client: Client) {
        let (from, to) = match self.clients[client].pending.take() {
            Some(Pending::History { from, to }) => (from, to),
            Some(Pending::Skip) => return self.skipped(client),
            Some(Pending::Token(token)) => {
                self.tokens.push(token.clone());
                return self.reply(client, format!("OK TOKEN {token}"));
            }
            Some(Pending::Info { seq, after }) => return self.informed(client, seq, &after),
            Some(Pending::Stats) => return self.measured(client),
            Some(Pending::Find { first, end, text, searched }) => {
                return self.found(client, first, end, &text, searched);
            }
            _ => return,
        };
        let last = self.last();
        if from <= to {
            self.reply(client, format!("HISTORY {from} {to}"));
            for index in from - 1..to {
                let line = self.log[usize::try_from(index).expect("few")].clone();
                self.reply(client, line);
            }
        }
        self.reply(client, format!("OK HISTORY {} last={last}", (to + 1).saturating_sub(from)));
    }

    /// Events before this one that are not on their way are gone.
    pub(super) fn leaped(&mut self, client: Client, first: u64) {
        let expected = &mut self.clients[client];
        expected.jumps.push((Behind::Bytes(expected.received), first - 1));
        expected.leaped_to = first;
        let (mut index, started) = (0, expected.started);
        expected.lines.retain(|line| {
            index += 1;
            index <= started || !matches!(line.kind, Kind::Event(seq) if seq < first)
        });
        expected.skip_own(first);
    }

    /// Events that are not on their way are not shown.
    fn skipped(&mut self, client: Client) {
        let last = self.last();
        let expected = &mut self.clients[client];
        // A reply that is on its way does not keep the cursor from moving, an event does, unless it is gone.
        let on_its_way = expected.started.checked_sub(1).map(|index| expected.lines[index].kind);
        let behind = if matches!(on_its_way, Some(Kind::Event(seq)) if seq >= expected.leaped_to) {
            Behind::Lines(expected.started)
        } else {
            Behind::Bytes(expected.received)
        };
        expected.jumps.push((behind, last));
        let (mut index, started, before) = (0, expected.started, expected.lines.len());
        expected.lines.retain(|line| {
            index += 1;
            index <= started || !matches!(line.kind, Kind::Event(_))
        });
        expected.skip_own(last + 1);
        let count = before - expected.lines.len();
        // What follows is behind what was skipped, whatever arrives before.
        self.reply(client, format!("OK SKIP {count}"));
    }

    /// The process died and another one begins: up to `last` the log has survived, and so has what the file
    /// says. Nobody was told of more.
    pub(super) fn restart(&mut self, last: u64, wall_ms: u64, file: &FileRoster) {
        self.settings = Settings::default();
        for line in &self.log {
            let mut words = line.splitn(4, ' ');
            let (word, rest) = (words.next().expect("a word"), words.nth(2).unwrap_or_default());
            self.settings = self.settings.after(word, rest);
        }
        while self.last() < last {
            let proposal = self.proposals.pop_front().expect("it was proposed");
            self.number(&proposal);
        }
        self.touch = Touch::Held;
        self.proposals.clear();
        self.is_stalled = false;
        let noted = self.group_of_log();
        // A removal that did not survive has not happened: the devices may be remembered. Or they are not, and begin
        // where the member's furthest device is, one of after the removal too.
        let mut forgotten = std::mem::take(&mut self.forgotten);
        forgotten.retain(|(added, (mail, _), _)| noted.get(mail).is_some_and(|noted| noted.added == *added));
        for (_, key, arrived) in &forgotten {
            self.unsure.insert(key.clone());
            let known = self.arrived.entry(key.clone()).or_default();
            *known = (*arrived).max(*known);
        }
        for (_, key, _) in forgotten {
            let furthest = self.devices_of(&key.0).max().unwrap_or_default();
            self.arrived.insert(key, furthest);
        }
        for client in 0..self.clients.len() {
            self.gone(client);
            self.clients[client].pending = None;
        }
        self.members.clear();
        self.added = noted.iter().map(|(mail, noted)| (mail.clone(), noted.added)).collect();
        self.appended_at.clear();
        for (mail, Row { field, .. }) in file {
            if let Some(noted) = noted.get(mail) {
                self.insert(mail, field, noted.admin);
                self.members.get_mut(mail).expect("just inserted").name.clone_from(&noted.name);
            }
        }
        for mail in noted.keys().filter(|mail| !file.contains_key(*mail)) {
            self.announce(wall_ms, false, "-", mail);
        }
        self.file_says(wall_ms, "-", file);
    }

    /// Who is in the group by the log alone.
    pub(super) fn group_of_log(&self) -> BTreeMap<String, Noted> {
        let founder =
            |(mail, admin): (&String, &bool)| (mail.clone(), Noted { added: 0, admin: *admin, name: None });
        let mut group: BTreeMap<String, Noted> = self.founders.iter().map(founder).collect();
        for (index, line) in self.log.iter().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "ADDED" => {
                    let added = index as u64 + 1;
                    group.insert(words[4].to_owned(), Noted { added, admin: false, name: None });
                }
                "REMOVED" => {
                    group.remove(words[4]);
                }
                "PROMOTED" | "DEMOTED" => {
                    group.get_mut(words[4]).expect("a member's role").admin = words[0] == "PROMOTED";
                }
                "NAMED" => {
                    let whose = 3 + usize::from(words[3] == "-");
                    let name = words[whose + 1..].join(" ");
                    let name = Some(name).filter(|name| !name.is_empty());
                    group.get_mut(words[whose]).expect("a member's name").name = name;
                }
                _ => {}
            }
        }
        group
    }
}

/// A member by the log alone.
pub(super) struct Noted {
    /// The line that announced them; 0: none.
    pub(super) added: u64,
    pub(super) admin: bool,
    pub(super) name: Option<String>,
}

/// What a token is here: it tells for whom it was made, which line had added them, and of which hash.
pub(super) fn token(mail: &str, added: u64, hash: &Field) -> String {
    format!("{}{added}{}", token_head(mail), token_tail(hash))
}

pub(super) fn token_head(mail: &str) -> String {
    format!("{}-", mail.replace('@', "_"))
}

pub(super) fn token_tail(hash: &Field) -> String {
    let Field::Hash(password, salt) = hash else { panic!("no token is of what was typed") };
    format!("-{password}-{salt}")
}

/// A change of the file, as the simulation's file understands it.
#[derive(Clone, Debug)]
pub(super) struct FileChange {
    pub(super) verb: &'static str,
    pub(super) whom: String,
    pub(super) stands: Option<Field>,
    pub(super) name: Option<String>,
    /// By an invitation, which was made after this event.
    pub(super) made: Option<u64>,
}
