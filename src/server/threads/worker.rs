//! A named thread between two bounded channels, and the shared `Waker` that tells the loop of an answer.
//!
//! A queue in, a queue back, a wake-up: all that the loop knows about work that waits.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use mio::Waker;

/// The loop's end.
#[derive(Debug)]
pub struct Worker<Job, Done> {
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's way to answer: puts the answer into the channel, then wakes the loop.
#[derive(Debug)]
pub struct Answers<Done> {
    done: SyncSender<Done>,
    waker: Arc<Waker>,
}

impl<Done> Answers<Done> {
    /// Waits while the loop is behind with collecting. An error: the loop is gone, the thread may end.
    pub fn send(&self, done: Done) -> Result<(), SendError<Done>> {
        self.done.send(done)?;
        self.waker.wake().expect("an eventfd can always be written to");
        Ok(())
    }
}

impl<Job: Send + 'static, Done: Send + 'static> Worker<Job, Done> {
    /// Starts the thread. `body` runs until the channel of jobs is closed. `queue` bounds both channels.
    pub fn spawn(
        name: &str,
        queue: usize,
        waker: Arc<Waker>,
        body: impl FnOnce(Receiver<Job>, Answers<Done>) + Send + 'static,
    ) -> io::Result<Worker<Job, Done>> {
        let (jobs, job_queue) = sync_channel(queue);
        let (done_queue, done) = sync_channel(queue);
        let answers = Answers { done: done_queue, waker };
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(move || body(job_queue, answers))?;
        Ok(Worker { jobs: Some(jobs), done, thread: Some(thread) })
    }

    /// Hands over a job, or gives it back when the queue is full. Never waits.
    pub fn try_send(&self, job: Job) -> Result<(), Job> {
        match self.jobs.as_ref().expect("taken only by drop").try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Err(job),
        }
    }

    /// The next answer that is there. Never waits.
    pub fn try_recv(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

impl<Job, Done> Drop for Worker<Job, Done> {
    /// Closes the channel of jobs and leaves the thread to finish its last one: a disk that does not answer
    /// must not keep the process.
    fn drop(&mut self) {
        self.jobs = None;
        drop(self.thread.take());
    }
}
