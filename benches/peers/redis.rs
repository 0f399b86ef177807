//! Redis: pub/sub; a stream that every receiver reads; and a stream that is published as well.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use super::program::{Program, installed};
use super::protocol::{PASSWORD, Protocol, ROOM, Stage, Stream, Taken, unexpected, until_exactly};
use crate::common::PATIENCE;
use crate::common::machine::Cores;

/// How it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redis {
    /// PUBLISH and SUBSCRIBE; nothing is stored.
    PubSub,
    /// XADD, and XREAD BLOCK by each receiver.
    Streams,
    /// XADD and PUBLISH in one function; a receiver that sees a gap can read it in the stream.
    PublishedStream,
}

/// Where what is added to the stream is published.
const LIVE: &str = "live";

/// It answers an XADD, and shows what was added, when its file is synced.
const SYNCS: &str =
    "appendonly yes\nappendfsync always\nno-appendfsync-on-rewrite no\nauto-aof-rewrite-percentage 0\n";

const FUNCTION: &str = "#!lua name=room\nredis.register_function('say', function(keys, args) local id = \
     redis.call('XADD', keys[1], '*', 't', args[1]) redis.call('PUBLISH', keys[2], id .. ' ' .. args[1]) return id end)";

pub(crate) fn start(how: Redis, cores: Cores) -> io::Result<Program> {
    let program = Program::start(cores, |folder, address| {
        let stores = if how == Redis::PubSub { "appendonly no\n" } else { SYNCS };
        let configuration = format!(
            "bind 127.0.0.1\nport {}\nrequirepass {PASSWORD}\ndir {}\nsave \"\"\n{stores}maxclients 100000\n\
             tcp-backlog 4096\ntimeout 0\nclient-output-buffer-limit normal 0 0 0\n\
             client-output-buffer-limit pubsub 0 0 0\n",
            address.port(),
            folder.display()
        );
        let path = folder.join("redis.conf");
        fs::write(&path, configuration)?;
        let mut command = Command::new(installed("redis-server")?);
        command.arg(path);
        Ok(command)
    })?;
    if how == Redis::PublishedStream {
        load_function(program.address)?;
    }
    Ok(program)
}

fn load_function(address: SocketAddr) -> io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    write!(socket, "AUTH {PASSWORD}\r\n")?;
    let mut says = Vec::new();
    command(&mut says, &[b"FUNCTION", b"LOAD", FUNCTION.as_bytes()]);
    socket.write_all(&says)?;
    let (answer, mut heard) = (b"+OK\r\n$4\r\nroom\r\n", [0; 15]);
    socket.read_exact(&mut heard)?;
    if heard == *answer { Ok(()) } else { unexpected("in answer to FUNCTION LOAD", &heard) }
}

/// A command as an array of strings.
fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    write!(out, "*{}\r\n", words.len()).expect("writing to a Vec cannot fail");
    for word in words {
        write!(out, "${}\r\n", word.len()).expect("writing to a Vec cannot fail");
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// What Redis says, part by part. `None`: there is not enough of it yet.
struct Reply<'a> {
    rest: &'a [u8],
}

/// Texts, and the identifier of the last.
type Entries<'a> = (Vec<&'a [u8]>, &'a [u8]);

impl<'a> Reply<'a> {
    fn line(&mut self, kind: u8) -> io::Result<Option<&'a [u8]>> {
        let Some(end) = memchr::memchr(b'\n', self.rest) else { return Ok(None) };
        match &self.rest[..=end] {
            [first, line @ .., b'\r', b'\n'] if *first == kind => {
                self.rest = &self.rest[end + 1..];
                Ok(Some(line))
            }
            other => unexpected("instead of the next part of a reply", other),
        }
    }

    /// `*<count>` or the length in `$<length>`.
    fn count(&mut self, kind: u8) -> io::Result<Option<usize>> {
        let Some(line) = self.line(kind)? else { return Ok(None) };
        let count = str::from_utf8(line).ok().and_then(|line| line.parse().ok());
        count.map_or_else(|| unexpected("instead of a count", line), |count| Ok(Some(count)))
    }

    fn string(&mut self) -> io::Result<Option<&'a [u8]>> {
        let Some(length) = self.count(b'$')? else { return Ok(None) };
        let Some((string, rest)) = self.rest.split_at_checked(length + 2) else { return Ok(None) };
        self.rest = rest;
        Ok(Some(&string[..length]))
    }

    /// `message`, the channel, and what was published.
    fn published(&mut self) -> io::Result<Option<&'a [u8]>> {
        let (Some(3), Some(b"message"), Some(_), Some(text)) =
            (self.count(b'*')?, self.string()?, self.string()?, self.string()?)
        else {
            return Ok(None);
        };
        Ok(Some(text))
    }

    /// What XREAD answers.
    fn read(&mut self) -> io::Result<Option<Entries<'a>>> {
        let mut texts = Vec::new();
        let (Some(1), Some(2), Some(_), Some(entries)) =
            (self.count(b'*')?, self.count(b'*')?, self.string()?, self.count(b'*')?)
        else {
            return Ok(None);
        };
        let mut last: &[u8] = b"0";
        for _ in 0..entries {
            let (Some(2), Some(id), Some(2), Some(_), Some(text)) =
                (self.count(b'*')?, self.string()?, self.count(b'*')?, self.string()?, self.string()?)
            else {
                return Ok(None);
            };
            texts.push(text);
            last = id;
        }
        Ok(Some((texts, last)))
    }
}

fn read_on(last: &[u8]) -> Vec<u8> {
    let mut says = Vec::new();
    command(&mut says, &[b"XREAD", b"BLOCK", b"0", b"STREAMS", ROOM.as_bytes(), last]);
    says
}

impl Protocol for Redis {
    fn stream(&self) -> Stream {
        match self {
            Redis::PubSub | Redis::PublishedStream => Stream::Common,
            Redis::Streams => Stream::Own,
        }
    }

    fn enter(&self, _receiver: usize) -> Vec<Stage> {
        let mut stages = self.enter_to_publish(0);
        let (asks, until): (_, fn(&[u8]) -> _) = match self {
            Redis::PubSub => (format!("SUBSCRIBE {ROOM}\r\n").into_bytes(), |bytes| {
                until_exactly(bytes, b"+OK\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n")
            }),
            Redis::PublishedStream => (format!("SUBSCRIBE {LIVE}\r\n").into_bytes(), |bytes| {
                until_exactly(bytes, b"+OK\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\nlive\r\n:1\r\n")
            }),
            Redis::Streams => (read_on(b"0"), |bytes| until_exactly(bytes, b"+OK\r\n")),
        };
        stages[0].say.extend_from_slice(&asks);
        stages[0].until = until;
        stages
    }

    fn take(&self, bytes: &[u8], each: &mut dyn FnMut(&[u8]) -> io::Result<()>, says: &mut Vec<u8>) -> Taken {
        let mut taken = 0;
        loop {
            let mut reply = Reply { rest: &bytes[taken..] };
            if reply.rest.is_empty() {
                return Ok(taken);
            }
            if *self == Redis::Streams {
                let Some((texts, last)) = reply.read()? else { return Ok(taken) };
                texts.into_iter().try_for_each(&mut *each)?;
                says.extend_from_slice(&read_on(last));
            } else {
                let Some(text) = reply.published()? else { return Ok(taken) };
                match self {
                    Redis::PubSub => each(text)?,
                    _ => match memchr::memchr(b' ', text) {
                        Some(blank) => each(&text[blank + 1..])?,
                        None => return unexpected("without an identifier", text),
                    },
                }
            }
            taken = bytes.len() - reply.rest.len();
        }
    }

    fn enter_to_publish(&self, _publisher: usize) -> Vec<Stage> {
        let say = format!("AUTH {PASSWORD}\r\n").into_bytes();
        vec![Stage { say, until: |bytes| until_exactly(bytes, b"+OK\r\n") }]
    }

    fn publish(&self, out: &mut Vec<u8>, _publisher: usize, text: &[u8]) {
        let room = ROOM.as_bytes();
        match self {
            Redis::PubSub => command(out, &[b"PUBLISH", room, text]),
            Redis::Streams => command(out, &[b"XADD", room, b"*", b"t", text]),
            Redis::PublishedStream => command(out, &[b"FCALL", b"say", b"2", room, LIVE.as_bytes(), text]),
        }
    }

    fn answers(&self, bytes: &[u8]) -> io::Result<(usize, u64)> {
        let (mut reply, mut taken, mut answers) = (Reply { rest: bytes }, 0, 0);
        while !reply.rest.is_empty() {
            let answer =
                if *self == Redis::PubSub { reply.line(b':')?.map(drop) } else { reply.string()?.map(drop) };
            if answer.is_none() {
                break;
            }
            (taken, answers) = (bytes.len() - reply.rest.len(), answers + 1);
        }
        Ok((taken, answers))
    }
}
