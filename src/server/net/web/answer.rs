//! What a request is answered, without IO: a file, the beginning of a WebSocket, or why not.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use ring::digest;

use crate::protocol::Origin;
use crate::server::net::web::files::{self, File};
use crate::server::net::web::request::{After, CHAT_PATH, Malformed, Method, Request};

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Another request.
    Request,
    /// The end.
    End,
    /// Frames.
    Frames,
}

/// Bytes to be sent.
#[derive(Debug)]
pub struct Answer {
    /// The head, with a short body.
    pub head: Vec<u8>,
    /// The body, if it is a file.
    pub body: &'static [u8],
    /// What follows.
    pub then: Then,
}

/// From which pages a WebSocket is taken, beside those of the host that the browser names.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Where browsers find the page.
    pub origin: Option<Origin>,
    /// Whether browsers speak TLS with this program itself.
    pub has_tls: bool,
}

/// What a browser may do with what it gets. Everything comes from here, nothing is inline, and no other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The status for a method other than GET and HEAD, and the field that has to come with it.
const NOT_ALLOWED: (&str, &str) = ("405 Method Not Allowed", "Allow: GET, HEAD\r\n");

/// RFC 6455 section 1.3.
const WEBSOCKET_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Answers a whole request. `date` is now, as HTTP writes it; `may_stay`: whether the connection may have another request.
pub fn answer(request: &Request, site: &Site, date: &str, may_stay: bool) -> Answer {
    let after = if may_stay { request.after } else { After::Close };
    let refuse = |status, fields: &str| refusal(status, fields, date, request.method);
    if request.path == CHAT_PATH {
        return match chat(request, site) {
            Ok(accept) => Answer {
                head: format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: {accept}\r\n\r\n"
                )
                .into_bytes(),
                body: &[],
                then: Then::Frames,
            },
            Err((status, fields)) => refuse(status, fields),
        };
    }
    match (files::find(&request.path), request.method) {
        (None, _) => refuse("404 Not Found", ""),
        (Some(_), Method::Other) => refuse(NOT_ALLOWED.0, NOT_ALLOWED.1),
        (Some(file), Method::Get | Method::Head) => send(file, request, date, after),
    }
}

/// Answers what is no request.
pub fn refuse(why: Malformed, date: &str) -> Answer {
    let (status, fields) = match why {
        Malformed::Syntax => ("400 Bad Request", ""),
        Malformed::Method => NOT_ALLOWED,
        Malformed::Body => ("413 Content Too Large", ""),
        Malformed::LineTooLong => ("414 URI Too Long", ""),
        Malformed::HeadTooLong => ("431 Request Header Fields Too Large", ""),
        Malformed::Version => ("505 HTTP Version Not Supported", ""),
    };
    refusal(status, fields, date, Method::Get)
}

/// Answers a request that has not come in time.
pub fn late(date: &str) -> Answer {
    refusal("408 Request Timeout", "", date, Method::Get)
}

/// Answers somebody for whom there is no place.
pub fn full(date: &str) -> Vec<u8> {
    refusal("503 Service Unavailable", "Retry-After: 10\r\n", date, Method::Get).head
}

fn then(after: After) -> Then {
    match after {
        After::KeepAlive => Then::Request,
        After::Close => Then::End,
    }
}

fn connection(after: After) -> &'static str {
    match after {
        After::KeepAlive => "keep-alive",
        After::Close => "close",
    }
}

/// The end follows it, so that a mistake is cheap.
fn refusal(status: &str, fields: &str, date: &str, method: Method) -> Answer {
    let body = format!("{status}\n");
    let mut head = format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nX-Content-Type-Options: nosniff\r\nContent-Security-Policy: {POLICY}\r\n{fields}\r\n",
        body.len(),
    );
    if method != Method::Head {
        head.push_str(&body);
    }
    Answer { head: head.into_bytes(), body: &[], then: Then::End }
}

fn send(file: &'static File, request: &Request, date: &str, after: After) -> Answer {
    let compressed = file.gzip.filter(|_| request.accepts_gzip);
    let tag = match compressed {
        Some(_) => format!("\"{}-gzip\"", file.tag),
        None => format!("\"{}\"", file.tag),
    };
    let has_it = request.has.as_deref().is_some_and(|tags| is_among(&tag, tags));
    let body = compressed.unwrap_or(file.plain);
    let mut head = String::from(if has_it { "HTTP/1.1 304 Not Modified\r\n" } else { "HTTP/1.1 200 OK\r\n" });
    if !has_it {
        let (kind, length) = (file.kind, body.len());
        let _ = write!(head, "Content-Type: {kind}\r\nContent-Length: {length}\r\n");
        if compressed.is_some() {
            head.push_str("Content-Encoding: gzip\r\n");
        }
    }
    // Names stay the same from one version to the next, so a browser has to ask each time; the tag makes that cheap.
    let _ = write!(
        head,
        "Date: {date}\r\nConnection: {}\r\nETag: {tag}\r\nCache-Control: no-cache\r\nVary: Accept-Encoding\r\n\
         Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n\r\n",
        connection(after),
    );
    let has_body = !has_it && request.method == Method::Get;
    Answer { head: head.into_bytes(), body: if has_body { body } else { &[] }, then: then(after) }
}

/// Whether an entity tag is in a list of them (RFC 9110 section 13.1.2).
fn is_among(tag: &str, tags: &str) -> bool {
    let mut tags = tags.split(',').map(|other| other.trim_matches([' ', '\t']));
    tags.any(|other| other == "*" || other.strip_prefix("W/").unwrap_or(other) == tag)
}

/// Whether a WebSocket may begin: what proves it to the browser, or a status with its fields.
fn chat(request: &Request, site: &Site) -> Result<String, (&'static str, &'static str)> {
    let upgrade = &request.upgrade;
    if request.method != Method::Get {
        return Err(("405 Method Not Allowed", "Allow: GET\r\n"));
    }
    if !upgrade.in_connection || !upgrade.to_websocket || !upgrade.of_version_13 {
        let fields = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        return Err(("426 Upgrade Required", fields));
    }
    let key =
        upgrade.key.as_deref().filter(|key| Base64::decode_vec(key).is_ok_and(|bytes| bytes.len() == 16));
    let key = key.ok_or(("400 Bad Request", ""))?;
    if !is_own_page(request, site) {
        return Err(("403 Forbidden", ""));
    }
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key.as_bytes());
    sha1.update(WEBSOCKET_GUID);
    Ok(Base64::encode_string(sha1.finish().as_ref()))
}

/// Whether the page that wishes a WebSocket is this server's. A browser lets any page connect to any host, also to one on a
/// network that only it can reach.
fn is_own_page(request: &Request, site: &Site) -> bool {
    let Some(text) = &request.upgrade.origin else { return true };
    let Some(origin) = Origin::parse(text) else { return false };
    let is_of_host = request.host.as_deref() == Some(origin.host()) && (origin.has_tls() || !site.has_tls);
    is_of_host || site.origin.as_ref() == Some(&origin)
}

#[cfg(test)]
mod tests;
