//! The terminal itself: its mode, its size, its signals, its keys. However the program ends, the mode is restored.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;
use zeroize::Zeroizing;

use super::{Ability, burst, kind, title};
use crate::client::inbox::News;
use crate::limits::{CLIENT_BURST_MAX, CLIENT_END_WAIT, LINE_MAX_DEFAULT};

/// The terminal and its original mode, while another one is set. Static, so that a panic can restore it.
static ORIGINAL: Mutex<Option<(OwnedFd, Termios)>> = Mutex::new(None);

/// What to do with signals.
static LISTENER: Mutex<Listener> = Mutex::new(Listener::NotCaught);

enum Listener {
    /// Their default.
    NotCaught,
    /// End the program, with the mode restored.
    End,
    /// Pass them on.
    Inbox(SyncSender<News>),
}

/// How long a signal may take to stop all threads.
const STOPPING: Duration = Duration::from_millis(100);

const PASTE_ON: &[u8] = b"\x1b[?2004h";
const PASTE_OFF: &[u8] = b"\x1b[?2004l\x1b[?7h\x1b[0m";

/// Raw mode until this is dropped: keys come one by one and are not echoed.
#[derive(Debug)]
pub(in super::super) struct Raw(());

impl Raw {
    /// Enters it, and asks the terminal which kind it is.
    pub(in super::super) fn enter() -> io::Result<Raw> {
        set_raw()?;
        io::stdout().write_all(kind::ASK)?;
        io::stdout().flush()?;
        let panicked = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave_raw();
            let _ = io::stdout().write_all(b"\r\n");
            panicked(info);
        }));
        Ok(Raw(()))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        leave_raw();
    }
}

/// Enters raw mode, also again, after another program may have changed the mode.
pub(in super::super) fn set_raw() -> io::Result<()> {
    change_mode(io::stdin().as_fd().try_clone_to_owned()?, Termios::make_raw)?;
    let mut stdout = io::stdout();
    stdout.write_all(PASTE_ON)?;
    stdout.flush()
}

fn leave_raw() {
    let mut stdout = io::stdout();
    // If that fails the terminal is gone.
    let _ = stdout.write_all(PASTE_OFF).and_then(|()| stdout.write_all(title::restore().as_bytes()));
    let _ = stdout.flush();
    restore();
}

fn change_mode(terminal: OwnedFd, change: impl FnOnce(&mut Termios)) -> io::Result<()> {
    let found = tcgetattr(&terminal)?;
    let mut changed = found.clone();
    change(&mut changed);
    // Before the change, so that a panic in between finds it. The first mode found is the original one.
    let mut original = lock(&ORIGINAL);
    let (terminal, _) = original.get_or_insert((terminal, found));
    Ok(tcsetattr(terminal, OptionalActions::Drain, &changed)?)
}

/// Restores the mode.
fn restore() {
    if let Some((terminal, found)) = lock(&ORIGINAL).take() {
        let _ = tcsetattr(terminal, OptionalActions::Now, &found);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal, without echo until this is dropped, between questions too. It is opened by name, because standard input may be
/// a pipe. What was typed and not read by then is discarded: it may be a secret.
#[derive(Debug)]
pub(in super::super) struct NoEcho(File);

impl NoEcho {
    pub(in super::super) fn begin() -> io::Result<NoEcho> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        catch_signals(None)?;
        echo_off(&terminal)?;
        Ok(NoEcho(terminal))
    }

    /// Asks for one line.
    pub(in super::super) fn ask(&mut self, question: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut line = Zeroizing::new(vec![0; LINE_MAX_DEFAULT]);
        self.0.write_all(question.as_bytes())?;
        // The terminal gives one line at a time.
        let read = self.0.read(&mut line);
        self.0.write_all(b"\n")?;
        line.truncate(read?);
        while line.last().is_some_and(|b| b"\r\n".contains(b)) {
            line.pop();
        }
        Ok(line)
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        // If that fails the terminal is gone.
        let _ = tcflush(&self.0, QueueSelector::IFlush);
        restore();
    }
}

/// Stops the program as ^Z does with any other, and with it its process group: what started it (make, a script) has to stop,
/// too, or no shell would notice. Without a shell nothing stops.
pub(in super::super) fn stop_group() {
    leave_raw();
    let _ = rustix::process::kill_current_process_group(Signal::TSTP);
    // The signal may go to another thread: this one waits until it is stopped, too.
    thread::sleep(STOPPING);
}

/// Whether the terminal echoes what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Echo {
    On,
    Off,
}

/// Sets the echo of a terminal that is not in raw mode.
pub(in super::super) fn set_echo(echo: Echo) -> io::Result<()> {
    match echo {
        Echo::On => restore(),
        Echo::Off => echo_off(&io::stdin())?,
    }
    Ok(())
}

fn echo_off(terminal: &impl AsFd) -> io::Result<()> {
    let terminal = terminal.as_fd().try_clone_to_owned()?;
    change_mode(terminal, |mode| mode.local_modes.remove(LocalModes::ECHO))
}

/// Discards what was typed and not read: it may be a secret, and the shell would show it.
pub(in super::super) fn forget_typed() {
    // If that fails the terminal is gone.
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// Ends the program as the signal would have.
pub(in super::super) fn die_of(signal: i32) -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(signal)
}

/// What standard output can do.
pub(in super::super) fn ability() -> Ability {
    // Into a pipe or a file, too, go lines, and nothing is drawn.
    if !io::stdout().is_terminal() {
        return Ability::Lines;
    }
    let value = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    // A dumb terminal, as in a shell of Emacs, cannot place the cursor.
    match (value("TERM").filter(|term| term != "dumb"), value("NO_COLOR")) {
        (None, _) => Ability::Lines,
        (Some(_), None) => Ability::Colours,
        (Some(_), Some(_)) => Ability::Cursor,
    }
}

/// Whether the window of a terminal that draws has a title, as far as is known.
pub(in super::super) fn has_title() -> bool {
    std::env::var("TERM").is_ok_and(|term| title::is_known(&term))
}

/// Columns and rows.
pub(in super::super) fn size() -> (usize, usize) {
    // Standard output may be a pipe.
    match tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin())) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// Sends keys and signals to the inbox from now on.
pub(in super::super) fn listen(inbox: &SyncSender<News>) -> io::Result<()> {
    catch_signals(Some(inbox.clone()))?;
    let to = inbox.clone();
    thread::spawn(move || {
        loop {
            let (keys, is_end) = read_at_once();
            if !keys.is_empty() && to.send(News::Keys(keys)).is_err() {
                return;
            }
            if is_end {
                // The inbox is gone if the program is ending.
                let _ = to.send(News::Keys(Vec::new()));
                return;
            }
        }
    });
    Ok(())
}

/// Waits for keys. Returns all that came at once, and whether the input has ended.
fn read_at_once() -> (Vec<u8>, bool) {
    let mut stdin = io::stdin().lock();
    // As large as the buffer of standard input, or the rest of a read would stay there.
    let (mut keys, mut bytes) = (Vec::new(), [0; 16 << 10]);
    loop {
        match stdin.read(&mut bytes) {
            Ok(n @ 1..) => keys.extend_from_slice(&bytes[..n]),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            // The terminal is gone.
            Ok(_) | Err(_) => return (keys, true),
        }
        if keys.len() >= CLIENT_BURST_MAX || !comes_within(burst::wait(&keys)) {
            return (keys, false);
        }
    }
}

/// Whether more keys come within this time.
fn comes_within(patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).expect("it is less than a second");
    let stdin = io::stdin();
    loop {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&patience)) {
            Err(Errno::INTR) => {}
            ready => return ready.is_ok_and(|ready| ready > 0),
        }
    }
}

/// Signals go to the inbox from now on; without one they end the program, with the mode restored.
fn catch_signals(inbox: Option<SyncSender<News>>) -> io::Result<()> {
    let listener = inbox.map_or(Listener::End, Listener::Inbox);
    if !matches!(std::mem::replace(&mut *lock(&LISTENER), listener), Listener::NotCaught) {
        return Ok(());
    }
    let mut signals = Signals::new([SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH])?;
    thread::spawn(move || {
        for signal in &mut signals {
            let inbox = match &*lock(&LISTENER) {
                Listener::Inbox(inbox) => Some(inbox.clone()),
                Listener::NotCaught | Listener::End => None,
            };
            match inbox {
                // The inbox is gone if the program is ending.
                Some(inbox) if ![SIGHUP, SIGQUIT, SIGTERM].contains(&signal) => {
                    drop(inbox.send(News::Signal(signal)));
                }
                None if signal == SIGCONT || signal == SIGWINCH => {}
                inbox => {
                    if let Some(inbox) = inbox {
                        // The main thread may be stuck writing to the terminal; the program ends all the same.
                        let _ = inbox.try_send(News::Signal(signal));
                        thread::sleep(CLIENT_END_WAIT);
                    }
                    restore();
                    let _ = die_of(signal);
                }
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
