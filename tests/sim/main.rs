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
mod lists;
mod nodes;
mod oracle;
mod rng;
mod secrets;
#[path = "../common/shared_log.rs"]
mod shared_log;
mod swarm;
mod workers;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use world::World;

const SEEDS_DEFAULT: u64 = 2000;

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

fn tell(seeds: u64, total: &swarm::Report) {
    println!("{seeds} seeds, and everybody received just what they should:");
    for (what, times) in total.figures() {
        println!("{times:>12} × {what}");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a seed is a number"))
}

#[test]
fn seeds() {
    if let Some(seed) = number("SIM_SEED") {
        let mut world = World::new(seed);
        let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
        println!("{}", world.whole_trace());
        let report = outcome.unwrap_or_else(|panic| resume_unwind(panic));
        println!("{report:?}");
        return;
    }
    let (first, count) = match number("SIM_SEEDS") {
        Some(0) => (std::process::id().into(), u64::MAX),
        Some(count) => (0, count),
        None => (0, SEEDS_DEFAULT),
    };
    let mut total = swarm::Report::default();
    for seed in (first..).take(usize::try_from(count).unwrap_or(usize::MAX)) {
        total += run(seed);
        if (seed - first) % 10_000 == 9_999 {
            tell(seed - first + 1, &total);
        }
    }
    if count % 10_000 != 0 {
        tell(count, &total);
    }
    // A simulation in which a thing never happens proves nothing about it.
    if count >= SEEDS_DEFAULT {
        for (what, times) in total.figures() {
            assert!(times > 0, "no seed had any {what}");
        }
    }
}
