//! The grammar at the end of PROTOCOL.md, read from there: ABNF (RFC 5234, with the `%s` of RFC 7405) over bytes. A small
//! interpreter follows all alternatives at once, so that the order in which they are written means nothing.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use chat_room::protocol::Verb;

/// The rules of RFC 5234, appendix B.1, that PROTOCOL.md uses.
const CORE: &str = "\
ALPHA = %x41-5A / %x61-7A
CR = %x0D
DIGIT = %x30-39
HTAB = %x09
LF = %x0A
SP = %x20
VCHAR = %x21-7E
";

/// Rules by name. Names are in lower case: their case means nothing.
pub(crate) struct Grammar(BTreeMap<String, Node>);

#[derive(Debug)]
enum Node {
    Choice(Vec<Node>),
    Chain(Vec<Node>),
    /// At least, at most.
    Times(usize, usize, Box<Node>),
    Rule(String),
    /// One byte from here to there.
    Range(u8, u8),
    Bytes(Vec<u8>),
    /// In any case, as strings without `%s` are.
    Letters(Vec<u8>),
}

/// How far a text was understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// All of it is what the rule describes.
    pub(crate) is_whole: bool,
    /// It is that, or the beginning of it.
    pub(crate) is_beginning: bool,
    /// No more than so many bytes are the beginning of it.
    pub(crate) understood: usize,
}

/// What is after a heading of PROTOCOL.md, up to the next one.
pub(crate) fn section(heading: &str) -> &'static str {
    let (_, section) = include_str!("../../PROTOCOL.md")
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("PROTOCOL.md has no heading {heading}"));
    section.split("\n#").next().expect("split gives at least one piece")
}

/// The codes that PROTOCOL.md lists for a command.
pub(crate) fn listed_codes_of(verb: &str) -> Vec<&'static str> {
    let (_, list) = section(&format!("### {verb}")).split_once("Errors: ").unwrap_or_default();
    let list = list.split("\n\n").next().expect("split gives at least one piece");
    // What is in parentheses is about a code.
    let outside = list.split('(').filter_map(|part| part.rsplit(')').next());
    outside.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// These, and those that any command can get.
pub(crate) fn codes_of(verb: &str) -> Vec<&'static str> {
    let mut codes = listed_codes_of(verb);
    codes.extend(["login-first", "too-long"]);
    if ["ADD", "INVITE", "REMOVE", "RESET", "PROMOTE", "DEMOTE", "STATS", "TITLE", "ANNOUNCE"].contains(&verb)
    {
        codes.push("admin-only");
    }
    codes
}

impl Grammar {
    /// The one of PROTOCOL.md.
    pub(crate) fn of_the_protocol() -> &'static Grammar {
        static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
        GRAMMAR.get_or_init(|| {
            let (_, section) = include_str!("../../PROTOCOL.md")
                .split_once("\n```abnf\n")
                .expect("PROTOCOL.md has a block of ABNF");
            let (block, _) = section.split_once("\n```").expect("the block ends");
            Grammar::parse(block)
        })
    }

    /// Reads rules. A rule begins at the beginning of a line, the lines after it that begin with a blank belong to it.
    pub(crate) fn parse(text: &str) -> Grammar {
        let mut rules: Vec<String> = Vec::new();
        for line in CORE.lines().chain(text.lines()).map(without_comment).filter(|line| !line.is_empty()) {
            match rules.last_mut() {
                Some(rule) if line.starts_with(' ') => rule.push_str(line),
                _ => rules.push(line.to_owned()),
            }
        }
        let mut grammar = BTreeMap::new();
        for rule in rules {
            let (name, definition) = rule.split_once('=').unwrap_or_else(|| panic!("no rule: {rule}"));
            let mut rest = definition;
            let node = choice(&mut rest);
            assert!(rest.is_empty(), "not understood in the rule{name}: {rest}");
            let name = name.trim().to_ascii_lowercase();
            assert!(grammar.insert(name.clone(), node).is_none(), "two rules are called {name}");
        }
        Grammar(grammar)
    }

    fn rule(&self, name: &str) -> &Node {
        self.0.get(name).unwrap_or_else(|| panic!("no rule is called {name}"))
    }

    /// The rules that can be reached from these. Panics if one of them does not exist.
    pub(crate) fn reached_from(&self, names: &[&str]) -> Vec<String> {
        let mut reached: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut at = 0;
        while let Some(name) = reached.get(at) {
            let mut nodes = vec![self.rule(name)];
            while let Some(node) = nodes.pop() {
                match node {
                    Node::Choice(parts) | Node::Chain(parts) => nodes.extend(parts),
                    Node::Times(_, _, part) => nodes.push(part),
                    Node::Rule(name) if !reached.contains(name) => reached.push(name.clone()),
                    Node::Rule(_) | Node::Range(..) | Node::Bytes(_) | Node::Letters(_) => {}
                }
            }
            at += 1;
        }
        reached
    }

    /// Rules that no other uses, other than these.
    pub(crate) fn unused(&self, roots: &[&str]) -> Vec<&str> {
        let reached = self.reached_from(roots);
        self.0.keys().filter(|name| !reached.contains(name)).map(String::as_str).collect()
    }

    /// The words that a rule chooses from.
    pub(crate) fn words(&self, rule: &str) -> Vec<String> {
        let Node::Choice(words) = self.rule(rule) else { panic!("{rule} is no choice") };
        let word = |node: &Node| match node {
            Node::Bytes(word) | Node::Letters(word) => String::from_utf8(word.clone()).expect("ASCII"),
            other => panic!("{rule} has more than words: {other:?}"),
        };
        words.iter().map(word).collect()
    }

    /// Compares a text with a rule.
    pub(crate) fn compare(&self, rule: &str, text: &[u8]) -> Match {
        let attempt = Attempt { grammar: self, text, furthest: Cell::new(0), wants_more: Cell::new(false) };
        let ends = attempt.ends(self.rule(rule), &[0]);
        let is_whole = ends.last() == Some(&text.len());
        Match {
            is_whole,
            is_beginning: is_whole || attempt.wants_more.get(),
            understood: attempt.furthest.get(),
        }
    }

    /// Whether the whole text is what the rule describes.
    pub(crate) fn matches(&self, rule: &str, text: &[u8]) -> bool {
        self.compare(rule, text).is_whole
    }

    /// Something that the rule describes. `dice` gives a number below its argument.
    pub(crate) fn make(&self, rule: &str, dice: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
        let mut made = Vec::new();
        self.make_node(self.rule(rule), dice, &mut made);
        made
    }

    fn make_node(&self, node: &Node, dice: &mut dyn FnMut(usize) -> usize, made: &mut Vec<u8>) {
        match node {
            Node::Choice(parts) => self.make_node(&parts[dice(parts.len())], dice, made),
            Node::Chain(parts) => {
                for part in parts {
                    self.make_node(part, dice, made);
                }
            }
            Node::Times(least, most, part) => {
                for _ in 0..least + dice((most - least).min(8) + 1) {
                    self.make_node(part, dice, made);
                }
            }
            Node::Rule(name) => self.make_node(self.rule(name), dice, made),
            Node::Range(from, to) => {
                made.push(from + u8::try_from(dice(usize::from(to - from) + 1)).expect("below 256"));
            }
            Node::Bytes(bytes) => made.extend(bytes),
            Node::Letters(letters) => made.extend(letters.iter().map(|letter| match dice(2) {
                0 => letter.to_ascii_lowercase(),
                _ => letter.to_ascii_uppercase(),
            })),
        }
    }
}

/// A text that is being compared.
struct Attempt<'a> {
    grammar: &'a Grammar,
    text: &'a [u8],
    furthest: Cell<usize>,
    /// Somewhere only the text's end was in the way.
    wants_more: Cell<bool>,
}

impl Attempt<'_> {
    /// Where it can end if it begins at one of these places. Ascending, each once.
    fn ends(&self, node: &Node, starts: &[usize]) -> Vec<usize> {
        if starts.is_empty() {
            return Vec::new();
        }
        match node {
            Node::Choice(parts) => {
                let mut ends = Vec::new();
                for part in parts {
                    ends.extend(self.ends(part, starts));
                }
                sorted(ends)
            }
            Node::Chain(parts) => parts.iter().fold(starts.to_vec(), |at, part| self.ends(part, &at)),
            Node::Times(least, most, part) => {
                let mut at = starts.to_vec();
                for _ in 0..*least {
                    at = self.ends(part, &at);
                }
                let mut reached = at.clone();
                for _ in *least..*most {
                    at = self.ends(part, &at);
                    // Most often each time goes further than all before.
                    let is_further = at.first() > reached.last();
                    if !is_further {
                        at.retain(|place| reached.binary_search(place).is_err());
                    }
                    if at.is_empty() {
                        break;
                    }
                    reached.extend(&at);
                    if !is_further {
                        reached.sort_unstable();
                    }
                }
                reached
            }
            Node::Rule(name) => self.ends(self.grammar.rule(name), starts),
            Node::Range(from, to) => self.bytes(starts, 1, |_, byte| (*from..=*to).contains(&byte)),
            Node::Bytes(word) => self.bytes(starts, word.len(), |index, byte| byte == word[index]),
            Node::Letters(word) => {
                self.bytes(starts, word.len(), |index, byte| byte.eq_ignore_ascii_case(&word[index]))
            }
        }
    }

    fn bytes(&self, starts: &[usize], count: usize, fits: impl Fn(usize, u8) -> bool) -> Vec<usize> {
        let mut ends = Vec::with_capacity(starts.len());
        for &start in starts {
            let rest = &self.text[start..];
            let fitting = (0..count.min(rest.len())).take_while(|&index| fits(index, rest[index])).count();
            self.furthest.set(self.furthest.get().max(start + fitting));
            if fitting == count {
                ends.push(start + count);
            } else if fitting == rest.len() {
                self.wants_more.set(true);
            }
        }
        ends
    }
}

fn sorted(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places.dedup();
    places
}

/// A line up to its comment: a `;` that is not in a string.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    let begins = |c| {
        in_string ^= c == '"';
        c == ';' && !in_string
    };
    line.split(begins).next().expect("split gives at least one piece").trim_end()
}

fn choice(rest: &mut &str) -> Node {
    let mut parts = vec![chain(rest)];
    while let Some(after) = rest.strip_prefix('/') {
        *rest = after;
        parts.push(chain(rest));
    }
    if parts.len() == 1 { parts.remove(0) } else { Node::Choice(parts) }
}

fn chain(rest: &mut &str) -> Node {
    let mut parts = Vec::new();
    loop {
        *rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with(['/', ')', ']']) {
            break;
        }
        parts.push(repetition(rest));
    }
    assert!(!parts.is_empty(), "nothing before: {rest}");
    if parts.len() == 1 { parts.remove(0) } else { Node::Chain(parts) }
}

fn repetition(rest: &mut &str) -> Node {
    let least = digits(rest);
    if let Some(after) = rest.strip_prefix('*') {
        *rest = after;
        let most = digits(rest).unwrap_or(usize::MAX);
        return Node::Times(least.unwrap_or(0), most, Box::new(element(rest)));
    }
    match least {
        Some(count) => Node::Times(count, count, Box::new(element(rest))),
        None => element(rest),
    }
}

fn element(rest: &mut &str) -> Node {
    if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        let inner = choice(rest);
        *rest = rest.strip_prefix(')').unwrap_or_else(|| panic!("a ) is missing before: {rest}"));
        return inner;
    }
    if let Some(after) = rest.strip_prefix('[') {
        *rest = after;
        let inner = choice(rest);
        *rest = rest.strip_prefix(']').unwrap_or_else(|| panic!("a ] is missing before: {rest}"));
        return Node::Times(0, 1, Box::new(inner));
    }
    if let Some(after) = rest.strip_prefix("%s\"") {
        return Node::Bytes(string(after, rest));
    }
    if let Some(after) = rest.strip_prefix('"') {
        return Node::Letters(string(after, rest));
    }
    if let Some(after) = rest.strip_prefix("%x") {
        *rest = after;
        let first = hex(rest);
        if let Some(after) = rest.strip_prefix('-') {
            *rest = after;
            return Node::Range(first, hex(rest));
        }
        let mut bytes = vec![first];
        while let Some(after) = rest.strip_prefix('.') {
            *rest = after;
            bytes.push(hex(rest));
        }
        return Node::Bytes(bytes);
    }
    let name = taken(rest, |c| c.is_ascii_alphanumeric() || c == '-');
    assert!(name.starts_with(|c: char| c.is_ascii_alphabetic()), "no element: {name}{rest}");
    Node::Rule(name.to_ascii_lowercase())
}

/// What follows a `"`, up to the next one.
fn string<'a>(after: &'a str, rest: &mut &'a str) -> Vec<u8> {
    let (string, after) = after.split_once('"').unwrap_or_else(|| panic!("the string has no end: {after}"));
    *rest = after;
    string.as_bytes().to_vec()
}

fn digits(rest: &mut &str) -> Option<usize> {
    taken(rest, |c| c.is_ascii_digit()).parse().ok()
}

fn hex(rest: &mut &str) -> u8 {
    let digits = taken(rest, |c| c.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not a byte: {digits}"))
}

/// The beginning that consists of such characters, which is taken away.
fn taken<'a>(rest: &mut &'a str, is_part: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let (taken, after) = rest.split_at(end);
    *rest = after;
    taken
}

/// So much of what comes on a connection is compared with the grammar: that takes a second for two MiB.
const COMPARED_MAX: usize = 128 << 10;

/// Compares what a server sent on one connection, to its end or not. So much was compared already; returns how much is now.
#[track_caller]
pub(crate) fn fits_the_grammar(sent: &[u8], compared: usize) -> usize {
    if compared >= COMPARED_MAX {
        return compared;
    }
    let end = sent.len().min(compared + COMPARED_MAX);
    let (rule, more) = (if compared == 0 { "server" } else { "more" }, &sent[compared..end]);
    let found = Grammar::of_the_protocol().compare(rule, more);
    let (before, after) = more.split_at(found.understood);
    let line = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let rest = after.split(|&byte| byte == b'\n').next().unwrap_or_default();
    assert!(
        found.is_beginning,
        "PROTOCOL.md has not what the server sent after\n{}\nwhich is\n{}",
        before[line..].escape_ascii(),
        rest.escape_ascii()
    );
    for line in more[..end - compared].split(|&byte| byte == b'\n') {
        is_listed(line);
    }
    if found.is_whole || end < sent.len() { end } else { compared }
}

/// An `ERR` has a code that PROTOCOL.md lists for its command.
#[track_caller]
fn is_listed(line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    if let ["ERR", verb, code, ..] = line.split(' ').collect::<Vec<_>>()[..]
        && Verb::ALL.iter().any(|known| known.to_string() == verb)
    {
        assert!(codes_of(verb).contains(&code), "PROTOCOL.md does not list this code for {verb}: {line}");
    }
}
