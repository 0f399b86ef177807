//! The small files beside the transcript: `lock`, `id`, `clean`, `key`.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use log::warn;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::Problem;
use super::disk::Folder;
use super::files::name_of;
use crate::new_file::new_file;
use crate::protocol::Seq;
use crate::server::tokens::random_key;

pub(super) const LOCK: &str = "lock";
const ID: &str = "id";
const CLEAN: &str = "clean";
const KEY: &str = "key";

/// While it lives, the history is ours. The kernel ends it with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(folder: &Folder) -> Result<Lock, Problem> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.path(LOCK));
        let mut file = opened.map_err(|error| folder.cannot(LOCK, "open it", &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // The process id is for information only.
                let _: io::Result<usize> = (&mut file).take(20).read_to_string(&mut pid);
                let who = pid.trim().parse::<u32>().map_or(String::new(), |pid| format!(" (process {pid})"));
                let what =
                    format!("another server{who} uses this history; stop it, or use another --history");
                return Err(folder.problem(LOCK, what));
            }
            Err(error) => return Err(folder.cannot(LOCK, "lock it", &error.into())),
        }
        let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = noted {
            warn!("{}", folder.cannot(LOCK, "write the process id into it", &error));
        }
        Ok(Lock { file })
    }

    /// Whether somebody has it. Shared, so that two who look do not take each other for a server.
    pub(super) fn is_taken(folder: &Folder) -> bool {
        let file = File::open(folder.path(LOCK));
        file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do: a process that is being forked at this moment has the same descriptor until it runs
        // its program, and the lock goes with the last of them (flock(2)).
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            warn!("the history's lock is given back only at the end of the process: {error}");
        }
    }
}

/// Which transcript this is; `None` if that is not known.
pub(super) fn read_id(folder: &Folder) -> Result<Option<u32>, Problem> {
    let Some(text) = folder.read_text(ID)? else { return Ok(None) };
    let digits = text.trim_end();
    let id = u32::from_str_radix(digits, 16).ok().filter(|id| format!("{id:08x}") == digits);
    let advice = "remove it, and clients take the history for a new one";
    id.map(Some).ok_or_else(|| folder.problem_at(ID, 1, format!("this is not 8 hex digits; {advice}")))
}

/// A new number for a new transcript, durably.
pub(super) fn new_id(folder: &Folder) -> Result<u32, Problem> {
    let id = getrandom::u32().map_err(|error| folder.cannot(ID, "get random bytes for it", &error.into()))?;
    let put = folder.replace(ID, format!("{id:08x}\n").as_bytes());
    put.map_err(|error| folder.cannot(ID, "write it", &error))?;
    Ok(id)
}

/// How the last server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It said that all is synced, and the last file is as it was then.
    Clean,
    /// It said so, and the last file has been changed since.
    Changed,
    /// It did not say so.
    Unclean,
}

fn clean_text(last: Seq, len: u64) -> String {
    format!("{} {len}\n", name_of(last))
}

/// Reads what was left by [`say_clean`], for a last file of this length.
pub(super) fn stopped(folder: &Folder, last: Seq, len: u64) -> Result<Stopped, Problem> {
    Ok(match folder.read_text(CLEAN)? {
        Some(text) if text == clean_text(last, len) => Stopped::Clean,
        // Killed before the text was in it.
        Some(text) if text.is_empty() => Stopped::Unclean,
        Some(_) => Stopped::Changed,
        None => Stopped::Unclean,
    })
}

/// The last file is synced and has this length. Not synced itself: should it get lost, the next start does more
/// than it has to.
pub(super) fn say_clean(folder: &Folder, last: Seq, len: u64) -> io::Result<()> {
    new_file(&folder.path(CLEAN))?.write_all(clean_text(last, len).as_bytes())
}

/// From now on a stop is unclean.
pub(super) fn forget_clean(folder: &Folder) -> Result<(), Problem> {
    folder.remove(CLEAN)?;
    folder.sync().map_err(|error| folder.cannot(CLEAN, "remove it safely", &error))
}

/// The key for tokens, 32 random bytes in the file `key` as hex, made if it is not there. For nobody else to read.
/// The folder is there: the history was opened.
pub fn key(dir: &Path) -> Result<Zeroizing<[u8; 32]>, Problem> {
    let folder = Folder::new(dir);
    let path = folder.path(KEY);
    if !path.exists() {
        let key = random_key().map_err(|error| folder.cannot(KEY, "get random bytes for it", &error))?;
        let mut text = Zeroizing::new(String::with_capacity(65));
        for byte in key.iter() {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        }
        text.push('\n');
        folder.replace(KEY, text.as_bytes()).map_err(|error| folder.cannot(KEY, "write it", &error))?;
        return Ok(key);
    }
    let text = std::fs::read_to_string(&path).map(Zeroizing::new);
    let text = text.map_err(|error| folder.cannot(KEY, "read it", &error))?;
    if std::fs::metadata(&path).is_ok_and(|meta| meta.mode() & 0o077 != 0) {
        warn!(
            "{}",
            folder.problem(KEY, "others may read it, and with it enter as anybody; chmod 600, or remove it")
        );
    }
    parse_key(text.trim_end()).ok_or_else(|| {
        folder.problem_at(
            KEY,
            1,
            "this is not 64 hex digits; remove it, and everybody logs in with a password once",
        )
    })
}

fn parse_key(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if digits.len() != 2 * key.len() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(key)
}
