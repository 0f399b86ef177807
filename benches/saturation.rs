//! Four publishers send more than can be delivered, and some receivers stop reading: what the others notice of it, and
//! what it costs. The server slows the publishers down; a receiver that reads is never disconnected, and one that reads
//! again gets every line.
//!
//! Measured is the time from writing a message to the server until a receiver has read it, for every message and every
//! receiver that reads. It includes the wait that is part of any flood, because the server lets one be 120 KiB ahead;
//! that is the same in all phases.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use chat_room::limits::{BLOCK_CACHE_MAX, HISTORY_BLOCK, WINDOW_MIN, WRITE_MAX};
use tempfile::TempDir;

use common::crowd::Crowd;
use common::delay::Delays;
use common::machine::{Memory, forget_most_resident, most_resident_kib, resident_kib, send_queues};
use common::publishers::Publishers;
use common::run::{burst, real};
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{History, Target};
use common::{Plan, fail};

const RECEIVERS: usize = 1_000;
/// What the server may keep in memory of all messages: its window, and its blocks.
const WINDOW_AND_BLOCKS: usize = WINDOW_MIN + BLOCK_CACHE_MAX * HISTORY_BLOCK;
/// Bytes a connection needs more while some of what it was sent is not acknowledged: where its lines end.
const OUTSTANDING: usize = 450;
/// One of so many stops reading.
const STOPPED_OF: usize = 100;
/// How often with and without take turns.
const PAIRS: usize = 10;
/// The least: those who do not read leave it in each phase, and come back from the files.
const WINDOW: [&str; 2] = ["--window", "1M"];

/// What those who read had in one phase.
struct Phase {
    p50: f64,
    p99: f64,
    rate: f64,
    /// Bytes of the transcript.
    said: f64,
    /// Of those who did not.
    left: Option<Left>,
}

/// What a stopped reader leaves in the kernel, in bytes.
struct Left {
    /// All that both ends' sockets hold, with the kernel's own.
    held: f64,
    /// What the server has written and the other end's kernel has not taken.
    queued: f64,
}

/// One figure of a phase.
type Part = fn(&Phase) -> f64;

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "measured", "beside it", "ratio", "aim"]);
        for size in plan.sizes(100, &[RECEIVERS]) {
            measure(plan, size, &mut table)?;
        }
        table.print("saturation", plan);
        Ok(())
    })
}

fn measure(plan: &Plan, size: usize, table: &mut Table) -> io::Result<()> {
    let pairs = if plan.smoke { 2 } else { PAIRS };
    let stopped = (size / STOPPED_OF).max(1);
    let server = Target::server_in(&Rc::new(TempDir::new()?), plan.cores, History::On, &WINDOW)?;
    let mut crowd = Crowd::enter(server.address, size)?;
    let mut publishers = Publishers::enter(server.address, &crowd)?;
    let mut admin = Talker::enter(server.address)?;
    burst(&server, &mut crowd, |crowd| publishers.say_one(crowd))?;
    server.settle()?;
    let idle = resident_kib(server.pid())?;
    forget_most_resident(server.pid())?;
    phase(plan, &server, &mut crowd, &mut publishers, 0)?;

    let (mut before, mut during, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        before.push(phase(plan, &server, &mut crowd, &mut publishers, 0)?);
        during.push(phase(plan, &server, &mut crowd, &mut publishers, stopped)?);
        after.push(phase(plan, &server, &mut crowd, &mut publishers, 0)?);
    }
    let most = most_resident_kib(server.pid())?;
    let cut = admin.stat("cut-lagging")? + admin.stat("given-up")?;
    if cut > 0 {
        return fail(format!("{cut} connections were cut"));
    }

    let mut row = |what: String, measured: &[f64], beside: &[f64], unit: f64, aim: &str| {
        let show = |values: &[f64]| Spread::of(values.iter().copied()).show(unit, 2);
        let ratios = measured.iter().zip(beside).map(|(measured, beside)| measured / beside);
        table.row([what, show(measured), show(beside), Spread::of(ratios).show(1.0, 3), aim.to_owned()]);
    };
    let parts: [(&str, Part, f64, &str); 3] = [
        ("p99 of MSG to a receiver, ms", |phase| phase.p99, 1e-3, "1.2"),
        ("p50, ms", |phase| phase.p50, 1e-3, ""),
        ("million deliveries/s", |phase| phase.rate, 1e6, ""),
    ];
    for (what, part, unit, aim) in parts {
        let [before, during, after] =
            [&before, &during, &after].map(|p| p.iter().map(part).collect::<Vec<_>>());
        let quiet: Vec<f64> = before.iter().zip(&after).map(|(&a, &b)| f64::midpoint(a, b)).collect();
        row(format!("{what}: {stopped} of {size} do not read beside all do"), &during, &quiet, unit, aim);
        row(format!("{what}: all read beside all read"), &after, &before, unit, "");
    }
    let mut row = |what: &str, measured: String, aim: &str| {
        table.row([what.to_owned(), measured, String::new(), String::new(), aim.to_owned()]);
    };
    let left =
        |part: fn(&Left) -> f64| Spread::of(during.iter().filter_map(|phase| phase.left.as_ref().map(part)));
    let said = Spread::of(during.iter().map(|phase| phase.said));
    row("said in such a phase, KiB (the window has 1024)", said.show(1024.0, 0), "");
    row(
        "the kernel's memory for one who does not read, both ends, KiB",
        left(|l| l.held).show(1024.0, 0),
        "",
    );
    row("of that, bytes in the server's send queue, KiB", left(|l| l.queued).show(1024.0, 0), "");
    row("the server's memory before all this, KiB", idle.to_string(), "");
    let bound = idle + (WINDOW_AND_BLOCKS + size * OUTSTANDING + WRITE_MAX) as u64 / 1024;
    let what =
        format!("at most, KiB (and window, blocks, an append under way, {OUTSTANDING} bytes a connection)");
    row(&what, most.to_string(), &bound.to_string());
    row("connections cut", cut.to_string(), "0");
    Ok(())
}

/// A flood, while so many do not read. In the end they do, and have every line.
fn phase(
    plan: &Plan,
    server: &Target,
    crowd: &mut Crowd,
    publishers: &mut Publishers,
    stopped: usize,
) -> io::Result<Phase> {
    let time = if plan.smoke { plan.burst() } else { Duration::from_millis(500) };
    server.settle()?;
    let queues =
        || Ok::<_, io::Error>((Memory::of(server.pid())?.socket_queues, send_queues(server.address.port())?));
    let (held_before, unsent_before) = queues()?;
    crowd.stop(stopped)?;
    crowd.record_arrivals();
    let burst = burst(server, crowd, |crowd| publishers.flood(crowd, time))?;
    publishers.check(crowd)?;
    let delays = Delays::of(crowd, publishers)?;
    if delays.count() != burst.deliveries {
        return fail(format!("{} deliveries are {} arrivals", burst.deliveries, delays.count()));
    }
    let left = if stopped == 0 {
        None
    } else {
        let (held, unsent) = queues()?;
        let each = |after: u64, before: u64| real(after.saturating_sub(before)) / real(stopped as u64);
        Some(Left { held: each(held, held_before), queued: each(unsent, unsent_before) })
    };
    let said = real(crowd.transcript.len() as u64);
    crowd.go_on()?;
    crowd.until_all_have(crowd.transcript.last())?;
    Ok(Phase { p50: delays.percentile(50), p99: delays.percentile(99), rate: burst.rate(), said, left })
}
