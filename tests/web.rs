//! Browsers, with the real server: HTTP for the page's files, lines over WebSocket, with a client of another's making and
//! with bytes made by hand.
//!
//! Longer than 350 lines: independent tests, which share their client.

mod common;
#[path = "common/receipts.rs"]
mod receipts;
#[path = "common/secure.rs"]
mod secure;
#[path = "common/web.rs"]
mod web;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use common::net::{ask, connect};
use common::peer::{OnDemand as _, Peer};
use common::server::{GROUP, Server, members_txt};
use common::talk::Talk;
use receipts::{a_device_misses_nothing, narrow};
use rustix::process::Signal;
use tungstenite::Message;
use web::{CLOSE, PING, TEXT, WEB, Web, frame, read_head, start, web_addr, wish};

#[test]
fn a_browser_takes_part() {
    let server = start(&[]);
    let addr = web_addr(&server);
    let mut talk = Talk::with(server);
    talk.join("bob", web::peer(addr));
    talk.join("cid", web::peer(addr));
    talk.play(
        "
        ann:
        bob< HELLO chat-room/…
        bob:
        cid< HELLO chat-room/…
        cid: phone
        ann> MSG hello ✓
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x hello ✓
        cid< MSG 1 <time> ann@x hello ✓
        bob> MSG back
        bob< OK MSG 2 <time>
        ann< MSG 2 <time> bob@x back
        cid< MSG 2 <time> bob@x back
        bob>> PING 1\\nPING 2\\nMSG \\x01\\n
        bob< OK PING 1
        bob< OK PING 2
        bob< ERR MSG bad-text …
        bob> HISTORY
        bob< HISTORY 1 2
        bob< MSG 1 <time> ann@x hello ✓
        bob< MSG 2 <time> bob@x back
        bob< OK HISTORY 2 last=2
        ann> REMOVE cid@x
        ann< OK REMOVE cid@x
        ann< REMOVED 3 <time> ann@x cid@x
        bob< REMOVED 3 <time> ann@x cid@x
        cid< BYE removed …
        cid.
        bob> QUIT
        bob< OK QUIT
        bob.
        ann=
        ",
    );
}

#[test]
fn another_programs_websocket_takes_part() {
    let server = start(&[]);
    let addr = web_addr(&server);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let url = format!("ws://{addr}/chat");
    let (mut bob, _) = tungstenite::client(url.as_str(), connect(addr)).expect("a WebSocket");
    let text = |bob: &mut tungstenite::WebSocket<TcpStream>| match bob.read().expect("a message") {
        Message::Text(text) => text.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert!(text(&mut bob).starts_with("HELLO "));
    bob.send(Message::text("LOGIN bob@x bob-secret")).expect("sent");
    assert!(text(&mut bob).starts_with("OK LOGIN bob@x "));
    bob.send(Message::text("MSG one\nMSG two")).expect("sent");
    ann.expect("MSG 1 <time> bob@x one");
    ann.expect("MSG 2 <time> bob@x two");
    let mut answers = String::new();
    while answers.lines().count() < 2 {
        answers += &text(&mut bob);
    }
    assert!(answers.starts_with("OK MSG 1 ") && answers.contains("\nOK MSG 2 "), "{answers}");
    bob.send(Message::Ping("x".into())).expect("sent");
    assert_eq!(bob.read().expect("a message"), Message::Pong("x".into()));
    bob.close(None).expect("sent");
    assert!(matches!(bob.read(), Ok(Message::Close(_))));
    assert!(matches!(bob.read(), Err(tungstenite::Error::ConnectionClosed)));
    ann.until_stat("connections", 1..=1);
}

#[test]
fn files_are_fetched_one_after_the_other() {
    let server = start(&[]);
    let mut stream = connect(web_addr(&server));
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n").expect("sent");
        let head = read_head(&mut stream);
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\r\nContent-Encoding: gzip\r\n"),
            "{head}"
        );
        let (_, length) = head.split_once("Content-Length: ").expect("a length");
        let mut body = vec![0; length.split("\r\n").next().expect("split").parse().expect("a number")];
        stream.read_exact(&mut body).expect("the whole body");
        assert_eq!(body[..3], [0x1f, 0x8b, 8], "gzip");
    }
    // Many at once, and the last ends it.
    let many = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5) + "GET /none HTTP/1.0\r\n\r\n";
    stream.write_all(many.as_bytes()).expect("sent");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("the answers and the end");
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 5);
    assert!(answers.ends_with("\r\n\r\n404 Not Found\n"), "{answers}");
    // Whoever has ended its side is answered, too.
    let mut stream = connect(web_addr(&server));
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    stream.shutdown(Shutdown::Write).expect("open until now");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer and the end");
    assert!(answer.contains("<title>"), "{answer}");
}

#[test]
fn a_connection_has_so_many_requests() {
    let server = start(&[]);
    let mut stream = connect(web_addr(&server));
    stream.write_all("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(150).as_bytes()).expect("sent");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("the answers and the end");
    assert_eq!(answers.matches("\r\nConnection: keep-alive\r\n").count(), 99);
    assert_eq!(answers.matches("\r\nConnection: close\r\n").count(), 1);
}

#[test]
fn what_is_no_request_gets_one_short_answer() {
    let server = start(&[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let long = "x".repeat(3000);
    for (request, status) in [
        ("LOGIN ann@x ann-secret\n", "400"),
        ("\u{16}\u{3}\u{1}\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "405"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "413"),
        (&format!("GET /{long} HTTP/1.1\r\n"), "414"),
        (&format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {long}{long}{long}\r\n\r\n"), "431"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        ("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404"),
        ("DELETE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405"),
        ("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "426"),
        (&wish("Origin: https://evil.example.org\r\nConnection: close\r\n"), "403"),
    ] {
        let answer = ask(web_addr(&server), request);
        let shown: String = request.chars().take(60).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {answer}");
        assert!(answer.len() < 700 && answer.matches("HTTP/1.1").count() == 1, "{shown}: {answer}");
    }
    ann.fence();
    ann.until_stat("connections", 1..=1);
    assert_eq!(ann.stat("logins-refused"), 0);
}

#[test]
fn it_makes_no_difference_how_the_bytes_are_split() {
    let server = start(&[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut stream = connect(web_addr(&server));
    stream.set_nodelay(true).expect("an option");
    let frames = [
        frame(TEXT, b"LOGIN bob@x bob-secret"),
        frame(0x01, b"MSG in "),
        frame(PING, b"now"),
        frame(0x80, b"parts"),
    ];
    let all = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", wish("").as_bytes(), &frames.concat()].concat();
    for byte in &all {
        stream.write_all(&[*byte]).expect("the server reads");
    }
    ann.expect("MSG 1 <time> bob@x in parts");
    let page = read_head(&mut stream);
    let (_, length) = page.split_once("Content-Length: ").expect("a length");
    let mut body = vec![0; length.split("\r\n").next().expect("split").parse().expect("a number")];
    stream.read_exact(&mut body).expect("the whole body");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    let mut bob = Web::upgraded(stream);
    bob.expect("HELLO …");
    bob.expect("OK LOGIN bob@x …");
    bob.expect("OK MSG 1 <time>");
    bob.fence();
    assert_eq!(bob.pongs, [b"now".to_vec()]);

    // All in one piece, with an upgrade that does not wait for its answer.
    let mut stream = connect(web_addr(&server));
    stream
        .write_all(&[wish("").as_bytes(), &frame(TEXT, b"LOGIN cid@x cid-secret\nMSG at once")].concat())
        .expect("sent");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    let mut cid = Web::upgraded(stream);
    cid.expect("HELLO …");
    cid.expect("OK LOGIN cid@x …");
    cid.expect("MSG 1 <time> bob@x in parts");
    cid.expect("OK MSG 2 <time>");
}

#[test]
fn a_mistake_ends_it_with_its_code_and_what_was_said_before_counts() {
    let server = start(&[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mistakes: [(&[u8], u16); 7] = [
        (&[0x81, 1, b'x'], 1002),
        (&[0xC1, 0x80, 0, 0, 0, 0], 1002),
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),
        (&[0x82, 0x80, 0, 0, 0, 0], 1003),
        (&[0x81, 0xFF, 0, 0, 0, 0, 0xFF, 0, 0, 0, 1, 2, 3, 4], 1009),
        (&[0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
    ];
    for (number, (bytes, code)) in (1..).zip(mistakes) {
        let mut bob = Web::member(web_addr(&server), "bob@x/-");
        let said = frame(TEXT, format!("MSG {number}").as_bytes());
        // What follows is not looked at, and does not destroy the last words.
        bob.send(&[&said, bytes, &frame(TEXT, b"MSG never"), &[0xAA; 2000]].concat());
        // A disk that is fast enough lets its answer come before the end.
        if let Some(answer) = bob.line() {
            assert_eq!(answer, format!("OK MSG {number} <time>"));
        }
        bob.expect_end(code);
    }
    for number in 1..=7 {
        ann.expect(&format!("MSG {number} <time> bob@x {number}"));
    }
    ann.fence();
    ann.until_stat("connections", 1..=1);
}

#[test]
fn a_close_is_answered_and_what_was_said_before_counts() {
    let server = start(&[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    // Even what comes before the login was checked.
    let mut bob = Web::open(web_addr(&server));
    let said = frame(TEXT, b"LOGIN bob@x bob-secret\nMSG and away");
    bob.send(&[said, frame(CLOSE, b"\x03\xe9tab closed")].concat());
    ann.expect("MSG 1 <time> bob@x and away");
    while bob.line().is_some() {}
    assert_eq!(bob.close.as_deref(), Some(&b"\x03\xe9"[..]));
    // Without a close, a message that is not whole does not count.
    let mut bob = Web::member(web_addr(&server), "bob@x/-");
    bob.send(&[frame(TEXT, b"MSG whole"), frame(0x01, b"MSG half\nMSG an")].concat());
    bob.stream.shutdown(Shutdown::Write).expect("open until now");
    ann.expect("MSG 2 <time> bob@x whole");
    ann.expect("MSG 3 <time> bob@x half");
    bob.expect("OK MSG 2 <time>");
    bob.expect("OK MSG 3 <time>");
    bob.expect_end(1000);
    ann.fence();
}

#[test]
fn the_end_has_a_code() {
    let mut server = start(&["--login-timeout", "3"]);
    let addr = web_addr(&server);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    let mut bob = Web::member(addr, "bob@x");
    bob.say("QUIT");
    bob.expect("OK QUIT");
    bob.expect_end(1000);
    let mut cid = Web::open(addr);
    cid.expect("HELLO …");
    cid.expect("BYE login-timeout …");
    cid.expect_end(1008);
    let mut dan = Web::member(addr, "dan@x");
    ann.say("REMOVE dan@x");
    dan.expect("BYE removed …");
    dan.expect_end(1008);
    let mut eve = Web::member(addr, "eve@x");
    eve.say("HELLO");
    eve.expect("REMOVED 1 <time> ann@x dan@x");
    eve.expect("ERR HELLO unknown-command …");
    server.signal(Signal::TERM);
    eve.expect("BYE shutdown …");
    eve.expect_end(1001);
    server.wait();
}

#[test]
fn a_late_request_is_not_waited_for() {
    let server = start(&["--login-timeout", "3"]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut half = connect(web_addr(&server));
    half.write_all(b"GET / HTTP/1.1\r\nHost").expect("sent");
    let mut whole = connect(web_addr(&server));
    whole.write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_head(&mut whole).starts_with("HTTP/1.1 200 "));
    let mut answer = String::new();
    half.read_to_string(&mut answer).expect("an answer and the end");
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("\r\n\r\n408 Request Timeout\n"),
        "{answer}"
    );
    // Whoever was answered and has not begun another request expects nothing.
    assert_eq!(whole.read(&mut [0]).expect("the end"), 0);
    ann.until_stat("connections", 1..=1);
    // Somebody who only looked at the page has failed at nothing.
    assert_eq!(ann.stat("logins-refused"), 1);
}

#[test]
fn browsers_have_tls_beyond_this_machine() {
    let server = Server::with(&members_txt(&GROUP), &["--web-listen", "0.0.0.0:0"]);
    let mut addr = web_addr(&server);
    addr.set_ip([127, 0, 0, 1].into());
    let config = secure::trusting(&secure::self_signed(&server));
    let stream = |addr| {
        let secure = secure::Secure::over(connect(addr), &config);
        secure.0.into_inner()
    };
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = Web::over(stream(addr), "Origin: https://chat.example.org\r\n");
    bob.expect("HELLO …");
    bob.login("bob@x");
    let text = "y".repeat(3000);
    for n in 1..=50 {
        ann.say(&format!("MSG {n} {text}"));
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    for n in 1..=50 {
        bob.expect(&format!("MSG {n} <time> ann@x {n} {text}"));
    }
    bob.say("MSG from a browser");
    ann.expect("MSG 51 <time> bob@x from a browser");
    bob.expect("OK MSG 51 <time>");
    bob.send(&frame(CLOSE, b""));
    bob.expect_end(1000);
    // A page without TLS may be anybody's.
    let mut plain = stream(addr);
    plain.write_all(wish("Origin: http://chat.example.org\r\n").as_bytes()).expect("sent");
    assert!(read_head(&mut plain).starts_with("HTTP/1.1 403 "));
}

/// What the peer's kernel has acknowledged counts, to the byte of a message that it has whole.
#[test]
fn a_device_that_comes_back_misses_nothing() {
    let server = start(&[]);
    let addr = web_addr(&server);
    a_device_misses_nothing(
        &server,
        || Web::open(addr),
        || Web::over(narrow(addr), ""),
        |bob| {
            // Replies, pongs and their headers are on the wire, and no events.
            bob.send(&frame(PING, b"in between"));
            bob.fence();
        },
        Web::reset,
    );
}

#[test]
fn a_slow_browser_costs_one_frame_and_misses_nothing() {
    let server = start(&["--window", "1M"]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = Web::member(web_addr(&server), "bob@x");
    let text = "z".repeat(4000);
    for n in 1..=1000 {
        ann.say(&format!("MSG {n} {text}"));
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    // Pings that nobody reads the answers to cost little, too.
    for _ in 0..1000 {
        bob.send(&frame(PING, &[7; 125]));
    }
    ann.fence();
    for n in 1..=1000 {
        bob.expect(&format!("MSG {n} <time> ann@x {n} {text}"));
    }
    bob.fence();
    assert!(!bob.pongs.is_empty() && bob.pongs.len() <= 1000);
    assert_eq!((ann.stat("cut-lagging"), ann.stat("given-up")), (0, 0));
}

#[test]
fn a_flood_of_requests_keeps_nobody_out() {
    let server = start(&["--max-connections-before-login", "300"]);
    let addr = web_addr(&server);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let halves: Vec<TcpStream> = (0..600)
        .map(|_| {
            let mut stream = connect(addr);
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX: ").expect("the kernel takes it");
            stream
        })
        .collect();
    let many = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n".repeat(99);
    let floods: Vec<TcpStream> = (0..50)
        .map(|_| {
            // Nobody reads the answers.
            let mut stream = connect(addr);
            stream.write_all(many.as_bytes()).expect("the kernel takes it");
            ann.fence();
            stream
        })
        .collect();
    let mut bob = Web::member(addr, "bob@x");
    bob.say("MSG in all the same");
    bob.expect("OK MSG 1 <time>");
    ann.expect("MSG 1 <time> bob@x in all the same");
    assert!(ann.stat("put-out") >= 300, "half-sent requests make place");
    drop((halves, floods));
    ann.until_stat("connections", 2..=2);
}

/// What INVITE tells of the page of a server with these options.
fn page_of(options: &[&str]) -> Option<String> {
    let server = Server::with(&members_txt(&GROUP), options);
    let told = Peer::member(server.addr(), "ann@x").word_of("INVITE kim@x");
    let page = told.split_once(" page=")?.1;
    Some(if page.starts_with("http:") {
        page.replace(&web_addr(&server).to_string(), "<web>")
    } else {
        page.to_owned()
    })
}

#[test]
fn an_invitation_tells_where_the_page_is() {
    for (options, page) in [
        (vec![], None),
        (WEB.to_vec(), Some("http://<web>")),
        (
            [&WEB[..], &["--web-origin", "https://chat.example.org"]].concat(),
            Some("https://chat.example.org"),
        ),
        (vec!["--web-listen", "0.0.0.0:0", "--plaintext-anyway"], None),
    ] {
        assert_eq!(page_of(&options).as_deref(), page, "{options:?}");
    }
}
