//! The thread: makes all changes that have gathered in one replacement of the file, and answers when that is safe on disk.
//! Between changes it looks whether the file was edited.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use mio::Waker;

use crate::limits::MEMBERS_QUEUE_MAX;
use crate::protocol::Author;
use crate::room::{Change, ChangeError, MembersFile, SaveError};
use crate::server::members::file::{Merge, News, Timing};
use crate::server::threads::worker::{Answers, LoopGone, Worker};

/// A request to the thread. The ticket comes back with the answer.
#[derive(Debug)]
pub enum Job<T> {
    /// A command's change, who asks for it, when, and how many reports with edits had been collected then. Each gets exactly one
    /// answer, in order, and within a certain time, even if somebody keeps editing the file.
    Change(T, Author, Change, Instant, u64),
    /// Look at the file now (SIGHUP). A problem that is still there is reported again.
    Reload,
}

/// Answers, or news of the file, or both.
#[derive(Debug)]
pub struct Done<T> {
    /// The result of each change. `Ok`: it is in the file, durably.
    pub answers: Vec<(T, Change, Result<(), SaveError>)>,
    /// What else has changed.
    pub news: News,
}

/// Starts the thread. `file` is what the caller goes by, from [`read_at_start`](super::read_at_start): what is different in it by now is
/// news. Removes what an earlier process left half-written.
pub fn spawn<T: Send + 'static>(
    path: PathBuf,
    file: MembersFile,
    timing: Timing,
    waker: Arc<Waker>,
) -> io::Result<Worker<Job<T>, Done<T>>> {
    let merge = Merge::open(path, file, timing);
    Worker::spawn("members", MEMBERS_QUEUE_MAX, waker, move |jobs, answers| run(merge, &jobs, &answers))
}

/// Runs until the channel of jobs is closed and empty, or the loop has gone.
fn run<T>(mut merge: Merge, jobs: &Receiver<Job<T>>, answers: &Answers<Done<T>>) -> Result<(), LoopGone> {
    let mut next_look = Instant::now();
    let mut reports = 0;
    loop {
        let first = match jobs.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let (mut asked_for, mut changes, mut reload) = (Vec::new(), Vec::new(), false);
        let mut first_asked = None;
        for job in first.into_iter().chain(jobs.try_iter().take(MEMBERS_QUEUE_MAX)) {
            match job {
                Job::Change(ticket, by, change, asked, collected) => {
                    first_asked.get_or_insert(asked);
                    // Whoever has let somebody join did not know of all edits, and one of them may have ended the invitation.
                    let is_stale = collected < reports && matches!(change, Change::Join { .. });
                    asked_for.push((ticket, change.clone(), is_stale));
                    changes.extend((!is_stale).then_some((by, change)));
                }
                Job::Reload => reload = true,
            }
        }
        if let Some(asked) = first_asked {
            // Later changes have waited for the editor together with the first one, so its deadline is theirs.
            let mut results = merge.change(&changes, asked + merge.timing.patience).into_iter();
            let mut result = |is_stale: bool| {
                let stale = is_stale.then_some(Err(SaveError::Refused(ChangeError::NotExpected)));
                stale.or_else(|| results.next()).expect("each change has a result")
            };
            let told =
                asked_for.into_iter().map(|(ticket, change, is_stale)| (ticket, change, result(is_stale)));
            let (told, news) = (told.collect(), merge.news());
            reports += u64::from(!news.edits.is_empty());
            answers.send(Done { answers: told, news })?;
        }
        if reload {
            merge.look_afresh();
        }
        if reload || Instant::now() >= next_look {
            for look in [Merge::look, Merge::late_edit, Merge::probe] {
                look(&mut merge);
                let news = merge.news();
                reports += u64::from(!news.edits.is_empty());
                if !news.is_empty() {
                    answers.send(Done { answers: Vec::new(), news })?;
                }
            }
            next_look = Instant::now() + merge.next_look();
        }
    }
}
