//! Connections: how many log in a second, compared with a bare accept loop, and how much memory of the server and of
//! the kernel each takes while it is idle.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::time::Instant;

use common::Plan;
use common::crowd::{Crowd, Entrance};
use common::machine::Memory;
use common::publishers::Publishers;
use common::run::{burst, real};
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{History, Target};

const SIZES: [usize; 3] = [1_000, 10_000, 19_900];

/// One side of one alternation.
#[derive(Clone, Copy)]
struct Side {
    per_second: f64,
    /// Bytes of the process for each connection.
    user: f64,
    /// Bytes of the kernel for each connection, for both ends, because the receivers are on this machine, too.
    kernel: f64,
}

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&[
            "connections",
            "server, thousand logins/s",
            "bare loop, thousand accepts/s",
            "server / bare loop",
            "bytes per idle connection: server",
            "bare loop",
            "kernel, both ends: server",
            "bare loop",
        ]);
        for size in plan.sizes(100, &SIZES) {
            table.row(measure(plan, size)?);
        }
        table.print("connections", plan);
        Ok(())
    })
}

fn measure(plan: &Plan, size: usize) -> io::Result<Vec<String>> {
    let (mut servers, mut raws) = (Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        servers.push(server_side(plan, size)?);
        raws.push(raw_side(plan, size)?);
    }
    let show =
        |sides: &[Side], part: fn(&Side) -> f64, unit| Spread::of(sides.iter().map(part)).show(unit, 1);
    let bytes = |sides: &[Side], part: fn(&Side) -> f64| Spread::of(sides.iter().map(part)).show(1.0, 0);
    let pairs = servers.iter().zip(&raws).map(|(server, raw)| server.per_second / raw.per_second);
    Ok(vec![
        size.to_string(),
        show(&servers, |side| side.per_second, 1e3),
        show(&raws, |side| side.per_second, 1e3),
        Spread::of(pairs).show(1.0, 2),
        bytes(&servers, |side| side.user),
        bytes(&raws, |side| side.user),
        bytes(&servers, |side| side.kernel),
        bytes(&raws, |side| side.kernel),
    ])
}

fn server_side(plan: &Plan, size: usize) -> io::Result<Side> {
    let server = Target::server(plan.cores, History::On)?;
    // Before it counts, a first login runs Argon2id, and the process allocates what it needs once.
    drop(Talker::enter(server.address)?);
    measure_side(&server, size, Entrance::Login, |crowd| {
        // All are logged in and get what is said. After that they are idle, but no longer new.
        let mut publishers = Publishers::enter(server.address, crowd)?;
        burst(&server, crowd, |crowd| publishers.say_one(crowd))?;
        publishers.check(crowd)
    })
}

fn raw_side(plan: &Plan, size: usize) -> io::Result<Side> {
    let raw = Target::raw(plan.cores, 1)?;
    measure_side(&raw, size, Entrance::Hello, |_| Ok(()))
}

/// Connects all, calls `inside`, then measures the memory of the idle connections.
fn measure_side(
    target: &Target,
    size: usize,
    entrance: Entrance,
    inside: impl FnOnce(&mut Crowd) -> io::Result<()>,
) -> io::Result<Side> {
    target.settle()?;
    let before = Memory::of(target.pid())?;
    let start = Instant::now();
    let mut crowd = Crowd::go_in(&[target.address], size, entrance)?;
    let seconds = start.elapsed().as_secs_f64();
    inside(&mut crowd)?;
    target.settle()?;
    let after = Memory::of(target.pid())?;
    let each =
        |part: fn(&Memory) -> u64| real(part(&after).saturating_sub(part(&before))) / real(size as u64);
    Ok(Side {
        per_second: real(size as u64) / seconds,
        user: each(|memory| memory.process),
        kernel: each(|memory| memory.slabs + memory.socket_queues),
    })
}
