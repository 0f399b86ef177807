//! The loop's end of the history: appends, blocks and lines go out as jobs, answers come in as the room's
//! input. With `--history none` there are no files, and what is in memory is as safe as it gets.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use log::{error, info, warn};
use mio::Waker;

use crate::protocol::{Device, Mail, Seq, Time};
use crate::room::{
    AppendResult, BlockNo, Input, LocateJob, Places as Which, Pos, Recall, Roster, Tail, Transcript,
};
use crate::server::log::local;
use crate::server::log::local::{
    Delivered, Growth, MembersSnapshot, Opened, ReaderDone, ReaderJob, WriterDone, WriterJob,
};
use crate::server::threads::worker::Worker;

/// See the module.
#[derive(Debug)]
pub(in crate::server) enum Store {
    /// No files.
    Memory,
    /// Files, and the threads that write and read them.
    Files(Box<Files>),
}

/// How far devices have come, and when.
type Places = BTreeMap<(Mail, Device), (Seq, Time)>;

/// The two threads, and what waits for them.
#[derive(Debug)]
pub(in crate::server) struct Files {
    writer: Worker<WriterJob, WriterDone>,
    reader: Worker<ReaderJob, ReaderDone>,
    /// For the writer, while its queue is full.
    to_write: VecDeque<WriterJob>,
    /// For the reader, while its queue is full.
    to_read: VecDeque<ReaderJob>,
    /// Whose lines the reader has been asked for, in order.
    locating: VecDeque<LocateJob>,
    /// Places of devices that the writer was given last, and those that wait: one a device, however long.
    delivering: Places,
    undelivered: Places,
    /// Those that wait are all there are: they take the place of what was noted.
    undelivered_is_all: bool,
    growth: Growth,
    /// Notes of places that were asked for, counted; with which the writer is busy; which it has answered.
    notes_asked: u64,
    notes_at_writer: u64,
    notes_answered: u64,
    closed: bool,
}

/// What the files remember, as the room takes it, and the threads that go on from there.
pub(in crate::server) fn start(
    opened: Opened,
    roster: &Roster,
    waker: &Arc<Waker>,
) -> io::Result<(Recall, Store)> {
    let Opened {
        first,
        last,
        last_time,
        tail,
        snapshot,
        membership,
        authors,
        delivered,
        segments,
        storage,
        ..
    } = opened;
    let mut members: BTreeMap<Mail, Seq> = match snapshot {
        Some(snapshot) => snapshot.members,
        // Nothing was said: everybody in the file is there from the beginning.
        None if last < first => roster.keys().map(|mail| (mail.clone(), Seq(0))).collect(),
        // The note got lost. Of whom the events tell nothing may have come into the file a moment ago.
        None => authors.into_iter().map(|mail| (mail, Seq(0))).collect(),
    };
    for change in membership {
        if change.added {
            members.insert(change.mail, change.seq);
        } else {
            members.remove(&change.mail);
        }
    }
    let mut growth = Growth::default();
    growth.rewritten(lines_of(delivered.iter().cloned()).len());
    let recall = Recall {
        first,
        base: Pos(0),
        tail: Tail { base: tail.base, bytes: tail.bytes, last, last_time },
        members,
        devices: delivered.into_iter().map(|d| (d.mail, d.device, d.seq, d.time)).collect(),
    };
    let files = Files {
        writer: local::spawn_writer(storage, Arc::clone(waker))?,
        reader: local::spawn_reader(segments, Arc::clone(waker))?,
        to_write: VecDeque::new(),
        to_read: VecDeque::new(),
        locating: VecDeque::new(),
        delivering: Places::new(),
        undelivered: Places::new(),
        undelivered_is_all: false,
        growth,
        notes_asked: 0,
        notes_at_writer: 0,
        notes_answered: 0,
        closed: false,
    };
    Ok((recall, Store::Files(Box::new(files))))
}

impl Store {
    /// Stores the transcript from the durable mark to `to`. Answered at once if there are no files.
    pub(in crate::server) fn append(&mut self, transcript: &Transcript, to: Pos) -> Option<Input<'static>> {
        let Store::Files(files) = self else { return Some(Input::Appended(AppendResult::Stored)) };
        let mut at = transcript.durable();
        let mut bytes = BytesMut::with_capacity(to.since(at));
        while at < to {
            let piece = transcript.window_slice(at, to);
            bytes.extend_from_slice(piece);
            at = at.plus(piece.len());
        }
        let first = transcript.durable_last().next();
        files.write(WriterJob::Append { first, bytes: bytes.freeze() });
        None
    }

    /// Asks for a block.
    pub(in crate::server) fn read_block(&mut self, number: BlockNo) -> Option<Input<'static>> {
        let Store::Files(files) = self else { return Some(Input::Block(number, None)) };
        files.read(ReaderJob::Block(number));
        None
    }

    /// Asks for a line.
    pub(in crate::server) fn locate(&mut self, job: LocateJob) -> Option<Input<'static>> {
        let Store::Files(files) = self else { return Some(Input::Located(job, None)) };
        files.read(ReaderJob::Line(job.seq));
        files.locating.push_back(job);
        None
    }

    /// Of which devices it wants to note next how far they have come.
    pub(in crate::server) fn wants(&self) -> Which {
        match self {
            Store::Files(files) if files.growth.is_due() && !files.undelivered_is_all => Which::All,
            Store::Files(_) | Store::Memory => Which::Changed,
        }
    }

    /// Notes how far devices have come.
    pub(in crate::server) fn deliver(&mut self, changed: &[Delivered], which: Which) {
        let Store::Files(files) = self else { return };
        if which == Which::All {
            files.undelivered.clear();
            files.undelivered_is_all = true;
        }
        for Delivered { mail, device, seq, time } in changed {
            files.undelivered.insert((mail.clone(), device.clone()), (*seq, *time));
        }
        files.notes_asked += 1;
        if files.delivering.is_empty() {
            files.deliver();
        }
    }

    /// The last note of places that was asked for, counted.
    pub(in crate::server) fn notes_asked(&self) -> u64 {
        match self {
            Store::Memory => 0,
            Store::Files(files) => files.notes_asked,
        }
    }

    /// The last one that was made, or could not be.
    pub(in crate::server) fn notes_answered(&self) -> u64 {
        match self {
            Store::Memory => 0,
            Store::Files(files) => files.notes_answered,
        }
    }

    /// Records who is in the group.
    pub(in crate::server) fn snapshot(&mut self, seq: Seq, members: BTreeMap<Mail, Seq>) {
        if let Store::Files(files) = self {
            files.write(WriterJob::Snapshot(MembersSnapshot { seq, members }));
        }
    }

    /// The last job.
    pub(in crate::server) fn close(&mut self) {
        if let Store::Files(files) = self {
            files.deliver();
            files.write(WriterJob::Close);
        }
    }

    /// Whether there is nothing left to wait for.
    pub(in crate::server) fn is_closed(&self) -> bool {
        match self {
            Store::Memory => true,
            Store::Files(files) => files.closed,
        }
    }

    /// Takes in what the threads have done.
    pub(in crate::server) fn collect(&mut self, inputs: &mut Vec<Input<'static>>) {
        if let Store::Files(files) = self {
            files.collect(inputs);
        }
    }

    /// Jobs that the reader has not begun with.
    pub(in crate::server) fn reads_waiting(&self) -> usize {
        match self {
            Store::Memory => 0,
            Store::Files(files) => files.to_read.len() + files.locating.len(),
        }
    }
}

impl Files {
    /// Gives the writer the places that are not noted.
    fn deliver(&mut self) {
        self.notes_at_writer = self.notes_asked;
        if self.undelivered.is_empty() {
            self.notes_answered = self.notes_at_writer;
            return;
        }
        self.delivering = mem::take(&mut self.undelivered);
        let lines = lines_of(self.delivering.iter().map(|((mail, device), (seq, time))| {
            let (mail, device) = (mail.clone(), device.clone());
            Delivered { mail, device, seq: *seq, time: *time }
        }));
        let job = if mem::take(&mut self.undelivered_is_all) {
            self.growth.rewritten(lines.len());
            WriterJob::AllDelivered(lines)
        } else {
            self.growth.appended(lines.len());
            WriterJob::Delivered(lines)
        };
        self.write(job);
    }

    fn write(&mut self, job: WriterJob) {
        self.to_write.push_back(job);
        self.hand_over();
    }

    fn read(&mut self, job: ReaderJob) {
        self.to_read.push_back(job);
        self.hand_over();
    }

    /// Gives the threads what they take. Their queues are short, and what waits here is bounded: one append,
    /// a few small files, some blocks, a line a connection.
    fn hand_over(&mut self) {
        while let Some(job) = self.to_write.pop_front() {
            if let Err(job) = self.writer.try_send(job) {
                self.to_write.push_front(job);
                break;
            }
        }
        while let Some(job) = self.to_read.pop_front() {
            if let Err(job) = self.reader.try_send(job) {
                self.to_read.push_front(job);
                break;
            }
        }
    }

    fn collect(&mut self, inputs: &mut Vec<Input<'static>>) {
        while let Some(done) = self.writer.try_recv() {
            match done {
                WriterDone::Appended(result) => inputs.push(Input::Appended(appended(result))),
                WriterDone::Dropped { first, base } => {
                    info!("old files were dropped, the history begins with {first}");
                    inputs.push(Input::Dropped(first, base));
                }
                WriterDone::Delivered(result) => {
                    let tried = mem::take(&mut self.delivering);
                    self.notes_answered = self.notes_at_writer;
                    if let Err(problem) = result {
                        warn!("{problem}; it is tried again");
                        for (device, place) in tried {
                            self.undelivered.entry(device).or_insert(place);
                        }
                        self.notes_answered = self.notes_asked;
                    } else if !self.undelivered.is_empty() {
                        self.deliver();
                    }
                }
                WriterDone::Snapshot(Ok(())) => {}
                WriterDone::Snapshot(Err(problem)) => warn!("{problem}"),
                WriterDone::Closed(result) => {
                    self.closed = true;
                    if let Err(problem) = result {
                        warn!("{problem}; the next start will look at the history more closely");
                    }
                }
            }
        }
        while let Some(done) = self.reader.try_recv() {
            inputs.push(match done {
                ReaderDone::Block { number, result } => Input::Block(number, logged(result)),
                ReaderDone::Line { seq, result } => {
                    let job = self.locating.pop_front().expect("answers come in the order of the jobs");
                    debug_assert_eq!(job.seq, seq);
                    Input::Located(job, logged::<(Pos, Bytes)>(result))
                }
            });
        }
        self.hand_over();
    }
}

fn lines_of(places: impl Iterator<Item = Delivered>) -> Vec<u8> {
    let mut lines = Vec::new();
    places.for_each(|place| place.write(&mut lines));
    lines
}

fn appended(result: local::AppendResult) -> AppendResult {
    match result {
        local::AppendResult::Stored => AppendResult::Stored,
        local::AppendResult::Failed(problem) => {
            warn!("{problem}; messages are refused until that is put right");
            AppendResult::Failed
        }
        local::AppendResult::Fatal(problem) => {
            error!("{problem}; the server stops");
            AppendResult::Fatal
        }
    }
}

fn logged<T>(result: Result<T, String>) -> Option<T> {
    result.map_err(|problem| error!("{problem}")).ok()
}
