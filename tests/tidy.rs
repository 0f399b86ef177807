//! Rules about the source itself: the wall between the pure half and the rest, and tidiness. Each rule is a function from text
//! to complaints, and is tried on something bad, too.

#[path = "tidy/architecture.rs"]
mod architecture;
#[path = "tidy/chart.rs"]
mod chart;
#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/completions.rs"]
mod completions;
#[path = "tidy/confusables.rs"]
mod confusables;
#[path = "tidy/curves.rs"]
mod curves;
#[path = "tidy/fields.rs"]
mod fields;
#[path = "tidy/figures.rs"]
mod figures;
#[path = "tidy/growth.rs"]
mod growth;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/links.rs"]
mod links;
#[path = "tidy/options.rs"]
mod listed;
#[path = "tidy/numbers.rs"]
mod numbers;
#[path = "tidy/picture.rs"]
mod picture;
#[path = "tidy/words.rs"]
mod words;

use std::path::{Path, PathBuf};

use chat_room::manual::Flag;
use chat_room::protocol::{Bye, Code, Verb};
use chat_room::{client, options};

/// A file of this repository: its name from the root, and its text.
struct File {
    name: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// The text files: those at the root and all under the folders that people write in. members.txt is left out,
/// it is its admin's.
fn files() -> Vec<File> {
    let mut found = Vec::new();
    list(root(), false, &mut found);
    for folder in ["src", "tests", "benches", "deploy", "docs", "findings", ".ci"] {
        list(&root().join(folder), true, &mut found);
    }
    found.sort_by(|a: &File, b| a.name.cmp(&b.name));
    assert!(found.len() > 40, "the files are not where they are looked for");
    found
}

fn list(folder: &Path, deep: bool, found: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path: PathBuf = entry.expect("an entry").path();
        if path.is_dir() {
            if deep {
                list(&path, deep, found);
            }
            continue;
        }
        let name = path.strip_prefix(root()).expect("it is below").to_str().expect("a plain name").to_owned();
        if name == "members.txt" || name == ".git" {
            continue;
        }
        // What is no text is an editor's.
        if let Ok(text) = std::fs::read_to_string(&path) {
            found.push(File { name, text });
        }
    }
}

/// All complaints about all files of the source whose name begins so, at once.
fn nothing_wrong(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Rust without comments and without what stands between quotes; lines stay where they are.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let word_before = at > 0 && is_word(bytes[at - 1]);
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if !word_before && raw_string(rest).is_some() {
            raw_string(rest).expect("just asked")
        } else if rest.starts_with('"') {
            quoted(rest, '"')
        } else if rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'') && rest.starts_with('\'') {
            quoted(rest, '\'')
        } else {
            let c = rest.chars().next().expect("not at the end");
            out.push(c);
            at += c.len_utf8();
            continue;
        };
        out.extend(rest[..skipped].chars().filter(|&c| c == '\n'));
        at += skipped;
    }
    out
}

/// The length of `r"…"` or `br#"…"#` at the beginning of a text.
fn raw_string(text: &str) -> Option<usize> {
    let behind = text.strip_prefix("br").or(text.strip_prefix('r'))?;
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    let inside = behind[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside.find(&close).map_or(inside.len(), |end| end + close.len());
    Some(text.len() - inside.len() + end)
}

/// The length of what is quoted at the beginning of a text, with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The lines, counted from 1, in which a phrase stands by itself.
fn lines_with(text: &str, phrase: &str) -> Vec<usize> {
    let alone = |line: &str| {
        line.match_indices(phrase).any(|(at, _)| {
            let edge =
                |inside: u8, outside: Option<&u8>| !is_word(inside) || !outside.is_some_and(|&b| is_word(b));
            let (bytes, end) = (line.as_bytes(), at + phrase.len());
            edge(bytes[at], at.checked_sub(1).and_then(|before| bytes.get(before)))
                && edge(bytes[end - 1], bytes.get(end))
        })
    };
    (1..).zip(text.lines()).filter(|(_, line)| alone(line)).map(|(number, _)| number).collect()
}

/// Which part of the source may not know what.
const WALL: &[(&str, &[&str])] = &[
    ("src/room/", WITHOUT_WORLD),
    ("src/protocol/", WITHOUT_WORLD),
    ("src/limits/", WITHOUT_WORLD),
    ("src/server/log/cluster/applied.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/apply.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/batch", WITHOUT_WORLD),
    ("src/server/log/cluster/command.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/copies/offers.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/copies/text.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/copies/window.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/ids.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/interface.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/members.rs", WITHOUT_WORLD),
    ("src/server/log/cluster/nats/", WITHOUT_WORLD),
    ("src/server/log/cluster/own", WITHOUT_WORLD),
    ("src/server/log/cluster/replica", WITHOUT_WORLD),
    ("src/server/log/cluster/state", WITHOUT_WORLD),
    ("src/server/log/cluster/tail", WITHOUT_WORLD),
    ("src/server/log/lines.rs", WITHOUT_WORLD),
    ("src/server/net/web/answer", WITHOUT_WORLD),
    ("src/server/net/web/files.rs", WITHOUT_WORLD),
    ("src/server/net/web/frames", WITHOUT_WORLD),
    ("src/server/net/web/request", WITHOUT_WORLD),
    ("src/room/", HALVES),
    ("src/protocol/", HALVES),
    ("src/limits/", HALVES),
    ("src/protocol/", &["crate::room"]),
    ("src/client/connection/", OUTSIDE),
    ("src/client/chat/mod.rs", OUTSIDE),
    ("src/client/chat/prompt/", OUTSIDE),
    ("src/client/chat/requests.rs", OUTSIDE),
    ("src/client/chat/transcript.rs", OUTSIDE),
    ("src/client/chat/out.rs", OUTSIDE),
    ("src/client/", &["crate::room", "crate::server", "chat_room::room", "chat_room::server"]),
    // Names in braces would pass the rules above unseen.
    ("src/room/", &["crate::{", "std::{"]),
    ("src/protocol/", &["crate::{", "std::{"]),
    ("src/client/", &["crate::{"]),
];

/// The halves of the program that wait or fail.
const HALVES: &[&str] = &["crate::server", "crate::client", "crate::options"];

/// What only these may know, and what is pure may not. `std::io::Write` is allowed: it is how one formats into a Vec.
const WITHOUT_WORLD: &[&str] = &[
    "std::net",
    "std::fs",
    "std::io",
    "std::os",
    "std::env",
    "std::process",
    "std::thread",
    "std::sync::mpsc",
    "Mutex",
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "RandomState",
    "mio",
    "socket2",
    "rustix",
    "getrandom",
    "rand",
    "log::",
    "error!",
    "warn!",
    "info!",
    "debug!",
    "trace!",
    "println!",
    "eprintln!",
];

/// What the pure parts of the client may not know: they are given lines, keys and the time. Their tests may.
const OUTSIDE: &[&str] = &[
    "std::net",
    "std::fs",
    "std::io",
    "std::env",
    "std::thread",
    "mpsc",
    "now()",
    "SystemTime",
    "fastrand",
    "socket2",
    "rustix",
    "crate::client::link",
    "crate::client::network",
];

fn wall(file: &File) -> Vec<String> {
    // The wing, not the crate.
    let code =
        code(&file.text).replace("std::io::Write", "").replace("crate::server::log::", "crate::server::");
    let is_test = file.name.starts_with("src/client/") && file.name.ends_with("/tests.rs");
    let concerns = |begin: &str, phrases| file.name.starts_with(begin) && !(is_test && phrases == OUTSIDE);
    let rules = WALL.iter().filter(|(begin, phrases)| concerns(begin, *phrases));
    let forbidden = rules.flat_map(|(_, phrases)| phrases.iter());
    forbidden
        .flat_map(|phrase| {
            let found = lines_with(&code, phrase).into_iter();
            found.map(move |line| format!("{}:{line}: {phrase} may not be known here", file.name))
        })
        .collect()
}

#[test]
fn the_wall_stands() {
    nothing_wrong(files().iter().flat_map(wall));
    let bad = |name: &str, text: &str| wall(&File { name: name.to_owned(), text: text.to_owned() }).len();
    assert_eq!(bad("src/room/a.rs", "use crate::server::Server;\n"), 1);
    assert_eq!(bad("src/room/a.rs", "use std::io::Write as _;\nuse std::io::{Read, Write};\n"), 1);
    assert_eq!(bad("src/room/a.rs", "let now = Instant::now(); log::info!(\"x\");\n"), 3);
    assert_eq!(bad("src/protocol/framing.rs", "let m: std::collections::HashMap<u8, u8>;\n"), 1);
    assert_eq!(bad("src/protocol/framing.rs", "use crate::{room, limits};\n"), 1);
    assert_eq!(bad("src/limits/net.rs", "use crate::server::Server;\n"), 1);
    let log = "use crate::server::log::cluster::ids::Start; use std::fs::File;\n";
    assert_eq!(bad("src/server/log/cluster/state/tests.rs", log), 1);
    assert_eq!(bad("src/server/log/cluster/state.rs", "log::warn!(\"x\");\n"), 2);
    assert_eq!(bad("src/server/log/cluster/worker.rs", log), 0);
    assert_eq!(bad("src/client/a.rs", "use crate::room::Room;\n"), 1);
    assert_eq!(bad("src/client/connection/a.rs", "let now = Instant::now(); use std::io::Read;\n"), 2);
    assert_eq!(bad("src/client/connection/tests.rs", "let now = Instant::now();\n"), 0);
    assert_eq!(bad("src/client/connection/tests.rs", "use crate::room::Room;\n"), 1);
    assert_eq!(bad("src/client/chat/prompt/a.rs", "let now = Instant::now();\n"), 1);
    assert_eq!(bad("src/server/a.rs", "use crate::room::Room; use std::net::TcpStream;\n"), 0);
    assert_eq!(bad("src/room/a.rs", "// not HashMap\nlet x = \"Instant\"; debug_assert!(randomly);\n"), 0);
}

/// The wings of the server. `turn` brings them together and may know all of them; nobody knows it.
const WINGS: [&str; 6] = ["net", "auth", "log", "members", "ops", "turn"];

/// What a wing takes from its siblings: nothing, but `ops` reads what the others have to tell.
fn wings(file: &File) -> Vec<String> {
    let Some((wing, _)) = file.name.strip_prefix("src/server/").and_then(|rest| rest.split_once('/')) else {
        return Vec::new();
    };
    let code = code(&file.text);
    let siblings = WINGS.into_iter().filter(|sibling| match wing {
        "turn" => false,
        "ops" => *sibling == "turn",
        _ => *sibling != wing,
    });
    let phrases = siblings.map(|sibling| format!("crate::server::{sibling}"));
    // `Server` is everything: a wing or a phase takes what it needs.
    let phrases = phrases.chain(["crate::server::Server".to_owned()]);
    // Nobody but the turn meets the room; the others know what it says and is told.
    let phrases = phrases.chain((wing != "turn").then(|| "Room".to_owned()));
    // Names in braces would pass unseen.
    let phrases = phrases.chain((wing != "turn").then(|| "crate::server::{".to_owned()));
    let complain = |phrase: String| {
        let lines = lines_with(&code, &phrase).into_iter();
        lines
            .map(move |line| format!("{}:{line}: {phrase} may not be known here", file.name))
            .collect::<Vec<_>>()
    };
    phrases.flat_map(complain).collect()
}

#[test]
fn no_wing_imports_a_sibling() {
    nothing_wrong(files().iter().flat_map(wings));
    let bad = |name: &str, text: &str| wings(&File { name: name.to_owned(), text: text.to_owned() }).len();
    for wing in WINGS.into_iter().chain(["files", "threads"]) {
        let name = format!("src/server/{wing}/a.rs");
        let others = WINGS.into_iter().filter(|other| *other != wing);
        let text =
            others.map(|other| format!("use crate::server::{other}::x;\n")).collect::<Vec<_>>().concat();
        let expected = match wing {
            "turn" => 0,
            "ops" => 1,
            "files" | "threads" => 6,
            _ => 5,
        };
        assert_eq!(bad(&name, &text), expected, "{wing}");
        assert_eq!(bad(&name, "use crate::server::{net, log};\n"), usize::from(wing != "turn"), "{wing}");
        assert_eq!(bad(&name, "use crate::server::keys::Key;\n"), 0, "{wing}");
        assert_eq!(bad(&name, "use crate::server::Server;\n"), 1, "{wing}");
        let room = "use crate::room::{ConnId, Room};\n";
        assert_eq!(bad(&name, room), usize::from(wing != "turn"), "{wing}");
    }
    assert_eq!(bad("src/server/mod.rs", "use crate::server::net::listen;\n"), 0);
}

/// What no library has a safe call for.
const UNSAFE: [&str; 2] = ["src/server/net/tcp_info.rs", "src/server/threads/priority.rs"];

fn unsafe_code(file: &File) -> Vec<String> {
    let rust = ["src/", "tests/", "benches/"].iter().any(|folder| file.name.starts_with(folder));
    if !rust || UNSAFE.contains(&file.name.as_str()) {
        return Vec::new();
    }
    let word = concat!("un", "safe");
    let found = lines_with(&code(&file.text), word).into_iter();
    found.map(|line| format!("{}:{line}: {word} belongs to {}", file.name, UNSAFE.join(", "))).collect()
}

#[test]
fn nothing_is_unsafe_elsewhere() {
    nothing_wrong(files().iter().flat_map(unsafe_code));
    let bad = |name: &str| {
        let text = format!("{} {{ x() }} // \"\n", concat!("un", "safe"));
        unsafe_code(&File { name: name.to_owned(), text }).len()
    };
    assert_eq!((bad("src/room/a.rs"), bad("tests/a.rs"), bad("src/server/net/tcp_info.rs")), (1, 1, 0));
}

/// What is left when somebody was not done.
const LEFT_OVER: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
    concat!("d", "bg!"),
];

fn untidy(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: &str| complaints.push(format!("{}:{line}: {what}", file.name));
    for (number, line) in (1..).zip(file.text.split('\n')) {
        // A recipe begins with a tab, or make does not know it.
        let line = if file.name == "Makefile" { line.strip_prefix('\t').unwrap_or(line) } else { line };
        if line.ends_with([' ', '\t']) {
            complain(number, "blanks at the end of the line");
        }
        if line.contains('\t') {
            complain(number, "a tab");
        }
        if line.contains('\r') {
            complain(number, "a CR");
        }
    }
    let last = file.text.split('\n').count();
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        complain(last, "the file should end with one line feed");
    }
    for mark in LEFT_OVER {
        for line in lines_with(&file.text, mark) {
            complain(line, mark);
        }
    }
    complaints
}

/// Lines of a file of the source, if it gives no reason at its head.
const LINES_MAX: usize = 350;

/// How that reason begins, in a line of the module's comment.
const REASON: &str = "//! Longer than 350 lines: ";

fn too_long(file: &File) -> Option<String> {
    let length = file.text.lines().count();
    let mut head = file.text.lines().take_while(|line| line.starts_with("//!"));
    let is_fine =
        length <= LINES_MAX || head.any(|line| line.len() > REASON.len() && line.starts_with(REASON));
    let complaint = || {
        let name = &file.name;
        format!("{name}: {length} lines; two files want to be made of it, or its head says: {REASON}…")
    };
    (file.name.starts_with("src/") && !is_fine).then(complaint)
}

#[test]
fn long_files_have_reasons() {
    nothing_wrong(files().iter().filter_map(too_long));

    let bad =
        |name: &str, text: &str| too_long(&File { name: name.to_owned(), text: text.to_owned() }).is_some();
    let long = "x\n".repeat(351);
    assert_eq!(
        [bad("src/a.rs", &long), bad("src/a.rs", &long[2..]), bad("tests/a.rs", &long)],
        [true, false, false]
    );
    assert!(!bad("src/a.rs", &format!("//! What it is.\n{REASON}one idea.\n\n{long}")));
    assert!(bad("src/a.rs", &format!("{REASON}\n{long}")), "the reason is missing");
    assert!(bad("src/a.rs", &format!("//! What it is.\n{long}{REASON}one idea.\n")), "not at its head");
}

#[test]
fn files_are_tidy() {
    nothing_wrong(files().iter().flat_map(untidy));
    let bad = |name: &str, text: &str| untidy(&File { name: name.to_owned(), text: text.to_owned() }).len();
    assert_eq!(bad("a.md", "fine\n"), 0);
    assert_eq!(bad("a.md", "blank \n"), 1);
    assert_eq!(bad("a.md", "a\tb\n"), 1);
    assert_eq!(bad("a.md", "cr\r\n"), 1);
    assert_eq!((bad("a.md", "no end"), bad("a.md", "two ends\n\n")), (1, 1));
    assert_eq!((bad("Makefile", "a:\n\tb\n"), bad("Makefile", "a:\n\tb\tc\n")), (0, 1));
    for mark in LEFT_OVER {
        assert_eq!(bad("a.rs", &format!("// {mark} later\n")), 1, "{mark}");
    }
}

/// Dependencies without a reason. One comment may stand for two that belong together, which the names tell:
/// one is part of the other.
fn without_reason(manifest: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut among_dependencies = false;
    let mut above = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            among_dependencies = line.ends_with("dependencies]");
        } else if among_dependencies && let Some((name, _)) = line.split_once(" = ") {
            let before = above.split_once(" = ").map_or("", |(before, _)| before);
            let related = !before.is_empty() && (name.contains(before) || before.contains(name));
            if !above.starts_with('#') && !related {
                complaints.push(format!("Cargo.toml: {name} has no comment above that says what it is for"));
            }
        }
        above = line;
    }
    complaints
}

#[test]
fn dependencies_have_reasons() {
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("[dependencies]\n") && manifest.contains("[dev-dependencies]\n"));
    nothing_wrong(without_reason(&manifest));
    let bad =
        |lines: &str| without_reason(&format!("[package]\nname = \"x\"\n[dev-dependencies]\n{lines}")).len();
    assert_eq!(bad("# Why.\na = \"1\"\na-more = \"1\"\n"), 0);
    assert_eq!(bad("# Why.\na = \"1\"\n\nb = \"1\"\n"), 1);
    assert_eq!(bad("# Why.\nfirst = \"1\"\nsecond = \"1\"\n"), 1);
}

/// The first column of the table below a heading, without its backquotes.
fn table_below<'a>(document: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, section) = document.split_once(heading).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let section = section.split("\n## ").next().expect("split gives at least one piece");
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

/// What stands in only one of two lists.
fn differences(here: &[&str], there: &[&str]) -> Vec<String> {
    let lacks = |list: &[&str], word: &&str| !list.contains(word);
    let missing = here.iter().filter(|word| lacks(there, word)).map(|word| format!("{word} is not told"));
    let extra = there.iter().filter(|word| lacks(here, word)).map(|word| format!("{word} does not exist"));
    missing.chain(extra).collect()
}

#[test]
fn every_code_is_in_the_protocol() {
    let protocol = read("PROTOCOL.md");
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    let byes: Vec<&str> = Bye::ALL.iter().map(|bye| bye.word()).collect();
    nothing_wrong(differences(&codes, &table_below(&protocol, "\n## Errors\n")));
    nothing_wrong(differences(&byes, &table_below(&protocol, "\n## Last words\n")));
    assert_eq!(differences(&["a", "b"], &["b", "c"]), ["a is not told", "c does not exist"]);
    assert_eq!(table_below("x\n## H\n\n| a |\n|---|\n| `b` | c `d` |\n\n## I\n| `e` |\n", "\n## H\n"), ["b"]);
}

/// Codes that the client spells out, instead of reading them into their type.
fn spelled_codes(file: &File) -> Vec<String> {
    if !file.name.starts_with("src/client/") || file.name.contains("/tests") {
        return Vec::new();
    }
    let (code, _) = file.text.split_once("#[cfg(test)]").unwrap_or((&file.text, ""));
    let words = Code::ALL.iter().map(|code| code.word()).chain(Bye::ALL.iter().map(|bye| bye.word()));
    let found = words.filter(|word| code.contains(&format!("\"{word}\"")));
    found.map(|word| format!("{}: \"{word}\" is a code, and has a type", file.name)).collect()
}

#[test]
fn no_code_is_compared_as_text() {
    nothing_wrong(files().iter().flat_map(spelled_codes));
    let bad =
        |name: &str, text: &str| spelled_codes(&File { name: name.to_owned(), text: text.to_owned() }).len();
    assert_eq!(bad("src/client/a.rs", "code == \"bad-mail\" || code == \"removed\"\n"), 2);
    assert_eq!(bad("src/client/a.rs", "is full\n#[cfg(test)]\n\"bad-mail\"\n"), 0);
    assert_eq!(bad("src/protocol/a.rs", "\"bad-login\"\n"), 0);
}

fn not_mentioned(words: &[&str], document: &str) -> Vec<String> {
    let told: Vec<&str> = document.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let missing = words.iter().filter(|word| !told.contains(word));
    missing.map(|word| format!("{word} is not mentioned")).collect()
}

#[test]
fn the_documents_name_every_command() {
    let protocol = read("PROTOCOL.md");
    let verbs: Vec<String> = Verb::ALL.iter().map(|verb| format!("\n### {verb}\n")).collect();
    nothing_wrong(
        verbs
            .iter()
            .filter(|heading| !protocol.contains(*heading))
            .map(|heading| format!("PROTOCOL.md has no section{heading}")),
    );
    let verbs: Vec<String> = Verb::ALL.iter().map(ToString::to_string).collect();
    let verbs: Vec<&str> = verbs.iter().map(String::as_str).collect();
    nothing_wrong(not_mentioned(&verbs, &read("docs/conversation.md")));

    assert_eq!(not_mentioned(&["--log-file", "-l"], "say `--log-file`, or -l").len(), 0);
    assert_eq!(not_mentioned(&["--log", "-m"], "say `--log-file`, or -l").len(), 2);
}

/// A document with other options: from the line with which they begin to the one that no longer belongs to them.
fn with_options(
    document: &str,
    begins: impl Fn(&str) -> bool,
    ends: impl Fn(&str) -> bool,
    new: &str,
) -> String {
    let lines: Vec<&str> = document.split_inclusive('\n').collect();
    let first = lines.iter().position(|line| begins(line)).expect("a place for the options");
    let after = lines[first..].iter().position(|line| ends(line)).map_or(lines.len(), |n| first + n);
    [&lines[..first].concat(), new, &lines[after..].concat()].concat()
}

fn page_with(page: &str, flags: &[Flag]) -> String {
    let (begin, new) = (".SH OPTIONS\n", format!(".SH OPTIONS\n{}", listed::man(flags)));
    with_options(page, |line| line == begin, |line| line.starts_with(".SH ") && line != begin, &new)
}

fn document_with(document: &str, flags: &[Flag]) -> String {
    let (begins, ends) = (|line: &str| line.starts_with("| option "), |line: &str| !line.starts_with('|'));
    with_options(document, begins, ends, &listed::table(flags))
}

/// A program as its command line is described.
struct Program {
    name: &'static str,
    flags: Vec<Flag>,
    /// Words that are no options.
    commands: &'static [&'static str],
}

/// The manual pages, the tables and the completions are read without building; they are committed as they are rendered.
#[test]
fn the_options_are_told_as_they_are() {
    let server = Program { name: "chat-room-server", flags: options::flags::flags(), commands: &[] };
    let client = Program {
        name: "chat-room-client",
        flags: client::flags::flags(),
        commands: &client::flags::COMMANDS,
    };
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (program, document) in [(server, "docs/operating.md"), (client, "docs/client.md")] {
        let page = format!("src/man/{}.1", program.name);
        let bash = format!("deploy/completions/{}.bash", program.name);
        let zsh = format!("deploy/completions/_{}", program.name);
        for (name, should) in [
            (page.as_str(), page_with(&read(&page), &program.flags)),
            (document, document_with(&read(document), &program.flags)),
            (&bash, completions::bash(&program)),
            (&zsh, completions::zsh(&program)),
        ] {
            let is = std::fs::read_to_string(root().join(name)).unwrap_or_default();
            if is != should && update {
                std::fs::write(root().join(name), should).expect("the file");
            } else if is != should {
                wrong.push(format!(
                    "{name} has not the options of flags.rs; this writes them: UPDATE=1 cargo test --test tidy options"
                ));
            }
        }
    }
    nothing_wrong(wrong);

    let flags = [Flag::switch("yes", "do it")];
    let page = page_with(".TH X\n.SH OPTIONS\nold\n.SH FILES\n.SH X\n", &flags);
    assert_eq!(page, format!(".TH X\n.SH OPTIONS\n{}.SH FILES\n.SH X\n", listed::man(&flags)));
    let document = document_with("| a |\n\n| option | |\n|---|---|\n| old |\n\n| b |\n", &flags);
    assert_eq!(document, format!("| a |\n\n{}\n| b |\n", listed::table(&flags)));
}

#[test]
fn the_man_pages_are_of_this_version() {
    for name in ["src/man/chat-room-server.1", "src/man/chat-room-client.1"] {
        let version = format!("\"Chat-Room {}\"", env!("CARGO_PKG_VERSION"));
        assert!(read(name).contains(&version), "{name} is not of this version");
    }
}

const FOLDERS: [&str; 6] = ["src/", "tests/", "benches/", "deploy/", "docs/", "findings/"];

/// Files of this repository that a document names and that are not there.
fn not_there(document: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let words = document.split(|c: char| c.is_whitespace() || "()[]`,;|".contains(c));
    let names = words
        .map(|word| word.strip_prefix("../").unwrap_or(word))
        .filter(|word| FOLDERS.iter().any(|begin| word.starts_with(begin)));
    let names = names.map(|name| name.split('#').next().unwrap_or(name).trim_end_matches(['.', ':']));
    names.filter(|name| !exists(name)).map(|name| format!("{name} is not there")).collect()
}

fn is_document(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "md")
}

#[test]
fn files_that_documents_name_are_there() {
    let exists = |name: &str| root().join(name).exists();
    let documents: Vec<File> = files().into_iter().filter(|file| is_document(&file.name)).collect();
    assert!(documents.len() >= 8, "the documents are not where they are looked for");
    for File { name, text } in &documents {
        nothing_wrong(not_there(text, exists).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert_eq!(not_there("see [it](src/nothing.rs), src/lib.rs.", exists), ["src/nothing.rs is not there"]);
}

#[test]
fn code_is_told_from_comments_and_quotes() {
    for (text, expected) in [
        ("a // b\nc", "a \nc"),
        ("a /* b\n */ c", "a \n c"),
        ("x(\"a\\\"b\", 'c', '\\'', b\"d\")", "x(, , , b)"),
        (
            "fn f<'a>(x: &'a str) -> &'static str { 'l: loop {} }",
            "fn f<'a>(x: &'a str) -> &'static str { 'l: loop {} }",
        ),
        ("r\"\\\" + r#\"a\"b\"# + br\"c\" + over\"d\"", " +  +  + over"),
        ("'\"' + '漢' + \"//\" + 1", " +  +  + 1"),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
    assert_eq!(lines_with("a b\nab\nb(a)\n", "a"), [1, 3]);
}
