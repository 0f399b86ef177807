//! The start: what is there is checked, and what a crash may have left is mended.
//!
//! Only the last file can be torn, and only in what was not synced: less than [`HISTORY_SYNC_MAX`] and a line. It is
//! read whole; of the older ones, which were synced before the next was begun, the ends are looked at.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use log::{info, warn};

use super::disk::{Folder, UNFINISHED};
use super::files::{Files, SharedFiles, first_of, name_of};
use super::reader::Reader;
use super::scan::{self, LINE_MAX, Verified};
use super::state::{self, Lock, Stopped};
use super::{Delivered, Membership, Noted, Opened, Problem, Settings, Storage, Tail, delivered, noted};
use crate::limits::HISTORY_SYNC_MAX;
use crate::new_file::new_file;
use crate::protocol::{Event, EventLine, Mail, Seq, Time};
use crate::room::{Pos, StepBack};
use crate::server::attributes;

pub(super) fn open(dir: &std::path::Path, settings: &Settings) -> Result<Opened, Problem> {
    let folder = Arc::new(Folder::new(dir));
    folder.make()?;
    let lock = Lock::take(&folder)?;
    if let Some(caveat) = folder.caveat()? {
        warn!("{caveat}");
    }
    remove_unfinished(&folder)?;

    let mut firsts = transcript_files(&folder)?;
    if firsts.is_empty() {
        firsts.push(begin(&folder)?);
    }
    let id = match state::read_id(&folder)? {
        Some(id) => id,
        None => {
            warn!("{}", folder.problem("id", "was not there; clients take the history for a new one"));
            state::new_id(&folder)?
        }
    };

    let noted = noted::read(&folder)?;
    let (delivered, more) = delivered::read(&folder)?;
    let (files, last_time) = walk(&folder, &firsts, &Evidence::of(noted.as_ref(), &delivered))?;
    if more {
        delivered::compact(&folder, &delivered);
    }
    state::forget_clean(&folder)?;

    let (first, last, end) = (files.oldest().0, Seq(files.next().0 - 1), files.end());
    let files = SharedFiles::new(Arc::clone(&folder), files);
    let mut reader = Reader::new(files.clone());
    let (base, tail_first) = reader.line_from(Pos(end.0.saturating_sub(settings.window as u64)))?;
    let tail = Tail { base, first: tail_first, bytes: reader.range(base, end)? };
    let (membership, spoke) = membership(&files, &mut reader, noted.as_ref())?;
    if noted.is_none() && first <= last {
        let what = "was not there; who is in the group is read from the events, and those of whom they tell nothing \
                    count as new";
        warn!("{}", folder.problem(noted::NAME, what));
    }
    let noted_seq = noted.as_ref().map_or(Seq(0), |noted| noted.seq);
    let storage = Storage::open(files.clone(), lock, *settings, noted_seq)?;
    Ok(Opened { id, first, last, last_time, end, tail, noted, membership, spoke, delivered, files, storage })
}

/// Removes what a killed process was making. None of it had its name yet, so none of it counts.
fn remove_unfinished(folder: &Folder) -> Result<(), Problem> {
    for name in folder.names()?.iter().filter(|name| name.ends_with(UNFINISHED)) {
        info!("{}", folder.problem(name, "left unfinished by a killed process, and removed"));
        folder.remove(name)?;
    }
    Ok(())
}

/// The transcript's files by their first lines, in order.
pub(super) fn transcript_files(folder: &Folder) -> Result<Vec<Seq>, Problem> {
    let mut firsts: Vec<Seq> = folder.names()?.iter().filter_map(|name| first_of(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// A new history: a new id, nothing that speaks of an older one, an empty file. Killed in between, the next start
/// begins anew.
fn begin(folder: &Folder) -> Result<Seq, Problem> {
    for old in [delivered::NAME, noted::NAME] {
        folder.remove(old)?;
    }
    state::new_id(folder)?;
    let name = name_of(Seq(1));
    let made = folder.replace(&name, b"");
    made.map_err(|error| folder.cannot(&name, "make it", &error))?;
    Ok(Seq(1))
}

/// The highest number that a small file speaks of, and which file. What is noted was durable before.
struct Evidence {
    seq: Seq,
    file: &'static str,
}

impl Evidence {
    fn of(noted: Option<&Noted>, delivered: &[Delivered]) -> Evidence {
        let noted = noted.map_or(Seq(0), |noted| noted.seq);
        let delivered = delivered.iter().map(|entry| entry.seq).max().unwrap_or_default();
        let file = if delivered > noted { delivered::NAME } else { noted::NAME };
        Evidence { seq: noted.max(delivered), file }
    }
}

/// Looks at all files, mends the last, and lists them.
fn walk(folder: &Folder, firsts: &[Seq], evidence: &Evidence) -> Result<(Files, Time), Problem> {
    let (oldest, newest) = (firsts[0], firsts[firsts.len() - 1]);
    let mut files = Files::new(oldest);
    let mut last_time = Time::default();
    for pair in firsts.windows(2) {
        let (len, time) = older(folder, pair[0], pair[1])?;
        files.grow(len, pair[1]);
        files.push(time);
        last_time = time;
    }
    let verified = mend(folder, newest, last_time, evidence)?;
    files.grow(verified.good, verified.next);
    Ok((files, verified.last_time))
}

/// Looks at the ends of a file behind which another one begins. Its length, and the time of its last line.
fn older(folder: &Folder, first: Seq, next: Seq) -> Result<(u64, Time), Problem> {
    let name = name_of(first);
    let look = || -> io::Result<_> {
        let file = File::open(folder.path(&name))?;
        let len = file.metadata()?.len();
        Ok((scan::ends(&file, len)?, len))
    };
    let (ends, len) = look().map_err(|error| folder.cannot(&name, "read it", &error))?;
    match ends {
        Some((begins, last, time)) if begins == first && last.next() == next => Ok((len, time)),
        Some((begins, _, _)) if begins != first => {
            Err(folder.problem_at(&name, 1, format!("this is event {begins}; {RESTORE}")))
        }
        Some((_, last, _)) => {
            let next = name_of(next);
            let what = format!("the file before it, {name}, ends with event {last}; {RESTORE}");
            Err(folder.problem(&next, what))
        }
        None => Err(folder.problem(&name, format!("does not begin or end with an event; {RESTORE}"))),
    }
}

const RESTORE: &str = "restore the file from a copy (--check names every damaged line)";

/// Checks the last file whole, cuts a torn tail, and syncs the file anew if not all of it is known to be durable.
fn mend(folder: &Folder, first: Seq, after: Time, evidence: &Evidence) -> Result<Verified, Problem> {
    let name = name_of(first);
    let read = || -> io::Result<_> {
        let file = File::open(folder.path(&name))?;
        let len = file.metadata()?.len();
        Ok((scan::verify(&file, first, after)?, file, len))
    };
    let (verified, file, len) = read().map_err(|error| folder.cannot(&name, "read it", &error))?;
    let stopped = state::stopped(folder, first, len)?;
    // After a clean stop nothing was in flight: what is wrong now was done to the file since.
    let torn_max = if stopped == Stopped::Unclean { (HISTORY_SYNC_MAX + LINE_MAX) as u64 } else { 0 };
    let noted_here = verified.next <= evidence.seq;

    if let Some((line, what)) = &verified.bad {
        if len - verified.good > torn_max || noted_here {
            let advice =
                "no crash does this; restore the file from a copy, or cut it before this line by hand";
            return Err(folder.problem_at(&name, *line, format!("{what}; {advice}")));
        }
        let aside = keep_aside(folder, &file, &verified, len)?;
        let bytes = len - verified.good;
        let what = format!("{what}: a torn tail of {bytes} bytes is cut, and kept as {aside}");
        warn!("{}", folder.problem_at(&name, *line, what));
    } else if noted_here {
        let what = format!("event {} is noted in {}, but not here", evidence.seq, evidence.file);
        let advice = "restore the end of the history from a copy; if there is none, remove id, members and delivered, \
                      and clients take what is left for a new history";
        return Err(folder.problem(&name, format!("{what}; {advice}")));
    }
    if let Some((line, StepBack { from, to })) = verified.step_back {
        let what = format!("the times step back, from {from} to {to}: a clock was wrong");
        warn!("{}", folder.problem_at(&name, line, what));
    }
    if stopped != Stopped::Clean {
        sync_anew(folder, &name, &file, verified.good).map_err(|error| {
            let Problem(cannot) = folder.cannot(&name, "sync it anew by a copy", &error);
            let bytes = verified.good;
            Problem(format!(
                "{cannot}; a start after a crash needs room for {bytes} bytes beside it: make room"
            ))
        })?;
    }
    Ok(verified)
}

/// Keeps what is cut, durably, under a name that is free.
fn keep_aside(folder: &Folder, file: &File, verified: &Verified, len: u64) -> Result<String, Problem> {
    let name = free_name(folder, verified.next);
    let bytes = scan::read(file, verified.good, len);
    let kept = bytes.and_then(|bytes| folder.replace(&name, &bytes));
    kept.map_err(|error| folder.cannot(&name, "keep a torn tail in it", &error))?;
    Ok(name)
}

fn free_name(folder: &Folder, seq: Seq) -> String {
    let names = (1..).map(|n| if n == 1 { format!("torn-{seq}") } else { format!("torn-{seq}.{n}") });
    let mut free = names.filter(|name| !folder.path(name).exists());
    free.next().expect("there are more names than files")
}

/// Puts a copy of the first `good` bytes in the place of the file.
///
/// What a killed server wrote and did not sync, or could not sync, reads well and is not on the disk; after a sync
/// that failed the kernel believes it is, so that syncing again does nothing. Written anew, it has to go there.
fn sync_anew(folder: &Folder, name: &str, file: &File, good: u64) -> io::Result<()> {
    let temp: PathBuf = folder.path(&format!("{name}{UNFINISHED}"));
    let copied = new_file(&temp).and_then(|mut copy| {
        if let Err(kept) = attributes::keep(file, &copy) {
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
        copy.sync_all()
    });
    copied.and_then(|()| std::fs::rename(&temp, folder.path(name))).inspect_err(|_| {
        // It could be 64 MiB on a disk that is full; the next start would remove it anyway.
        let _: io::Result<()> = std::fs::remove_file(&temp);
    })?;
    folder.sync()
}

/// ADDED and REMOVED behind the noted number. Without a note also those of whom a message comes before these.
fn membership(
    files: &SharedFiles,
    reader: &mut Reader,
    noted: Option<&Noted>,
) -> Result<(Vec<Membership>, BTreeSet<Mail>), Problem> {
    let mut from = reader.locate(noted.map_or(Seq(0), |noted| noted.seq).next())?;
    let (mut found, mut spoke) = (Vec::new(), BTreeSet::new());
    let mut changed = BTreeSet::new();
    let mut each = |line: EventLine<'_>| {
        let (added, mail) = match line.event {
            Event::Added { mail, .. } => (true, mail),
            Event::Removed { mail, .. } => (false, mail),
            Event::Msg { mail, .. } => {
                if !changed.contains(&mail) {
                    spoke.insert(mail);
                }
                return;
            }
        };
        if noted.is_none() {
            changed.insert(mail.clone());
        }
        found.push(Membership { seq: line.seq, added, mail });
    };
    let end = files.lock().end();
    while from < end {
        let span = files.lock().at(from);
        let name = name_of(span.first);
        let mut read = || -> io::Result<Option<u64>> {
            let file = File::open(files.folder.path(&name))?;
            match scan::memberships(&file, from.0 - span.start.0, noted.is_none(), &mut each)? {
                Ok(()) => Ok(None),
                Err(offset) => scan::line_number(&file, offset).map(Some),
            }
        };
        let bad = read().map_err(|error| files.folder.cannot(&name, "read it", &error))?;
        if let Some(line) = bad {
            return Err(files.folder.problem_at(&name, line, format!("this is no event; {RESTORE}")));
        }
        from = span.end;
    }
    Ok((found, spoke))
}
