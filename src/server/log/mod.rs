//! The log: gives every event its number, keeps it, and reads back what is no longer in memory.

pub mod cluster;
mod lines;
pub mod local;
mod searcher;
mod sequencer;
mod store;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::log::{error, warn};
use mio::Waker;

pub use sequencer::Sequencer;

use crate::limits::HEALTHY_APPEND;
use crate::protocol::{Seq, Time};
use crate::room::{Batch, BlockNo, FindJob, Input, LocateJob, LogRefusal, Now, Restored, Roster, StepBack};
use crate::server::histogram::Histogram;
use crate::server::log::cluster::{Cluster, Copies, Node, Reach, give_copies};
use crate::server::log::local::{Answered, AppendError, Opened, ReaderJob, WriterJob};
use crate::server::log::searcher::Searcher;
use crate::server::log::store::{Done, Files};

/// Numbers come from one place, and lines are kept in files, whoever gives the numbers.
#[derive(Debug)]
pub(in crate::server) struct Log {
    numbers: Numbers,
    searcher: Searcher,
    /// `None`: nothing is kept beyond the process.
    pub(in crate::server) files: Option<Box<Files>>,
    /// On a node of a cluster.
    _copies: Option<Copies>,
    appends: Appends,
}

/// How the files do.
#[derive(Debug, Default)]
struct Appends {
    /// When the one under way began.
    since: Option<Instant>,
    /// Why the last one failed, if it did.
    failed: Option<String>,
    /// How long they took, where they are what makes events durable.
    took: Histogram,
}

/// Who gives events their numbers.
#[derive(Debug)]
enum Numbers {
    /// This server.
    Local(Box<Sequencer>),
    /// The stream of a cluster, of which this server is a node.
    Cluster(Box<Cluster>),
}

impl Log {
    /// Without files (`--history none`).
    pub(in crate::server) fn in_memory(waker: &Arc<Waker>) -> io::Result<Log> {
        let numbers = Numbers::Local(Box::new(Sequencer::new(Seq(0), Time::default())));
        Ok(Log {
            numbers,
            searcher: Searcher::start(None, waker)?,
            files: None,
            _copies: None,
            appends: Appends::default(),
        })
    }

    /// Continues with the files. Returns what they have.
    pub(in crate::server) fn start(
        opened: Opened,
        roster: &Roster,
        waker: &Arc<Waker>,
    ) -> io::Result<(Restored, Log)> {
        let sequencer = Box::new(Sequencer::new(opened.tail.last, opened.last_time));
        let searcher = Searcher::start(Some(opened.segments.clone()), waker)?;
        let (restored, files) = store::start(opened, roster, waker)?;
        let (numbers, files) = (Numbers::Local(sequencer), Some(Box::new(files)));
        Ok((restored, Log { numbers, searcher, files, _copies: None, appends: Appends::default() }))
    }

    /// Continues with the files of a node that has joined its group.
    pub(in crate::server) fn start_node(
        opened: Opened,
        node: Node,
        reach: Reach,
        roster: &Roster,
        waker: &Arc<Waker>,
    ) -> io::Result<(Restored, Log)> {
        let (last, file_len) = (opened.tail.last, opened.storage.len());
        let copies = give_copies(&node, reach, opened.segments.clone())?;
        let group = node.state().known();
        let searcher = Searcher::start(Some(opened.segments.clone()), waker)?;
        let (restored, files) = store::start(opened, roster, waker)?;
        let cluster = Cluster::start(node, last, file_len, Arc::clone(waker))?;
        let (numbers, files) = (Numbers::Cluster(Box::new(cluster)), Some(Box::new(files)));
        let log = Log { numbers, searcher, files, _copies: Some(copies), appends: Appends::default() };
        Ok((Restored { group, ..restored }, log))
    }

    /// What the loop has of a node of a cluster; `None` if this is none.
    pub(in crate::server) fn cluster(&mut self) -> Option<&mut Cluster> {
        match &mut self.numbers {
            Numbers::Local(_) => None,
            Numbers::Cluster(cluster) => Some(cluster),
        }
    }

    /// Proposes events.
    pub(in crate::server) fn propose(&mut self, batch: Batch) {
        match &mut self.numbers {
            Numbers::Local(sequencer) => sequencer.propose(batch),
            Numbers::Cluster(cluster) => cluster.propose(&batch),
        }
    }

    /// Begins to store what was proposed, unless something is being stored. To be called when a turn has proposed all that
    /// it will: the more there is in a batch, the fewer syncs, and the more lines in a write. Answered at once if there are
    /// no files.
    pub(in crate::server) fn store_next(&mut self, now: Now) -> Option<Input<'static>> {
        let ((first, lines), answered) = match &mut self.numbers {
            Numbers::Local(sequencer) => (sequencer.begin(now.mono)?, Answered::WhenDurable),
            // A quorum of the brokers has it on their disks.
            Numbers::Cluster(cluster) => (cluster.begin(now.mono)?, Answered::WhenWritten),
        };
        let Some(files) = &mut self.files else { return self.appended(now, Ok(())) };
        self.appends.since = Some(Instant::now());
        files.writer.push(WriterJob::Append { first, bytes: lines, answered });
        None
    }

    /// Whether something is being stored.
    pub(in crate::server) fn is_storing(&self) -> bool {
        match &self.numbers {
            Numbers::Local(sequencer) => sequencer.is_storing(),
            Numbers::Cluster(cluster) => cluster.is_writing(),
        }
    }

    /// The server stops: whether something under way has to be waited for.
    pub(in crate::server) fn is_finishing(&mut self) -> bool {
        match &mut self.numbers {
            Numbers::Local(sequencer) => sequencer.is_storing(),
            Numbers::Cluster(cluster) => cluster.is_finishing(),
        }
    }

    /// When [`Log::store_next`] has something to do even if nothing else happens.
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        match &self.numbers {
            Numbers::Local(sequencer) => sequencer.retry_at,
            Numbers::Cluster(cluster) => cluster.next_deadline(),
        }
    }

    /// Collects the threads' answers, and tries again what is due.
    pub(in crate::server) fn collect(&mut self, now: Now, inputs: &mut Vec<Input<'static>>) {
        let done = self.files.as_mut().map(|files| files.collect()).unwrap_or_default();
        inputs.extend(done.into_iter().filter_map(|done| match done {
            Done::Tell(input) => Some(input),
            Done::Appended(appended) => self.appended(now, appended),
        }));
        self.searcher.collect(inputs);
        if let (Numbers::Cluster(cluster), Some(files)) = (&mut self.numbers, &mut self.files) {
            cluster.collect();
            if let Some(note) = cluster.take_note() {
                files.writer.push(WriterJob::Note(note));
            }
        }
    }

    /// What was begun is stored, or is not. What follows on a node is a step of its cluster.
    fn appended(&mut self, now: Now, appended: Result<(), AppendError>) -> Option<Input<'static>> {
        let took = self.appends.since.take().map(|since| since.elapsed());
        self.appends.failed = match &appended {
            Ok(()) => None,
            Err(AppendError::Failed(problem) | AppendError::Fatal(problem)) => Some(problem.to_string()),
        };
        match (&mut self.numbers, appended) {
            (Numbers::Local(sequencer), Ok(())) => {
                if let Some(took) = took {
                    self.appends.took.observe(took);
                }
                return Some(stored(sequencer));
            }
            (Numbers::Local(sequencer), Err(AppendError::Failed(problem))) => {
                warn!("{problem}; messages are refused until that is put right");
                return Some(Input::Refused(sequencer.failed(now.mono), LogRefusal::Storage));
            }
            (Numbers::Cluster(cluster), Ok(())) => cluster.stored(),
            (Numbers::Cluster(cluster), Err(AppendError::Failed(problem))) => {
                warn!("{problem}; what the group says is not shown here until that is put right");
                cluster.not_stored(now.mono);
            }
            (numbers, Err(AppendError::Fatal(problem))) => {
                error!("{problem}; the server stops");
                if let Numbers::Local(sequencer) = numbers {
                    sequencer.give_up();
                }
                return Some(Input::LogFailed);
            }
        }
        None
    }

    /// What a node of a cluster adds to the figures.
    pub(in crate::server) fn node_figures(&self) -> Vec<(&'static str, String)> {
        match &self.numbers {
            Numbers::Local(_) => Vec::new(),
            Numbers::Cluster(cluster) => cluster.figures().list().into(),
        }
    }

    /// How long batches of events took until they were durable.
    pub(in crate::server) fn commits(&self) -> Histogram {
        match &self.numbers {
            Numbers::Local(_) => self.appends.took.clone(),
            Numbers::Cluster(cluster) => cluster.figures().round_trips(),
        }
    }

    /// What keeps events from being stored or shown at present.
    pub(in crate::server) fn wrong(&self) -> Vec<String> {
        let stands_still = self.appends.since.is_some_and(|since| since.elapsed() > HEALTHY_APPEND);
        let disk = stands_still.then(|| "the disk of the history stands still".to_owned());
        let cut_off = match &self.numbers {
            Numbers::Cluster(cluster) if cluster.has_lost_quorum() => {
                Some("this node is cut off: the brokers commit nothing of what it asks for")
            }
            _ => None,
        };
        disk.into_iter().chain(self.appends.failed.clone()).chain(cut_off.map(str::to_owned)).collect()
    }

    /// Asks for a block.
    pub(in crate::server) fn read_block(&mut self, number: BlockNo) -> Option<Input<'static>> {
        let Some(files) = &mut self.files else { return Some(Input::Block(number, None)) };
        files.reader.push(ReaderJob::Block(number));
        None
    }

    /// Asks for a line.
    pub(in crate::server) fn locate(&mut self, job: LocateJob) -> Option<Input<'static>> {
        let Some(files) = &mut self.files else { return Some(Input::Located(job, None)) };
        files.locate(job);
        None
    }

    /// Asks for the next part of a search.
    pub(in crate::server) fn find(&mut self, job: FindJob) {
        self.searcher.search(job);
    }

    /// Whether the files are closed.
    pub(in crate::server) fn is_closed(&self) -> bool {
        self.files.as_ref().is_none_or(|files| files.closed)
    }

    /// Jobs that wait for the reader.
    pub(in crate::server) fn reads_waiting(&self) -> usize {
        self.files.as_ref().map_or(0, |files| files.reads_waiting())
    }
}

/// What was begun is stored. Logs if the clock was wrong, or is.
fn stored(sequencer: &mut Sequencer) -> Input<'static> {
    let committed = sequencer.stored();
    if let Some(StepBack { from, to }) = sequencer.step_back.take() {
        warn!(
            "the last event is from {from}, but the clock says {to}: it was wrong then, or is now; \
             the times of events step back, their numbers never"
        );
    }
    Input::Committed(committed)
}
