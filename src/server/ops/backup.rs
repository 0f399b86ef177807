//! `--backup`: a whole copy of the server's files, from the files alone, while a server may be writing them.
//!
//! It is made under another name, which it loses at the end: a backup that has its name is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::options::Options;
use crate::server::counted::numbered;
use crate::server::files::{NONBLOCK, Problem, copies, folder_of, folders, shown};
use crate::server::log::local::{self, BackedUp};
use crate::server::members::file;
use crate::server::net::certificate::{Certificate, SELF_SIGNED, Source};
use crate::server::threads::priority::Priority;

/// The names in a backup are those that a start looks for.
const MEMBERS: &str = "members.txt";
const HISTORY: &str = "history";
const CERT: &str = "tls-cert.pem";
const KEY: &str = "tls-key.pem";

/// Makes the backup. Returns a sentence that says what it has.
pub fn back_up(options: &Options, to: &Path) -> Result<String, Problem> {
    let history = options.history.as_ref().expect("the options demand it");
    // Shells complete the name of a folder with a slash, after which no suffix can stand.
    let to: &Path = &to.components().collect::<PathBuf>();
    // Nobody waits for it, and the server may want this core.
    Priority::Idle.assume();
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Problem::of(to, "is not empty; name a folder that does not exist"));
    }
    let unfinished = PathBuf::from([to.as_os_str(), folders::UNFINISHED.as_ref()].join("".as_ref()));
    let _lock = begin(&unfinished, folder_of(&options.members))?;
    let done = fill(&unfinished, options, history).and_then(|backed_up| {
        finish(&unfinished, to).map_err(|error| Problem::of(to, format_args!("cannot be made: {error}")))?;
        Ok(backed_up)
    });
    // What cannot be finished only takes up room.
    let done = done.inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
    let BackedUp { first, last } = done;
    let events = numbered("event", first, last);
    Ok(format!("{}: made, with {events}; a server started in it goes on from there", shown(to)))
}

/// Makes the folder, and locks it for as long as it is written: that tells it from what a killed backup left behind.
fn begin(unfinished: &Path, like: &Path) -> Result<File, Problem> {
    copies::make_folder(unfinished, like).map_err(|problem| taken(unfinished).unwrap_or(problem))?;
    let folder =
        open(unfinished).map_err(|error| Problem::of(unfinished, format_args!("cannot be read: {error}")))?;
    // Whoever looks at the lock has it for a moment. Some file systems have no locks for folders.
    let _ = flock(&folder, FlockOperation::LockExclusive);
    Ok(folder)
}

/// What to do about something that has the name already.
fn taken(unfinished: &Path) -> Option<Problem> {
    unfinished.symlink_metadata().ok()?;
    let is_locked = open(unfinished)
        .is_ok_and(|folder| flock(folder, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK));
    Some(Problem::of(
        unfinished,
        if is_locked {
            "is being written by another backup; wait for it, or name another folder"
        } else {
            "was left unfinished by a backup that was killed; remove it"
        },
    ))
}

fn open(folder: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(NONBLOCK).open(folder)
}

fn fill(to: &Path, options: &Options, history: &Path) -> Result<BackedUp, Problem> {
    let backed_up = local::back_up(history, &to.join(HISTORY))?;
    // After the events: a member who is in one of them and not in the file would be removed by a start.
    file::back_up(&options.members, &to.join(MEMBERS))?;
    let source = options.listen.certificate.as_ref();
    let Some(copied) = certificate(source, &options.members, to)? else { return Ok(backed_up) };
    // As the start and `--check` judge.
    if let (Some(source), Err(problem)) = (source, Certificate::load(&copied)) {
        // Its own name, if it is no better.
        Certificate::load(source)?;
        return Err(problem);
    }
    Ok(backed_up)
}

/// Copies the certificate with its key, if there is one already.
fn certificate(source: Option<&Source>, members: &Path, to: &Path) -> Result<Option<Source>, Problem> {
    if let Some(Source::Files { cert, key }) = source {
        let copied = Source::Files { cert: to.join(CERT), key: to.join(KEY) };
        copies::copy(cert, &to.join(CERT))?;
        copies::copy(key, &to.join(KEY))?;
        return Ok(Some(copied));
    }
    let (own, copied) = (members.with_file_name(SELF_SIGNED), to.join(SELF_SIGNED));
    if own.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    copies::copy(&own, &copied)?;
    Ok(Some(Source::SelfSigned(copied)))
}

/// Gives it its name, durably.
fn finish(unfinished: &Path, to: &Path) -> io::Result<()> {
    folders::sync(File::open(unfinished)?)?;
    fs::rename(unfinished, to)?;
    folders::sync_parent(to)
}
