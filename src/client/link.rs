//! The connection: how it begins, the lines that come in, and the lines that go out.

use std::fmt;
use std::io::{self, BufReader, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use socket2::{SockRef, TcpKeepalive};
use zeroize::Zeroizing;

use super::Failure;
use super::lines::{Found, read_line};
use super::said::{Answer, Said, field};
use crate::limits::{
    CLIENT_CONNECT_WAIT, CLIENT_LOGIN_WAIT, CLIENT_OUTSTANDING_MAX, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL,
    KEEPALIVE_RETRIES, LINE_MAX_CEILING, LINE_MAX_DEFAULT, LINE_OVERHEAD,
};
use crate::protocol::{Device, Mail, Password, Subscription};

/// The reading side.
#[derive(Debug)]
pub(super) struct Link {
    reader: BufReader<TcpStream>,
    line: Vec<u8>,
    line_max: usize,
}

/// What the server says to somebody who comes in.
#[derive(Debug)]
pub(super) struct Welcome {
    /// As whom.
    pub(super) mail: Mail,
    /// `admin` or `member`.
    pub(super) role: String,
    /// How many events this device has missed.
    pub(super) missed: u64,
}

/// Why no further line will come.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server closed, perhaps within a line.
    Closed,
    /// A line longer than this many bytes, which the protocol allows no server.
    TooLong(usize),
    /// The network.
    Failed(io::Error),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Closed => f.write_str("the server closed the connection"),
            Ended::TooLong(max) => write!(f, "the server sent a line of more than {max} bytes"),
            Ended::Failed(why) if why.kind() == io::ErrorKind::WouldBlock => {
                write!(f, "the server did not answer within {} s", CLIENT_LOGIN_WAIT.as_secs())
            }
            Ended::Failed(why) => write!(f, "the connection to the server was lost: {why}"),
        }
    }
}

/// Connects and reads the greeting.
pub(super) fn connect(server: &str) -> Result<Link, Failure> {
    let stream = open(server).map_err(|why| Failure::Told(format!("no connection to {server}: {why}")))?;
    let mut link = Link { reader: BufReader::new(stream), line: Vec::new(), line_max: LINE_MAX_DEFAULT };
    let stranger = || Failure::Told(format!("what answers at {server} is no chat-room server"));
    let hello = match link.next() {
        Ok(Said::Other(hello)) if hello.starts_with("HELLO chat-room/") => hello,
        Ok(Said::Bye(sentence)) => return Err(Failure::Told(said_bye(&sentence))),
        Ok(_) | Err(Ended::TooLong(_)) => return Err(stranger()),
        Err(ended) => return Err(Failure::Told(ended.to_string())),
    };
    let line_max = field(&hello, "max-line").and_then(|value| value.parse().ok()).ok_or_else(stranger)?;
    if !(LINE_MAX_DEFAULT..=LINE_MAX_CEILING).contains(&line_max) {
        return Err(stranger());
    }
    link.line_max = line_max;
    Ok(link)
}

fn open(server: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CLIENT_CONNECT_WAIT) {
            Ok(stream) => {
                // Lines are written whole, so there is nothing to gather.
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(CLIENT_LOGIN_WAIT))?;
                // Who only reads would never notice that the other end is gone.
                let keepalive = TcpKeepalive::new()
                    .with_time(KEEPALIVE_IDLE)
                    .with_interval(KEEPALIVE_INTERVAL)
                    .with_retries(KEEPALIVE_RETRIES);
                SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
                return Ok(stream);
            }
            Err(why) => last = why,
        }
    }
    Err(last)
}

/// The server's last words, as a reason.
pub(super) fn said_bye(sentence: &str) -> String {
    format!("the server ended the connection: {sentence}")
}

impl Link {
    /// Logs in. From here on a silent server is no failure.
    pub(super) fn login(
        &mut self,
        mail: &Mail,
        subscription: &Subscription,
        password: &Password,
    ) -> Result<Welcome, Failure> {
        let suffix = match subscription {
            Subscription::Feed(Device::Default) => String::new(),
            Subscription::Feed(Device::Named(device)) => format!("/{device}"),
            Subscription::Feedless => "/-".to_owned(),
        };
        let line = Zeroizing::new(format!("LOGIN {mail}{suffix} {}\n", password.expose()));
        let lost = |why| Failure::Told(Ended::Failed(why).to_string());
        self.reader.get_ref().write_all(line.as_bytes()).map_err(lost)?;
        let welcome = match self.next() {
            Ok(Said::Answer(Answer { verb, outcome: Ok(rest) })) if verb == "LOGIN" => Welcome {
                mail: mail.clone(),
                role: field(&rest, "role").unwrap_or("member").to_owned(),
                missed: field(&rest, "missed").and_then(|n| n.parse().ok()).unwrap_or(0),
            },
            Ok(Said::Answer(Answer { outcome: Err(refused), .. })) => {
                return Err(Failure::Told(match refused.code.as_str() {
                    "bad-login" => format!(
                        "{mail} and this password do not belong together; an admin can give you a new one \
                         with /reset"
                    ),
                    code => format!("{mail} was not let in ({code}): {}", refused.sentence),
                }));
            }
            Ok(Said::Bye(sentence)) => return Err(Failure::Told(said_bye(&sentence))),
            Ok(_) => return Err(Failure::told("the server did not answer the login as it should")),
            Err(ended) => return Err(Failure::Told(ended.to_string())),
        };
        self.reader.get_ref().set_read_timeout(None).map_err(lost)?;
        Ok(welcome)
    }

    /// Waits for the next line. What the stream ended within is no line.
    pub(super) fn next(&mut self) -> Result<Said<'_>, Ended> {
        let max = self.line_max + LINE_OVERHEAD;
        match read_line(&mut self.reader, max, &mut self.line) {
            Ok(Found::Line) => Ok(Said::parse(&self.line)),
            Ok(Found::Unended | Found::End) => Err(Ended::Closed),
            Ok(Found::TooLong) => Err(Ended::TooLong(max)),
            Err(why) => Err(Ended::Failed(why)),
        }
    }

    /// The writing side, for another thread, and the queue of what it asked and is not answered yet.
    pub(super) fn sender<Asked>(&self) -> Result<(Sender<Asked>, Receiver<Asked>), Failure> {
        let stream = self.reader.get_ref().try_clone();
        let stream = stream.map_err(|why| Failure::Told(Ended::Failed(why).to_string()))?;
        let (asked, answers) = sync_channel(CLIENT_OUTSTANDING_MAX);
        Ok((Sender { stream, asked, line: Vec::new(), line_max: self.line_max }, answers))
    }
}

/// The writing side.
#[derive(Debug)]
pub(super) struct Sender<Asked> {
    stream: TcpStream,
    asked: SyncSender<Asked>,
    line: Vec<u8>,
    line_max: usize,
}

impl<Asked> Sender<Asked> {
    /// The longest argument that fits a line behind this verb.
    pub(super) fn room_after(&self, verb: &str) -> usize {
        self.line_max - verb.len() - " \n".len()
    }

    /// Sends a line, after waiting while too many are not answered. An error: the connection is gone, and
    /// the reading side will notice why.
    pub(super) fn send(&mut self, asked: Asked, verb: &str, rest: &str) -> io::Result<()> {
        // Before the line is out, so that its answer always finds its question.
        self.asked.send(asked).map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.line.clear();
        let blank = if rest.is_empty() { "" } else { " " };
        for piece in [verb, blank, rest, "\n"] {
            self.line.extend_from_slice(piece.as_bytes());
        }
        self.stream.write_all(&self.line)
    }
}
