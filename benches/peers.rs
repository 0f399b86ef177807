//! Our server beside those that others use to say something to many: Redis, NATS, ngIRCd, `InspIRCd` and mosquitto, all with
//! the same load. Each is a process on the target's core, with its limits raised, and is asked for a password in the
//! cheapest form that it has. By turns each gets so many receivers, a single message now and then, and four publishers with
//! 64 messages of 60 bytes under way each; a message is under way until its server has answered it, or a PING after it.
//! What every receiver gets is compared.
//!
//! `make peers` does both tables, in which like is compared with like; `cargo bench --bench peers -- stored 1000` does a part
//! of one. Without `stored` or `not-stored` nothing is measured, so that `make bench` needs nobody else's servers. What is not
//! installed is left out, and the bench says so.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

#[path = "../tests/common/broker.rs"]
mod broker;
mod common;
#[path = "peers/mod.rs"]
mod peers;

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::table::{Spread, Table};
use common::{Plan, fail};
use peers::contestant::{self, Claim, Contestant};
use peers::round::{Figures, measure};
use peers::{proof, texts};

const SIZES: [usize; 3] = [100, 1_000, 10_000];
const PARTS: [(&str, &[Claim]); 2] =
    [("not-stored", &contestant::NOT_STORED), ("stored", &contestant::STORED)];
/// Each has its turn so often.
const ROUNDS: usize = 3;
/// But only once if that takes longer: then it is so slow that it does not matter how much it varies.
const LONG: Duration = Duration::from_secs(12);

fn main() -> ExitCode {
    common::main(|plan| {
        texts::prove_itself()?;
        proof::prove_itself()?;
        let is_asked = |part| plan.names(part) || plan.smoke && plan.wants(part);
        let asked: Vec<_> = PARTS.iter().filter(|(part, _)| is_asked(part)).collect();
        if asked.is_empty() {
            println!("`make peers` measures this");
        }
        asked.into_iter().try_for_each(|(part, claims)| compare(plan, part, claims))
    })
}

fn compare(plan: &Plan, part: &str, claims: &[Claim]) -> io::Result<()> {
    let mut table = Table::new(&[
        "receivers, server",
        "million deliveries/s",
        "ours / it",
        "ms to the last receiver",
        "it / ours",
        "bytes for a receiver that waits",
        "it / ours",
        "thousand come in/s",
        "ours / it",
        "cores busy, %: server + load",
        "what it promises about loss",
    ]);
    let mut contestants = contestant::installed(claims);
    contestants.retain(|contestant| !plan.smoke || contestant.is_quick());
    for size in plan.sizes(20, &SIZES) {
        rows(plan, &contestants, size)?.into_iter().for_each(|row| table.row(row));
    }
    table.print(&format!("peers -- {part}"), plan);
    Ok(())
}

/// All of them with so many receivers, by turns.
fn rows(plan: &Plan, contestants: &[Contestant], size: usize) -> io::Result<Vec<Vec<String>>> {
    let rounds = if plan.smoke || plan.once { 1 } else { ROUNDS };
    // What each has measured, until it failed.
    let spared = contestants.iter().map(|contestant| contestant.spared(size));
    let mut all: Vec<Result<Vec<Figures>, String>> =
        spared.map(|why| why.map_or_else(|| Ok(Vec::new()), Err)).collect();
    let mut slow = vec![false; contestants.len()];
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let which = (round + turn) % contestants.len();
            let (Ok(figures), false) = (&mut all[which], slow[which]) else { continue };
            let start = Instant::now();
            match measure(plan, &contestants[which], size) {
                Ok(measured) => {
                    figures.push(measured);
                    slow[which] = start.elapsed() > LONG;
                }
                // Ours and the load have to work; what others do is told.
                Err(error) if contestants[which].is_ours() || plan.smoke => {
                    return fail(format!("{}, {size} receivers: {error}", contestants[which].name));
                }
                Err(error) => all[which] = Err(error.to_string()),
            }
        }
    }
    let Some(Ok(ours)) = contestants.iter().position(Contestant::is_ours).map(|which| all[which].clone())
    else {
        return fail("ours is not among them");
    };
    Ok(contestants
        .iter()
        .zip(&all)
        .map(|(contestant, measured)| row(size, contestant, measured, &ours))
        .collect())
}

fn row(
    size: usize,
    contestant: &Contestant,
    measured: &Result<Vec<Figures>, String>,
    ours: &[Figures],
) -> Vec<String> {
    let name = format!("{size}, {}", contestant.name);
    let figures = match measured {
        Ok(figures) => figures,
        Err(error) => {
            let none = vec![String::new(); 9];
            return [vec![name], none, vec![format!("not measured: {error}")]].concat();
        }
    };
    let show =
        |part: fn(&Figures) -> f64, unit, digits| Spread::of(figures.iter().map(part)).show(unit, digits);
    let ratio = |part: fn(&Figures) -> f64, ours_first: bool| {
        if contestant.is_ours() {
            return String::new();
        }
        let pairs = ours.iter().zip(figures);
        let ratios =
            pairs.map(|(ours, it)| if ours_first { part(ours) / part(it) } else { part(it) / part(ours) });
        Spread::of(ratios).show(1.0, 2)
    };
    let busy = [0, 1].map(|which| Spread::of(figures.iter().map(|f| f.busy[which])).median * 100.0);
    vec![
        name,
        show(|f| f.rate, 1e6, 2),
        ratio(|f| f.rate, true),
        show(|f| f.to_last, 1e-3, 2),
        ratio(|f| f.to_last, false),
        show(|f| f.memory, 1.0, 0),
        ratio(|f| f.memory, false),
        show(|f| f.entered, 1e3, 1),
        ratio(|f| f.entered, true),
        format!("{:.0} + {:.0}", busy[0], busy[1]),
        contestant.promises.to_owned(),
    ]
}
