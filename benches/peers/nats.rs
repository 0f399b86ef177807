//! NATS: core; JetStream with an ordered consumer for each receiver; and a JetStream stream that is republished.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use super::program::Program;
use super::protocol::{PASSWORD, Protocol, ROOM, Stage, Stream, Taken, lines, unexpected, until_line};
use crate::broker;
use crate::common::machine::Cores;
use crate::common::{PATIENCE, fail};

/// How it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nats {
    /// Published and subscribed to; nothing is stored.
    Core,
    /// Stored, and each receiver has a consumer that is pushed to, as the clients' ordered consumers are.
    Consumers,
    /// Stored, then republished to subscriptions; a receiver that sees a gap can get it from the stream.
    Republished,
}

/// Where what was stored is republished.
const LIVE: &str = "live";

pub(crate) fn start(how: Nats, cores: Cores) -> io::Result<Program> {
    // Whoever asks has found it before.
    let Some(path) = broker::find(broker::Program::Usable) else { return fail("nats-server is gone") };
    let program = Program::start(cores, |folder, address| {
        let jetstream = format!(
            "jetstream {{ store_dir: \"{}\", max_file_store: 8G, sync_interval: always }}\n",
            folder.display()
        );
        let configuration = format!(
            "server_name: bench\nlisten: {address}\nauthorization {{ user: bench, password: {PASSWORD} }}\n\
             ping_interval: \"1h\"\nmax_connections: 100000\nwrite_deadline: \"60s\"\n{}",
            if how == Nats::Core { "" } else { &jetstream }
        );
        let file = folder.join("nats.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new(path);
        command.arg("--config").arg(file);
        Ok(command)
    })?;
    if how != Nats::Core {
        make_stream(how, program.address)?;
    }
    Ok(program)
}

fn connect() -> String {
    format!(
        "CONNECT {{\"verbose\":false,\"pedantic\":false,\"user\":\"bench\",\"pass\":\"{PASSWORD}\",\"name\":\"bench\",\
         \"lang\":\"rust\",\"version\":\"0\",\"protocol\":1,\"headers\":true,\"no_responders\":false,\"echo\":false}}\r\n"
    )
}

fn publish(subject: &str, reply: &str, body: &str) -> String {
    format!("PUB {subject} {reply} {}\r\n{body}\r\n", body.len())
}

fn make_stream(how: Nats, address: SocketAddr) -> io::Result<()> {
    let republish = format!(",\"republish\":{{\"src\":\"{ROOM}\",\"dest\":\"{LIVE}\"}}");
    // Without max_consumers a stream has 1,000 at most, and does not say so.
    let body = format!(
        "{{\"name\":\"ROOM\",\"subjects\":[\"{ROOM}\"],\"storage\":\"file\",\"retention\":\"limits\",\
         \"num_replicas\":1,\"max_consumers\":100000{}}}",
        if how == Nats::Republished { &republish } else { "" }
    );
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let asks = publish("$JS.API.STREAM.CREATE.ROOM", "made", &body);
    write!(socket, "{}SUB made 1\r\n{asks}", connect())?;
    for line in BufReader::new(socket).lines() {
        if is_answer(line?.as_bytes())? {
            return Ok(());
        }
    }
    fail("no stream is made")
}

/// Whether a line is JetStream's answer. One that says no is a failure.
fn is_answer(line: &[u8]) -> io::Result<bool> {
    let says_no = line.starts_with(b"-ERR") || memchr::memmem::find(line, b"\"error\"").is_some();
    if says_no { unexpected("as an error", line) } else { Ok(line.starts_with(b"{")) }
}

fn is_pong(line: &[u8]) -> io::Result<bool> {
    if line.starts_with(b"-ERR") { unexpected("as an error", line) } else { Ok(line == b"PONG\r\n") }
}

/// What the broker sends.
enum Frame<'a> {
    Message { subject: &'a [u8], reply: Option<&'a [u8]>, payload: &'a [u8], headers: usize },
    Ping,
    Other,
}

/// The first frame and its length, when it is whole.
fn frame(bytes: &[u8]) -> io::Result<Option<(Frame<'_>, usize)>> {
    let Some(end) = memchr::memchr(b'\n', bytes) else { return Ok(None) };
    let (line, head) = (&bytes[..end].trim_ascii_end(), end + 1);
    let mut words = line.split(|&byte| byte == b' ');
    let (verb, subject) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let has_headers = match verb {
        b"MSG" => false,
        b"HMSG" => true,
        b"PING" => return Ok(Some((Frame::Ping, head))),
        b"PONG" | b"INFO" => return Ok(Some((Frame::Other, head))),
        _ => return unexpected("instead of a message", line),
    };
    // `MSG <subject> <sid> [reply] <length>`, and with headers their length before it.
    let number = |word: Option<&[u8]>| str::from_utf8(word?).ok()?.parse::<usize>().ok();
    let length = number(words.next_back());
    let headers = if has_headers { number(words.next_back()) } else { Some(0) };
    let (Some(length), Some(headers)) = (length, headers) else { return unexpected("as a message", line) };
    let Some(payload) = bytes.get(head..head + length + 2) else { return Ok(None) };
    let message = Frame::Message { subject, reply: words.nth(1), payload: &payload[..length], headers };
    Ok(Some((message, head + length + 2)))
}

impl Protocol for Nats {
    /// Publishers are served side by side, so their messages come in different orders to different receivers.
    fn stream(&self) -> Stream {
        Stream::Own
    }

    fn enter(&self, receiver: usize) -> Vec<Stage> {
        let subscribes = match self {
            Nats::Core => format!("SUB {ROOM} 1\r\n"),
            Nats::Republished => format!("SUB {LIVE} 1\r\n"),
            Nats::Consumers => format!("SUB to.{receiver} 1\r\nSUB made.{receiver} 2\r\n"),
        };
        let say = format!("{}{subscribes}PING\r\n", connect()).into_bytes();
        let mut stages = vec![Stage { say, until: |bytes| until_line(bytes, is_pong) }];
        if *self == Nats::Consumers {
            let body = format!(
                "{{\"stream_name\":\"ROOM\",\"config\":{{\"deliver_subject\":\"to.{receiver}\",\
                 \"deliver_policy\":\"all\",\"ack_policy\":\"none\",\"max_deliver\":1,\"replay_policy\":\"instant\",\
                 \"flow_control\":true,\"idle_heartbeat\":5000000000,\"mem_storage\":true,\"num_replicas\":1}}}}"
            );
            let say =
                publish("$JS.API.CONSUMER.CREATE.ROOM", &format!("made.{receiver}"), &body).into_bytes();
            stages.push(Stage { say, until: |bytes| until_line(bytes, is_answer) });
        }
        stages
    }

    fn take(&self, bytes: &[u8], each: &mut dyn FnMut(&[u8]) -> io::Result<()>, says: &mut Vec<u8>) -> Taken {
        let mut taken = 0;
        while let Some((frame, length)) = frame(&bytes[taken..])? {
            taken += length;
            match frame {
                Frame::Message { subject, payload, headers, .. }
                    if subject == ROOM.as_bytes() || subject == LIVE.as_bytes() =>
                {
                    each(&payload[headers..])?;
                }
                // A consumer's flow control waits for an answer; its heartbeat does not.
                Frame::Message { reply: Some(reply), .. } => {
                    says.extend_from_slice(&[b"PUB ", reply, b" 0\r\n\r\n"].concat());
                }
                Frame::Message { .. } | Frame::Other => {}
                Frame::Ping => says.extend_from_slice(b"PONG\r\n"),
            }
        }
        Ok(taken)
    }

    fn enter_to_publish(&self, publisher: usize) -> Vec<Stage> {
        let say = format!("{}SUB said.{publisher} 1\r\nPING\r\n", connect()).into_bytes();
        vec![Stage { say, until: |bytes| until_line(bytes, is_pong) }]
    }

    fn publish(&self, out: &mut Vec<u8>, publisher: usize, text: &[u8]) {
        let reply = if *self == Nats::Core { String::new() } else { format!("said.{publisher} ") };
        write!(out, "PUB {ROOM} {reply}{}\r\n", text.len()).expect("writing to a Vec cannot fail");
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    }

    fn ask(&self) -> Option<&'static [u8]> {
        (*self == Nats::Core).then_some(b"PING\r\n")
    }

    fn answers(&self, bytes: &[u8]) -> io::Result<(usize, u64)> {
        let (mut taken, mut answers) = (0, 0);
        for line in lines(bytes) {
            taken += line.len();
            answers += u64::from(if *self == Nats::Core { is_pong(line)? } else { is_answer(line)? });
        }
        Ok((taken, answers))
    }
}
