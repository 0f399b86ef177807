//! What keeping the history costs, and how soon it is available again: fan-out with and without it, the latency of
//! others while a device catches up, starts with a million events, HISTORY.
//!
//! `cargo bench --bench history -- fan-out`, `catching-up` or `start` does one of these. With `-- slow SECONDS` a reader of
//! 1 KB/s is sent more than it can take for so long; it must never be disconnected.
//!
//! Longer than 350 lines: its four measurements share their setup and one table.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use common::crowd::{Compares, Crowd};
use common::flood::{Load, Part, by_turns, rows};
use common::latecomer::{Latecomer, Pace};
use common::machine::{resident_kib, spread_threads};
use common::pair::{Phases, WAITS, talk, talk_for};
use common::pinger::Pinger;
use common::publishers::{PUBLISHERS, Publishers};
use common::run::{burst, real};
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{HISTORY, History, OTHERS, Target, other_member};
use common::transcript::{MAIL, PUBLISHERS_MAX};
use common::written::{forget_cached, write_history, write_written};
use common::{Plan, fail};

const SIZES: [usize; 3] = [100, 1_000, 10_000];
/// With so many receivers sixteen publishers are measured, too. Four have 16 KiB in flight, so that the 120 KiB of one
/// pass take eight appends.
const SIZE_OF_MANY: usize = 1_000;

/// Little in memory: what was missed comes from the files.
const LITTLE_WINDOW: [&str; 2] = ["--window", "1M"];
/// A large window, on both sides: without files a receiver that falls out of it is disconnected, and when the
/// receivers' core stands still for a moment, as happens in virtual machines, that would be all of them.
const LARGE_WINDOW: [&str; 2] = ["--window", "64M"];
/// How often quiet and catching up take turns.
const PAIRS: usize = 10;
/// How fast a device takes what it missed, and how many do so one after the other in a turn: one alone is done before
/// much can be measured.
const PACES: [(&str, Pace, usize); 2] =
    [("at loopback's speed", Pace::AsItComes, 16), ("at 1 Gbit/s", Pace::PerSecond(125e6), 8)];
/// From one PING's answer to the next PING: catching up is over soon, so it has to be asked often.
const PING_PAUSE: Duration = Duration::from_micros(100);
/// One event and a little more.
const EVENT_BYTES: usize = 80;
/// How often it is asked again, with warm caches.
const WARM: usize = 21;

/// What the slow reader reads in a second.
const SLOW_BYTES_PER_SECOND: f64 = 1024.0;
/// The kernel's receive buffer for it: the smaller, the more the server has to keep.
const SLOW_RECEIVE_BUFFER: usize = 8 << 10;
/// From one round of messages to the next: at 16 KiB a round some sixty times what the slow reader reads.
const SLOW_ROUND: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "measured", "beside it", "ratio", "aim"]);
        if plan.names("slow") {
            slow_reader(plan, &mut table)?;
            table.print("history -- slow", plan);
            return Ok(());
        }
        if plan.wants("fan-out") {
            for layout in [Layout::Spread, Layout::OneCore] {
                for size in plan.sizes(100, &SIZES) {
                    fan_out(plan, layout, PUBLISHERS, size, &mut table)?;
                    if size == SIZE_OF_MANY {
                        fan_out(plan, layout, PUBLISHERS_MAX, size, &mut table)?;
                    }
                }
            }
        }
        if plan.wants("catching-up") {
            for (name, pace, devices) in PACES {
                catching_up(plan, name, pace, devices, &mut table)?;
            }
        }
        if plan.wants("start") {
            starts(plan, &mut table)?;
        }
        if plan.smoke {
            slow_reader(plan, &mut table)?;
        }
        table.print("history", plan);
        Ok(())
    })
}

/// Where the server's threads run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// The loop has its core. The thread that stores, and the kernel's for it, may use the other one too: on it the
    /// receivers leave them time.
    Spread,
    /// All of them on the loop's core, and the receivers' core is busy: what storing takes, the loop lacks.
    OneCore,
}

impl Layout {
    fn compares(self) -> Compares {
        match self {
            Layout::Spread => Compares::OneOf(16),
            Layout::OneCore => Compares::Everybody,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Layout::Spread => "a core to spare",
            Layout::OneCore => "all on one core",
        }
    }
}

/// The same load on a server that keeps the history and on one that does not, in turns.
fn fan_out(plan: &Plan, layout: Layout, publishers: usize, size: usize, table: &mut Table) -> io::Result<()> {
    let start = |history| -> io::Result<Target> {
        let server = Target::server_in(&Rc::new(TempDir::new()?), plan.cores, history, &LARGE_WINDOW)?;
        if layout == Layout::Spread {
            spread_threads(server.pid(), plan.cores)?;
        }
        Ok(server)
    };
    let load = Load { publishers, receivers: size, compares: layout.compares() };
    let (on, off) = (start(History::On)?, start(History::Off)?);
    let sides = by_turns(plan, [&on, &off], load)?;
    let parts: [Part; 4] = [
        ("million deliveries/s: with history beside without", |side| side.burst.rate(), 1e6, 2),
        ("lines per write", |side| side.lines_per_write, 1.0, 1),
        ("% of a core for all of the server", |side| side.burst.target_busy, 1e-2, 0),
        ("ns of the loop's own thread for a delivery", |side| side.burst.loop_each(), 1e-9, 2),
    ];
    let what = format!("fan-out from {publishers} to {size}, {}", layout.name());
    rows(table, &what, &sides, &parts, if size >= 1000 { "0.95" } else { "" });
    Ok(())
}

/// Devices that were away come back one by one, while a pair goes on talking and a third connection sends PING.
fn catching_up(plan: &Plan, name: &str, pace: Pace, devices: usize, table: &mut Table) -> io::Result<()> {
    let (missed, pairs) = if plan.smoke { (20_000, 2) } else { (100_000, PAIRS) };
    let server = Target::server_in(&Rc::new(TempDir::new()?), plan.cores, History::On, &LITTLE_WINDOW)?;
    // One phase more, to see how long it takes.
    let phases: Vec<Vec<String>> = (0..=pairs).map(|phase| devices_of(phase, devices)).collect();
    for device in phases.iter().flatten() {
        Talker::enter_as(server.address, device)?;
    }
    let mut crowd = Crowd::enter(server.address, 1)?;
    let mut publishers = Publishers::enter(server.address, &crowd)?;
    while crowd.transcript.last() < missed {
        burst(&server, &mut crowd, |crowd| publishers.flood(crowd, Duration::from_millis(50)))?;
        publishers.check(&crowd)?;
    }
    let mut pinger = Pinger::enter(server.address)?;
    pinger.pause = PING_PAUSE;
    crowd.invite(pinger)?;

    // The same memory for all phases, made and touched now: growing takes milliseconds, and a virtual machine may give
    // memory that was freed back to its host. What the kernel takes next, for what is under way, comes back from there
    // page by page: a copy into it takes ten times as long, and everybody waits for it. Twice what there is now, for
    // the pair goes on talking.
    let bytes = 2 * EVENT_BYTES * usize::try_from(crowd.transcript.last()).unwrap_or_default();
    let mut memory = vec![vec![1; bytes]; devices];

    let mut seconds = Duration::from_millis(100).as_secs_f64();
    let mut rates = Vec::new();
    let mut waits = Vec::new();
    for (number, devices) in phases.iter().enumerate() {
        server.settle()?;
        let first = talk_for(&mut crowd, &mut publishers, seconds)?;
        server.settle()?;
        memory.iter_mut().for_each(Vec::clear);
        crowd.call_back(devices.iter().cloned().zip(std::mem::take(&mut memory)), pace)?;
        let start = Instant::now();
        let busy = talk(&mut crowd, &mut publishers, Crowd::has_latecomer)?;
        seconds = start.elapsed().as_secs_f64();
        let Some(all_received) = crowd.caught_up() else { return fail("a device is still here") };
        let mut took = 0.0;
        let mut events = 0;
        for received in &all_received {
            events += received.check(missed)?;
            took += received.to_last.unwrap_or(f64::NAN);
        }
        memory = all_received.into_iter().map(|received| received.heard).collect();
        server.settle()?;
        let second = talk_for(&mut crowd, &mut publishers, seconds)?;
        if number > 0 {
            waits.push([first, busy, second]);
            rates.push(real(events) / took);
        }
    }
    table.row([
        format!("a device catches up {missed} events {name}, thousand events/s"),
        Spread::of(rates).show(1e3, 0),
        String::new(),
        String::new(),
        String::new(),
    ]);
    for (which, what) in WAITS.iter().enumerate() {
        for percent in [50, 99] {
            let Phases { before, during, after, quiet } = Phases::of(waits.iter_mut(), which, percent);
            for (when, measured, beside, aim) in [
                (
                    format!("while a device catches up {name} beside quiet"),
                    &during,
                    &quiet,
                    if percent == 99 { "1.2" } else { "" },
                ),
                ("quiet beside quiet".to_owned(), &after, &before, ""),
            ] {
                let (measured, beside) =
                    (Spread::of(measured.iter().copied()), Spread::of(beside.iter().copied()));
                table.row([
                    format!("{what}, p{percent} in ms: {when}"),
                    measured.show(1e-3, 3),
                    beside.show(1e-3, 3),
                    format!("{:.2}", measured.median / beside.median),
                    aim.to_owned(),
                ]);
            }
        }
    }
    Ok(())
}

/// The devices of one phase belong to one member.
fn devices_of(phase: usize, devices: usize) -> Vec<String> {
    (0..devices).map(|device| format!("{}/away{device}", other_member(phase))).collect()
}

/// How the server ended before a start.
#[derive(Clone, Copy, Debug)]
enum Ended {
    /// Killed, and the files are no longer cached.
    KilledLongAgo,
    Killed,
    Stopped,
}

/// What one start came to, in seconds.
struct Start {
    listening: f64,
    /// The last 20 by HISTORY, the first time; then as often as it takes to be warm.
    last_first: f64,
    last_warm: f64,
    /// The same for 20 from the middle, which are in the files.
    middle_first: f64,
    middle_warm: f64,
    /// A device that missed all: to its first event.
    first_event: f64,
    /// And how many a second.
    rate: f64,
}

fn starts(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let events: u64 = if plan.smoke { 10_000 } else { 1_000_000 };
    let rounds = plan.alternations();
    let kinds = [Ended::KilledLongAgo, Ended::Killed, Ended::Stopped];
    let folder = Rc::new(TempDir::new()?);
    let path = folder.path().join(HISTORY);
    let devices: Vec<String> = (0..rounds * kinds.len()).map(away).collect();
    write_history(&path, events, &devices)?;
    let mut measured = [const { Vec::new() }; 3];
    let mut device = 0;
    for _ in 0..rounds {
        for (kind, starts) in kinds.iter().zip(&mut measured) {
            if matches!(kind, Ended::KilledLongAgo) {
                forget_cached(&path)?;
            }
            let server = Target::server_in(&folder, plan.cores, History::On, &[])?;
            starts.push(one_start(&server, events, device)?);
            device += 1;
            if matches!(kind, Ended::Killed) {
                server.stop()?;
            }
        }
    }
    let mut row = |what: String, starts: &[Start], part: fn(&Start) -> f64, unit: f64, aim: &str| {
        let digits = if unit > 1.0 { 0 } else { 2 };
        let shown = Spread::of(starts.iter().map(part)).show(unit, digits);
        table.row([what, shown, String::new(), String::new(), aim.to_owned()]);
    };
    for (kind, starts) in kinds.iter().zip(&measured) {
        let when = match kind {
            Ended::KilledLongAgo => "after a kill, files not in memory",
            Ended::Killed => "after a kill",
            Ended::Stopped => "after a stop",
        };
        row(format!("start with {events} events {when}, s"), starts, |s| s.listening, 1.0, "2");
    }
    let all: Vec<Start> = measured.into_iter().flatten().collect();
    row("HISTORY of the last 20 right after the start, ms".to_owned(), &all, |s| s.last_first, 1e-3, "5");
    row("the same, warm".to_owned(), &all, |s| s.last_warm, 1e-3, "5");
    row(
        "HISTORY of 20 in the middle right after the start, ms".to_owned(),
        &all,
        |s| s.middle_first,
        1e-3,
        "",
    );
    row("the same, warm".to_owned(), &all, |s| s.middle_warm, 1e-3, "");
    row(
        format!("login of a device that missed {events}, ms to the first event"),
        &all,
        |s| s.first_event,
        1e-3,
        "",
    );
    row("and all of them, thousand events/s".to_owned(), &all, |s| s.rate, 1e3, "");
    Ok(())
}

/// The device that comes back at the given start.
fn away(start: usize) -> String {
    format!("{}/away", other_member(start % OTHERS))
}

fn one_start(server: &Target, events: u64, device: usize) -> io::Result<Start> {
    let mut talker = Talker::enter(server.address)?;
    let middle = events / 2;
    let mut last = || timed_history(&mut talker, "HISTORY 20", events - 20, events);
    let last_first = last()?;
    let last_warm = warm(last)?;
    let mut some = || timed_history(&mut talker, &format!("HISTORY SINCE {middle} 20"), middle, events);
    let middle_first = some()?;
    let middle_warm = warm(some)?;
    let mut latecomer = Latecomer::enter(server.address, &away(device), Pace::AsItComes, None)?;
    latecomer.until(events)?;
    let received = latecomer.received;
    received.check(events)?;
    let (Some(first_event), Some(all)) = (received.to_first, received.to_last) else {
        return fail("a device got nothing");
    };
    let listening = server.started_in;
    let rate = real(events) / all;
    Ok(Start { listening, last_first, last_warm, middle_first, middle_warm, first_event, rate })
}

/// The median of what was asked before.
fn warm(mut ask: impl FnMut() -> io::Result<f64>) -> io::Result<f64> {
    let seconds = (0..WARM).map(|_| ask()).collect::<io::Result<Vec<f64>>>()?;
    Ok(Spread::of(seconds).median)
}

/// Seconds to the 20 events after number `from`, of `events` in all.
fn timed_history(talker: &mut Talker, question: &str, from: u64, events: u64) -> io::Result<f64> {
    let start = Instant::now();
    let answer = talker.ask(&format!("{question}\n"))?;
    let seconds = start.elapsed().as_secs_f64();
    let mut expected = format!("HISTORY {} {}\n", from + 1, from + 20).into_bytes();
    (from + 1..=from + 20).for_each(|number| write_written(&mut expected, number));
    expected.extend_from_slice(format!("OK HISTORY 20 last={events}\n").as_bytes());
    let heard = answer.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
    if heard.as_bytes() == expected {
        Ok(seconds)
    } else {
        fail(format!("{question} was answered by {answer:?}"))
    }
}

/// A reader of 1 KB/s in a stream of messages that outruns it. It is never disconnected, and costs the server nothing;
/// when it reads faster at the end, nothing is missing.
fn slow_reader(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let seconds = if plan.names("slow") { plan.number(2, 600) } else { 2 };
    let time = Duration::from_secs(seconds as u64);
    let server = Target::server_in(&Rc::new(TempDir::new()?), plan.cores, History::On, &LITTLE_WINDOW)?;
    let pace = Pace::PerSecond(SLOW_BYTES_PER_SECOND);
    let name = format!("{MAIL}/slow");
    let mut slow = Latecomer::enter(server.address, &name, pace, Some(SLOW_RECEIVE_BUFFER))?;
    let mut crowd = Crowd::enter(server.address, 1)?;
    let mut publishers = Publishers::enter(server.address, &crowd)?;
    let mut admin = Talker::enter(server.address)?;
    // What everybody costs once.
    burst(&server, &mut crowd, |crowd| publishers.flood(crowd, Duration::from_millis(100)))?;
    let before = resident_kib(server.pid())?;

    let start = Instant::now();
    let mut next_round = start;
    let (mut rounds, mut most) = (0, before);
    while start.elapsed() < time {
        if Instant::now() >= next_round {
            burst(&server, &mut crowd, |crowd| publishers.flood(crowd, Duration::ZERO))?;
            publishers.check(&crowd)?;
            next_round += SLOW_ROUND;
            rounds += 1;
            most = most.max(resident_kib(server.pid())?);
        }
        slow.turn()?;
        std::thread::sleep(Duration::from_millis(5));
    }
    let after = resident_kib(server.pid())?;
    let (last, has, cut) =
        (crowd.transcript.last(), slow.received.has, admin.stat("cut-lagging")? + admin.stat("given-up")?);
    slow.hurry();
    slow.until(last)?;
    slow.received.check(0)?;
    if cut > 0 {
        return fail(format!("{cut} connections were cut"));
    }
    for (what, value) in [
        (format!("a reader of 1 KB/s for {seconds} s: events said in {rounds} rounds"), last.to_string()),
        ("of which it had at that time, connected all the time".to_owned(), has.to_string()),
        ("the server's memory at the beginning, KiB".to_owned(), before.to_string()),
        ("at the end".to_owned(), after.to_string()),
        ("at most".to_owned(), most.to_string()),
    ] {
        table.row([what, value, String::new(), String::new(), String::new()]);
    }
    Ok(())
}
