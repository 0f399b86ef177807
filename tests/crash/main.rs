//! The real server is killed at random under load, again and again, and nothing is lost: what every client was told
//! and shown is compared with the files and with what later logins say.
//!
//! `TORTURE_CYCLES=n` for so many lives, `TORTURE_SEED=n` to begin with that seed: what the clients do is the same
//! then, when the kernel lets them is not. Without the first only the checker itself is tried, with seeded faults:
//! the checker does not know yet that lines count that arrived before their connection was reset, and complains
//! of some of them (`said by nobody`).

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

#[test]
fn whenever_it_is_killed_nothing_is_lost() {
    let Some(cycles) = number("TORTURE_CYCLES") else {
        writeln!(std::io::stdout(), "skipped: TORTURE_CYCLES does not say how often; make torture does")
            .expect("standard output");
        return;
    };
    let seed = number("TORTURE_SEED").unwrap_or(1);
    campaign::torture(seed, cycles, |done, time, figures, ends| {
        writeln!(std::io::stdout(), "{done} cycles in {} s: {figures}; {ends:?}", time.as_secs())
            .expect("standard output");
    });
}
