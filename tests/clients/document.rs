//! docs/clients.md: it names the programs of the table, with their commands, and holds the settings of those that have a
//! file of them. The tests take these from it, so they are what was tried.

use std::collections::BTreeSet;

use crate::blocks;
use crate::monitors::MONITORS;
use crate::proxies::PROXIES;
use crate::table::{PROGRAMS, Piped};

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/clients.md"))
        .expect("it is there, and text")
}

/// The block of this name, after three backticks.
pub(crate) fn block(name: &str) -> String {
    blocks::named(&document(), name)
}

/// The first cells of all tables' rows, their heads left out.
fn names(document: &str) -> BTreeSet<&str> {
    let rows: Vec<&str> = document.lines().collect();
    let is_head = |at: usize| rows.get(at + 1).is_some_and(|next| next.starts_with("|---"));
    (0..rows.len())
        .filter(|&at| rows[at].starts_with("| ") && !is_head(at))
        .map(|at| rows[at].split('|').nth(1).expect("a cell").trim())
        .collect()
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_document_names_what_was_tried() {
    let document = document();
    let tried = PROGRAMS.iter().map(|program| program.name);
    let tried =
        tried.chain(PROXIES.iter().map(|proxy| proxy.name)).chain(MONITORS.iter().map(|one| one.name));
    assert_eq!(names(&document), tried.collect::<BTreeSet<_>>());

    let document = squeezed(&document);
    for program in PROGRAMS {
        let piped = match program.piped {
            Piped::HalfCloses(command) | Piped::Quits(command) | Piped::Script(command) => Some(command),
            Piped::No => None,
        };
        for command in [program.seat.command].into_iter().chain(piped) {
            let command = squeezed(command);
            let stands = document.contains(&format!("`{command}`"))
                || document.contains(&format!("```sh {command} ```"));
            assert!(stands, "{}: not in docs/clients.md: {command}", program.name);
        }
    }
}
