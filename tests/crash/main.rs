//! The real server is killed at random under load, again and again, and nothing is lost: what every client was told
//! and shown is compared with the files and with what later logins say.
//!
//! `TORTURE_CYCLES=n` for so many lives instead of 50, `TORTURE_SEED=n` to begin with that seed: what the clients do
//! is the same then, when the kernel lets them is not.

mod campaign;
mod check;
mod client;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod devices;
mod folder;
mod group;
#[path = "../sim/rng.rs"]
mod rng;
mod seeded;
mod stream;
mod tale;

use std::io::Write as _;

const CYCLES_DEFAULT: u64 = 50;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn whenever_it_is_killed_nothing_is_lost() {
    let cycles = number("TORTURE_CYCLES").unwrap_or(CYCLES_DEFAULT);
    let seed = number("TORTURE_SEED").unwrap_or(1);
    campaign::torture(seed, cycles, |done, time, figures, ends| {
        writeln!(std::io::stdout(), "{done} cycles in {} s: {figures}; {ends:?}", time.as_secs())
            .expect("standard output");
    });
}
