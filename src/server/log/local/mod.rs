//! The transcript on this machine's disk, in segments: the files `history/000000000001.txt` and so on, each named by
//! the number of its first line and holding event lines exactly as they are sent.
//!
//! [`open`] checks what is there, repairs what a crash may have torn, and returns where the transcript stands.
//! [`spawn_writer`] starts the thread that appends, [`spawn_reader`] the one that reads back; they share nothing but
//! the list of segments.
//!
//! Positions ([`Pos`](crate::room::Pos)) count from the first byte of the oldest segment when the history was opened.
//! Segments follow each other without a gap, and dropping an old one changes no position.
//!
//! The start: `recovery` acts on what `judge` and `judge_segments` find; `check` is `--check`, `backup` is
//! `--backup`. The threads:
//! `writer` with `dropping`, `reader`, and `searching` for another one. Between nodes: `pieces` gives the files, `incoming` takes
//! them. The files: `disk` their folder, `segments` the list, `scan`
//! lines in a segment, `membership` changes of the group in it; `snapshot` with `ended`, `delivered` and `state` the small files.

mod backup;
mod check;
mod continuing;
mod delivered;
mod disk;
mod dropping;
mod ended;
mod incoming;
mod judge;
mod judge_segments;
mod membership;
mod pieces;
mod reader;
mod recovery;
mod scan;
mod searching;
mod segments;
mod settings;
mod snapshot;
mod state;
mod writer;

pub use crate::server::files::Problem;
pub use backup::{BackedUp, back_up};
pub use check::{Checked, check, user_of};
pub(super) use continuing::in_this_file;
pub use continuing::{Continuing, read_small};
pub use delivered::Growth;
pub use incoming::{Adopted, Arrived, Incoming};
pub use judge::Whose;
pub use membership::Membership;
pub use pieces::{Piece, Pieces};
pub use reader::{ReaderDone, ReaderJob, file_up_to, spawn_reader};
pub use recovery::{Opened, open, open_as};
pub use searching::Searcher;
pub use segments::SharedSegments;
pub use settings::Settings;
pub use snapshot::MembersSnapshot;
pub(in crate::server) use state::{APPLIED, LEFT, MEMBERS_SEEN};
pub use state::{adopt, forget_stream, id, keep_next_start, key, leave, next_start};
pub use writer::{Answered, AppendError, Storage, WriterDone, WriterJob, spawn_writer};

use self::disk::{Folder, RESTORE};
use self::judge::{Case, Depth, Judgement, Last, judge, kinds};
use self::membership::membership;
use self::reader::Reader;
use self::scan::Verified;
use self::segments::{Segment, Segments, first_of_segment, firsts_of_segments, segment_name};
