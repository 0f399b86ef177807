//! TLS: deliveries a second and logins a second beside the bare loop with the same library, which encrypts and shakes hands
//! and does nothing else; and the memory of an idle connection. One part: `cargo bench --bench tls -- fan-out`, `logins`,
//! `idle`.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use common::Plan;
use common::crowd::{Compares, Crowd, Entrance, KNOCKING};
use common::flood::{Load, busy, lines, rates, raw_side, side_entering};
use common::idle::bytes_each;
use common::machine::processor_seconds;
use common::publishers::PUBLISHERS;
use common::run::{Burst, real};
use common::secure::{Handshake, Visitors};
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{History, Target};
use tempfile::TempDir;

const SIZES: [usize; 2] = [1_000, 10_000];
/// Who log in, or stay.
const VISITORS: usize = 5_000;
const HANDSHAKES: [(Handshake, &str); 2] = [(Handshake::Full, "full"), (Handshake::Resumed, "resumed")];

fn main() -> ExitCode {
    common::main(|plan| {
        let parts: [(&str, Part); 3] = [("fan-out", fan_out), ("logins", logins), ("idle", idle)];
        for (name, part) in parts {
            if plan.wants(name) {
                part(plan)?;
            }
        }
        Ok(())
    })
}

type Part = fn(&Plan) -> io::Result<()>;

fn server(plan: &Plan) -> io::Result<Target> {
    let options = ["--tls-listen", "127.0.0.1:0"];
    Target::server_in(&Rc::new(TempDir::new()?), plan.cores, History::On, &options)
}

fn fan_out(plan: &Plan) -> io::Result<()> {
    let mut table = Table::new(&[
        "receivers",
        "server, million deliveries/s",
        "bare loop with TLS",
        "server / bare loop",
        "aim",
        "time of its core for a delivery, server / bare loop",
        "lines per write: server",
        "bare loop",
        "cores busy, %: server + its receivers",
        "bare loop + its receivers",
    ]);
    for size in plan.sizes(100, &SIZES) {
        let enter = |target: &Target| {
            Crowd::come(&[target.tls_address()?], size, Entrance::Login, Some(Visitors::new()))
        };
        let (mut servers, mut raws) = (Vec::new(), Vec::new());
        for _ in 0..plan.alternations() {
            let server = server(plan)?;
            let load = Load { publishers: PUBLISHERS, receivers: size, compares: Compares::Everybody };
            let measured = side_entering(plan, &[&server], load, || enter(&server))?;
            drop(server);
            raws.push(raw_side(plan, &measured, enter)?);
            servers.push(measured);
        }
        let ratio = |part: fn(&Burst) -> f64| {
            let pairs = servers.iter().zip(&raws);
            Spread::of(pairs.map(|(server, raw)| part(&server.burst) / part(&raw.burst))).show(1.0, 2)
        };
        table.row([
            size.to_string(),
            rates(&servers),
            rates(&raws),
            ratio(Burst::rate),
            "at least 0.9".to_owned(),
            ratio(|burst| burst.target_busy / burst.rate()),
            lines(&servers),
            lines(&raws),
            busy(&servers),
            busy(&raws),
        ]);
    }
    table.print("tls", plan);
    Ok(())
}

/// How one target let them in.
struct Entered {
    per_second: f64,
    /// How much of the time its process, and that of the visitors, was at work.
    target_busy: f64,
    load_busy: f64,
}

fn logins(plan: &Plan) -> io::Result<()> {
    let mut table = Table::new(&[
        "handshake",
        "how many",
        "server, thousand logins/s",
        "bare loop, thousand handshakes/s",
        "server / bare loop",
        "aim",
        "cores busy, %: server + its clients",
        "bare loop + its clients",
    ]);
    let count = plan.number(100, VISITORS).min(plan.connections_max - KNOCKING);
    for (handshake, name) in HANDSHAKES {
        let (mut servers, mut raws) = (Vec::new(), Vec::new());
        for _ in 0..plan.alternations() {
            let server = server(plan)?;
            // A first login runs Argon2id.
            drop(Talker::enter(server.address)?);
            servers.push(enter(&server, count, Entrance::Login, handshake)?);
            drop(server);
            raws.push(enter(&Target::raw(plan.cores, 1)?, count, Entrance::Hello, handshake)?);
        }
        let rates = |sides: &[Entered]| Spread::of(sides.iter().map(|side| side.per_second)).show(1e3, 2);
        let busy = |sides: &[Entered]| {
            let median = |part: fn(&Entered) -> f64| Spread::of(sides.iter().map(part)).median * 100.0;
            format!("{:.0} + {:.0}", median(|side| side.target_busy), median(|side| side.load_busy))
        };
        let pairs = servers.iter().zip(&raws).map(|(server, raw)| server.per_second / raw.per_second);
        table.row([
            name.to_owned(),
            count.to_string(),
            rates(&servers),
            rates(&raws),
            Spread::of(pairs).show(1.0, 2),
            "at least 0.9".to_owned(),
            busy(&servers),
            busy(&raws),
        ]);
    }
    table.print("tls", plan);
    Ok(())
}

/// Has so many come in at once, after others who brought tickets.
fn enter(target: &Target, count: usize, entrance: Entrance, handshake: Handshake) -> io::Result<Entered> {
    let (address, visitors) = (target.tls_address()?, Visitors::new());
    let _first = Crowd::come(&[address], KNOCKING, entrance, Some(visitors.clone()))?;
    target.settle()?;
    let busy =
        || Ok::<_, io::Error>((processor_seconds(target.pid())?, processor_seconds(std::process::id())?));
    let ((target_before, load_before), start) = (busy()?, Instant::now());
    let _crowd = Crowd::come(&[address], count, entrance, Some(visitors.come(handshake)))?;
    let seconds = start.elapsed().as_secs_f64();
    let (target_after, load_after) = busy()?;
    Ok(Entered {
        per_second: real(count as u64) / seconds,
        target_busy: (target_after - target_before) / seconds,
        load_busy: (load_after - load_before) / seconds,
    })
}

/// Bytes of the server's memory for each connection that has had a line and waits for the next.
fn idle(plan: &Plan) -> io::Result<()> {
    let mut table =
        Table::new(&["handshake", "connections", "bytes per idle TLS connection", "plain connection", "aim"]);
    let count = plan.number(100, VISITORS).min(plan.connections_max - KNOCKING);
    for (handshake, name) in HANDSHAKES {
        let (mut secure, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..plan.alternations() {
            secure.push(bytes_idle(&server(plan)?, count, Some(handshake))?);
            bare.push(bytes_idle(&server(plan)?, count, None)?);
        }
        let show = |bytes: Vec<f64>| Spread::of(bytes).show(1.0, 0);
        table.row([name.to_owned(), count.to_string(), show(secure), show(bare), "at most 4096".to_owned()]);
    }
    table.print("tls", plan);
    Ok(())
}

fn bytes_idle(server: &Target, count: usize, handshake: Option<Handshake>) -> io::Result<f64> {
    let visitors = Visitors::new();
    let come = |count, visitors: Option<Visitors>| {
        let address = if visitors.is_some() { server.tls_address()? } else { server.address };
        Crowd::come(&[address], count, Entrance::Login, visitors)
    };
    // What the process needs while many enter at a time it allocates once.
    let _first = come(count.min(KNOCKING), handshake.map(|_| visitors.clone()))?;
    bytes_each(server, count, || come(count, handshake.map(|handshake| visitors.come(handshake))))
}
