//! A connection that asks and listens to answers, and gets no events.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use super::target::PASSWORD;
use super::transcript::MAIL;
use super::{PATIENCE, fail};

/// A logged-in connection without a feed.
#[derive(Debug)]
pub(crate) struct Talker {
    socket: TcpStream,
    /// Of lines that were not taken yet.
    heard: Vec<u8>,
    /// Reads that brought something: about as many writes of the other side.
    pub(crate) reads: u64,
}

impl Talker {
    pub(crate) fn enter(address: SocketAddr) -> io::Result<Talker> {
        Talker::enter_as(address, &format!("{MAIL}/-"))
    }

    /// As this device. What it has from the feed is not told from answers.
    pub(crate) fn enter_as(address: SocketAddr, name: &str) -> io::Result<Talker> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut talker = Talker { socket, heard: Vec::new(), reads: 0 };
        let answer = talker.ask(&format!("LOGIN {name} {PASSWORD}\n"))?;
        match answer.iter().find(|line| is_end(line)) {
            Some(line) if line.starts_with("OK LOGIN") => Ok(talker),
            _ => fail(format!("a login was answered by {answer:?}")),
        }
    }

    /// Says all of `bytes`. They are few: a full socket is a mistake.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Says a line and waits for the lines up to its `OK` or `ERR`, or a little more.
    pub(crate) fn ask(&mut self, line: &str) -> io::Result<Vec<String>> {
        self.socket.set_nonblocking(false)?;
        self.say(line.as_bytes())?;
        let mut lines = Vec::new();
        // A feed may have begun after it.
        while !lines.iter().any(|line: &String| is_end(line)) {
            if !self.read()? {
                return fail(format!("{} is not answered", line.trim_end()));
            }
            self.take_lines(|line| {
                lines.push(line.to_owned());
                Ok(())
            })?;
        }
        self.socket.set_nonblocking(true)?;
        Ok(lines)
    }

    /// Hands over the lines that are there, without waiting.
    pub(crate) fn hear(&mut self, each: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        if self.read()? { self.take_lines(each) } else { Ok(()) }
    }

    /// Reads once. False if there was nothing to read.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        match self.socket.read(&mut buffer) {
            Ok(0) => fail("the connection of a talker ended"),
            Ok(length) => {
                self.heard.extend_from_slice(&buffer[..length]);
                self.reads += 1;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn take_lines(&mut self, mut each: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let whole = memchr::memrchr(b'\n', &self.heard).map_or(0, |end| end + 1);
        let lines = str::from_utf8(&self.heard[..whole]).map_err(io::Error::other)?;
        lines.lines().try_for_each(&mut each)?;
        self.heard.drain(..whole);
        Ok(())
    }

    /// The server's figure of that name.
    pub(crate) fn stat(&mut self, name: &str) -> io::Result<u64> {
        self.stats([name]).map(|[figure]| figure)
    }

    /// The server's figures of these names, of the same moment.
    pub(crate) fn stats<const N: usize>(&mut self, names: [&str; N]) -> io::Result<[u64; N]> {
        let lines = self.ask("STATS\n")?;
        let mut figures = [0; N];
        for (name, figure) in names.into_iter().zip(&mut figures) {
            let prefix = format!("STAT {name} ");
            let found = lines.iter().find_map(|line| line.strip_prefix(&prefix)?.parse().ok());
            *figure = found.map_or_else(|| fail(format!("STATS does not tell {name}")), Ok)?;
        }
        Ok(figures)
    }
}

impl AsFd for Talker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a line is the last one of an answer.
fn is_end(line: &str) -> bool {
    line.starts_with("OK ") || line.starts_with("ERR ")
}
