//! The log: gives every event its number, keeps it, and reads back what is no longer in memory.

pub mod cluster;
mod lines;
pub mod local;
mod sequencer;
mod store;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::Waker;

pub use sequencer::Sequencer;

use crate::protocol::{Seq, Time};
use crate::room::{Batch, BlockNo, Input, LocateJob, Now, Restored, Roster, StepBack};
use crate::server::log::local::{Delivered, MembersSnapshot, Opened};
use crate::server::log::store::{Appended, Done, Files};

#[derive(Debug)]
pub(in crate::server) struct Log {
    sequencer: Sequencer,
    /// `None`: nothing is kept beyond the process.
    files: Option<Box<Files>>,
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
            None => Some(Input::Committed(self.sequencer.stored())),
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

    /// A step back of the events' times since the last call, if there was one.
    pub(in crate::server) fn take_step_back(&mut self) -> Option<StepBack> {
        self.sequencer.take_step_back()
    }

    /// Collects the threads' answers, and tries again what is due.
    pub(in crate::server) fn collect(&mut self, now: Now, inputs: &mut Vec<Input<'static>>) {
        let done = self.files.as_mut().map(|files| files.collect()).unwrap_or_default();
        inputs.extend(done.into_iter().map(|done| match done {
            Done::Tell(input) => input,
            Done::Appended(Appended::Stored) => Input::Committed(self.sequencer.stored()),
            Done::Appended(Appended::Failed) => Input::Refused(self.sequencer.failed(now.mono)),
            Done::Appended(Appended::Fatal) => {
                self.sequencer.give_up();
                Input::LogFailed
            }
        }));
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

    /// Whether anything is kept beyond the process.
    pub(in crate::server) fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// Records how far devices have come.
    pub(in crate::server) fn deliver(&mut self, changed: &[Delivered]) {
        if let Some(files) = &mut self.files {
            files.record_places(changed);
        }
    }

    /// Whether most lines of the file of places are out of date. If so, a rewrite begins: pass all places to
    /// [`Log::rewrite_places`].
    pub(in crate::server) fn begins_rewriting_places(&mut self) -> bool {
        self.files.as_mut().is_some_and(|files| files.begins_rewriting_places())
    }

    /// Some places for the rewrite. Changes before its end are passed to [`Log::deliver`] as well.
    pub(in crate::server) fn rewrite_places(&mut self, places: impl Iterator<Item = Delivered>) {
        if let Some(files) = &mut self.files {
            files.rewrite_places(places);
        }
    }

    /// Ends the rewrite: these were all places.
    pub(in crate::server) fn end_rewriting_places(&mut self) {
        if let Some(files) = &mut self.files {
            files.end_rewriting_places();
        }
    }

    /// The number of the last record of places that was requested.
    pub(in crate::server) fn records_requested(&self) -> u64 {
        self.files.as_ref().map_or(0, |files| files.records_requested())
    }

    /// The number of the last one that was written or has failed.
    pub(in crate::server) fn records_answered(&self) -> u64 {
        self.files.as_ref().map_or(0, |files| files.records_answered())
    }

    /// Records who is in the group.
    pub(in crate::server) fn snapshot(&mut self, snapshot: MembersSnapshot) {
        if let Some(files) = &mut self.files {
            files.snapshot(snapshot);
        }
    }

    /// Closes the files; the last job.
    pub(in crate::server) fn close(&mut self) {
        if let Some(files) = &mut self.files {
            files.close();
        }
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
