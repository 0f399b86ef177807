//! Who is next at the hash thread: members who wait for their command before those who log in, and these before
//! passwords typed into the file. Each class has its own bound, so that a flood of strangers keeps nobody
//! else out, and the file comes to its turn however many log in.

use std::collections::VecDeque;

use crate::limits::{HASH_LOGINS_PER_FILE, HASH_QUEUE_MAX};
use crate::room::{CheckFor, CheckJob, ConnId, HashFor, HashJob};

/// What the thread does.
#[derive(Debug)]
pub(super) enum Task {
    Check(CheckJob),
    Hash(HashJob),
}

impl Task {
    /// Who waits for it, if it is a connection.
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self {
            Task::Check(job) => Some(job.conn),
            Task::Hash(job) => job.purpose.conn(),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HashQueue {
    commands: VecDeque<Task>,
    logins: VecDeque<Task>,
    file: VecDeque<Task>,
    /// Logins that went before the file since it had its last turn.
    logins_since_file: u32,
}

impl HashQueue {
    /// Takes a task, or gives it back when its class is full.
    pub(super) fn push(&mut self, task: Task) -> Option<Task> {
        let class = match &task {
            Task::Check(CheckJob { purpose: CheckFor::Login(_), .. }) => &mut self.logins,
            Task::Hash(HashJob { purpose: HashFor::Typed { .. }, .. }) => &mut self.file,
            Task::Check(_) | Task::Hash(_) => &mut self.commands,
        };
        if class.len() >= HASH_QUEUE_MAX {
            return Some(task);
        }
        class.push_back(task);
        None
    }

    /// The next task.
    pub(super) fn pop(&mut self) -> Option<Task> {
        if let Some(command) = self.commands.pop_front() {
            return Some(command);
        }
        let files_turn = self.logins.is_empty() || self.logins_since_file >= HASH_LOGINS_PER_FILE;
        if files_turn && let Some(typed) = self.file.pop_front() {
            self.logins_since_file = 0;
            return Some(typed);
        }
        self.logins_since_file = self.logins_since_file.saturating_add(1);
        self.logins.pop_front()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.commands.len() + self.logins.len() + self.file.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Mail, Password, Subscription};
    use crate::room::Proof;

    fn password() -> Password {
        Password::parse(b"password").expect("a password")
    }

    fn mail() -> Mail {
        Mail::parse(b"ann@x").expect("a mail")
    }

    fn login() -> Task {
        let conn = ConnId { slot: 0, serial: 0 };
        let purpose = CheckFor::Login(Subscription::Feedless);
        Task::Check(CheckJob {
            conn,
            mail: mail(),
            against: None,
            proof: Proof::Password(password()),
            purpose,
        })
    }

    fn hash(purpose: HashFor) -> Task {
        Task::Hash(HashJob { password: password(), purpose })
    }

    fn typed() -> Task {
        hash(HashFor::Typed { mail: mail(), before: None })
    }

    fn command() -> Task {
        hash(HashFor::Add(ConnId { slot: 0, serial: 0 }, mail()))
    }

    fn letter(task: &Task) -> char {
        match task {
            Task::Check(_) => 'l',
            Task::Hash(HashJob { purpose: HashFor::Typed { .. }, .. }) => 'f',
            Task::Hash(_) => 'c',
        }
    }

    #[test]
    fn order() {
        let mut queue = HashQueue::default();
        for _ in 0..20 {
            assert!(queue.push(login()).is_none());
        }
        for task in [typed(), typed(), command()] {
            assert!(queue.push(task).is_none());
        }
        let order: String = std::iter::from_fn(|| queue.pop()).map(|task| letter(&task)).collect();
        assert_eq!(order, "cllllllllfllllllllfllll");
    }

    #[test]
    fn a_flood_of_one_class_leaves_room_for_the_others() {
        let mut queue = HashQueue::default();
        while queue.push(login()).is_none() {}
        assert_eq!(queue.len(), HASH_QUEUE_MAX);
        assert!(queue.push(command()).is_none() && queue.push(typed()).is_none());
    }
}
