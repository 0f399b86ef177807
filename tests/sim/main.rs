//! The room under a seeded simulation: the same code that mio drives, driven by a shell whose workers are
//! late, whose disk fails, whose clients read a byte at a time, vanish in mid-line or never read at all.
//!
//! The oracle is the naive server: a list of lines per client, appended when an event becomes durable. It
//! shares no code with the outbox. What a client received is always a prefix of what the oracle holds for
//! it, and in the end, when everything has drained, all of it.
//!
//! `SIM_SEED=n` replays one seed and prints its trace, `SIM_SEEDS=n` runs so many, 0 runs until stopped.
#![expect(clippy::print_stdout, reason = "a replayed seed tells what it did")]

mod edits;
mod file;
mod hashes;
mod invited;
mod lists;
mod nodes;
mod oracle;
mod rng;
mod secrets;
#[path = "../common/seeds.rs"]
mod seeds;
#[path = "../common/shared_log.rs"]
mod shared_log;
mod swarm;
mod workers;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use world::World;

fn run(seed: u64) -> swarm::Report {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    match outcome {
        Ok(report) => report,
        Err(panic) => {
            println!("{}", world.trace());
            println!("replay with: SIM_SEED={seed} cargo test --release --test sim -- --nocapture");
            resume_unwind(panic);
        }
    }
}

fn replay(seed: u64) {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    println!("{}", world.whole_trace());
    let report = outcome.unwrap_or_else(|panic| resume_unwind(panic));
    println!("{report:?}");
}

#[test]
fn seeds() {
    seeds::seeds("everybody received just what they should", replay, run, swarm::Report::figures);
}
