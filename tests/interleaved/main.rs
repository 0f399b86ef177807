//! A thousand times: edits of members.txt by hand, passwords typed into it, commands, logins, and hashes that are slow, in
//! any order, over the real thread of that file and a real file. In the end file, group and those who get in agree.
//!
//! The model is the file as people know it: of each member the password in plain text, as whoever wrote last wrote it. The
//! scripted hasher's hashes tell which password they are of.
//!
//! `INTERLEAVED_SEED=n` plays one and prints what it did.
#![expect(clippy::print_stdout, reason = "a replayed seed tells what it did")]

#[path = "../common/members_file.rs"]
mod members_file;
mod people;
#[path = "../sim/rng.rs"]
mod rng;
mod text;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use world::{Counts, World};

const SEEDS: u64 = 1000;

fn play(seed: u64, folder: &Path, counts: &mut Counts) -> String {
    let mut world = World::new(seed, folder);
    let played = catch_unwind(AssertUnwindSafe(|| world.play()));
    if let Err(panic) = played {
        println!("{}", world.trace());
        println!("replay with: INTERLEAVED_SEED={seed} cargo test --test interleaved -- --nocapture");
        resume_unwind(panic);
    }
    *counts += world.counts;
    world.trace().to_owned()
}

#[test]
fn file_group_and_who_gets_in_agree() {
    // In memory if there is such a folder: some thousand replacements are synced.
    let shared = Path::new("/dev/shm");
    let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    let folder = folder.expect("a folder");
    let mut counts = Counts::default();
    if let Ok(seed) = std::env::var("INTERLEAVED_SEED") {
        println!("{}", play(seed.parse().expect("a number"), folder.path(), &mut counts));
        return;
    }
    for seed in 0..SEEDS {
        play(seed, folder.path(), &mut counts);
    }
    println!("{counts:#?}");
    counts.assert_all_happened();
}
