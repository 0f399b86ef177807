//! Programs that people have, as clients of the real server. A program that is not installed is skipped.

#[path = "../common/blocks.rs"]
mod blocks;
#[path = "../common/mod.rs"]
mod common;
mod document;
mod keys;
mod monitors;
mod person;
mod piped;
mod proxies;
#[path = "../chat/pty.rs"]
#[allow(dead_code, reason = "the tests of the chat use more of it")]
mod pty;
mod run;
mod table;

use run::{are_there, with_all};
use table::{PROGRAMS, Program};

/// `CLIENT=telnet cargo test --test clients` looks only at those with that in their names.
fn programs() -> impl Iterator<Item = &'static Program> {
    let only = std::env::var("CLIENT").unwrap_or_default();
    PROGRAMS.iter().filter(move |program| program.name.contains(&only) && are_there(program.needs))
}

#[test]
fn lines_are_piped_into_each_of_them() {
    with_all(programs(), |program| program.name, piped::converse);
}

#[test]
fn a_person_talks_with_each_of_them() {
    with_all(programs(), |program| program.name, person::converse);
}
