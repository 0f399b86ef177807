//! The conversations in README.md and docs/conversation.md are true: a server on the demo group says what stands there,
//! to the byte, but for times, the transcript's name and the words of invitations.

#[path = "common/demo.rs"]
mod demo;

use std::collections::BTreeMap;

use chat_room::protocol::Time;
use demo::{Demo, Peer, committed_members};

/// The fenced blocks of a text whose opening says ```` ```text NAME ````, in their order: name and lines.
fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(opening) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(name) = opening.strip_prefix("text ") {
            found.push((name, block));
        }
    }
    found
}

/// A line without what is another each time.
fn lasting(line: &str) -> String {
    let word = |word: &str| match word {
        time if Time::parse(time).is_some() => "TIME".to_owned(),
        field if field.starts_with("transcript=") && field.len() == "transcript=fa752d65".len() => {
            "transcript=…".to_owned()
        }
        word => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Connections from before have been told nothing more.
fn has_ended(name: &str, peer: Option<Peer>) -> Result<(), String> {
    match peer.and_then(|mut peer| peer.line()) {
        None => Ok(()),
        said => Err(format!("{name} is also told {said:?}")),
    }
}

const INVITED: &str = "OK INVITE ";

/// Plays the conversation. The first thing that is not as the text says, if there is one.
fn play(text: &str) -> Result<usize, String> {
    let demo = Demo::start();
    let mut peers: BTreeMap<&str, Peer> = BTreeMap::new();
    // The words of invitations: in the text, and what the server says.
    let mut words: Vec<(String, String)> = Vec::new();
    let mut compared = 0;
    for (name, lines) in blocks(text) {
        for line in lines {
            if line.starts_with("$ nc ") {
                has_ended(name, peers.remove(name))?;
                peers.insert(name, demo.connect());
                continue;
            }
            let peer = peers.get_mut(name).ok_or(format!("{name} has not started nc"))?;
            if let Some(typed) = line.strip_prefix("> ") {
                let typed =
                    words.iter().fold(typed.to_owned(), |typed, (ours, its)| typed.replace(ours, its));
                peer.send(&format!("{typed}\n"));
                continue;
            }
            let mut said = peer.line().map(|said| lasting(&said));
            if let (Some(ours), Some(its)) =
                (line.strip_prefix(INVITED), said.as_ref().and_then(|said| said.strip_prefix(INVITED)))
                && ours.len() == its.len()
            {
                words.push((ours.to_owned(), its.to_owned()));
                said = Some(line.to_owned());
            }
            if said.as_ref() != Some(&lasting(line)) {
                return Err(format!("{name} is told {said:?} instead of {line:?}"));
            }
            compared += 1;
            if line == "OK QUIT" || line.starts_with("BYE ") {
                has_ended(name, peers.remove(name))?;
            }
        }
    }
    // Nothing was left out: a last line of ours is answered next.
    for (name, peer) in &mut peers {
        peer.send("PING\n");
        let said = peer.line();
        if said.as_deref() != Some("OK PING") {
            return Err(format!("{name} is also told {said:?}"));
        }
    }
    let after = std::fs::read_to_string(demo.members()).expect("text");
    if after != committed_members() {
        return Err("members.txt is not as it was".to_owned());
    }
    Ok(compared)
}

const README: &str = include_str!("../README.md");
const CONVERSATION: &str = include_str!("../docs/conversation.md");

#[test]
fn the_conversation_is_true() {
    for (document, least) in [(README, 5), (CONVERSATION, 60)] {
        let compared = play(document).expect("what it says");
        assert!(compared >= least, "only {compared} lines are compared");
    }
}

#[test]
fn a_conversation_that_is_not_true_is_found() {
    for (from, to, complaint) in [
        ("OK MSG 1 ", "OK MSG 9 ", "bob is told Some(\"OK MSG 1 TIME\") instead of"),
        ("last=3 missed=1 ", "last=3 missed=0 ", "cid is told Some(\"OK LOGIN cid@example.org"),
        ("HISTORY 5 6\n", "", "bob is told Some(\"HISTORY 5 6\") instead of"),
        ("WHO eve@example.org devices=1\n", "", "is told"),
        ("REMOVED 5 ", "REMOVED 6 ", "ann is told Some(\"REMOVED 5 TIME ann@example.org cid@example.org\")"),
        ("AAaUKaFUCCXyZ2jY my", "AAaUKaFUCCXyZ2jZ my", "kim is told Some(\"ERR JOIN bad-invite"),
        ("> QUIT\nOK QUIT\n", "> QUIT\n", "bob is also told Some(\"OK QUIT\")"),
        ("OK WHO 3\n", "OK WHO 3\n> PING\n", "is told Some(\"OK PING\") instead of \"BYE"),
    ] {
        let changed = if CONVERSATION.contains(from) {
            CONVERSATION.replacen(from, to, 1)
        } else {
            // A line that the text should not have: found when it is put in.
            CONVERSATION.replacen("OK WHO 3\n", &format!("{from}OK WHO 3\n"), 1)
        };
        let found = play(&changed).expect_err(from);
        assert!(found.contains(complaint), "{from:?}: {found}");
    }
}
