//! The start: judges what is there, and repairs what a crash may have left.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use log::{info, warn};

use crate::protocol::{Mail, Seq, Time};
use crate::room::{Delivered, Ended, KnownGroup, Tail};
use crate::server::counted::counted;
use crate::server::files::folders::{self, UNFINISHED};
use crate::server::files::{Problem, attributes};
use crate::server::log::local::delivered;
use crate::server::log::local::snapshot::{self, MembersSnapshot};
use crate::server::log::local::state::{self, Lock, Stopped};
use crate::server::log::local::{
    Case, Depth, Folder, Judgement, Last, Membership, Settings, SharedSegments, Storage, Whose, ended, judge,
    kinds, scan, segment_name,
};
use crate::server::wall_clock;

/// Bytes copied at a time.
const PIECE: usize = 1 << 20;

/// The history as a start finds or makes it. All of it is durable.
#[derive(Debug)]
pub struct Opened {
    /// The transcript's id: a new one if the history is new.
    pub id: u32,
    /// The time of the last line; the default if there is none.
    pub last_time: Time,
    /// The end of the transcript, with the number of the last line.
    pub tail: Tail,
    /// The last snapshot of the members.
    pub snapshot: Option<MembersSnapshot>,
    /// Changes of the group since the snapshot, in order; without a snapshot, since the oldest line kept.
    pub membership: Vec<Membership>,
    /// Without a snapshot: those who said something, or got a role, before they were added or removed. They were members
    /// already.
    pub authors: BTreeSet<Mail>,
    /// How far each device has been served: one entry each, in the order in which they were recorded.
    pub delivered: Vec<Delivered>,
    /// For [`spawn_reader`](super::spawn_reader).
    pub segments: SharedSegments,
    /// For [`spawn_writer`](super::spawn_writer). Holds the lock, so that no other server can open this
    /// history.
    pub storage: Storage,
}

impl Opened {
    /// The group after the last event. `known` is what is known of it from elsewhere than the snapshot, `listed` who is in
    /// members.txt: the first members of a new history.
    pub fn group<'a>(
        &self,
        known: Option<&MembersSnapshot>,
        listed: impl Iterator<Item = &'a Mail>,
    ) -> KnownGroup {
        let (first, last) = self.segments.kept();
        let newest = [self.snapshot.as_ref(), known].into_iter().flatten().max_by_key(|known| known.seq);
        let nobody = |mail: &Mail| (mail.clone(), Seq(0));
        let mut group = match newest {
            Some(snapshot) => snapshot.group.clone(),
            // A new history: everybody in members.txt is a first member.
            None if last < first => KnownGroup::of(listed.map(nobody)),
            // The snapshot was lost. Others in members.txt may have been added a moment ago, so they count as new.
            None => {
                let ended = Ended::since(Seq(first.0 - 1));
                KnownGroup { ended, ..KnownGroup::of(self.authors.iter().map(nobody)) }
            }
        };
        let since = newest.map_or(Seq(0), |snapshot| snapshot.seq);
        for Membership { seq, time, event } in self.membership.iter().filter(|change| change.seq > since) {
            group.follow(*seq, *time, event);
        }
        group
    }
}

/// Opens the history in this folder, creating it if it does not exist, and takes the lock.
///
/// After an unclean stop a torn tail is cut off (kept as `torn-<seq>` and logged), and the last segment is rewritten
/// and synced. Refused are a second server, other damage in the last segment, a segment that does not follow the one
/// before it, a missing end, and small files with bad contents.
pub fn open(dir: &Path, settings: &Settings) -> Result<Opened, Problem> {
    open_as(dir, settings, Whose::OneServers)
}

/// As [`open`]; a copy of a node's history keeps the transcript's id.
pub fn open_as(dir: &Path, settings: &Settings, whose: Whose) -> Result<Opened, Problem> {
    let folder = Arc::new(Folder::new(dir));
    folder.create()?;
    // Before the lock: opening it would create the target of a dangling link.
    if let Some(problem) = kinds(&folder).into_iter().next() {
        return Err(problem);
    }
    let lock = Lock::take(&folder)?;
    let case = Case { depth: Depth::Start, window: settings.window, now: wall_clock(), in_use: false, whose };
    let judgement = judge(&folder, case);
    if let Some(problem) = judgement.mistakes.first() {
        return Err(problem.clone());
    }
    for warning in &judgement.warnings {
        warn!("{warning}");
    }
    // A killed process was still writing these. They did not have their names yet, so they do not count.
    for name in folder.names()?.iter().filter(|name| name.ends_with(UNFINISHED)) {
        info!("{}", folder.problem(name, "left unfinished by a killed process, and removed"));
        folder.remove(name)?;
    }
    // Before there is a new id: with one, `clean` would count, and it is about the old history.
    state::forget_clean(&folder)?;
    let id = act(&folder, &judgement)?;
    lock.sign(&folder);

    let Judgement { segments, last_time, snapshot, delivered, membership, authors, tail, .. } = judgement;
    let snapshot_seq = snapshot.as_ref().map_or(Seq(0), |snapshot| snapshot.seq);
    let storage = Storage::open(segments.clone(), lock, *settings, snapshot_seq)?;
    Ok(Opened { id, last_time, tail, snapshot, membership, authors, delivered, segments, storage })
}

/// Acts on the judgement and returns the transcript's id. If it is killed in between, the next start judges the same.
fn act(folder: &Folder, judgement: &Judgement) -> Result<u32, Problem> {
    let (Some(newest), Some(last)) = (judgement.firsts.last(), &judgement.last) else { return begin(folder) };
    repair(folder, &segment_name(*newest), last)?;
    // Before there is a new id: with one, the small files would be believed.
    if let Some(snapshot) = judgement.snapshot.as_ref().filter(|_| judgement.outdated.members) {
        snapshot::write(folder, snapshot)?;
    }
    if judgement.outdated.delivered {
        let written = delivered::compact(folder, &judgement.delivered);
        match (written, judgement.id) {
            // The old file is still good, and a full disk should not keep the server from starting.
            (Err(problem), Some(_)) => warn!("{problem}"),
            (written, _) => written?,
        }
    }
    judgement.id.map_or_else(|| state::new_id(folder), Ok)
}

/// A new history: a new id, nothing about an older one, an empty segment. If it is killed in between, the next start
/// does the same again.
fn begin(folder: &Folder) -> Result<u32, Problem> {
    for old in
        [delivered::NAME, snapshot::NAME, ended::NAME, state::APPLIED, state::LEFT, state::MEMBERS_SEEN]
    {
        folder.remove(old)?;
    }
    let id = state::new_id(folder)?;
    folder.replace(&segment_name(Seq(1)), b"")?;
    Ok(id)
}

/// Cuts a torn tail off, and rewrites the segment unless all of it is known to be durable.
fn repair(folder: &Folder, name: &str, last: &Last) -> Result<(), Problem> {
    let Last { verified, len, stopped, torn_name } = last;
    let unreadable = |error: io::Error| folder.cannot(name, "read it", &error);
    let file = File::open(folder.path(name)).map_err(unreadable)?;
    if let Some(torn_name) = torn_name {
        // What is cut off is kept, durably, under another name.
        folder.replace(torn_name, &scan::read(&file, verified.good, *len).map_err(unreadable)?)?;
    }
    if *stopped == Stopped::Clean {
        return Ok(());
    }
    rewrite(folder, name, &file, verified.good).map_err(|error| {
        let Problem(cannot) = folder.cannot(name, "sync a copy of it", &error);
        let bytes = counted(verified.good, "byte");
        Problem(format!("{cannot}; a start after a crash needs room for {bytes} beside it: make room"))
    })
}

/// Replaces the file with a synced copy of its first `good` bytes.
///
/// Bytes that a killed server wrote but did not sync can be read and may still not be on the disk. After a failed sync
/// the kernel takes them for written, so that another sync does nothing. A copy has to be written.
fn rewrite(folder: &Folder, name: &str, file: &File, good: u64) -> io::Result<()> {
    folders::replace(&folder.path(name), |copy| {
        if let Err(kept) = attributes::keep(file, copy) {
            // The start need not fail over that, as long as nobody else can read the file.
            copy.set_permissions(Permissions::from_mode(0o600))?;
            let what = format!("keep its {}; it is readable by the server alone now", kept.what);
            warn!("{}", folder.cannot(name, &what, &kept.why));
        }
        self::copy(file, copy, good)
    })
}

/// Copies the first `len` bytes. Not `io::copy`: some file systems would share the old blocks with the copy, and those may
/// be bad.
pub(super) fn copy(from: &File, to: &mut File, len: u64) -> io::Result<()> {
    for at in (0..len).step_by(PIECE) {
        to.write_all(&scan::read(from, at, len.min(at + PIECE as u64))?)?;
    }
    Ok(())
}
