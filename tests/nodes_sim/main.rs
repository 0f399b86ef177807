//! One group on some nodes under a seeded simulation: each has a replica and a naive room, and all have one stream, which
//! delays, loses answers, stores long after it has failed, repeats, and answers with less than it has; nodes are cut off,
//! crash, join and come back.
//!
//! The oracle is naive, too: it reads the stream's messages one by one, with code of its own. All nodes' lines are the same
//! bytes, each a beginning of the oracle's; each proposal is answered once, in order and rightly; nothing is said twice, also
//! by members who go to another node and say there what they have no answer for; in the end, when everything works,
//! everybody has everything.
//!
//! `SIM_SEED=n` replays one seed and prints its trace, `SIM_SEEDS=n` runs so many, 0 runs until stopped.
#![expect(clippy::print_stdout, reason = "a replayed seed tells what it did")]

mod broker;
mod clients;
mod faults;
mod node;
mod oracle;
mod report;
#[path = "../sim/rng.rs"]
mod rng;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use report::Report;
use world::World;

const SEEDS_DEFAULT: u64 = 2000;

fn run(seed: u64) -> Report {
    let mut world = World::new(seed);
    match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(()) => world.report,
        Err(panic) => {
            println!("replay with: SIM_SEED={seed} cargo test --release --test nodes_sim -- --nocapture");
            resume_unwind(panic);
        }
    }
}

fn tell(seeds: u64, total: &Report) {
    println!("{seeds} seeds, and all nodes had the same:");
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
        world.trace = Some(String::new());
        let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
        println!("{}", world.trace.take().unwrap_or_default());
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
        tell(1, &world.report);
        return;
    }
    let (first, count) = match number("SIM_SEEDS") {
        Some(0) => (std::process::id().into(), u64::MAX),
        Some(count) => (0, count),
        None => (0, SEEDS_DEFAULT),
    };
    let mut total = Report::default();
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
