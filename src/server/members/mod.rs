//! The loop's side of the thread of members.txt: takes changes, and gives the room answers and edits.

pub(in crate::server) mod edits;
pub mod file;
mod view;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{info, warn};
use mio::Waker;

use crate::limits::CHANGES_LOGGED;
use crate::protocol::{Author, Event, Mail};
use crate::room::{
    Change, Changed, Difference, Input, MembersFile, MembersNews, SaveError, Standing, Ticket,
};
use crate::server::files::Problem;
use crate::server::members::edits::Edits;
use crate::server::members::file::{Decides, Done, Job, Seen, Timing};
use crate::server::members::view::View;
use crate::server::over::log_over;
use crate::server::quoted::quoted;
use crate::server::threads::worker::Worker;

#[derive(Debug)]
pub(in crate::server) struct Members {
    pub(in crate::server) path: PathBuf,
    thread: Thread,
    pub(in crate::server) state: FileState,
}

/// Whether the file can be read, and replaced.
#[derive(Debug)]
pub(in crate::server) struct FileState {
    /// Who decides about the members.
    pub(in crate::server) decides: Decides,
    /// Why it has no meaning at present, if it has none.
    pub(in crate::server) problem: Option<Problem>,
    /// Why it cannot be replaced at present, so that nothing can be written there, if it cannot.
    pub(in crate::server) obstacle: Option<Problem>,
}

/// What the thread does with the file.
#[derive(Debug)]
enum Thread {
    /// Changes it for commands.
    Source(Worker<Job<Ticket>, Done<Ticket>>, Asked),
    /// Makes it follow the group that other nodes share.
    View(View),
}

/// What was asked of the thread, and heard from it.
#[derive(Debug, Default)]
struct Asked {
    /// Changes that are not answered yet.
    pending: usize,
    /// Reports with edits that were collected.
    reports: u64,
}

impl Members {
    /// Starts the thread. `file` is the file as it was read at the start.
    pub(in crate::server) fn start(path: &Path, file: MembersFile, waker: Arc<Waker>) -> io::Result<Members> {
        let worker = file::spawn(path.to_owned(), file, Timing::default(), waker)?;
        Ok(Members::of(path, Thread::Source(worker, Asked::default())))
    }

    /// Starts the thread of a file that follows this group; `seen` is what it said when it did last.
    pub(in crate::server) fn start_view(
        path: &Path,
        seen: Seen,
        group: &BTreeMap<Mail, Standing>,
        waker: Arc<Waker>,
    ) -> io::Result<Members> {
        Ok(Members::of(path, Thread::View(View::start(path, seen, group, waker)?)))
    }

    fn of(path: &Path, thread: Thread) -> Members {
        let decides = match thread {
            Thread::Source(..) => Decides::File,
            Thread::View(_) => Decides::Group,
        };
        let state = FileState { decides, problem: None, obstacle: None };
        Members { path: path.to_owned(), thread, state }
    }

    /// Hands a change to the thread; refuses it if too many wait.
    pub(in crate::server) fn save(&mut self, ticket: Ticket, change: Change) -> Option<Input<'static>> {
        let Thread::Source(worker, asked) = &mut self.thread else {
            unreachable!("where the file follows the group, the log has the change first")
        };
        let by = ticket.author();
        match worker.try_send(Job::Change(ticket, by, change, Instant::now(), asked.reports)) {
            Ok(()) => {
                asked.pending += 1;
                None
            }
            Err(Job::Change(ticket, _, change, ..)) => {
                Some(Input::Members(MembersNews::answer(ticket, change, Err(SaveError::Busy))))
            }
            Err(Job::Reload) => unreachable!("a change comes back as a change"),
        }
    }

    /// Has the file read again. If the queue is full, it is about to be read anyway.
    pub(in crate::server) fn reload(&mut self) {
        match &self.thread {
            Thread::Source(worker, _) => _ = worker.try_send(Job::Reload),
            Thread::View(view) => view.reload(),
        }
    }

    /// The group has made this of a member: the file is to follow.
    pub(in crate::server) fn follow(&mut self, mail: Mail, standing: Option<Standing>) {
        match &mut self.thread {
            Thread::Source(..) => unreachable!("the group follows the file"),
            Thread::View(view) => view.follow(mail, standing),
        }
    }

    /// Edits of a file that follows the group; `None` if the group follows the file.
    pub(in crate::server) fn edits(&mut self) -> Option<&mut Edits> {
        match &mut self.thread {
            Thread::Source(..) => None,
            Thread::View(view) => Some(&mut view.edits),
        }
    }

    /// When something is to be tried again.
    pub(in crate::server) fn retry_at(&self) -> Option<Duration> {
        match &self.thread {
            Thread::Source(..) => None,
            Thread::View(view) => view.edits.retry_at(),
        }
    }

    /// Changes that are not answered yet.
    pub(in crate::server) fn pending(&self) -> usize {
        match &self.thread {
            Thread::Source(_, asked) => asked.pending,
            Thread::View(view) => view.pending(),
        }
    }

    /// Members whose lines do not say yet what the group says; `None` if the file does not follow the group.
    pub(in crate::server) fn behind(&self) -> Option<usize> {
        match &self.thread {
            Thread::Source(..) => None,
            Thread::View(view) => Some(view.behind()),
        }
    }

    /// Collects the answers and the news. Edits of a file that follows the group are kept for it.
    pub(in crate::server) fn collect(&mut self, inputs: &mut Vec<Input<'static>>) {
        match &mut self.thread {
            Thread::Source(worker, asked) => {
                while let Some(Done { answers, news }) = worker.try_recv() {
                    asked.pending -= answers.len();
                    asked.reports += u64::from(!news.edits.is_empty());
                    let may_write_again = [&news.readable, &news.replaceable].contains(&&Some(Ok(())));
                    self.state.log(news.readable, news.replaceable);
                    for (ticket, change, result) in &answers {
                        if let (Ticket::Typed, Change::SetPassword { mail, .. }) = (ticket, change) {
                            typed_answered(mail, result);
                        }
                    }
                    let edits = news.edits.into_iter().map(|edit| (edit.mail, edit.after)).collect();
                    inputs.push(Input::Members(MembersNews { answers, edits, may_write_again }));
                }
            }
            Thread::View(view) => {
                while let Some(news) = view.collect() {
                    self.state.log(news.readable, news.replaceable);
                }
            }
        }
    }
}

impl FileState {
    fn log(&mut self, readable: Option<Result<(), Problem>>, replaceable: Option<Result<(), Problem>>) {
        if let Some(news) = readable {
            self.problem = news.err();
            match &self.problem {
                None => log_over(format_args!("the members file has no mistakes any more")),
                Some(problem) => warn!("{}: {problem}", self.decides.with_mistake()),
            }
        }
        if let Some(news) = replaceable {
            self.obstacle = news.err();
            match &self.obstacle {
                None => log_over(format_args!("the members file can be replaced again")),
                Some(problem) => {
                    let follows = self.decides.with_obstacle();
                    warn!("{problem} (until then {follows}, and passwords typed there stay as they are)");
                }
            }
        }
    }
}

/// Logs changes of members and their authors, one line each. Programs parse these lines, so their form must not change. Of a
/// large edit not all are logged.
pub(in crate::server) fn log_changed(changed: &[Changed]) {
    for changed in changed.iter().take(CHANGES_LOGGED) {
        match changed {
            Changed::Member { mail, what, by } => log_member(mail, what, by),
            Changed::Settings(Event::Titled { by, title }) => {
                info!("title changed: by={by} title={}", quoted(title.as_str()));
            }
            Changed::Settings(Event::Announce { by, mode }) => {
                info!("announcements changed: mode={mode} by={by}");
            }
            Changed::Settings(_) => {}
        }
    }
    if let Some(more) = changed.len().checked_sub(CHANGES_LOGGED).filter(|more| *more > 0) {
        info!("members changed: {more} more, too many to list");
    }
}

fn log_member(mail: &Mail, what: &Difference, by: &Author) {
    match what {
        Difference::Added => info!("member added: mail={mail} by={by}"),
        Difference::Invited => info!("member invited: mail={mail} by={by}"),
        Difference::Joined => info!("invitation used: mail={mail} by={by}"),
        Difference::Removed => info!("member removed: mail={mail} by={by}"),
        Difference::Password => info!("password changed: mail={mail} by={by}"),
        Difference::Name(Some(name)) => {
            info!("name changed: mail={mail} by={by} name={}", quoted(name.as_str()));
        }
        Difference::Name(None) => info!("name removed: mail={mail} by={by}"),
        Difference::Role(role) => info!("role changed: mail={mail} role={role} by={by}"),
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
