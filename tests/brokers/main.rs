//! Real brokers of NATS, which a group on many nodes has for its log: connections to them, what breaks these, and in
//! `stream` the stream.

#[path = "../common/mod.rs"]
mod common;

#[path = "../common/broker.rs"]
mod broker;
#[path = "../common/netns.rs"]
mod netns;
mod stream;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::{Brokers, Login, Setup, Transport};
use chat_room::limits::{BROKER_SILENCE, BROKER_UNSENT_MAX};
use chat_room::server::log::cluster::broker::{
    self as link, Access, Asker, Broken, NoAnswer, Plaintext, Why, trust,
};
use chat_room::server::log::cluster::nats::{Sid, Subject};
use common::disk::skip;
use netns::{Cable, End};

/// Nothing takes this long unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn access_with(login: link::Login, ca: Option<&Path>) -> Arc<Access> {
    let tls = trust(ca).expect("an authority");
    Arc::new(Access { login, tls, plaintext: Plaintext::OnLoopback, name: "n1".to_owned() })
}

fn access(brokers: &Brokers, login: Login) -> Arc<Access> {
    let login = link::Login::read(&brokers.credentials(login)).expect("a login");
    let ca = brokers.ca();
    access_with(login, ca.exists().then_some(&ca))
}

fn connect(urls: &str, access: &Arc<Access>) -> Result<Asker, Broken> {
    Asker::connect(&urls.parse().expect("addresses"), access, PATIENCE)
}

fn node(brokers: &Brokers) -> Asker {
    connect(&brokers.urls(), &access(brokers, Login::Node)).expect("a broker lets a node in")
}

fn keeper(brokers: &Brokers) -> Asker {
    connect(&brokers.urls(), &access(brokers, Login::Keeper)).expect("a broker lets the keeper in")
}

fn one(transport: Transport) -> Option<Brokers> {
    Brokers::start(Setup { brokers: 1, transport, ..Setup::default() })
}

/// What the tests of groups on many nodes start from.
#[test]
fn three_brokers_get_ready_and_come_back() {
    let Some(mut brokers) = Brokers::start(Setup::default()) else { return };
    assert_eq!((brokers.len(), brokers.urls().matches("nats://127.0.0.1:").count()), (3, 3));
    let addr = brokers.addr(1);
    brokers.kill(1);
    brokers.until_ready();
    brokers.restart(1);
    brokers.until_ready();
    assert_eq!(brokers.addr(1), addr);
    brokers.freeze(2);
    brokers.thaw(2);
    brokers.until_ready();
}

#[test]
fn messages_come_back_in_plain_text_and_over_tls() {
    for transport in [Transport::Plain, Transport::TlsFirst, Transport::TlsAfterInfo] {
        let Some(brokers) = one(transport) else { return };
        let mut node = node(&brokers);
        assert_eq!(node.link().is_encrypted(), transport != Transport::Plain);
        assert_eq!(node.link().info().map(|info| info.name.as_str()), Some("n0"));

        let subject = Subject::word("here.n1");
        node.link().subscribe(&Subject::word("here.>"), Sid(7));
        // More than any buffer on the way takes at once.
        let large: Vec<u8> = (0..512 << 10).map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        for payload in [&b"x"[..], b"", &large, b"MSG a 1 1\r\n"] {
            node.link().publish(&subject, None, payload);
            let message = node.next(PATIENCE).expect("it lasts").expect("it comes back");
            assert_eq!((&message.subject, message.sid, &message.reply), (&subject, Sid(7), &None));
            assert!(message.payload == payload && message.headers.is_empty());
        }
        node.link().publish_with(&subject, Some(&subject), &[("X", "y z")], b"text");
        let message = node.next(PATIENCE).expect("it lasts").expect("it comes back");
        assert_eq!(
            (message.header("X"), &message.reply, &message.payload[..]),
            (Some("y z"), &Some(subject), &b"text"[..])
        );

        node.link().unsubscribe(Sid(7));
        let unsubscribed = node.ask("here.n1", b"", PATIENCE);
        assert!(matches!(unsubscribed, Err(NoAnswer::NoResponders)), "{unsubscribed:?}");
        let forbidden = node.ask("$JS.API.STREAM.DELETE.ROOM", b"", PATIENCE);
        assert!(matches!(forbidden, Err(NoAnswer::Forbidden(_))), "{forbidden:?}");
        // After that, too.
        assert!(node.ask("$JS.API.STREAM.INFO.ROOM", b"", PATIENCE).is_ok());
    }
}

/// More than all buffers on the way take at once, in both directions, and than is kept for long.
#[test]
fn much_at_once() {
    for transport in [Transport::Plain, Transport::TlsFirst] {
        let Some(brokers) = one(transport) else { return };
        let mut node = node(&brokers);
        let subject = Subject::word("here.n1");
        node.link().subscribe(&subject, Sid(7));
        let payload = |number: u8| vec![number; 256 << 10];
        for number in 0..65 {
            node.link().publish(&subject, None, &payload(number));
        }
        assert!(node.link().unsent() > BROKER_UNSENT_MAX);
        for number in 0..65 {
            let message = node.next(PATIENCE).expect("it lasts").expect("it comes back");
            assert!(message.payload == payload(number), "{number}");
        }
        assert_eq!(node.link().unsent(), 0);
    }
}

/// Nothing is kept for long that a broker does not take.
#[test]
fn a_broker_that_takes_nothing() {
    let Some(brokers) = one(Transport::Plain) else { return };
    let mut node = node(&brokers);
    brokers.freeze(0);
    let payload = vec![b'x'; 1 << 20];
    // What the kernels take of it, too.
    for _ in 0..(BROKER_UNSENT_MAX >> 20) + 16 {
        node.link().publish(&Subject::word("here.n1"), None, &payload);
    }
    let stuck = node.next(PATIENCE).expect_err("it takes nothing");
    assert!(stuck.to_string().ends_with("it has not taken 16 MiB that it was sent"), "{stuck}");
}

#[track_caller]
fn check_refused(asked: Result<Asker, Broken>, expected: &str) {
    let told = asked.expect_err("it is no use").to_string();
    let (broker, told) =
        told.strip_prefix("no connection to ").and_then(|told| told.split_once(": ")).expect("a sentence");
    assert!(broker.contains("://"), "{broker}");
    assert_eq!(told, expected);
}

#[test]
fn what_a_person_has_to_do_is_told_at_once() {
    let Some(plain) = one(Transport::Plain) else { return };
    let wrong = |name: &str, password: &str| {
        let path = plain.folder().join("wrong");
        std::fs::copy(plain.credentials(Login::Node), &path).expect("a copy, with its mode");
        std::fs::write(&path, format!("user {name}\npassword {password}\n")).expect("a file");
        access_with(link::Login::read(&path).expect("a login"), None)
    };
    let refused = "it refuses the login (Authorization Violation); see --cluster-credentials";
    check_refused(connect(&plain.urls(), &wrong("node", "x")), refused);
    check_refused(connect(&plain.urls(), &wrong("ann\"", "\u{1}")), refused);
    check_refused(connect(&plain.urls(), &access_with(link::Login::Anonymous, None)), refused);
    let tls = plain.urls().replace("nats://", "tls://");
    check_refused(
        connect(&tls, &access(&plain, Login::Node)),
        "it does not begin with TLS; use nats://, or configure the broker with handshake_first: true",
    );

    for transport in [Transport::TlsFirst, Transport::TlsAfterInfo] {
        let Some(brokers) = one(transport) else { return };
        let login = link::Login::read(&brokers.credentials(Login::Node)).expect("a login");
        let refused = connect(&brokers.urls(), &access_with(login, None)).expect_err("nobody vouches for it");
        assert!(matches!(refused.why, Why::Tls(_)), "{refused}");
        let told = refused.to_string();
        assert!(
            told.contains("its certificate is not trusted: ") && told.ends_with(" with --cluster-ca"),
            "{told}"
        );
    }
}

/// Who has named the right authority is not told to name another.
#[test]
fn a_certificate_that_is_not_valid_now_or_here() {
    for (years, name, advice) in [
        (2020..2021, "127.0.0.1", "; renew it, or set this machine's clock right"),
        (2120..2121, "127.0.0.1", "; set the clock right, here or where it was made"),
        (2020..2120, "b1.example.org", "; use a name that is in it, or make one with the name that is used"),
    ] {
        let Some(mut brokers) = one(Transport::TlsFirst) else { return };
        brokers.stop(0);
        broker::make_certificates(brokers.folder(), name, years);
        brokers.restart(0);
        brokers.until_ready();
        let refused =
            connect(&brokers.urls(), &access(&brokers, Login::Node)).expect_err("it is not trusted");
        assert!(refused.to_string().ends_with(advice), "{refused}");
    }
}

/// A broker that waits for TLS says nothing, and after a while it ends the connection.
#[test]
fn plain_text_to_a_broker_that_begins_with_tls() {
    let Some(brokers) = one(Transport::TlsFirst) else { return };
    let urls = brokers.urls().replace("tls://", "nats://");
    let refused = Asker::connect(
        &urls.parse().expect("addresses"),
        &access(&brokers, Login::Node),
        Duration::from_secs(6),
    );
    let told = refused.expect_err("nothing is greeted").to_string();
    assert!(told.ends_with("; if it begins with TLS (handshake_first), use tls://"), "{told}");
}

/// The first of them that lets us in, by name, too; and when that is gone, another.
#[test]
fn the_next_broker_after_a_failure() {
    let Some(mut brokers) = Brokers::start(Setup::default()) else { return };
    brokers.kill(0);
    let mut node = node(&brokers);
    assert_eq!(node.link().broker().port, brokers.addr(1).port());

    // kill -9 closes the connection; a frozen broker is silent.
    brokers.kill(1);
    let ended = node.next(PATIENCE).expect_err("it has ended");
    assert!(matches!(ended.why, Why::Ended { .. } | Why::Failed(_)), "{ended}");
    let names = brokers.urls().replace("127.0.0.1", "localhost");
    let mut node = connect(&names, &access(&brokers, Login::Node)).expect("one is left");
    assert_eq!(node.link().broker().host, "localhost");
    brokers.freeze(2);
    let silent = node.next(PATIENCE).expect_err("it is silent");
    assert!(matches!(silent.why, Why::Silent), "{silent}");
    assert!(silent.to_string().ends_with("it has been silent for 4 s"), "{silent}");
    brokers.thaw(2);
    assert!(connect(&names, &access(&brokers, Login::Node)).is_ok());
}

/// What has come meanwhile counts before how long it took.
#[test]
fn an_owner_who_was_away() {
    let Some(brokers) = one(Transport::Plain) else { return };
    let (mut node, mut keeper) = (node(&brokers), keeper(&brokers));
    brokers.freeze(0);
    // Its PING is not answered yet when the owner turns to something else.
    assert!(node.next(BROKER_SILENCE * 11 / 10).expect("it lasts").is_none());
    brokers.thaw(0);
    assert!(keeper.next(BROKER_SILENCE * 3 / 2).expect("it lasts").is_none());
    assert!(node.ask("$JS.API.STREAM.INFO.ROOM", b"", PATIENCE).is_ok());
}

/// Each sends PING to the other.
#[test]
fn an_idle_connection_lasts() {
    let Some(brokers) = one(Transport::TlsFirst) else { return };
    let mut node = node(&brokers);
    assert!(node.next(Duration::from_secs(9)).expect("it lasts").is_none());
    assert!(node.ask("$JS.API.STREAM.INFO.ROOM", b"", PATIENCE).is_ok());
}

#[test]
fn a_name_that_does_not_exist() {
    let login = access_with(link::Login::Anonymous, None);
    let asked =
        Asker::connect(&"nats://nobody.invalid".parse().expect("an address"), &login, Duration::from_secs(3));
    let broken = asked.expect_err("nobody has this name");
    assert!(matches!(broken.why, Why::Unknown(_)), "{broken}");
}

/// Who answers there says this, and waits for the end.
fn saying(ip: impl Into<IpAddr>, words: &'static str) -> String {
    let listener = TcpListener::bind((ip.into(), 0)).expect("a listener");
    let url = format!("nats://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.write_all(words.as_bytes());
            if words.ends_with('\n') {
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    });
    url
}

#[test]
fn what_is_no_broker() {
    let localhost = Ipv4Addr::LOCALHOST;
    let check = |words, expected: &str| {
        let access = access_with(link::Login::Token("geheim".to_owned().into()), None);
        let brokers = saying(localhost, words).parse().expect("an address");
        check_refused(Asker::connect(&brokers, &access, Duration::from_millis(500)), expected);
    };
    check(
        "HTTP/1.1 400 Bad Request\r\n",
        "what it sends is not the protocol of NATS; is that a broker's port for clients?",
    );
    check("INFO {}\r\n", "what answers is not a broker of NATS; is that its port for clients?");
    check("INFO [\r\n", "what answers is not a broker of NATS; is that its port for clients?");
    check(
        "-ERR 'maximum connections exceeded'\r\n-",
        "it has ended the connection (maximum connections exceeded)",
    );
    check("-", "it has ended the connection; if it begins with TLS (handshake_first), use tls://");
    // Whoever sits on the line could say so before TLS begins.
    check(
        "INFO {\"server_name\":\"n1\",\"version\":\"2.15.0\",\"tls_required\":true}\r\nPING\r\n",
        "the login would cross the network unencrypted; configure the broker with TLS, or add --plaintext-anyway if that \
         network is safe",
    );
}

/// Beyond this machine nothing is said in plain text, unless somebody wants it.
#[test]
fn no_login_crosses_the_network_unencrypted() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(why),
    };
    cable.at(End::Near, || {
        const INFO: &str = "INFO {\"server_name\":\"n1\",\"version\":\"2.15.0\"}\r\n+OK\r\nPONG\r\n";
        let connect = |plaintext| {
            let login = link::Login::Token("geheim".to_owned().into());
            let tls = trust(None).expect("no file");
            let access = Arc::new(Access { login, tls, plaintext, name: "n1".to_owned() });
            Asker::connect(&saying(End::Near.ip(), INFO).parse().expect("an address"), &access, PATIENCE)
        };
        let refused = connect(Plaintext::OnLoopback).expect_err("it is plain text");
        assert!(matches!(refused.why, Why::Plaintext), "{refused}");
        assert!(connect(Plaintext::Anyway).is_ok());
    });
}
