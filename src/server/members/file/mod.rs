//! The only writer of members.txt, and the one who notices when somebody else wrote it.
//!
//! A tiny thread: it takes changes, makes all that have gathered in one replacement of the file, and answers
//! when that is safe on disk. Between changes it looks whether the file was edited.
//!
//! `place` puts a new file in the place of the old one, `obstacle` says why that would not go, `door` decides what is to be put there and what
//! is news, `settling` tells when an editor is done, `late` watches for those who still write to a file that was
//! replaced, `news` is what is told of the file, `timing` how patient all of them are.

mod door;
mod late;
mod news;
mod obstacle;
mod place;
mod settling;
mod timing;

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use mio::Waker;

pub use self::news::News;
pub use self::timing::Timing;

use self::door::Door;
use self::news::weak;
use self::place::Place;

use crate::limits::MEMBERS_QUEUE_MAX;
use crate::protocol::Mail;
use crate::room::{Change, MembersFile, PasswordHash, SaveError, Secret};
use crate::server::files::folders;
use crate::server::files::paths::{folder_of, shown};
use crate::server::files::problem::Problem;
use crate::server::threads::worker::{Answers, Worker};

/// What the thread is asked for. The ticket comes back with the answer.
#[derive(Debug)]
pub enum Job<T> {
    /// A command's change. Each gets exactly one answer, in the order in which they came.
    Change {
        /// Whatever the asker needs to know it again.
        ticket: T,
        /// The change.
        change: Change,
        /// When it was asked for: it is answered a while after that, whoever edits the file meanwhile.
        asked: Instant,
    },
    /// Look at the file now (SIGHUP). A problem that is still there is told once more.
    Reload,
}

/// What the thread has to say: answers, or news of the file, or both.
#[derive(Debug)]
pub struct Done<T> {
    /// What became of each change. `Ok`: it is in the file, durably.
    pub answers: Vec<(T, Change, Result<(), SaveError>)>,
    /// What else is different.
    pub news: News,
}

/// Starts the thread. `file` is what the asker goes by, from [`read_at_start`]: what is different in it by now is
/// news. Removes what an earlier process left half-written.
pub fn spawn<T: Send + 'static>(
    path: PathBuf,
    file: MembersFile,
    timing: Timing,
    waker: Arc<Waker>,
) -> io::Result<Worker<Job<T>, Done<T>>> {
    let door = Door::open(path, file, timing);
    Worker::spawn("members", MEMBERS_QUEUE_MAX, waker, move |jobs, answers| {
        run(door, timing, &jobs, &answers);
    })
}

/// Until the channel of jobs is closed and empty, or nobody takes the answers any more.
fn run<T>(mut door: Door, timing: Timing, jobs: &Receiver<Job<T>>, answers: &Answers<Done<T>>) {
    let mut next_look = Instant::now();
    loop {
        let first = match jobs.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (mut tickets, mut changes, mut reload) = (Vec::new(), Vec::new(), false);
        let mut first_asked = None;
        for job in first.into_iter().chain(jobs.try_iter().take(MEMBERS_QUEUE_MAX)) {
            match job {
                Job::Change { ticket, change, asked } => {
                    first_asked.get_or_insert(asked);
                    tickets.push(ticket);
                    changes.push(change);
                }
                Job::Reload => reload = true,
            }
        }
        if let Some(asked) = first_asked {
            // What was asked for while others waited for an editor has waited with them.
            let results = door.change(&changes, asked + timing.patience);
            let asked = tickets.into_iter().zip(changes);
            let told = asked.zip(results).map(|((ticket, change), result)| (ticket, change, result));
            if answers.send(Done { answers: told.collect(), news: door.news() }).is_err() {
                return;
            }
        }
        if reload {
            door.look_afresh();
        }
        if reload || Instant::now() >= next_look {
            for look in [Door::look, Door::late_edit, Door::probe] {
                look(&mut door);
                let news = door.news();
                if !news.is_empty() && answers.send(Done { answers: Vec::new(), news }).is_err() {
                    return;
                }
            }
            next_look = Instant::now() + door.next_look();
        }
    }
}

/// The file as it is now, for the start and for `--check`. Changes nothing.
pub fn read_at_start(path: &Path) -> Result<MembersFile, Problem> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder_of(path).is_dir() => {
            Err(Problem(format!("{}: does not exist; --init MAIL makes it, with an admin", shown(path))))
        }
        _ => {
            let place = Place::find(path)?;
            place.parse(&place.read()?.bytes)
        }
    }
}

/// What is unwise about the file and where it lies, a sentence each, for the start and for `--check`: members whose hash is
/// cheap to guess (`members.txt:7: …`), and what would be lost when it is replaced. Changes nothing.
pub fn warnings(path: &Path) -> Result<Vec<String>, Problem> {
    let place = Place::find(path)?;
    let found = place.read()?;
    let mut warnings = weak(&shown(path), &place.parse(&found.bytes)?);
    warnings.extend(place.caveats(&found));
    Ok(warnings)
}

/// Why no command could change the file, and how many passwords that were typed into it stay there, for `--check`. The
/// server finds it out by itself.
pub fn obstacle(path: &Path) -> Result<Option<String>, Problem> {
    let place = Place::find(path)?;
    let found = place.read()?;
    let Some(Problem(why)) = place.obstacle(&found) else { return Ok(None) };
    let is_typed = |secret: &Secret| matches!(secret, Secret::Typed(_));
    let file = place.parse(&found.bytes)?;
    let typed = file.entries().filter(|(_, _, record)| is_typed(&record.secret)).count();
    let stay = match typed {
        0 => String::new(),
        1 => ", and a password stays in it as it was typed".to_owned(),
        _ => format!(", and {typed} passwords stay in it as they were typed"),
    };
    Ok(Some(format!("{why} (no command can change the members{stay})")))
}

/// An error if something of this name is there already: asked before a password is, and by [`create`] again.
pub fn is_free(path: &Path) -> Result<(), Problem> {
    // A symlink to nothing is something too.
    if path.symlink_metadata().is_ok() { Err(is_there(path)) } else { Ok(()) }
}

fn is_there(path: &Path) -> Problem {
    Problem(format!("{}: exists already, and is left as it is", shown(path)))
}

/// Makes a members.txt with one admin, for `--init`: for nobody else to read, and never over a file that is
/// there.
pub fn create(path: &Path, mail: &Mail, hash: &PasswordHash) -> Result<(), Problem> {
    let text = format!("{HEAD}{mail} {} admin\n", hash.as_str());
    let shown = shown(path);
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => is_there(path),
        _ => Problem(format!("{shown}: cannot be made: {error}")),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let kept = written.and_then(|()| folders::sync_parent(path));
    kept.map_err(|error| {
        // Half a file would be refused at the next start, and by the next --init.
        let removed = std::fs::remove_file(path).is_ok();
        let rest = if removed { "" } else { "; remove the incomplete file" };
        Problem(format!("{shown}: cannot be written: {error}{rest}"))
    })
}

/// What explains the file to who opens it.
const HEAD: &str = "\
# The members of the group, one per line: mail, password, and admin for those who may add and remove.
#
#     bob@example.org   a-password-typed-by-hand
#     eve@example.org   $argon2id$...   admin
#
# A password typed here is replaced by its hash as soon as the server reads it. Edit this file whenever you
# like: an edit takes effect within two seconds. Comments, blank lines and spacing stay as they are.

";
