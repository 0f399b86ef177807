//! What monitors are told, with the real programs: promtool and Prometheus.

mod common;
#[path = "common/monitor.rs"]
mod monitor;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use chat_room::server::ops::metrics::figure::FIGURES;
use common::disk::skip;
use common::net::{ask, connect};
use common::peer::Peer;
use common::server::{GROUP, Server, members_txt, until};
use common::strace::Strace;
use monitor::{Prometheus, get, metrics_addr};

fn start(options: &[&str]) -> Server {
    Server::with(&members_txt(&GROUP), &[&["--metrics-listen", "127.0.0.1:0"], options].concat())
}

/// The value of each sample, by its name with its labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| line.rsplit_once(' ').expect("name and value"));
    samples.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

#[test]
fn monitors_are_told_what_stats_tells() {
    let server = start(&[]);
    let addr = metrics_addr(&server);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut wrong = Peer::connect(server.addr());
    wrong.expect("HELLO …");
    wrong.say("LOGIN bob@x not-it");
    wrong.expect("ERR LOGIN bad-login …");
    for n in 1..=20 {
        ann.say("MSG hello");
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    let (status, text) = get(addr, "/metrics");
    assert_eq!(status, 200, "{text}");
    let told = samples(&text);
    let names = [
        ("connections", "chat_room_connections"),
        ("logged-in", "chat_room_connections_logged_in"),
        ("members", "chat_room_members"),
        ("last-event", "chat_room_last_event"),
        ("members-file-ok", "chat_room_members_file_ok"),
        ("logins-refused", "chat_room_logins_refused_total"),
    ];
    for (stat, metric) in names {
        assert_eq!(told.get(metric), Some(&real(ann.stat(stat))), "{stat}\n{text}");
    }
    assert!(told["chat_room_resident_bytes"] > 1e6, "{text}");
    assert_eq!(told["chat_room_login_seconds_count"].to_string(), "2", "{text}");
    assert!(told["chat_room_commit_seconds_count"] >= 20.0, "{text}");
    assert!(told["chat_room_delivery_seconds_bucket{le=\"+Inf\"}"] >= 20.0, "{text}");
    // STATS has asked for the longest turn since; a monitor is told of the last minute all the same.
    assert!(told["chat_room_longest_turn_seconds"] > 0.0, "{text}");
    let later = samples(&get(addr, "/metrics").1);
    let counts = |name: &&String| {
        ["_total", "_count", "_sum"].iter().any(|end| name.ends_with(end)) || name.contains("_bucket{")
    };
    for name in told.keys().filter(counts) {
        assert!(later[name] >= told[name], "{name} falls");
    }
    assert!(later["chat_room_longest_turn_seconds"] >= told["chat_room_longest_turn_seconds"], "{text}");
}

#[test]
fn every_figure_of_stats_is_in_the_table() {
    let server = start(&[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    ann.say("STATS");
    let mut told = BTreeSet::new();
    while let Some(line) = ann.line().filter(|line| !line.starts_with("OK STATS ")) {
        told.insert(line.split(' ').nth(1).expect("a name").to_owned());
    }
    let table: BTreeSet<String> = FIGURES.iter().map(|figure| figure.stat.to_owned()).collect();
    assert_eq!(told.difference(&table).collect::<Vec<_>>(), Vec::<&String>::new());
    let only_nodes: Vec<_> = table.difference(&told).collect();
    assert_eq!(only_nodes, ["commit-us", "members-file-behind", "stream-applied", "stream-behind"]);
    let protocol =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("PROTOCOL.md")).expect("a file");
    for name in &table {
        assert!(protocol.contains(&format!("\n| `{name}` | ")), "PROTOCOL.md does not have {name}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "small")]
fn real(number: u64) -> f64 {
    number as f64
}

#[test]
fn promtool_finds_nothing_wrong() {
    let server = start(&[]);
    let (_, text) = get(metrics_addr(&server), "/metrics");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = promtool.spawn() else { return skip("there is no promtool here") };
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && told.is_empty(), "{told}\n{text}");
}

#[test]
fn a_monitor_that_misbehaves_keeps_nobody_out() {
    let server = start(&[]);
    let addr = metrics_addr(&server);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut half = connect(addr);
    half.write_all(b"GET /metrics HT").expect("sent");
    ann.fence();
    assert_eq!(get(addr, "/healthz"), (200, "ok\n".to_owned()));
    let mut rest = Vec::new();
    // It may be told of the end by a reset, because nobody has read what it sent.
    let _ = half.read_to_end(&mut rest);
    assert_eq!(rest, b"", "an answer to half a question");
    // Together they have far more time than anybody waits for an answer.
    let _silent: Vec<_> = (0..100).map(|_| connect(addr)).collect();
    assert_eq!(get(addr, "/healthz"), (200, "ok\n".to_owned()));
    for (request, status) in [
        ("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nx=1", "405"),
        ("GET /other HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
        ("LOGIN ann@x ann-secret\r\n", "400"),
    ] {
        let answer = ask(addr, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
    }
    ann.fence();
}

#[test]
fn what_is_wrong_is_told() {
    let server = start(&[]);
    let addr = metrics_addr(&server);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let good = server.members_text();
    fs::write(server.members(), format!("{good}who is this\n")).expect("written");
    until("the mistake is told", || get(addr, "/healthz").0 == 503);
    let (_, told) = get(addr, "/healthz");
    assert!(told.contains("members.txt:"), "{told}");
    fs::write(server.members(), &good).expect("written");
    until("all is well again", || get(addr, "/healthz") == (200, "ok\n".to_owned()));

    // A disk that does not answer until it was told.
    let Some(strace) = Strace::attach(server.pid(), "fdatasync:delay_enter=60000000:when=1") else { return };
    ann.say("MSG slow");
    until("the disk is told", || {
        get(addr, "/healthz") == (503, "the disk of the history stands still\n".to_owned())
    });
    drop(strace);
    ann.expect("OK MSG 1 <time>");
    until("all is well again", || get(addr, "/healthz").0 == 200);
}

#[test]
fn prometheus_reads_them_and_its_alerts_fire() {
    let mut server = start(&["--max-connections", "2"]);
    let addr = metrics_addr(&server);
    let folder = tempfile::tempdir().expect("a folder");
    let Some(prometheus) = Prometheus::start(folder.path(), addr) else {
        return skip("there is no prometheus here");
    };
    until("a figure", || {
        let told = prometheus.ask("/api/v1/query?query=chat_room_members");
        told.contains("\"job\":\"chat-room\"") && told.contains(&format!(",\"{}\"]", GROUP.len()))
    });
    assert!(!prometheus.ask("/api/v1/rules").contains("\"health\":\"err\""));
    // A first question may have been answered too late.
    until("nothing is wrong yet", || prometheus.ask("/api/v1/alerts").contains("\"alerts\":[]"));

    let good = server.members_text();
    fs::write(server.members(), format!("{good}who is this\n")).expect("written");
    prometheus.until_firing("ChatRoomMembersFile");

    let mut inside = ["ann@x", "bob@x"].map(|who| Peer::member(server.addr(), who));
    let mut outside = Peer::connect(server.addr());
    outside.expect("BYE full …");
    prometheus.until_firing("ChatRoomFull");
    for peer in &mut inside {
        peer.fence();
    }

    if let Some(_strace) = Strace::attach(server.pid(), "fdatasync:delay_enter=1500000") {
        // Not only the first of them: a monitor sees how a figure grows.
        for n in 1..=3 {
            inside[0].say("MSG slow");
            inside[0].expect(&format!("OK MSG {n} <time>"));
        }
        prometheus.until_firing("ChatRoomSlowCommits");
    }

    server.kill();
    prometheus.until_firing("ChatRoomDown");
}

#[test]
fn the_alerts_fire_when_they_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(root.join("deploy/monitoring/alerts.yml"), folder.path().join("rules.yml")).expect("a copy");
    fs::copy(root.join("tests/alerts.yml"), folder.path().join("tests.yml")).expect("a copy");
    let tested = Command::new("promtool").current_dir(&folder).args(["test", "rules", "tests.yml"]).output();
    let Ok(output) = tested else { return skip("there is no promtool here") };
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{told}");
    let config = root.join("deploy/monitoring/prometheus.yml");
    let checked =
        Command::new("promtool").args(["check", "config"]).arg(config).output().expect("it has just run");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// The words of a text that are names of metrics, without what a histogram adds.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("chat_room_"));
    let base = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"].iter();
        ends.fold(name, |name, end| name.strip_suffix(end).unwrap_or(name)).to_owned()
    };
    names.map(base).collect()
}

#[test]
fn no_document_names_a_metric_that_there_is_not() {
    let server = start(&[]);
    let (_, text) = get(metrics_addr(&server), "/metrics");
    let of_nodes = ["stream_applied", "stream_behind", "last_commit_seconds", "members_file_behind"];
    let mut there_are = metrics_in(&text);
    there_are.extend(of_nodes.map(|name| format!("chat_room_{name}")));
    for name in ["deploy/monitoring/alerts.yml", "deploy/monitoring/grafana.json", "docs/operating.md"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a file");
        let named = metrics_in(&text);
        assert!(!named.is_empty(), "{name} names none");
        assert_eq!(named.difference(&there_are).collect::<Vec<_>>(), Vec::<&String>::new(), "{name}");
    }
}
