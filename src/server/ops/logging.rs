//! The log: simplelog's lines are written by a thread of their own. When the log's reader is too slow, lines are
//! dropped and counted; the loop never waits.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use log::LevelFilter;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use simplelog::{ConfigBuilder, WriteLogger};

use crate::limits::LOG_QUEUE_MAX;
use crate::server::files::NONBLOCK;
use crate::server::ops::json_line::{LogFormat, json_line};
use crate::server::ops::repeats::Repeats;
use crate::server::threads::priority::Priority;

/// How long the end of the process waits for the last lines.
const FLUSH_MAX: Duration = Duration::from_millis(500);

enum Message {
    Line(Vec<u8>),
    /// Nothing to write, but the file may have to be reopened.
    Wake,
    /// What was counted is to be written now.
    Counts,
    Flush(SyncSender<()>),
}

/// The handle of the program's log.
#[derive(Clone, derive_more::Debug)]
#[debug("Logging, {} lines dropped", self.dropped())]
pub struct Logging {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    /// The file has to be reopened. A flag, because a message would be lost when the queue is full.
    reopen: Arc<AtomicBool>,
}

/// Where lines go: to this file, or to standard error.
struct Sink {
    path: Option<PathBuf>,
    format: LogFormat,
    out: Box<dyn Write + Send>,
}

impl Sink {
    fn open(path: Option<&Path>, format: LogFormat) -> io::Result<Sink> {
        let out: Box<dyn Write + Send> = match path {
            // The log names people and addresses, so not everybody may read it.
            Some(path) => Box::new(open(path, OpenOptions::new().append(true).create(true).mode(0o640))?),
            None => Box::new(io::stderr()),
        };
        Ok(Sink { path: path.map(Path::to_owned), format, out })
    }

    fn write(&mut self, line: &[u8]) {
        // If the log cannot be written, there is nowhere to report it.
        let _ = match self.format {
            LogFormat::Text => self.out.write_all(line),
            LogFormat::Json => self.out.write_all(&json_line(line)),
        };
    }

    fn reopen(&mut self) {
        match Sink::open(self.path.as_deref(), self.format) {
            Ok(sink) => *self = sink,
            Err(error) => self.write(format!("the log file could not be reopened: {error}\n").as_bytes()),
        }
    }
}

/// Opens a file that may be a FIFO, without waiting for its reader.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.custom_flags(NONBLOCK).open(path).map_err(|error| {
        if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
            return io::Error::other("nobody reads this FIFO");
        }
        error
    })?;
    // Writes may wait: they have a thread of their own.
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Whether an existing log could be written.
pub(in crate::server) fn may_write(path: &Path) -> io::Result<()> {
    open(path, OpenOptions::new().append(true)).map(drop)
}

impl Logging {
    /// Makes this the program's logger, once in a process. Lines go to `path`, or to standard error.
    pub fn start(level: LevelFilter, path: Option<&Path>, format: LogFormat) -> io::Result<Logging> {
        let sink = Sink::open(path, format)?;
        let (messages, queue) = sync_channel(LOG_QUEUE_MAX);
        let logging = Logging { messages, dropped: Arc::default(), reopen: Arc::default() };
        let config = ConfigBuilder::new()
            .set_time_format_rfc3339()
            .set_target_level(LevelFilter::Off)
            .set_thread_level(LevelFilter::Off)
            .set_location_level(LevelFilter::Off)
            .build();
        let pipe = Pipe { logging: logging.clone(), line: Vec::new() };
        WriteLogger::init(level, config, pipe).map_err(io::Error::other)?;
        let (dropped, reopen) = (Arc::clone(&logging.dropped), Arc::clone(&logging.reopen));
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || run(&queue, sink, &dropped, &reopen))?;
        Ok(logging)
    }

    /// Lines dropped so far because the log's reader was too slow.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Reopens the file, which may have been moved away.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
        // If the queue is full, its first message wakes the thread, too.
        let _ = self.messages.try_send(Message::Wake);
    }

    /// Waits a moment for the last lines to be written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.messages.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_MAX);
        }
    }
}

fn run(queue: &Receiver<Message>, mut sink: Sink, dropped: &AtomicU64, reopen: &AtomicBool) {
    Priority::Background.assume();
    let mut reported = 0;
    let mut repeats = Repeats::default();
    loop {
        let message = match repeats.wait(Instant::now()) {
            Some(wait) => queue.recv_timeout(wait),
            None => queue.recv().map_err(RecvTimeoutError::from),
        };
        if reopen.swap(false, Ordering::Acquire) {
            sink.reopen();
        }
        let now = Instant::now();
        match message {
            Ok(Message::Line(line)) if repeats.admit(&line, now) => sink.write(&line),
            Ok(Message::Line(_) | Message::Wake) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::Counts) => repeats.rest().iter().for_each(|line| sink.write(line)),
            Ok(Message::Flush(done)) => {
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        repeats.due(now).iter().for_each(|line| sink.write(line));
        let lost = dropped.load(Ordering::Relaxed);
        if lost > reported {
            sink.write(dropped_line(lost - reported).as_bytes());
            reported = lost;
        }
    }
}

fn dropped_line(lost: u64) -> String {
    if lost == 1 {
        return "1 log line was dropped because its reader was too slow\n".to_owned();
    }
    format!("{lost} log lines were dropped because their reader was too slow\n")
}

/// Collects the pieces that simplelog writes into lines.
struct Pipe {
    logging: Logging,
    line: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if self.line.ends_with(b"\n") {
            let line = std::mem::take(&mut self.line);
            if self.logging.messages.try_send(Message::Line(line)).is_err() {
                self.logging.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(bytes.len())
    }

    /// Asked for by name, with `log::logger().flush()`: simplelog does not call it.
    fn flush(&mut self) -> io::Result<()> {
        let _ = self.logging.messages.try_send(Message::Counts);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_loses_no_reopening() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let sink = Sink::open(Some(&path), LogFormat::Text).expect("a file");
        let (messages, queue) = sync_channel(1);
        let logging = Logging { messages, dropped: Arc::default(), reopen: Arc::default() };
        assert!(logging.messages.try_send(Message::Line(b"a line\n".to_vec())).is_ok());
        std::fs::rename(&path, &moved).expect("moved");
        logging.reopen();
        let (dropped, reopen) = (Arc::clone(&logging.dropped), Arc::clone(&logging.reopen));
        drop(logging);
        run(&queue, sink, &dropped, &reopen);
        assert_eq!(std::fs::read(&path).expect("it was reopened"), b"a line\n");
        assert_eq!(std::fs::read(&moved).expect("it is there"), b"");
    }
}
