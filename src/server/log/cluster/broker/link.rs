//! One connection to a broker, non-blocking and edge-triggered.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use mio::event::{Event as Readiness, Source};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::access::{Access, Plaintext};
use super::address::{Address, Scheme};
use super::broken::{Broken, Why};
use super::info::Info;
use super::layer::{Got, Layer, Socket};
use crate::limits::{BROKER_LOGIN_WAIT, BROKER_READ, BROKER_SILENCE, BROKER_UNSENT_MAX};
use crate::server::log::cluster::nats::{Event, Message, Parser, Sid, Subject, command};

/// What comes of a connection.
#[derive(Debug)]
pub enum Heard {
    /// The broker has let us in. Nothing was subscribed or published before.
    Up,
    /// A message for a subscription.
    Message(Message),
    /// Something that was published or subscribed is not allowed to this login: the broker's words. The connection goes
    /// on.
    Forbidden(String),
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The kernel is connecting.
    Connecting,
    /// INFO is next, after TLS if that comes first.
    Greeting,
    /// The answer to CONNECT is next, after TLS if that comes now.
    Entering,
    Up,
}

/// One connection.
///
/// Its owner registers it with a `mio::Poll` at once, tells it of each event with [`Link::ready`], then calls
/// [`Link::next`] until that gives nothing, and again at [`Link::next_deadline`]. An error is the end: drop it.
#[derive(Debug)]
pub struct Link {
    broker: Address,
    access: Arc<Access>,
    peer: SocketAddr,
    socket: Socket,
    layer: Layer,
    stage: Stage,
    parser: Parser,
    out: BytesMut,
    buffer: Box<[u8]>,
    info: Option<Info>,
    opened: Instant,
    /// When the broker last sent something, and since when PING has been unanswered.
    heard: Instant,
    asked: Option<Instant>,
    /// `-ERR`, which often precedes the end.
    words: Option<String>,
}

impl Link {
    /// Begins to connect to one of the broker's addresses.
    pub fn open(
        broker: Address,
        peer: SocketAddr,
        access: Arc<Access>,
        now: Instant,
    ) -> Result<Link, Broken> {
        let opened = || -> Result<(TcpStream, Layer), Why> {
            let stream = TcpStream::connect(peer).map_err(Why::Unreachable)?;
            // Batches are written whole: Nagle's algorithm would only delay them.
            stream.set_nodelay(true).map_err(Why::Unreachable)?;
            let layer = match broker.scheme {
                Scheme::Nats => Layer::Plain,
                Scheme::Tls => Layer::tls(&access.tls, &broker.host)?,
            };
            Ok((stream, layer))
        };
        let (stream, layer) = match opened() {
            Ok(opened) => opened,
            Err(why) => return Err(Broken { broker, why }),
        };
        Ok(Link {
            broker,
            access,
            peer,
            socket: Socket { stream, readable: false, writable: false },
            layer,
            stage: Stage::Connecting,
            parser: Parser::default(),
            out: BytesMut::new(),
            buffer: vec![0; BROKER_READ].into_boxed_slice(),
            info: None,
            opened: now,
            heard: now,
            asked: None,
            words: None,
        })
    }

    /// The broker.
    pub fn broker(&self) -> &Address {
        &self.broker
    }

    /// What it has last said of itself. There is something once the link is up.
    pub fn info(&self) -> Option<&Info> {
        self.info.as_ref()
    }

    /// Whether everything goes through TLS.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.layer, Layer::Tls(_))
    }

    /// Whether the broker has let us in: only then may something be subscribed or published.
    pub fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// The poll has this to say about the connection.
    pub fn ready(&mut self, event: &Readiness) {
        let broken = event.is_error();
        self.socket.readable |= event.is_readable() || event.is_read_closed() || broken;
        self.socket.writable |= event.is_writable() || event.is_write_closed() || broken;
    }

    /// What comes next. `None`: nothing until the poll has news, or until [`Link::next_deadline`]; what was written
    /// before has been sent as far as the socket takes it.
    pub fn next(&mut self, now: Instant) -> Result<Option<Heard>, Broken> {
        self.advance(now).map_err(|why| Broken { broker: self.broker.clone(), why })
    }

    fn advance(&mut self, now: Instant) -> Result<Option<Heard>, Why> {
        if now >= self.next_deadline() {
            // The owner may have been away: what has come meanwhile counts, though the poll has not told of it yet.
            self.socket.readable = true;
        }
        if self.stage == Stage::Connecting && self.is_connected()? {
            self.stage = Stage::Greeting;
        }
        while self.stage != Stage::Connecting {
            while let Some(event) = self.parser.poll().map_err(Why::Malformed)? {
                if let Some(heard) = self.take(event)? {
                    return Ok(Some(heard));
                }
            }
            match self.layer.read(&mut self.socket, &mut self.buffer)? {
                Got::Bytes(n) => {
                    self.parser.feed(&self.buffer[..n]);
                    (self.heard, self.asked) = (now, None);
                }
                Got::Nothing => break,
                Got::End => {
                    return Err(Why::Ended {
                        words: self.words.take(),
                        greeted: self.stage != Stage::Greeting,
                    });
                }
            }
        }
        self.try_flush()?;
        self.check(now)?;
        Ok(None)
    }

    fn is_connected(&mut self) -> Result<bool, Why> {
        if !self.socket.writable {
            return Ok(false);
        }
        if let Some(why) = self.socket.stream.take_error().map_err(Why::Unreachable)? {
            return Err(Why::Unreachable(why));
        }
        match self.socket.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(why) if why.kind() == io::ErrorKind::NotConnected => {
                self.socket.writable = false;
                Ok(false)
            }
            Err(why) => Err(Why::Unreachable(why)),
        }
    }

    fn take(&mut self, event: Event) -> Result<Option<Heard>, Why> {
        match event {
            Event::Info(json) => {
                self.greet(&json)?;
                Ok(None)
            }
            Event::Message(message) => Ok(Some(Heard::Message(message))),
            Event::Ping => {
                command::pong(&mut self.out);
                Ok(None)
            }
            Event::Pong if self.stage == Stage::Entering => {
                self.stage = Stage::Up;
                Ok(Some(Heard::Up))
            }
            Event::Pong => Ok(None),
            Event::Error(words) if words.starts_with("Permissions Violation") => {
                Ok(Some(Heard::Forbidden(words)))
            }
            Event::Error(words) if self.stage == Stage::Entering && words.starts_with("Auth") => {
                Err(Why::Login(words))
            }
            Event::Error(words) => {
                self.words = Some(words);
                Ok(None)
            }
        }
    }

    /// The broker has told what it is, for the first time or once more.
    fn greet(&mut self, json: &Bytes) -> Result<(), Why> {
        let info = Info::parse(json).ok_or(Why::NoInfo)?;
        if self.stage == Stage::Greeting {
            let plaintext = self.peer.ip().is_loopback() || self.access.plaintext == Plaintext::Anyway;
            if !self.is_encrypted() && (info.tls_required || info.tls_available && !plaintext) {
                // Whatever came in plain text after INFO could have been put there by anybody.
                self.parser.is_empty().then_some(()).ok_or(Why::Plaintext)?;
                self.layer = Layer::tls(&self.access.tls, &self.broker.host)?;
            } else if !self.is_encrypted() && !plaintext {
                return Err(Why::Plaintext);
            }
            command::connect(&mut self.out, &self.access.name, self.access.login.secret());
            command::ping(&mut self.out);
            self.stage = Stage::Entering;
        }
        self.info = Some(info);
        Ok(())
    }

    /// Whether the connection can still be used.
    fn check(&mut self, now: Instant) -> Result<(), Why> {
        if self.out.len() > BROKER_UNSENT_MAX {
            return Err(Why::Stuck);
        }
        if now < self.next_deadline() {
            return Ok(());
        }
        match (self.stage, self.asked) {
            (Stage::Up, None) => {
                command::ping(&mut self.out);
                self.asked = Some(now);
                self.try_flush()
            }
            (Stage::Up, Some(_)) => Err(Why::Silent),
            (stage, _) => Err(Why::Slow { greeted: stage == Stage::Entering }),
        }
    }

    /// When [`Link::next`] has something to do even if nothing happens.
    pub fn next_deadline(&self) -> Instant {
        match (self.stage, self.asked) {
            (Stage::Up, None) => self.heard + BROKER_SILENCE,
            (Stage::Up, Some(asked)) => asked + BROKER_SILENCE,
            _ => self.opened + BROKER_LOGIN_WAIT,
        }
    }

    /// Sends what was written, as far as the socket takes it.
    pub fn flush(&mut self) -> Result<(), Broken> {
        self.try_flush().map_err(|why| Broken { broker: self.broker.clone(), why })
    }

    fn try_flush(&mut self) -> Result<(), Why> {
        if self.stage == Stage::Connecting {
            Ok(())
        } else {
            self.layer.write(&mut self.socket, &mut self.out)
        }
    }

    /// Bytes that the socket has not taken yet.
    pub fn unsent(&self) -> usize {
        self.out.len()
    }

    /// From now on messages to this subject, once the link is up. Sent by the next [`Link::flush`] or [`Link::next`],
    /// as all that follow.
    pub fn subscribe(&mut self, subject: &Subject, sid: Sid) {
        debug_assert!(self.is_up(), "CONNECT comes first");
        command::subscribe(&mut self.out, subject, sid);
    }

    /// No more of these.
    pub fn unsubscribe(&mut self, sid: Sid) {
        command::unsubscribe(&mut self.out, sid);
    }

    /// A message; `reply`: where an answer should go.
    pub fn publish(&mut self, subject: &Subject, reply: Option<&Subject>, payload: &[u8]) {
        debug_assert!(self.is_up(), "CONNECT comes first");
        command::publish(&mut self.out, subject, reply, payload);
    }

    /// A message with headers.
    pub fn publish_with(
        &mut self,
        subject: &Subject,
        reply: Option<&Subject>,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) {
        command::publish_with(&mut self.out, subject, reply, headers, payload);
    }
}

/// For a poll that tells of reading and writing.
impl Source for Link {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.stream.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.stream.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.stream.deregister(registry)
    }
}
