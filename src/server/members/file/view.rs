//! members.txt as a view of a group that many nodes share: it follows what the group has decided already. So nothing that
//! is to be written is refused. What cannot be written now waits, and edits by hand are reported, not followed: they come
//! back as the group's decision.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use log::warn;

use crate::protocol::{Mail, Role};
use crate::room::{MembersFile, Standing};
use crate::server::files::{Problem, shown};
use crate::server::members::file::{Changes, Merge, News, Seen, State, Timing, Write};
use crate::server::over::log_over;

#[derive(Debug)]
pub(super) struct View {
    path: PathBuf,
    timing: Timing,
    merge: Merge,
    seen: Seen,
    /// What the file does not say yet.
    waiting: Changes,
    /// Why not.
    problem: State,
    /// When to try again.
    retry_at: Option<Instant>,
}

impl View {
    /// The file follows this group from now on; `seen` is what it said when it did last.
    pub(super) fn open(
        path: PathBuf,
        seen: Seen,
        group: &BTreeMap<Mail, Standing>,
        timing: Timing,
    ) -> Result<View, Problem> {
        // What differs from it now is an edit.
        let file = MembersFile::parse(&file_of(seen.members())).map_err(|mistake| {
            Problem(format!("what was seen of {} is no group: {mistake}", shown(&path)))
        })?;
        let was = seen.members();
        let gone = was.keys().filter(|mail| !group.contains_key(*mail)).map(|mail| (mail.clone(), None));
        let mut waiting: Changes = gone.collect();
        for (mail, standing) in group {
            if was.get(mail) != Some(standing) {
                waiting.insert(mail.clone(), Some(standing.clone()));
            }
        }
        let merge = Merge::open(path.clone(), file, timing);
        Ok(View { path, timing, merge, seen, waiting, problem: State::default(), retry_at: None })
    }

    /// The group has changed.
    pub(super) fn follow(&mut self, changes: Changes) {
        self.waiting.extend(changes);
        self.retry_at = None;
    }

    /// How many members' lines do not say yet what the group says.
    pub(super) fn behind(&self) -> usize {
        self.waiting.len()
    }

    /// The next look reads the file, whatever its stamp, and reports known problems again.
    pub(super) fn look_afresh(&mut self) {
        self.merge.look_afresh();
        self.problem.repeat = true;
        self.retry_at = None;
    }

    /// Looks for edits.
    pub(super) fn look(&mut self) {
        self.merge.look();
        self.merge.late_edit();
        self.merge.probe();
    }

    /// When to look again.
    pub(super) fn next_look(&self) -> std::time::Duration {
        self.merge.next_look()
    }

    /// What has not been reported yet. After news of the file what waits is tried again.
    pub(super) fn news(&mut self) -> News {
        let news = self.merge.news();
        if !news.is_empty() {
            self.retry_at = None;
        }
        news
    }

    /// Writes what waits, if it is time.
    pub(super) fn write(&mut self) {
        if self.waiting.is_empty() || self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.problem.now = self.try_write().err();
        self.retry_at = (!self.waiting.is_empty()).then(|| Instant::now() + self.timing.probe);
        match self.problem.news() {
            Some(Ok(())) => log_over(format_args!("{} agrees with the group again", shown(&self.path))),
            Some(Err(problem)) => warn!("the members file does not follow the group yet: {problem}"),
            None => {}
        }
    }

    fn try_write(&mut self) -> Result<(), Problem> {
        self.seen.announce(&self.waiting)?;
        // Whoever becomes an admin comes first, so that there is one after each line.
        let (mut writes, mut later) = (Vec::new(), Vec::new());
        for (mail, standing) in &self.waiting {
            let list = match standing {
                Some(Standing { role: Role::Admin, .. }) => &mut writes,
                _ => &mut later,
            };
            list.push(Write::View(mail.clone(), standing.clone()));
        }
        writes.append(&mut later);
        let results = self.merge.view(&writes, Instant::now() + self.timing.patience)?;
        let mut written = Changes::new();
        for (write, result) in writes.into_iter().zip(results) {
            if let (Write::View(mail, standing), Ok(())) = (write, result) {
                self.waiting.remove(&mail);
                written.insert(mail, standing);
            }
        }
        self.seen.record(written)?;
        match self.waiting.keys().next() {
            None => Ok(()),
            // An edit has taken the role from all others, and the group has not decided about that yet.
            Some(mail) => Err(Problem(format!("{}: {mail} is the last admin in it", shown(&self.path)))),
        }
    }
}

/// A file of these members and nothing else.
pub(super) fn file_of(members: &BTreeMap<Mail, Standing>) -> Vec<u8> {
    let line = |(mail, Standing { hash, role, name }): (&Mail, &Standing)| match (role, name) {
        (role, Some(name)) => format!("{mail} {} {role} {name}\n", hash.as_str()),
        (Role::Admin, None) => format!("{mail} {} {role}\n", hash.as_str()),
        (Role::Member, None) => format!("{mail} {}\n", hash.as_str()),
    };
    members.iter().map(line).collect::<String>().into_bytes()
}
