//! The thread of a members.txt that is a view: writes what the group has decided, and looks between whether the file was
//! edited.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use mio::Waker;

use crate::limits::MEMBERS_QUEUE_MAX;
use crate::protocol::Mail;
use crate::room::Standing;
use crate::server::members::file::{Changes, News, Seen, Timing, View};
use crate::server::threads::worker::{Answers, LoopGone, Worker};

/// A request to the thread.
#[derive(Debug)]
pub enum ViewJob {
    /// The group has changed: the file is to say this of these members. Each gets one answer.
    Follow(Changes),
    /// Look at the file now (SIGHUP). A problem that is still there is reported again.
    Reload,
}

/// An answer, or news of the file, or both.
#[derive(Debug)]
pub struct ViewDone {
    /// How many requests to follow this answers: they were written, or wait until they can be.
    pub followed: usize,
    /// How many members' lines do not say yet what the group says.
    pub behind: usize,
    /// What else has changed.
    pub news: News,
}

/// Starts the thread. `seen` is what the file said when it last followed the group, `group` is what it has to say now. What is
/// different in the file from `seen` is an edit. Removes what an earlier process left half-written.
pub fn spawn_view(
    path: PathBuf,
    seen: Seen,
    group: &BTreeMap<Mail, Standing>,
    timing: Timing,
    waker: Arc<Waker>,
) -> io::Result<Worker<ViewJob, ViewDone>> {
    let view =
        View::open(path, seen, group, timing).map_err(|problem| io::Error::other(problem.to_string()))?;
    Worker::spawn("members", MEMBERS_QUEUE_MAX, waker, move |jobs, answers| run(view, &jobs, &answers))
}

/// Runs until the channel of jobs is closed and empty, or the loop has gone.
fn run(mut view: View, jobs: &Receiver<ViewJob>, answers: &Answers<ViewDone>) -> Result<(), LoopGone> {
    let (mut next_look, mut behind_told) = (Instant::now(), 0);
    loop {
        let first = match jobs.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let mut followed = 0;
        for job in first.into_iter().chain(jobs.try_iter().take(MEMBERS_QUEUE_MAX)) {
            match job {
                ViewJob::Follow(changes) => {
                    view.follow(changes);
                    followed += 1;
                }
                ViewJob::Reload => {
                    view.look_afresh();
                    next_look = Instant::now();
                }
            }
        }
        let mut tell = |view: &mut View, followed| {
            let (news, behind) = (view.news(), view.behind());
            if followed == 0 && news.is_empty() && behind == behind_told {
                return Ok(());
            }
            behind_told = behind;
            answers.send(ViewDone { followed, behind, news })
        };
        view.write();
        tell(&mut view, followed)?;
        if Instant::now() >= next_look {
            view.look();
            tell(&mut view, 0)?;
            view.write();
            tell(&mut view, 0)?;
            next_look = Instant::now() + view.next_look();
        }
    }
}
