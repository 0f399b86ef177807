//! A blocking connection: opening it, the greeting, the login, and its lines.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use zeroize::Zeroizing;

use super::connection::End;
use super::connection::said::Said;
use super::credential::Credential;
use super::failure::{LoginError, unreachable};
use super::lines::{Found, read_line};
use super::options::Transport;
use super::reach::reach;
use super::server::{Identity, Server};
use super::tls::{Halves, secure};
use crate::limits::{
    CLIENT_BATCH, CLIENT_HELLO_WAIT, CLIENT_LOGIN_WAIT, CLIENT_TLS_WAIT, KEEPALIVE_IDLE_MIN,
    KEEPALIVE_INTERVAL_MIN, KEEPALIVE_RETRIES, LINE_MAX_CEILING, LINE_MAX_DEFAULT, LINE_OVERHEAD,
    TERMINAL_LINE,
};
use crate::protocol::{Code, Hello, InviteWord, LoginOk, Mail, Password, Token, Verb};

/// Opens a connection: a half that reads and one that writes, for two threads, and their socket. The only place that does.
fn open(server: &Server) -> Result<(Halves, TcpStream), LoginError> {
    let unreachable =
        |why| LoginError::Unreachable(format!("no connection to {}: {}", server.name, unreachable(&why)));
    let socket = reach(&server.name).map_err(unreachable)?;
    prepare(&socket, patience(server)).map_err(unreachable)?;
    let clone = || socket.try_clone().map_err(unreachable);
    let halves: Halves = match &server.transport {
        Transport::Plain => (Box::new(clone()?), Box::new(clone()?)),
        Transport::Tls { ca } => secure([clone()?, clone()?], &server.name, ca.as_deref())?,
    };
    Ok((halves, socket))
}

fn prepare(socket: &TcpStream, patience: Duration) -> io::Result<()> {
    // Lines are written whole: Nagle's algorithm would only delay them.
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(patience))?;
    // A connection that only reads would never notice that the other end is gone.
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE_MIN)
        .with_interval(KEEPALIVE_INTERVAL_MIN)
        .with_retries(KEEPALIVE_RETRIES);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// How long to wait for the greeting.
fn patience(server: &Server) -> Duration {
    if server.transport == Transport::Plain { CLIENT_HELLO_WAIT } else { CLIENT_TLS_WAIT }
}

const UNEXPECTED: &str = "the server did not answer the login as it should; it may be newer than this client";

/// A connection from the greeting on.
pub(super) struct Link {
    reader: BufReader<Box<dyn Read + Send>>,
    writer: Box<dyn Write + Send>,
    pub(super) socket: TcpStream,
    line: Vec<u8>,
    line_max: usize,
    /// Bytes of a server line, with its end.
    server_line_max: usize,
}

/// Why no more lines come.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) end: End,
    /// In a sentence.
    pub(super) why: String,
    /// The server sent a line that the protocol forbids.
    is_too_long: bool,
}

impl Ended {
    fn failed(why: &io::Error) -> Ended {
        let end = match why.kind() {
            // TLS without `close_notify`, as when the server was killed, is an unexpected end.
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => End::Closed,
            _ => End::Silent,
        };
        Ended { end, why: format!("the connection to the server was lost: {why}"), is_too_long: false }
    }

    /// The login may succeed later.
    fn passes(self) -> LoginError {
        LoginError::Unreachable(format!("{}; try again", self.why))
    }
}

impl Link {
    /// Connects and reads the greeting.
    pub(super) fn connect(server: &Server) -> Result<Link, LoginError> {
        let ((reader, writer), socket) = open(server)?;
        let mut link = Link {
            reader: BufReader::with_capacity(CLIENT_BATCH, reader),
            writer,
            socket,
            line: Vec::new(),
            line_max: LINE_MAX_DEFAULT,
            server_line_max: LINE_MAX_DEFAULT + LINE_OVERHEAD,
        };
        let not_ours = || {
            LoginError::Unreachable(format!(
                "what answers at {} is not a chat-room server; is that its port?",
                server.name
            ))
        };
        let hello = match link.next() {
            Ok(Said::Other(greeting)) => Hello::parse(&greeting).ok_or_else(not_ours)?,
            Ok(Said::Bye(bye)) => return Err(LoginError::Bye(bye)),
            Ok(_) | Err(Ended { is_too_long: true, .. }) => return Err(not_ours()),
            // A server that speaks TLS waits for the client to begin.
            Err(ended) if server.transport == Transport::Plain => {
                return Err(LoginError::Unreachable(format!("{}; if it speaks TLS, use --tls", ended.why)));
            }
            Err(ended) => return Err(ended.passes()),
        };
        if !(TERMINAL_LINE..=LINE_MAX_CEILING).contains(&hello.line_max) {
            return Err(not_ours());
        }
        link.line_max = hello.line_max;
        // Events keep the length that they had when the server was started with another `--max-line`.
        link.server_line_max = LINE_MAX_CEILING + LINE_OVERHEAD;
        let set = link.socket.set_read_timeout(Some(CLIENT_LOGIN_WAIT));
        set.map_err(|why| Ended::failed(&why).passes())?;
        Ok(link)
    }

    /// Becomes a member, by an invitation.
    pub(super) fn join(
        &mut self,
        mail: &Mail,
        invitation: &InviteWord,
        password: &Password,
    ) -> Result<(), LoginError> {
        let words =
            [Verb::Join.name(), " ", mail.as_str(), " ", invitation.expose(), " ", password.expose(), "\n"];
        match self.ask(&Zeroizing::new(words.concat()))? {
            Said::Answer { verb: Some(Verb::Join), outcome: Ok(_) } => Ok(()),
            Said::Answer { outcome: Err(refused), .. } => Err(LoginError::NotInvited(refused)),
            Said::Bye(bye) => Err(LoginError::Bye(bye)),
            _ => Err(LoginError::Unreachable(UNEXPECTED.to_owned())),
        }
    }

    /// Sends a command with its LF before the login, and waits for the next line.
    fn ask(&mut self, line: &str) -> Result<Said<'_>, LoginError> {
        let sent = self.writer.write_all(line.as_bytes()).and_then(|()| self.writer.flush());
        sent.map_err(|why| Ended::failed(&why).passes())?;
        self.next().map_err(Ended::passes)
    }

    /// Logs in. After that there is no limit to silence. After a refusal another attempt is possible.
    pub(super) fn login(
        &mut self,
        identity: &Identity,
        credential: &Credential,
    ) -> Result<LoginOk, LoginError> {
        let (asked, secret) = credential.words();
        // Not with format!, whose text grows and leaves copies behind.
        let line = Zeroizing::new([asked.name(), " ", &identity.to_string(), " ", secret, "\n"].concat());
        let welcome = match self.ask(&line)? {
            Said::Answer { verb, outcome: Ok(rest) } if verb == Some(asked) => LoginOk::parse(&rest),
            Said::Answer { outcome: Err(refused), .. } => {
                let is_expired = asked == Verb::Resume && refused.code == Some(Code::BadLogin);
                let why = LoginError::Refused(refused);
                return Err(if is_expired { LoginError::SavedLoginExpired } else { why });
            }
            Said::Bye(bye) => return Err(LoginError::Bye(bye)),
            _ => None,
        };
        let welcome = welcome.ok_or_else(|| LoginError::Unreachable(UNEXPECTED.to_owned()))?;
        self.socket.set_read_timeout(None).map_err(|why| Ended::failed(&why).passes())?;
        Ok(welcome)
    }

    /// Sends a line.
    pub(super) fn say(&mut self, line: &str) -> Result<(), Ended> {
        let written = self.writer.write_all(format!("{line}\n").as_bytes());
        written.and_then(|()| self.writer.flush()).map_err(|why| Ended::failed(&why))
    }

    /// Asks for a token. Only without a feed: nothing else comes before the answer.
    pub(super) fn token(&mut self) -> Option<Token> {
        self.say(&Verb::Token.to_string()).ok()?;
        match self.next() {
            Ok(Said::Answer { verb: Some(Verb::Token), outcome: Ok(token) }) => {
                Token::parse(token.as_bytes())
            }
            _ => None,
        }
    }

    /// Waits for the next line. An incomplete one at the end of the stream does not count.
    pub(super) fn next(&mut self) -> Result<Said<'_>, Ended> {
        self.read()?;
        Ok(Said::parse(&self.line))
    }

    /// Waits for a line, and takes those that have arrived with it, each with its LF.
    pub(super) fn next_lines(&mut self) -> Result<Vec<u8>, Ended> {
        let mut lines = Vec::new();
        loop {
            self.read()?;
            lines.extend_from_slice(&self.line);
            lines.push(b'\n');
            if lines.len() >= CLIENT_BATCH || !self.reader.buffer().contains(&b'\n') {
                return Ok(lines);
            }
        }
    }

    fn read(&mut self) -> Result<(), Ended> {
        let max = self.server_line_max;
        let found = read_line(&mut self.reader, max, &mut self.line);
        let is_too_long = matches!(found, Ok(Found::TooLong));
        let (end, why) = match found {
            Ok(Found::Line) => return Ok(()),
            Ok(Found::Unended | Found::End) => (End::Closed, "the server closed the connection".to_owned()),
            Ok(Found::TooLong) => (End::Silent, format!("the server sent a line of more than {max} bytes")),
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                let patience = self.socket.read_timeout().ok().flatten().unwrap_or_default();
                (End::Silent, format!("the server said nothing for {} s", patience.as_secs()))
            }
            Err(why) => return Err(Ended::failed(&why)),
        };
        Err(Ended { end, why, is_too_long })
    }

    /// Bytes of a command line, with its end. By default the last byte would only make room for a line of
    /// [`TERMINAL_LINE`], which the server refuses.
    pub(super) fn line_max(&self) -> usize {
        if self.line_max == LINE_MAX_DEFAULT { TERMINAL_LINE } else { self.line_max }
    }

    /// Gives away the writing half, for another thread.
    pub(super) fn take_writer(&mut self) -> Box<dyn Write + Send> {
        std::mem::replace(&mut self.writer, Box::new(io::sink()))
    }
}
