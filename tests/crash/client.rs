//! One client: a device that reads, slowly or not, and talks, or a script that only sends, or the admin.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::crowd::Around;
use super::tale::{Said, Session, field};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Reads what comes, asks now and then, goes and comes back.
    Reader,
    /// Takes a little at a time, through a small buffer.
    Slow,
    /// Reads, and says several things at once.
    Talker,
    /// Has no feed, and says many things at once.
    Publisher,
    /// Adds, removes, and resets passwords, one change at a time.
    Admin,
}

#[derive(Debug)]
pub(super) struct Client {
    who: String,
    mail: String,
    habit: Habit,
    /// Its own address on the loopback.
    from: Ipv4Addr,
    conn: Option<Conn>,
    /// The connection before, which the server has ended and we have not.
    kept: Option<TcpStream>,
    /// Turns until it connects.
    wait: usize,
    said: u64,
    /// The last event that it knows it has.
    read: u64,
}

#[derive(Debug)]
struct Conn {
    stream: TcpStream,
    /// Its place in the life's list.
    session: usize,
    to_send: Vec<u8>,
    input: Vec<u8>,
    owed: VecDeque<String>,
    is_in: bool,
    /// It will send nothing any more.
    leaving: bool,
    answering_history: bool,
}

/// At most so much is not answered.
const OWED_BY_TALKER: usize = 8;
const OWED_BY_PUBLISHER: usize = 40;

impl Client {
    pub(super) fn new(who: &str, habit: Habit, from: Ipv4Addr) -> Client {
        let mail = who.split('/').next().expect("split gives at least one piece").to_owned();
        Client { who: who.to_owned(), mail, habit, from, conn: None, kept: None, wait: 0, said: 0, read: 0 }
    }

    pub(super) fn who(&self) -> &str {
        &self.who
    }

    pub(super) fn mail(&self) -> &str {
        &self.mail
    }

    pub(super) fn has_feed(&self) -> bool {
        self.habit != Habit::Publisher
    }

    pub(super) fn read(&self) -> u64 {
        self.read
    }

    pub(super) fn stream(&self) -> Option<&TcpStream> {
        self.conn.as_ref().map(|conn| &conn.stream)
    }

    /// A new life begins.
    pub(super) fn wake(&mut self, around: &mut Around<'_>) {
        self.kept = None;
        self.wait = around.rng.below(12);
    }

    /// Does what it likes to do now: connects, says something, goes.
    pub(super) fn act(&mut self, around: &mut Around<'_>) {
        if self.conn.is_none() {
            if self.wait > 0 {
                self.wait -= 1;
            } else if let Some(password) = around.password(&self.mail) {
                self.connect(&password, around);
            }
            return;
        }
        if let Some(conn) = self.conn.as_ref().filter(|conn| conn.is_in && !conn.leaving)
            && !around.is_quiet
        {
            let idle = conn.owed.is_empty();
            self.talk(idle, around);
        }
        self.flush();
    }

    fn talk(&mut self, idle: bool, around: &mut Around<'_>) {
        let owed = self.conn.as_ref().map_or(0, |conn| conn.owed.len());
        match self.habit {
            Habit::Talker if owed < OWED_BY_TALKER && around.rng.percent(15) => {
                for _ in 0..=around.rng.below(3) {
                    self.say_something(around);
                }
            }
            Habit::Publisher if owed < OWED_BY_PUBLISHER && around.rng.percent(20) => {
                for _ in 0..=around.rng.below(20) {
                    self.say_something(around);
                }
            }
            Habit::Admin if idle && around.rng.percent(40) => {
                let line = around.change();
                self.say(line, around);
            }
            _ if idle && around.rng.percent(10) => {
                self.said += 1;
                self.say(format!("PING {}", self.said), around);
            }
            _ if idle && self.has_feed() && around.rng.percent(2) => {
                let from = self.read.saturating_sub(around.rng.below(30) as u64);
                let line = if around.rng.percent(50) {
                    format!("HISTORY SINCE {from} 20")
                } else {
                    "HISTORY 10".to_owned()
                };
                self.say(line, around);
            }
            _ if idle && around.rng.percent(2) => self.leave(around),
            _ => {}
        }
    }

    /// Something that nobody has said before.
    fn say_something(&mut self, around: &mut Around<'_>) {
        if around.left_to_say == 0 {
            return;
        }
        around.left_to_say -= 1;
        self.said += 1;
        let len = match around.rng.below(100) {
            0..5 => around.rng.below(3500),
            5..50 => 0,
            _ => around.rng.below(100),
        };
        let filler: String = "lörem ipsum dólor ✓ ".chars().cycle().take(len / 2).collect();
        self.say(format!("MSG {} says {} {filler}.", self.who, self.said), around);
    }

    fn leave(&mut self, around: &mut Around<'_>) {
        if around.rng.percent(50) {
            self.say("QUIT".to_owned(), around);
        }
        let conn = self.conn.as_mut().expect("who talks is connected");
        conn.leaving = true;
    }

    fn say(&mut self, line: String, around: &mut Around<'_>) {
        let conn = self.conn.as_mut().expect("who talks is connected");
        conn.to_send.extend_from_slice(line.as_bytes());
        conn.to_send.push(b'\n');
        conn.owed.push_back(line.clone());
        around.tell(&self.who, '>', &line);
        around.sessions[conn.session].said.push(Said::Sent(line));
    }

    fn connect(&mut self, password: &str, around: &mut Around<'_>) {
        match connect(self.from, around.addr, self.habit == Habit::Slow) {
            Ok(stream) => {
                let session = around.sessions.len();
                around.sessions.push(Session::new(&self.who));
                self.conn = Some(Conn {
                    stream,
                    session,
                    to_send: Vec::new(),
                    input: Vec::new(),
                    owed: VecDeque::new(),
                    is_in: false,
                    leaving: false,
                    answering_history: false,
                });
                self.say(format!("LOGIN {} {password}", self.who), around);
                self.flush();
            }
            // The server is stopping, or gone.
            Err(_) => self.wait = 5,
        }
    }

    /// Sends what the socket takes; and that nothing more will come, when all is sent.
    fn flush(&mut self) {
        let Some(conn) = &mut self.conn else { return };
        while !conn.to_send.is_empty() {
            match conn.stream.write(&conn.to_send) {
                Ok(n) => drop(conn.to_send.drain(..n)),
                // What is wrong shows in reading.
                Err(_) => return,
            }
        }
        if conn.leaving {
            let _: io::Result<()> = conn.stream.shutdown(Shutdown::Write);
        }
    }

    /// Reads some of what has come.
    pub(super) fn take(&mut self, around: &mut Around<'_>) {
        let len = match self.habit {
            Habit::Slow if !around.is_quiet && around.rng.percent(75) => return,
            Habit::Slow if !around.is_quiet => 1000,
            _ => 1 << 16,
        };
        let Some(conn) = &mut self.conn else { return };
        let mut bytes = vec![0; len];
        match conn.stream.read(&mut bytes) {
            Ok(n) if n > 0 => {
                conn.input.extend_from_slice(&bytes[..n]);
                self.lines(around);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The end, or a connection that broke.
            Ok(_) | Err(_) => self.ended(around),
        }
    }

    /// The server is gone: reads everything that our kernel got of it.
    pub(super) fn drain(&mut self, around: &mut Around<'_>, patience: Duration) {
        let Some(conn) = &mut self.conn else { return };
        conn.stream.set_nonblocking(false).expect("an option");
        conn.stream.set_read_timeout(Some(patience)).expect("an option");
        // A reset loses nothing of what came before it.
        if let Err(error) = conn.stream.read_to_end(&mut conn.input) {
            assert_ne!(
                error.kind(),
                io::ErrorKind::WouldBlock,
                "{}: the end of a dead server's stream",
                self.who
            );
        }
        self.lines(around);
        self.ended(around);
    }

    fn lines(&mut self, around: &mut Around<'_>) {
        let conn = self.conn.as_mut().expect("it has just read");
        let input = std::mem::take(&mut conn.input);
        let mut rest = &input[..];
        while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(&rest[..at]).into_owned();
            rest = &rest[at + 1..];
            self.line(&line, around);
        }
        self.conn.as_mut().expect("it is still there").input = rest.to_vec();
    }

    fn line(&mut self, line: &str, around: &mut Around<'_>) {
        let conn = self.conn.as_mut().expect("it has just read");
        let mut words = line.split(' ');
        match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
            ("MSG" | "ADDED" | "REMOVED", seq) if !conn.answering_history => {
                self.read = seq.parse().unwrap_or(self.read);
                if self.habit == Habit::Admin {
                    around.announced(line);
                }
            }
            ("HISTORY", _) => conn.answering_history = true,
            (end @ ("OK" | "ERR"), verb) => {
                conn.answering_history = false;
                let asked = conn.owed.pop_front().unwrap_or_default();
                match (end, verb) {
                    ("OK", "LOGIN") => {
                        conn.is_in = true;
                        self.read = field(line, "last").unwrap_or(0) - field(line, "missed").unwrap_or(0);
                    }
                    // A temporary member who was removed again.
                    ("ERR", "LOGIN") => conn.leaving = true,
                    ("OK", "MSG") if self.habit != Habit::Publisher => {
                        self.read = words.next().and_then(|seq| seq.parse().ok()).unwrap_or(self.read);
                    }
                    ("OK", "ADD" | "REMOVE" | "RESET") => around.changed(&asked),
                    _ => {}
                }
            }
            _ => {}
        }
        let session = conn.session;
        around.tell(&self.who, '<', line);
        around.sessions[session].said.push(Said::Got(line.to_owned()));
    }

    fn ended(&mut self, around: &mut Around<'_>) {
        let conn = self.conn.take().expect("it was connected");
        around.tell(&self.who, '.', &String::from_utf8_lossy(&conn.input));
        around.sessions[conn.session].rest = conn.input;
        // A client that comes back before it has closed must not get more than one that closes first.
        self.kept = around.rng.percent(50).then_some(conn.stream);
        self.wait = around.rng.below(8);
    }
}

fn connect(from: Ipv4Addr, addr: SocketAddr, is_slow: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if is_slow {
        socket.set_recv_buffer_size(4096)?;
    }
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&addr.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
