//! The raw limit of a cluster: a plain socket to a broker, and nothing around it. It publishes and waits for the acks, and
//! reads the stream by batched direct gets.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::RangeInclusive;
use std::time::Instant;

use bytes::{Buf as _, BytesMut};
use chat_room::limits::{FETCH_BYTES, FETCH_MESSAGES};
use chat_room::server::log::cluster::nats::command::{self, Secret};
use chat_room::server::log::cluster::nats::{Event, Message, Parser, Sid, Subject};
use chat_room::server::log::cluster::prove::DIRECT_GET;

use super::{PATIENCE, fail};

/// Where its answers go.
const INBOX: &str = "_INBOX.bare";
/// What it publishes to, as long as the subject of a node with a name of two letters.
const BATCHES: &str = "room.b0";
/// Direct gets end with one of these: no more in this answer, no more at this replica.
const ENDS: [u16; 2] = [204, 404];

#[derive(Debug)]
pub(crate) struct BareClient {
    socket: TcpStream,
    parser: Parser,
    out: BytesMut,
    buffer: Vec<u8>,
}

impl BareClient {
    pub(crate) fn enter(address: SocketAddr, user: &str, password: &str) -> io::Result<BareClient> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let (parser, out, buffer) = (Parser::default(), BytesMut::new(), vec![0; 64 << 10]);
        let mut client = BareClient { socket, parser, out, buffer };
        command::connect(&mut client.out, "bare", Secret::User(user, password));
        command::subscribe(&mut client.out, &Subject::word(INBOX), Sid(1));
        command::ping(&mut client.out);
        while client.event()? != Event::Pong {}
        Ok(client)
    }

    /// Publishes these at once and waits for all their acks. Returns their numbers in the stream, which are in order.
    pub(crate) fn publish(&mut self, bodies: &[Vec<u8>]) -> io::Result<RangeInclusive<u64>> {
        for body in bodies {
            command::publish(&mut self.out, &Subject::word(BATCHES), Some(&Subject::word(INBOX)), body);
        }
        let first = self.ack()?;
        let mut last = first;
        for _ in 1..bodies.len() {
            let next = self.ack()?;
            if next <= last {
                return fail(format!("message {next} of the stream was stored after {last}"));
            }
            last = next;
        }
        Ok(first..=last)
    }

    fn ack(&mut self) -> io::Result<u64> {
        let message = self.message()?;
        let answer: Option<serde_json::Value> = serde_json::from_slice(&message.payload).ok();
        let seq = answer.and_then(|answer| answer["seq"].as_u64()).filter(|_| message.status().is_none());
        seq.map_or_else(|| fail(format!("a publish was answered by {message:?}")), Ok)
    }

    /// Reads these messages of the stream as a node does: the next question follows the end of an answer.
    pub(crate) fn fetch(&mut self, messages: RangeInclusive<u64>) -> io::Result<()> {
        let (start, mut next) = (Instant::now(), *messages.start());
        while next <= *messages.end() {
            let question =
                format!("{{\"seq\":{next},\"batch\":{FETCH_MESSAGES},\"max_bytes\":{FETCH_BYTES}}}");
            let (subject, reply) = (Subject::word(DIRECT_GET), Subject::word(INBOX));
            command::publish(&mut self.out, &subject, Some(&reply), question.as_bytes());
            loop {
                let message = self.message()?;
                match (message.status(), message.sequence()) {
                    (None, Some(seq)) if seq == next => next += 1,
                    (Some(end), _) if ENDS.contains(&end) => break,
                    _ => return fail(format!("message {next} was asked for, this came: {message:?}")),
                }
            }
            if start.elapsed() > PATIENCE {
                return fail(format!("{next} of {messages:?} was not read in time"));
            }
        }
        Ok(())
    }

    fn message(&mut self) -> io::Result<Message> {
        loop {
            match self.event()? {
                Event::Message(message) => return Ok(message),
                Event::Info(_) => {}
                other => return fail(format!("a broker said {other:?}")),
            }
        }
    }

    /// Sends what was written, and waits for what comes next.
    fn event(&mut self) -> io::Result<Event> {
        loop {
            self.socket.write_all(&self.out)?;
            self.out.advance(self.out.len());
            match self.parser.poll().map_err(|error| io::Error::other(error.to_string()))? {
                Some(Event::Ping) => command::pong(&mut self.out),
                Some(event) => return Ok(event),
                None => {
                    let length = self.socket.read(&mut self.buffer)?;
                    if length == 0 {
                        return fail("a broker has ended the connection");
                    }
                    self.parser.feed(&self.buffer[..length]);
                }
            }
        }
    }
}
