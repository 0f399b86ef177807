//! What happens to many at once: they come back after a restart, leave, are told that the server stops; those who never
//! log in say all they can; and how long the restart takes itself. One part: `cargo bench --bench storms -- stop`. With
//! `start 20` the history has 20 GiB.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;
#[path = "storms/flood.rs"]
mod flood;
#[path = "storms/hall.rs"]
mod hall;
#[path = "../tests/common/netns.rs"]
mod netns;
#[path = "storms/start.rs"]
mod start;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::machine::{Memory, forget_most_resident, most_resident_kib, resident_kib};
use common::run::real;
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{History, Target};
use common::visitors::{Leaving, MEMBERS, Visitors, the_visitors};
use common::{PATIENCE, Plan, disk::skip, fail};
use hall::Hall;
use rustix::process::Signal;
use tempfile::TempDir;

/// Members who are there, where nearly all places are taken.
const ALL: usize = 19_000;
/// Of them those who leave; and those who come, where it is their memory that is measured.
const MANY: usize = 10_000;
/// How often the server's memory is looked at while it stops.
const LOOK: Duration = Duration::from_millis(2);
/// What comes while the server does not run comes within this time. What does not has to come again.
const COMING: Duration = Duration::from_secs(1);

const LONGEST_TURN: &str = "longest-turn-us";

type Part = fn(&Plan, &mut Table) -> io::Result<()>;

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "how many", "result", "aim"]);
        let parts: [(&str, Part); 6] = [
            ("stop", stop),
            ("return", return_at_once),
            ("memory", memory),
            ("leave", leave),
            ("flood", flood::flood),
            ("start", start::start),
        ];
        for (name, part) in parts {
            if plan.wants(name) {
                part(plan, &mut table)?;
            }
        }
        table.print("storms", plan);
        Ok(())
    })
}

/// A row with the measurements of all alternations.
fn row(
    table: &mut Table,
    what: &str,
    count: usize,
    seconds: Vec<f64>,
    (unit, digits): (f64, usize),
    aim: &str,
) {
    table.row([what.to_owned(), count.to_string(), Spread::of(seconds).show(unit, digits), aim.to_owned()]);
}

fn stop(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let count = plan.number(100, ALL);
    let (mut told, mut after, mut ratios, mut ended) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        let server = server(plan)?;
        let mut members = enter(count, &server)?;
        server.settle()?;
        forget_most_resident(server.pid())?;
        let before = resident_kib(server.pid())?;
        let (start, mut looked, mut most) = (Instant::now(), Instant::now(), before);
        server.signal(Signal::TERM)?;
        while !members.are_gone() {
            members.turn()?;
            if looked.elapsed() > LOOK {
                looked = Instant::now();
                // There is none when it has ended.
                most = most_resident_kib(server.pid()).unwrap_or(most);
            }
            if start.elapsed() > PATIENCE {
                return fail("connections stay although the server stops");
            }
        }
        server.ended_well()?;
        told.push(real(members.told as u64));
        after.push(members.last_told.map_or(f64::NAN, |at| (at - start).as_secs_f64()));
        ratios.push(real(most) / real(before));
        ended.push(start.elapsed().as_secs_f64());
    }
    row(table, "SIGTERM: told BYE", count, told, (1.0, 0), "all");
    row(table, "SIGTERM: ms until the last is told", count, after, (1e-3, 0), "");
    row(table, "SIGTERM: ms until the server has ended", count, ended, (1e-3, 0), "");
    row(table, "SIGTERM: memory at most / before", count, ratios, (1.0, 2), "1");
    Ok(())
}

/// Everybody has logged in once: of a first login the server checks the password, and keeps what it needs for the next.
fn server(plan: &Plan) -> io::Result<Target> {
    let folder = Rc::new(TempDir::new()?);
    let server = Target::server_of(&folder, &the_visitors(), plan.cores, History::On, &[])?;
    drop(Talker::enter(server.address)?);
    drop(enter(if plan.smoke { 10 } else { MEMBERS }, &server)?);
    server.settle()?;
    Ok(server)
}

/// So many have come, some at a time, and are idle.
fn enter(count: usize, server: &Target) -> io::Result<Visitors> {
    let mut members = Visitors::new(server.address)?;
    members.enter(count)?;
    Ok(members)
}

/// Has all of them come while the server has no time, as after a restart; then waits until they are in.
fn come_at_once(count: usize, server: &Target) -> io::Result<Visitors> {
    let mut members = Visitors::new(server.address)?;
    server.signal(Signal::STOP)?;
    members.come(count)?;
    members.until_asked(COMING)?;
    server.signal(Signal::CONT)?;
    members.until_inside()?;
    Ok(members)
}

/// A network in which as many may come as will; none if that cannot be made here.
fn hall() -> Option<Hall> {
    Hall::enter().inspect_err(|error| skip(format!("no network of its own can be made here: {error}"))).ok()
}

fn return_at_once(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let count = plan.number(100, ALL);
    let Some(_hall) = hall() else { return Ok(()) };
    let (mut again, mut overflows, mut seconds, mut turns) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        let server = server(plan)?;
        let mut admin = Talker::enter(server.address)?;
        server.settle()?;
        admin.stat(LONGEST_TURN)?;
        let (before, start) = (Hall::overflows()?, Instant::now());
        let members = come_at_once(count, &server)?;
        seconds.push(start.elapsed().as_secs_f64());
        turns.push(Duration::from_micros(admin.stat(LONGEST_TURN)?).as_secs_f64());
        again.push(real(members.turned_away as u64));
        overflows.push(real(Hall::overflows()? - before));
    }
    row(table, "all come at once: reset or ended", count, again, (1.0, 0), "0");
    row(table, "all come at once: ListenOverflows", count, overflows, (1.0, 0), "0");
    row(table, "all come at once: s until all are in", count, seconds, (1.0, 2), "");
    row(table, "all come at once: longest turn, ms", count, turns, (1e-3, 1), "");
    Ok(())
}

fn memory(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let count = plan.number(100, MANY);
    let Some(_hall) = hall() else { return Ok(()) };
    let mut bytes = Vec::new();
    for _ in 0..plan.alternations() {
        let server = server(plan)?;
        let before = Memory::of(server.pid())?.process;
        let _members = come_at_once(count, &server)?;
        server.settle()?;
        bytes.push(real(Memory::of(server.pid())?.process.saturating_sub(before)) / real(count as u64));
    }
    row(table, "idle after all came at once: bytes of the server", count, bytes, (1.0, 0), "at most 400");
    Ok(())
}

fn leave(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let all = plan.number(100, ALL);
    let count = MANY.min(all / 2);
    for (how, what) in [(Leaving::Closing, "close"), (Leaving::Resetting, "reset")] {
        let mut turns = Vec::new();
        for _ in 0..plan.alternations() {
            let server = server(plan)?;
            let mut members = enter(all, &server)?;
            let mut admin = Talker::enter(server.address)?;
            server.settle()?;
            // Asking begins the figure anew.
            admin.stat(LONGEST_TURN)?;
            server.signal(Signal::STOP)?;
            members.leave(count, how)?;
            server.signal(Signal::CONT)?;
            let (start, mut longest) = (Instant::now(), 0);
            loop {
                let [connections, turn] = admin.stats(["connections", LONGEST_TURN])?;
                longest = longest.max(turn);
                if connections == (all - count + 1) as u64 {
                    break;
                }
                if start.elapsed() > PATIENCE {
                    return fail("who left is still there");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            turns.push(Duration::from_micros(longest).as_secs_f64());
        }
        let what = format!("{count} {what} their connections at once: longest turn, ms");
        row(table, &what, all, turns, (1e-3, 1), "at most 5");
    }
    Ok(())
}
