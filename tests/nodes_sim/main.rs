//! One group on some nodes under a seeded simulation: each has a replica and a naive room, and all have one stream, which
//! delays, loses answers, stores long after it has failed, repeats, and answers with less than it has; nodes are cut off,
//! crash, join and come back.
//!
//! The oracle is naive, too: it reads the stream's messages one by one, with code of its own. All nodes' lines are the same
//! bytes, each a beginning of the oracle's; each proposal is answered once, in order and rightly; nothing is said twice, also
//! by members who go to another node and say there what they have no answer for; wherever a device logs in, it misses nothing;
//! in the end, when everything works,
//! everybody has everything, and each node knows who is at the others. Of nodes whose lines are not the same those stop that have
//! no majority.
//!
//! `SIM_SEED=n` replays one seed and prints its trace, `SIM_SEEDS=n` runs so many, 0 runs until stopped.
#![expect(clippy::print_stdout, reason = "a replayed seed tells what it did")]

mod broker;
mod clients;
mod devices;
mod faults;
mod here;
mod logins;
mod node;
mod oracle;
mod report;
#[path = "../sim/rng.rs"]
mod rng;
#[path = "../common/seeds.rs"]
mod seeds;
mod sums;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use report::Report;
use world::World;

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

fn replay(seed: u64) {
    let mut world = World::new(seed);
    world.trace = Some(String::new());
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    println!("{}", world.trace.take().unwrap_or_default());
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
    for (what, times) in world.report.figures() {
        println!("{times:>12} × {what}");
    }
}

#[test]
fn seeds() {
    seeds::seeds("all nodes had the same", replay, run, |report: &Report| {
        report.figures().collect::<Vec<_>>()
    });
}
