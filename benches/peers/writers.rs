//! The publishers: each keeps a number of messages under way, and says the next when one is answered.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::protocol::{Protocol, Until};
use super::readers::Readers;
use super::texts::{PUBLISHERS, text};
use crate::common::{PATIENCE, fail};

/// Messages of one publisher that are said and not yet answered.
pub(crate) const IN_FLIGHT: u64 = 64;
/// The same while what is said does not count: the slowest would need half a minute for more.
pub(crate) const IN_FLIGHT_BEFORE: u64 = 8;

struct Writer {
    socket: TcpStream,
    heard: Vec<u8>,
    /// Messages said.
    said: u64,
    /// How many messages each of the answers that are to come is for, the first first.
    under_way: VecDeque<u64>,
}

pub(crate) struct Writers<'a> {
    protocol: &'a dyn Protocol,
    all: Vec<Writer>,
    out: Vec<u8>,
}

impl<'a> Writers<'a> {
    pub(crate) fn enter(protocol: &'a dyn Protocol, address: SocketAddr) -> io::Result<Writers<'a>> {
        let writers = (0..PUBLISHERS).map(|publisher| enter(protocol, address, publisher));
        Ok(Writers { protocol, all: writers.collect::<io::Result<_>>()?, out: Vec::new() })
    }

    /// Has the readers' wait end when one is answered.
    pub(crate) fn wake(&self, readers: &Readers<'_>) -> io::Result<()> {
        self.all.iter().try_for_each(|writer| readers.watch(&writer.socket))
    }

    /// Messages said by all.
    pub(crate) fn said(&self) -> u64 {
        self.all.iter().map(|writer| writer.said).sum()
    }

    /// All talk for so long, with so many messages of each under way.
    pub(crate) fn flood(
        &mut self,
        readers: &mut Readers<'_>,
        in_flight: u64,
        time: Duration,
    ) -> io::Result<()> {
        (0..PUBLISHERS).try_for_each(|publisher| self.say(publisher, in_flight))?;
        self.until_answered(readers, time)
    }

    /// One says one message.
    pub(crate) fn say_one(&mut self, readers: &mut Readers<'_>) -> io::Result<()> {
        self.say(0, 1)?;
        self.until_answered(readers, Duration::ZERO)
    }

    /// Within `time` each answer brings new messages. In the end all have come.
    fn until_answered(&mut self, readers: &mut Readers<'_>, time: Duration) -> io::Result<()> {
        let start = Instant::now();
        while self.all.iter().any(|writer| !writer.under_way.is_empty()) {
            readers.turn()?;
            let again = start.elapsed() < time;
            (0..PUBLISHERS).try_for_each(|publisher| self.hear(publisher, again))?;
            if start.elapsed() > time + PATIENCE {
                let messages: u64 = self.all.iter().flat_map(|writer| &writer.under_way).sum();
                let seconds = start.elapsed().as_secs();
                return fail(format!("after {seconds} s {messages} messages were not answered"));
            }
        }
        readers.until_all_have(self.said())
    }

    fn say(&mut self, publisher: usize, messages: u64) -> io::Result<()> {
        let writer = &mut self.all[publisher];
        self.out.clear();
        for number in writer.said..writer.said + messages {
            self.protocol.publish(&mut self.out, publisher, &text(publisher, number));
        }
        writer.said += messages;
        match self.protocol.ask() {
            Some(asks) => {
                self.out.extend_from_slice(asks);
                writer.under_way.push_back(messages);
            }
            None => writer.under_way.extend((0..messages).map(|_| 1)),
        }
        writer.socket.write_all(&self.out)
    }

    fn hear(&mut self, publisher: usize, again: bool) -> io::Result<()> {
        let writer = &mut self.all[publisher];
        if !read(writer)? {
            return Ok(());
        }
        let (taken, answers) = self.protocol.answers(&writer.heard)?;
        writer.heard.drain(..taken);
        let mut answered = 0;
        for _ in 0..answers {
            match writer.under_way.pop_front() {
                Some(messages) => answered += messages,
                None => return fail("something was answered that was not said"),
            }
        }
        if again && answered > 0 { self.say(publisher, answered) } else { Ok(()) }
    }
}

fn enter(protocol: &dyn Protocol, address: SocketAddr, publisher: usize) -> io::Result<Writer> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut writer = Writer { socket, heard: Vec::new(), said: 0, under_way: VecDeque::new() };
    for stage in protocol.enter_to_publish(publisher) {
        writer.socket.write_all(&stage.say)?;
        loop {
            read(&mut writer)?;
            match (stage.until)(&writer.heard)? {
                Until::NotYet(length) => drop(writer.heard.drain(..length)),
                Until::Answered(length) => break drop(writer.heard.drain(..length)),
            }
        }
    }
    writer.socket.set_nonblocking(true)?;
    Ok(writer)
}

/// Reads once. False if there was nothing to read.
fn read(writer: &mut Writer) -> io::Result<bool> {
    let mut buffer = [0; 16 << 10];
    match writer.socket.read(&mut buffer) {
        Ok(0) => fail("the connection of a publisher ended"),
        Ok(length) => {
            writer.heard.extend_from_slice(&buffer[..length]);
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
