//! A client of the server: a plain socket, or real `nc`.

use std::io::{BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::RangeBounds;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use socket2::{Domain, Socket, Type};

use super::server::PATIENCE;

/// One end of a conversation. All that comes is read at once and kept.
pub(crate) struct Peer {
    way: Way,
    lines: Receiver<Vec<u8>>,
    /// A line that was looked at and not taken.
    peeked: Option<Vec<u8>>,
    /// The bytes of all lines that were taken.
    taken: Vec<u8>,
    fences: u32,
}

enum Way {
    Socket(TcpStream),
    Nc(Child, Option<ChildStdin>),
}

impl Peer {
    /// Connects; HELLO is the first line.
    pub(crate) fn connect(addr: SocketAddr) -> Peer {
        let stream = TcpStream::connect(addr).expect("the server listens");
        let reader = stream.try_clone().expect("a descriptor");
        Peer::of(Way::Socket(stream), reader)
    }

    /// The same, from this address of the machine's loopback.
    pub(crate) fn connect_from(addr: SocketAddr, from: [u8; 4]) -> Peer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((from, 0)).into()).expect("an address of loopback");
        socket.connect(&addr.into()).expect("the server listens");
        let stream = TcpStream::from(socket);
        let reader = stream.try_clone().expect("a descriptor");
        Peer::of(Way::Socket(stream), reader)
    }

    /// Where it comes from, as the server sees it.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        match &self.way {
            Way::Socket(stream) => stream.local_addr().expect("it is connected"),
            Way::Nc(..) => panic!("the program has the socket"),
        }
    }

    /// Runs a program that connects its standard input and output to the server, as `nc` does.
    pub(crate) fn run(command: &mut Command) -> Peer {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a program");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("it is piped");
        Peer::of(Way::Nc(child, stdin), stdout)
    }

    fn of(way: Way, reader: impl Read + Send + 'static) -> Peer {
        Peer { way, lines: read_lines(reader), peeked: None, taken: Vec::new(), fences: 0 }
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A server that has hung up does not listen any more: what it said shows in the lines.
        let _ = match &mut self.way {
            Way::Socket(stream) => stream.write_all(bytes),
            Way::Nc(_, stdin) => stdin.as_mut().expect("not half-closed").write_all(bytes),
        };
    }

    /// Says that no more will come.
    pub(crate) fn half_close(&mut self) {
        match &mut self.way {
            Way::Socket(stream) => {
                let _ = stream.shutdown(Shutdown::Write);
            }
            Way::Nc(_, stdin) => *stdin = None,
        }
    }

    /// The next line, times and the transcript's name masked. Nothing: the server has hung up.
    pub(crate) fn line(&mut self) -> Option<String> {
        let line = match self.peeked.take() {
            Some(line) => line,
            None => match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("nothing comes"),
            },
        };
        self.taken.extend(&line);
        Some(masked(&shown(&line)))
    }

    /// What the server has sent, as far as it was taken, to the byte.
    pub(crate) fn taken(&self) -> &[u8] {
        &self.taken
    }

    /// Whether there is a line that was not taken, which is kept.
    pub(crate) fn has_line(&mut self) -> bool {
        if self.peeked.is_none() {
            self.peeked = self.lines.try_recv().ok();
        }
        self.peeked.is_some()
    }

    /// The next line has to be like this; `…` stands for anything.
    #[track_caller]
    pub(crate) fn expect(&mut self, pattern: &str) {
        expected(pattern, self.line().as_deref());
    }

    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.line(), None, "the connection should have ended");
    }

    /// All that was sent so far is answered, and nothing has come that was not taken.
    #[track_caller]
    pub(crate) fn fence(&mut self) {
        self.fences += 1;
        let token = format!("fence-{}", self.fences);
        self.say(&format!("PING {token}"));
        self.expect(&format!("OK PING {token}"));
    }

    /// Logs in as `who` (`ann@x`, or with a device) with the password of [`members_txt`].
    #[track_caller]
    pub(crate) fn login(&mut self, who: &str) {
        let [line, answer] = login_of(who);
        self.say(&line);
        self.expect(&answer);
    }

    /// Sends a command whose OK has a word, a token or that of an invitation, and gives it.
    #[track_caller]
    pub(crate) fn word_of(&mut self, command: &str) -> String {
        self.say(command);
        let verb = command.split(' ').next().expect("split gives at least one piece");
        let line = self.line().expect("an answer");
        line.strip_prefix(&format!("OK {verb} ")).unwrap_or_else(|| panic!("{line}")).to_owned()
    }

    /// Connects and logs in.
    #[track_caller]
    pub(crate) fn member(addr: SocketAddr, who: &str) -> Peer {
        let mut peer = Peer::connect(addr);
        peer.expect("HELLO …");
        peer.login(who);
        peer
    }

    /// Asks until a figure of STATS is in this range.
    #[track_caller]
    pub(crate) fn until_stat(&mut self, name: &str, range: impl RangeBounds<u64>) {
        let deadline = Instant::now() + PATIENCE;
        while !range.contains(&self.stat(name)) {
            assert!(Instant::now() < deadline, "{name} never becomes that");
        }
    }

    /// One figure of STATS.
    #[track_caller]
    pub(crate) fn stat(&mut self, name: &str) -> u64 {
        self.say("STATS");
        let mut found = None;
        loop {
            let line = self.line().expect("STATS is answered");
            if line.starts_with("OK STATS ") {
                return found.expect("a figure of that name");
            }
            if let Some(value) = line.strip_prefix(&format!("STAT {name} ")) {
                found = Some(value.parse().expect("a number"));
            }
        }
    }
}

/// A client that is read on demand, and nothing of it before.
pub(crate) trait OnDemand {
    /// Sends a line.
    fn say(&mut self, line: &str);

    /// The next line, masked; nothing at the end.
    fn line(&mut self) -> Option<String>;

    /// The next line has to be like this.
    #[track_caller]
    fn expect(&mut self, pattern: &str) {
        expected(pattern, self.line().as_deref());
    }

    /// As [`Peer::login`].
    #[track_caller]
    fn login(&mut self, who: &str) {
        let [line, answer] = login_of(who);
        self.say(&line);
        self.expect(&answer);
    }

    /// As [`Peer::fence`].
    #[track_caller]
    fn fence(&mut self) {
        self.say("PING fence");
        self.expect("OK PING fence");
    }
}

/// A line has to be like this.
#[track_caller]
fn expected(pattern: &str, line: Option<&str>) {
    let line = line.unwrap_or("(the end)");
    assert!(fits(pattern, line), "expected: {pattern}\nreceived: {line}");
}

/// The login of `who` (`ann@x`, or with a device) with the password of [`members_txt`](super::server::members_txt), and its
/// answer.
fn login_of(who: &str) -> [String; 2] {
    let name = who.split('@').next().expect("split gives at least one piece");
    [format!("LOGIN {who} {name}-secret"), format!("OK LOGIN {name}@x …")]
}

impl Drop for Peer {
    fn drop(&mut self) {
        match &mut self.way {
            // The reading thread holds the descriptor too.
            Way::Socket(stream) => {
                let _ = stream.shutdown(Shutdown::Both);
            }
            Way::Nc(child, _) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// What refuses a timing mark: the one thing that comes and is no line.
const NO_MARK: [u8; 3] = [255, 252, 6];

/// Lines as they come, with their ends; the last may have none.
fn read_lines(from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        let mut line = Vec::new();
        for byte in BufReader::new(from).bytes().map_while(Result::ok) {
            line.push(byte);
            if (byte == b'\n' || line == NO_MARK) && send.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
        if !line.is_empty() {
            let _ = send.send(line);
        }
    });
    lines
}

/// A line without its end; `⊙` for what refuses a timing mark.
fn shown(line: &[u8]) -> String {
    match line.strip_suffix(b"\n") {
        Some(line) => String::from_utf8_lossy(line).into_owned(),
        None if line == NO_MARK => "⊙".to_owned(),
        None => format!("{} (cut)", String::from_utf8_lossy(line)),
    }
}

/// The line with `<time>` for each time and `<id>` for the transcript's name.
pub(crate) fn masked(line: &str) -> String {
    let is_time = |word: &str| {
        let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        shape == "0000-00-00T00:00:00.000Z"
    };
    let words = line.split(' ').map(|word| match word.split_once('=') {
        Some(("transcript", name)) if name.len() == 8 => "transcript=<id>".to_owned(),
        Some((key, value)) if is_time(value) => format!("{key}=<time>"),
        None if is_time(word) => "<time>".to_owned(),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a line is like a pattern, in which `…` stands for anything.
pub(crate) fn fits(pattern: &str, line: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('…') else { return pattern == line };
    let Some(behind) = line.strip_prefix(head) else { return false };
    behind.char_indices().map(|(at, _)| at).chain([behind.len()]).any(|at| fits(rest, &behind[at..]))
}
