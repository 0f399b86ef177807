//! One side of a fan-out: a new crowd, publishers, a warm-up, and the burst that counts; and two sides beside each other.

use std::io;
use std::time::Duration;

use super::Plan;
use super::crowd::{Compares, Crowd};
use super::latecomer::wait_for_receipts;
use super::machine::Memory;
use super::publishers::Publishers;
use super::run::{Burst, burst, real};
use super::table::{Spread, Table};
use super::talker::Talker;
use super::target::Target;

/// One side of one alternation.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) burst: Burst,
    pub(crate) lines_per_write: f64,
    /// Bytes of the target's own memory that the receivers took, when all were in.
    pub(crate) memory: f64,
}

/// Who talks and who listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) publishers: usize,
    pub(crate) receivers: usize,
    pub(crate) compares: Compares,
}

/// A server's side.
pub(crate) fn server_side(plan: &Plan, server: &Target, load: Load) -> io::Result<Side> {
    wait_for_receipts(server.address)?;
    let mut admin = Talker::enter(server.address)?;
    server.settle()?;
    let before = Memory::of(server.pid())?.process;
    let mut crowd = Crowd::enter(server.address, load.receivers)?;
    crowd.compares = load.compares;
    server.settle()?;
    let memory = Memory::of(server.pid())?.process.saturating_sub(before);
    let mut publishers = Publishers::enter_some(server.address, &crowd, load.publishers)?;
    burst(server, &mut crowd, |crowd| publishers.flood(crowd, warm_up(plan)))?;
    let (writes, answers) = (admin.stat("writes")?, publishers.reads());
    let burst = burst(server, &mut crowd, |crowd| publishers.flood(crowd, plan.burst()))?;
    let (writes, answers) = (admin.stat("writes")? - writes, publishers.reads() - answers);
    publishers.check(&crowd)?;
    // One write more was the first answer to STATS.
    let lines_per_write = real(burst.deliveries) / real(writes - answers - 1);
    Ok(Side { burst, lines_per_write, memory: real(memory) })
}

/// Buffers, caches and TCP's windows find their size in it.
pub(crate) fn warm_up(plan: &Plan) -> Duration {
    plan.burst() / 3
}

/// Two servers under the same load, in turns. Which side is first alternates, too.
pub(crate) fn by_turns(plan: &Plan, servers: [&Target; 2], load: Load) -> io::Result<[Vec<Side>; 2]> {
    let mut sides = [Vec::new(), Vec::new()];
    for alternation in 0..plan.alternations() {
        for turn in 0..2 {
            let which = (alternation + turn) % 2;
            sides[which].push(server_side(plan, servers[which], load)?);
            servers[which].settle()?;
        }
    }
    Ok(sides)
}

/// One figure of a side: what it is, its unit, and its digits.
pub(crate) type Part = (&'static str, fn(&Side) -> f64, f64, usize);

/// A row for each of these figures of two sides, with their ratio. The aim is that of the first.
pub(crate) fn rows(table: &mut Table, what: &str, sides: &[Vec<Side>; 2], parts: &[Part], aim: &str) {
    let [ours, others] = sides;
    for (number, &(name, part, unit, digits)) in parts.iter().enumerate() {
        let ratios = ours.iter().zip(others).map(|(ours, others)| part(ours) / part(others));
        table.row([
            format!("{what}, {name}"),
            Spread::of(ours.iter().map(part)).show(unit, digits),
            Spread::of(others.iter().map(part)).show(unit, digits),
            Spread::of(ratios).show(1.0, 3),
            if number == 0 { aim.to_owned() } else { String::new() },
        ]);
    }
}
