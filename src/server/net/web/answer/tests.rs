//! Answers to requests.

use super::*;
use crate::server::net::web::request::Head;

const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

fn answered(text: &str, site: &Site) -> Answer {
    let mut head = Head::default();
    head.feed(text.as_bytes());
    match head.next_request() {
        Some(Ok(request)) => answer(&request, site, DATE, true),
        other => panic!("{text}: {other:?}"),
    }
}

fn head(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.head).expect("ASCII")
}

/// A wish for a WebSocket, with this change.
fn wish(change: (&str, &str)) -> String {
    // The RFC's own example, section 1.3.
    let text = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://server.example.com\r\n\
                Sec-WebSocket-Version: 13\r\n\r\n";
    assert!(change.0.is_empty() || text.contains(change.0), "{change:?}");
    text.replace(change.0, change.1)
}

#[test]
fn a_websocket_is_proved_to_be_understood() {
    let answer = answered(&wish(("Sec-WebSocket-Version", "Sec-WebSocket-Version")), &Site::default());
    assert!(head(&answer).starts_with("HTTP/1.1 101 "), "{}", head(&answer));
    assert!(head(&answer).contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert!(head(&answer).ends_with("\r\n\r\n") && answer.then == Then::Frames);
}

#[test]
fn who_may_not_have_a_websocket() {
    for (change, status) in [
        (("Origin: http://server.example.com\r\n", ""), "101 "),
        (("Connection: Upgrade", "Connection: keep-alive, upgrade"), "101 "),
        (("GET", "POST"), "405 "),
        (("Upgrade: websocket", "Upgrade: h2c"), "426 "),
        (("Connection: Upgrade", "Connection: close"), "426 "),
        (("Version: 13", "Version: 8"), "426 "),
        (("HTTP/1.1", "HTTP/1.0"), "426 "),
        (("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"), "400 "),
        (("dGhlIHNhbXBsZSBub25jZQ==", "short"), "400 "),
        (("Sec-WebSocket-Key", "Sec-WebSocket-Lock"), "400 "),
        (("Origin: http://server", "Origin: http://evil"), "403 "),
        (("Origin: http://server.example.com", "Origin: http://server.example.com:81"), "403 "),
        (("Origin: http://server.example.com", "Origin: null"), "403 "),
    ] {
        let answer = answered(&wish(change), &Site::default());
        assert!(head(&answer).starts_with(&format!("HTTP/1.1 {status}")), "{change:?}: {}", head(&answer));
        assert_eq!(answer.then == Then::Frames, status == "101 ", "{change:?}");
    }
    let answer = answered(&wish(("Version: 13", "Version: 8")), &Site::default());
    assert!(head(&answer).contains("\r\nSec-WebSocket-Version: 13\r\n"));
}

#[test]
fn a_page_may_be_elsewhere_if_the_admin_says_so() {
    let proxied = Site { origin: Origin::parse("https://chat.example.org"), has_tls: false };
    let with_port = Site { origin: Origin::parse("https://chat.example.org:443"), has_tls: false };
    let own_tls = Site { origin: None, has_tls: true };
    for (site, origin, is_taken) in [
        (&proxied, "https://chat.example.org", true),
        (&with_port, "https://chat.example.org", true),
        (&proxied, "http://chat.example.org", false),
        (&proxied, "https://evil.example.org", false),
        // What the browser names is the server's host in any case.
        (&proxied, "http://server.example.com", true),
        (&proxied, "https://server.example.com", true),
        (&own_tls, "https://server.example.com", true),
        (&own_tls, "http://server.example.com", false),
    ] {
        let answer = answered(&wish(("http://server.example.com", origin)), site);
        assert_eq!(answer.then == Then::Frames, is_taken, "{origin}: {}", head(&answer));
    }
}

fn get(fields: &str) -> Answer {
    answered(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), &Site::default())
}

#[test]
fn the_whole_page_is_small() {
    let bytes: usize = files::FILES.iter().map(|file| file.gzip.unwrap_or(file.plain).len()).sum();
    assert!(bytes <= 60 << 10, "{bytes} bytes, compressed");
}

#[test]
fn files_are_sent_once() {
    let page = files::find("/").expect("a page");
    let plain = get("");
    assert!(plain.body == page.plain && !head(&plain).contains("Content-Encoding"));
    assert!(head(&plain).contains("\r\nContent-Type: text/html; charset=utf-8\r\n"));
    let packed = get("Accept-Encoding: gzip\r\n");
    assert_eq!(Some(packed.body), page.gzip.or(Some(page.plain)));
    let tag = |answer: &Answer| {
        let (_, rest) = head(answer).split_once("\r\nETag: ").expect("a tag");
        rest.split("\r\n").next().expect("split gives at least one piece").to_owned()
    };
    assert!(page.gzip.is_none() || tag(&plain) != tag(&packed), "other bytes have another tag");
    for (has, is_enough) in [
        (tag(&plain), true),
        (format!("\"x\", W/{}", tag(&plain)), true),
        ("*".to_owned(), true),
        ("\"x\"".to_owned(), false),
        (tag(&plain).replace('"', ""), false),
    ] {
        let answer = get(&format!("If-None-Match: {has}\r\n"));
        assert_eq!(head(&answer).starts_with("HTTP/1.1 304 "), is_enough, "{has}");
        assert_eq!(answer.body.is_empty(), is_enough, "{has}");
        assert!(head(&answer).contains(&format!("\r\nETag: {}\r\n", tag(&plain))));
    }
    let told = answered("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", &Site::default());
    assert_eq!((head(&told), told.body.len()), (head(&plain), 0));
}

#[test]
fn everything_is_said_to_be_harmless() {
    for (request, then) in [
        ("GET / HTTP/1.1", Then::Request),
        ("GET /none HTTP/1.1", Then::End),
        ("POST / HTTP/1.1", Then::End),
        ("GET /chat HTTP/1.1", Then::End),
    ] {
        let answer = answered(&format!("{request}\r\nHost: a\r\n\r\n"), &Site::default());
        let head = head(&answer);
        assert!(head.contains("\r\nX-Content-Type-Options: nosniff\r\n"), "{request}");
        assert!(
            head.contains("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; "),
            "{request}"
        );
        assert!(!head.contains("unsafe") && head.contains(&format!("\r\nDate: {DATE}\r\n")), "{request}");
        assert_eq!(answer.then, then, "{request}");
        assert_eq!(head.contains("\r\nConnection: close\r\n"), then == Then::End, "{request}");
        let (_, body) = head.split_once("\r\n\r\n").expect("an empty line");
        let length = format!("\r\nContent-Length: {}\r\n", body.len() + answer.body.len());
        assert!(head.contains(&length), "{request}: {head}");
    }
}

#[test]
fn the_connection_ends_when_it_has_to() {
    let answered = |may_stay| {
        let mut head = Head::default();
        head.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let request = head.next_request().expect("complete").expect("right");
        answer(&request, &Site::default(), DATE, may_stay)
    };
    assert!(
        answered(true).then == Then::Request
            && head(&answered(true)).contains("\r\nConnection: keep-alive\r\n")
    );
    assert!(
        answered(false).then == Then::End && head(&answered(false)).contains("\r\nConnection: close\r\n")
    );
    for (why, status) in [
        (Malformed::Syntax, "400"),
        (Malformed::Method, "405"),
        (Malformed::Body, "413"),
        (Malformed::LineTooLong, "414"),
        (Malformed::HeadTooLong, "431"),
        (Malformed::Version, "505"),
    ] {
        let answer = refuse(why, DATE);
        assert!(head(&answer).starts_with(&format!("HTTP/1.1 {status} ")) && answer.then == Then::End);
        assert!(head(&answer).len() < 700, "short");
    }
}
