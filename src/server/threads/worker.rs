//! A named thread between two bounded channels, one for jobs and one for answers. An answer wakes the loop.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use mio::Waker;

/// The loop's side.
#[derive(Debug)]
pub struct Worker<Job, Done> {
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's side: puts an answer into the channel, then wakes the loop.
#[derive(Debug)]
pub struct Answers<Done> {
    done: SyncSender<Done>,
    waker: Arc<Waker>,
}

impl<Done> Answers<Done> {
    /// Waits while the channel is full. An error means that the loop has gone, and the thread should end.
    pub fn send(&self, done: Done) -> Result<(), SendError<Done>> {
        self.done.send(done)?;
        self.waker.wake().expect("an eventfd can always be written to");
        Ok(())
    }
}

impl<Job: Send + 'static, Done: Send + 'static> Worker<Job, Done> {
    /// Starts the thread. `body` returns when the channel of jobs is closed. `queue` is the size of both channels.
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

    /// Hands over a job; returns it if the queue is full. Never waits.
    pub fn try_send(&self, job: Job) -> Result<(), Job> {
        match self.jobs.as_ref().expect("taken only by drop").try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Err(job),
        }
    }

    /// The next answer, if there is one. Never waits.
    pub fn try_recv(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

impl<Job, Done> Drop for Worker<Job, Done> {
    /// Closes the channel of jobs and does not join the thread: a disk that hangs must not keep the process from
    /// ending.
    fn drop(&mut self) {
        self.jobs = None;
        drop(self.thread.take());
    }
}
