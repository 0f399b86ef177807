//! Conversations with a room, as data. The threads are played here: they answer at once, unless the conversation says
//! otherwise, and say what the real ones would. One step a line:
//!
//! - `ann> TEXT`: Ann sends a line; her first one connects her. `⊙` in it asks for a timing mark.
//! - `ann< TEXT`: the next line she receives. `<time>` stands for any time, `…` for the rest; `⊙` is the answer to a
//!   timing mark.
//! - `ann has nothing` more; `ann is closed`, and has nothing more.
//! - `ann takes` ten bytes of what she is owed; `ann ends` her input; `ann breaks` her connection.
//! - `due: ann`: the last who became due since this was asked before. `pass` begins one; `served: ann bob` are those who
//!   are owed nothing but what the next pass serves.
//! - `disk holds|stores|fails`, `clock +SECONDS`, `wall TIME`, `stop`.
//! - `hashes hold`: passwords and tokens wait in the queue. `hashes begin`: those that wait are checked or hashed as the
//!   group stands now, and their answers wait. `hashes go`: all are answered. `tokens go`: the tokens among those that
//!   wait are answered. The token of a member who was added by line 3 ends with `-3`. The word of an invitation of Cid, by
//!   Ann and after line 3, is `cid-ann-3`.
//! - `edit: MAIL PASSWORD [admin], …` is the whole file, seen at once; `=` before a password: it is a typed one.
//!   `unseen edit: …` is seen with the next change that a command makes. `the file says: …` now.
//! - `search holds|goes|goes on|fails`: FIND waits; searches a part and all that follow, or one part; cannot search.
//! - `file holds|goes|fails|works`: changes wait, are made; fail from now on, no longer fail.
//! - At the beginning: `limits: RATE BURST CONNECTIONS` of a member; `past: all`, for everybody; `nodes`: the log is one
//!   that other nodes share. Then `disk holds` keeps what the room says from its place in it, and:
//! - `elsewhere MAIL says TEXT` on another node; `elsewhere BY makes it MAIL PASSWORD [admin]`, or `MAIL -`: removes.
//! - `elsewhere MAIL/DEVICE has NUMBER`: so far it has come there. `elsewhere recorded MAIL/DEVICE NUMBER`:
//!   the file says so here.
//! - `logins hold`: what their members said elsewhere is not settled yet. `logins go`: now it is; `logins go alone`: nobody
//!   can find that out.
//! - `the log refuses: REASON` what the room has said; `cut off`, `rejoined`.
//!
//! What comes has to fit the grammar of PROTOCOL.md.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chat_room::limits::{AHEAD_MAX, LINE_MAX_DEFAULT, OWED_ENTRY_COST, OWED_PAUSE};
use chat_room::protocol::framing::Lines;
use chat_room::protocol::{
    Author, Device, DisplayName, Event, InviteOk, InviteWord, LastIs, Mail, Password, Role, Seq, Text, Time,
    Token,
};
use chat_room::room::{
    Change, CheckJob, Chunk, Committed, Config, ConnId, Delivered, Effect, FindJob, Input, Invitation,
    InviteJob, JoinJob, LogRefusal, Mark, MembersFile, MembersNews, Now, PasswordHash, PastShown, Proof,
    Rate, Record, Room, Roster, SaveError, Secret, Ticket, Verdict, differences,
};
use chat_room::server::log::Sequencer;

use crate::grammar::fits_the_grammar;
use crate::shared_log::{SharedLog, Unnumbered};

/// `IAC DO TIMING-MARK`.
const DO_TIMING_MARK: [u8; 3] = [255, 253, 6];

pub(super) fn check(conversation: &str) {
    let mut stage = Stage::new();
    for line in conversation.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        stage.play(line);
    }
    for name in stage.people.keys().cloned().collect::<Vec<_>>() {
        let rest = stage.received(&name);
        assert!(rest.is_empty(), "{name} also received {rest:?}");
        fits_the_grammar(&stage.people[&name].sent, 0);
    }
}

struct Person {
    id: ConnId,
    lines: Lines,
    waiting: VecDeque<u8>,
    /// All that was sent.
    sent: Vec<u8>,
    closed: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "switches that a conversation throws")]
struct Stage {
    room: Room,
    effects: Vec<Effect>,
    people: BTreeMap<String, Person>,
    file: Roster,
    clock: Duration,
    wall: Time,
    disk_holds: bool,
    sequencer: Sequencer,
    /// The log instead of the sequencer, if there are other nodes.
    shared: Option<SharedLog>,
    hashes_hold: bool,
    held: Vec<Effect>,
    logins_hold: bool,
    settling: Vec<CheckJob>,
    /// What the thread has found, and has not said.
    begun: Vec<Input<'static>>,
    came: u32,
    file_fails: bool,
    file_holds: bool,
    search_holds: bool,
    search_fails: bool,
    finds: Vec<FindJob>,
    saves: Vec<(Ticket, Change)>,
    /// What was recorded of each device last.
    places: BTreeMap<(Mail, Device), Seq>,
    /// The file as it was told last.
    told: Roster,
}

impl Stage {
    fn new() -> Stage {
        let file = roster("ann@x password admin, bob@x password");
        let mut effects = Vec::new();
        Stage {
            room: Room::new(config(None, 100, PastShown::Own), file.clone(), &mut effects),
            effects,
            people: BTreeMap::new(),
            told: file.clone(),
            file,
            clock: Duration::ZERO,
            wall: Time::from_unix_ms(1_700_000_000_000),
            disk_holds: false,
            sequencer: Sequencer::new(Seq(0), Time::default()),
            shared: None,
            hashes_hold: false,
            held: Vec::new(),
            logins_hold: false,
            settling: Vec::new(),
            begun: Vec::new(),
            came: 0,
            file_fails: false,
            file_holds: false,
            search_holds: false,
            search_fails: false,
            finds: Vec::new(),
            saves: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// A room with other limits, or another past.
    fn begin_with(&mut self, what: &str) {
        let config = match PastShown::parse(what) {
            Some(past) => config(None, 100, past),
            None => {
                let limits: Vec<u32> =
                    what.split(' ').map(|n| n.parse().expect("RATE BURST CONNECTIONS")).collect();
                let [per_second, burst, connections] = limits[..] else { panic!("three numbers: {what}") };
                config(Some(Rate { per_second, burst }), connections, PastShown::Own)
            }
        };
        self.room = Room::new(config, self.file.clone(), &mut self.effects);
    }

    fn play(&mut self, line: &str) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (first, rest) {
            ("limits:" | "past:", what) => self.begin_with(what),
            ("disk", "holds") => self.disk_holds = true,
            ("disk", "stores") => {
                self.disk_holds = false;
                self.store();
            }
            ("disk", "fails") => {
                let refused = self.sequencer.failed(self.clock);
                self.handle(Input::Refused(refused, LogRefusal::Storage));
            }
            ("nodes" | "elsewhere" | "cut" | "rejoined" | "logins", _) => self.play_among_nodes(line),
            ("file", "fails") => self.file_fails = true,
            ("file", "works") => self.file_fails = false,
            ("file", "holds") => self.file_holds = true,
            ("file", "goes") => {
                self.file_holds = false;
                self.save();
            }
            ("search", what) => self.play_search(what),
            ("hashes", "hold") => self.hashes_hold = true,
            ("hashes", "begin") => {
                let begun: Vec<Input<'_>> = std::mem::take(&mut self.held)
                    .into_iter()
                    .map(|effect| self.hash_thread(effect))
                    .collect();
                self.begun.extend(begun);
            }
            ("hashes", "go") => {
                self.hashes_hold = false;
                for answer in std::mem::take(&mut self.begun) {
                    self.handle(answer);
                    self.work();
                }
                self.effects.append(&mut self.held);
            }
            ("tokens", "go") => {
                let is_token = |effect: &mut Effect| matches!(effect, Effect::Check(job) if matches!(job.proof, Proof::Token(_)));
                self.hashes_hold = false;
                self.effects.extend(self.held.extract_if(.., is_token));
                self.work();
                self.hashes_hold = true;
            }
            ("edit:", file) => {
                self.file = roster(file);
                self.look(Vec::new(), differences(&self.told, &self.file));
            }
            ("unseen", file) => self.file = roster(file.strip_prefix("edit: ").expect("an edit")),
            ("the", what) if what.starts_with("log refuses: ") => self.play_among_nodes(line),
            ("the", file) => {
                let file = file.strip_prefix("file says: ").expect("the file says");
                assert_eq!(self.file, roster(file), "{line}");
            }
            ("clock", step) => self.wait(step),
            ("wall", time) => self.wall = Time::parse(time).expect("a time"),
            ("due:", names) => {
                let due: Vec<String> = std::iter::from_fn(|| self.room.pop_due())
                    .map(|id| self.people.iter().find(|(_, p)| p.id == id).expect("one of them").0.clone())
                    .collect();
                assert_eq!(due.last().map_or("", |name| name), names, "{line}");
            }
            ("pass", "") => {
                assert!(self.room.is_pass_due(), "{line}");
                self.room.begin_pass();
            }
            ("served:", names) => {
                let served = self.people.iter().filter(|(_, person)| self.room.is_served(person.id));
                assert_eq!(served.map(|(name, _)| &name[..]).collect::<Vec<_>>().join(" "), names, "{line}");
            }
            ("stop", "") => self.handle(Input::Shutdown(0..self.room.slots())),
            (name, "takes") => {
                let id = self.person(name).id;
                let mut scratch = Vec::new();
                let Chunk::Bytes(bytes) = self.room.chunk(id, &mut scratch, 10) else { panic!("{line}") };
                let n = bytes.len();
                let person = self.people.get_mut(name).expect("it has come");
                person.waiting.extend(bytes);
                person.sent.extend(bytes);
                self.room.advance(id, n);
            }
            (name, "ends") => {
                let id = self.person(name).id;
                self.handle(Input::Eof(id));
            }
            (name, "breaks") => {
                let id = self.people.remove(name).expect("somebody who came").id;
                self.handle(Input::Gone(id));
            }
            (name, "has nothing") => assert_eq!(self.received(name), "", "{line}"),
            (name, "is closed") => {
                assert_eq!(self.received(name), "", "{line}");
                assert!(self.people[name].closed, "{line}");
            }
            (who, text) if who.ends_with('>') => self.say(&who[..who.len() - 1], text),
            (who, text) if who.ends_with('<') => self.hear(&who[..who.len() - 1], text),
            _ => panic!("nobody understands {line:?}"),
        }
        self.work();
    }

    fn play_search(&mut self, what: &str) {
        match what {
            "holds" => self.search_holds = true,
            "fails" => self.search_fails = true,
            "goes on" => self.search(),
            "goes" => {
                self.search_holds = false;
                self.search();
            }
            _ => panic!("a search {what}"),
        }
    }

    fn play_among_nodes(&mut self, line: &str) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (first, rest) {
            ("nodes", "") => self.shared = Some(SharedLog::new(Seq(0), Time::default())),
            ("elsewhere", what) => match what.strip_prefix("recorded ") {
                Some(what) => self.recorded(what),
                None => self.elsewhere(what),
            },
            ("logins", "hold") => self.logins_hold = true,
            ("logins", "go" | "go alone") => {
                self.logins_hold = false;
                let last_is = if rest == "go" { LastIs::Certain } else { LastIs::Uncertain };
                for job in std::mem::take(&mut self.settling) {
                    self.handle(Input::Settled(job, last_is));
                }
            }
            ("cut", "off") => self.handle(Input::CutOff),
            ("rejoined", "") => self.handle(Input::Rejoined),
            ("the", what) => {
                let why = match what {
                    "log refuses: storage" => LogRefusal::Storage,
                    "log refuses: not a member" => LogRefusal::NotAMember,
                    "log refuses: too long" => LogRefusal::TooLong,
                    _ => panic!("{line}"),
                };
                let refused = self.shared.as_mut().expect("other nodes").refuse_own();
                self.handle(Input::Refused(refused, why));
            }
            _ => panic!("nobody understands {line:?}"),
        }
    }

    fn wait(&mut self, step: &str) {
        let seconds = step.strip_prefix('+').and_then(|n| n.parse().ok()).expect("+SECONDS");
        self.clock += Duration::from_secs_f64(seconds);
        self.sequencer.begin(self.clock);
        self.handle(Input::Tick);
    }

    fn now(&self) -> Now {
        Now { wall: self.wall, mono: self.clock }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.room.begin_turn(self.now());
        self.room.handle(self.now(), input, &mut self.effects);
    }

    fn person(&mut self, name: &str) -> &mut Person {
        if !self.people.contains_key(name) {
            let slot = self.came;
            self.came += 1;
            let id = ConnId { slot, serial: u64::from(slot) };
            self.handle(Input::Connected(id, self.now().mono));
            let lines = Lines::new(LINE_MAX_DEFAULT);
            let person = Person { id, lines, waiting: VecDeque::new(), sent: Vec::new(), closed: false };
            self.people.insert(name.to_owned(), person);
            self.hear(name, "HELLO chat-room/…");
        }
        self.people.get_mut(name).expect("just made")
    }

    fn say(&mut self, name: &str, text: &str) {
        let pieces: Vec<&[u8]> = text.split('⊙').map(str::as_bytes).collect();
        let bytes = [&pieces.join(&DO_TIMING_MARK[..]), &b"\n"[..]].concat();
        self.person(name).lines.feed(&bytes);
    }

    fn hear(&mut self, name: &str, expected: &str) {
        self.work();
        let all = self.received(name);
        let (line, rest) = all.split_once('\n').unwrap_or((&all, ""));
        let masked = line.split(' ').map(|word| match word.split_once('=') {
            Some((name, time)) if Time::parse(time).is_some() => format!("{name}=<time>"),
            None if Time::parse(word).is_some() => "<time>".to_owned(),
            _ => word.to_owned(),
        });
        let masked: Vec<String> = masked.collect();
        let masked = masked.join(" ");
        let fits = match expected.strip_suffix('…') {
            Some(start) => masked.starts_with(start),
            None => masked == expected || line == expected,
        };
        assert!(fits, "{name} received {line:?}, not {expected:?}");
        let person = self.people.get_mut(name).expect("it has received");
        person.waiting = rest.bytes().collect();
    }

    /// Takes all that is owed, and gives all that was not heard yet.
    fn received(&mut self, name: &str) -> String {
        let person = self.people.get_mut(name).unwrap_or_else(|| panic!("nobody is called {name}"));
        let mut scratch = Vec::new();
        loop {
            match self.room.chunk(person.id, &mut scratch, 1000) {
                Chunk::Bytes(bytes) => {
                    person.waiting.extend(bytes);
                    person.sent.extend(bytes);
                    let n = bytes.len();
                    self.room.advance(person.id, n);
                }
                Chunk::Nothing => break,
                Chunk::Finished => {
                    person.closed = true;
                    break;
                }
                Chunk::Missing(_) => panic!("{name} reads all the time"),
            }
        }
        let waiting = String::from_utf8_lossy(person.waiting.make_contiguous());
        let (id, text) = (person.id, waiting.replace("\u{fffd}\u{fffd}\u{6}", "⊙\n"));
        assert!(!text.contains('\u{fffd}'), "{text:?}");
        let now = self.now();
        let (sent, _) = self.room.bytes_sent(id);
        self.room.acknowledged(now, id, sent);
        text
    }

    /// Takes lines and answers effects until nothing is left to do.
    fn work(&mut self) {
        loop {
            let now = self.now();
            self.room.begin_turn(now);
            for person in self.people.values_mut() {
                while let Some(line) = person.lines.peek() {
                    let Some(taken) = self.room.takes(person.id, line) else { break };
                    let tls = line == chat_room::protocol::framing::Line::TlsHello;
                    self.room.handle(now, Input::Line(taken), &mut self.effects);
                    if tls {
                        person.lines.clear();
                        break;
                    }
                    person.lines.consume();
                }
            }
            self.room.poll_proposals(&mut self.effects);
            if self.effects.is_empty() {
                return;
            }
            for effect in std::mem::take(&mut self.effects) {
                self.carry_out(effect);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Check(_) | Effect::Hash(_) | Effect::Join(_) if self.hashes_hold => {
                self.held.push(effect);
            }
            Effect::Check(_) | Effect::Hash(_) | Effect::Join(_) => {
                let answer = self.hash_thread(effect);
                self.handle(answer);
            }
            Effect::Settle(job) if self.logins_hold => self.settling.push(job),
            Effect::Settle(job) => self.handle(Input::Settled(job, LastIs::Certain)),
            Effect::Issue(job) => {
                let token = issue(&job.mail, &job.hash, job.added);
                self.handle(Input::Issued(job, token));
            }
            Effect::Invite(job) => {
                let made = InviteOk { word: invite(&job), page: None };
                self.handle(Input::Invited(job, made));
            }
            Effect::Save(ticket, change) => {
                self.saves.push((ticket, change));
                if !self.file_holds {
                    self.save();
                }
            }
            Effect::Propose(batch) if self.shared.is_some() => {
                let shared = self.shared.as_mut().expect("just asked");
                let changes = shared.propose(&batch);
                let committed = shared.commit(changes);
                self.commit(committed);
                if !self.disk_holds {
                    self.store();
                }
            }
            Effect::Propose(batch) => {
                self.sequencer.propose(batch);
                self.sequencer.begin(self.clock);
                if !self.disk_holds {
                    self.store();
                }
            }
            Effect::Find(job) => {
                self.finds.push(job);
                if !self.search_holds {
                    self.search();
                }
            }
            Effect::Locate(_) | Effect::Block(_) => panic!("there are no files here"),
            Effect::Refused(..) => {}
            Effect::Measure(id) => self.handle(Input::Measured(id, 0, vec![("shell", "1".to_owned())])),
        }
    }

    /// Each search goes on by a part, or cannot.
    fn search(&mut self) {
        for mut job in std::mem::take(&mut self.finds) {
            let (start, lines) = job.lines.take().expect("without files they are in the job");
            job.search.block(start, &lines, true).expect("lines");
            self.handle(Input::Searched(job, !self.search_fails));
        }
    }

    /// A job has its turn at the thread that hashes: its answer is about what stands now.
    fn hash_thread(&self, effect: Effect) -> Input<'static> {
        match effect {
            Effect::Check(mut job) => {
                if matches!(job.proof, Proof::Password(_)) {
                    self.room.renew(&mut job);
                }
                let fits = match (&job.against, &job.proof) {
                    (Some((Secret::Hash(known), _)), Proof::Password(password)) => {
                        *known == hash(password.expose())
                    }
                    (Some((Secret::Typed(typed), _)), Proof::Password(password)) => typed == password,
                    (Some((Secret::Hash(known), _)), Proof::Token(token)) => {
                        *token == issue(&job.mail, known, job.added)
                    }
                    (Some((Secret::Typed(_), _)), Proof::Token(_)) => panic!("no token is of what was typed"),
                    (None, _) => false,
                };
                let verdict = if fits { Verdict::Match } else { Verdict::NoMatch };
                Input::Checked(job, verdict)
            }
            Effect::Hash(job) => {
                // Of the same password it is the same: also that of before.
                let made = hash(job.password.expose());
                Input::Hashed(job, Some(made))
            }
            Effect::Join(job) => {
                let made = hash(job.password.expose());
                let invitation = self.read(&job);
                Input::Joining(job, Some(made), invitation)
            }
            other => panic!("no job of that thread: {other:?}"),
        }
    }

    /// What the word of an invitation says, if it is one of this mail.
    fn read(&self, job: &JoinJob) -> Option<Invitation> {
        let mut parts = job.word.expose().split('-');
        let mut part = || parts.next();
        let (mail, by, made) = (part()?, part()?, part()?.parse().ok()?);
        if format!("{mail}@x") != job.mail.as_str() || job.transcript != 7 {
            return None;
        }
        let by = self.room.admins_marked(Mark::of(&self::mail(&format!("{by}@x")))).next()?;
        Some(Invitation { by: by.clone(), made: Seq(made) })
    }

    /// The thread of the file makes the changes that wait, all at once.
    fn save(&mut self) {
        let edited = differences(&self.told, &self.file);
        let mut file = MembersFile::parse(&to_file(&self.file)).expect("a members file");
        let mut answers = Vec::new();
        for (ticket, change) in std::mem::take(&mut self.saves) {
            let failure = self.file_fails.then(|| SaveError::Storage("no room".to_owned()));
            let asked = || file.ask(&ticket.author(), &change).map_err(SaveError::Refused);
            let result = failure.map_or_else(asked, Err);
            answers.push((ticket, change, result));
        }
        self.file = file.roster();
        self.look(answers, edited);
    }

    /// The thread of the file answers. What was edited since it told something last goes along.
    fn look(&mut self, answers: Vec<(Ticket, Change, Result<(), SaveError>)>, edited: Vec<Mail>) {
        let edits = edited.into_iter().map(|mail| (mail.clone(), self.file.get(&mail).cloned())).collect();
        self.told = self.file.clone();
        self.handle(Input::Members(MembersNews { answers, edits, may_write_again: false }));
    }

    /// Checks what the file of places says of a device. Of several lines the last counts.
    fn recorded(&mut self, what: &str) {
        let moved = self.room.take_moved_elsewhere().into_iter().chain(self.room.take_delivered());
        self.places.extend(moved.map(|place| ((place.mail, place.device), place.seq)));
        let (who, seq) = what.split_once(' ').expect("MAIL/DEVICE NUMBER");
        let (who, name) = who.split_once('/').unwrap_or((who, "*"));
        let found = self.places.get(&(mail(who), device(name))).map(|seq| seq.0.to_string());
        assert_eq!(found.as_deref().unwrap_or("nowhere"), seq, "{what}");
    }

    /// Something happens on another node, and has its place in the log. The file follows it.
    fn elsewhere(&mut self, what: &str) {
        let (who, what) = what.split_once(' ').expect("MAIL says, or makes it");
        if let Some(text) = what.strip_prefix("says ") {
            let (mail, text) = (mail(who), Text::parse(text.as_bytes()).expect("a text"));
            let said = Unnumbered::of(&Event::Msg { mail, text }, self.wall);
            let committed = self.shared.as_mut().expect("other nodes").commit([said]);
            return self.commit(committed);
        }
        if let Some(names) = what.strip_prefix("is there with ") {
            let devices = names.split(' ').filter(|name| *name != "nothing").map(device).collect();
            return self.handle(Input::Elsewhere(vec![(mail(who), devices)]));
        }
        if let Some((verb @ ("has" | "begins at"), seq)) = what.rsplit_once(' ') {
            let (who, name) = who.split_once('/').unwrap_or((who, "*"));
            let seq = Seq(seq.parse().expect("a number"));
            let places = vec![Delivered { mail: mail(who), device: device(name), seq, time: self.wall }];
            let is_new = verb == "begins at";
            return self.handle(if is_new { Input::Expected(places) } else { Input::Places(places) });
        }
        if let Some(role) = what.strip_prefix("is quietly ") {
            let role = Role::parse(role).expect("a role");
            return self.handle(Input::QuietRole(mail(who), role));
        }
        let by = if who == "-" { Author::HandEdit } else { Author::Member(mail(who)) };
        let line = what.strip_prefix("makes it ").expect("says, or makes it");
        let edit = match line.strip_suffix(" -") {
            Some(gone) => (mail(gone), None),
            None => roster(line).into_iter().map(|(mail, record)| (mail, Some(record))).next().expect("one"),
        };
        for file in [&mut self.file, &mut self.told] {
            match &edit {
                (mail, Some(record)) => drop(file.insert(mail.clone(), record.clone())),
                (mail, None) => drop(file.remove(mail)),
            }
        }
        self.handle(Input::Decided(by, edit));
    }

    fn commit(&mut self, committed: Committed) {
        self.handle(Input::Committed(committed));
    }

    /// All that waits is stored.
    fn store(&mut self) {
        if let Some(shared) = &mut self.shared {
            let own = std::mem::take(&mut shared.own);
            let committed = shared.commit(own);
            return self.commit(committed);
        }
        while self.sequencer.is_storing() {
            let committed = self.sequencer.stored();
            self.handle(Input::Committed(committed));
            self.sequencer.begin(self.clock);
        }
    }
}

/// `*` is the default one.
fn device(name: &str) -> Device {
    if name == "*" { Device::Default } else { Device::parse_named(name).expect("a name") }
}

pub(super) fn config(rate: Option<Rate>, connections: u32, past: PastShown) -> Config {
    Config {
        window: 1 << 20,
        line_max: LINE_MAX_DEFAULT,
        login_timeout: Duration::from_secs(60),
        transcript_id: 7,
        rate,
        connections_per_member_max: connections as usize,
        past,
    }
}

/// A hash that is the same for the same password: the first eight bytes, in base 64 of a kind.
pub(super) fn hash(password: &str) -> PasswordHash {
    let composed = Password::parse(password.as_bytes()).map(|password| password.composed().into_owned());
    let password = composed.as_ref().map_or(password, Password::expose);
    let digits: String = password.bytes().filter(u8::is_ascii_alphanumeric).map(char::from).take(8).collect();
    let text = format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ${digits:A<43}");
    PasswordHash::parse(&text).expect("a PHC string")
}

/// A token that tells the name, the first letters of the password, and the line that added the member if there is one:
/// `ann-password`, `eve-password-3`.
fn issue(mail: &Mail, hash: &PasswordHash, added: Seq) -> Token {
    let (name, _) = mail.as_str().split_once('@').expect("a mail");
    let (_, letters) = hash.as_str().rsplit_once('$').expect("a hash");
    let added = if added == Seq(0) { String::new() } else { format!("-{added}") };
    Token::parse(format!("{name}-{}{added}", &letters[..8]).as_bytes()).expect("a token")
}

/// A word that tells who is invited, by whom, and after which line: `cid-ann-3`.
fn invite(job: &InviteJob) -> InviteWord {
    let [who, by] = [&job.mail, &job.by].map(|mail| mail.as_str().split_once('@').expect("a mail").0);
    InviteWord::parse(format!("{who}-{by}-{}", job.made).as_bytes()).expect("a word")
}

/// `ann@x password admin, bob@x =typed`.
fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

fn roster(file: &str) -> Roster {
    let entry = |entry: &str| {
        let mut words = entry.split_whitespace();
        let mail = Mail::parse(words.next().expect("a mail").as_bytes()).expect("a mail");
        let secret = words.next().expect("a password");
        let secret = match secret.strip_prefix('=') {
            Some(typed) => Secret::Typed(Password::parse(typed.as_bytes()).expect("a password")),
            None => Secret::Hash(hash(secret)),
        };
        let role = if words.next() == Some("admin") { Role::Admin } else { Role::Member };
        let name = words.collect::<Vec<_>>().join(" ");
        let name = (!name.is_empty()).then(|| DisplayName::parse(name.as_bytes()).expect("a name"));
        (mail, Record { secret, role, name })
    };
    file.split(',').map(entry).collect()
}

fn to_file(roster: &Roster) -> Vec<u8> {
    let line = |(mail, record): (&Mail, &Record)| {
        let secret = match &record.secret {
            Secret::Hash(hash) => hash.as_str(),
            Secret::Typed(password) => password.expose(),
        };
        let role = match (record.role, &record.name) {
            (role, Some(name)) => format!(" {role} {name}"),
            (Role::Admin, None) => " admin".to_owned(),
            (Role::Member, None) => String::new(),
        };
        format!("{mail} {secret}{role}\n")
    };
    roster.iter().map(line).collect::<String>().into_bytes()
}

/// Two members, one who says as much as is taken and one who reads when its turn in the pass has come, one
/// pass a hundred turns: the first is slowed, the second never falls out of the window. What is taken before a pass does not
/// end in smaller and smaller batches, for each of them is stored by itself.
pub(super) fn flood(text: usize) {
    let mut stage = Stage::new();
    for line in ["ann> LOGIN ann@x password", "ann< OK LOGIN…", "bob> LOGIN bob@x password", "bob< OK LOGIN…"]
    {
        stage.play(line);
    }
    let said = format!("MSG {}\n", "x".repeat(text));
    let (ann, bob) = (stage.people["ann"].id, stage.people["bob"].id);
    let mut scratch = Vec::new();
    let (mut taken, mut deferred, mut read) = (0, 0, 0);
    let mut waits = false;
    let mut batches = Vec::new();
    for turn in 0..5000 {
        let now = stage.now();
        stage.room.begin_turn(now);
        let mut this_turn = 0;
        waits &= !stage.room.take_woken().contains(&ann);
        deferred += usize::from(waits);
        let lines = &mut stage.people.get_mut("ann").expect("she is in").lines;
        while !waits {
            if lines.is_empty() {
                lines.feed(said.as_bytes());
            }
            let line = lines.peek().expect("a line was fed");
            let Some(line) = stage.room.takes(ann, line) else {
                waits = true;
                break;
            };
            stage.room.handle(now, Input::Line(line), &mut stage.effects);
            lines.consume();
            taken += 1;
            this_turn += said.len();
        }
        assert!(this_turn <= AHEAD_MAX + LINE_MAX_DEFAULT);
        batches.extend(stage.work_appends());
        while let Chunk::Bytes(bytes) = stage.room.chunk(ann, &mut scratch, 1 << 20) {
            let n = bytes.len();
            stage.room.advance(ann, n);
        }
        if turn % 100 == 99 {
            let (_last, others) = batches.split_last().expect("the pass before made room");
            assert!(others.iter().all(|events| *events == batches[0]), "{batches:?}");
            batches.clear();
            stage.room.begin_pass();
            loop {
                match stage.room.chunk(bob, &mut scratch, 1 << 20) {
                    Chunk::Bytes(bytes) => {
                        read += bytes.len();
                        let n = bytes.len();
                        stage.room.advance(bob, n);
                    }
                    Chunk::Nothing => break,
                    other => panic!("{other:?}: he reads whenever it is his turn"),
                }
            }
        }
    }
    assert!(taken > 1000 && deferred > 1000 && read > taken * text, "{taken} {deferred} {read}");
}

/// Asks for many timing marks at once: some are answered, and no more are looked at until these answers are taken.
pub(super) fn flood_of_timing_marks() {
    const ASKED: usize = 10_000;
    let mut stage = Stage::new();
    stage.person("ann").lines.feed(&DO_TIMING_MARK.repeat(ASKED));
    stage.work();
    let answered = stage.received("ann").lines().count();
    assert!((10..=OWED_PAUSE / OWED_ENTRY_COST).contains(&answered), "{answered}");
    stage.work_off("ann");
    assert_eq!(stage.received("ann"), "⊙\n".repeat(ASKED));
}

impl Stage {
    /// Returns how many events each batch has.
    fn work_appends(&mut self) -> Vec<usize> {
        self.room.poll_proposals(&mut self.effects);
        let mut batches = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            let Effect::Propose(batch) = &effect else { panic!("{effect:?}: nothing else was asked for") };
            batches.push(batch.len());
            self.carry_out(effect);
        }
        batches
    }
}

/// The answers that Ann gets to these bytes when they come in pieces that end at the cuts, and all that Bob
/// hears of it.
pub(super) fn heard_in_pieces(bytes: &[u8], cuts: &[usize]) -> [Vec<String>; 2] {
    let mut stage = Stage::new();
    for line in ["bob> LOGIN bob@x password", "bob< OK LOGIN…", "ann> LOGIN ann@x password", "ann< OK LOGIN…"]
    {
        stage.play(line);
    }
    let ends = cuts.iter().copied().chain([bytes.len()]);
    let mut from = 0;
    for end in ends {
        let end = end.clamp(from, bytes.len());
        stage.person("ann").lines.feed(&bytes[from..end]);
        stage.work_off("ann");
        from = end;
    }
    stage.person("ann").lines.finish();
    stage.work_off("ann");
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (ann, bob) = (lines(stage.received("ann")), lines(stage.received("bob")));
    // No promise: whether an answer overtakes the event of the command before, whether who quits still gets
    // that event, and what the figures of the moment are.
    let is_answer = |line: &String| !["MSG ", "ADDED ", "REMOVED "].iter().any(|verb| line.starts_with(verb));
    let named = |line: String| match line.strip_prefix("STAT ") {
        Some(figure) => figure.split(' ').take(1).collect(),
        None => line,
    };
    [ann.into_iter().filter(is_answer).map(named).collect(), bob]
}

impl Stage {
    /// Until all lines are taken, or will not be: who is owed much is read no further, so answers are taken.
    fn work_off(&mut self, name: &str) {
        let mut before = usize::MAX;
        while before != self.people[name].waiting.len() {
            before = self.people[name].waiting.len();
            self.work();
            self.received(name);
        }
    }
}
