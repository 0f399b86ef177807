//! One seed: a room, a shell for it whose every part is late or fails by chance, clients, and the oracle.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::ops::AddAssign;
use std::time::Duration;

use chat_room::lines::{Line, Lines};
use chat_room::protocol::{Mail, Password, Role, Time};
use chat_room::room::{
    AppendResult, Change, ChangeError, CheckFor, CheckJob, Chunk, Config, ConnId, Effect, HashFor, HashJob,
    Input, MembersNews, Now, PasswordHash, Record, Room, Roster, SaveError, Secret, Ticket, Verdict,
};

use super::oracle::{Client, FileChange, FileRoster, Oracle};
use super::rng::Rng;

const LINE_MAX: usize = 4096;
const MAILS: [&str; 6] = ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"];

/// What happened in one seed or in many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    lines: usize,
    lagged: usize,
    failed_messages: usize,
    late_verdicts: usize,
    cuts: usize,
    broken: usize,
    deferred: usize,
}

impl Report {
    pub(crate) fn figures(&self) -> [(&'static str, usize); 7] {
        [
            ("line received", self.lines),
            ("client that fell out of the window", self.lagged),
            ("message lost to the disk", self.failed_messages),
            ("verdict for somebody gone", self.late_verdicts),
            ("member cut", self.cuts),
            ("connection broken", self.broken),
            ("message deferred", self.deferred),
        ]
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        self.lines += other.lines;
        self.lagged += other.lagged;
        self.failed_messages += other.failed_messages;
        self.late_verdicts += other.late_verdicts;
        self.cuts += other.cuts;
        self.broken += other.broken;
        self.deferred += other.deferred;
    }
}

/// Which faults this seed has, and how wild: some are off, the rest at any rate.
struct Swarm {
    window: usize,
    chunk_max: usize,
    slow_readers: usize,
    worker_delay: usize,
    disk_delay: usize,
    disk_fails: usize,
    breaks: usize,
    edits: usize,
    busy: usize,
    piece_max: usize,
    text_max: usize,
    steps: usize,
}

impl Swarm {
    fn of(rng: &mut Rng) -> Swarm {
        let mut sometimes = |most: usize| if rng.percent(50) { 0 } else { rng.below(most) };
        let (slow_readers, worker_delay, disk_delay) = (sometimes(95), sometimes(95), sometimes(95));
        let (disk_fails, breaks, edits, busy) = (sometimes(40), sometimes(8), sometimes(10), sometimes(30));
        Swarm {
            window: *rng.pick(&[800, 2000, 16 << 10, 1 << 20]),
            chunk_max: *rng.pick(&[1, 2, 30, 1000, 1 << 16]),
            slow_readers,
            worker_delay,
            disk_delay,
            disk_fails,
            breaks,
            edits,
            busy,
            piece_max: *rng.pick(&[1, 5, 60, 5000]),
            text_max: *rng.pick(&[1, 20, 120]),
            steps: 50 + rng.below(250),
        }
    }
}

struct Conn {
    id: ConnId,
    client: Client,
    /// Said, but not yet arrived.
    to_send: VecDeque<u8>,
    lines: Lines,
    /// What was said in `to_send` and not taken yet ends with the end of the stream.
    ends: bool,
    told_eof: bool,
    reads_slowly: bool,
    received: Vec<u8>,
    checked_lines: usize,
    checked_bytes: usize,
}

/// A change of the file that waits for its thread, and what the oracle needs to know of it.
struct Save {
    ticket: Ticket,
    change: Change,
}

pub(crate) struct World {
    rng: Rng,
    swarm: Swarm,
    room: Room,
    oracle: Oracle,
    effects: Vec<Effect>,
    conns: Vec<Option<Conn>>,
    serial: u64,
    now_ms: u64,
    file: FileRoster,
    /// The file as the thread has told it last.
    told: FileRoster,
    checks: VecDeque<CheckJob>,
    hashes: VecDeque<HashJob>,
    saves: VecDeque<Save>,
    appending: Option<u64>,
    pass_at: Option<usize>,
    served: chat_room::room::Pos,
    draining: bool,
    report: Report,
    trace: String,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let mut rng = Rng::new(seed);
        let swarm = Swarm::of(&mut rng);
        let mut file = BTreeMap::new();
        for (n, mail) in MAILS.iter().enumerate().take(2 + rng.below(4)) {
            file.insert((*mail).to_owned(), (password(rng.below(2)), n == 0 || rng.percent(20)));
        }
        let config = Config {
            window: swarm.window,
            line_max: LINE_MAX,
            login_timeout: Duration::from_secs(1 << 30),
            transcript_id: 7,
        };
        let mut effects = Vec::new();
        let room = Room::new(config, roster(&file), &mut effects);
        World {
            oracle: Oracle::new(&file),
            told: file.clone(),
            rng,
            swarm,
            room,
            effects,
            conns: Vec::new(),
            serial: 0,
            now_ms: 0,
            file,
            checks: VecDeque::new(),
            hashes: VecDeque::new(),
            saves: VecDeque::new(),
            appending: None,
            pass_at: None,
            served: chat_room::room::Pos(0),
            draining: false,
            report: Report::default(),
            trace: String::new(),
        }
    }

    /// The last of what happened.
    pub(crate) fn trace(&self) -> &str {
        let start = self.trace.len().saturating_sub(8000);
        let start = (start..).find(|&at| self.trace.is_char_boundary(at)).unwrap_or(0);
        &self.trace[start..]
    }

    pub(crate) fn run(&mut self) -> Report {
        for _ in 0..self.swarm.steps {
            self.turn();
        }
        // Everything that can end, ends: no faults, no new lines, everybody reads.
        self.draining = true;
        let mut quiet = 0;
        let mut turns = 0;
        while quiet < 3 {
            let before = self.trace.len();
            self.turn();
            quiet = if self.trace.len() == before && !self.is_busy() { quiet + 1 } else { 0 };
            turns += 1;
            assert!(turns < 200_000, "it never comes to rest");
        }
        for slot in 0..self.conns.len() {
            if let Some(conn) = &self.conns[slot] {
                let expected = &self.oracle.clients[conn.client];
                assert_eq!(
                    conn.checked_bytes,
                    conn.received.len(),
                    "half a line in the end: {}",
                    conn.client
                );
                assert_eq!(
                    conn.checked_lines,
                    expected.lines.len(),
                    "client {} misses {:?}",
                    conn.client,
                    &expected.lines[conn.checked_lines..]
                );
            }
        }
        self.report.failed_messages = self.oracle.failed_messages;
        self.report
    }

    fn is_busy(&self) -> bool {
        let workers = self.checks.len() + self.hashes.len() + self.saves.len();
        let unsent = self.conns.iter().flatten().any(|conn| !conn.to_send.is_empty());
        workers > 0 || unsent || self.appending.is_some()
    }

    fn now(&self) -> Now {
        Now { wall: Time::from_unix_ms(self.now_ms), mono: Duration::from_millis(self.now_ms) }
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.trace, "{} {what}", self.now_ms).expect("writing to a String cannot fail");
    }

    fn handle(&mut self, input: Input<'_>) {
        self.room.handle(self.now(), input, &mut self.effects);
    }

    fn turn(&mut self) {
        self.now_ms += self.rng.below(3) as u64;
        self.room.begin_turn();
        if !self.draining {
            self.people();
        }
        self.workers();
        for slot in 0..self.conns.len() {
            self.read(slot);
        }
        self.think();
        self.disk();
        self.write();
    }

    /// Clients come, say something, break; somebody edits the file.
    fn people(&mut self) {
        if self.conns.iter().flatten().count() < 8 && self.rng.percent(30) {
            self.connect();
        }
        for slot in 0..self.conns.len() {
            if self.conns[slot].is_none() {
                continue;
            }
            if self.rng.percent(self.swarm.breaks) {
                self.report.broken += 1;
                self.drop_conn(slot, "broke");
            } else if self.rng.percent(30) {
                self.say(slot);
            }
        }
        if self.rng.percent(self.swarm.edits) {
            self.edit();
        }
    }

    fn connect(&mut self) {
        let slot = self.conns.iter().position(Option::is_none).unwrap_or(self.conns.len());
        if slot == self.conns.len() {
            self.conns.push(None);
        }
        let id = ConnId { slot: u32::try_from(slot).expect("few"), serial: self.serial };
        self.serial += 1;
        let client = self.oracle.connected();
        let reads_slowly = self.rng.percent(self.swarm.slow_readers);
        self.note(format_args!("client {client} connects at {id:?}"));
        self.conns[slot] = Some(Conn {
            id,
            client,
            to_send: VecDeque::new(),
            lines: Lines::new(LINE_MAX),
            ends: false,
            told_eof: false,
            reads_slowly,
            received: Vec::new(),
            checked_lines: 0,
            checked_bytes: 0,
        });
        self.handle(Input::Connected(id));
    }

    fn drop_conn(&mut self, slot: usize, why: &str) {
        let conn = self.conns[slot].take().expect("it was there");
        self.note(format_args!("client {} {why}", conn.client));
        self.oracle.gone(conn.client);
        self.handle(Input::Gone(conn.id));
    }

    /// One more line, of whatever kind.
    fn say(&mut self, slot: usize) {
        let conn = self.conns[slot].as_ref().expect("it was there");
        if conn.ends || conn.to_send.len() > 9000 {
            return;
        }
        let logged_in = self.oracle.clients[conn.client].who.clone();
        let mail = *self.rng.pick(&MAILS);
        let (one, two) = (password(self.rng.below(3)), password(self.rng.below(3)));
        let text = "x".repeat(1 + self.rng.below(self.swarm.text_max));
        let line = match self.rng.below(40) {
            0 => "PING".to_owned(),
            1..4 => format!("PING {text}"),
            4 => "WHO".to_owned(),
            5 => format!("ADD {mail} {one}"),
            6 => format!("REMOVE {mail}"),
            7 => format!("RESET {mail} {one}"),
            8 => format!("PASSWD {one} {two}"),
            9 if self.rng.percent(20) => "LEAVE".to_owned(),
            10 if self.rng.percent(30) => "QUIT".to_owned(),
            11 => "GARBAGE in".to_owned(),
            12 => "  ".to_owned(),
            13 if self.rng.percent(30) => format!("HUGE {}", "y".repeat(LINE_MAX)),
            _ if logged_in.is_none() || self.rng.percent(3) => {
                let device = *self.rng.pick(&["", "", "/-", "/laptop", "/phone"]);
                // Mostly right ones, or nobody would ever be in.
                let known = self.oracle.members.get(mail).map(|member| member.password.clone());
                let password = known.filter(|_| self.rng.percent(85)).unwrap_or(one);
                format!("LOGIN {mail}{device} {password}")
            }
            _ => format!("MSG {text}"),
        };
        let end = *self.rng.pick(&["\n", "\n", "\r\n"]);
        let ends = self.rng.percent(2);
        let end = if ends && self.rng.percent(50) { "" } else { end };
        let conn = self.conns[slot].as_mut().expect("it was there");
        conn.to_send.extend(line.bytes().chain(end.bytes()));
        conn.ends = ends;
    }

    fn edit(&mut self) {
        let mail = *self.rng.pick(&MAILS);
        let (password, admin) = (password(self.rng.below(3)), self.rng.percent(30));
        let mut file = self.file.clone();
        if self.rng.percent(40) {
            file.remove(mail);
        } else {
            file.insert(mail.to_owned(), (password, admin));
        }
        if file.values().any(|(_, admin)| *admin) {
            self.note(format_args!("an edit of {mail}"));
            self.file = file;
        }
    }

    fn late(&mut self) -> bool {
        !self.draining && self.rng.percent(self.swarm.worker_delay)
    }

    /// The threads answer, or take their time.
    fn workers(&mut self) {
        while !self.checks.is_empty() && !self.late() {
            let job = self.checks.pop_front().expect("it was there");
            let fits = match &job.against {
                Some((Secret::Hash(hash), _)) => *hash == phc(job.password.expose()),
                Some((Secret::Typed(_), _)) => unreachable!("nothing is typed by hand here"),
                None => false,
            };
            let verdict = if fits { Verdict::Match } else { Verdict::NoMatch };
            self.answer_check(job, verdict);
        }
        while !self.hashes.is_empty() && !self.late() {
            let job = self.hashes.pop_front().expect("it was there");
            let conn = job.purpose.conn().expect("nothing is typed by hand here");
            let hash = phc(job.password.expose());
            match self.client_of(conn) {
                Some(client) => {
                    self.oracle.hash_done(client);
                }
                None => self.report.late_verdicts += 1,
            }
            self.handle(Input::Hashed(job, Some(hash)));
            self.think();
        }
        let many = self.saves.len() > 1 && self.rng.percent(50);
        if !self.saves.is_empty() && !self.late() {
            let count = if many { self.saves.len() } else { 1 };
            let batch: Vec<Save> = self.saves.drain(..count).collect();
            self.save(batch);
        } else if self.file != self.told && !self.late() {
            self.save(Vec::new());
        }
    }

    fn answer_check(&mut self, job: CheckJob, verdict: Verdict) {
        match self.client_of(job.conn) {
            Some(client) => self.oracle.checked(client, verdict == Verdict::Busy),
            None => self.report.late_verdicts += 1,
        }
        self.note(format_args!("{:?} {verdict:?}", job.conn));
        self.handle(Input::Checked(job, verdict));
    }

    /// The members thread: makes the changes of the batch in the file, and tells what the file says.
    fn save(&mut self, batch: Vec<Save>) {
        let broken = !self.draining && self.rng.percent(self.swarm.disk_fails / 4);
        let mut answers = Vec::new();
        for Save { ticket, change } in batch {
            let Ticket::Command(id, verb, by) = &ticket else {
                unreachable!("nothing is typed by hand here")
            };
            let verb = ["ADD", "REMOVE", "RESET", "LEAVE", "PASSWD"]
                .into_iter()
                .find(|name| *name == verb.to_string())
                .expect("a command that changes the file");
            let result = if broken {
                Err(SaveError::Storage("broken".to_owned()))
            } else {
                apply(&mut self.file, &change).map_err(SaveError::Refused)
            };
            let code = result.as_ref().err().map(|error| match error {
                SaveError::Storage(_) => "storage",
                SaveError::Busy => "busy",
                SaveError::Refused(ChangeError::AlreadyMember) => "already-member",
                SaveError::Refused(ChangeError::NoSuchMember) => "no-such-member",
                SaveError::Refused(ChangeError::LastAdmin) => "last-admin",
                SaveError::Refused(ChangeError::NotExpected) => "bad-login",
            });
            let (whom, password) = match &change {
                Change::Add { mail, hash } | Change::SetPassword { mail, hash, .. } => {
                    (mail, Some(plain(hash)))
                }
                Change::Remove { mail } => (mail, None),
            };
            let naive = FileChange { verb, whom: whom.to_string(), password };
            // Of a client that is gone the change is made all the same.
            let client = self.client_of(*id).unwrap_or_else(|| {
                self.report.late_verdicts += 1;
                self.client_that_was(*id)
            });
            if code.is_none() && matches!(verb, "REMOVE" | "LEAVE") {
                self.report.cuts += 1;
            }
            self.note(format_args!("{id:?} {naive:?}: {code:?}"));
            self.oracle.saved(client, self.now_ms, by.as_str(), &naive, code);
            answers.push((ticket, change, result));
        }
        let news = !broken && (self.file != self.told || self.rng.percent(20));
        if news {
            self.told = self.file.clone();
            self.oracle.file_says(self.now_ms, &self.file);
        }
        let roster = news.then(|| roster(&self.file));
        self.handle(Input::Members(MembersNews { answers, roster }));
        if !news {
            // Without news of the file, the changes made are all that is told of it.
            self.told =
                self.oracle.members.iter().map(|(k, m)| (k.clone(), (m.password.clone(), m.admin))).collect();
        }
    }

    fn client_of(&self, id: ConnId) -> Option<Client> {
        let conn = self.conns.get(id.slot as usize)?.as_ref()?;
        (conn.id == id).then_some(conn.client)
    }

    /// Clients are numbered as connections are.
    fn client_that_was(&self, id: ConnId) -> Client {
        Client::try_from(id.serial).expect("few")
    }

    fn read(&mut self, slot: usize) {
        for _ in 0..3 {
            let Some(conn) = self.conns[slot].as_mut() else { return };
            if self.room.is_leaving(conn.id) {
                conn.to_send.clear();
                conn.lines.clear();
                return;
            }
            if !self.room.listens(conn.id) {
                return;
            }
            let Some(line) = conn.lines.peek() else {
                if conn.to_send.is_empty() {
                    if conn.ends && !conn.told_eof {
                        conn.told_eof = true;
                        let (id, client) = (conn.id, conn.client);
                        conn.lines.finish();
                        if conn.lines.peek().is_some() {
                            conn.told_eof = false;
                            continue;
                        }
                        self.note(format_args!("client {client} ends"));
                        self.oracle.leave_at_end(client);
                        self.handle(Input::Eof(id));
                    }
                    return;
                }
                let n = (1 + self.rng.below(self.swarm.piece_max)).min(conn.to_send.len());
                let piece: Vec<u8> = conn.to_send.drain(..n).collect();
                conn.lines.feed(&piece);
                continue;
            };
            if !self.room.takes(conn.id, &line) {
                self.report.deferred += 1;
                return;
            }
            let text = match line {
                Line::Whole(line) => String::from_utf8(line.to_vec()).expect("ASCII was said"),
                Line::TooLong(_) => "HUGE".to_owned(),
                Line::TlsHello => unreachable!("nobody says that here"),
            };
            let (id, client) = (conn.id, conn.client);
            writeln!(self.trace, "{} client {client} says {text}", self.now_ms).expect("a String");
            self.oracle.line(client, self.now_ms, &text);
            let now = Now { wall: Time::from_unix_ms(self.now_ms), mono: Duration::from_millis(self.now_ms) };
            self.room.handle(now, Input::Line(id, line), &mut self.effects);
            conn.lines.consume();
        }
    }

    /// Effects become jobs. A queue that is full says so at once.
    fn think(&mut self) {
        loop {
            self.room.poll_append(&mut self.effects);
            if self.effects.is_empty() {
                return;
            }
            for effect in std::mem::take(&mut self.effects) {
                let busy = !self.draining && self.rng.percent(self.swarm.busy);
                match effect {
                    Effect::Check(job) if busy => self.answer_check(job, Verdict::Busy),
                    Effect::Check(job) => {
                        assert!(matches!(job.purpose, CheckFor::Login(_) | CheckFor::Passwd(_)));
                        self.checks.push_back(job);
                    }
                    Effect::Hash(job) if busy => {
                        let id = job.purpose.conn().expect("nothing is typed by hand here");
                        let client = self.client_of(id).expect("it has just asked");
                        self.oracle.hash_busy(client);
                        self.handle(Input::Hashed(job, None));
                    }
                    Effect::Hash(job) => {
                        assert!(!matches!(job.purpose, HashFor::Typed { .. }));
                        self.hashes.push_back(job);
                    }
                    Effect::Save(ticket, change) => self.saves.push_back(Save { ticket, change }),
                    Effect::Append { to } => {
                        assert!(self.appending.is_none() && to == self.room.transcript().end());
                        self.appending = Some(self.oracle.last_appended());
                    }
                    Effect::Measure(_) => unreachable!("nobody asks for figures here"),
                }
            }
        }
    }

    fn disk(&mut self) {
        if let Some(last) = self.appending
            && (self.draining || !self.rng.percent(self.swarm.disk_delay))
        {
            self.appending = None;
            if !self.draining && self.rng.percent(self.swarm.disk_fails) {
                self.note(format_args!("the disk fails"));
                self.oracle.failed();
                self.handle(Input::Appended(AppendResult::Failed));
            } else {
                self.note(format_args!("durable up to {last}"));
                self.oracle.durable(last);
                self.handle(Input::Appended(AppendResult::Stored));
            }
            self.think();
        }
    }

    fn write(&mut self) {
        while let Some(id) = self.room.pop_due() {
            self.write_to(id.slot as usize);
        }
        if self.draining {
            self.served = self.room.begin_pass();
            self.pass_at = None;
            (0..self.conns.len()).for_each(|slot| self.write_to(slot));
            return;
        }
        // A pass over all receivers, some in each turn.
        let mut some = 1 + self.rng.below(8);
        while some > 0 {
            let slot = match self.pass_at {
                Some(slot) => slot,
                None if self.room.transcript().durable() > self.served => {
                    self.served = self.room.begin_pass();
                    0
                }
                None => return,
            };
            if slot >= self.conns.len() {
                self.pass_at = None;
                return;
            }
            self.write_to(slot);
            self.pass_at = Some(slot + 1);
            some -= 1;
        }
    }

    fn write_to(&mut self, slot: usize) {
        let mut scratch = Vec::new();
        let mut writes = 1 + self.rng.below(3);
        while let Some(conn) = self.conns[slot].as_mut() {
            let reads_slowly = conn.reads_slowly && !self.draining;
            if (reads_slowly && self.rng.percent(80)) || writes == 0 && !self.draining {
                return;
            }
            writes = writes.saturating_sub(1);
            let chunk = self.room.chunk(conn.id, &mut scratch, self.swarm.chunk_max);
            let (id, client) = (conn.id, conn.client);
            match chunk {
                Chunk::Bytes(bytes) => {
                    assert!(self.room.is_due(id), "bytes are there, but nothing is due");
                    let n = 1 + self.rng.below(bytes.len());
                    conn.received.extend_from_slice(&bytes[..n]);
                    self.room.advance(id, n);
                    writeln!(self.trace, "{} client {client} takes {n}", self.now_ms).expect("a String");
                    self.check(slot);
                }
                Chunk::Nothing => return,
                Chunk::Lagged => {
                    self.report.lagged += 1;
                    return self.drop_conn(slot, "lagged");
                }
                Chunk::Finished => {
                    let expected = &self.oracle.clients[client];
                    assert!(expected.leaving, "client {client} was sent away");
                    let missing = &expected.lines[conn.checked_lines..];
                    assert!(missing.is_empty(), "client {client} misses {missing:?}");
                    return self.drop_conn(slot, "is finished");
                }
            }
        }
    }

    /// What came last is what the oracle says must come next.
    fn check(&mut self, slot: usize) {
        let conn = self.conns[slot].as_mut().expect("it has just received");
        let expected = &mut self.oracle.clients[conn.client];
        while let Some(len) = conn.received[conn.checked_bytes..].iter().position(|&b| b == b'\n') {
            let line = &conn.received[conn.checked_bytes..conn.checked_bytes + len];
            let line = std::str::from_utf8(line).expect("ASCII is sent");
            let Some(should) = expected.lines.get(conn.checked_lines) else {
                panic!("client {} received {line:?} and should have nothing", conn.client);
            };
            assert!(should.fits(line), "client {} received {line:?}, not {should:?}", conn.client);
            conn.checked_lines += 1;
            conn.checked_bytes += len + 1;
            self.report.lines += 1;
        }
        let part = &conn.received[conn.checked_bytes..];
        expected.started = conn.checked_lines + usize::from(!part.is_empty());
        if !part.is_empty() {
            let should = expected.lines.get(conn.checked_lines).expect("the line is one that must come");
            let part = std::str::from_utf8(part).expect("ASCII is sent");
            let common = part.len().min(should.text.len());
            assert_eq!(part[..common], should.text[..common], "client {}", conn.client);
        }
    }
}

fn password(n: usize) -> String {
    format!("password{n}")
}

/// A PHC string that says which password it is of: the room never looks inside.
fn phc(password: &str) -> PasswordHash {
    let n = &password["password".len()..];
    let text = format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAA{n}{}", "A".repeat(39));
    PasswordHash::parse(&text).expect("a PHC string")
}

fn plain(hash: &PasswordHash) -> String {
    let hash = hash.as_str();
    format!("password{}", &hash[hash.len() - 40..hash.len() - 39])
}

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

fn roster(file: &FileRoster) -> Roster {
    let record = |password: &str, admin: bool| {
        assert!(Password::parse(password.as_bytes()).is_ok());
        Record { secret: Secret::Hash(phc(password)), role: if admin { Role::Admin } else { Role::Member } }
    };
    file.iter().map(|(who, (password, admin))| (mail(who), record(password, *admin))).collect()
}

/// What members.txt would answer, on a map.
fn apply(file: &mut FileRoster, change: &Change) -> Result<(), ChangeError> {
    match change {
        Change::Add { mail, hash } => {
            if file.contains_key(mail.as_str()) {
                return Err(ChangeError::AlreadyMember);
            }
            file.insert(mail.to_string(), (plain(hash), false));
        }
        Change::Remove { mail } => {
            let (_, admin) = file.get(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            if *admin && file.values().filter(|(_, admin)| *admin).count() == 1 {
                return Err(ChangeError::LastAdmin);
            }
            file.remove(mail.as_str());
        }
        Change::SetPassword { mail, hash, expected } => {
            let (password, _) = file.get_mut(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            let expected = expected.as_ref().map(|expected| match expected {
                Secret::Hash(hash) => plain(hash),
                Secret::Typed(_) => unreachable!("nothing is typed by hand here"),
            });
            if expected.is_some_and(|expected| expected != *password) {
                return Err(ChangeError::NotExpected);
            }
            *password = plain(hash);
        }
    }
    Ok(())
}
