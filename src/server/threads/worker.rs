//! A named thread between two bounded channels, one for jobs and one for answers. An answer wakes the loop.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use mio::Waker;

/// The loop's side. Dropping it closes the channel of jobs and does not wait for the thread: a disk that hangs must not keep
/// the process from ending.
#[derive(Debug)]
pub struct Worker<Job, Done> {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
    /// Jobs while the queue is full.
    waiting: VecDeque<Job>,
}

/// The thread's side: puts an answer into the channel, then wakes the loop.
#[derive(Debug)]
pub struct Answers<Done> {
    done: SyncSender<Done>,
    waker: Arc<Waker>,
}

/// The loop has gone, so the thread should end.
#[derive(Debug)]
pub struct LoopGone;

impl<Done> Answers<Done> {
    /// Waits while the channel is full.
    pub fn send(&self, done: Done) -> Result<(), LoopGone> {
        self.done.send(done).map_err(|_| LoopGone)?;
        self.waker.wake().expect("an eventfd can always be written to");
        Ok(())
    }
}

impl<Job: Send + 'static, Done: Send + 'static> Worker<Job, Done> {
    /// Starts the thread. `body` returns when the channel of jobs is closed, or no answer is taken any more. `queue` is the size of
    /// both channels.
    pub fn spawn(
        name: &str,
        queue: usize,
        waker: Arc<Waker>,
        body: impl FnOnce(Receiver<Job>, Answers<Done>) -> Result<(), LoopGone> + Send + 'static,
    ) -> io::Result<Worker<Job, Done>> {
        let (jobs, job_queue) = sync_channel(queue);
        let (done_queue, done) = sync_channel(queue);
        let answers = Answers { done: done_queue, waker };
        std::thread::Builder::new().name(name.to_owned()).spawn(move || body(job_queue, answers))?;
        Ok(Worker { jobs, done, waiting: VecDeque::new() })
    }

    /// Hands over a job; returns it if the queue is full. Never waits.
    pub fn try_send(&self, job: Job) -> Result<(), Job> {
        self.jobs.try_send(job).map_err(|(TrySendError::Full(job) | TrySendError::Disconnected(job))| job)
    }

    /// Hands over a job as soon as there is a place for it, after all earlier ones. The caller bounds how many wait here.
    pub fn push(&mut self, job: Job) {
        self.waiting.push_back(job);
        self.hand_over();
    }

    /// How many jobs wait for a place.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn hand_over(&mut self) {
        while let Some(job) = self.waiting.pop_front() {
            if let Err(job) = self.try_send(job) {
                return self.waiting.push_front(job);
            }
        }
    }

    /// The next answer, if there is one. Never waits.
    pub fn try_recv(&mut self) -> Option<Done> {
        self.hand_over();
        self.done.try_recv().ok()
    }
}
