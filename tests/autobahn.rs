//! The cases of the Autobahn test suite for servers, played against the code that reads requests and frames here. They want an
//! echo, which a chat is not: each line that was read goes back as a message. Needs `wstest`, of the package
//! autobahntestsuite; that needs Python 2.7, which Debian has no more, so CI skips it:
//! `pip2.7 install autobahntestsuite==25.10.1`. With that version's txaio `wstest` has to begin with
//! `import txaio; txaio.use_twisted()`.

mod common;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use chat_room::server::net::web::answer::{Site, Then, answer};
use chat_room::server::net::web::frames::{Reader, close};
use chat_room::server::net::web::request::Head;
use common::disk::skip;
use common::running::Running;
use serde_json::{Value, json};

/// What PROTOCOL.md has otherwise: cases, or all that begin so. All others are as they should be.
const OTHERWISE: [(&str, &[&str]); 2] = [
    ("binary messages end the connection", &["1.2."]),
    ("a message without text is no line", &["1.1.1", "6.1.1", "6.1.2"]),
];

/// There are more.
const CASES_MIN: usize = 240;

#[test]
fn the_cases_of_autobahn() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    let wanted = json!({
        "outdir": folder.path().join("told"),
        "servers": [{ "agent": "chat-room", "url": format!("ws://{addr}/chat") }],
        "cases": ["*"],
        // How fast an echo is, and compression, which is not offered.
        "exclude-cases": ["9.*", "12.*", "13.*"],
        "exclude-agent-cases": {},
    });
    fs::write(folder.path().join("wanted"), wanted.to_string()).expect("written");
    let mut suite = Command::new("wstest");
    suite.args(["--mode", "fuzzingclient", "--spec", "wanted"]).current_dir(&folder);
    suite.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut suite) = Running::start(&mut suite) else { return skip("there is no wstest here") };
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            // The suite breaks some off.
            thread::spawn(move || echo(stream));
        }
    });
    while !suite.has_ended() {
        thread::sleep(Duration::from_millis(100));
    }
    let told = fs::read_to_string(folder.path().join("told/index.json")).expect("its report");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let cases = told.as_object().and_then(|agents| agents.values().next()?.as_object()).expect("cases");
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    let is_right = |case: &Value| {
        ["behavior", "behaviorClose"]
            .iter()
            .all(|what| matches!(case[what].as_str(), Some("OK" | "NON-STRICT" | "INFORMATIONAL")))
    };
    let is_otherwise = |name: &str| {
        OTHERWISE
            .iter()
            .flat_map(|(_, cases)| *cases)
            .any(|case| name == *case || case.ends_with('.') && name.starts_with(case))
    };
    let wrong = cases.iter().filter(|(name, case)| is_right(case) == is_otherwise(name));
    let wrong: Vec<String> = wrong.map(|(name, case)| format!("{name}: {case}")).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Answers a request, and then sends back what it reads.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (mut head, mut buf) = (Head::default(), vec![0; 1 << 16]);
    let request = loop {
        let len = stream.read(&mut buf)?;
        if len == 0 {
            return Ok(());
        }
        head.feed(&buf[..len]);
        if let Some(request) = head.next_request() {
            break request.expect("a request");
        }
    };
    let answer = answer(&request, &Site::default(), "now", true);
    stream.write_all(&answer.head)?;
    assert_eq!(answer.then, Then::Frames);
    let rest = head.take_rest();
    let mut len = rest.len();
    buf[1..=len].copy_from_slice(&rest);
    let (mut reader, mut line) = (Reader::default(), Vec::new());
    loop {
        let decoded = reader.decode(&mut buf, len);
        // What was read at once brings answers at once; the suite wants pongs before what has ended after their pings.
        stream.write_all(&decoded.pongs)?;
        for part in buf[..decoded.text].split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if line.pop_if(|byte| *byte == b'\n').is_some() {
                stream.write_all(&message(&std::mem::take(&mut line)))?;
            }
        }
        if let Some(code) = decoded.end {
            stream.write_all(&close(code))?;
            stream.shutdown(Shutdown::Write)?;
            return io::copy(&mut stream, &mut io::sink()).map(drop);
        }
        len = stream.read(&mut buf[1..])?;
        if len == 0 {
            return Ok(());
        }
    }
}

/// A text message in one frame. The server's own carry whole lines, which an echo must not.
fn message(text: &[u8]) -> Vec<u8> {
    let len = text.len() as u64;
    let mut frame = vec![0x81];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..126), _) => frame.push(len),
        (_, Ok(len)) => {
            frame.push(126);
            frame.extend(len.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend(len.to_be_bytes());
        }
    }
    frame.extend_from_slice(text);
    frame
}
