//! Speaking HTTP and WebSocket to the server, byte by byte: with a client that can misbehave.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::common::net::connect;
use crate::common::peer::{OnDemand, Peer, masked};
use crate::common::server::{GROUP, Server, members_txt};

pub(crate) const WEB: [&str; 2] = ["--web-listen", "127.0.0.1:0"];

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

pub(crate) fn start(options: &[&str]) -> Server {
    Server::with(&members_txt(&GROUP), &[&WEB, options].concat())
}

/// Where browsers go.
pub(crate) fn web_addr(server: &Server) -> SocketAddr {
    let log = server.log();
    let (_, told) =
        log.split_once("listening for browsers, http").expect("it is logged before the plain listener");
    let (_, rest) = told.split_once("://").expect("a URL");
    rest.split([',', '\n']).next().expect("split gives at least one piece").parse().expect("an address")
}

/// The wish for a WebSocket, with more fields.
pub(crate) fn wish(fields: &str) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: chat.example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

/// A frame, masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..126 => bytes.push(0x80 | u8::try_from(len).expect("short")),
        len @ 126..65536 => {
            bytes.push(0xFE);
            bytes.extend(u16::try_from(len).expect("16 bits").to_be_bytes());
        }
        len => {
            bytes.push(0xFF);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The next frame: its first byte and its payload. An error at the end.
pub(crate) fn read_frame(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    from.read_exact(&mut head)?;
    assert!(head[1] < 127, "never masked, never with 64 bits: {head:?}");
    let mut len = usize::from(head[1]);
    if len == 126 {
        let mut long = [0; 2];
        from.read_exact(&mut long)?;
        len = usize::from(u16::from_be_bytes(long));
        assert!(len > 125, "in its shortest form");
    }
    let mut payload = vec![0; len];
    from.read_exact(&mut payload)?;
    Ok((head[0], payload))
}

/// An HTTP answer's head, up to its empty line.
pub(crate) fn read_head(from: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte).unwrap_or_else(|why| panic!("{why} after {}", head.escape_ascii()));
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("ASCII")
}

/// A WebSocket.
pub(crate) struct Web<S: Read + Write = TcpStream> {
    pub(crate) stream: S,
    /// A message that goes on.
    part: Vec<u8>,
    in_message: bool,
    /// Lines of messages, with their ends.
    lines: std::collections::VecDeque<Vec<u8>>,
    /// What pings were answered.
    pub(crate) pongs: Vec<Vec<u8>>,
    /// What the server's close had.
    pub(crate) close: Option<Vec<u8>>,
}

impl Web<TcpStream> {
    pub(crate) fn open(addr: SocketAddr) -> Web {
        Web::over(connect(addr), "")
    }

    /// Connects and logs in.
    pub(crate) fn member(addr: SocketAddr, who: &str) -> Web {
        let mut web = Web::open(addr);
        web.expect("HELLO …");
        web.login(who);
        web
    }
}

impl<S: Read + Write> Web<S> {
    /// Wishes a WebSocket, which is granted.
    pub(crate) fn over(mut stream: S, fields: &str) -> Web<S> {
        stream.write_all(wish(fields).as_bytes()).expect("the server reads");
        let head = read_head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // Some proxies write the names of fields in small letters.
        let accept = "\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n";
        assert!(head.to_ascii_lowercase().contains(accept), "{head}");
        Web::upgraded(stream)
    }

    pub(crate) fn upgraded(stream: S) -> Web<S> {
        let lines = std::collections::VecDeque::new();
        Web { stream, part: Vec::new(), in_message: false, lines, pongs: Vec::new(), close: None }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A server that has hung up does not listen any more: what it said shows in the frames.
        let _ = self.stream.write_all(bytes);
    }

    /// The next line with its end, if there is one before the end.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        while self.lines.is_empty() {
            let (first, payload) = match read_frame(&mut self.stream) {
                Ok(frame) => frame,
                Err(why) => {
                    let is_end = !matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                    assert!(is_end, "nothing comes");
                    return None;
                }
            };
            assert!(self.close.is_none(), "nothing comes after a close");
            match first {
                0x01 | TEXT => {
                    assert!(!std::mem::replace(&mut self.in_message, true), "one message at a time");
                }
                0x00 | 0x80 => assert!(self.in_message, "a part of something"),
                PONG => {
                    self.pongs.push(payload);
                    continue;
                }
                CLOSE => {
                    self.close = Some(payload);
                    continue;
                }
                other => panic!("a frame of kind {other:x}"),
            }
            self.part.extend_from_slice(&payload);
            if first & 0x80 != 0 {
                self.in_message = false;
                let message = std::mem::take(&mut self.part);
                assert!(message.ends_with(b"\n"), "whole lines: {}", message.escape_ascii());
                assert!(std::str::from_utf8(&message).is_ok(), "text");
                self.lines.extend(message.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec));
            }
        }
        self.lines.pop_front()
    }

    /// The end, with this code.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, code: u16) {
        assert_eq!(self.line(), None, "the connection should have ended");
        assert_eq!(self.close.as_deref(), Some(&code.to_be_bytes()[..]), "code {code}");
    }

    /// Ends with a reset, whatever is under way.
    pub(crate) fn reset(self)
    where
        S: AsFd,
    {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("an option");
    }
}

impl<S: Read + Write> OnDemand for Web<S> {
    /// As a message, without its LF.
    fn say(&mut self, line: &str) {
        self.send(&frame(TEXT, line.as_bytes()));
    }

    fn line(&mut self) -> Option<String> {
        let line = String::from_utf8(self.next()?).expect("text");
        line.strip_suffix('\n').map(masked)
    }
}

/// A peer whose lines go through a WebSocket. What it sends in one piece is one message; when it says that no more will
/// come, so does the WebSocket.
pub(crate) fn peer(addr: SocketAddr) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let peer = Peer::connect(listener.local_addr().expect("it is bound"));
    let (mut inner, _) = listener.accept().expect("it comes");
    let mut inner_out = inner.try_clone().expect("a descriptor");
    let mut web = Web::open(addr);
    let mut up = web.stream.try_clone().expect("a descriptor");
    thread::spawn(move || {
        let mut buf = vec![0; 70_000];
        let mut line = Vec::new();
        while let Ok(len @ 1..) = inner.read(&mut buf) {
            // What is not a line yet is a part of a message.
            line.extend_from_slice(&buf[..len]);
            let whole = line.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let message: Vec<u8> = line.drain(..whole).collect();
            if !message.is_empty() && up.write_all(&frame(TEXT, &message)).is_err() {
                return;
            }
        }
        let _ = up.write_all(&frame(CLOSE, b""));
    });
    thread::spawn(move || {
        web.stream.set_read_timeout(None).expect("an option");
        while let Some(line) = web.next() {
            if inner_out.write_all(&line).is_err() {
                break;
            }
        }
        let _ = inner_out.shutdown(Shutdown::Both);
    });
    peer
}
