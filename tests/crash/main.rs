//! The real server is killed at random under load, again and again, and nothing is lost: what every client was told
//! and shown is compared with the files and with what later logins say.
//!
//! `TORTURE_CYCLES=n` for so many lives instead of 50, and a line that tells of them now and then; `TORTURE_SEED=n` to
//! begin with that seed: what the clients do is the same then, when the kernel lets them is not.

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

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Lives in `cargo test`: half a minute.
const CYCLES_DEFAULT: u64 = 50;

#[test]
fn whenever_it_is_killed_nothing_is_lost() {
    let cycles = number("TORTURE_CYCLES");
    let seed = number("TORTURE_SEED").unwrap_or(1);
    campaign::torture(seed, cycles.unwrap_or(CYCLES_DEFAULT), |done, time, figures, ends| {
        if cycles.is_some() {
            writeln!(std::io::stdout(), "{done} cycles in {} s: {figures}; {ends:?}", time.as_secs())
                .expect("standard output");
        }
    });
}
