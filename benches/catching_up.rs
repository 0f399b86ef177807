//! Many devices that were away come back at once, and each has missed the same many events: how fast they get them, and
//! what two connections that go on talking, and a third that sends PING, notice of it. One thread reads all of them, at
//! most four reads a turn; the time that the talkers wait for those counts as the server's.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::fs;
use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use tempfile::TempDir;

use common::crowd::Crowd;
use common::machine::{forget_most_resident, most_resident_kib, processor_seconds, resident_kib};
use common::pair::{Phases, WAITS, Waits, talk, talk_for};
use common::pinger::Pinger;
use common::publishers::Publishers;
use common::returners::Returners;
use common::run::real;
use common::table::{Spread, Table};
use common::target::{HISTORY, History, Target};
use common::written::{devices_away, write_history};
use common::{PATIENCE, Plan, fail};

/// A group comes back after a break of its network, or a few devices after a long journey.
struct Case {
    devices: usize,
    missed: u64,
    options: &'static [&'static str],
    from: &'static str,
}

const CASES: [Case; 2] = [
    Case { devices: 1_000, missed: 10_000, options: &[], from: "from the window" },
    Case { devices: 100, missed: 100_000, options: &["--window", "1M"], from: "from the files" },
];
const SMOKE_CASES: [Case; 2] = [
    Case { devices: 50, missed: 1_000, options: &[], from: "from the window" },
    Case { devices: 3, missed: 20_000, options: &["--window", "1M"], from: "from the files" },
];

struct Round {
    rate: f64,
    first_done: f64,
    all_done: f64,
    /// Part of the time that the server's process, and the receivers' core, were at work.
    busy: [f64; 2],
    /// Before, during and after.
    waits: [Waits; 3],
    /// KiB of the server's memory, before and at most.
    memory: [u64; 2],
}

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "measured", "beside it", "ratio"]);
        for case in if plan.smoke { &SMOKE_CASES } else { &CASES } {
            let rounds =
                (0..plan.alternations()).map(|_| round(plan, case)).collect::<io::Result<Vec<Round>>>()?;
            rows(case, rounds, &mut table);
        }
        table.print("catching_up", plan);
        Ok(())
    })
}

/// A new server with a history that was there before it. Quiet, catching up, quiet.
fn round(plan: &Plan, case: &Case) -> io::Result<Round> {
    let folder = Rc::new(TempDir::new()?);
    let path = folder.path().join(HISTORY);
    let names = devices_away(case.devices);
    write_history(&path, case.missed, &names)?;
    let bytes = fs::metadata(path.join(format!("{:012}.txt", 1)))?.len();
    let server = Target::server_in(&folder, plan.cores, History::On, case.options)?;
    let mut crowd = Crowd::enter(server.address, 1)?;
    let mut publishers = Publishers::enter(server.address, &crowd)?;
    crowd.invite(Pinger::enter(server.address)?)?;
    let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
    let returners = Returners::connect(server.address, case.devices, case.missed, bytes)?;
    crowd.welcome(returners)?;
    server.settle()?;
    forget_most_resident(server.pid())?;
    let idle = resident_kib(server.pid())?;
    // Caches have to be as warm before as after.
    talk_for(&mut crowd, &mut publishers, 0.1)?;

    let quiet = if plan.smoke { 0.1 } else { 0.5 };
    let before = talk_for(&mut crowd, &mut publishers, quiet)?;
    let busy =
        || Ok::<_, io::Error>([processor_seconds(server.pid())?, processor_seconds(std::process::id())?]);
    let busy_before = busy()?;
    let start = Instant::now();
    crowd.returners()?.log_in(&names)?;
    let during = talk(&mut crowd, &mut publishers, |crowd| {
        crowd.returners.as_ref().is_some_and(|all| all.all_done.is_none()) && start.elapsed() < PATIENCE
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let busy_after = busy()?;
    let most = most_resident_kib(server.pid())?;

    let last = crowd.transcript.last();
    let start = Instant::now();
    while !crowd.returners()?.have(last) {
        crowd.turn()?;
        if start.elapsed() > PATIENCE {
            return fail(format!("not all devices have number {last}"));
        }
    }
    // They leave: it is as quiet as before.
    let Some(Returners { first_done: Some(first_done), all_done: Some(all_done), .. }) =
        crowd.returners.take()
    else {
        return fail("not all devices have what they missed");
    };
    server.settle()?;
    let after = talk_for(&mut crowd, &mut publishers, quiet)?;
    Ok(Round {
        rate: real(case.missed * case.devices as u64) / all_done,
        first_done,
        all_done,
        busy: [0, 1].map(|which| (busy_after[which] - busy_before[which]) / seconds),
        waits: [before, during, after],
        memory: [idle, most],
    })
}

fn rows(case: &Case, mut rounds: Vec<Round>, table: &mut Table) {
    let Case { devices, missed, from, .. } = case;
    let spread = |part: fn(&Round) -> f64| Spread::of(rounds.iter().map(part));
    let busy = |which: usize| Spread::of(rounds.iter().map(|round| round.busy[which])).median * 100.0;
    for (what, measured) in [
        (
            format!("{devices} devices at once get {missed} events each, {from}: million events/s"),
            spread(|round| round.rate).show(1e6, 2),
        ),
        ("seconds until the first device has all".to_owned(), spread(|r| r.first_done).show(1.0, 2)),
        ("seconds until the last device has all".to_owned(), spread(|r| r.all_done).show(1.0, 2)),
        ("cores busy, %: server + its receivers".to_owned(), format!("{:.0} + {:.0}", busy(0), busy(1))),
    ] {
        table.row([what, measured, String::new(), String::new()]);
    }
    let (idle, most) = (spread(|r| real(r.memory[0])), spread(|r| real(r.memory[1])));
    table.row([
        "the server's memory at most beside before, KiB".to_owned(),
        most.show(1.0, 0),
        idle.show(1.0, 0),
        String::new(),
    ]);
    for (which, what) in WAITS.iter().enumerate() {
        for percent in [50, 99] {
            let Phases { before, during, after, quiet } =
                Phases::of(rounds.iter_mut().map(|round| &mut round.waits), which, percent);
            for (when, measured, beside) in
                [("meanwhile beside quiet", &during, &quiet), ("quiet beside quiet", &after, &before)]
            {
                let ratios = measured.iter().zip(beside).map(|(measured, beside)| measured / beside);
                table.row([
                    format!("{what}, p{percent} in ms: {when}"),
                    Spread::of(measured.iter().copied()).show(1e-3, 3),
                    Spread::of(beside.iter().copied()).show(1e-3, 3),
                    Spread::of(ratios).show(1.0, 2),
                ]);
            }
        }
    }
}
