//! Runs a simulation with many seeds, or replays one. `SIM_SEED=n` replays one seed and prints its trace, `SIM_SEEDS=n` runs so
//! many, 0 runs until stopped.

use std::ops::AddAssign;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// So many run in `cargo test`.
const SEEDS_DEFAULT: u64 = 2000;

/// Runs them, on all cores, and prints now and then what `held` in all of them, and how often each thing has happened. Each has
/// to happen.
pub(super) fn seeds<
    Report: Default + AddAssign + Send,
    Figures: IntoIterator<Item = (&'static str, usize)>,
>(
    held: &str,
    replay: impl FnOnce(u64),
    run: impl Fn(u64) -> Report + Sync,
    figures: impl Fn(&Report) -> Figures + Sync,
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
    let (next, done) = (AtomicU64::new(0), Mutex::new((0, Report::default())));
    let work = || {
        let _stop = Stop { next: &next, count };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            let report = run(first + number);
            let (seeds, total) = &mut *done.lock().expect("nobody panics with it");
            *total += report;
            *seeds += 1;
            if *seeds % 10_000 == 0 {
                tell(*seeds, total);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(work);
        }
    });
    let (_, total) = done.into_inner().expect("nobody panics with it");
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

/// When a seed has failed, no more are begun.
struct Stop<'a> {
    next: &'a AtomicU64,
    count: u64,
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.next.store(self.count, Ordering::Relaxed);
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a seed is a number"))
}
