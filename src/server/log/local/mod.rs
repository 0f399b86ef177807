//! The transcript in files: `history/000000000001.txt` and so on, each named by the number of its first line,
//! holding event lines exactly as sent.
//!
//! [`open`] checks what is there, mends what a crash may have torn, and says where the transcript stands.
//! [`spawn_writer`] appends to it, [`spawn_reader`] reads it back; each is a thread of its own, and the list of
//! files is all they share.
//!
//! Positions ([`Pos`]) count from the first byte of the oldest file kept when the history was opened. Files follow
//! each other without a gap, and dropping old ones moves no position.
//!
//! `files` is the list, `dropping` takes old ones off it, `scan` finds lines in a file, `recovery` is the start, `writer` and `reader` are the
//! threads, `judge` is what a start and `--check` find, `membership` who came and went, `state`, `delivered` and `noted` are the small files beside the transcript, `disk` is the folder they
//! all lie in, `check` tells what was found.

mod check;
mod delivered;
mod disk;
mod dropping;
mod files;
mod judge;
mod membership;
mod noted;
mod reader;
mod recovery;
mod scan;
mod state;
mod writer;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

pub use check::{Checked, check, user_of};
pub use delivered::{Delivered, Growth};
pub use files::SharedFiles;
pub use noted::Noted;
pub use reader::{ReaderDone, ReaderJob, spawn_reader};
pub use state::key;
pub use writer::{AppendResult, Storage, WriterDone, WriterJob, spawn_writer};

use crate::limits::{HISTORY_DROP_PAUSE, HISTORY_DROP_REST, HISTORY_FILE_MAX, WINDOW_DEFAULT};
use crate::protocol::{Mail, Seq, Time};
use crate::room::Pos;

/// What is wrong with the history: one sentence for an admin that begins with the file, and the line where there
/// is one (`history/000000000001.txt:17: …`), and says what to do where that is not plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the history is kept. The default is what the limits say.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// At most so many bytes of the end are handed over as [`Tail`].
    pub window: usize,
    /// Whole files that are older than so many days are dropped. `None`: all is kept.
    pub keep_days: Option<u32>,
    /// Nothing is dropped for so long after a start, and after the clock was set.
    pub drop_rest: Duration,
    /// Then one file in so long.
    pub drop_pause: Duration,
    /// Bytes at which a new file begins.
    pub file_max: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            window: WINDOW_DEFAULT,
            keep_days: None,
            drop_rest: HISTORY_DROP_REST,
            drop_pause: HISTORY_DROP_PAUSE,
            file_max: HISTORY_FILE_MAX,
        }
    }
}

/// The end of the transcript, for the window.
#[derive(Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where it begins, a line boundary.
    pub base: Pos,
    /// The number of its first line; of the next line if it is empty.
    pub first: Seq,
    /// Whole lines, up to the end.
    pub bytes: Vec<u8>,
}

/// An ADDED or REMOVED line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its number.
    pub seq: Seq,
    /// ADDED.
    pub added: bool,
    /// Who.
    pub mail: Mail,
}

/// Where the history stands. All of it is durable.
#[derive(Debug)]
pub struct Opened {
    /// Which transcript this is. Another one than before if the history is new.
    pub id: u32,
    /// The oldest line kept; the next one if there is none.
    pub first: Seq,
    /// The last line; the one before `first` if there is none.
    pub last: Seq,
    /// The time of the last line; the default if there is none.
    pub last_time: Time,
    /// Behind the last line.
    pub end: Pos,
    /// The end of the transcript.
    pub tail: Tail,
    /// The members as they were noted last.
    pub noted: Option<Noted>,
    /// What has changed since: in order, behind the noted number, or since the oldest line kept.
    pub membership: Vec<Membership>,
    /// Without a note: those who said something in the files kept, before any of these changes was theirs. So they were
    /// members already.
    pub spoke: BTreeSet<Mail>,
    /// How far each device has been served, one entry each, in the order in which they were noted.
    pub delivered: Vec<Delivered>,
    /// For [`spawn_reader`].
    pub files: SharedFiles,
    /// For [`spawn_writer`]. Holds the lock: while it lives, no other server opens this history.
    pub storage: Storage,
}

/// Opens the history in this folder, making it if it is not there, and takes the lock.
///
/// After an unclean stop a torn tail is cut (kept as `torn-<seq>` and logged) and the last file is synced anew.
/// Refused: a second server; damage elsewhere in the last file; a file that does not follow the one before it; an
/// end that is missing; small files that cannot be read as what they are.
pub fn open(dir: &Path, settings: &Settings) -> Result<Opened, Problem> {
    recovery::open(dir, settings)
}
