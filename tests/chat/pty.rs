//! A program in a pseudo-terminal, and what a terminal shows of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rexpect::process::{PtyProcess, WaitStatus};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::server::PATIENCE;

/// A window with a program in it.
pub(crate) struct Pty {
    process: PtyProcess,
    keyboard: File,
    seen: Arc<Mutex<Seen>>,
    takes_nothing: Arc<AtomicBool>,
}

/// What has come out.
struct Seen {
    terminal: vt100::Parser,
    raw: Vec<u8>,
    /// So many of them the terminal was given.
    given: usize,
    is_over: bool,
}

impl Seen {
    fn new(width: u16, height: u16) -> Seen {
        Seen { terminal: terminal(width, height), raw: Vec::new(), given: 0, is_over: false }
    }

    /// Of a character that is not all here the terminal is given nothing: vte 0.15 forgets what follows one that came in
    /// two pieces, if it is a single byte before another one that is not all here ("ü 日", cut within both).
    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        let new = &self.raw[self.given..];
        let whole = match new.utf8_chunks().last() {
            Some(last) if is_unfinished(last.invalid()) => new.len() - last.invalid().len(),
            _ => new.len(),
        };
        self.terminal.process(&new[..whole]);
        self.given += whole;
    }
}

/// Whether these bytes, which are no character, may become one.
fn is_unfinished(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn terminal(width: u16, height: u16) -> vt100::Parser {
    let size = |size| NonZeroU16::new(size).expect("a window has rows and columns");
    vt100::Parser::new(size(height), size(width), 1000)
}

impl Pty {
    /// Runs a line of shell in a window of this size.
    pub(crate) fn run(width: u16, height: u16, script: &str, environment: &[(&str, &str)]) -> Pty {
        let mut command = Command::new("bash");
        command
            .args(["--norc", "--noprofile", "-c"])
            .arg(format!("stty cols {width} rows {height} echo; {script}"));
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color").env("TZ", "UTC0");
        command.envs(environment.iter().copied());
        let mut process = PtyProcess::new(command).expect("a pseudo-terminal");
        // An interactive shell takes no notice of SIGTERM.
        process.set_kill_timeout(Some(1));
        let keyboard = process.get_file_handle().expect("a descriptor");
        let mut output = process.get_file_handle().expect("a descriptor");
        let seen = Arc::new(Mutex::new(Seen::new(width, height)));
        let to = Arc::clone(&seen);
        let takes_nothing = Arc::new(AtomicBool::new(false));
        let stands_still = Arc::clone(&takes_nothing);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                while stands_still.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                let n = output.read(&mut bytes).unwrap_or(0);
                let mut seen = to.lock().unwrap_or_else(PoisonError::into_inner);
                seen.take(&bytes[..n]);
                if n == 0 {
                    seen.is_over = true;
                    return;
                }
            }
        });
        Pty { process, keyboard, seen, takes_nothing }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the window takes what comes out, or leaves it in the kernel, which holds only so much. One piece more may
    /// be taken after this.
    pub(crate) fn takes_nothing(&self, whether: bool) {
        self.takes_nothing.store(whether, Ordering::Relaxed);
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.bytes(keys.as_bytes());
    }

    /// Keys of a terminal that speaks no UTF-8.
    pub(crate) fn bytes(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("the terminal takes keys");
    }

    /// What the window shows, blanks at the ends of its rows and empty rows at its end left out.
    pub(crate) fn screen(&self) -> String {
        let contents = self.seen().terminal.screen().contents();
        let rows: Vec<&str> = contents.lines().map(str::trim_end).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// All bytes so far.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen().raw).into_owned()
    }

    /// Waits until the window shows something like that.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.screen()) {
            let seen = self.screen();
            assert!(
                Instant::now() < deadline,
                "the window never shows {what}:\n{seen}\n(that was the window)"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the window shows this text.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Waits until the last row is this.
    #[track_caller]
    pub(crate) fn prompts(&self, row: &str) {
        self.until(&format!("{row:?} as its last row"), |screen| screen.lines().last() == Some(row));
    }

    /// Waits until the rows at the window's end are these.
    #[track_caller]
    pub(crate) fn ends_with(&self, rows: &str) {
        self.until(rows, |screen| screen.ends_with(rows));
    }

    /// Makes the window another size. As in xterm, rows are cut off where it ends.
    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        let size = Winsize { ws_col: width, ws_row: height, ws_xpixel: 0, ws_ypixel: 0 };
        let mut seen = self.seen();
        let rows = |size| NonZeroU16::new(size).expect("a window has rows and columns");
        seen.terminal.screen_mut().set_size(rows(height), rows(width));
        // While nothing of the program's can come in between.
        tcsetwinsize(&self.keyboard, size).expect("a terminal has a size");
    }

    /// Whether all that was run has ended.
    #[allow(dead_code, reason = "tests/clients uses this file, too")]
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.process.status(), Some(WaitStatus::StillAlive) | None)
    }

    /// Waits until all that was run has ended, and all of its output is here.
    pub(crate) fn wait(&mut self) -> WaitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.process.status() {
                Some(WaitStatus::StillAlive) | None => {
                    assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen());
                    std::thread::sleep(Duration::from_millis(10));
                }
                Some(status) => {
                    while !self.seen().is_over && Instant::now() < deadline {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    return status;
                }
            }
        }
    }
}

#[test]
fn a_window_shows_the_same_however_the_bytes_come() {
    let text = "é 日é日 ü x\r\n\x1b[1mÜ\x1b[0m € 😀 ß😀";
    let bytes = text.as_bytes();
    let shown = |pieces: &[&[u8]]| {
        let mut seen = Seen::new(40, 4);
        for piece in pieces {
            seen.take(piece);
        }
        seen.terminal.screen().contents()
    };
    let expected = shown(&[bytes]);
    assert_eq!(expected.trim_end(), "é 日é日 ü x\nÜ € 😀 ß😀");
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(shown(&pieces), expected, "{first} {second}");
        }
    }
    // What never becomes a character is not shown, and keeps nothing back.
    assert_eq!(shown(&[b"a\xe9", b"b\xff", b"c"]).trim_end(), "abc");
}
