//! The layers between a socket and lines. Each has the same few calls: read once, flush, write once, end; and it knows
//! how many bytes it gave to the socket for the bytes of lines that it took, and how many of these were acknowledged.
//! Nothing here waits or buffers: what a transport does not take stays in the outbox.
//!
//! A browser's connection begins with HTTP. Its requests are answered here, and while they are,
//! [`Transport::is_handshaking`]: the room hears of the connection when it has become a WebSocket and lines can begin, and
//! of most never.

use std::io::{self, IoSlice};
use std::sync::Arc;

use rustls::ServerConfig;

use crate::protocol::Bye;
use crate::server::net::base::Base;
use crate::server::net::web::answer::Site;
use crate::server::net::web::http::{Http, HttpRead};
use crate::server::net::web::websocket::WebSocket;
use crate::server::net::{ReadOutcome, Socket};

/// See the module.
#[derive(Debug)]
pub(in crate::server) enum Transport {
    /// Lines as they are. Costs a connection a null pointer.
    Plain,
    /// Something in between.
    Layers(Box<Layers>),
}

/// What is between a socket and lines.
#[derive(Debug)]
pub(in crate::server) enum Layers {
    /// TLS.
    Tls(Base),
    /// HTTP, until lines begin. In a box of its own, because most of those who stay have the others.
    Http(Box<Http>),
    /// WebSocket, over TLS or a bare socket.
    Web(WebSocket),
}

impl Transport {
    /// TLS with this configuration, or plain text; and on it, for browsers, HTTP.
    pub(in crate::server) fn new(
        tls: Option<&Arc<ServerConfig>>,
        site: Option<&Arc<Site>>,
    ) -> io::Result<Transport> {
        let base = Base::new(tls)?;
        Ok(match (site, base) {
            (None, Base::Plain) => Transport::Plain,
            (None, base) => Transport::Layers(Box::new(Layers::Tls(base))),
            (Some(site), base) => {
                let http = Http::new(base, Arc::clone(site));
                Transport::Layers(Box::new(Layers::Http(Box::new(http))))
            }
        })
    }

    fn layers(&self) -> Option<&Layers> {
        match self {
            Transport::Plain => None,
            Transport::Layers(layers) => Some(layers),
        }
    }

    /// Whether it cannot carry lines yet. Nothing can be sent, not even a reason for the end.
    pub(in crate::server) fn is_handshaking(&self) -> bool {
        match self {
            Transport::Plain => Base::Plain.is_handshaking(),
            Transport::Layers(layers) => match &**layers {
                Layers::Tls(base) => base.is_handshaking(),
                Layers::Http(_) => true,
                Layers::Web(_) => false,
            },
        }
    }

    /// Reads the socket once. Bytes of lines go to `buf`; there may be none yet.
    pub(in crate::server) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> ReadOutcome {
        match self {
            Transport::Plain => Base::Plain.read(socket, buf),
            Transport::Layers(layers) => match &mut **layers {
                Layers::Tls(base) => base.read(socket, buf),
                Layers::Http(http) => match http.read(socket, buf) {
                    HttpRead::Outcome(outcome) => outcome,
                    HttpRead::Upgraded(mut web, len) => {
                        let outcome = web.decode(socket, buf, len);
                        **layers = Layers::Web(web);
                        outcome
                    }
                },
                Layers::Web(web) => web.read(socket, buf),
            },
        }
    }

    /// Sends what it holds of earlier writes. Returns whether the socket has taken all of it.
    pub(in crate::server) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Transport::Plain => Base::Plain.flush(socket),
            Transport::Layers(layers) => match &mut **layers {
                Layers::Tls(base) => base.flush(socket),
                Layers::Http(http) => http.flush(socket),
                Layers::Web(web) => web.flush(socket),
            },
        }
    }

    /// Takes bytes of lines, as many as the socket takes at present. Returns how many.
    pub(in crate::server) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain => Base::Plain.write(socket, &mut [IoSlice::new(bytes)]),
            Transport::Layers(layers) => match &mut **layers {
                Layers::Tls(base) => base.write(socket, &mut [IoSlice::new(bytes)]),
                Layers::Http(_) => Ok(0),
                Layers::Web(web) => web.write(socket, bytes),
            },
        }
    }

    /// Sends its own end, if it has one, with the reason. Returns whether the socket has taken that.
    pub(in crate::server) fn say_end(&mut self, socket: &mut Socket, why: Option<Bye>) -> io::Result<bool> {
        match self {
            Transport::Plain => Base::Plain.say_end(socket),
            Transport::Layers(layers) => match &mut **layers {
                Layers::Tls(base) => base.say_end(socket),
                Layers::Http(http) => http.say_end(socket),
                Layers::Web(web) => web.say_end(socket, why),
            },
        }
    }

    /// The time in which lines had to begin is over, and the connection is closed.
    pub(in crate::server) fn give_up(&mut self, socket: &mut Socket) {
        if let Transport::Layers(layers) = self
            && let Layers::Http(http) = &mut **layers
        {
            http.give_up(socket);
        }
    }

    /// Bytes given to the socket so far, when `taken` bytes of lines were taken.
    pub(in crate::server) fn wire(&self, taken: u64) -> u64 {
        match self {
            Transport::Plain => Base::Plain.wire(taken),
            Transport::Layers(layers) => match &**layers {
                Layers::Tls(base) => base.wire(taken),
                Layers::Http(http) => http.wire(),
                Layers::Web(web) => web.wire(),
            },
        }
    }

    /// The peer's kernel has acknowledged `wire` bytes. Returns how many bytes of lines that is, at least.
    pub(in crate::server) fn acknowledged(&mut self, wire: u64) -> u64 {
        match self {
            Transport::Plain => Base::Plain.acknowledged(wire),
            Transport::Layers(layers) => match &mut **layers {
                Layers::Tls(base) => base.acknowledged(wire),
                Layers::Http(_) => 0,
                Layers::Web(web) => web.acknowledged(wire),
            },
        }
    }

    /// Whether the peer has ended its lines by itself, before TCP.
    pub(in crate::server) fn has_closed(&self) -> bool {
        matches!(self.layers(), Some(Layers::Web(web)) if web.has_closed())
    }

    /// Whether lines will never begin: HTTP has given its last answer.
    pub(in crate::server) fn is_over(&self) -> bool {
        matches!(self.layers(), Some(Layers::Http(http)) if http.is_over())
    }

    /// Whether HTTP waits for its socket to take an answer, and reads nothing meanwhile.
    pub(in crate::server) fn is_answering(&self) -> bool {
        matches!(self.layers(), Some(Layers::Http(http)) if http.is_answering())
    }

    /// Whether a request was answered: somebody who looked at the page, and is no failed login.
    pub(in crate::server) fn has_answered(&self) -> bool {
        matches!(self.layers(), Some(Layers::Http(http)) if http.has_answered())
    }
}
