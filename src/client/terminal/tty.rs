//! The terminal itself: its mode, its size, its signals, its keys. Whatever way the program takes out, the mode
//! is put back.

use std::io::{self, Read as _, Write as _};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;

use crate::client::network::News;

/// The mode as it was found, while it is another. Static, because a panic has to find it.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// In which a signal to the program has stopped it.
const STOPPING: Duration = Duration::from_millis(100);

const PASTE_ON: &[u8] = b"\x1b[?2004h";
const PASTE_OFF: &[u8] = b"\x1b[?2004l\x1b[?7h\x1b[0m";

/// Keys come one by one and unseen until this is dropped.
#[derive(Debug)]
pub(in super::super) struct Raw(());

impl Raw {
    pub(in super::super) fn enter() -> io::Result<Raw> {
        set_raw()?;
        let panicked = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            let _ = io::stdout().write_all(b"\r\n");
            panicked(info);
        }));
        Ok(Raw(()))
    }

    /// After somebody else may have changed the mode.
    #[allow(clippy::unused_self, reason = "who has it has entered before")]
    pub(in super::super) fn enter_again(&self) -> io::Result<()> {
        set_raw()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

fn set_raw() -> io::Result<()> {
    let stdin = io::stdin();
    let found = tcgetattr(&stdin)?;
    let mut raw = found.clone();
    raw.make_raw();
    // Before the change, so that a panic in between finds it. What was found first is what is put back.
    FOUND.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(found);
    tcsetattr(&stdin, OptionalActions::Drain, &raw)?;
    io::stdout().write_all(PASTE_ON)?;
    io::stdout().flush()
}

/// Puts the mode back. If the terminal is gone there is nobody to see it.
fn restore() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(found) = found {
        let mut stdout = io::stdout();
        let _ = stdout.write_all(PASTE_OFF).and_then(|()| stdout.flush());
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &found);
    }
}

/// Stops the program as ^Z does with any other, and with it all of its group: what started it (make, a script) too,
/// or no shell would notice. Where no shell is, nothing stops.
pub(in super::super) fn stop_group() {
    restore();
    let _ = rustix::process::kill_current_process_group(Signal::TSTP);
    // Another thread may be the one that is told to stop: this one waits until it stands still, too.
    thread::sleep(STOPPING);
}

/// Ends the program as the signal would have.
pub(in super::super) fn die_of(signal: i32) -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(signal)
}

/// Columns and rows.
pub(in super::super) fn size() -> (usize, usize) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// From here on keys and signals are in the inbox.
pub(in super::super) fn listen(inbox: &SyncSender<News>) -> io::Result<()> {
    let mut signals = Signals::new([SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH])?;
    let to = inbox.clone();
    thread::spawn(move || {
        for signal in &mut signals {
            if to.send(News::Signal(signal)).is_err() {
                return;
            }
        }
    });
    let to = inbox.clone();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        loop {
            let keys = match io::stdin().read(&mut bytes) {
                Ok(n) => bytes[..n].to_vec(),
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                // The terminal is gone.
                Err(_) => Vec::new(),
            };
            let is_end = keys.is_empty();
            if to.send(News::Keys(keys)).is_err() || is_end {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use rexpect::process::{PtyProcess, WaitStatus};

    use super::*;

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let me = std::env::current_exe().expect("this program");
        let panics = "--exact client::terminal::tty::tests::panics --ignored";
        let script = format!("stty -a >before; {} {panics}; stty -a >after", me.display());
        let mut command = Command::new("bash");
        command.args(["-c", &script]).current_dir(folder.path());
        let process = PtyProcess::new(command).expect("a pseudo-terminal");
        let mut output = process.get_file_handle().expect("a descriptor");
        let read = thread::spawn(move || {
            let mut text = Vec::new();
            // A pseudo-terminal ends with an error.
            let _ = output.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let deadline = Instant::now() + Duration::from_secs(30);
        while process.status() == Some(WaitStatus::StillAlive) {
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
        let seen = read.join().expect("reading does not panic");
        let mode = |name| std::fs::read_to_string(folder.path().join(name)).expect("stty wrote it");
        assert!(seen.contains("on purpose") && seen.contains("\x1b[?2004l"), "{seen}");
        assert_eq!(mode("after"), mode("before"));
    }

    #[test]
    #[ignore = "a part of the test above"]
    fn panics() {
        // As with panic = "abort": nothing is dropped.
        std::mem::forget(Raw::enter().expect("a terminal"));
        panic!("on purpose");
    }
}
