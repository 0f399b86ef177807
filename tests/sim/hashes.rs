//! The thread that hashes, and what is answered without it. It has one task after the other, in any order, and two of
//! them at once on their way: what came of those may be old by the time it is told.

use chat_room::protocol::{Device, LastIs, Mail, Subscription};
use chat_room::room::{
    CheckFor, CheckJob, ConnId, Effect, HashFor, HashJob, Input, JoinJob, PasswordHash, Proof, Secret,
    Verdict,
};

use super::file::{Field, field, phc};
use super::oracle::token;
use super::world::World;

/// At the thread at once.
const AT_THREAD_MAX: usize = 2;

/// What waits for the thread.
pub(super) enum Task {
    Check(CheckJob),
    Hash(HashJob),
    Join(JoinJob),
    /// With what the oracle says of when that stood there.
    Typed(HashJob, u64),
}

/// What came of it.
pub(super) enum Found {
    Checked(CheckJob, Verdict),
    Hashed(HashJob, PasswordHash),
    Joining(JoinJob, PasswordHash),
    Typed(HashJob, u64, PasswordHash),
}

/// What an answer to a check is about.
struct CheckAnswer {
    conn: ConnId,
    is_login: bool,
    /// The device that has a feed from then on.
    login: Option<(Mail, Device)>,
}

impl CheckAnswer {
    fn of(job: &CheckJob) -> CheckAnswer {
        let login = match &job.purpose {
            CheckFor::Login(Subscription::Feed(device)) => Some((job.mail.clone(), device.clone())),
            CheckFor::Login(Subscription::Feedless) | CheckFor::Passwd(_) => None,
        };
        CheckAnswer { conn: job.conn, is_login: matches!(job.purpose, CheckFor::Login(_)), login }
    }
}

impl World {
    /// The thread goes on, or takes its time.
    pub(super) fn hash_thread(&mut self) {
        loop {
            while self.found.len() < AT_THREAD_MAX && !self.tasks.is_empty() && !self.late() {
                let at = self.rng.below(self.tasks.len());
                let task = self.tasks.swap_remove(at);
                self.begin(task);
            }
            while !self.settling.is_empty() && !self.late() {
                let at = self.rng.below(self.settling.len());
                let job = self.settling.swap_remove(at);
                self.settled(job);
                self.think();
            }
            if self.found.is_empty() || self.late() {
                return;
            }
            let found = self.found.pop_front().expect("it was there");
            self.tell_found(found);
            self.think();
        }
    }

    /// A task has its turn: it is about what stands now. Those of connections that are gone are dropped.
    fn begin(&mut self, task: Task) {
        let found = match task {
            Task::Check(mut job) if self.room.is_waiting(job.conn) => {
                self.room.renew(&mut job);
                let verdict = self.look(&job);
                Found::Checked(job, verdict)
            }
            Task::Hash(job) if job.purpose.conn().is_some_and(|id| self.room.is_waiting(id)) => {
                let made = self.new_hash(job.password.expose());
                Found::Hashed(job, made)
            }
            Task::Join(job) if self.room.is_waiting(job.conn) => {
                let made = self.new_hash(job.password.expose());
                Found::Joining(job, made)
            }
            Task::Typed(job, version) => {
                let HashFor::Typed { before, .. } = &job.purpose else { panic!("{job:?}") };
                let password = job.password.expose();
                let same = before.clone().filter(|before| field(before).password() == password);
                self.report.same_again += usize::from(same.is_some());
                let made = same.unwrap_or_else(|| self.new_hash(password));
                Found::Typed(job, version, made)
            }
            Task::Check(_) | Task::Hash(_) | Task::Join(_) => return,
        };
        self.found.push_back(found);
    }

    pub(super) fn new_hash(&mut self, password: &str) -> PasswordHash {
        self.salt += 1;
        phc(password, self.salt)
    }

    /// Whether it fits what the job says that it must; the oracle agrees about both.
    fn look(&mut self, job: &CheckJob) -> Verdict {
        let fits = match (&job.against, &job.proof) {
            (Some((Secret::Hash(hash), _)), Proof::Password(given)) => {
                field(hash).password() == given.expose()
            }
            (Some((Secret::Typed(typed), _)), Proof::Password(given)) => typed == given,
            (Some((Secret::Hash(hash), _)), Proof::Token(given)) => {
                given.expose() == token(job.mail.as_str(), job.added.0, &field(hash))
            }
            (Some((Secret::Typed(_), _)), Proof::Token(_)) => panic!("no token is of what was typed"),
            (None, _) => false,
        };
        if let Some(client) = self.client_of(job.conn) {
            let is_token = matches!(job.proof, Proof::Token(_));
            let should = if is_token { self.oracle.fitted(client) } else { self.oracle.looks(client) };
            assert_eq!(fits, should, "{job:?}");
        }
        if fits { Verdict::Match } else { Verdict::NoMatch }
    }

    fn tell_found(&mut self, found: Found) {
        match found {
            Found::Checked(job, verdict) => self.answer_check(job, verdict),
            Found::Hashed(job, made) => {
                let conn = job.purpose.conn().expect("a connection waits for it");
                match self.client_of(conn) {
                    Some(client) => {
                        self.oracle.hash_done(client);
                    }
                    None => self.note_late(conn),
                }
                self.handle(Input::Hashed(job, Some(made)));
            }
            Found::Joining(job, made) => self.tell_joining(job, made),
            Found::Typed(job, version, made) => {
                let HashFor::Typed { mail, .. } = &job.purpose else { panic!("{job:?}") };
                let Field::Hash(..) = field(&made) else { panic!("a hash is one") };
                let is_written = self.oracle.typed_hashed(mail.as_str(), version, &field(&made));
                self.report.stale_hashes += usize::from(!is_written);
                self.note(format_args!("the hash of {mail}'s typed one is made, of use: {is_written}"));
                self.saves_due += usize::from(is_written);
                self.handle(Input::Hashed(job, Some(made)));
            }
        }
    }

    /// Tokens and what was right before are looked at at once.
    pub(super) fn ask_check(&mut self, job: CheckJob, busy: bool) {
        assert!(matches!(job.purpose, CheckFor::Login(_) | CheckFor::Passwd(_)));
        let is_login = matches!(job.purpose, CheckFor::Login(_));
        let at_once = matches!(job.proof, Proof::Token(_)) || is_login && self.rng.percent(10);
        if at_once {
            let verdict = self.look(&job);
            if verdict == Verdict::Match || matches!(job.proof, Proof::Token(_)) {
                return self.answer_check(job, verdict);
            }
        }
        if busy { self.answer_check(job, Verdict::Busy) } else { self.tasks.push(Task::Check(job)) }
    }

    pub(super) fn ask_hash(&mut self, job: HashJob, busy: bool) {
        if let HashFor::Typed { mail, before, .. } = &job.purpose {
            let before = before.as_ref().map(field);
            let version = self.oracle.typed(mail.as_str(), job.password.expose(), before.as_ref());
            self.report.typed_busy += usize::from(busy);
            if busy {
                return self.handle(Input::Hashed(job, None));
            }
            return self.tasks.push(Task::Typed(job, version));
        }
        if busy {
            let client = self.client_of(job.purpose.conn().expect("a command's")).expect("it has just asked");
            self.oracle.hash_busy(client);
            return self.handle(Input::Hashed(job, None));
        }
        self.tasks.push(Task::Hash(job));
    }

    pub(super) fn ask_join(&mut self, job: JoinJob, busy: bool) {
        if busy {
            let client = self.client_of(job.conn).expect("it has just asked");
            self.oracle.join_busy(client);
            return self.handle(Input::Joining(job, None, None));
        }
        self.tasks.push(Task::Join(job));
    }

    pub(super) fn answer_check(&mut self, job: CheckJob, verdict: Verdict) {
        self.note(format_args!("{:?} {verdict:?}", job.conn));
        self.tell_checked(CheckAnswer::of(&job), verdict, Input::Checked(job, verdict));
    }

    /// What a member has said on other nodes is settled.
    fn settled(&mut self, job: CheckJob) {
        self.note(format_args!("{:?} is settled", job.conn));
        self.report.settled_late += 1;
        self.tell_checked(CheckAnswer::of(&job), Verdict::Match, Input::Settled(job, LastIs::Certain));
    }

    /// The login that was right waits for what its member has said elsewhere.
    fn take_settling(&mut self) -> Option<CheckJob> {
        let mut jobs = self.effects.extract_if(.., |effect| matches!(effect, Effect::Settle(_)));
        match (jobs.next(), jobs.next()) {
            (Some(Effect::Settle(job)), None) => Some(job),
            (None, None) => None,
            both => panic!("one login was checked: {both:?}"),
        }
    }

    fn tell_checked(&mut self, answer: CheckAnswer, verdict: Verdict, input: Input<'_>) {
        let first = self.room.transcript().first().0;
        let CheckAnswer { conn: id, is_login, login } = answer;
        let Some(client) = self.client_of(id) else {
            self.note_late(id);
            return self.handle(input);
        };
        let is_overtaken = is_login && self.oracle.is_overtaken(client);
        self.room.handle(self.now(), input, &mut self.effects);
        if let Some(job) = self.take_settling() {
            if self.nodes.is_some() && self.late() {
                return self.settling.push(job);
            }
            self.handle(Input::Settled(job, LastIs::Certain));
        }
        if verdict == Verdict::Match && is_overtaken {
            self.oracle.overtaken.right += 1;
            // The oracle expects ERR; this is the same said twice.
            assert!(self.room.is_before_login(id) || self.room.is_leaving(id), "client {client} is in");
        }
        if verdict == Verdict::Match && self.is_postponed(id, client, login.as_ref()) {
            return;
        }
        self.note_new_devices();
        let delivered = login.and_then(|(who, device)| self.delivered(&who, &device));
        self.oracle.checked(client, verdict == Verdict::Busy, delivered.map(|seq| seq.0), first);
        self.oracle.clients[client].locating = is_login && !self.room.listens(id);
    }
}
