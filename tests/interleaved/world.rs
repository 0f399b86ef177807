//! One seed: a room, the thread of members.txt with its file, a scripted hasher, and the model.
//!
//! Longer than 350 lines: the world is one state, and each of its steps touches most of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_room::protocol::{LastIs, Seq, Time};
use chat_room::room::{
    Change, Config, Effect, HashFor, Input, MembersNews, Now, PasswordHash, PastShown, Proof, Room,
    SaveError, Secret, Ticket, Verdict,
};
use chat_room::server::log::Sequencer;
use chat_room::server::members::file::{Done, Timing};

use super::members_file::{MembersThread, remove};
use super::people::Conn;
use super::rng::Rng;
use super::text::{Known, PASSWORDS, composed, hash, known, known_of, line_of, parse, plain, plain_of};

pub(crate) const MAILS: [&str; 3] = ["ann@x", "bob@x", "eve@x"];
const ROOT: &str = "root@x";

/// An edit counts at once, and nothing is looked at but when it is asked for.
const TIMING: Timing = Timing {
    look: Duration::from_secs(3600),
    settle: Duration::ZERO,
    probe: Duration::from_secs(3600),
    old_watch: Duration::ZERO,
    patience: Duration::ZERO,
};

/// A ticket of no change: the thread answers it when all before is done.
const FENCE: usize = usize::MAX;

/// How often what matters has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) edits: usize,
    pub(crate) typed: usize,
    /// While the one before waited for its hash.
    pub(crate) typed_over: usize,
    pub(crate) typed_again: usize,
    pub(crate) taken_back: usize,
    pub(crate) roles: usize,
    /// Hashes of what did not stand there any more, and those that the file refused.
    pub(crate) stale: usize,
    pub(crate) refused: usize,
    pub(crate) replaced: usize,
    pub(crate) same_hash: usize,
    pub(crate) let_in: usize,
    pub(crate) login_busy: usize,
    pub(crate) passwd: usize,
    pub(crate) passwd_busy: usize,
    pub(crate) commands: usize,
}

impl Counts {
    fn all(&mut self) -> [&mut usize; 15] {
        [
            &mut self.edits,
            &mut self.typed,
            &mut self.typed_over,
            &mut self.typed_again,
            &mut self.taken_back,
            &mut self.roles,
            &mut self.stale,
            &mut self.refused,
            &mut self.replaced,
            &mut self.same_hash,
            &mut self.let_in,
            &mut self.login_busy,
            &mut self.passwd,
            &mut self.passwd_busy,
            &mut self.commands,
        ]
    }

    pub(crate) fn assert_all_happened(mut self) {
        assert!(self.all().iter().all(|count| **count > 10), "something has hardly ever happened");
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, mut other: Counts) {
        for (own, other) in self.all().into_iter().zip(other.all()) {
            *own += *other;
        }
    }
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) room: Room,
    sequencer: Sequencer,
    pub(crate) effects: Vec<Effect>,
    pub(crate) conns: Vec<Option<Conn>>,
    pub(crate) serial: u64,
    path: PathBuf,
    thread: MembersThread,
    /// The file as people know it.
    pub(crate) known: Known,
    /// And as the group was told, now and before that.
    pub(crate) told: Known,
    pub(crate) before: Known,
    clock: Duration,
    /// Jobs of the hasher in its queue, and answers that it has not given yet.
    queue: Vec<Effect>,
    begun: VecDeque<Input<'static>>,
    salt: usize,
    /// Hashes of typed passwords that were made, and of which nothing has come.
    made: Vec<PasswordHash>,
    /// Changes on their way to the thread of the file, and what it has said since.
    saves: Vec<(Ticket, Change)>,
    answers: VecDeque<MembersNews>,
    /// Lines that have stood in the file.
    old_lines: Vec<String>,
    pub(crate) counts: Counts,
    trace: String,
}

impl World {
    pub(crate) fn new(seed: u64, folder: &Path) -> World {
        let mut rng = Rng::new(seed);
        let path = folder.join(format!("members-{seed}.txt"));
        let mut text = format!("# The group.\n{ROOT} {} admin\n\n", hash("fourth-one", 0).as_str());
        for (who, salt) in MAILS.iter().zip(1..) {
            let password = *rng.pick(&PASSWORDS);
            let field =
                if rng.percent(80) { hash(password, salt).as_str().to_owned() } else { password.into() };
            writeln!(text, "{who} {field}").expect("a String");
        }
        fs::write(&path, &text).expect("written");
        let thread = MembersThread::open(&path, TIMING);
        let config = Config {
            window: 1 << 20,
            line_max: 4096,
            login_timeout: Duration::from_secs(1 << 30),
            transcript_id: 7,
            rate: None,
            connections_per_member_max: 100,
            past: PastShown::default(),
        };
        let mut effects = Vec::new();
        let room = Room::new(config, thread.roster.clone(), &mut effects);
        let known = known(&thread.roster);
        let mut world = World {
            rng,
            room,
            sequencer: Sequencer::new(Seq(0), Time::default()),
            effects,
            conns: Vec::new(),
            serial: 0,
            path,
            told: known.clone(),
            before: known.clone(),
            known,
            thread,
            clock: Duration::ZERO,
            queue: Vec::new(),
            begun: VecDeque::new(),
            salt: 10,
            made: Vec::new(),
            saves: Vec::new(),
            answers: VecDeque::new(),
            old_lines: text.lines().map(str::to_owned).collect(),
            counts: Counts::default(),
            trace: text,
        };
        world.think();
        let admin = world.connect();
        world.login(admin, ROOT, "fourth-one");
        world.rest();
        world
    }

    pub(crate) fn trace(&self) -> &str {
        &self.trace
    }

    pub(crate) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.trace, "{what}").expect("a String");
    }

    pub(crate) fn now(&self) -> Now {
        Now { wall: Time::default(), mono: self.clock }
    }

    pub(crate) fn handle(&mut self, input: Input<'static>) {
        let now = self.now();
        self.room.handle(now, input, &mut self.effects);
        self.room.check_invariants();
        self.think();
    }

    /// Jobs go where they are done. Storing is done at once.
    pub(crate) fn think(&mut self) {
        loop {
            self.room.poll_proposals(&mut self.effects);
            if self.effects.is_empty() {
                return;
            }
            for effect in std::mem::take(&mut self.effects) {
                match effect {
                    Effect::Check(_) | Effect::Hash(_) => self.queue.push(effect),
                    Effect::Settle(job) => {
                        let now = self.now();
                        self.room.handle(now, Input::Settled(job, LastIs::Certain), &mut self.effects);
                    }
                    Effect::Save(ticket, change) => {
                        if let (Ticket::Typed, Change::SetPassword { hash, .. }) = (&ticket, &change) {
                            self.made.retain(|made| made != hash);
                        }
                        self.saves.push((ticket, change));
                    }
                    Effect::Propose(batch) => {
                        let now = self.now();
                        self.sequencer.propose(batch);
                        self.sequencer.begin(now.mono);
                        let committed = self.sequencer.stored();
                        self.room.handle(now, Input::Committed(committed), &mut self.effects);
                    }
                    Effect::Refused(..) => {}
                    other => panic!("nobody asks for that: {other:?}"),
                }
            }
        }
    }

    pub(crate) fn play(&mut self) {
        let edits = 1 + self.rng.below(4);
        for _ in 0..40 + self.rng.below(40) {
            match self.rng.below(12 + edits) {
                0 => self.look(),
                1 | 2 => self.save(),
                3 | 4 => self.deliver(),
                5 | 6 => self.begin(),
                7 | 8 => self.answer(),
                9 => self.admin(),
                10 | 11 => self.somebody(),
                _ => self.edit(),
            }
            self.hear();
        }
        self.rest();
        self.counts.stale += self.made.len();
        self.agree();
        fs::remove_file(&self.path).expect("it is there");
    }

    /// A job has its turn at the thread that hashes, which has place for two.
    fn begin(&mut self) {
        if self.queue.is_empty() || self.begun.len() == 2 {
            return;
        }
        let at = self.rng.below(self.queue.len());
        let answer = match self.queue.remove(at) {
            Effect::Check(mut job) => {
                self.room.renew(&mut job);
                let Proof::Password(given) = &job.proof else { panic!("nobody has a token") };
                let stands = job.against.as_ref().map(|(secret, _)| plain_of(secret));
                let fits = stands.as_deref() == Some(given.composed().expose());
                Input::Checked(job, if fits { Verdict::Match } else { Verdict::NoMatch })
            }
            Effect::Hash(job) => {
                self.salt += 1;
                let mut made = hash(job.password.expose(), self.salt);
                if let HashFor::Typed { before: Some(before), .. } = &job.purpose
                    && plain(before) == plain(&made)
                {
                    self.counts.same_hash += 1;
                    made = before.clone();
                }
                Input::Hashed(job, Some(made))
            }
            other => panic!("no job of that thread: {other:?}"),
        };
        self.begun.push_back(answer);
    }

    /// It answers.
    fn answer(&mut self) {
        let Some(answer) = self.begun.pop_front() else { return };
        self.note(format_args!("{answer:?}"));
        if let Input::Hashed(job, Some(hash)) = &answer
            && job.purpose.conn().is_none()
        {
            self.made.push(hash.clone());
        }
        self.handle(answer);
    }

    /// The thread of the file makes the changes that are on their way; and tells what it finds there. Or there are too many
    /// for its queue.
    fn save(&mut self) {
        let saves = std::mem::take(&mut self.saves);
        if self.rng.percent(3) {
            let answers = saves.into_iter().map(|(ticket, change)| (ticket, change, Err(SaveError::Busy)));
            self.answers.push_back(MembersNews { answers: answers.collect(), ..MembersNews::default() });
            return;
        }
        for (number, (_, change)) in saves.iter().enumerate() {
            self.thread.ask(number, change.clone());
        }
        let mut tickets = saves.into_iter().map(|(ticket, _)| ticket);
        let mut left = tickets.len();
        while left > 0 {
            let done = self.thread.hear(Duration::from_secs(60)).expect("an answer");
            left -= done.answers.len();
            self.told_by_thread(done, &mut tickets);
        }
        self.compare();
    }

    /// The thread looks at the file, and is done with that.
    fn look(&mut self) {
        if self.rng.percent(50) {
            self.thread.reload();
        }
        let mut fences = 0;
        while fences < 2 {
            self.thread.ask(FENCE, remove("nobody@x"));
            let before = fences;
            while fences == before {
                let mut done = self.thread.hear(Duration::from_secs(60)).expect("an answer");
                fences += done.answers.extract_if(.., |(ticket, ..)| *ticket == FENCE).count();
                self.told_by_thread(done, &mut std::iter::empty());
            }
        }
    }

    /// The changes have been made: they are what people know. When the group hears of it is another matter.
    fn told_by_thread(&mut self, done: Done<usize>, tickets: &mut dyn Iterator<Item = Ticket>) {
        let mut answers = Vec::new();
        for (_, change, result) in done.answers {
            let ticket = tickets.next().expect("one for each");
            self.note(format_args!("the file: {ticket:?} {change:?} {result:?}"));
            if ticket == Ticket::Typed {
                self.counts.refused += usize::from(result.is_err());
                self.counts.replaced += usize::from(result.is_ok());
            }
            if result.is_ok() {
                if ticket == Ticket::Typed {
                    let Change::SetPassword { mail, hash, .. } = &change else { panic!("{change:?}") };
                    assert_eq!(self.known[mail.as_str()].0, plain(hash), "the hash is of what was typed");
                } else {
                    self.counts.commands += 1;
                }
                apply(&mut self.known, &change);
            }
            answers.push((ticket, change, result));
        }
        assert_eq!((done.news.readable, done.news.replaceable), (None, None), "there is no mistake in it");
        let edits: Vec<_> = done.news.edits.into_iter().map(|edit| (edit.mail, edit.after)).collect();
        if !answers.is_empty() || !edits.is_empty() {
            self.answers.push_back(MembersNews { answers, edits, may_write_again: false });
        }
    }

    /// The group hears of it.
    fn deliver(&mut self) {
        let Some(news) = self.answers.pop_front() else { return };
        for (_, change, _) in news.answers.iter().filter(|(.., result)| result.is_ok()) {
            apply(&mut self.told, change);
        }
        for (mail, record) in &news.edits {
            match record {
                Some(record) => self.told.insert(mail.to_string(), known_of(record)),
                None => self.told.remove(mail.as_str()),
            };
        }
        let told = format!("the group is told: {:?}", self.told);
        self.note(format_args!("{told}"));
        self.doubt();
        self.handle(Input::Members(news));
    }

    /// Somebody edits a line or two, and saves: in place, or another file in its place.
    fn edit(&mut self) {
        let text = fs::read_to_string(&self.path).expect("it is there");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for _ in 0..=self.rng.below(2) {
            self.edit_line(&mut lines);
        }
        let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
        self.counts.edits += 1;
        self.note(format_args!("edited:\n{text}"));
        if self.rng.percent(50) {
            fs::write(&self.path, &text).expect("written");
        } else {
            let temp = self.path.with_extension("swp");
            fs::write(&temp, &text).expect("written");
            fs::rename(&temp, &self.path).expect("renamed");
        }
        self.known = known(&parse(&text));
        self.old_lines.extend(lines);
    }

    fn edit_line(&mut self, lines: &mut Vec<String>) {
        let who = *self.rng.pick(&MAILS);
        let at = line_of(lines, who);
        let password = match (self.rng.below(3), self.known.get(who)) {
            (0, Some((own, _))) => own.clone(),
            _ => (*self.rng.pick(&PASSWORDS)).to_owned(),
        };
        let was_typed = at.is_some_and(|at| !lines[at].contains('$'));
        let line = match self.rng.below(12) {
            0 => None,
            1 => {
                self.counts.taken_back += 1;
                let stands = at.map(|at| lines[at].clone());
                let old = self.old_lines.iter().rev().filter(|line| line.starts_with(who));
                let old: Vec<String> = old.filter(|line| Some(*line) != stands.as_ref()).cloned().collect();
                let some = old.len().min(if self.rng.percent(70) { 1 } else { old.len() });
                (some > 0).then(|| self.rng.pick(&old[..some]).clone()).or(stands)
            }
            2 => {
                self.salt += 1;
                Some(format!("{who}\t{}", hash(&password, self.salt).as_str()))
            }
            3 | 4 if at.is_some() => {
                self.counts.roles += 1;
                let line = &lines[at.expect("just asked")];
                Some(line.strip_suffix(" admin").map_or_else(|| format!("{line} admin"), str::to_owned))
            }
            _ => {
                self.counts.typed += 1;
                self.counts.typed_over += usize::from(was_typed);
                let same = self.known.get(who).is_some_and(|(own, _)| *own == composed(&password));
                self.counts.typed_again += usize::from(same);
                let admin = self.known.get(who).is_some_and(|(_, admin)| *admin);
                Some(format!("{who} {password}{}", if admin { " admin" } else { "" }))
            }
        };
        match (at, line) {
            (Some(at), Some(line)) => lines[at] = line,
            (Some(at), None) => drop(lines.remove(at)),
            (None, Some(line)) => lines.push(line),
            (None, None) => {}
        }
    }

    /// What people know is what the file says.
    fn compare(&self) {
        let text = fs::read_to_string(&self.path).expect("it is there");
        assert_eq!(known(&parse(&text)), self.known, "{text}");
    }

    /// All that is under way comes to its end.
    fn rest(&mut self) {
        loop {
            self.look();
            while !self.answers.is_empty() {
                self.deliver();
            }
            while !self.queue.is_empty() || !self.begun.is_empty() {
                self.begin();
                self.answer();
            }
            self.hear();
            if let Some(at) = self.room.next_deadline().filter(|at| at.as_secs() < 1 << 29) {
                self.clock = at;
                self.handle(Input::Tick);
            }
            if !self.saves.is_empty() {
                self.save();
            } else if self.queue.is_empty() && self.answers.is_empty() {
                return;
            }
        }
    }

    fn agree(&mut self) {
        self.compare();
        let text = fs::read_to_string(&self.path).expect("it is there");
        let file = parse(&text);
        assert!(
            file.values().all(|record| matches!(record.secret, Secret::Hash(_))),
            "a password is still there as it was typed:\n{text}"
        );
        assert_eq!(self.room.roster(), file, "the group is what the file says:\n{text}");
        for conn in self.conns.iter().flatten().filter(|conn| !self.room.is_leaving(conn.id)) {
            if let Some((who, password)) = &conn.inside {
                assert_eq!(self.known.get(who).map(|(known, _)| known), Some(password), "{who} is still in");
            }
        }
        for who in MAILS {
            for password in PASSWORDS {
                let slot = self.connect();
                self.login(slot, who, password);
                self.rest();
                let is_in = self.conns[slot].as_ref().is_some_and(|conn| conn.inside.is_some());
                let right = self.known.get(who).is_some_and(|(known, _)| *known == composed(password));
                assert_eq!(is_in, right, "{who} with {password}");
            }
        }
    }
}

/// A change as people know it.
fn apply(known: &mut BTreeMap<String, (String, bool)>, change: &Change) {
    match change {
        Change::Add { mail, hash } => drop(known.insert(mail.to_string(), (plain(hash), false))),
        Change::Remove { mail } => drop(known.remove(mail.as_str())),
        Change::SetPassword { mail, hash, .. } => {
            if let Some((password, _)) = known.get_mut(mail.as_str()) {
                *password = plain(hash);
            }
        }
        Change::Join { .. } | Change::Invite { .. } | Change::SetRole { .. } | Change::SetName { .. } => {
            unreachable!("nobody asks for it here")
        }
    }
}
