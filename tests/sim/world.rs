//! One seed: a room, a shell for it whose every part is late or fails by chance, clients, and the oracle.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use chat_room::limits::LINE_MAX_DEFAULT as LINE_MAX;
use chat_room::protocol::framing::{Line, Lines};
use chat_room::protocol::{Device, EventLine, LastIs, Mail, Seq, Time};
use chat_room::room::{
    BlockNo, Change, CheckJob, Chunk, Committed, Config, ConnId, Delivered, Effect, FindJob, Input,
    KnownGroup, LocateJob, Missing, Now, PastShown, Pos, Restored, Room, Tail, Ticket,
};

use chat_room::server::log::Sequencer;

use super::edits::Filed;
use super::file::{Field, FileRoster, NAMES, Row, TITLES, mail, password, roster};
use super::hashes::{Found, Task};
use super::nodes::Nodes;
use super::oracle::{Client, Oracle, Pending, TIMING_MARK, token, token_head};
use super::rng::Rng;
use super::swarm::{Report, Swarm};

/// `IAC DO TIMING-MARK`, and the last byte of what answers it, which is in nothing else.
const DO_TIMING_MARK: [u8; 3] = [255, 253, 6];
const MARK_END: u8 = 6;
/// The wall clock when it is right, at the beginning: 2026-01-02.
const WALL_RIGHT_MS: u64 = 1_767_323_045_678;
pub(super) const MAILS: [&str; 6] = ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"];

#[expect(clippy::struct_excessive_bools, reason = "how far a client has come")]
pub(super) struct Conn {
    pub(super) id: ConnId,
    pub(super) client: Client,
    /// Said, but not yet arrived.
    pub(super) to_send: VecDeque<u8>,
    pub(super) lines: Lines,
    /// What was said in `to_send` and not taken yet ends with the end of the stream.
    pub(super) ends: bool,
    pub(super) told_eof: bool,
    /// Its next line waits for something.
    is_parked: bool,
    pub(super) reads_slowly: bool,
    pub(super) received: Vec<u8>,
    pub(super) checked_lines: usize,
    pub(super) checked_bytes: usize,
}

/// A change of the file that waits for its thread, and what the oracle needs to know of it.
pub(super) struct Save {
    pub(super) ticket: Ticket,
    pub(super) change: Change,
    /// Reports with edits that the room had heard of.
    pub(super) told: u64,
}

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) swarm: Swarm,
    pub(super) room: Room,
    pub(super) oracle: Oracle,
    pub(super) effects: Vec<Effect>,
    pub(super) conns: Vec<Option<Conn>>,
    pub(super) serial: u64,
    pub(super) now_ms: u64,
    /// The wall clock, which somebody sets now and then.
    pub(super) wall_ms: u64,
    pub(super) file: FileRoster,
    /// The file as the thread has told it last.
    pub(super) told: FileRoster,
    /// What waits for the thread that hashes, and what it has found.
    pub(super) tasks: Vec<Task>,
    pub(super) found: VecDeque<Found>,
    /// Logins of members of whom something is not settled on another node.
    pub(super) settling: Vec<CheckJob>,
    /// Salts that were used.
    pub(super) salt: usize,
    pub(super) saves: VecDeque<Save>,
    /// Reports with edits that the file's thread has made, and those that the room has heard of.
    pub(super) edits_filed: u64,
    pub(super) edits_told: u64,
    /// What the file's thread has not told yet.
    pub(super) filed: VecDeque<Filed>,
    /// Whatever has stood in the file.
    pub(super) fields: Vec<(String, Field)>,
    /// Hashes of typed passwords that go into the file, by the oracle.
    pub(super) saves_due: usize,
    /// Logins of members whose ADDED line has no number.
    pub(super) postponed: Vec<(ConnId, Option<(Mail, Device)>)>,
    pub(super) sequencer: Sequencer,
    /// The log instead of the sequencer, if there are other nodes.
    pub(super) nodes: Option<Nodes>,
    /// The lines that are being stored, and what the log has told last.
    pub(super) storing: Option<Bytes>,
    pub(super) committed: Option<Committed>,
    /// What is stored: the files, from position 0 on, and the number of the first line in them.
    pub(super) stored: Vec<u8>,
    pub(super) stored_first: Seq,
    /// What is kept of them begins with this line, here: older files were dropped.
    pub(super) kept: (Seq, usize),
    /// Behind the transcript's memory there are files.
    pub(super) has_files: bool,
    pub(super) locates: VecDeque<LocateJob>,
    pub(super) finds: VecDeque<FindJob>,
    pub(super) blocks: VecDeque<BlockNo>,
    /// Devices as they were noted last.
    pub(super) noted: BTreeMap<(Mail, Device), (Seq, Time)>,
    pub(super) pass_at: Option<usize>,
    pub(super) draining: bool,
    is_stopped: bool,
    pub(super) report: Report,
    pub(super) trace: String,
}

pub(super) fn config(swarm: &Swarm) -> Config {
    Config {
        window: swarm.window,
        line_max: LINE_MAX,
        login_timeout: Duration::from_secs(1 << 30),
        transcript_id: 7,
        rate: swarm.rate,
        connections_per_member_max: usize::MAX,
        past: swarm.past,
    }
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut rng = Rng::new(seed);
        let swarm = Swarm::of(&mut rng);
        let mut file = BTreeMap::new();
        for (n, mail) in MAILS.iter().enumerate().take(2 + rng.below(4)) {
            let password = password(rng.below(2));
            let field = if rng.percent(80) { Field::Hash(password, n) } else { Field::Typed(password) };
            file.insert((*mail).to_owned(), Row::of(field, n == 0 || rng.percent(20)));
        }
        let config = config(&swarm);
        let mut effects = Vec::new();
        let has_files = rng.percent(70);
        let room = if has_files {
            let tail = Tail { base: Pos(0), bytes: Vec::new(), last: Seq(0) };
            let group = KnownGroup::of(file.keys().map(|who| (mail(who), Seq(0))));
            let restored = Restored { first: Seq(1), base: Pos(0), tail, group, devices: Vec::new() };
            let now = Now { wall: Time::from_unix_ms(0), mono: Duration::ZERO };
            Room::restore(config, &roster(&file), restored, now, &mut effects)
        } else {
            Room::new(config, roster(&file), &mut effects)
        };
        World {
            oracle: Oracle::new(&file, swarm.past == PastShown::Own),
            told: file.clone(),
            rng,
            room,
            effects,
            conns: Vec::new(),
            serial: 0,
            now_ms: 0,
            wall_ms: WALL_RIGHT_MS,
            file,
            tasks: Vec::new(),
            found: VecDeque::new(),
            settling: Vec::new(),
            salt: 100,
            edits_filed: 0,
            edits_told: 0,
            filed: VecDeque::new(),
            fields: Vec::new(),
            saves_due: 0,
            saves: VecDeque::new(),
            postponed: Vec::new(),
            sequencer: Sequencer::new(Seq(0), Time::default()),
            nodes: swarm.has_nodes.then(|| Nodes::after(Seq(0), Time::default())),
            storing: None,
            committed: None,
            stored: Vec::new(),
            stored_first: Seq(1),
            kept: (Seq(1), 0),
            has_files,
            locates: VecDeque::new(),
            finds: VecDeque::new(),
            blocks: VecDeque::new(),
            noted: BTreeMap::new(),
            pass_at: None,
            draining: false,
            is_stopped: false,
            report: Report::default(),
            trace: String::new(),
            swarm,
        }
    }

    /// All that happened.
    pub(super) fn whole_trace(&self) -> &str {
        &self.trace
    }

    /// The last of what happened.
    pub(super) fn trace(&self) -> &str {
        // What clients say is ASCII, so any byte is a boundary.
        &self.trace[self.trace.len().saturating_sub(8000)..]
    }

    pub(super) fn run(&mut self) -> Report {
        self.think();
        for _ in 0..self.swarm.steps {
            self.turn();
        }
        if self.rng.percent(30) {
            self.stop();
        }
        // Everything that can end, ends: no faults, no new lines, everybody reads.
        self.draining = true;
        self.drain();
        self.agree();
        self.try_all();
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
        self.report.overtaken = self.oracle.overtaken;
        self.report.old_tokens = self.oracle.old_tokens;
        self.report.before = self.oracle.before;
        self.report.invited = self.oracle.invited.len();
        self.report.joined = self.oracle.joined;
        self.report.bad_invites = self.oracle.bad_invites;
        self.report.in_doubt = self.oracle.in_doubt;
        self.report.passwd_raced = self.oracle.passwd_raced;
        self.report.infos = self.oracle.infos;
        self.report.member_lists = self.oracle.member_lists;
        self.report.stats = self.oracle.stats;
        self.report.finds = self.oracle.finds;
        self.report.silenced = self.oracle.silenced;
        self.report.so_already = self.oracle.so_already;
        self.report.agreed = self.oracle.agreed;
        self.report.logins_cut_off = self.oracle.logins_cut_off;
        self.report
    }

    fn drain(&mut self) {
        let mut quiet = 0;
        let mut turns = 0;
        while quiet < 3 {
            let before = self.trace.len();
            self.turn();
            quiet = if self.trace.len() == before && !self.is_busy() { quiet + 1 } else { 0 };
            turns += 1;
            assert!(turns < 200_000, "it never comes to rest");
        }
    }

    /// Everybody comes, with the right password and with another.
    fn try_all(&mut self) {
        if self.is_stopped {
            return;
        }
        let mut tries = Vec::new();
        for who in MAILS {
            for n in 0..3 {
                let slot = self.connect();
                let conn = self.conns[slot].as_mut().expect("it has just come");
                conn.to_send.extend(format!("LOGIN {who}/- {}\n", password(n)).into_bytes());
                let right = self.file.get(who).is_some_and(|row| row.field.password() == password(n));
                tries.push((conn.client, right));
            }
        }
        self.drain();
        for (client, right) in tries {
            assert_eq!(self.oracle.clients[client].who.is_some(), right, "client {client}");
        }
    }

    /// The server stops, some turns go by, and then it stops at once.
    fn stop(&mut self) {
        self.note(format_args!("stops"));
        self.is_stopped = true;
        self.tell_all(Oracle::stop, Input::Shutdown);
        for _ in 0..self.rng.below(5) {
            self.turn();
        }
        if self.rng.percent(70) {
            self.note(format_args!("stops now"));
            self.tell_all(Oracle::stop_now, Input::ShutdownNow);
        }
    }

    /// Tells all connections, some at a time. Between them turns go by.
    fn tell_all(&mut self, stop: fn(&mut Oracle, Client), input: fn(Range<usize>) -> Input<'static>) {
        let mut next = 0;
        while next < self.room.slots() {
            let slots = next..self.room.slots().min(next + 1 + self.rng.below(6));
            next = slots.end;
            self.note(format_args!("tells {slots:?}"));
            for slot in slots.clone() {
                if let Some(Some(conn)) = self.conns.get(slot) {
                    stop(&mut self.oracle, conn.client);
                }
            }
            self.handle(input(slots));
            if self.rng.percent(50) {
                self.turn();
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.is_at_work() || self.next_deadline().is_some()
    }

    fn is_at_work(&self) -> bool {
        let workers =
            self.tasks.len() + self.found.len() + self.settling.len() + self.saves.len() + self.filed.len();
        let workers = workers + self.locates.len() + self.finds.len() + self.blocks.len();
        let waits = self.nodes.as_ref().is_some_and(|nodes| nodes.is_cut_off || !nodes.log.own.is_empty());
        let unsent = self.conns.iter().flatten().any(|conn| !conn.to_send.is_empty());
        workers > 0 || self.file != self.told || unsent || self.storing.is_some() || waits
    }

    /// Somebody over the rate may go on soon, and what the file or the log did not take is tried again.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let soon = Duration::from_millis(self.now_ms + 70_000);
        let room = self.room.next_deadline().filter(|at| *at <= soon);
        room.into_iter().chain(self.sequencer.retry_at).min()
    }

    pub(super) fn now(&self) -> Now {
        Now { wall: Time::from_unix_ms(self.wall_ms), mono: Duration::from_millis(self.now_ms) }
    }

    pub(super) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.trace, "{} {what}", self.now_ms).expect("writing to a String cannot fail");
    }

    pub(super) fn handle(&mut self, input: Input<'_>) {
        self.room.handle(self.now(), input, &mut self.effects);
        // Logins that waited for their member's ADDED line.
        while let Some(at) = self.effects.iter().position(|effect| matches!(effect, Effect::Settle(_))) {
            let Effect::Settle(job) = self.effects.remove(at) else { panic!("just seen") };
            self.room.handle(self.now(), Input::Settled(job, LastIs::Certain), &mut self.effects);
        }
        while let Some(at) = self.effects.iter().position(|effect| matches!(effect, Effect::Invite(_))) {
            let Effect::Invite(job) = self.effects.remove(at) else { panic!("just seen") };
            self.make_word(job);
        }
        self.oracle.release_invites();
    }

    fn turn(&mut self) {
        self.report.turns += 1;
        self.room.check_invariants();
        let step = self.rng.below(3) as u64;
        self.now_ms += step;
        self.wall_ms = self.next_wall(step);
        if self.rng.percent(2) {
            self.now_ms += if self.rng.percent(10) { 60_000 } else { 1000 };
        }
        if self.draining
            && !self.is_at_work()
            && let Some(at) = self.next_deadline()
        {
            self.now_ms = self.now_ms.max(u64::try_from(at.as_millis()).expect("soon") + 1);
        }
        self.oracle.second = self.now_ms / 1000;
        self.room.begin_turn(self.now());
        if !self.draining {
            self.people();
        }
        if self.room.next_deadline().is_some_and(|at| at <= Duration::from_millis(self.now_ms)) {
            self.note(format_args!("tick"));
            self.handle(Input::Tick);
            self.think();
        }
        self.hash_thread();
        self.file_thread();
        self.files();
        for slot in 0..self.conns.len() {
            self.read(slot);
        }
        self.think();
        self.log();
        self.write();
    }

    /// The wall clock goes on with the other one, is corrected now and then, and is set wrong and right again.
    fn next_wall(&mut self, step: u64) -> u64 {
        const HOUR: u64 = 3_600_000;
        let jumps = [500, 59_000, 61_000, HOUR, 10 * 365 * 24 * HOUR];
        match self.rng.below(200) {
            0..4 => self.wall_ms.saturating_sub(jumps[self.rng.below(jumps.len())]),
            4..6 => self.wall_ms + jumps[self.rng.below(jumps.len())],
            6 => step,
            7..9 => WALL_RIGHT_MS + self.now_ms,
            _ => self.wall_ms + step,
        }
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
            if self.rng.percent(30) {
                self.acknowledge(slot);
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
        if self.rng.percent(20) {
            self.note_devices();
        }
        if self.has_files && self.rng.percent(self.swarm.drops) {
            self.drop_files();
        }
        if self.has_files && self.rng.percent(self.swarm.crashes) {
            self.crash();
        }
    }

    /// The peer's kernel tells of some of the bytes it has.
    fn acknowledge(&mut self, slot: usize) {
        let conn = self.conns[slot].as_ref().expect("it was there");
        let (id, client) = (conn.id, conn.client);
        let (sent, outstanding) = self.room.bytes_sent(id);
        assert_eq!(sent, conn.received.len() as u64, "all that was sent was counted");
        let some = self.rng.below(usize::try_from(outstanding).expect("few") + 1);
        let total = conn.received.len() - some;
        let lines = conn.received[..total].iter().filter(|&&b| ends_item(b)).count();
        self.oracle.acknowledged(client, lines, total);
        self.room.acknowledged(self.now(), id, total as u64);
    }

    pub(super) fn note_devices(&mut self) {
        for Delivered { mail, device, seq, time } in self.room.take_delivered() {
            self.noted.insert((mail, device), (seq, time));
        }
        if self.rng.percent(20) {
            // All of them take the place of what was noted, and what was forgotten is not noted any more.
            self.noted.clear();
            for (_, places) in self.room.places_from(None) {
                self.noted.extend(places.map(|place| ((place.mail, place.device), (place.seq, place.time))));
            }
        }
    }

    fn connect(&mut self) -> usize {
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
            is_parked: false,
            reads_slowly,
            received: Vec::new(),
            checked_lines: 0,
            checked_bytes: 0,
        });
        self.handle(Input::Connected(id, self.now().mono));
        slot
    }

    pub(super) fn drop_conn(&mut self, slot: usize, why: &str) {
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
        // Somebody joins, and meanwhile whoever has invited them is no admin any more.
        let inviting = self.has_invited_who_joins().filter(|_| logged_in.is_some() && self.rng.percent(40));
        let line = match self.rng.below(40) {
            _ if inviting.is_some() => format!("DEMOTE {}", inviting.unwrap_or_default()),
            0 => "PING".to_owned(),
            1..4 => format!("PING {text}"),
            4 => "WHO".to_owned(),
            5 => format!("ADD {mail} {one}"),
            6 => format!("REMOVE {mail}"),
            7 => format!("RESET {mail} {one}"),
            8 => {
                let own = logged_in.as_ref().and_then(|who| self.oracle.members.get(who));
                let own = own.map(|member| member.stands.password().to_owned());
                let old = own.filter(|_| self.rng.percent(80)).unwrap_or(one);
                format!("PASSWD {old} {two}")
            }
            9 if self.rng.percent(20) => "LEAVE".to_owned(),
            10 if self.rng.percent(30) => "QUIT".to_owned(),
            11 => "GARBAGE in".to_owned(),
            12 => "  ".to_owned(),
            14 if self.rng.percent(50) => "SKIP".to_owned(),
            17 => "TOKEN".to_owned(),
            15 => format!("HISTORY {}", 1 + self.rng.below(9)),
            16 => format!("HISTORY SINCE {} {}", self.rng.below(60), 1 + self.rng.below(9)),
            18 | 19 => format!("INFO {}{}", self.rng.below(60), self.rng.pick(&["", "", " c@x"])),
            20 => format!("MEMBERS{}", self.rng.pick(&["", "", " b@x"])),
            21 => "STATS".to_owned(),
            22 | 23 => {
                let before = if self.rng.percent(30) {
                    format!("BEFORE {} ", self.rng.below(60))
                } else {
                    String::new()
                };
                let letter = *self.rng.pick(&["x", "X", "z", "Zz", "xX", "@"]);
                format!("FIND {before}{}", letter.repeat(1 + self.rng.below(4)))
            }
            26 => self.invite_line(),
            27..33 if logged_in.is_none() || self.rng.percent(5) => self.join_line(&one),
            25 if self.rng.percent(10) => format!("NAME {}", self.rng.pick(&["a@x", "a/b", " A", "A "])),
            25 if self.rng.percent(20) => "NAME".to_owned(),
            25 => format!("NAME {}", self.rng.pick(&NAMES)),
            27 if self.rng.percent(20) => (*self.rng.pick(&["TITLE", "TITLE  x", "TITLE x "])).to_owned(),
            27 if self.rng.percent(50) => format!("TITLE {}", self.rng.pick(&TITLES)),
            // Mostly off, or few could speak.
            27 => format!("ANNOUNCE{}", self.rng.pick(&["", " on", " off", " off", " off", " maybe"])),
            24 => format!("{} {mail}", self.rng.pick(&["PROMOTE", "DEMOTE"])),
            13 if self.rng.percent(30) => format!("HUGE {}", "y".repeat(LINE_MAX)),
            _ if logged_in.is_none() || self.rng.percent(3) => {
                let device = *self.rng.pick(&["", "", "/-", "/laptop", "/phone"]);
                // Mostly right ones, or nobody would ever be in.
                let known = self.oracle.members.get(mail);
                let hash = known.map(|known| known.before.as_ref().unwrap_or(&known.stands).clone());
                let known = known.map(|known| known.stands.password().to_owned());
                let password = known.filter(|_| self.rng.percent(85)).unwrap_or(one);
                if self.rng.percent(30) {
                    let of = if self.rng.percent(95) { mail } else { *self.rng.pick(&MAILS) };
                    // One of this membership, or one that was given once, mostly of this mail.
                    let any = self.rng.percent(20);
                    let (given, head) = (&self.oracle.tokens, token_head(mail));
                    let given: Vec<&String> =
                        given.iter().filter(|given| any || given.starts_with(&head)).collect();
                    let old = if self.rng.percent(30) {
                        given.get(self.rng.below(given.len().max(1)))
                    } else {
                        None
                    };
                    let hash = hash.filter(|hash| !hash.is_typed()).unwrap_or(Field::Hash(password, 0));
                    // Of a membership whose line has no number there is none.
                    let added = Some(self.oracle.added_of(of)).filter(|added| *added < u64::MAX);
                    let now = || token(of, added.unwrap_or_default(), &hash);
                    format!("RESUME {mail}{device} {}", old.map_or_else(now, |old| (*old).clone()))
                } else {
                    format!("LOGIN {mail}{device} {password}")
                }
            }
            _ => format!("MSG {text}"),
        };
        let end = *self.rng.pick(&["\n", "\n", "\r\n"]);
        let ends = self.rng.percent(2);
        let end = if ends && self.rng.percent(50) { "" } else { end };
        let mut said = [line, end.to_owned()].concat().into_bytes();
        if self.rng.percent(self.swarm.timing_marks) {
            let at = self.rng.below(said.len() + 1);
            said.splice(at..at, DO_TIMING_MARK);
        }
        let conn = self.conns[slot].as_mut().expect("it was there");
        conn.to_send.extend(said);
        conn.ends = ends;
    }

    /// Reads lines, as long as they are taken. Then nothing, until the room says that they may be.
    fn read(&mut self, slot: usize) {
        for id in self.room.take_woken() {
            if let Some(conn) = self.conns[id.slot as usize].as_mut().filter(|conn| conn.id == id) {
                conn.is_parked = false;
            }
        }
        for _ in 0..3 {
            let Some(conn) = self.conns[slot].as_mut() else { return };
            if self.room.is_leaving(conn.id) {
                conn.to_send.clear();
                conn.lines.clear();
                return;
            }
            if conn.is_parked || !self.room.listens(conn.id) {
                conn.is_parked = true;
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
            let Some(taken) = self.room.takes(conn.id, line) else {
                conn.is_parked = true;
                let asks = matches!(line, Line::Whole(line) if asks_what_was_said(line));
                if asks && self.oracle.awaits_own(conn.client) {
                    self.report.own_first += 1;
                } else if self.swarm.rate.is_some() {
                    self.report.over_rate += 1;
                } else {
                    self.report.deferred += 1;
                }
                return;
            };
            let text = match line {
                Line::Whole(line) => String::from_utf8(line.to_vec()).expect("ASCII was said"),
                Line::TooLong(_) => "HUGE".to_owned(),
                Line::TimingMark => {
                    self.report.timing_marks += 1;
                    TIMING_MARK.to_owned()
                }
                Line::Cut(_) | Line::TlsHello => unreachable!("nobody says that here"),
            };
            let (id, client) = (conn.id, conn.client);
            writeln!(self.trace, "{} client {client} says {text}", self.now_ms).expect("a String");
            let first = self.room.transcript().first().0;
            let was_lagging = self.room.is_lagging(id);
            self.oracle.line(client, self.wall_ms, first, &text);
            let now =
                Now { wall: Time::from_unix_ms(self.wall_ms), mono: Duration::from_millis(self.now_ms) };
            self.room.handle(now, Input::Line(taken), &mut self.effects);
            conn.lines.consume();
            if was_lagging && !self.room.is_lagging(id) {
                self.oracle.leaped(client, self.room.transcript().first().0);
            }
            if self.room.listens(id) {
                self.answered(client);
            }
        }
    }

    /// The client waits for nothing any more.
    pub(super) fn answered(&mut self, client: Client) {
        if matches!(self.oracle.clients[client].pending, Some(Pending::Info { .. })) {
            // The room may have heard less than what has arrived, never more; but what is gone counts as arrived.
            let gone = self.room.transcript().first().0 - 1;
            self.oracle.furthest.clear();
            for ((who, device), arrived) in &self.oracle.arrived {
                let of = Device::parse_named(device).unwrap_or(Device::Default);
                let delivered = self.delivered(&mail(who), &of).map_or(0, |seq| seq.0);
                assert!(delivered <= gone.max(*arrived), "{who}/{device} never had {delivered}");
                let furthest = self.oracle.furthest.entry(who.clone()).or_default();
                *furthest = delivered.max(*furthest);
            }
        }
        self.oracle.answered(client);
    }

    fn write(&mut self) {
        for id in self.room.take_broken() {
            if self.client_of(id).is_some() {
                self.drop_conn(id.slot as usize, "breaks off");
            }
        }
        for id in self.room.take_unblocked() {
            self.write_to(id.slot as usize);
        }
        while let Some(id) = self.room.pop_due() {
            self.write_to(id.slot as usize);
        }
        if self.draining {
            self.room.begin_pass();
            self.pass_at = None;
            (0..self.conns.len()).for_each(|slot| self.write_to(slot));
            return;
        }
        // A pass over all receivers, some in each turn.
        let mut some = 1 + self.rng.below(8);
        while some > 0 {
            let slot = match self.pass_at {
                Some(slot) => slot,
                None if self.room.is_pass_due() => {
                    self.room.begin_pass();
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
                Chunk::Missing(Missing::Block(block)) => {
                    assert!(self.has_files);
                    return self.room.wait_for_block(id, block, &mut self.effects);
                }
                Chunk::Missing(Missing::Forgotten) => {
                    if self.room.leap(id) {
                        self.report.leaped += 1;
                        let first = self.room.transcript().first();
                        self.note(format_args!("client {client} goes on with {first}"));
                        self.oracle.leaped(client, first.0);
                        continue;
                    }
                    assert!(!self.has_files || self.kept.0 > Seq(1), "what the files have is in reach");
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
        while let Some(len) = conn.received[conn.checked_bytes..].iter().position(|&b| ends_item(b)) {
            let line = shown(&conn.received[conn.checked_bytes..conn.checked_bytes + len]);
            let Some(should) = expected.lines.get(conn.checked_lines) else {
                panic!("client {} received {line:?} and should have nothing", conn.client);
            };
            assert!(should.fits(&line), "client {} received {line:?}, not {should:?}", conn.client);
            // Said twice: whatever the line is a part of, nobody is shown what was said before they came.
            if let Some(event) = EventLine::parse(line.as_bytes()) {
                let first = expected.first;
                self.report.first_own += usize::from(event.seq.0 == first);
                assert!(event.seq.0 >= first, "client {} may read from {first} on: {line:?}", conn.client);
            }
            conn.checked_lines += 1;
            conn.checked_bytes += len + 1;
            self.report.lines += 1;
        }
        let part = &conn.received[conn.checked_bytes..];
        expected.received = conn.received.len();
        expected.whole = conn.checked_lines;
        expected.started = conn.checked_lines + usize::from(!part.is_empty());
        if !part.is_empty() {
            let should = expected.lines.get(conn.checked_lines).expect("the line is one that must come");
            let part = shown(part);
            let should = should.beginning();
            let common = part.len().min(should.len());
            assert_eq!(
                part[..common],
                should[..common],
                "client {}, behind {:?}, before {:?}",
                conn.client,
                &expected.lines[conn.checked_lines.saturating_sub(2)..conn.checked_lines],
                expected
                    .lines
                    .iter()
                    .skip(conn.checked_lines)
                    .take(60)
                    .map(|l| l.text.as_str())
                    .collect::<Vec<_>>()
            );
        }
    }
}

/// Whether the answer has to know of what the client has said itself.
fn asks_what_was_said(line: &[u8]) -> bool {
    ["HISTORY", "FIND", "INFO", "STATS", "TITLE", "ANNOUNCE"]
        .iter()
        .any(|verb| line.starts_with(verb.as_bytes()))
}

/// Whether this is the last byte of a line, or of what answers a timing mark.
fn ends_item(byte: u8) -> bool {
    byte == b'\n' || byte == MARK_END
}

/// ASCII, or the beginning of the one answer that is none.
fn shown(received: &[u8]) -> Cow<'_, str> {
    match received {
        [255, ..] => received.iter().map(|&byte| char::from(byte)).collect(),
        _ => std::str::from_utf8(received).expect("ASCII is sent").into(),
    }
}
