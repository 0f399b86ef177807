//! All that are measured, and what each of them promises.

use std::io;
use std::net::SocketAddr;
use std::process::Command;

use super::chat_room::{self, ChatRoom};
use super::irc::{self, Irc};
use super::mqtt::{self, Mqtt};
use super::nats::{self, Nats};
use super::program::{Program, find};
use super::protocol::Protocol;
use super::redis::{self, Redis};
use crate::broker;
use crate::common::disk::skip;
use crate::common::machine::Cores;
use crate::common::target::{History, Target};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    ChatRoom(History),
    Redis(Redis),
    Nats(Nats),
    Ngircd,
    Inspircd,
    Mosquitto,
}

#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    /// With its version.
    pub(crate) name: String,
    /// About loss.
    pub(crate) promises: &'static str,
    server: Server,
}

/// What is said is not on the disk when it is shown.
pub(crate) const NOT_STORED: [Claim; 6] = [
    (
        "chat-room, --history none",
        Server::ChatRoom(History::Off),
        "a slow or returning reader gets the rest from memory; a restart loses all",
    ),
    ("Redis V, pub/sub", Server::Redis(Redis::PubSub), MISSES),
    ("NATS V, core", Server::Nats(Nats::Core), MISSES),
    ("ngIRCd V", Server::Ngircd, IS_CUT_OFF),
    ("InspIRCd V", Server::Inspircd, IS_CUT_OFF),
    ("mosquitto V, QoS 0", Server::Mosquitto, MISSES),
];

const MISSES: &str = "nothing: a reader who is away or too slow misses messages";
const IS_CUT_OFF: &str = "nothing: a reader who is away misses messages, one who is too slow is thrown out";

/// It is synced before anybody sees it.
pub(crate) const STORED: [Claim; 5] = [
    (
        "chat-room, history on",
        Server::ChatRoom(History::On),
        "on disk before anybody sees it; each device gets all that it missed",
    ),
    ("Redis V, XREAD by each", Server::Redis(Redis::Streams), GETS_THE_REST),
    ("Redis V, XADD with PUBLISH", Server::Redis(Redis::PublishedStream), SEES_A_GAP),
    ("NATS V, JetStream, consumers", Server::Nats(Nats::Consumers), GETS_THE_REST),
    ("NATS V, JetStream, republished", Server::Nats(Nats::Republished), SEES_A_GAP),
];

const GETS_THE_REST: &str = "on disk before anybody sees it; a reader who remembers its place gets the rest";
const SEES_A_GAP: &str =
    "on disk before anybody sees it; a reader who was away or too slow has to notice, and to read it there";

/// With more receivers in a channel their joining takes minutes.
const IRC_MOST: usize = 2_000;

/// Name, with `V` for the version; what it is; what it promises.
pub(crate) type Claim = (&'static str, Server, &'static str);

/// Those of them that are installed. Of the others it says so.
pub(crate) fn installed(claims: &[Claim]) -> Vec<Contestant> {
    let version = |server| match server {
        Server::ChatRoom(_) => Some(String::new()),
        Server::Redis(_) => version_of("redis-server", "--version", "redis-server"),
        Server::Ngircd => version_of("ngircd", "--version", "ngircd"),
        Server::Inspircd => version_of("inspircd", "--version", "inspircd"),
        Server::Mosquitto => version_of("mosquitto", "-h", "mosquitto"),
        Server::Nats(_) => broker::find(broker::Program::Usable)
            .and_then(|path| number_in(&Command::new(path).arg("--version").output().ok()?.stdout)),
    };
    let contestants = claims.iter().filter_map(|&(name, server, promises)| {
        Some(Contestant { name: name.replace(" V", &format!(" {}", version(server)?)), promises, server })
    });
    contestants.collect()
}

fn version_of(program: &str, flag: &str, package: &str) -> Option<String> {
    let path = find(program);
    if path.is_none() {
        skip(format!("no {program}: apt-get install {package}"));
    }
    number_in(&Command::new(path?).arg(flag).output().ok()?.stdout)
}

/// The first `1.2` or `1.2.3`.
fn number_in(said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said);
    let mut numbers = said.split(|c: char| !c.is_ascii_digit() && c != '.');
    numbers
        .find(|number| number.contains('.') && number.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
}

/// It runs until it is dropped.
pub(crate) enum Running {
    Ours(Target),
    Theirs(Program),
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        match self {
            Running::Ours(target) => target.pid(),
            Running::Theirs(program) => program.pid(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Running::Ours(target) => target.address,
            Running::Theirs(program) => program.address,
        }
    }
}

impl Contestant {
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.server, Server::ChatRoom(_))
    }

    /// Whether a round is a fraction of a second if there is little to do.
    pub(crate) fn is_quick(&self) -> bool {
        matches!(
            self.server,
            Server::ChatRoom(_) | Server::Redis(_) | Server::Nats(Nats::Core | Nats::Republished)
        )
    }

    pub(crate) fn protocol(&self) -> &dyn Protocol {
        match &self.server {
            Server::ChatRoom(_) => &ChatRoom,
            Server::Redis(how) => how,
            Server::Nats(how) => how,
            Server::Ngircd => &Irc::Ngircd,
            Server::Inspircd => &Irc::Inspircd,
            Server::Mosquitto => &Mqtt,
        }
    }

    /// Why it is not measured with so many receivers.
    pub(crate) fn spared(&self, receivers: usize) -> Option<String> {
        let is_irc = matches!(self.server, Server::Ngircd | Server::Inspircd);
        (is_irc && receivers > IRC_MOST).then(|| {
            let lines = receivers * (receivers - 1) / 2_000_000;
            format!("all who are there are told of each that joins, {lines} million lines")
        })
    }

    pub(crate) fn start(&self, cores: Cores, receivers: usize) -> io::Result<Running> {
        Ok(match self.server {
            Server::ChatRoom(history) => Running::Ours(chat_room::start(cores, history, receivers)?),
            Server::Redis(how) => Running::Theirs(redis::start(how, cores)?),
            Server::Nats(how) => Running::Theirs(nats::start(how, cores)?),
            Server::Ngircd => Running::Theirs(irc::start_ngircd(cores)?),
            Server::Inspircd => Running::Theirs(irc::start_inspircd(cores)?),
            Server::Mosquitto => Running::Theirs(mqtt::start(cores)?),
        })
    }
}
