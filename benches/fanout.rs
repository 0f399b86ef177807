//! Deliveries a second: four publishers with 64 messages each in flight, N receivers, and beside it the raw
//! loop with as many lines per write to as many sockets. The two take turns, so that a machine that is faster
//! at one time than at another is so to both. The server keeps its history in files, as it does unless told
//! otherwise; what that costs is measured by the bench `history`.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;

use common::Plan;
use common::crowd::Crowd;
use common::flood::{Side, server_side, warm_up};
use common::run::{Burst, RawEnd, burst, real, run_raw};
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{History, Target};

const SIZES: [usize; 4] = [100, 1_000, 10_000, 19_000];

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&[
            "receivers",
            "server, history on, million deliveries/s",
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
    let server = Target::server(plan.cores, History::On)?;
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
