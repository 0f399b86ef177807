//! A device that was away: it logs in and gets what it missed, at its own pace. What it reads is checked afterwards, so
//! that the core, which it shares with what is measured, does little for it meanwhile.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::target::PASSWORD;
use super::transcript::{MAIL, Transcript};
use super::{PATIENCE, fail};

/// Read at once, unless it is to be less: little, for it is read where others are measured, and they wait for it.
const BITE: usize = 16 << 10;

#[derive(Debug)]
pub(crate) struct Latecomer {
    socket: TcpStream,
    asked: Instant,
    pace: Pace,
    bite: Vec<u8>,
    pub(crate) received: Received,
}

/// How fast it reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Whatever is there.
    AsItComes,
    /// So many bytes a second.
    PerSecond(f64),
}

/// What it got.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Everything, from the greeting on.
    pub(crate) heard: Vec<u8>,
    login: Option<Told>,
    /// The number of the last event.
    pub(crate) has: u64,
    /// Seconds from its login to the first event, and to the last of those it missed.
    pub(crate) to_first: Option<f64>,
    pub(crate) to_last: Option<f64>,
}

/// What `OK LOGIN` said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// Where the line ends.
    pub(crate) end: usize,
    pub(crate) last: u64,
    pub(crate) missed: u64,
}

impl Latecomer {
    /// Comes back. `receive_buffer`: bytes the kernel may take for it, its own choice if `None`.
    pub(crate) fn enter(
        address: SocketAddr,
        name: &str,
        pace: Pace,
        receive_buffer: Option<usize>,
    ) -> io::Result<Latecomer> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        socket.connect(&address.into())?;
        let mut socket = TcpStream::from(socket);
        let asked = Instant::now();
        socket.write_all(format!("LOGIN {name} {PASSWORD}\n").as_bytes())?;
        socket.set_nonblocking(true)?;
        Ok(Latecomer { socket, asked, pace, bite: vec![0; BITE], received: Received::default() })
    }

    /// From now on it reads whatever is there.
    pub(crate) fn hurry(&mut self) {
        self.pace = Pace::AsItComes;
    }

    /// Reads once, without waiting.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let due = match self.pace {
            Pace::AsItComes => BITE,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it stays below 2^52"
            )]
            Pace::PerSecond(bytes) => {
                let due = (self.asked.elapsed().as_secs_f64() * bytes) as usize;
                due.saturating_sub(self.received.heard.len()).min(BITE)
            }
        };
        if due == 0 {
            return Ok(());
        }
        match self.socket.read(&mut self.bite[..due]) {
            Ok(0) => fail(format!("a device was cut at number {}", self.received.has)),
            Ok(length) => {
                self.received.heard.extend_from_slice(&self.bite[..length]);
                self.received.update(self.asked)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads until it has this number, and what it missed.
    pub(crate) fn until(&mut self, number: u64) -> io::Result<()> {
        let start = Instant::now();
        while self.received.has < number || self.received.to_last.is_none() {
            self.turn()?;
            if start.elapsed() > PATIENCE {
                return fail(format!("a device has number {} of {number}", self.received.has));
            }
        }
        Ok(())
    }
}

impl Received {
    /// Finds out how far it has come.
    fn update(&mut self, asked: Instant) -> io::Result<()> {
        let told = match self.login {
            Some(told) => told,
            None => match told_in(&self.heard)? {
                Some(told) => *self.login.insert(told),
                None => return Ok(()),
            },
        };
        let now = || asked.elapsed().as_secs_f64();
        if told.missed == 0 {
            self.to_last.get_or_insert_with(now);
        }
        let events = &self.heard[told.end..];
        let Some(end) = memchr::memrchr(b'\n', events) else { return Ok(()) };
        let start = memchr::memrchr(b'\n', &events[..end]).map_or(0, |lf| lf + 1);
        let line = String::from_utf8_lossy(&events[start..end]);
        match line.split(' ').nth(1).map(str::parse) {
            Some(Ok(number)) => self.has = number,
            _ => return fail(format!("a device got {line:?}")),
        }
        self.to_first.get_or_insert_with(now);
        if self.has >= told.last {
            self.to_last.get_or_insert_with(now);
        }
        Ok(())
    }

    /// What it was told that it missed.
    pub(crate) fn missed(&self) -> Option<u64> {
        self.login.map(|told| told.missed)
    }

    /// Checks every line. The device must have been away since before anything was said. Returns how many events it
    /// missed and has got.
    pub(crate) fn check(&self, missed_min: u64) -> io::Result<u64> {
        let Some(Told { end, last, missed }) = self.login else { return fail("a device was not let in") };
        if missed != last || missed < missed_min {
            return fail(format!("a device was told last={last} missed={missed}, not {missed_min} at least"));
        }
        let mut transcript = Transcript::new(0);
        transcript.take(0, &self.heard[end..])?;
        match transcript.last() {
            got if got == self.has => Ok(missed),
            got => fail(format!("a device has number {}, and {got} lines", self.has)),
        }
    }
}

impl AsFd for Latecomer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A crowd ends abruptly, and what its kernel had not acknowledged by then would be delivered to the next again. Single
/// connections take it first, until nothing is left.
pub(crate) fn wait_for_receipts(address: SocketAddr) -> io::Result<()> {
    let start = Instant::now();
    let mut ahead = Vec::new();
    while start.elapsed() < PATIENCE {
        let mut one = Latecomer::enter(address, MAIL, Pace::AsItComes, None)?;
        one.until(0)?;
        if one.received.missed() == Some(0) {
            return Ok(());
        }
        // Its kernel is asked when the next one comes.
        ahead.push(one);
        std::thread::sleep(Duration::from_millis(50));
    }
    fail("what was missed comes again and again")
}

/// What `OK LOGIN` tells, once it is whole.
pub(crate) fn told_in(heard: &[u8]) -> io::Result<Option<Told>> {
    let mut end = 0;
    while let Some(length) = memchr::memchr(b'\n', &heard[end..]) {
        let line = String::from_utf8_lossy(&heard[end..end + length]);
        end += length + 1;
        if line.starts_with("HELLO ") {
            continue;
        }
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.parse().ok());
        return match (line.starts_with("OK LOGIN "), field("last="), field("missed=")) {
            (true, Some(last), Some(missed)) => Ok(Some(Told { end, last, missed })),
            _ => fail(format!("a login was answered by {line:?}")),
        };
    }
    Ok(None)
}
