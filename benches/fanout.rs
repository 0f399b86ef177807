//! Deliveries a second: four publishers with 64 messages each in flight, N receivers, and beside it the raw
//! loop with as many lines per write to as many sockets. The two take turns, so that a machine that is faster
//! at one time than at another is so to both.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use common::Plan;
use common::crowd::Crowd;
use common::publishers::Publishers;
use common::run::{Burst, RawEnd, burst, real, run_raw};
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::Target;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 19_000];

/// One side of one alternation.
struct Side {
    burst: Burst,
    lines_per_write: f64,
}

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&[
            "receivers",
            "server, million deliveries/s",
            "raw",
            "server / raw",
            "lines per write: server",
            "raw",
            "cores busy, %: server + its receivers",
            "raw + its receivers",
        ]);
        for size in plan.sizes(100, &SIZES) {
            table.row(measure(plan, size)?);
        }
        table.print("fanout", plan);
        Ok(())
    })
}

fn measure(plan: &Plan, size: usize) -> io::Result<Vec<String>> {
    let server = Target::server(plan.cores)?;
    let (mut servers, mut raws) = (Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        let measured = server_side(plan, &server, size)?;
        server.settle()?;
        raws.push(raw_side(plan, &measured, size)?);
        servers.push(measured);
    }
    let rates = |sides: &[Side]| Spread::of(sides.iter().map(|side| side.burst.rate())).show(1e6, 2);
    let lines = |sides: &[Side]| Spread::of(sides.iter().map(|side| side.lines_per_write)).show(1.0, 1);
    let busy = |sides: &[Side]| {
        let median =
            |part: fn(&Burst) -> f64| Spread::of(sides.iter().map(|s| part(&s.burst))).median * 100.0;
        format!("{:.0} + {:.0}", median(|b| b.target_busy), median(|b| b.load_busy))
    };
    let pairs = servers.iter().zip(&raws).map(|(server, raw)| server.burst.rate() / raw.burst.rate());
    Ok(vec![
        size.to_string(),
        rates(&servers),
        rates(&raws),
        Spread::of(pairs).show(1.0, 2),
        lines(&servers),
        lines(&raws),
        busy(&servers),
        busy(&raws),
    ])
}

fn server_side(plan: &Plan, server: &Target, size: usize) -> io::Result<Side> {
    let mut crowd = Crowd::enter(server.address, size)?;
    let mut publishers = Publishers::enter(server.address, &crowd)?;
    let mut admin = Talker::enter(server.address)?;
    burst(server, &mut crowd, |crowd| publishers.flood(crowd, warm_up(plan)))?;
    let (writes, answers) = (admin.stat("writes")?, publishers.reads());
    let burst = burst(server, &mut crowd, |crowd| publishers.flood(crowd, plan.burst()))?;
    let (writes, answers) = (admin.stat("writes")? - writes, publishers.reads() - answers);
    publishers.check(&crowd)?;
    // One write more was the first answer to STATS.
    Ok(Side { burst, lines_per_write: real(burst.deliveries) / real(writes - answers - 1) })
}

/// The raw loop writes as many lines at once as the server did on its side, with numbers as long.
fn raw_side(plan: &Plan, server: &Side, size: usize) -> io::Result<Side> {
    let lines = server.lines_per_write.round().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let lines = lines as u64;
    let raw = Target::raw(plan.cores, server.burst.first)?;
    let mut crowd = Crowd::enter(raw.address, size)?;
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
    Ok(Side { burst, lines_per_write: real(burst.deliveries) / real(writes) })
}

/// Buffers, caches and TCP's windows find their size in it.
fn warm_up(plan: &Plan) -> Duration {
    plan.burst() / 3
}
