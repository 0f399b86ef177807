//! What each node says of the whole group when everything is at rest: WHO, MEMBERS and INFO.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::common::peer::Peer;
use super::record::Files;
use super::recorder::{MEMBERS, Recorder};

/// Asks until all nodes say what is right; presence may take its time. What is wrong in the end.
pub(super) fn until_everybody_is_seen(
    nodes: &[(String, SocketAddr)],
    recorder: &Recorder,
    files: &Files,
    patience: Duration,
) -> Vec<String> {
    let deadline = Instant::now() + patience;
    let right = right(recorder, files);
    loop {
        let said = nodes.iter().map(|(name, addr)| (name, ask(*addr, files)));
        let wrong = said.filter(|(_, said)| *said != right);
        let wrong: Vec<String> =
            wrong.map(|(name, said)| format!("{name} says {said:#?} instead of {right:#?}")).collect();
        if wrong.is_empty() || Instant::now() > deadline {
            return wrong;
        }
        sleep(Duration::from_millis(200));
    }
}

/// All members are connected and have everything.
fn right(recorder: &Recorder, files: &Files) -> Vec<String> {
    let devices: BTreeMap<String, usize> = recorder.devices();
    let who = devices.iter().map(|(mail, devices)| format!("WHO {mail} devices={devices}"));
    let members = files.members.iter().map(|mail| {
        let role = if MEMBERS[..2].contains(&mail.as_str()) { "admin" } else { "member" };
        let online = if devices.contains_key(mail) { "yes" } else { "no" };
        format!("MEMBER {mail} role={role} online={online}")
    });
    who.chain(members).chain(["pending=0".to_owned()]).collect()
}

/// What a node answers.
fn ask(addr: SocketAddr, files: &Files) -> Vec<String> {
    let mut ann = Peer::member(addr, "ann@x/-");
    let history = String::from_utf8_lossy(&files.history);
    let last_message =
        history.lines().rfind(|line| line.starts_with("MSG ")).and_then(|line| line.split(' ').nth(1));
    ["WHO".to_owned(), "MEMBERS".to_owned(), format!("INFO {}", last_message.unwrap_or("1"))]
        .iter()
        .flat_map(|command| answer(&mut ann, command))
        .collect()
}

/// The lines of an answer, without when somebody was seen, and without the last one but for who has not got something.
fn answer(ann: &mut Peer, command: &str) -> Vec<String> {
    ann.say(command);
    let mut lines = Vec::new();
    loop {
        let line = ann.line().expect("an answer");
        if line.starts_with("ERR ") {
            return vec![line];
        }
        if let Some(ok) = line.strip_prefix("OK ") {
            lines.extend(ok.split(' ').find(|word| word.starts_with("pending=")).map(str::to_owned));
            return lines;
        }
        lines.push(line.split(" seen=").next().expect("split gives at least one piece").to_owned());
    }
}
