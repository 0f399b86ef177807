//! The figures of ARCHITECTURE.md have the states, threads and phases that the code has.

use std::collections::BTreeSet;

use crate::{File, files, nothing_wrong, read};

/// The names of an enum's variants.
fn variants<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    let (_, body) =
        source.split_once(&format!("enum {name} {{\n")).unwrap_or_else(|| panic!("no enum {name}"));
    let body = body.lines().take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
    let names = body.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    names.filter_map(|line| line.split([',', '(', ' ']).next()).collect()
}

/// The names of the threads that a file starts.
fn threads(source: &str) -> Vec<&str> {
    let workers = source.split("Worker::spawn(\"").skip(1);
    let others = source.split(".name(\"").skip(1);
    workers.chain(others).filter_map(|rest| rest.split('"').next()).collect()
}

/// Which of these words a document lacks.
fn lacking(words: &[&str], document: &str) -> Vec<String> {
    let told: Vec<&str> = document.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let missing = words.iter().filter(|words| !words.split(' ').all(|word| told.contains(&word)));
    missing.map(|word| format!("ARCHITECTURE.md does not have {word}")).collect()
}

/// The phases that a function calls, in their order.
fn called<'a>(function: &'a str, phases: &[&str]) -> Vec<&'a str> {
    let words = function.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
    words.filter_map(|word| Some(word.split_once("::")?.0)).filter(|module| phases.contains(module)).collect()
}

/// Whether all of these phases are among the calls, in this order.
fn come_in_order(phases: &[&str], calls: &[&str]) -> bool {
    let mut calls = calls.iter();
    phases.iter().all(|phase| calls.any(|call| call == phase))
}

#[test]
fn the_phases_stand_in_the_order_of_the_turn() {
    let (document, source) = (read("ARCHITECTURE.md"), read("src/server/mod.rs"));
    let (_, table) = document.split_once("\n## One turn of the loop\n").expect("it has that section");
    let (table, _) = table.split_once("\n\nThe order").expect("a sentence follows the table");
    let (_, turn) = source.split_once("    fn turn(").expect("there is a turn");
    let (turn, _) = turn.split_once("\n    }\n").expect("it ends");
    let drawn: Vec<&str> = table.split("turn/").skip(1).filter_map(|rest| rest.split(".rs").next()).collect();
    let called = called(turn, &drawn);
    // The others are called by methods of the turn's own.
    let drawn: Vec<&str> = drawn.into_iter().filter(|phase| called.contains(phase)).collect();
    assert!(drawn.len() >= 7, "{drawn:?}");
    assert!(come_in_order(&drawn, &called), "ARCHITECTURE.md has {drawn:?}, the turn {called:?}");

    assert!(come_in_order(&["a", "b"], &["a", "c", "b"]) && !come_in_order(&["b", "a"], &["a", "b"]));
}

#[test]
fn the_figures_have_what_the_code_has() {
    let document = read("ARCHITECTURE.md");
    for (file, name) in [
        ("src/room/session.rs", "Session"),
        ("src/room/session.rs", "Waiting"),
        ("src/server/net/conn.rs", "Inflow"),
        ("src/server/net/conn.rs", "Outflow"),
    ] {
        let source = read(file);
        let states = variants(&source, name);
        assert!(states.len() > 2, "{name} has more: {states:?}");
        nothing_wrong(lacking(&states, &document));
    }
    let server: Vec<File> = files().into_iter().filter(|file| file.name.starts_with("src/server/")).collect();
    // The thread of members.txt is one of two, with the same name.
    let names: BTreeSet<&str> = server.iter().flat_map(|file| threads(&file.text)).collect();
    // One that looks up a name ends with that.
    let names: Vec<&str> = names.into_iter().filter(|name| *name != "resolver").collect();
    assert_eq!(names.len(), 10, "the text says how many threads there are: {names:?}");
    nothing_wrong(lacking(&names, &document));
    let phases = server.iter().filter_map(|file| file.name.strip_prefix("src/server/"));
    let phases = phases.filter(|name| {
        name.starts_with("turn/") && !name.ends_with("/mod.rs") && !name.ends_with("/tests.rs")
    });
    let missing = phases.filter(|name| !document.contains(*name));
    nothing_wrong(missing.map(|name| format!("ARCHITECTURE.md does not have {name}")));

    let source = "x\npub enum A {\n    /// B\n    One,\n    Two(B, C),\n    Three { x: u8 },\n}\nenum D {\n    E,\n}\n";
    assert_eq!(variants(source, "A"), ["One", "Two", "Three"]);
    assert_eq!(threads("Worker::spawn(\"a b\", 2); x.name(\"c\".to_owned())"), ["a b", "c"]);
    assert_eq!(lacking(&["a b", "c_d", "e"], "b, a `c_d`."), ["ARCHITECTURE.md does not have e"]);
}
