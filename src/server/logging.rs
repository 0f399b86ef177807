//! The log: simplelog's lines through a thread that drops and counts when whoever reads the log does not.
//! The loop never waits for it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use log::LevelFilter;
use simplelog::{ConfigBuilder, WriteLogger};

use crate::limits::LOG_QUEUE_MAX;

/// How long the end of the process waits for the last lines.
const FLUSH_MAX: Duration = Duration::from_millis(500);

enum Message {
    Line(Vec<u8>),
    Reopen,
    Flush(SyncSender<()>),
}

/// The program's handle on its log.
#[derive(Clone)]
pub struct Logging {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl std::fmt::Debug for Logging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logging, {} lines dropped", self.dropped())
    }
}

/// Where lines go.
enum Sink {
    StandardError,
    File(PathBuf, File),
}

impl Sink {
    fn open(path: Option<&Path>) -> io::Result<Sink> {
        let Some(path) = path else { return Ok(Sink::StandardError) };
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Sink::File(path.to_owned(), file))
    }

    fn write(&mut self, line: &[u8]) {
        // A log that cannot be written has nobody left to tell.
        let _ = match self {
            Sink::StandardError => io::stderr().write_all(line),
            Sink::File(_, file) => file.write_all(line),
        };
    }

    fn reopen(&mut self) {
        if let Sink::File(path, file) = self {
            match Sink::open(Some(path)) {
                Ok(sink) => *self = sink,
                Err(error) => {
                    let _ = writeln!(file, "the log file could not be opened anew: {error}");
                }
            }
        }
    }
}

impl Logging {
    /// Makes this the program's logger. Once a process. Lines go to `path`, else to standard error.
    pub fn start(level: LevelFilter, path: Option<&Path>) -> io::Result<Logging> {
        let sink = Sink::open(path)?;
        let (messages, queue) = sync_channel(LOG_QUEUE_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let logging = Logging { messages, dropped };
        let config = ConfigBuilder::new()
            .set_time_format_rfc3339()
            .set_target_level(LevelFilter::Off)
            .set_thread_level(LevelFilter::Off)
            .set_location_level(LevelFilter::Off)
            .build();
        let pipe = Pipe { logging: logging.clone(), line: Vec::new() };
        WriteLogger::init(level, config, pipe).map_err(io::Error::other)?;
        let dropped = Arc::clone(&logging.dropped);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || run(&queue, sink, &dropped))?;
        Ok(logging)
    }

    /// Lines dropped so far because the log's reader was too slow.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The file may have been moved away: open it anew.
    pub fn reopen(&self) {
        let _ = self.messages.try_send(Message::Reopen);
    }

    /// Waits a moment for the last lines to be written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.messages.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_MAX);
        }
    }
}

fn run(queue: &Receiver<Message>, mut sink: Sink, dropped: &AtomicU64) {
    let mut told = 0;
    while let Ok(message) = queue.recv() {
        match message {
            Message::Line(line) => sink.write(&line),
            Message::Reopen => sink.reopen(),
            Message::Flush(done) => {
                let _ = done.send(());
            }
        }
        let lost = dropped.load(Ordering::Relaxed);
        if lost > told {
            sink.write(
                format!("{} log lines were dropped, their reader was too slow\n", lost - told).as_bytes(),
            );
            told = lost;
        }
    }
}

/// What simplelog writes to: pieces in, whole lines out.
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

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
