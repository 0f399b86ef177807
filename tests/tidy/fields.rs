//! No struct is a whole program: one that many parts reach has few fields, so that a line shows what it may touch.
//!
//! A part is a folder of `server`, `room` or `client`, one of these three itself, or a file beside them. It reaches a struct
//! if one of its files names it.

use std::collections::BTreeSet;

use crate::circles::Crate;
use crate::imports::tokens;
use crate::{File, code, files, nothing_wrong};

/// The most fields of a struct that more than one part reaches.
const FIELDS_MAX: usize = 12;

/// The structs of a file with their numbers of fields.
fn structs(text: &str) -> Vec<(String, usize)> {
    let text = code(text);
    let tokens = tokens(&text);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let ["struct", name, rest @ ..] = &tokens[at..] else { continue };
        let body = rest.iter().position(|token| ["{", "(", ";"].contains(token));
        let Some(body) = body.filter(|&body| rest[body] == "{") else { continue };
        let (mut depth, mut fields, mut is_open) = (0, 0, false);
        for token in &rest[body..] {
            match *token {
                "{" | "(" | "[" | "<" => depth += 1,
                "}" | ")" | "]" | ">" => depth -= 1,
                // A field has a name and a colon, in no bracket but the struct's.
                ":" if depth == 1 && !is_open => (fields, is_open) = (fields + 1, true),
                "," if depth == 1 => is_open = false,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        found.push(((*name).to_owned(), fields));
    }
    found
}

fn part(file: &str) -> &str {
    let name = file.strip_prefix("src/").and_then(|name| name.strip_suffix(".rs"));
    let name = name.expect("only those are looked at");
    let (folder, rest) = name.split_once('/').unwrap_or((name, ""));
    match rest.split_once('/') {
        Some((below, _)) if ["server", "room", "client"].contains(&folder) => {
            &name[..folder.len() + 1 + below.len()]
        }
        _ => folder,
    }
}

fn large(files: &[File]) -> Vec<String> {
    let modules = Crate::of(files);
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.name.starts_with("src/")) {
        let structs = structs(&file.text).into_iter().filter(|(_, fields)| *fields > FIELDS_MAX);
        for (name, fields) in structs {
            let parts: BTreeSet<&str> = modules.reach(&file.name, &name).into_iter().map(part).collect();
            if parts.len() > 1 {
                let parts = parts.into_iter().collect::<Vec<_>>().join(", ");
                complaints
                    .push(format!("{}: {name} has {fields} fields and is reached from {parts}", file.name));
            }
        }
    }
    complaints
}

#[test]
fn no_struct_that_many_parts_reach_has_many_fields() {
    nothing_wrong(large(&files()));
    let fields = |count: usize| "f: Map<A, B>, ".repeat(count);
    let among = |count: usize, others: &[(&str, &str)]| {
        let own = format!("pub struct Large {{ {}}}\n", fields(count));
        let folders = ["lib.rs", "server/mod.rs", "server/net/mod.rs"].map(|name| (name, ""));
        let files =
            folders.into_iter().chain([("server/net/a.rs", own.as_str())]).chain(others.iter().copied());
        let files = files.map(|(name, text)| File { name: format!("src/{name}"), text: text.to_owned() });
        large(&files.collect::<Vec<_>>())
    };
    let used = "use crate::server::net::a::Large;\n";
    assert_eq!(
        among(13, &[("server/turn/b.rs", used), ("server/clocks.rs", "fn f(_: super::net::a::Large) {}\n")]),
        ["src/server/net/a.rs: Large has 13 fields and is reached from server, server/net, server/turn"]
    );
    assert_eq!(among(12, &[("server/turn/b.rs", used)]), [""; 0]);
    assert_eq!(among(13, &[("server/net/b.rs", used), ("server/net/c/d.rs", used)]), [""; 0]);
    assert_eq!(among(13, &[("server/turn/b.rs", "use crate::server::net::b::Large;\n")]), [""; 0]);
}

#[test]
fn fields_are_counted() {
    for (text, expected) in [
        ("struct A { a: u8, b: Vec<(u8, u8)>, pub(in crate::x) c: [u8; 3] }", 3),
        ("struct A<T: Copy> where T: Send { /* x: u8, */ a: Box<dyn Fn(u8, &str) -> u8>, }", 1),
        (
            "#[derive(Debug)]\npub struct A {\n    /// One: it is.\n    a: crate::B,\n    #[x(y = 1, z)]\n    b: u8,\n}",
            2,
        ),
        ("struct A {}", 0),
    ] {
        assert_eq!(structs(text), [("A".to_owned(), expected)], "{text}");
    }
    assert_eq!(structs("struct A; struct B(u8, u8); enum C { D { a: u8 } }"), []);
}

#[test]
fn a_part_is_a_folder_or_a_file_beside() {
    for (file, expected) in [
        ("src/server/net/conn.rs", "server/net"),
        ("src/server/log/local/judge.rs", "server/log"),
        ("src/server/mod.rs", "server"),
        ("src/protocol/framing/tests.rs", "protocol"),
        ("src/options/flags.rs", "options"),
        ("src/options.rs", "options"),
    ] {
        assert_eq!(part(file), expected);
    }
}
