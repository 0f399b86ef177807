//! Deliveries a second: four publishers with 64 messages in flight each, N receivers; compared with the bare loop,
//! which writes as many lines per write to as many sockets. The two take turns, so that changes in the machine's speed
//! affect both alike. The server keeps its history in files, which is its default; with the word `none` it keeps none.
//! The bench `history` measures what the files cost.
//!
//! A second table has the cost of one delivery and of one connection, from ten receivers up to as many as there are
//! descriptors.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;

use common::Plan;
use common::crowd::{Compares, Crowd};
use common::flood::{Load, Side, busy, lines, rates, raw_side, server_side};
use common::publishers::PUBLISHERS;
use common::run::real;
use common::table::{Spread, Table};
use common::target::{History, Target};

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 19_900];

fn main() -> ExitCode {
    common::main(|plan| {
        let (history, server) = if plan.names("none") {
            (History::Off, "server, history none, million deliveries/s")
        } else {
            (History::On, "server, history on, million deliveries/s")
        };
        let mut table = Table::new(&[
            "receivers",
            server,
            "bare loop",
            "server / bare loop",
            "lines per write: server",
            "bare loop",
            "cores busy, %: server + its receivers",
            "bare loop + its receivers",
        ]);
        let mut growth = Table::new(&[
            "receivers",
            "deliveries/s",
            "microseconds per delivery",
            "of that, the server at work",
            "bytes of the server's memory per connection",
        ]);
        for size in plan.sizes(100, &SIZES) {
            let (servers, raws) = measure(plan, size, history)?;
            table.row(beside_raw(size, &servers, &raws));
            growth.row(costs(size, &servers));
        }
        table.print("fanout", plan);
        growth.print("fanout", plan);
        Ok(())
    })
}

fn measure(plan: &Plan, size: usize, history: History) -> io::Result<(Vec<Side>, Vec<Side>)> {
    let (mut servers, mut raws) = (Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        // A new one each time: memory that was freed and used again would not be counted.
        let server = Target::server(plan.cores, history)?;
        let load = Load { publishers: PUBLISHERS, receivers: size, compares: Compares::Everybody };
        let measured = server_side(plan, &server, load)?;
        drop(server);
        raws.push(raw_side(plan, &measured, |raw| Crowd::enter(raw.address, size))?);
        servers.push(measured);
    }
    Ok((servers, raws))
}

fn beside_raw(size: usize, servers: &[Side], raws: &[Side]) -> Vec<String> {
    let pairs = servers.iter().zip(raws).map(|(server, raw)| server.burst.rate() / raw.burst.rate());
    vec![
        size.to_string(),
        rates(servers),
        rates(raws),
        Spread::of(pairs).show(1.0, 2),
        lines(servers),
        lines(raws),
        busy(servers),
        busy(raws),
    ]
}

/// The cost of one delivery, with its share of what each message costs once. With few receivers that is most of it.
fn costs(size: usize, servers: &[Side]) -> Vec<String> {
    let show = |part: &dyn Fn(&Side) -> f64, digits| Spread::of(servers.iter().map(part)).show(1.0, digits);
    let each = |side: &Side| 1e6 / side.burst.rate();
    vec![
        size.to_string(),
        show(&|side| side.burst.rate(), 0),
        show(&each, 4),
        show(&|side| each(side) * side.burst.target_busy, 4),
        show(&|side| side.memory / real(size as u64), 0),
    ]
}
