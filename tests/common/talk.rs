//! Conversations with the server as data.

use std::collections::BTreeMap;

use chat_room::protocol::{Code, Command, Request};

use super::grammar::{Grammar, fits_the_grammar};
use super::peer::Peer;
use super::server::Server;

/// A server and who talks to it. A script has one step a line, `NAME`, a sign, and what belongs to it:
///
/// - `ann: laptop` connects and logs in as `ann@x/laptop`; without a word, as the default device. Digits
///   after a name tell one member's connections apart: `ann2:` is `ann@x` too.
/// - `ann> LINE` sends a line; `ann>> BYTES` sends bytes without an end. `\n \r \t \s \\ \xff \u{2028}` stand
///   for what they usually do. Who is new connects before, and takes HELLO.
/// - `ann< LINE` is the next line that comes; `…` in it stands for anything. Who is new connects before.
/// - `ann=` nothing more has come (a fence).
/// - `ann|` says that no more will come; `ann.` the server has hung up; `ann/` goes away.
///
/// What is said and what comes has to fit the grammar of PROTOCOL.md.
pub(crate) struct Talk {
    pub(crate) server: Server,
    peers: BTreeMap<String, Peer>,
    /// What those who went away were sent.
    gone: Vec<Vec<u8>>,
    /// How many bytes of what each was sent fit the grammar, to the end of an answer or event.
    compared: BTreeMap<String, usize>,
}

/// Plays a script with a server of its own.
#[track_caller]
pub(crate) fn check(script: &str) {
    Talk::with(Server::start()).play(script);
}

impl Talk {
    pub(crate) fn with(server: Server) -> Talk {
        Talk { server, peers: BTreeMap::new(), gone: Vec::new(), compared: BTreeMap::new() }
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
        for (name, peer) in &self.peers {
            let compared = self.compared.entry(name.clone()).or_default();
            *compared = fits_the_grammar(peer.taken(), *compared);
        }
    }

    /// What the server has sent on each connection, as far as it was taken.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &[u8]> {
        self.gone.iter().map(Vec::as_slice).chain(self.peers.values().map(Peer::taken))
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
                bytes.split_inclusive(|&byte| byte == b'\n').for_each(is_said_as_it_is_understood);
                peer.send(&bytes);
            }
            ">>" => peer.send(&unescaped(rest)),
            "<" => peer.expect(rest),
            "=" => peer.fence(),
            "|" => peer.half_close(),
            "." => peer.expect_end(),
            "/" => {
                let peer = self.peers.remove(name).expect("just spoken to");
                fits_the_grammar(peer.taken(), self.compared.remove(name).unwrap_or(0));
                self.gone.push(peer.taken().to_vec());
            }
            _ => panic!("no such sign: {sign}"),
        }
    }
}

/// A line, with its LF, is in the grammar if and only if the server understands it, but for what a grammar cannot count.
#[track_caller]
pub(crate) fn is_said_as_it_is_understood(line: &[u8]) {
    let bare = line.strip_suffix(b"\n").expect("a line");
    let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
    // Telnet's commands are taken out before.
    if bare.contains(&255) {
        return;
    }
    let in_grammar = ["command", "blank"].iter().any(|rule| Grammar::of_the_protocol().matches(rule, line));
    let is_right = match Request::parse(bare) {
        _ if Command::of(bare).is_blank() => in_grammar,
        Ok(_) => in_grammar,
        Err(refusal) if in_grammar => is_uncountable(bare, refusal.code),
        Err(_) => true,
    };
    assert!(
        is_right,
        "in the grammar: {in_grammar}; the server: {:?}; {}",
        Request::parse(bare),
        line.escape_ascii()
    );
}

/// What the grammar allows and the server refuses: lengths in bytes, numbers above 64 bits, blanks beyond ASCII.
fn is_uncountable(line: &[u8], code: Code) -> bool {
    let longest = |bytes: &[u8]| bytes.split(|&byte| byte == b' ').map(<[u8]>::len).max().unwrap_or(0);
    let has_wide_blank = || String::from_utf8_lossy(line).chars().any(|c| c.is_whitespace() && !c.is_ascii());
    let is_short = |word: &[u8]| !word.is_empty() && word.len() < 6;
    match code {
        Code::BadMail => longest(line) > 254,
        Code::BadPassword => {
            longest(line) > 1024 || has_wide_blank() || line.split(|&byte| byte == b' ').skip(1).any(is_short)
        }
        Code::Usage => line.split(|&byte| byte == b' ').any(|word| {
            word.iter().all(u8::is_ascii_digit) && String::from_utf8_lossy(word).parse::<u64>().is_err()
        }),
        _ => false,
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
