//! The loop's side of the history's two threads. Appends, blocks, lines and places of devices are jobs for them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::sync::Arc;

use log::{error, info, warn};
use mio::Waker;

use crate::protocol::{Device, Mail, Seq, Time};
use crate::room::{Delivered, Input, LocateJob, Pos, Restored, Roster};
use crate::server::log::local::{
    self, AppendError, Growth, Opened, Problem, ReaderDone, ReaderJob, WriterDone, WriterJob,
};
use crate::server::threads::worker::Worker;

/// How far devices have come, and when they were seen.
type Places = BTreeMap<(Mail, Device), (Seq, Time)>;

/// A rewrite of the file of places: the lines of all known places.
#[derive(Debug)]
enum Rewrite {
    No,
    /// Places are being collected, some in each turn.
    Collecting(Vec<u8>),
    /// Complete; waits until the writer has no places to write.
    Complete(Vec<u8>),
    AtWriter,
}

/// The two threads. What waits for them is bounded: one append, a few small files, some blocks, one line for each connection.
#[derive(Debug)]
pub(in crate::server) struct Files {
    pub(in crate::server) writer: Worker<WriterJob, WriterDone>,
    pub(super) reader: Worker<ReaderJob, ReaderDone>,
    /// The jobs whose lines the reader was asked for, in order.
    locating: VecDeque<LocateJob>,
    /// Places that the writer is recording, and those that wait: one for each device.
    delivering: Places,
    undelivered: Places,
    rewrite: Rewrite,
    growth: Growth,
    /// Records of places are counted: the last one requested, the one that the writer works on, the last one answered.
    records_requested: u64,
    records_at_writer: u64,
    /// Written, or failed.
    pub(in crate::server) records_answered: u64,
    pub(super) closed: bool,
}

/// Starts the threads. Returns what the files have, for the room.
pub(super) fn start(opened: Opened, roster: &Roster, waker: &Arc<Waker>) -> io::Result<(Restored, Files)> {
    let group = opened.group(None, roster.keys());
    let Opened { tail, delivered, segments, storage, .. } = opened;
    let mut growth = Growth::default();
    growth.rewritten(lines_of(delivered.iter().cloned()).len());
    let restored = Restored { first: segments.kept().0, base: Pos(0), tail, group, devices: delivered };
    let files = Files {
        writer: local::spawn_writer(storage, Arc::clone(waker))?,
        reader: local::spawn_reader(segments, Arc::clone(waker))?,
        locating: VecDeque::new(),
        delivering: Places::new(),
        undelivered: Places::new(),
        rewrite: Rewrite::No,
        growth,
        records_requested: 0,
        records_at_writer: 0,
        records_answered: 0,
        closed: false,
    };
    Ok((restored, files))
}

/// An answer of the threads.
pub(super) enum Done {
    Appended(Result<(), AppendError>),
    Tell(Input<'static>),
}

impl Files {
    /// Asks for a line.
    pub(super) fn locate(&mut self, job: LocateJob) {
        self.reader.push(ReaderJob::Line(job.seq));
        self.locating.push_back(job);
    }

    /// Records how far devices have come. Returns the number of that record of places.
    pub(in crate::server) fn record_places(&mut self, changed: &[Delivered]) -> u64 {
        if let Rewrite::Collecting(lines) | Rewrite::Complete(lines) = &mut self.rewrite {
            for place in changed {
                place.write(lines);
            }
        }
        for Delivered { mail, device, seq, time } in changed {
            self.undelivered.insert((mail.clone(), device.clone()), (*seq, *time));
        }
        self.records_requested += 1;
        self.go_on_delivering();
        self.records_requested
    }

    /// Begins a rewrite of the file of places if most of its lines are out of date. Returns whether it does: then all places
    /// are to be passed to [`Files::rewrite_places`].
    pub(in crate::server) fn begins_rewriting_places(&mut self) -> bool {
        let begins = self.growth.is_due() && matches!(self.rewrite, Rewrite::No);
        if begins {
            self.rewrite = Rewrite::Collecting(Vec::new());
        }
        begins
    }

    /// Adds some places to the rewrite. Changes before its end are recorded as well.
    pub(in crate::server) fn rewrite_places(&mut self, places: impl Iterator<Item = Delivered>) {
        if let Rewrite::Collecting(lines) = &mut self.rewrite {
            places.for_each(|place| place.write(lines));
        }
    }

    /// Ends the rewrite: these were all places.
    pub(in crate::server) fn end_rewriting_places(&mut self) {
        if let Rewrite::Collecting(lines) = &mut self.rewrite {
            self.rewrite = Rewrite::Complete(mem::take(lines));
            self.go_on_delivering();
        }
    }

    /// Closes the files; the last job.
    pub(in crate::server) fn close(&mut self) {
        self.deliver();
        self.writer.push(WriterJob::Close);
    }

    /// Jobs that wait for the reader.
    pub(super) fn reads_waiting(&self) -> usize {
        self.reader.waiting() + self.locating.len()
    }

    /// Gives the writer the waiting places or the rewrite, unless it is busy with places.
    fn go_on_delivering(&mut self) {
        if !self.delivering.is_empty() || matches!(self.rewrite, Rewrite::AtWriter) {
            return;
        }
        if let Rewrite::Complete(lines) = &mut self.rewrite {
            let lines = mem::take(lines);
            self.rewrite = Rewrite::AtWriter;
            self.growth.rewritten(lines.len());
            return self.writer.push(WriterJob::AllDelivered(lines));
        }
        self.deliver();
    }

    /// Gives the writer the places that are not recorded yet.
    fn deliver(&mut self) {
        self.records_at_writer = self.records_requested;
        if self.undelivered.is_empty() {
            self.records_answered = self.records_at_writer;
            return;
        }
        self.delivering = mem::take(&mut self.undelivered);
        let lines = lines_of(self.delivering.iter().map(|((mail, device), (seq, time))| {
            let (mail, device) = (mail.clone(), device.clone());
            Delivered { mail, device, seq: *seq, time: *time }
        }));
        self.growth.appended(lines.len());
        self.writer.push(WriterJob::Delivered(lines));
    }

    /// Collects the threads' answers.
    pub(super) fn collect(&mut self) -> Vec<Done> {
        let mut all = Vec::new();
        while let Some(done) = self.writer.try_recv() {
            match done {
                WriterDone::Appended(result) => all.push(Done::Appended(result)),
                WriterDone::Dropped { first, base } => {
                    info!("old files were dropped, the history begins with {first}");
                    all.push(Done::Tell(Input::Dropped(first, base)));
                }
                WriterDone::Delivered(result) if matches!(self.rewrite, Rewrite::AtWriter) => {
                    self.rewrite = Rewrite::No;
                    // After an error the old file is unchanged.
                    if let Err(problem) = result {
                        warn!("{problem}; it is tried again");
                    }
                    self.go_on_delivering();
                }
                WriterDone::Delivered(result) => {
                    let tried = mem::take(&mut self.delivering);
                    self.records_answered = self.records_at_writer;
                    if let Err(problem) = result {
                        warn!("{problem}; it is tried again");
                        for (device, place) in tried {
                            self.undelivered.entry(device).or_insert(place);
                        }
                        self.records_answered = self.records_requested;
                    } else if !self.undelivered.is_empty() || matches!(self.rewrite, Rewrite::Complete(_)) {
                        self.go_on_delivering();
                    }
                }
                WriterDone::Snapshot(Ok(())) | WriterDone::NoteWritten(Ok(())) => {}
                WriterDone::Snapshot(Err(problem)) | WriterDone::NoteWritten(Err(problem)) => {
                    warn!("{problem}");
                }
                WriterDone::Closed(result) => {
                    self.closed = true;
                    if let Err(problem) = result {
                        warn!("{problem}; the next start will look at the history more closely");
                    }
                }
            }
        }
        while let Some(done) = self.reader.try_recv() {
            all.push(Done::Tell(match done {
                ReaderDone::Block(number, result) => Input::Block(number, logged(result)),
                ReaderDone::Line(seq, result) => {
                    let job = self.locating.pop_front().expect("answers come in the order of the jobs");
                    debug_assert_eq!(job.seq, seq);
                    Input::Located(job, logged(result))
                }
            }));
        }
        all
    }
}

fn lines_of(places: impl Iterator<Item = Delivered>) -> Vec<u8> {
    let mut lines = Vec::new();
    places.for_each(|place| place.write(&mut lines));
    lines
}

fn logged<T>(result: Result<T, Problem>) -> Option<T> {
    result.map_err(|problem| error!("{problem}")).ok()
}
