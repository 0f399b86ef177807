//! How long it takes until the last of N receivers has a message, compared with the bare loop's N writes of one line;
//! and how long another client's PING takes meanwhile, and while four publishers flood.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::Plan;
use common::crowd::Crowd;
use common::latecomer::wait_for_receipts;
use common::pinger::Pinger;
use common::publishers::Publishers;
use common::run::{RawEnd, burst, real, run_raw};
use common::table::{Spread, Table, percentile};
use common::talker::Talker;
use common::target::{History, Target};

const SIZES: [usize; 3] = [1_000, 10_000, 19_000];
/// Messages one after the other, of which the median counts.
const MESSAGES: usize = 11;
/// The first of them, which do not count: caches and windows find their size.
const WARM_UP: usize = 3;

/// What the server's side of one alternation came to, in seconds.
struct Server {
    /// Number of the first line.
    first: u64,
    to_last: f64,
    pings_single: Vec<f64>,
    pings_flood: Vec<f64>,
    /// The server's longest turn while single messages went out, and in the flood.
    turns: [f64; 2],
}

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&[
            "receivers",
            "server, ms to the last",
            "bare loop",
            "server / bare loop",
            "PING while one message at a time goes out, ms: p50 / p99 / max",
            "while four publishers flood",
            "server's longest turn, ms: single messages / flood",
        ]);
        for size in plan.sizes(100, &SIZES) {
            table.row(measure(plan, size)?);
        }
        table.print("latency", plan);
        Ok(())
    })
}

fn measure(plan: &Plan, size: usize) -> io::Result<Vec<String>> {
    let server = Target::server(plan.cores, History::On)?;
    let (mut servers, mut raws) = (Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        let measured = server_side(plan, &server, size)?;
        server.settle()?;
        raws.push(raw_side(plan, measured.first, size)?);
        servers.push(measured);
    }
    let pings = |part: fn(&Server) -> &Vec<f64>| {
        let mut all: Vec<f64> = servers.iter().flat_map(part).copied().collect();
        let mut at = |p| percentile(&mut all, p) * 1e3;
        format!("{:.2} / {:.2} / {:.2}", at(50), at(99), at(100))
    };
    let turn = |which: usize| servers.iter().map(|side| side.turns[which]).fold(0.0, f64::max) * 1e3;
    let pairs = servers.iter().zip(&raws).map(|(server, raw)| server.to_last / raw);
    Ok(vec![
        size.to_string(),
        Spread::of(servers.iter().map(|side| side.to_last)).show(1e-3, 2),
        Spread::of(raws.iter().copied()).show(1e-3, 2),
        Spread::of(pairs).show(1.0, 2),
        pings(|side| &side.pings_single),
        pings(|side| &side.pings_flood),
        format!("{:.2} / {:.2}", turn(0), turn(1)),
    ])
}

fn server_side(plan: &Plan, server: &Target, size: usize) -> io::Result<Server> {
    wait_for_receipts(server.address)?;
    let mut crowd = Crowd::enter(server.address, size)?;
    let mut publishers = Publishers::enter(server.address, &crowd)?;
    let mut admin = Talker::enter(server.address)?;
    // Asking resets the figure, after the logins.
    let mut longest_turn = || admin.stat("longest-turn-us").map(|us| real(us) * 1e-6);
    longest_turn()?;
    let first = crowd.transcript.last() + 1;
    let to_last = median_of_messages(server, &mut crowd, |crowd| publishers.say_one(crowd))?;

    crowd.invite(Pinger::enter(server.address)?)?;
    let start = Instant::now();
    while start.elapsed() < plan.burst() {
        burst(server, &mut crowd, |crowd| publishers.say_one(crowd))?;
        publishers.check(&crowd)?;
    }
    let (pings_single, turn_single) = (waits(&mut crowd), longest_turn()?);
    burst(server, &mut crowd, |crowd| publishers.flood(crowd, plan.burst()))?;
    publishers.check(&crowd)?;
    let (pings_flood, turn_flood) = (waits(&mut crowd), longest_turn()?);
    Ok(Server { first, to_last, pings_single, pings_flood, turns: [turn_single, turn_flood] })
}

fn raw_side(plan: &Plan, first: u64, size: usize) -> io::Result<f64> {
    let raw = Target::raw(plan.cores, first)?;
    let mut crowd = Crowd::enter(raw.address, size)?;
    let mut talker = Talker::enter(raw.address)?;
    crowd.watch(&talker)?;
    median_of_messages(&raw, &mut crowd, |crowd| {
        run_raw(&mut talker, crowd, 1, RawEnd::Passes(1)).map(|(last, _)| last)
    })
}

/// Seconds from sending to the last receiver.
fn median_of_messages(
    target: &Target,
    crowd: &mut Crowd,
    mut say: impl FnMut(&mut Crowd) -> io::Result<u64>,
) -> io::Result<f64> {
    let mut seconds = Vec::new();
    for _ in 0..WARM_UP + MESSAGES {
        // The target is idle in between, as with a real group.
        std::thread::sleep(Duration::from_millis(5));
        seconds.push(burst(target, crowd, &mut say)?.seconds);
    }
    Ok(Spread::of(seconds.drain(WARM_UP..)).median)
}

fn waits(crowd: &mut Crowd) -> Vec<f64> {
    crowd.pinger.as_mut().map(|pinger| std::mem::take(&mut pinger.waits)).unwrap_or_default()
}
