//! No password stays in the server's memory, whichever way it came: the memory is searched for each.

mod common;

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};

use common::disk::skip;
use common::peer::Peer;
use common::server::{GROUP, Server, cheap_hash, members_txt};

/// Of the process's memory that it may write: how often each of these stands there. `None`: it cannot be read here.
fn found(server: &Server, words: &[&str]) -> Option<Vec<usize>> {
    let proc = format!("/proc/{}", server.pid().as_raw_nonzero());
    let mut memory = File::open(format!("{proc}/mem")).ok()?;
    let mut counts = vec![0; words.len()];
    for line in fs::read_to_string(format!("{proc}/maps")).ok()?.lines() {
        let (range, rest) = line.split_once(' ').expect("an address");
        if !rest.starts_with("rw") || rest.ends_with("[vvar]") {
            continue;
        }
        let (from, to) = range.split_once('-').expect("a range");
        let number = |digits| u64::from_str_radix(digits, 16).expect("hex");
        memory.seek(SeekFrom::Start(number(from))).ok()?;
        let mut bytes = Vec::new();
        // A thread may have given it back meanwhile.
        let _ = (&mut memory).take(number(to) - number(from)).read_to_end(&mut bytes);
        for (word, count) in words.iter().zip(&mut counts) {
            *count += memchr::memmem::find_iter(&bytes, word).count();
        }
    }
    Some(counts)
}

#[test]
fn no_password_stays_in_memory() {
    // Long enough for a copy that is half overwritten to be found, and for buffers to grow.
    let secret = |name: &str| format!("{}-{name}", "Kx7-".repeat(40));
    let text = members_txt(&GROUP) + &format!("zoe@x {}\n", cheap_hash(&secret("login")));
    let server = Server::with(&text, &[]);
    if found(&server, &["zoe@x"]).is_none_or(|counts| counts[0] == 0) {
        return skip("another process's memory cannot be read here");
    }
    // Looked for at once: what is given back is soon overwritten, or never.
    let nowhere = |name: &str| {
        let word = secret(name)[100..].to_owned();
        let counts = found(&server, &[&word]).expect("as before");
        assert_eq!(counts, [0], "{name}");
    };
    let mut zoe = Peer::connect(server.addr());
    zoe.expect("HELLO …");
    for piece in format!("LOGIN zoe@x/- {}\nPING in\n", secret("login")).as_bytes().chunks(7) {
        zoe.send(piece);
    }
    zoe.expect("OK LOGIN zoe@x …");
    zoe.expect("OK PING in");
    nowhere("login");
    zoe.say(&format!("PASSWD {} {}", secret("login"), secret("new")));
    zoe.expect("OK PASSWD");
    nowhere("new");
    // In a form that is made another before it is hashed.
    let pieces = |name: &str| format!("{}-{name}", "Ku\u{308}7-".repeat(40));
    zoe.say(&format!("PASSWD {} {}", secret("new"), pieces("pieces")));
    zoe.expect("OK PASSWD");
    let mut again = Peer::connect(server.addr());
    again.expect("HELLO …");
    again.say(&format!("LOGIN zoe@x/- {}", pieces("pieces").replace("u\u{308}", "\u{fc}")));
    again.expect("OK LOGIN zoe@x …");
    drop(again);
    let words = [pieces("pieces"), pieces("pieces").replace("u\u{308}", "\u{fc}")];
    let words = words.each_ref().map(|word| word.split_at(word.len() - 43).1);
    assert_eq!(found(&server, &words).expect("as before"), [0, 0]);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.send(format!("ADD kim@x {}", secret("added")).as_bytes());
    zoe.fence();
    ann.say("");
    ann.expect("OK ADD kim@x");
    nowhere("added");
    let word = ann.word_of("INVITE lea@x");
    let mut lea = Peer::connect(server.addr());
    lea.expect("HELLO …");
    lea.say(&format!("JOIN lea@x {word} {}", secret("joined")));
    lea.expect("OK JOIN lea@x");
    nowhere("joined");
    drop(lea);

    // Wrong verbs, lines too long, halves of them: before a login each may be a password.
    let mut anonymous = Peer::connect(server.addr());
    anonymous.expect("HELLO …");
    anonymous.say(&format!("LOGIM zoe@x {}", secret("verb")));
    anonymous.expect("ERR LOGIM unknown-command …");
    nowhere("verb");
    anonymous.say(&format!("LOGIN zoe@x {}", secret("wrong")));
    anonymous.expect("ERR LOGIN bad-login …");
    nowhere("wrong");
    anonymous.say(&format!("JOIN lea@x wrong {}", secret("stranger")));
    anonymous.expect("ERR JOIN bad-invite …");
    nowhere("stranger");
    anonymous.say(&format!("LOGIN zoe@x {} {}", secret("long"), "x".repeat(5000)));
    anonymous.expect("ERR LOGIN too-long …");
    anonymous.expect("BYE …");
    nowhere("long");
    drop(anonymous);
    let mut anonymous = Peer::connect(server.addr());
    anonymous.expect("HELLO …");
    anonymous.send(format!("LOGIN zoe@x {}", secret("half")).as_bytes());
    drop(anonymous);
    ann.until_stat("connections", 2..=2);
    nowhere("half");
}
