//! HTTP on a connection: requests are answered one after the other, until one asks for a WebSocket.

use std::io::{self, IoSlice};
use std::sync::Arc;

use log::debug;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use crate::limits::WEB_REQUESTS_MAX;
use crate::protocol::framing::wipe;
use crate::server::net::base::Base;
use crate::server::net::web::answer::{self, Answer, Site, Then};
use crate::server::net::web::request::Head;
use crate::server::net::web::websocket::WebSocket;
use crate::server::net::{ReadOutcome, Socket};

/// RFC 9110 section 5.6.7.
const DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Http {
    base: Base,
    site: Arc<Site>,
    head: Head,
    /// The answer that is being sent, and how many of its bytes were.
    answer: Option<(Answer, usize)>,
    /// Requests answered.
    answered: u32,
    /// Bytes given to the base.
    given: u64,
    /// What follows the last answer.
    then: Then,
}

/// What a read brought.
pub(in crate::server) enum HttpRead {
    Outcome(ReadOutcome),
    /// The connection is a WebSocket now. So many bytes that followed the request are in the buffer, after its first.
    Upgraded(WebSocket, usize),
}

impl Http {
    pub(in crate::server::net) fn new(base: Base, site: Arc<Site>) -> Http {
        Http { base, site, head: Head::default(), answer: None, answered: 0, given: 0, then: Then::Request }
    }

    /// Reads the socket once, and answers a request that is complete.
    pub(in crate::server::net) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> HttpRead {
        match self.flush(socket) {
            Ok(true) => {}
            Ok(false) => return HttpRead::Outcome(ReadOutcome::WouldBlock),
            Err(error) => return HttpRead::Outcome(ReadOutcome::Broken(error.kind())),
        }
        if self.then == Then::Frames {
            return self.upgrade(buf);
        }
        if self.then == Then::Request && self.answer_next(socket) {
            return self.after_answer(socket, buf);
        }
        match self.base.read(socket, buf) {
            ReadOutcome::Bytes(n) if self.then == Then::Request => {
                self.head.feed(&buf[..n]);
                wipe(&mut buf[..n]);
                if self.answer_next(socket) {
                    return self.after_answer(socket, buf);
                }
                HttpRead::Outcome(ReadOutcome::Bytes(0))
            }
            // After the last answer what comes is dropped.
            ReadOutcome::Bytes(_) => HttpRead::Outcome(ReadOutcome::Bytes(0)),
            outcome => {
                if matches!(outcome, ReadOutcome::Eof | ReadOutcome::CutOff) {
                    self.then = Then::End;
                }
                HttpRead::Outcome(outcome)
            }
        }
    }

    /// An answer was begun. If it is sent already, frames may follow at once.
    fn after_answer(&mut self, socket: &mut Socket, buf: &mut [u8]) -> HttpRead {
        // The next request, or a frame, may have come with this one, and the kernel will not tell again.
        socket.readable |= !self.head.is_empty();
        match self.flush(socket) {
            Ok(true) if self.then == Then::Frames => self.upgrade(buf),
            Ok(_) => HttpRead::Outcome(ReadOutcome::Bytes(0)),
            Err(error) => HttpRead::Outcome(ReadOutcome::Broken(error.kind())),
        }
    }

    /// Begins the answer to the next request, if that is complete.
    fn answer_next(&mut self, socket: &Socket) -> bool {
        let Some(request) = self.head.next_request() else { return false };
        self.answered += 1;
        let date = date();
        let answer = match &request {
            Ok(request) => answer::answer(request, &self.site, &date, self.answered < WEB_REQUESTS_MAX),
            Err(why) => {
                debug!("no request: {why:?}: from={}", socket.origin());
                answer::refuse(*why, &date)
            }
        };
        self.then = answer.then;
        self.answer = Some((answer, 0));
        true
    }

    fn upgrade(&mut self, buf: &mut [u8]) -> HttpRead {
        let rest = self.head.take_rest();
        buf[1..=rest.len()].copy_from_slice(&rest);
        let base = std::mem::replace(&mut self.base, Base::Plain);
        HttpRead::Upgraded(WebSocket::new(base, self.given), rest.len())
    }

    pub(in crate::server::net) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while let Some((answer, sent)) = &mut self.answer {
            if !self.base.flush(socket)? {
                return Ok(false);
            }
            let head = answer.head.get(*sent..).unwrap_or_default();
            let body = answer.body.get(sent.saturating_sub(answer.head.len())..).unwrap_or_default();
            let n = self.base.write(socket, &mut [IoSlice::new(head), IoSlice::new(body)])?;
            *sent += n;
            self.given += n as u64;
            if *sent == answer.head.len() + answer.body.len() {
                self.answer = None;
            } else if n == 0 || !socket.writable {
                return Ok(false);
            }
        }
        self.base.flush(socket)
    }

    pub(in crate::server::net) fn say_end(&mut self, socket: &mut Socket) -> io::Result<bool> {
        Ok(self.flush(socket)? && self.base.say_end(socket)?)
    }

    /// The time is over. Whoever has begun a request is told, as far as the socket takes it; browsers that have not begun
    /// another one expect nothing.
    pub(in crate::server::net) fn give_up(&mut self, socket: &mut Socket) {
        if self.then == Then::Request && self.answer.is_none() && !self.head.is_empty() {
            self.then = Then::End;
            self.answer = Some((answer::late(&date()), 0));
            let _ = self.say_end(socket);
        }
    }

    pub(in crate::server::net) fn wire(&self) -> u64 {
        self.base.wire(self.given)
    }

    pub(in crate::server::net) fn is_over(&self) -> bool {
        self.then == Then::End
    }

    pub(in crate::server::net) fn is_answering(&self) -> bool {
        self.answer.is_some()
    }

    pub(in crate::server::net) fn has_answered(&self) -> bool {
        self.answered > 0
    }
}

/// Now, as HTTP writes it.
pub(in crate::server) fn date() -> String {
    OffsetDateTime::now_utc().format(&DATE).unwrap_or_default()
}
