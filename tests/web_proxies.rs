//! The proxies of docs/web.md, with the settings that stand there: each gets a port, certificate and server of the test's.

#[path = "common/blocks.rs"]
mod blocks;
mod common;
#[path = "common/secure.rs"]
mod secure;
#[path = "common/web.rs"]
mod web;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use common::disk::skip;
use common::net::{connect, free_addr};
use common::peer::{OnDemand as _, Peer};
use common::running::Running;
use common::server::{Server, until};
use secure::{Secure, trusting};
use tempfile::TempDir;
use web::{CLOSE, PING, Web, frame, read_head, start, web_addr, wish};

/// A proxy that runs, with a folder of its own.
struct Proxy {
    _process: Running,
    addr: SocketAddr,
    folder: TempDir,
}

/// Runs it; `None`: it is not installed. `FILE` and `FOLDER` in `around` and `command` stand for what they say.
fn run(server: &Server, language: &str, around: [&str; 2], command: &str) -> Option<Proxy> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let names = ["127.0.0.1".to_owned(), "chat.example.org".to_owned()];
    let own = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    std::fs::write(file("fullchain.pem"), &certificate).expect("written");
    std::fs::write(file("privkey.pem"), &key).expect("written");
    std::fs::write(file("both.pem"), certificate + &key).expect("written");
    let addr = free_addr();
    let shown = folder.path().to_str().expect("a plain name");
    let [before, after] = around;
    let text = blocks::named(include_str!("../docs/web.md"), language)
        .replace("/etc/ssl/chat", shown)
        .replace("listen 443 ", &format!("listen {addr} "))
        .replace("bind :443 ", &format!("bind {addr} "))
        .replace("example.org {", &format!("example.org:{} {{\n    bind {}", addr.port(), addr.ip()))
        .replace("127.0.0.1:7680", &web_addr(server).to_string());
    let text = [before, &text, after].concat().replace("FOLDER", shown);
    std::fs::write(file("settings"), text).expect("written");
    let command =
        command.replace("FILE", file("settings").to_str().expect("a plain name")).replace("FOLDER", shown);
    let mut words = command.split(' ');
    let mut program = Command::new(words.next().expect("a program"));
    program
        .args(words)
        .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()))
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut process = match Running::start(&mut program) {
        Ok(process) => process,
        Err(why) => {
            skip(format_args!("{command}: {why}"));
            return None;
        }
    };
    until(&format!("{command}: it listens"), || {
        assert!(!process.has_ended(), "{command}: it has ended");
        TcpStream::connect(addr).is_ok()
    });
    Some(Proxy { _process: process, addr, folder })
}

/// What a browser does, through it.
fn browse(server: &Server, proxy: &Proxy) {
    let certificate: &Path = &proxy.folder.path().join("fullchain.pem");
    let config = trusting(certificate);
    let stream = || Secure::over(connect(proxy.addr), &config).0.into_inner();
    let mut page = stream();
    page.write_all(b"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n").expect("sent");
    let head = read_head(&mut page);
    assert!(head.starts_with("HTTP/1.1 200 ") && head.to_lowercase().contains("\r\netag: "), "{head}");

    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = Web::over(stream(), "Origin: https://chat.example.org\r\n");
    bob.expect("HELLO …");
    bob.login("bob@x/phone");
    let text = "y".repeat(2000);
    for n in 1..=30 {
        ann.say(&format!("MSG {n} {text}"));
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    for n in 1..=30 {
        bob.expect(&format!("MSG {n} <time> ann@x {n} {text}"));
    }
    bob.send(&frame(PING, b"there"));
    bob.say("MSG from a browser");
    ann.expect("MSG 31 <time> bob@x from a browser");
    bob.expect("OK MSG 31 <time>");
    bob.fence();
    assert_eq!(bob.pongs, [b"there".to_vec()]);
    server.until_noted("bob@x/phone", 31);
    bob.send(&frame(CLOSE, b"\x03\xe8"));
    bob.expect_end(1000);
    ann.until_stat("logged-in", 1..=1);

    let mut cid = Web::over(stream(), "Origin: https://chat.example.org\r\n");
    cid.expect("HELLO …");
    cid.login("cid@x/-");
    ann.say("REMOVE cid@x");
    ann.expect("OK REMOVE cid@x");
    cid.expect("BYE removed …");
    cid.expect_end(1008);

    let mut foreign = stream();
    foreign.write_all(wish("Origin: https://evil.example.org\r\n").as_bytes()).expect("sent");
    assert!(read_head(&mut foreign).starts_with("HTTP/1.1 403 "));
}

#[test]
fn through_nginx() {
    let server = start(&[]);
    let before = "daemon off; master_process off; pid FOLDER/pid; error_log stderr; events {}\nhttp {\naccess_log off; client_body_temp_path FOLDER/b; \
                  proxy_temp_path FOLDER/p; fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; \
                  scgi_temp_path FOLDER/s;\n";
    if let Some(proxy) = run(&server, "nginx", [before, "}\n"], "nginx -e stderr -c FILE -p FOLDER") {
        browse(&server, &proxy);
    }
}

#[test]
fn through_haproxy() {
    let server = start(&[]);
    if let Some(proxy) = run(&server, "haproxy", ["", ""], "haproxy -db -f FILE") {
        browse(&server, &proxy);
    }
}

#[test]
fn through_caddy() {
    let server = start(&[]);
    // Port 80 is not the test's, and nobody manages this one.
    let before = "{\nadmin off\nauto_https disable_redirects\n}\n";
    if let Some(proxy) = run(&server, "caddy", [before, ""], "caddy run --adapter caddyfile --config FILE") {
        browse(&server, &proxy);
    }
}
