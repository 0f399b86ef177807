//! One client: a device that reads, slowly or not, and talks, or a script that only sends, or an admin. Where a node ends the
//! connection or does not answer, it goes to the next one.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{Mood, Shared};
use crate::record::{Conn, Device, Happened, Kind, Side, number};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Reads what comes, asks now and then, goes and comes back.
    Reader,
    /// Takes a little at a time, through a small buffer.
    Slow,
    /// Reads, and says several things at once.
    Talker,
    /// Has no feed, and says many things at once.
    Publisher,
    /// Adds and removes, one change at a time.
    Admin,
}

#[derive(Debug)]
pub(super) struct Client {
    device: Device,
    habit: Habit,
    /// Its own address on the loopback.
    from: Ipv4Addr,
    /// Where it is, or goes next.
    node: usize,
    link: Option<Link>,
    /// It does not connect before.
    not_before: Instant,
    said: u64,
    /// The last event that it knows it has.
    read: u64,
    /// Since when it has wanted to say something, and was not told OK of anything.
    unheard_since: Option<Instant>,
}

#[derive(Debug)]
struct Link {
    stream: TcpStream,
    conn: Conn,
    node: usize,
    to_send: Vec<u8>,
    input: Vec<u8>,
    owed: VecDeque<(Instant, String)>,
    is_in: bool,
    /// Since when it sends nothing any more, and waits for the end.
    leaving: Option<Instant>,
    in_history: bool,
    /// It waits so long for an answer before it goes away.
    patience: Duration,
}

/// At most so much is not answered.
const OWED_BY_TALKER: usize = 8;
const OWED_BY_PUBLISHER: usize = 30;
/// So long somebody who goes away waits for the rest.
const GOING: Duration = Duration::from_secs(2);
/// So long for an answer to LOGIN: the next node may be better.
const LOGIN_PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// After a refused login: the next one from this address would be answered late.
const LONG_PAUSE: Duration = Duration::from_secs(2);

impl Client {
    pub(super) fn new(device: &str, habit: Habit, from: Ipv4Addr, node: usize) -> Client {
        Client {
            device: Device(device.to_owned()),
            habit,
            from,
            node,
            link: None,
            not_before: Instant::now(),
            said: 0,
            read: 0,
            unheard_since: None,
        }
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn stream(&self) -> Option<&TcpStream> {
        self.link.as_ref().map(|link| &link.stream)
    }

    /// Where it is connected.
    pub(super) fn node(&self) -> Option<usize> {
        self.link.as_ref().map(|link| link.node)
    }

    /// What keeps it from being at rest, if something does: `last` is the last event.
    pub(super) fn unrest(&self, is_member: bool, last: u64) -> Option<String> {
        let who = &self.device.0;
        match &self.link {
            None if is_member => Some(format!("{who} is not connected")),
            Some(_) if !is_member => Some(format!("{who} is still connected")),
            Some(link) if !link.is_in || link.leaving.is_some() => Some(format!("{who} is not in")),
            Some(Link { owed, .. }) if !owed.is_empty() => Some(format!("{who} waits for {:?}", owed[0].1)),
            Some(_) if self.device.has_feed() && self.read != last => {
                Some(format!("{who} has read {} of {last}", self.read))
            }
            _ => None,
        }
    }

    /// Since when it has been unable to say anything.
    pub(super) fn unheard_since(&self) -> Option<Instant> {
        self.unheard_since
    }

    /// Counts from now how long it is unable to say anything.
    pub(super) fn wait_from(&mut self, now: Instant) {
        self.unheard_since = self.unheard_since.map(|_| now);
    }

    /// Does what it likes to do now: connects, says something, goes.
    pub(super) fn act(&mut self, shared: &mut Shared) {
        let Some(link) = &self.link else {
            let talks = [Habit::Talker, Habit::Publisher].contains(&self.habit);
            if talks && shared.mood == Mood::Talking && shared.is_member(self.device.mail()) {
                self.unheard_since.get_or_insert_with(Instant::now);
            }
            if Instant::now() >= self.not_before && shared.is_member(self.device.mail()) {
                self.connect(shared);
            }
            return;
        };
        if let Some(since) = link.leaving {
            if since.elapsed() > GOING {
                // What came before is read; a node that is alive and sends in this moment is rare, and would be told so.
                self.take(shared);
                if self.link.is_some() {
                    self.ended(Side::Client, shared);
                }
                return;
            }
        } else if link.is_in && shared.mood == Mood::Talking {
            self.talk(shared);
        }
        let Some(link) = &mut self.link else { return };
        let patience = if link.is_in { link.patience } else { LOGIN_PATIENCE };
        if link.leaving.is_none() && link.owed.front().is_some_and(|(since, _)| since.elapsed() > patience) {
            link.leaving = Some(Instant::now());
        }
        self.flush();
    }

    fn talk(&mut self, shared: &mut Shared) {
        let owed = self.link.as_ref().map_or(0, |link| link.owed.len());
        let is_idle = owed == 0;
        match self.habit {
            Habit::Talker if owed < OWED_BY_TALKER && shared.rng.percent(6) => {
                for _ in 0..=shared.rng.below(3) {
                    self.say_something(shared);
                }
            }
            Habit::Publisher if owed < OWED_BY_PUBLISHER && shared.rng.percent(4) => {
                for _ in 0..=shared.rng.below(12) {
                    self.say_something(shared);
                }
            }
            Habit::Admin if is_idle && shared.rng.percent(5) => {
                if let Some(change) = shared.change() {
                    self.say(change, shared);
                }
            }
            _ if is_idle && shared.rng.percent(2) => {
                self.said += 1;
                self.say(format!("PING {}", self.said), shared);
            }
            _ if is_idle && self.device.has_feed() && shared.rng.below(200) == 0 => {
                let from = self.read.saturating_sub(shared.rng.below(30) as u64);
                self.say(format!("HISTORY SINCE {from} 20"), shared);
            }
            _ if is_idle && shared.rng.below(300) == 0 => self.leave(shared),
            _ => {}
        }
    }

    /// Something that nobody has said before.
    fn say_something(&mut self, shared: &mut Shared) {
        if shared.allowance < 1.0 {
            return;
        }
        shared.allowance -= 1.0;
        self.said += 1;
        let len = match shared.rng.below(100) {
            0..3 => shared.rng.below(3500),
            3..50 => 0,
            _ => shared.rng.below(100),
        };
        let filler: String = "lörem ipsum dólor ✓ ".chars().cycle().take(len / 2).collect();
        self.unheard_since.get_or_insert_with(Instant::now);
        self.say(format!("MSG {} says {} {filler}.", self.device.0, self.said), shared);
    }

    /// Ends its side, and comes back at some node.
    fn leave(&mut self, shared: &mut Shared) {
        if shared.rng.percent(50) {
            self.say("QUIT".to_owned(), shared);
        }
        self.link.as_mut().expect("it was asked").leaving = Some(Instant::now());
        self.node = shared.rng.below(shared.nodes.len());
    }

    fn say(&mut self, text: String, shared: &mut Shared) {
        let link = self.link.as_mut().expect("it is connected");
        link.to_send.extend_from_slice(text.as_bytes());
        link.to_send.push(b'\n');
        link.owed.push_back((Instant::now(), text.clone()));
        shared.tell(&self.device, '>', &text);
        shared.happened.push(Happened::Sent { conn: link.conn, line: text });
    }

    fn connect(&mut self, shared: &mut Shared) {
        self.node %= shared.nodes.len();
        let (node, addr) = shared.nodes[self.node].clone();
        let Ok(stream) = connect(self.from, addr, self.habit == Habit::Slow) else {
            return self.next_node(shared);
        };
        shared.conns += 1;
        let conn = Conn(shared.conns);
        shared.tell(&self.device, ':', &node);
        shared.happened.push(Happened::Opened { conn, device: self.device.clone(), node });
        // Most stay as long as a node takes to notice that it is cut off, and say so.
        let patience = if shared.rng.percent(30) { 4 } else { 25 };
        self.link = Some(Link {
            stream,
            conn,
            node: self.node,
            to_send: Vec::new(),
            input: Vec::new(),
            owed: VecDeque::new(),
            is_in: false,
            leaving: None,
            in_history: false,
            patience: Duration::from_secs(patience),
        });
        let name = self.device.mail().split('@').next().expect("split gives at least one piece").to_owned();
        self.say(format!("LOGIN {} {name}-secret", self.device.0), shared);
        self.flush();
    }

    fn next_node(&mut self, shared: &Shared) {
        self.node = (self.node + 1) % shared.nodes.len();
        self.not_before = Instant::now() + PAUSE;
    }

    /// Sends what the socket takes; and that nothing more will come, when all is sent.
    fn flush(&mut self) {
        let Some(link) = &mut self.link else { return };
        while !link.to_send.is_empty() {
            match link.stream.write(&link.to_send) {
                Ok(n) => drop(link.to_send.drain(..n)),
                // What is wrong shows in reading.
                Err(_) => return,
            }
        }
        if link.leaving.is_some() {
            let _: io::Result<()> = link.stream.shutdown(Shutdown::Write);
        }
    }

    /// Reads some of what has come.
    pub(super) fn take(&mut self, shared: &mut Shared) {
        let len = match self.habit {
            Habit::Slow if shared.mood == Mood::Talking && shared.rng.percent(75) => return,
            Habit::Slow if shared.mood == Mood::Talking => 1000,
            _ => 1 << 16,
        };
        let Some(link) = &mut self.link else { return };
        let mut bytes = vec![0; len];
        match link.stream.read(&mut bytes) {
            Ok(n) if n > 0 => {
                link.input.extend_from_slice(&bytes[..n]);
                self.lines(shared);
            }
            Err(error)
                if [io::ErrorKind::WouldBlock, io::ErrorKind::NotConnected].contains(&error.kind()) => {}
            // The end, or a connection that broke.
            Ok(_) | Err(_) => self.ended(Side::Node, shared),
        }
    }

    fn lines(&mut self, shared: &mut Shared) {
        let link = self.link.as_mut().expect("it has just read");
        let input = std::mem::take(&mut link.input);
        let mut rest = &input[..];
        while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
            let text = String::from_utf8_lossy(&rest[..at]).into_owned();
            rest = &rest[at + 1..];
            self.line(text, shared);
        }
        self.link.as_mut().expect("it is still there").input = rest.to_vec();
    }

    fn line(&mut self, text: String, shared: &mut Shared) {
        let link = self.link.as_mut().expect("it has just read");
        let mut words = text.split(' ');
        match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
            ("MSG" | "ADDED" | "REMOVED", seq) => {
                let seq = seq.parse().unwrap_or(0);
                if !link.in_history {
                    self.read = seq;
                }
                shared.shown(seq, &text);
            }
            ("HISTORY", _) => link.in_history = true,
            (end @ ("OK" | "ERR"), verb) => {
                link.in_history = false;
                let asked = link.owed.pop_front().map(|(_, text)| text).unwrap_or_default();
                match (end, verb) {
                    ("OK", "LOGIN") => {
                        link.is_in = true;
                        self.read = number(&text, "last").unwrap_or(0) - number(&text, "missed").unwrap_or(0);
                    }
                    ("ERR", "LOGIN") => {
                        link.leaving = Some(Instant::now());
                        self.not_before = Instant::now() + LONG_PAUSE;
                    }
                    ("OK", "MSG") => {
                        if self.device.has_feed() {
                            let seq = words.next().and_then(|seq| seq.parse().ok());
                            self.read = seq.unwrap_or(self.read);
                        }
                        shared.oks.told(link.node, self.unheard_since.take());
                        if link.owed.iter().any(|(_, text)| text.starts_with("MSG ")) {
                            self.unheard_since = Some(Instant::now());
                        }
                    }
                    ("OK", "ADD" | "REMOVE") => shared.changed(&asked),
                    _ => {}
                }
            }
            // Nobody else waits to hear from somebody who is no member.
            ("BYE", "removed") => self.unheard_since = None,
            ("BYE", "cut-off") => {
                let waited = link.owed.front().map(|(since, _)| since.elapsed()).unwrap_or_default();
                shared.oks.until_told = shared.oks.until_told.max(waited);
                shared.oks.told += 1;
            }
            _ => {}
        }
        shared.tell(&self.device, '<', &text);
        let conn = self.link.as_ref().expect("it has just read").conn;
        shared.happened.push(Happened::Got { conn, line: text });
    }

    fn ended(&mut self, by: Side, shared: &mut Shared) {
        let link = self.link.take().expect("it was connected");
        shared.tell(
            &self.device,
            if by == Side::Node { '.' } else { '/' },
            &String::from_utf8_lossy(&link.input),
        );
        shared.happened.push(Happened::Ended { conn: link.conn, by, rest: link.input });
        let not_before = self.not_before;
        if by == Side::Client || link.leaving.is_none() {
            self.next_node(shared);
        }
        self.not_before = not_before.max(Instant::now() + PAUSE);
    }
}

/// The change that a command asks for, and whose.
pub(super) fn change(asked: &str) -> Option<(Kind, String)> {
    let mut words = asked.split(' ');
    let kind = Kind::of_command(words.next().unwrap_or_default())?;
    Some((kind, words.next()?.to_owned()))
}

/// Begins to connect: what comes of it shows in reading and writing.
fn connect(from: Ipv4Addr, addr: SocketAddr, is_slow: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if is_slow {
        socket.set_recv_buffer_size(4096)?;
    }
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
            Err(error)
        }
        _ => Ok(socket.into()),
    }
}
