//! The head of an HTTP/1.1 request (RFC 9112), line by line, without IO. What the answer depends on is kept, everything else
//! is dropped as it comes.

use bytes::BytesMut;

use crate::limits::{WEB_HEAD_MAX, WEB_REQUEST_LINE_MAX};

/// The path of the WebSocket.
pub const CHAT_PATH: &str = "/chat";

/// Why a request is not served. The connection ends after the answer, because nobody knows where the next request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is not HTTP, or not as HTTP has to be.
    Syntax,
    /// It has a body, and nothing here takes one.
    Body,
    /// It has a body, and its method is none that is known.
    Method,
    /// The first line is too long.
    LineTooLong,
    /// All lines together are.
    HeadTooLong,
    /// Another version than 1.0 and 1.1.
    Version,
}

/// What a request wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Send the file.
    Get,
    /// Tell what would be sent.
    Head,
    /// Any other.
    Other,
}

/// Whether the connection goes on after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Another request may follow.
    KeepAlive,
    /// It ends.
    Close,
}

/// A whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it wants done.
    pub method: Method,
    /// The path, without what follows a question mark.
    pub path: String,
    /// What follows its answer.
    pub after: After,
    /// The host that the browser was told to connect to, with its port if it has one.
    pub host: Option<String>,
    /// The entity tags of what the browser has.
    pub has: Option<String>,
    /// Whether the answer may be compressed.
    pub accepts_gzip: bool,
    /// The wish for a WebSocket.
    pub upgrade: Upgrade,
}

/// The wish for a WebSocket (RFC 6455 section 4.2.1), as far as it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// `Connection: upgrade`
    pub in_connection: bool,
    /// `Upgrade: websocket`
    pub to_websocket: bool,
    /// `Sec-WebSocket-Version: 13`
    pub of_version_13: bool,
    /// `Sec-WebSocket-Key`
    pub key: Option<String>,
    /// The origin of the page that wishes it. Programs that are no browsers have none.
    pub origin: Option<String>,
}

/// A head that comes bit by bit. It keeps the line that is not complete, and what of the others matters.
#[derive(Debug, Default)]
pub struct Head {
    buf: BytesMut,
    /// Bytes of complete lines.
    taken: usize,
    /// What the lines so far have said; `None`: the first line has not come.
    request: Option<Request>,
    /// `Host` may come once.
    hosts: u32,
    is_version_1_0: bool,
    keeps_alive: Option<After>,
}

impl Head {
    /// Adds bytes that were read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Whether nothing of a request has come yet.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty() && self.taken == 0
    }

    /// Bytes that follow a whole request.
    pub fn take_rest(&mut self) -> BytesMut {
        std::mem::take(&mut self.buf)
    }

    /// The next request, if it is complete. What follows it is kept for the next call.
    pub fn next_request(&mut self) -> Option<Result<Request, Malformed>> {
        loop {
            let Some(end) = memchr::memchr(b'\n', &self.buf) else {
                let is_first = self.request.is_none();
                if is_first && self.buf.len() > WEB_REQUEST_LINE_MAX {
                    return Some(Err(Malformed::LineTooLong));
                }
                let is_too_long = self.taken + self.buf.len() > WEB_HEAD_MAX;
                return is_too_long.then_some(Err(Malformed::HeadTooLong));
            };
            let line = self.buf.split_to(end + 1);
            self.taken += line.len();
            let line = line[..end].strip_suffix(b"\r").unwrap_or(&line[..end]);
            match self.line(line) {
                Ok(false) => {}
                Ok(true) => {
                    let rest = self.take_rest();
                    let head = std::mem::take(self);
                    self.buf = rest;
                    return Some(head.complete());
                }
                Err(why) => return Some(Err(why)),
            }
        }
    }

    /// Takes a line. Returns whether it was the last.
    fn line(&mut self, line: &[u8]) -> Result<bool, Malformed> {
        if self.request.is_none() && line.len() > WEB_REQUEST_LINE_MAX {
            return Err(Malformed::LineTooLong);
        }
        if self.taken > WEB_HEAD_MAX {
            return Err(Malformed::HeadTooLong);
        }
        if line.is_empty() {
            // RFC 9112 section 2.2: some clients send an empty line after a body.
            return Ok(self.request.is_some());
        }
        let text = std::str::from_utf8(line)
            .ok()
            .filter(|text| !text.contains(|c: char| c.is_control() && c != '\t'));
        let text = text.ok_or(Malformed::Syntax)?;
        match &self.request {
            None => self.first_line(text)?,
            Some(_) => self.field(text)?,
        }
        Ok(false)
    }

    fn first_line(&mut self, line: &str) -> Result<(), Malformed> {
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Malformed::Syntax);
        };
        self.is_version_1_0 = match version {
            "HTTP/1.1" => false,
            "HTTP/1.0" => true,
            _ if version.starts_with("HTTP/") => return Err(Malformed::Version),
            _ => return Err(Malformed::Syntax),
        };
        if method.is_empty() || !method.bytes().all(is_of_token) {
            return Err(Malformed::Syntax);
        }
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        let target = path_of(target).ok_or(Malformed::Syntax)?;
        let path = target.split(['?', '#']).next().unwrap_or_default().to_owned();
        self.request = Some(Request {
            method,
            path,
            after: After::Close,
            host: None,
            has: None,
            accepts_gzip: false,
            upgrade: Upgrade::default(),
        });
        Ok(())
    }

    fn field(&mut self, line: &str) -> Result<(), Malformed> {
        let (name, value) = line.split_once(':').ok_or(Malformed::Syntax)?;
        // A blank before the colon, or a line that continues the one before: both have been used to smuggle requests.
        if name.is_empty() || !name.bytes().all(is_of_token) {
            return Err(Malformed::Syntax);
        }
        let value = value.trim_matches([' ', '\t']);
        let words = || value.split(',').map(|word| word.trim_matches([' ', '\t']));
        let has = |wanted: &str| words().any(|word| word.eq_ignore_ascii_case(wanted));
        let request = self.request.as_mut().expect("the first line has come");
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                self.hosts += 1;
                request.host = Some(value.to_ascii_lowercase());
            }
            "connection" => {
                request.upgrade.in_connection |= has("upgrade");
                if has("close") {
                    self.keeps_alive = Some(After::Close);
                } else if has("keep-alive") {
                    self.keeps_alive.get_or_insert(After::KeepAlive);
                }
            }
            "content-length" if value == "0" => {}
            // A shorter body would not help whoever asks with another method.
            "content-length" | "transfer-encoding" if request.method == Method::Other => {
                return Err(Malformed::Method);
            }
            "content-length" | "transfer-encoding" => return Err(Malformed::Body),
            "if-none-match" => request.has = Some(value.to_owned()),
            "accept-encoding" => request.accepts_gzip |= words().any(is_gzip),
            "upgrade" => request.upgrade.to_websocket |= has("websocket"),
            "sec-websocket-version" => request.upgrade.of_version_13 = value == "13",
            "sec-websocket-key" => request.upgrade.key = Some(value.to_owned()),
            "origin" => request.upgrade.origin = Some(value.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn complete(self) -> Result<Request, Malformed> {
        let mut request = self.request.expect("an empty line ends only what has begun");
        if self.hosts > 1 || (self.hosts == 0 && !self.is_version_1_0) {
            return Err(Malformed::Syntax);
        }
        let default = if self.is_version_1_0 { After::Close } else { After::KeepAlive };
        request.after = self.keeps_alive.unwrap_or(default);
        if self.is_version_1_0 {
            request.upgrade = Upgrade::default();
        }
        Ok(request)
    }
}

/// What a token may have (RFC 9110 section 5.6.2).
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The path, also of a whole URL (RFC 9112 section 3.2.2).
fn path_of(target: &str) -> Option<&str> {
    if target.starts_with('/') || target == "*" {
        return Some(target);
    }
    let (_, rest) = target.split_once("://")?;
    Some(rest.find('/').map_or("/", |at| &rest[at..]))
}

/// `gzip`, `x-gzip` or `*`, not weighed with nothing.
fn is_gzip(word: &str) -> bool {
    let (coding, weight) = word.split_once(';').unwrap_or((word, ""));
    let coding = coding.trim_end().to_ascii_lowercase();
    let weight =
        weight.trim_start().strip_prefix("q=").and_then(|number| number.trim_end().parse::<f32>().ok());
    ["gzip", "x-gzip", "*"].contains(&coding.as_str()) && weight.is_none_or(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests;
