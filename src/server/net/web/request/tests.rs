//! Heads of requests, in one piece and byte by byte.

use super::*;

/// What comes of these bytes, read in pieces of this size.
fn read(bytes: &[u8], piece: usize) -> Vec<Result<Request, Malformed>> {
    let (mut head, mut found) = (Head::default(), Vec::new());
    for part in bytes.chunks(piece) {
        head.feed(part);
        while let Some(request) = head.next_request() {
            let is_wrong = request.is_err();
            found.push(request);
            if is_wrong {
                return found;
            }
        }
    }
    found
}

#[track_caller]
fn read_all(bytes: &[u8]) -> Vec<Result<Request, Malformed>> {
    let found = read(bytes, bytes.len());
    for piece in [1, 2, 7] {
        assert_eq!(read(bytes, piece), found, "in pieces of {piece}");
    }
    found
}

#[track_caller]
fn one(fields: &str) -> Request {
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    match &read_all(text.as_bytes())[..] {
        [Ok(request)] => request.clone(),
        other => panic!("{fields}: {other:?}"),
    }
}

#[test]
fn first_lines() {
    for (line, method, path) in [
        ("GET / HTTP/1.1", Method::Get, "/"),
        ("HEAD /x.js HTTP/1.1", Method::Head, "/x.js"),
        ("POST /x HTTP/1.1", Method::Other, "/x"),
        ("get / HTTP/1.1", Method::Other, "/"),
        ("GET /x?y=z HTTP/1.1", Method::Get, "/x"),
        ("GET http://a/x HTTP/1.1", Method::Get, "/x"),
        ("GET http://a HTTP/1.1", Method::Get, "/"),
        ("OPTIONS * HTTP/1.1", Method::Other, "*"),
    ] {
        // One with LF alone is the same.
        for end in ["\r\n", "\n"] {
            let text = format!("{line}{end}Host: a{end}{end}");
            let found = read_all(text.as_bytes());
            let [Ok(request)] = &found[..] else { panic!("{line}: {found:?}") };
            assert_eq!((request.method, request.path.as_str()), (method, path), "{line}");
        }
    }
}

#[test]
fn what_is_no_request() {
    let long = "x".repeat(WEB_REQUEST_LINE_MAX);
    let fields = format!("Cookie: {}\r\n", "x".repeat(1000)).repeat(9);
    for (text, why) in [
        ("LOGIN ann@x secret\r\n", Malformed::Syntax),
        ("GET /\r\n", Malformed::Syntax),
        ("GET  / HTTP/1.1\r\n", Malformed::Syntax),
        ("GET x HTTP/1.1\r\n", Malformed::Syntax),
        (" GET / HTTP/1.1\r\n", Malformed::Syntax),
        ("GET / HTTPS/1.1\r\n", Malformed::Syntax),
        ("PRI * HTTP/2.0\r\n", Malformed::Version),
        ("GET / HTTP/1.1\r\n\r\n", Malformed::Syntax),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Malformed::Syntax),
        ("GET / HTTP/1.1\r\nHost : a\r\n", Malformed::Syntax),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n", Malformed::Syntax),
        ("GET / HTTP/1.1\r\nHost a\r\n", Malformed::Syntax),
        ("GET / HTTP/1.1\r\nHost: a\u{1}\r\n", Malformed::Syntax),
        ("GET / HTTP/1.1\r\nContent-Length: 1\r\n", Malformed::Body),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", Malformed::Body),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\n", Malformed::Method),
        ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", Malformed::Method),
        (&format!("GET /{long} HTTP/1.1\r\n"), Malformed::LineTooLong),
        (&format!("{long}{long}"), Malformed::LineTooLong),
        (&format!("GET / HTTP/1.1\r\n{fields}"), Malformed::HeadTooLong),
        (&format!("GET / HTTP/1.1\r\nCookie: {long}{long}{long}{long}"), Malformed::HeadTooLong),
    ] {
        let shown: String = text.chars().take(60).collect();
        assert_eq!(read_all(text.as_bytes()).last(), Some(&Err(why)), "{shown}");
    }
    assert_eq!(
        read_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n").last(),
        Some(&Err(Malformed::Syntax))
    );
}

#[test]
fn fields() {
    let request = one("HOST: no\r\n".replace("HOST: no\r\n", "Content-Length: 0\r\nX: y\r\n").as_str());
    assert_eq!((request.after, request.host.as_deref()), (After::KeepAlive, Some("a")));
    assert_eq!(one("Connection: close\r\n").after, After::Close);
    assert_eq!(one("connection: Upgrade, Close\r\n").after, After::Close);
    for (value, accepts) in [
        ("gzip", true),
        ("br, GZIP;q=0.5", true),
        ("*", true),
        ("x-gzip", true),
        ("gzip;q=0", false),
        ("gzip; q=0.000", false),
        ("br", false),
        ("", false),
        ("notgzip", false),
    ] {
        assert_eq!(one(&format!("Accept-Encoding: {value}\r\n")).accepts_gzip, accepts, "{value}");
    }
    let upgrade =
        one("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: k\r\nOrigin: http://a\r\n")
        .upgrade;
    assert!(upgrade.in_connection && upgrade.to_websocket && upgrade.of_version_13);
    assert_eq!((upgrade.key.as_deref(), upgrade.origin.as_deref()), (Some("k"), Some("http://a")));
}

#[test]
fn requests_follow_each_other() {
    let found = read_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.0\r\n\r\nGET /c");
    let paths: Vec<_> =
        found.iter().map(|request| request.as_ref().map(|r| (r.path.as_str(), r.after))).collect();
    assert_eq!(paths, [Ok(("/a", After::KeepAlive)), Ok(("/b", After::Close))]);
    let kept = read_all(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(kept[0].as_ref().map(|request| request.after), Ok(After::KeepAlive));
}
