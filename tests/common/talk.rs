//! Conversations with the server as data.

use std::collections::BTreeMap;

use super::peer::Peer;
use super::server::Server;

/// A server and who talks to it. A script has one step a line, `NAME`, a sign, and what belongs to it:
///
/// - `ann: laptop` connects and logs in as `ann@x/laptop`; without a word, as the default device. Digits
///   behind a name are for telling one member's connections apart: `ann2:` is `ann@x` too.
/// - `ann> LINE` sends a line; `ann>> BYTES` sends bytes without an end. `\n \r \t \s \\ \xff \u{2028}` stand
///   for what they usually do. Who is new connects before, and takes HELLO.
/// - `ann< LINE` is the next line that comes; `…` in it stands for anything. Who is new connects before.
/// - `ann=` nothing more has come (a fence).
/// - `ann|` says that no more will come; `ann.` the server has hung up; `ann/` goes away.
pub(crate) struct Talk {
    pub(crate) server: Server,
    peers: BTreeMap<String, Peer>,
}

/// Plays a script with a server of its own.
#[track_caller]
pub(crate) fn check(script: &str) {
    Talk::with(Server::start()).play(script);
}

impl Talk {
    pub(crate) fn with(server: Server) -> Talk {
        Talk { server, peers: BTreeMap::new() }
    }

    /// Somebody who came in another way takes part.
    pub(crate) fn join(&mut self, name: &str, peer: Peer) {
        self.peers.insert(name.to_owned(), peer);
    }

    pub(crate) fn peer(&mut self, name: &str) -> &mut Peer {
        self.peers.get_mut(name).expect("somebody of that name takes part")
    }

    #[track_caller]
    pub(crate) fn play(&mut self, script: &str) {
        let steps =
            script.lines().map(str::trim_start).filter(|step| !step.is_empty() && !step.starts_with('#'));
        for step in steps {
            let shown: String = step.chars().take(200).collect();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.step(step)));
            if let Err(why) = result {
                let said = why.downcast_ref::<String>().map(String::as_str);
                let said = said.or(why.downcast_ref::<&str>().copied()).unwrap_or("");
                panic!("at the step: {shown}\n{said}");
            }
        }
    }

    fn step(&mut self, step: &str) {
        let name_len = step.find(|c: char| !c.is_ascii_alphanumeric()).expect("a sign follows the name");
        let (name, rest) = step.split_at(name_len);
        let (sign, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if !self.peers.contains_key(name) {
            let mut peer = Peer::connect(self.server.addr());
            if sign != "<" {
                peer.expect("HELLO chat-room/…");
            }
            self.peers.insert(name.to_owned(), peer);
        }
        let peer = self.peer(name);
        match sign {
            ":" => {
                let who = name.trim_end_matches(|c: char| c.is_ascii_digit());
                let device = if rest.is_empty() { String::new() } else { format!("/{rest}") };
                peer.login(&format!("{who}@x{device}"));
            }
            ">" => {
                let mut bytes = unescaped(rest);
                bytes.push(b'\n');
                peer.send(&bytes);
            }
            ">>" => peer.send(&unescaped(rest)),
            "<" => peer.expect(rest),
            "=" => peer.fence(),
            "|" => peer.half_close(),
            "." => peer.expect_end(),
            "/" => drop(self.peers.remove(name)),
            _ => panic!("no such sign: {sign}"),
        }
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (sign, after) = after.split_at(1);
        rest = after;
        match sign {
            "n" => bytes.push(b'\n'),
            "r" => bytes.push(b'\r'),
            "t" => bytes.push(b'\t'),
            "s" => bytes.push(b' '),
            "\\" => bytes.push(b'\\'),
            "x" => {
                bytes.push(u8::from_str_radix(&after[..2], 16).expect("two hex digits"));
                rest = &after[2..];
            }
            "u" => {
                let (number, after) = after[1..].split_once('}').expect("a number in braces");
                let number = u32::from_str_radix(number, 16).expect("a hex number");
                let c = char::from_u32(number).expect("a character");
                bytes.extend_from_slice(c.to_string().as_bytes());
                rest = after;
            }
            _ => panic!("no such escape: {sign}"),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
