//! The small files beside the transcript: `lock`, `id`, `clean`, `key`.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

use log::warn;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::files::{if_there, new_file};
use crate::protocol::Seq;
use crate::server::files::{NONBLOCK, Problem, access};
use crate::server::keys::random_key;
use crate::server::log::local::{Folder, delivered, ended, first_of_segment, segment_name, snapshot};

pub(super) const LOCK: &str = "lock";
pub(super) const ID: &str = "id";
const CLEAN: &str = "clean";
const KEY: &str = "key";
/// How far a node of a cluster has applied the stream.
pub(in crate::server) const APPLIED: &str = "applied";
/// [`APPLIED`] of a node that was started alone since: it has left its group.
pub(in crate::server) const LEFT: &str = "left";
/// The least number that the next start of a node of a cluster may have.
const STARTS: &str = "starts";
/// What a node of a cluster has written into members.txt.
pub(in crate::server) const MEMBERS_SEEN: &str = "members-seen";

/// The names of all our small files.
pub(super) const NAMES: [&str; 11] =
    [LOCK, ID, CLEAN, KEY, APPLIED, LEFT, STARTS, MEMBERS_SEEN, delivered::NAME, snapshot::NAME, ended::NAME];

/// Those that a copy does not have: they are about this folder, and the process that uses it.
pub(super) const NOT_COPIED: [&str; 2] = [LOCK, CLEAN];

/// What a lock file says that was never in a folder in use.
const BORN_IN_A_COPY: &str = "\nborn in a copy\n";

/// The lock on the history. The kernel releases it when the process ends, however that happens.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// The contents of the lock file: information only, and not synced.
#[derive(Debug, Default)]
pub(super) struct LockText {
    /// The process that holds the lock, or did.
    pub(super) pid: Option<u32>,
    /// The file's birth time according to the file system. A copy of the file has a later one.
    born: Option<String>,
}

impl LockText {
    fn of(text: &str) -> LockText {
        // A line without its LF was not written in full.
        let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let pid = lines.next().and_then(|line| line.parse().ok());
        LockText { pid, born: lines.next().and_then(|line| line.strip_prefix("born ")).map(str::to_owned) }
    }
}

/// A file's birth time, if the file system has one. Neither cp nor rsync nor tar can set it.
fn born(meta: &Metadata) -> Option<String> {
    let since = meta.created().ok()?.duration_since(UNIX_EPOCH).ok().filter(|since| !since.is_zero())?;
    Some(format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
}

/// The contents of the lock file; empty if it does not exist.
pub(super) fn read_lock(folder: &Folder) -> LockText {
    folder.read_text(LOCK).ok().flatten().map_or(LockText::default(), |text| LockText::of(&text))
}

/// Whether the folder is a copy of one on which a server has run: then its lock file was born later than it says.
/// `false` where the file system has no birth times and never had.
pub(super) fn is_copied(folder: &Folder) -> Result<bool, Problem> {
    let signed = folder.read_text(LOCK)?.and_then(|text| LockText::of(&text).born);
    let now = folder.path(LOCK).metadata().ok().and_then(|meta| born(&meta));
    Ok(signed.is_some_and(|signed| now != Some(signed)))
}

/// Makes a folder without a lock file a copy, also where the file system has no birth times.
pub(super) fn mark_as_copy(folder: &Folder) -> Result<(), Problem> {
    folder.replace(LOCK, BORN_IN_A_COPY.as_bytes())
}

impl Lock {
    fn open(folder: &Folder, make: bool) -> Result<File, Problem> {
        // A lock file is written to, and a link could lead to anything.
        let flags = NONBLOCK | OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(make).truncate(false).mode(0o600).custom_flags(flags);
        options.open(folder.path(LOCK)).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => folder.problem(LOCK, "is a symlink; remove it"),
            _ => folder.cannot(LOCK, "open it", &error),
        })
    }

    /// Whether this user could take the lock, if it exists and nobody holds it.
    pub(super) fn may_take(folder: &Folder) -> Result<(), Problem> {
        if folder.has(LOCK) { Lock::open(folder, false).map(drop) } else { Ok(()) }
    }

    /// Takes the lock. If another process holds it, the problem names that.
    pub(super) fn take(folder: &Folder) -> Result<Lock, Problem> {
        let mut file = Lock::open(folder, true)?;
        let mut text = String::new();
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        let _: io::Result<usize> = (&mut file).take(200).read_to_string(&mut text);
        let LockText { pid, born } = LockText::of(&text);
        match locked {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let who = pid.map_or(String::new(), |pid| format!(" (process {pid})"));
                let what =
                    format!("another server{who} uses this history; stop it, or use another --history");
                return Err(folder.problem(LOCK, what));
            }
            Err(error) => return Err(folder.cannot(LOCK, "lock it", &error.into())),
        }
        let lock = Lock { file };
        // The old birth time stays until a start has done all that a copy needs.
        lock.write(folder, born);
        Ok(lock)
    }

    /// Records this file's birth time: from now on the folder is an original.
    pub(super) fn sign(&self, folder: &Folder) {
        self.write(folder, self.file.metadata().ok().and_then(|meta| born(&meta)));
    }

    fn write(&self, folder: &Folder, born: Option<String>) {
        let mut text = format!("{}\n", std::process::id());
        text.extend(born.map(|born| format!("born {born}\n")));
        let written =
            self.file.write_all_at(text.as_bytes(), 0).and_then(|()| self.file.set_len(text.len() as u64));
        if let Err(error) = written {
            warn!("{}", folder.cannot(LOCK, "write the process id into it", &error));
        }
    }

    /// Whether somebody holds it. Asks with a shared lock, so that two processes that ask do not take each other for a
    /// server.
    pub(super) fn is_taken(folder: &Folder) -> bool {
        let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(folder.path(LOCK));
        file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being forked shares the descriptor until it runs its program,
        // and the lock is released with the last descriptor (flock(2)).
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            warn!("the history's lock is given back only at the end of the process: {error}");
        }
    }
}

/// The transcript's id; `None` if there is no file.
pub(super) fn read_id(folder: &Folder) -> Result<Option<u32>, Problem> {
    let Some(text) = folder.read_text(ID)? else { return Ok(None) };
    let digits = text.trim_end();
    let id = u32::from_str_radix(digits, 16).ok().filter(|id| format!("{id:08x}") == digits);
    let advice = "remove it, and clients take the history for a new one";
    id.map(Some).ok_or_else(|| folder.problem_at(ID, 1, format!("this is not 8 hex digits; {advice}")))
}

/// A new id for a new transcript, durable when it returns.
pub(super) fn new_id(folder: &Folder) -> Result<u32, Problem> {
    let id = getrandom::u32().map_err(|error| folder.cannot(ID, "get random bytes for it", &error.into()))?;
    write_id(folder, id)?;
    Ok(id)
}

fn write_id(folder: &Folder, id: u32) -> Result<(), Problem> {
    folder.replace(ID, format!("{id:08x}\n").as_bytes())
}

/// How the last server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It recorded that all is synced, and the last segment is as it was then.
    Clean,
    /// It recorded so, but the last segment was changed since.
    Changed,
    /// It recorded so, but events are missing at the end, and clients have seen them.
    Cut,
    /// It did not record so.
    Unclean,
}

fn clean_text(last: Seq, len: u64) -> String {
    format!("{} {len}\n", segment_name(last))
}

/// The last segment and its length.
fn parse_clean(text: &str) -> Option<(Seq, u64)> {
    let (name, len) = text.strip_suffix('\n')?.split_once(' ')?;
    Some((first_of_segment(name)?, len.parse().ok()?))
}

/// Compares what [`record_clean`] left with the last segment as it is.
pub(super) fn stopped(folder: &Folder, last: Seq, len: u64) -> Result<Stopped, Problem> {
    Ok(match folder.read_text(CLEAN)? {
        Some(text) if text == clean_text(last, len) => Stopped::Clean,
        // Killed before the text was written.
        Some(text) if text.is_empty() => Stopped::Unclean,
        Some(text) if parse_clean(&text).is_some_and(|then| then > (last, len)) => Stopped::Cut,
        Some(_) => Stopped::Changed,
        None => Stopped::Unclean,
    })
}

/// Records that the last segment is synced and has this length. Not synced itself: if it is lost, the next start does
/// more than it has to.
pub(super) fn record_clean(folder: &Folder, last: Seq, len: u64) -> io::Result<()> {
    new_file(&folder.path(CLEAN))?.write_all(clean_text(last, len).as_bytes())
}

/// Removes that record: until there is a new one, a stop is unclean.
pub(super) fn forget_clean(folder: &Folder) -> Result<(), Problem> {
    folder.remove(CLEAN)?;
    folder.sync().map_err(|error| folder.cannot(CLEAN, "remove it safely", &error))
}

/// The key for tokens: 32 random bytes as hex in the file `key`, which is created if it does not exist, readable by
/// this user only. The folder has to exist.
pub fn key(dir: &Path) -> Result<Zeroizing<[u8; 32]>, Problem> {
    let folder = Folder::new(dir);
    if let Some(key) = read_key(&folder)? {
        return Ok(key);
    }
    let key = random_key().map_err(|error| folder.cannot(KEY, "get random bytes for it", &error))?;
    write_key(&folder, &key)?;
    Ok(key)
}

/// The transcript's id in this folder, if there is one.
pub fn id(dir: &Path) -> Result<Option<u32>, Problem> {
    read_id(&Folder::new(dir))
}

/// A node of a cluster takes over its group's id of the transcript and key for tokens. Durable when it returns.
pub fn adopt(dir: &Path, id: u32, key: &[u8; 32]) -> Result<(), Problem> {
    adopt_in(&Folder::new(dir), id, key)
}

pub(super) fn adopt_in(folder: &Folder, id: u32, key: &[u8; 32]) -> Result<(), Problem> {
    if read_id(folder)? != Some(id) {
        write_id(folder, id)?;
    }
    // Whatever is there, even if it is no key.
    if read_key(folder).ok().flatten().is_none_or(|old| *old != *key) {
        write_key(folder, key)?;
    }
    Ok(())
}

/// A server that has opened this folder serves the group alone from now on. If it was a node of a cluster, it has left
/// that, and cannot come back unnoticed. Returns whether it was. Durable when it returns.
pub fn leave(dir: &Path) -> Result<bool, Problem> {
    let folder = Folder::new(dir);
    if !folder.has(APPLIED) {
        return Ok(false);
    }
    let left = std::fs::rename(folder.path(APPLIED), folder.path(LEFT)).and_then(|()| folder.sync());
    left.map_err(|error| folder.cannot(APPLIED, &format!("rename it to {LEFT}"), &error))?;
    folder.remove(MEMBERS_SEEN)?;
    Ok(true)
}

/// Whatever stream this history was part of, it is not now.
pub fn forget_stream(dir: &Path) -> Result<(), Problem> {
    let folder = Folder::new(dir);
    [APPLIED, LEFT].into_iter().try_for_each(|name| folder.remove(name))?;
    folder.sync().map_err(|error| folder.cannot(APPLIED, "remove it safely", &error))
}

/// The least number that the next start of this node may have, as far as the folder knows.
pub fn next_start(dir: &Path) -> Result<u64, Problem> {
    let folder = Folder::new(dir);
    let Some(text) = folder.read_text(STARTS)? else { return Ok(0) };
    let advice = "this is not a number; make sure that the machine's clock is right, and remove it";
    text.trim_end().parse().map_err(|_| folder.problem_at(STARTS, 1, advice))
}

/// Writes that down. Durable when it returns.
pub fn keep_next_start(dir: &Path, next: u64) -> Result<(), Problem> {
    Folder::new(dir).replace(STARTS, format!("{next}\n").as_bytes())
}

fn write_key(folder: &Folder, key: &[u8; 32]) -> Result<(), Problem> {
    let mut text = Zeroizing::new([b'\n'; 65]);
    base16ct::lower::encode(key, text.as_mut()).expect("two digits a byte");
    folder.replace(KEY, text.as_ref())
}

/// The key in the file; `None` if there is no file.
pub(super) fn read_key(folder: &Folder) -> Result<Option<Zeroizing<[u8; 32]>>, Problem> {
    let read = if_there(std::fs::read_to_string(folder.path(KEY)).map(Zeroizing::new));
    let read = read.map_err(|error| folder.cannot(KEY, "read it", &error))?;
    let Some(text) = read else { return Ok(None) };
    let advice = "this is not 64 hex digits; remove it, and everybody logs in with a password once";
    parse_key(text.trim_end()).map(Some).ok_or_else(|| folder.problem_at(KEY, 1, advice))
}

/// A warning if others may read the key.
pub(super) fn others_read_key(folder: &Folder) -> Option<Problem> {
    let key = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(folder.path(KEY)).ok()?;
    let others = access::of_others(&key).ok()?;
    let what = "others can read it, and log in as anybody with it; chmod 600, or remove it";
    (others != 0).then(|| folder.problem(KEY, what))
}

fn parse_key(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    let len = base16ct::mixed::decode(digits, key.as_mut()).ok()?.len();
    (len == key.len()).then_some(key)
}
