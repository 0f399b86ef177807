//! The start: what is there is judged, and what a crash may have left is mended.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use log::{info, warn};

use crate::protocol::{Mail, Seq, Time};
use crate::room::Pos;
use crate::server::files::attributes;
use crate::server::files::problem::Problem;
use crate::server::log::local::delivered;
use crate::server::log::local::delivered::Delivered;
use crate::server::log::local::disk::{Folder, UNFINISHED};
use crate::server::log::local::judge::{judge, kinds};
use crate::server::log::local::judgement::{Case, Depth, Judgement, Last};
use crate::server::log::local::membership::Membership;
use crate::server::log::local::reader::Tail;
use crate::server::log::local::scan;
use crate::server::log::local::scan::Verified;
use crate::server::log::local::segments::{SharedSegments, segment_name};
use crate::server::log::local::settings::Settings;
use crate::server::log::local::snapshot;
use crate::server::log::local::snapshot::MembersSnapshot;
use crate::server::log::local::state;
use crate::server::log::local::state::{Lock, Stopped};
use crate::server::log::local::writer::Storage;
use crate::server::wall_clock;

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
    pub snapshot: Option<MembersSnapshot>,
    /// What has changed since: in order, behind the noted number, or since the oldest line kept.
    pub membership: Vec<Membership>,
    /// Without a note: those who said something in the files kept, before any of these changes was theirs. So they were
    /// members already.
    pub authors: BTreeSet<Mail>,
    /// How far each device has been served, one entry each, in the order in which they were noted.
    pub delivered: Vec<Delivered>,
    /// For [`spawn_reader`](super::spawn_reader).
    pub segments: SharedSegments,
    /// For [`spawn_writer`](super::spawn_writer). Holds the lock: while it lives, no other server opens this history.
    pub storage: Storage,
}

/// Opens the history in this folder, making it if it is not there, and takes the lock.
///
/// After an unclean stop a torn tail is cut (kept as `torn-<seq>` and logged) and the last file is synced anew.
/// Refused: a second server; damage elsewhere in the last file; a file that does not follow the one before it; an
/// end that is missing; small files that cannot be read as what they are.
pub fn open(dir: &Path, settings: &Settings) -> Result<Opened, Problem> {
    let folder = Arc::new(Folder::new(dir));
    folder.make()?;
    // Taking the lock would make what a link to nothing names.
    if let Some(problem) = kinds(&folder).into_iter().next() {
        return Err(problem);
    }
    let lock = Lock::take(&folder)?;
    let case = Case { depth: Depth::Start, window: settings.window, now: wall_clock(), in_use: false };
    let judgement = judge(&folder, case);
    if let Some(problem) = judgement.mistakes.first() {
        return Err(problem.clone());
    }
    for warning in &judgement.warnings {
        warn!("{warning}");
    }
    remove_unfinished(&folder)?;
    // Before a new id: with it, what `clean` says would be held against the history.
    state::forget_clean(&folder)?;
    let id = act(&folder, &judgement)?;
    lock.sign(&folder);

    let Judgement { segments, last_time, snapshot, delivered, membership, authors, tail, .. } = judgement;
    let (first, last, end) = {
        let segments = segments.lock();
        (segments.oldest().0, Seq(segments.next().0 - 1), segments.end())
    };
    let snapshot_seq = snapshot.as_ref().map_or(Seq(0), |snapshot| snapshot.seq);
    let storage = Storage::open(segments.clone(), lock, *settings, snapshot_seq)?;
    Ok(Opened {
        id,
        first,
        last,
        last_time,
        end,
        tail,
        snapshot,
        membership,
        authors,
        delivered,
        segments,
        storage,
    })
}

/// Removes what a killed process was making. None of it had its name yet, so none of it counts.
fn remove_unfinished(folder: &Folder) -> Result<(), Problem> {
    for name in folder.names()?.iter().filter(|name| name.ends_with(UNFINISHED)) {
        info!("{}", folder.problem(name, "left unfinished by a killed process, and removed"));
        folder.remove(name)?;
    }
    Ok(())
}

/// Makes the files what they were judged to be. Killed in between, the next start judges the same. Which transcript
/// this is from now on.
fn act(folder: &Folder, judgement: &Judgement) -> Result<u32, Problem> {
    let (Some(newest), Some(last)) = (judgement.firsts.last(), &judgement.last) else { return begin(folder) };
    mend(folder, &segment_name(*newest), last)?;
    // Before the new id: with it, they would be believed.
    if let Some(snapshot) = judgement.snapshot.as_ref().filter(|_| judgement.outdated.members) {
        snapshot::write(folder, snapshot)
            .map_err(|error| folder.cannot(snapshot::NAME, "write it", &error))?;
    }
    if judgement.outdated.delivered {
        let written = delivered::compact(folder, &judgement.delivered);
        match (written, judgement.id) {
            // It is as good as before, and a start with a full disk should not fail over it.
            (Err(problem), Some(_)) => warn!("{problem}"),
            (written, _) => written?,
        }
    }
    judgement.id.map_or_else(|| state::new_id(folder), Ok)
}

/// A new history: a new id, nothing that speaks of an older one, an empty file. Killed in between, the next start
/// begins anew.
fn begin(folder: &Folder) -> Result<u32, Problem> {
    for old in [delivered::NAME, snapshot::NAME] {
        folder.remove(old)?;
    }
    let id = state::new_id(folder)?;
    let name = segment_name(Seq(1));
    let made = folder.replace(&name, b"");
    made.map_err(|error| folder.cannot(&name, "make it", &error))?;
    Ok(id)
}

/// Cuts a torn tail, and syncs the file anew if not all of it is known to be durable.
fn mend(folder: &Folder, name: &str, last: &Last) -> Result<(), Problem> {
    let Last { verified, len, stopped, aside } = last;
    let file = File::open(folder.path(name)).map_err(|error| folder.cannot(name, "read it", &error))?;
    if let Some(aside) = aside {
        keep_aside(folder, &file, verified, *len, aside)?;
    }
    if *stopped == Stopped::Clean {
        return Ok(());
    }
    sync_anew(folder, name, &file, verified.good).map_err(|error| {
        let Problem(cannot) = folder.cannot(name, "sync a copy of it", &error);
        let bytes = verified.good;
        Problem(format!("{cannot}; a start after a crash needs room for {bytes} bytes beside it: make room"))
    })
}

/// Keeps what is cut, durably, under a name that is free.
fn keep_aside(
    folder: &Folder,
    file: &File,
    verified: &Verified,
    len: u64,
    name: &str,
) -> Result<(), Problem> {
    let kept = scan::read(file, verified.good, len).and_then(|bytes| folder.replace(name, &bytes));
    kept.map_err(|error| folder.cannot(name, "keep a torn tail in it", &error))
}

/// Puts a copy of the first `good` bytes in the place of the file.
///
/// What a killed server wrote and did not sync, or could not sync, reads well and is not on the disk; after a sync
/// that failed the kernel believes it is, so that syncing again does nothing. Written anew, it has to go there.
fn sync_anew(folder: &Folder, name: &str, file: &File, good: u64) -> io::Result<()> {
    folder.replace_with(name, |copy| {
        if let Err(kept) = attributes::keep(file, copy) {
            // As long as nobody else may read it, no start should fail over that.
            copy.set_permissions(Permissions::from_mode(0o600))?;
            let what = format!("keep its {}; it is readable by the server alone now", kept.what);
            warn!("{}", folder.cannot(name, &what, &kept.why));
        }
        // By hand: io::copy would let the file systems that can share the old blocks, and those may be the bad ones.
        let mut old = File::open(folder.path(name))?.take(good);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match old.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => copy.write_all(&buffer[..len])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}
