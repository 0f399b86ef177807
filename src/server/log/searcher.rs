//! The thread that searches for FIND, and the loop's side of it. Searches take turns: each is a job again and again, by a part of
//! the transcript each time, until the room has enough.

use std::io;
use std::sync::Arc;

use log::error;
use mio::Waker;

use crate::limits::{FIND_SLICE, HISTORY_QUEUE_MAX, HISTORY_READER_IDLE};
use crate::room::{FindJob, Input};
use crate::server::files::Problem;
use crate::server::log::local::{self, SharedSegments};
use crate::server::threads::priority::Priority;
use crate::server::threads::worker::Worker;

/// The loop's side.
#[derive(Debug)]
pub(super) struct Searcher {
    worker: Worker<FindJob, (FindJob, Result<(), Problem>)>,
}

impl Searcher {
    /// Starts the thread. Without files the lines are in the jobs.
    pub(super) fn start(files: Option<SharedSegments>, waker: &Arc<Waker>) -> io::Result<Searcher> {
        let worker =
            Worker::spawn("history search", HISTORY_QUEUE_MAX, Arc::clone(waker), move |jobs, answers| {
                Priority::Idle.assume();
                let mut files = files.map(local::Searcher::new);
                loop {
                    let job = jobs.recv_timeout(HISTORY_READER_IDLE).or_else(|_| {
                        files.iter_mut().for_each(local::Searcher::rest);
                        jobs.recv()
                    });
                    let Ok(mut job) = job else { return Ok(()) };
                    let done = search(&mut job, files.as_mut());
                    answers.send((job, done))?;
                }
            })?;
        Ok(Searcher { worker })
    }

    /// Asks for the next part of a search. At most one for each member waits.
    pub(super) fn search(&mut self, job: FindJob) {
        self.worker.push(job);
    }

    /// Collects the thread's answers.
    pub(super) fn collect(&mut self, inputs: &mut Vec<Input<'static>>) {
        while let Some((job, done)) = self.worker.try_recv() {
            let is_read = done.map_err(|problem| error!("{problem}")).is_ok();
            inputs.push(Input::Searched(job, is_read));
        }
    }
}

fn search(job: &mut FindJob, files: Option<&mut local::Searcher>) -> Result<(), Problem> {
    match (&job.lines, files) {
        (Some((start, lines)), _) => {
            job.search.block(*start, lines, true).expect("the window has lines");
            Ok(())
        }
        (None, Some(files)) => files.go_on(&mut job.search, FIND_SLICE),
        (None, None) => unreachable!("without files the lines are in the job"),
    }
}
