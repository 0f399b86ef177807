//! Who is next at the hash thread: members who wait for their command before those who log in, and these before
//! passwords typed into the file. Each class has its own bound, so that a flood of strangers keeps nobody else
//! out. Neither do members' commands, and the file comes to its turn however many log in. Those who log in have
//! their turns by whether their address has guessed wrong lately: from however many addresses somebody guesses, half
//! of the turns are for the others. Among these by address, so that it does not matter how much comes from one. And
//! in that by mail: who guesses at one is behind the same address as others who are not to wait for it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::{
    HASH_COMMANDS_IN_A_ROW, HASH_LOGINS_PER_FILE, HASH_QUEUE_LOOK, HASH_QUEUE_MAX, LOGINS_WAITING_MAX,
};
use crate::protocol::Mail;
use crate::room::{CheckJob, ConnId, HashFor, HashJob};
use crate::server::auth::admission::Source;
use crate::server::auth::fair::{FairQueue, Line, Queue as _};

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::server) enum Repute {
    /// A password from there was wrong lately.
    Guesser,
    Unknown,
}

/// Where a login comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Guest {
    pub(in crate::server) source: Source,
    pub(in crate::server) repute: Repute,
    /// When it is looked at, at the soonest.
    pub(in crate::server) not_before: Duration,
}

type ByMail = FairQueue<Mail, Line<(CheckJob, Guest)>>;
type Logins = FairQueue<Repute, FairQueue<Source, ByMail>>;

/// What the thread does.
#[derive(Debug)]
pub(in crate::server) enum Task {
    /// The password of somebody who wants to get in.
    Login(CheckJob, Guest),
    /// A member's own.
    Check(CheckJob),
    Hash(HashJob),
}

impl Task {
    /// Whose password it checks.
    pub(in crate::server) fn mail(&self) -> Option<&Mail> {
        match self {
            Task::Login(job, _) | Task::Check(job) => Some(&job.mail),
            Task::Hash(_) => None,
        }
    }

    /// Who waits for it, if it is a connection.
    pub(in crate::server) fn conn(&self) -> Option<ConnId> {
        match self {
            Task::Login(job, _) | Task::Check(job) => Some(job.conn),
            Task::Hash(job) => job.purpose.conn(),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct HashQueue {
    commands: VecDeque<Task>,
    logins: Logins,
    /// When it is looked again who of the logins is gone.
    look_at: Duration,
    file: VecDeque<Task>,
    /// Commands since one of the others had a turn.
    commands_in_a_row: u32,
    /// Logins that went before the file since it had its last turn.
    logins_since_file: u32,
}

impl HashQueue {
    /// Takes a task. Gives what there is no place for: this one, or another login that had to give way. `waits`:
    /// whether a connection still waits for an answer.
    pub(in crate::server) fn push(
        &mut self,
        task: Task,
        now: Duration,
        waits: impl Fn(ConnId) -> bool,
    ) -> Option<Task> {
        let class = match task {
            Task::Login(job, guest) => return self.push_login(job, guest, now, waits),
            Task::Hash(HashJob { purpose: HashFor::Typed { .. }, .. }) => &mut self.file,
            Task::Check(_) | Task::Hash(_) => &mut self.commands,
        };
        if class.len() >= HASH_QUEUE_MAX {
            return Some(task);
        }
        class.push_back(task);
        None
    }

    fn push_login(
        &mut self,
        job: CheckJob,
        guest: Guest,
        now: Duration,
        waits: impl Fn(ConnId) -> bool,
    ) -> Option<Task> {
        if self.logins.len() >= LOGINS_WAITING_MAX && self.look_at <= now {
            self.look_at = now + HASH_QUEUE_LOOK;
            self.logins.retain(&|(job, _)| waits(job.conn));
        }
        let path = (guest.repute, (guest.source, (job.mail.clone(), ())));
        let mut gives_way = None;
        if self.logins.len() >= LOGINS_WAITING_MAX {
            gives_way = self.logins.give_way(&path);
            if gives_way.is_none() {
                return Some(Task::Login(job, guest));
            }
        }
        self.logins.push(path, guest.not_before, (job, guest));
        gives_way.map(|(job, guest)| Task::Login(job, guest))
    }

    /// The next task whose time has come.
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
        if logins_turn && let Some((job, guest)) = self.logins.pop(now) {
            self.logins_since_file = self.logins_since_file.saturating_add(1);
            return Some(Task::Login(job, guest));
        }
        self.logins_since_file = 0;
        self.file.pop_front()
    }

    /// When there is a task.
    pub(in crate::server) fn next_at(&self) -> Option<Duration> {
        let waits = !self.commands.is_empty() || !self.file.is_empty();
        if waits { Some(Duration::ZERO) } else { self.logins.next_at() }
    }

    /// How many wait.
    pub(in crate::server) fn len(&self) -> usize {
        self.commands.len() + self.logins.len() + self.file.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Password, Seq, Subscription};
    use crate::room::{CheckFor, Proof, Version};

    const NOW: Duration = Duration::from_secs(100);

    fn password() -> Password {
        Password::parse(b"password").expect("a password")
    }

    fn mail() -> Mail {
        Mail::parse(b"ann@x").expect("a mail")
    }

    /// Somebody whose serial number tells the address.
    fn login(address: u64) -> Task {
        login_of(address, Repute::Unknown, NOW)
    }

    fn login_of(address: u64, repute: Repute, not_before: Duration) -> Task {
        let conn = ConnId { slot: 0, serial: address };
        let purpose = CheckFor::Login(Subscription::Feedless);
        let proof = Proof::Password(password());
        let guest = Guest { source: Source::V6(address), repute, not_before };
        Task::Login(CheckJob { conn, mail: mail(), against: None, added: Seq(0), proof, purpose }, guest)
    }

    fn hash(purpose: HashFor) -> Task {
        Task::Hash(HashJob { password: password(), purpose })
    }

    fn typed() -> Task {
        hash(HashFor::Typed { mail: mail(), version: Version::default(), before: None })
    }

    fn command() -> Task {
        hash(HashFor::Add(ConnId { slot: 0, serial: 0 }, mail()))
    }

    fn push(queue: &mut HashQueue, task: Task) -> Option<Task> {
        queue.push(task, NOW, |_| true)
    }

    fn letter(task: &Task) -> char {
        match task {
            Task::Login(..) => 'l',
            Task::Hash(HashJob { purpose: HashFor::Typed { .. }, .. }) => 'f',
            Task::Hash(_) | Task::Check(_) => 'c',
        }
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
    fn commands_without_end_keep_nobody_out() {
        let mut queue = HashQueue::default();
        for task in std::iter::repeat_with(command).take(20).chain([login(1), typed()]) {
            assert!(push(&mut queue, task).is_none());
        }
        let order: String = std::iter::from_fn(|| queue.pop(NOW)).map(|task| letter(&task)).collect();
        assert_eq!(order, "cccccccclccccccccfcccc");
    }

    #[test]
    fn a_login_that_has_to_wait_keeps_nobody_else_waiting() {
        let mut queue = HashQueue::default();
        let later = login_of(1, Repute::Guesser, NOW + Duration::from_secs(2));
        assert!(push(&mut queue, later).is_none());
        assert!(push(&mut queue, typed()).is_none());
        assert_eq!(queue.pop(NOW).map(|task| letter(&task)), Some('f'));
        assert!(queue.pop(NOW).is_none());
        assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(2)));
    }

    #[test]
    fn a_flood_of_one_class_leaves_room_for_the_others() {
        let mut queue = HashQueue::default();
        while push(&mut queue, login(1)).is_none() {}
        assert_eq!(queue.len(), LOGINS_WAITING_MAX);
        assert!(push(&mut queue, command()).is_none() && push(&mut queue, typed()).is_none());
        // Another address: one of the first gives way to it.
        let gave_way = push(&mut queue, login(2)).expect("the queue is full");
        assert_eq!(gave_way.conn().map(|conn| conn.serial), Some(1));
        assert_eq!(queue.len(), LOGINS_WAITING_MAX + 2);
        // Who is gone takes no place.
        let task = queue.push(login(1), NOW + HASH_QUEUE_LOOK, |conn| conn.serial == 2);
        assert!(task.is_none());
        assert_eq!(queue.len(), 4);
    }

    #[test]
    fn from_however_many_addresses_somebody_guesses() {
        let mut queue = HashQueue::default();
        for address in 0..LOGINS_WAITING_MAX as u64 {
            assert!(push(&mut queue, login_of(address, Repute::Guesser, NOW)).is_none());
        }
        let one_more = push(&mut queue, login_of(5000, Repute::Guesser, NOW));
        assert_eq!(one_more.and_then(|task| task.conn()).map(|conn| conn.serial), Some(5000));
        // One who is none of them has a place, and the first or the second turn.
        assert!(
            push(&mut queue, login(6000)).is_some_and(|task| task.conn().is_some_and(|c| c.serial < 5000))
        );
        let mut serial = || queue.pop(NOW).and_then(|task| task.conn()).map(|conn| conn.serial);
        assert!([serial(), serial()].contains(&Some(6000)));
    }
}
