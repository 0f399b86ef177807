//! The transcript in files: `history/000000000001.txt` and so on, each named by the number of its first line,
//! holding event lines exactly as sent.
//!
//! [`open`] checks what is there, mends what a crash may have torn, and says where the transcript stands.
//! [`spawn_writer`] appends to it, [`spawn_reader`] reads it back; each is a thread of its own, and the list of
//! files is all they share.
//!
//! Positions ([`Pos`](crate::room::Pos)) count from the first byte of the oldest file kept when the history was opened. Files follow
//! each other without a gap, and dropping old ones moves no position.
//!
//! `files` is the list, `dropping` takes old ones off it, `scan` finds lines in a file, `recovery` is the start, `writer` and `reader` are the
//! threads, `judge` is what a start and `--check` find, `membership` who came and went, `state`, `delivered` and `noted` are the small files beside the transcript, `disk` is the folder they
//! all lie in, `check` tells what was found, `writes` is what the writer is asked and answers.

mod check;
mod delivered;
mod disk;
mod dropping;
mod judge;
mod judge_segments;
mod judgement;
mod membership;
mod reader;
mod recovery;
mod scan;
mod segments;
mod settings;
mod snapshot;
mod state;
mod writer;
mod writes;

pub use crate::server::files::problem::Problem;
pub use check::{Checked, check, user_of};
pub use delivered::{Delivered, Growth};
pub use membership::Membership;
pub use reader::{ReaderDone, ReaderJob, Tail, spawn_reader};
pub use recovery::{Opened, open};
pub use segments::SharedSegments;
pub use settings::Settings;
pub use snapshot::MembersSnapshot;
pub use state::key;
pub use writer::{Storage, spawn_writer};
pub use writes::{AppendResult, WriterDone, WriterJob};
