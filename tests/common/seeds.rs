//! Runs a simulation with many seeds, or replays one. `SIM_SEED=n` replays one seed and prints its trace, `SIM_SEEDS=n` runs so
//! many, 0 runs until stopped.

use std::ops::AddAssign;

/// So many run in `cargo test`.
const SEEDS_DEFAULT: u64 = 2000;

/// Runs them, and prints now and then what `held` in all of them, and how often each thing has happened. Each has to happen.
pub(super) fn seeds<Report: Default + AddAssign, Figures: IntoIterator<Item = (&'static str, usize)>>(
    held: &str,
    replay: impl FnOnce(u64),
    run: impl Fn(u64) -> Report,
    figures: impl Fn(&Report) -> Figures,
) {
    if let Some(seed) = number("SIM_SEED") {
        return replay(seed);
    }
    let (first, count) = match number("SIM_SEEDS") {
        Some(0) => (std::process::id().into(), u64::MAX),
        Some(count) => (0, count),
        None => (0, SEEDS_DEFAULT),
    };
    let tell = |seeds: u64, total: &Report| {
        println!("{seeds} seeds, and {held}:");
        for (what, times) in figures(total) {
            println!("{times:>12} × {what}");
        }
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
        for (what, times) in figures(&total) {
            assert!(times > 0, "no seed had any {what}");
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a seed is a number"))
}
