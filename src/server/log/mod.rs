//! The log: gives every event its number, keeps it, and reads back what is no longer in memory.

pub mod cluster;
mod lines;
pub mod local;
mod sequencer;
mod store;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::log::{error, warn};
use mio::Waker;

pub use sequencer::Sequencer;

use crate::protocol::{Seq, Time};
use crate::room::{Batch, BlockNo, Input, LocateJob, Now, Restored, Roster, StepBack};
use crate::server::log::local::{AppendError, Opened};
use crate::server::log::store::{Done, Files};

#[derive(Debug)]
pub(in crate::server) struct Log {
    sequencer: Sequencer,
    /// `None`: nothing is kept beyond the process.
    pub(in crate::server) files: Option<Box<Files>>,
}

impl Log {
    /// Without files (`--history none`).
    pub(in crate::server) fn in_memory() -> Log {
        Log { sequencer: Sequencer::new(Seq(0), Time::default()), files: None }
    }

    /// Continues with the files. Returns what they have.
    pub(in crate::server) fn start(
        opened: Opened,
        roster: &Roster,
        waker: &Arc<Waker>,
    ) -> io::Result<(Restored, Log)> {
        let sequencer = Sequencer::new(opened.last, opened.last_time);
        let (restored, files) = store::start(opened, roster, waker)?;
        Ok((restored, Log { sequencer, files: Some(Box::new(files)) }))
    }

    /// Proposes events.
    pub(in crate::server) fn propose(&mut self, batch: Batch) {
        self.sequencer.propose(batch);
    }

    /// Begins to store what was proposed, unless something is being stored. To be called when a turn has proposed all that
    /// it will: the more there is in a batch, the fewer syncs, and the more lines in a write. Answered at once if there are
    /// no files.
    pub(in crate::server) fn store_next(&mut self, now: Now) -> Option<Input<'static>> {
        let (first, lines) = self.sequencer.begin(now.mono)?;
        match &mut self.files {
            Some(files) => {
                files.append(first, lines);
                None
            }
            None => Some(self.stored()),
        }
    }

    /// Whether something is being stored.
    pub(in crate::server) fn is_storing(&self) -> bool {
        self.sequencer.is_storing()
    }

    /// When [`Log::store_next`] has something to do even if nothing else happens.
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        self.sequencer.retry_at()
    }

    /// Collects the threads' answers, and tries again what is due.
    pub(in crate::server) fn collect(&mut self, now: Now, inputs: &mut Vec<Input<'static>>) {
        let done = self.files.as_mut().map(|files| files.collect()).unwrap_or_default();
        inputs.extend(done.into_iter().map(|done| match done {
            Done::Tell(input) => input,
            Done::Appended(Ok(())) => self.stored(),
            Done::Appended(Err(AppendError::Failed(problem))) => {
                warn!("{problem}; messages are refused until that is put right");
                Input::Refused(self.sequencer.failed(now.mono))
            }
            Done::Appended(Err(AppendError::Fatal(problem))) => {
                error!("{problem}; the server stops");
                self.sequencer.give_up();
                Input::LogFailed
            }
        }));
    }

    /// What was begun is stored. Logs if the clock was wrong, or is.
    fn stored(&mut self) -> Input<'static> {
        let committed = self.sequencer.stored();
        if let Some(StepBack { from, to }) = self.sequencer.take_step_back() {
            warn!(
                "the last event is from {from}, but the clock says {to}: it was wrong then, or is now; \
                 the times of events step back, their numbers never"
            );
        }
        Input::Committed(committed)
    }

    /// Asks for a block.
    pub(in crate::server) fn read_block(&mut self, number: BlockNo) -> Option<Input<'static>> {
        match &mut self.files {
            Some(files) => files.read_block(number),
            None => return Some(Input::Block(number, None)),
        }
        None
    }

    /// Asks for a line.
    pub(in crate::server) fn locate(&mut self, job: LocateJob) -> Option<Input<'static>> {
        match &mut self.files {
            Some(files) => files.locate(job),
            None => return Some(Input::Located(job, None)),
        }
        None
    }

    /// Whether the files are closed.
    pub(in crate::server) fn is_closed(&self) -> bool {
        self.files.as_ref().is_none_or(|files| files.is_closed())
    }

    /// Jobs that wait for the reader.
    pub(in crate::server) fn reads_waiting(&self) -> usize {
        self.files.as_ref().map_or(0, |files| files.reads_waiting())
    }
}
