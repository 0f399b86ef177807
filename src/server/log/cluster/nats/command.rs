//! What a client says.

use std::io::Write as _;

use bytes::{BufMut as _, BytesMut};

use super::message::Sid;
use super::subject::Subject;

/// With what a client logs in.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// Nothing.
    None,
    /// A user's name and password.
    User(&'a str, &'a str),
    /// A token.
    Token(&'a str),
}

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Secret::None => "None",
            Secret::User(..) => "User",
            Secret::Token(_) => "Token",
        })
    }
}

/// CONNECT. The broker will send headers, tell of subjects that nobody answers, and not acknowledge each command.
/// `name` is shown in the broker's lists; what the client publishes itself it gets back, as all others do.
pub fn connect(out: &mut BytesMut, name: &str, secret: Secret<'_>) {
    out.put_slice(b"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"echo\":true");
    out.put_slice(b",\"protocol\":1,\"lang\":\"rust\",\"version\":");
    json(out, env!("CARGO_PKG_VERSION"));
    out.put_slice(b",\"name\":");
    json(out, name);
    let mut field = |name: &[u8], value| {
        out.put_slice(name);
        json(out, value);
    };
    match secret {
        Secret::None => {}
        Secret::User(user, password) => {
            field(b",\"user\":", user);
            field(b",\"pass\":", password);
        }
        Secret::Token(token) => field(b",\"auth_token\":", token),
    }
    out.put_slice(b"}\r\n");
}

/// A text with quotes, as JSON has it.
fn json(out: &mut BytesMut, text: &str) {
    serde_json::to_writer(out.writer(), text).expect("memory is writable, and a text is JSON");
}

/// PING.
pub fn ping(out: &mut BytesMut) {
    out.put_slice(b"PING\r\n");
}

/// PONG.
pub fn pong(out: &mut BytesMut) {
    out.put_slice(b"PONG\r\n");
}

/// SUB: from now on messages to this subject, which may have wildcards.
pub fn subscribe(out: &mut BytesMut, subject: &Subject, sid: Sid) {
    out.put_slice(b"SUB ");
    out.put_slice(subject.as_bytes());
    write(out, format_args!(" {}\r\n", sid.0));
}

/// UNSUB: no more of these. Some may be on their way.
pub fn unsubscribe(out: &mut BytesMut, sid: Sid) {
    write(out, format_args!("UNSUB {}\r\n", sid.0));
}

/// PUB: a message without headers. `reply` is where an answer should go.
pub fn publish(out: &mut BytesMut, subject: &Subject, reply: Option<&Subject>, payload: &[u8]) {
    out.reserve(payload.len() + 64);
    begin(out, b"PUB ", subject, reply);
    write(out, format_args!(" {}\r\n", payload.len()));
    out.put_slice(payload);
    out.put_slice(b"\r\n");
}

/// HPUB: a message with headers. Line ends in them become blanks.
pub fn publish_with(
    out: &mut BytesMut,
    subject: &Subject,
    reply: Option<&Subject>,
    headers: &[(&str, &str)],
    payload: &[u8],
) {
    let mut block = b"NATS/1.0\r\n".to_vec();
    for (name, value) in headers {
        let line = format!("{name}: {value}").replace(['\r', '\n'], " ");
        block.extend_from_slice(line.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    block.extend_from_slice(b"\r\n");
    begin(out, b"HPUB ", subject, reply);
    write(out, format_args!(" {} {}\r\n", block.len(), block.len() + payload.len()));
    out.put_slice(&block);
    out.put_slice(payload);
    out.put_slice(b"\r\n");
}

fn begin(out: &mut BytesMut, verb: &[u8], subject: &Subject, reply: Option<&Subject>) {
    out.put_slice(verb);
    out.put_slice(subject.as_bytes());
    if let Some(reply) = reply {
        out.put_u8(b' ');
        out.put_slice(reply.as_bytes());
    }
}

fn write(out: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    out.writer().write_fmt(text).expect("memory is writable");
}
