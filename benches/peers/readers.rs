//! The receivers, whatever they read: thousands of connections on one epoll, and every byte that comes is compared.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::protocol::{Protocol, Stage, Stream, Until};
use super::texts::Received;
use crate::common::dial::dial;
use crate::common::{PATIENCE, fail};

/// Receivers read before the publishers get their turn: a fraction of a millisecond.
const EVENTS: usize = 32;
/// No poll waits longer.
const NAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
/// Descriptors that only end the wait.
const WATCHED: u64 = u64::MAX;
/// Read at once.
const BITE: usize = 128 << 10;

struct Reader {
    socket: OwnedFd,
    /// What it still has to do to be in, the next last.
    stages: Vec<Stage>,
    /// What came and was not understood yet.
    rest: Vec<u8>,
    /// How far it has what all get.
    at: usize,
    received: Received,
}

/// All receivers of a round.
pub(crate) struct Readers<'a> {
    protocol: &'a dyn Protocol,
    epoll: OwnedFd,
    all: Vec<Reader>,
    /// So many have nothing left to do before they are in.
    inside: usize,
    /// What all get, if they get the same, from the first who gets it; how much of it was understood, and what it was.
    common: Vec<u8>,
    understood: usize,
    received: Received,
    /// Bytes that all together have of it, and messages that all together have of what each gets.
    bytes: usize,
    messages: u64,
    /// In the run all is compared; before it there is nothing to compare.
    runs: bool,
    events: Vec<epoll::Event>,
    bite: Vec<u8>,
    says: Vec<u8>,
}

impl<'a> Readers<'a> {
    /// Connects so many and takes them in, some at a time.
    pub(crate) fn enter(
        protocol: &'a dyn Protocol,
        address: SocketAddr,
        size: usize,
    ) -> io::Result<Readers<'a>> {
        let mut readers = Readers {
            protocol,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            all: Vec::with_capacity(size),
            inside: 0,
            common: Vec::new(),
            understood: 0,
            received: Received::default(),
            bytes: 0,
            messages: 0,
            runs: false,
            events: Vec::with_capacity(EVENTS),
            bite: vec![0; BITE],
            says: Vec::new(),
        };
        let start = Instant::now();
        while readers.inside < size {
            while readers.all.len() < size && readers.all.len() - readers.inside < protocol.at_once() {
                readers.knock(address)?;
            }
            readers.turn()?;
            if start.elapsed() > PATIENCE {
                return fail(format!("{} of {size} receivers were let in", readers.inside));
            }
        }
        Ok(readers)
    }

    fn knock(&mut self, address: SocketAddr) -> io::Result<()> {
        let index = self.all.len();
        let socket = dial(index, address)?;
        set_tcp_nodelay(&socket, true)?;
        let mut stages = self.protocol.enter(index);
        stages.reverse();
        tell(&socket, &stages.last().expect("nobody is in at once").say)?;
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        self.all.push(Reader { socket, stages, rest: Vec::new(), at: 0, received: Received::default() });
        Ok(())
    }

    /// Ends its wait for this one, too. Its owner reads it, after each turn.
    pub(crate) fn watch(&self, other: &impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, other, epoll::EventData::new_u64(WATCHED), epoll::EventFlags::IN)?)
    }

    /// From here on all that comes is what is said.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        for reader in &mut self.all {
            if let Some(fence) = self.protocol.fence() {
                tell(&reader.socket, &fence.say)?;
                reader.stages.push(fence);
                self.inside -= 1;
            }
        }
        let start = Instant::now();
        while self.inside < self.all.len() {
            self.turn()?;
            if start.elapsed() > PATIENCE {
                return fail(format!("{} of {} receivers are ready", self.inside, self.all.len()));
            }
        }
        if self.protocol.stream() == Stream::Common && self.all.iter().any(|reader| !reader.rest.is_empty()) {
            return fail("something was said before the beginning");
        }
        self.runs = true;
        Ok(())
    }

    /// Reads some receivers that have something, or waits a little.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&NAP))?;
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            let data = event.data.u64();
            if data != WATCHED {
                self.read(usize::try_from(data).expect("an index was put in"))?;
            }
        }
        self.events = events;
        Ok(())
    }

    fn read(&mut self, index: usize) -> io::Result<()> {
        let reader = &mut self.all[index];
        let (_, length) = recv(&reader.socket, &mut self.bite[..], RecvFlags::empty())?;
        if length == 0 {
            return fail("the connection of a receiver ended");
        }
        if self.runs && self.protocol.stream() == Stream::Common {
            return self.compare(index, length);
        }
        if reader.stages.is_empty() && reader.rest.is_empty() {
            return self.understand(index, length);
        }
        reader.rest.extend_from_slice(&self.bite[..length]);
        if let Some(stage) = reader.stages.last() {
            let length = match (stage.until)(&reader.rest)? {
                Until::NotYet(length) => length,
                Until::Answered(length) => {
                    reader.stages.pop();
                    match reader.stages.last() {
                        Some(next) => tell(&reader.socket, &next.say)?,
                        None => self.inside += 1,
                    }
                    length
                }
            };
            reader.rest.drain(..length);
        }
        if reader.stages.is_empty() { self.understand(index, 0) } else { Ok(()) }
    }

    /// What all get, from the first who has it: the others have the same.
    fn compare(&mut self, index: usize, length: usize) -> io::Result<()> {
        let (reader, bytes) = (&mut self.all[index], &self.bite[..length]);
        let known = length.min(self.common.len() - reader.at);
        if bytes[..known] != self.common[reader.at..reader.at + known] {
            let (at, came) = (reader.at, String::from_utf8_lossy(bytes));
            return fail(format!("at byte {at} a receiver got something else than another: {came:.300?}"));
        }
        (reader.at, self.bytes) = (reader.at + length, self.bytes + length);
        if known == length {
            return Ok(());
        }
        self.common.extend_from_slice(&bytes[known..]);
        let new = &self.common[self.understood..];
        self.understood +=
            self.protocol.take(new, &mut |text: &[u8]| self.received.take(text), &mut self.says)?;
        if self.says.is_empty() { Ok(()) } else { fail("what all get is a question to one") }
    }

    /// What this one gets: the rest of what came before, or else so many bytes that came now.
    fn understand(&mut self, index: usize, length: usize) -> io::Result<()> {
        let Reader { socket, rest, received, .. } = &mut self.all[index];
        let (before, mut left) = (received.messages(), std::mem::take(rest));
        let bytes = if length > 0 { &self.bite[..length] } else { &left[..] };
        let taken = self.protocol.take(bytes, &mut |text: &[u8]| received.take(text), &mut self.says)?;
        if length > 0 {
            left.extend_from_slice(&self.bite[taken..length]);
        } else {
            left.drain(..taken);
        }
        *rest = left;
        self.messages += received.messages() - before;
        if !self.says.is_empty() {
            tell(socket, &self.says)?;
            self.says.clear();
        }
        Ok(())
    }

    /// Whether all have all of so many messages, and nothing beyond them.
    pub(crate) fn have(&mut self, messages: u64) -> io::Result<bool> {
        let (complete, came) = match self.protocol.stream() {
            Stream::Own => {
                let all = messages * self.all.len() as u64;
                if self.messages > all {
                    return fail("more came than was said");
                }
                (self.messages == all, messages)
            }
            Stream::Common => {
                let everywhere = self.bytes == self.common.len() * self.all.len();
                (everywhere && self.understood == self.common.len(), self.received.messages())
            }
        };
        if came > messages {
            return fail("more came than was said");
        }
        Ok(complete && came == messages)
    }

    /// Reads on until they do.
    pub(crate) fn until_all_have(&mut self, messages: u64) -> io::Result<()> {
        let start = Instant::now();
        while !self.have(messages)? {
            self.turn()?;
            if start.elapsed() > PATIENCE {
                return fail(format!(
                    "something of {messages} messages has not come to all: {} bytes of {} each, {} messages",
                    self.bytes,
                    self.common.len(),
                    self.messages
                ));
            }
        }
        // Those who get the same forget it together.
        self.common.clear();
        (self.understood, self.bytes) = (0, 0);
        self.all.iter_mut().for_each(|reader| reader.at = 0);
        Ok(())
    }
}

/// It is little: a full socket is a mistake.
fn tell(socket: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    let sent = send(socket, bytes, SendFlags::NOSIGNAL)?;
    if sent == bytes.len() { Ok(()) } else { fail("a receiver's questions are not taken") }
}
