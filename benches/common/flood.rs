//! One side of a fan-out: a new crowd, publishers, a warm-up, and the burst that counts; and two sides beside each other.

use std::io;
use std::time::Duration;

use super::Plan;
use super::crowd::{Compares, Crowd, Entrance};
use super::latecomer::wait_for_receipts;
use super::machine::Memory;
use super::publishers::Publishers;
use super::run::{Burst, RawEnd, burst, burst_of, real, run_raw};
use super::table::{Spread, Table};
use super::talker::Talker;
use super::target::Target;

/// One side of one alternation.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) burst: Burst,
    pub(crate) lines_per_write: f64,
    /// Bytes of the target's own memory that the receivers took, when all were in.
    pub(crate) memory: f64,
}

/// Million deliveries a second of these sides, for a table.
pub(crate) fn rates(sides: &[Side]) -> String {
    Spread::of(sides.iter().map(|side| side.burst.rate())).show(1e6, 2)
}

/// Lines in each of their writes.
pub(crate) fn lines(sides: &[Side]) -> String {
    Spread::of(sides.iter().map(|side| side.lines_per_write)).show(1.0, 1)
}

/// How busy their cores were, in percent: the target's and the load's.
pub(crate) fn busy(sides: &[Side]) -> String {
    let median =
        |part: fn(&Burst) -> f64| Spread::of(sides.iter().map(|side| part(&side.burst))).median * 100.0;
    format!("{:.0} + {:.0}", median(|burst| burst.target_busy), median(|burst| burst.load_busy))
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
    side(plan, &[server], load)
}

/// The side of a group with so many nodes, each with the same part of the load.
pub(crate) fn side(plan: &Plan, nodes: &[&Target], load: Load) -> io::Result<Side> {
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    side_entering(plan, nodes, load, || Crowd::go_in(&addresses, load.receivers, Entrance::Login))
}

/// The same, where the receivers enter like this.
pub(crate) fn side_entering(
    plan: &Plan,
    nodes: &[&Target],
    load: Load,
    enter: impl FnOnce() -> io::Result<Crowd>,
) -> io::Result<Side> {
    let settle = || nodes.iter().try_for_each(|node| node.settle());
    let memory = || nodes.iter().map(|node| Ok(Memory::of(node.pid())?.process)).sum::<io::Result<u64>>();
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    addresses.iter().try_for_each(|address| wait_for_receipts(*address))?;
    let mut admins: Vec<Talker> =
        addresses.iter().map(|address| Talker::enter(*address)).collect::<io::Result<_>>()?;
    let mut writes = || admins.iter_mut().map(|admin| admin.stat("writes")).sum::<io::Result<u64>>();
    settle()?;
    let before = memory()?;
    let mut crowd = enter()?;
    crowd.compares = load.compares;
    settle()?;
    let memory = memory()?.saturating_sub(before);
    let mut publishers = Publishers::enter_some(&addresses, &crowd, load.publishers)?;
    burst_of(nodes, &mut crowd, |crowd| publishers.flood(crowd, warm_up(plan)))?;
    let (writes_before, answers) = (writes()?, publishers.reads());
    let burst = burst_of(nodes, &mut crowd, |crowd| publishers.flood(crowd, plan.burst()))?;
    let (writes, answers) = (writes()? - writes_before, publishers.reads() - answers);
    publishers.check(&crowd)?;
    // One write more of each node was the first answer to STATS.
    let lines_per_write = real(burst.deliveries) / real(writes - answers - nodes.len() as u64);
    Ok(Side { burst, lines_per_write, memory: real(memory) })
}

/// The bare loop's side: it writes as many lines at once as the server did on its side, with numbers as long.
pub(crate) fn raw_side(
    plan: &Plan,
    server: &Side,
    enter: impl FnOnce(&Target) -> io::Result<Crowd>,
) -> io::Result<Side> {
    let lines = server.lines_per_write.round().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let lines = lines as u64;
    let raw = Target::raw(plan.cores, server.burst.first)?;
    let mut crowd = enter(&raw)?;
    let mut talker = Talker::enter(raw.address)?;
    crowd.watch(&talker)?;
    let mut writes = 0;
    let mut run = |crowd: &mut Crowd, time| {
        burst(&raw, crowd, |crowd| {
            let (last, calls) = run_raw(&mut talker, crowd, lines, RawEnd::Time(time))?;
            writes = calls;
            Ok(last)
        })
    };
    run(&mut crowd, warm_up(plan))?;
    let burst = run(&mut crowd, plan.burst())?;
    let lines_per_write = real(burst.deliveries) / real(writes);
    Ok(Side { burst, lines_per_write, memory: f64::NAN })
}

/// Buffers, caches and TCP's windows find their size in it.
pub(crate) fn warm_up(plan: &Plan) -> Duration {
    plan.burst() / 3
}

/// Two servers under the same load, in turns. Which side is first alternates, too.
pub(crate) fn by_turns(plan: &Plan, servers: [&Target; 2], load: Load) -> io::Result<[Vec<Side>; 2]> {
    let [one, other] = servers;
    sides_by_turns(plan, [&[one], &[other]], load)
}

/// The same of two groups, or of one with more nodes and with fewer.
pub(crate) fn sides_by_turns(plan: &Plan, groups: [&[&Target]; 2], load: Load) -> io::Result<[Vec<Side>; 2]> {
    let mut sides = [Vec::new(), Vec::new()];
    for alternation in 0..plan.alternations() {
        for turn in 0..2 {
            let which = (alternation + turn) % 2;
            sides[which].push(side(plan, groups[which], load)?);
            groups.concat().iter().try_for_each(|node| node.settle())?;
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
