//! The threads and the disk of the simulated shell: late, full, or failing.

use chat_room::room::{
    AppendResult, Change, ChangeError, CheckFor, CheckJob, ConnId, Effect, HashFor, Input, MembersNews,
    SaveError, Secret, Ticket, Verdict,
};

use super::file::{apply, phc, plain, roster};
use super::oracle::{Client, FileChange};
use super::world::{Save, World};

impl World {
    pub(super) fn late(&mut self) -> bool {
        !self.draining && self.rng.percent(self.swarm.worker_delay)
    }

    /// The threads answer, or take their time.
    pub(super) fn workers(&mut self) {
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

    pub(super) fn answer_check(&mut self, job: CheckJob, verdict: Verdict) {
        match self.client_of(job.conn) {
            Some(client) => self.oracle.checked(client, verdict == Verdict::Busy),
            None => self.report.late_verdicts += 1,
        }
        self.note(format_args!("{:?} {verdict:?}", job.conn));
        self.handle(Input::Checked(job, verdict));
    }

    /// The members thread: makes the changes of the batch in the file, and tells what the file says.
    pub(super) fn save(&mut self, batch: Vec<Save>) {
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
                client_that_was(*id)
            });
            if code.is_none() && matches!(verb, "REMOVE" | "LEAVE") {
                self.report.cuts += 1;
            }
            self.note(format_args!("{id:?} {naive:?}: {code:?}"));
            self.oracle.saved(client, self.wall_ms, by.as_str(), &naive, code);
            answers.push((ticket, change, result));
        }
        let news = !broken && (self.file != self.told || self.rng.percent(20));
        if news {
            self.told = self.file.clone();
            self.oracle.file_says(self.wall_ms, &self.file);
        }
        let roster = news.then(|| roster(&self.file));
        self.handle(Input::Members(MembersNews { answers, roster }));
        if !news {
            // Without news of the file, the changes made are all that is told of it.
            self.told =
                self.oracle.members.iter().map(|(k, m)| (k.clone(), (m.password.clone(), m.admin))).collect();
        }
    }

    pub(super) fn client_of(&self, id: ConnId) -> Option<Client> {
        let conn = self.conns.get(id.slot as usize)?.as_ref()?;
        (conn.id == id).then_some(conn.client)
    }

    /// Effects become jobs. A queue that is full says so at once.
    pub(super) fn think(&mut self) {
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

    pub(super) fn disk(&mut self) {
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
}

/// Clients are numbered as connections are.
fn client_that_was(id: ConnId) -> Client {
    Client::try_from(id.serial).expect("few")
}
