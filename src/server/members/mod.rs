//! The loop's side of the thread of members.txt: takes changes, and gives the room answers and edits.

pub mod file;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use log::{info, warn};
use mio::Waker;

use crate::limits::CHANGES_LOGGED;
use crate::protocol::Mail;
use crate::room::{Change, Changed, Difference, Input, MembersFile, MembersNews, SaveError, Ticket};
use crate::server::files::Problem;
use crate::server::members::file::{Done, Job, Timing};
use crate::server::threads::worker::Worker;

#[derive(Debug)]
pub(in crate::server) struct Members {
    pub(in crate::server) path: PathBuf,
    worker: Worker<Job<Ticket>, Done<Ticket>>,
    /// Changes that are not answered yet.
    pub(in crate::server) pending: usize,
    /// Why the file cannot be followed at present, if it cannot.
    pub(in crate::server) problem: Option<Problem>,
    /// Why the file cannot be replaced at present, so that no command can change it, if it cannot.
    pub(in crate::server) obstacle: Option<Problem>,
}

impl Members {
    /// Starts the thread. `file` is the file as it was read at the start.
    pub(in crate::server) fn start(path: &Path, file: MembersFile, waker: Arc<Waker>) -> io::Result<Members> {
        let worker = file::spawn(path.to_owned(), file, Timing::default(), waker)?;
        Ok(Members { path: path.to_owned(), worker, pending: 0, problem: None, obstacle: None })
    }

    /// Hands a change to the thread; refuses it if too many wait.
    pub(in crate::server) fn save(&mut self, ticket: Ticket, change: Change) -> Option<Input<'static>> {
        match self.worker.try_send(Job::Change { ticket, change, asked: Instant::now() }) {
            Ok(()) => {
                self.pending += 1;
                None
            }
            Err(Job::Change { ticket, change, .. }) => {
                let answers = vec![(ticket, change, Err(SaveError::Busy))];
                Some(Input::Members(MembersNews { answers, ..MembersNews::default() }))
            }
            Err(Job::Reload) => unreachable!("a change comes back as a change"),
        }
    }

    /// Has the file read again. If the queue is full, it is about to be read anyway.
    pub(in crate::server) fn reload(&mut self) {
        let _ = self.worker.try_send(Job::Reload);
    }

    pub(in crate::server) fn collect(&mut self, inputs: &mut Vec<Input<'static>>) {
        while let Some(Done { answers, news }) = self.worker.try_recv() {
            self.pending -= answers.len();
            let may_write_again = [&news.readable, &news.replaceable].contains(&&Some(Ok(())));
            self.log_state(news.readable, news.replaceable);
            for (ticket, change, result) in &answers {
                if let (Ticket::Typed, Change::SetPassword { mail, .. }) = (ticket, change) {
                    typed_answered(mail, result);
                }
            }
            let edits = news.edits.into_iter().map(|edit| (edit.mail, edit.after)).collect();
            inputs.push(Input::Members(MembersNews { answers, edits, may_write_again }));
        }
    }

    fn log_state(&mut self, readable: Option<Result<(), Problem>>, replaceable: Option<Result<(), Problem>>) {
        match &readable {
            Some(Ok(())) => info!("the members file has no mistakes any more"),
            Some(Err(problem)) => warn!("the members stay as they were: {problem}"),
            None => {}
        }
        match &replaceable {
            Some(Ok(())) => info!("the members file can be replaced again"),
            Some(Err(problem)) => warn!(
                "{problem} (until then no command changes the members, and passwords typed there stay as they are)"
            ),
            None => {}
        }
        if let Some(state) = readable {
            self.problem = state.err();
        }
        if let Some(state) = replaceable {
            self.obstacle = state.err();
        }
    }
}

/// Logs changes of members and their authors, one line each. Programs parse these lines, so their form must not change. Of a
/// large edit not all are logged.
pub(in crate::server) fn log_changed(changed: &[Changed]) {
    for Changed { mail, what, by } in changed.iter().take(CHANGES_LOGGED) {
        match what {
            Difference::Added => info!("member added: mail={mail} by={by}"),
            Difference::Removed => info!("member removed: mail={mail} by={by}"),
            Difference::Password => info!("password changed: mail={mail} by={by}"),
            Difference::Role(role) => info!("role changed: mail={mail} role={role} by={by}"),
        }
    }
    if let Some(more) = changed.len().checked_sub(CHANGES_LOGGED).filter(|more| *more > 0) {
        info!("members changed: {more} more, too many to list");
    }
}

/// Logs whether a typed password was replaced by its hash. Always logged, because anybody who can read the file can read a
/// password that stays.
fn typed_answered(mail: &Mail, result: &Result<(), SaveError>) {
    match result {
        Ok(()) => info!("typed password replaced by its hash: mail={mail}"),
        // Another edit came first; it is reported separately.
        Err(SaveError::Refused(_)) => {}
        Err(SaveError::Busy) => {
            warn!("the password typed for {mail} is not replaced by its hash yet: too much to do");
        }
        Err(SaveError::Storage(why)) => {
            warn!("the password typed for {mail} stays in the members file: {why}");
        }
    }
}
