//! What the hash thread does next: members' commands first, then logins, then passwords typed into members.txt. Each
//! class has its own bound, so that a flood in one keeps nobody out of the others, and each gets a turn now and then
//! however much waits in those before it.
//!
//! Logins are fair on three levels. First by reputation: whether a password from their address was wrong lately.
//! However many addresses somebody guesses from, half of the turns are for the others. Then by address, so that it does
//! not matter how many logins come from one. Then by mail: a guesser and people who know their passwords may share an
//! address, and the guesser's mail is then one among several.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::{
    HASH_COMMANDS_IN_A_ROW, HASH_LOGINS_PER_FILE, HASH_QUEUE_MAX, HASH_QUEUE_SWEEP_EVERY, LOGINS_WAITING_MAX,
};
use crate::protocol::Mail;
use crate::room::{CheckJob, ConnId, HashFor, HashJob, JoinJob};
use crate::server::auth::admission::Source;
use crate::server::auth::fair::FairQueue;

/// What is known about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::server) enum Reputation {
    /// A password from this address was wrong lately.
    Guesser,
    Unknown,
}

/// Where a login comes from, and what that means for its turn.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Origin {
    pub(in crate::server) source: Source,
    pub(in crate::server) reputation: Reputation,
    /// The earliest time at which its password is checked.
    pub(in crate::server) not_before: Duration,
}

/// The levels on which logins are fair.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Reputation(Reputation),
    Source(Source),
    Mail(Mail),
}

/// Work for the hash thread.
#[derive(Debug)]
pub(in crate::server) enum Task {
    /// Checks a password: of a login from there, or the old one that a member gives with PASSWD.
    Check(CheckJob, Option<Origin>),
    /// Hashes the password of somebody who is invited, or says so. It comes like a login, and waits like one.
    Join(JoinJob, Origin),
    Hash(HashJob),
}

impl Task {
    /// The connection that waits for it, if one does.
    pub(in crate::server) fn conn(&self) -> Option<ConnId> {
        match self {
            Task::Check(job, _) => Some(job.conn),
            Task::Join(job, _) => Some(job.conn),
            Task::Hash(job) => job.purpose.conn(),
        }
    }

    /// Where it comes from and for which mail, if it comes before a login.
    fn before_login(&self) -> Option<(Origin, &Mail)> {
        match self {
            Task::Check(job, Some(origin)) => Some((*origin, &job.mail)),
            Task::Join(job, origin) => Some((*origin, &job.mail)),
            Task::Check(_, None) | Task::Hash(_) => None,
        }
    }

    /// Whether it is of a password typed into members.txt.
    fn is_typed(&self) -> bool {
        matches!(self, Task::Hash(HashJob { purpose: HashFor::Typed { .. }, .. }))
    }
}

#[derive(Debug, Default)]
pub(in crate::server) struct HashQueue {
    commands: VecDeque<Task>,
    logins: FairQueue<Key, Task>,
    /// The earliest time at which logins of closed connections are looked for again.
    next_sweep: Duration,
    file: VecDeque<Task>,
    /// Commands taken since another class had a turn.
    commands_in_a_row: u32,
    /// Logins taken since a password from the file had a turn.
    logins_since_file: u32,
}

impl HashQueue {
    /// Takes a task. Returns the task for which there is no place: this one, or a login evicted for it. `is_waiting`
    /// tells whether a connection still waits for its answer.
    pub(in crate::server) fn push(
        &mut self,
        task: Task,
        now: Duration,
        is_waiting: impl Fn(ConnId) -> bool,
    ) -> Option<Task> {
        if let Some((Origin { reputation, source, not_before }, mail)) = task.before_login() {
            let path = [Key::Reputation(reputation), Key::Source(source), Key::Mail(mail.clone())];
            if self.logins.len() >= LOGINS_WAITING_MAX && self.next_sweep <= now {
                self.next_sweep = now + HASH_QUEUE_SWEEP_EVERY;
                self.logins.retain(&|login| login.conn().is_none_or(&is_waiting));
            }
            let mut evicted = None;
            if self.logins.len() >= LOGINS_WAITING_MAX {
                evicted = self.logins.evict_for(&path);
                if evicted.is_none() {
                    return Some(task);
                }
            }
            self.logins.push(&path, not_before, task);
            return evicted;
        }
        let class = if task.is_typed() { &mut self.file } else { &mut self.commands };
        if class.len() >= HASH_QUEUE_MAX {
            return Some(task);
        }
        class.push_back(task);
        None
    }

    /// Takes the next task whose time has come.
    pub(in crate::server) fn pop(&mut self, now: Duration) -> Option<Task> {
        let logins_wait = self.logins.next_at().is_some_and(|at| at <= now);
        let others_wait = logins_wait || !self.file.is_empty();
        if (self.commands_in_a_row < HASH_COMMANDS_IN_A_ROW || !others_wait)
            && let Some(command) = self.commands.pop_front()
        {
            self.commands_in_a_row = self.commands_in_a_row.saturating_add(1);
            return Some(command);
        }
        self.commands_in_a_row = 0;
        let logins_turn = self.logins_since_file < HASH_LOGINS_PER_FILE || self.file.is_empty();
        if logins_turn && let Some(login) = self.logins.pop(now) {
            self.logins_since_file = self.logins_since_file.saturating_add(1);
            return Some(login);
        }
        self.logins_since_file = 0;
        self.file.pop_front()
    }

    /// The earliest time at which there may be a task.
    pub(in crate::server) fn next_at(&self) -> Option<Duration> {
        let waits = !self.commands.is_empty() || !self.file.is_empty();
        if waits { Some(Duration::ZERO) } else { self.logins.next_at() }
    }

    /// How many tasks wait.
    pub(in crate::server) fn len(&self) -> usize {
        self.commands.len() + self.logins.len() + self.file.len()
    }

    /// Panics if an invariant does not hold. Looks at every task; debug builds do once a turn.
    pub(in crate::server) fn check(&self) {
        self.logins.check();
        assert!(self.file.iter().all(Task::is_typed), "the file's class holds only passwords from the file");
        let is_command = |task: &Task| !task.is_typed() && task.before_login().is_none();
        assert!(self.commands.iter().all(is_command), "the commands' class holds only commands");
        assert!(self.commands.len() <= HASH_QUEUE_MAX && self.file.len() <= HASH_QUEUE_MAX, "bounded");
        assert!(self.logins.len() <= LOGINS_WAITING_MAX, "bounded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Password, Seq, Subscription};
    use crate::room::NewPassword;
    use crate::room::{CheckFor, Proof, Version};

    const NOW: Duration = Duration::from_secs(100);

    fn password() -> Password {
        Password::parse(b"password").expect("a password")
    }

    fn mail() -> Mail {
        Mail::parse(b"ann@x").expect("a mail")
    }

    /// A login whose connection's serial number is its address.
    fn login(address: u64) -> Task {
        login_of(address, Reputation::Unknown, NOW)
    }

    fn login_of(address: u64, reputation: Reputation, not_before: Duration) -> Task {
        let conn = ConnId { slot: 0, serial: address };
        let purpose = CheckFor::Login(Subscription::Feedless);
        let proof = Proof::Password(password());
        let origin = Origin { source: Source::V6(address), reputation, not_before };
        let job = CheckJob { conn, mail: mail(), against: None, added: Seq(0), proof, purpose, asked: NOW };
        Task::Check(job, Some(origin))
    }

    fn hash(purpose: HashFor) -> Task {
        Task::Hash(HashJob { password: password(), purpose })
    }

    fn typed() -> Task {
        hash(HashFor::Typed { mail: mail(), version: Version::default(), before: None })
    }

    fn command() -> Task {
        hash(HashFor::Command(ConnId { slot: 0, serial: 0 }, NewPassword::Add(mail())))
    }

    fn push(queue: &mut HashQueue, task: Task) -> Option<Task> {
        let refused = queue.push(task, NOW, |_| true);
        if queue.len() < 100 {
            queue.check();
        }
        refused
    }

    fn letter(task: &Task) -> char {
        match task {
            Task::Check(_, Some(_)) | Task::Join(..) => 'l',
            Task::Hash(_) if task.is_typed() => 'f',
            Task::Hash(_) | Task::Check(_, None) => 'c',
        }
    }

    #[test]
    fn whoever_wants_to_join_waits_as_a_login_does() {
        use crate::protocol::InviteWord;

        let mut queue = HashQueue::default();
        let join = |address, seconds| {
            let word = InviteWord::parse(b"word").expect("a word");
            let conn = ConnId { slot: 0, serial: address };
            let job = JoinJob { conn, mail: mail(), word, password: password(), transcript: 7 };
            let not_before = NOW + Duration::from_secs(seconds);
            Task::Join(
                job,
                Origin { source: Source::V6(address), reputation: Reputation::Unknown, not_before },
            )
        };
        for task in [join(1, 2), join(2, 0), login(2), command()] {
            assert!(push(&mut queue, task).is_none());
        }
        let next = |queue: &mut HashQueue, now| queue.pop(now).map(|task| letter(&task));
        let taken: Vec<_> = (0..4).map(|_| next(&mut queue, NOW)).collect();
        assert_eq!(taken, [Some('c'), Some('l'), Some('l'), None]);
        assert_eq!(next(&mut queue, NOW + Duration::from_secs(2)), Some('l'));
        // The same bound is theirs.
        for address in 0..LOGINS_WAITING_MAX as u64 {
            assert!(push(&mut queue, join(address, 0)).is_none());
        }
        assert!(push(&mut queue, join(7, 0)).is_some() && push(&mut queue, login(7)).is_some());
    }

    #[test]
    fn order() {
        let mut queue = HashQueue::default();
        for _ in 0..20 {
            assert!(push(&mut queue, login(1)).is_none());
        }
        for task in [typed(), typed(), command()] {
            assert!(push(&mut queue, task).is_none());
        }
        let order: String = std::iter::from_fn(|| queue.pop(NOW)).map(|task| letter(&task)).collect();
        assert_eq!(order, "cllllllllfllllllllfllll");
    }

    #[test]
    fn endless_commands_keep_nobody_out() {
        let mut queue = HashQueue::default();
        for task in std::iter::repeat_with(command).take(20).chain([login(1), typed()]) {
            assert!(push(&mut queue, task).is_none());
        }
        let order: String = std::iter::from_fn(|| queue.pop(NOW)).map(|task| letter(&task)).collect();
        assert_eq!(order, "cccccccclccccccccfcccc");
    }

    #[test]
    fn a_login_that_is_held_back_holds_back_nobody_else() {
        let mut queue = HashQueue::default();
        let later = login_of(1, Reputation::Guesser, NOW + Duration::from_secs(2));
        assert!(push(&mut queue, later).is_none());
        assert!(push(&mut queue, typed()).is_none());
        assert_eq!(queue.pop(NOW).map(|task| letter(&task)), Some('f'));
        assert!(queue.pop(NOW).is_none());
        assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(2)));
    }

    #[test]
    fn a_flood_in_one_class_leaves_room_in_the_others() {
        let mut queue = HashQueue::default();
        while push(&mut queue, login(1)).is_none() {}
        assert_eq!(queue.len(), LOGINS_WAITING_MAX);
        assert!(push(&mut queue, command()).is_none() && push(&mut queue, typed()).is_none());
        // Another address: a login from the first is evicted for it.
        let evicted = push(&mut queue, login(2)).expect("the queue is full");
        assert_eq!(evicted.conn().map(|conn| conn.serial), Some(1));
        assert_eq!(queue.len(), LOGINS_WAITING_MAX + 2);
        // Logins of closed connections take no place.
        let task = queue.push(login(1), NOW + HASH_QUEUE_SWEEP_EVERY, |conn| conn.serial == 2);
        assert!(task.is_none());
        assert_eq!(queue.len(), 4);
        queue.check();
    }

    #[test]
    fn however_many_addresses_guess_another_has_its_turn() {
        let mut queue = HashQueue::default();
        for address in 0..LOGINS_WAITING_MAX as u64 {
            assert!(push(&mut queue, login_of(address, Reputation::Guesser, NOW)).is_none());
        }
        let one_more = push(&mut queue, login_of(5000, Reputation::Guesser, NOW));
        assert_eq!(one_more.and_then(|task| task.conn()).map(|conn| conn.serial), Some(5000));
        // A login from an address that has not guessed has a place, and the first or the second turn.
        assert!(
            push(&mut queue, login(6000)).is_some_and(|task| task.conn().is_some_and(|c| c.serial < 5000))
        );
        queue.check();
        let mut serial = || queue.pop(NOW).and_then(|task| task.conn()).map(|conn| conn.serial);
        assert!([serial(), serial()].contains(&Some(6000)));
    }
}
