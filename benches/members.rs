//! What members.txt costs in groups of different sizes: commands that change it, the loop's longest turn and the time until
//! OK; what the loop does when a device logs in for the first time; how long others wait while six members change their
//! passwords; and how fast passwords typed into the file become hashes.
//!
//! `cargo bench --bench members -- commands`, `logins`, `passwords` or `typed` does one of these. A number among the arguments
//! is the size of the groups, of `typed` how many are typed: `typed 20000` takes seven minutes for each round.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::fs;
use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chat_room::limits::{ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES};
use common::large_group::{TYPED, member, members_txt};
use common::machine::{first_thread_seconds, spread_threads};
use common::pinger::Pinger;
use common::run::real;
use common::table::{Spread, Table, percentile};
use common::talker::Talker;
use common::target::{History, PASSWORD, Target};
use common::{Plan, fail};
use tempfile::TempDir;

const SIZES: [usize; 2] = [20_000, 200_000];
/// Members who can log in, beside the admin.
const ACTIVE: usize = 20;
/// How long the server may still work on a change after its OK.
const AFTERWARDS: Duration = Duration::from_millis(1500);

/// The group in which devices log in, and the one beside it.
const LOGINS_IN: usize = 100_000;
const LOGINS_BESIDE: usize = 1_000;
/// New devices of each active member.
const NEW_DEVICES: usize = 10;

/// The group in which passwords are changed and typed.
const PASSWORDS_IN: usize = 20_000;
/// Members who change their passwords all the time.
const CHANGERS: usize = 6;
/// From one round of quiet and changing to the next.
const PHASES: usize = 6;
const PHASE: Duration = Duration::from_secs(1);

/// Passwords typed at once.
const TYPED_AT_ONCE: usize = 200;
/// Hashes of the bare loop, of which the median counts.
const BARE_HASHES: usize = 25;

/// Of the second table.
type Rows = Vec<[String; 5]>;
type Part = fn(&Plan) -> io::Result<Rows>;

/// One command, in seconds.
struct Cost {
    longest_turn: f64,
    until_ok: f64,
}

fn main() -> ExitCode {
    common::main(|plan| {
        if plan.wants("commands") {
            let mut table = Table::new(&["members", "command", "longest turn, ms", "until OK, ms"]);
            for size in plan.group_sizes(500, &SIZES) {
                commands(plan, size)?.into_iter().for_each(|row| table.row(row));
            }
            table.print("members", plan);
        }
        let parts: [(&str, Part); 3] = [("logins", logins), ("passwords", passwords), ("typed", typed)];
        let wanted = parts.iter().filter(|(name, _)| plan.wants(name));
        let rows: Vec<Rows> = wanted.map(|(_, part)| part(plan)).collect::<io::Result<_>>()?;
        if !rows.is_empty() {
            let mut table = Table::new(&["what", "measured", "beside it", "ratio", "aim"]);
            rows.into_iter().flatten().for_each(|row| table.row(row));
            table.print("members", plan);
        }
        Ok(())
    })
}

/// A server with so many members, of whom some have typed passwords.
fn server_of(plan: &Plan, size: usize, typed: usize) -> io::Result<(Target, Rc<TempDir>)> {
    let folder = Rc::new(TempDir::new()?);
    let server = Target::server_of(&folder, &members_txt(size, ACTIVE, typed), plan.cores, History::On, &[])?;
    Ok((server, folder))
}

fn commands(plan: &Plan, size: usize) -> io::Result<Vec<Vec<String>>> {
    let (add, remove) = (format!("ADD new@b.c {PASSWORD}\n"), format!("REMOVE {}\n", member(size / 2)));
    let passwd = format!("PASSWD {PASSWORD} another-password\n");
    let reset = format!("RESET {} another-password\n", member(size / 3));
    let mut costs = [const { Vec::new() }; 4];
    for _ in 0..plan.alternations() {
        let (server, _) = server_of(plan, size, 0)?;
        let mut admin = Talker::enter(server.address)?;
        let mut somebody = Talker::enter_as(server.address, &format!("{}/-", member(1)))?;
        for (line, costs) in [&add, &passwd, &reset, &remove].into_iter().zip(&mut costs) {
            server.settle()?;
            let other = (line == &passwd).then_some(&mut somebody);
            costs.push(cost_of(&mut admin, other, line)?);
        }
    }
    let row = |(command, costs): (&str, Vec<Cost>)| {
        let spread = |part: fn(&Cost) -> f64| Spread::of(costs.iter().map(part)).show(1e-3, 2);
        let (turn, ok) = (spread(|cost| cost.longest_turn), spread(|cost| cost.until_ok));
        vec![size.to_string(), command.to_owned(), turn, ok]
    };
    Ok(["ADD", "PASSWD", "RESET", "REMOVE"].into_iter().zip(costs).map(row).collect())
}

/// What the command costs that an admin, or somebody else, says.
fn cost_of(admin: &mut Talker, other: Option<&mut Talker>, line: &str) -> io::Result<Cost> {
    // Asking begins the figure anew.
    admin.stat("longest-turn-us")?;
    let start = Instant::now();
    let answer = other.unwrap_or(admin).ask(line)?;
    let until_ok = start.elapsed().as_secs_f64();
    if !answer.last().is_some_and(|line| line.starts_with("OK ")) {
        return fail(format!("a command is answered by {answer:?}"));
    }
    std::thread::sleep(AFTERWARDS);
    let longest_turn = Duration::from_micros(admin.stat("longest-turn-us")?).as_secs_f64();
    Ok(Cost { longest_turn, until_ok })
}

/// What the loop does for a device that was never here, in a large group and in a small one.
fn logins(plan: &Plan) -> io::Result<Rows> {
    let size = plan.number(2 * LOGINS_BESIDE, LOGINS_IN);
    let (mut large, mut small) = (Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        large.push(login_in(plan, size)?);
        small.push(login_in(plan, LOGINS_BESIDE)?);
    }
    let what = format!("login of a new device, ms of the loop: {size} members beside {LOGINS_BESIDE}");
    Ok(vec![row(what, [&large, &small], 3, "1.2")])
}

/// Seconds of the loop for one of many logins.
fn login_in(plan: &Plan, size: usize) -> io::Result<f64> {
    let (server, _) = server_of(plan, size, 0)?;
    // The first one of each member runs the thread that hashes.
    let active: Vec<Talker> = (1..=ACTIVE)
        .map(|number| Talker::enter_as(server.address, &member(number)))
        .collect::<io::Result<_>>()?;
    server.settle()?;
    let before = first_thread_seconds(server.pid())?;
    let mut new = Vec::new();
    for device in 0..NEW_DEVICES {
        for number in 1..=ACTIVE {
            new.push(Talker::enter_as(server.address, &format!("{}/new{device}", member(number)))?);
        }
    }
    let seconds = first_thread_seconds(server.pid())? - before;
    drop(active);
    Ok(seconds / real(new.len() as u64))
}

/// How long others wait for an answer to PING, quiet and while some change their passwords all the time: where all of the
/// server shares one core, and where its other threads may use the load's, too.
fn passwords(plan: &Plan) -> io::Result<Rows> {
    let size = plan.number(500, PASSWORDS_IN);
    let mut rows = Vec::new();
    for (layout, is_spread) in [("all threads on one core", false), ("the other core to spare", true)] {
        let (server, _) = server_of(plan, size, 0)?;
        if is_spread {
            spread_threads(server.pid(), plan.cores)?;
        }
        let (waits, changes) = waits_beside_changes(plan, &server)?;
        for (which, percent) in [50, 99].into_iter().enumerate() {
            let of = |phases: &[[f64; 2]]| phases.iter().map(|waits| waits[which]).collect::<Vec<f64>>();
            let what = format!(
                "PING of others, p{percent} in ms, while {CHANGERS} of {size} change passwords, beside quiet: {layout}"
            );
            let aim = if percent == 99 { "1.2" } else { "" };
            rows.push(row(what, [&of(&waits[1]), &of(&waits[0])], 3, aim));
        }
        let what = format!("passwords changed in a second meanwhile: {layout}");
        rows.push([what, format!("{changes:.1}"), String::new(), String::new(), String::new()]);
    }
    Ok(rows)
}

/// The p50 and p99 of each phase, quiet and while passwords are changed, and how many were changed in a second.
fn waits_beside_changes(plan: &Plan, server: &Target) -> io::Result<([Vec<[f64; 2]>; 2], f64)> {
    let (phases, phase) = if plan.smoke { (2, PHASE / 10) } else { (PHASES, PHASE) };
    let mut pinger = Pinger::enter(server.address)?;
    let mut members = (1..=CHANGERS).map(|n| Changer::enter(server, n)).collect::<io::Result<Vec<_>>>()?;
    let mut waits = [const { Vec::new() }; 2];
    for number in 0..=phases {
        for (is_busy, waits) in [false, true].into_iter().zip(&mut waits) {
            server.settle()?;
            pinger.begin()?;
            let start = Instant::now();
            while start.elapsed() < phase || pinger.waits.is_empty() {
                pinger.turn()?;
                members.iter_mut().try_for_each(|changer| changer.turn(is_busy))?;
            }
            let mut phase_waits = std::mem::take(&mut pinger.waits);
            while members.iter().any(|changer| changer.is_waiting) {
                members.iter_mut().try_for_each(|changer| changer.turn(false))?;
            }
            // The first are for warming up.
            if number > 0 {
                waits.push([50, 99].map(|percent| percentile(&mut phase_waits, percent)));
            }
        }
    }
    let changed: u64 = members.iter().map(|changer| changer.changes).sum();
    Ok((waits, real(changed) / phase.as_secs_f64() / real(phases as u64 + 1)))
}

/// A member who changes the password again and again.
struct Changer {
    talker: Talker,
    password: String,
    changes: u64,
    is_waiting: bool,
}

impl Changer {
    fn enter(server: &Target, number: usize) -> io::Result<Changer> {
        let talker = Talker::enter_as(server.address, &format!("{}/-", member(number)))?;
        Ok(Changer { talker, password: PASSWORD.to_owned(), changes: 0, is_waiting: false })
    }

    fn turn(&mut self, again: bool) -> io::Result<()> {
        if self.is_waiting {
            self.talker.hear(|line| {
                (self.is_waiting, self.changes) = (false, self.changes + 1);
                if line == "OK PASSWD" { Ok(()) } else { fail(format!("PASSWD is answered by {line}")) }
            })
        } else if again {
            let new = format!("password-number-{}", self.changes);
            self.talker.say(format!("PASSWD {} {new}\n", self.password).as_bytes())?;
            (self.password, self.is_waiting) = (new, true);
            Ok(())
        } else {
            Ok(())
        }
    }
}

fn typed(plan: &Plan) -> io::Result<Rows> {
    let count = plan.number(10, TYPED_AT_ONCE);
    let size = if plan.smoke { 100 } else { PASSWORDS_IN.max(count + ACTIVE + 1) };
    let (mut served, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        bare.push(bare_hash(plan)?);
        served.push(hashed_in(plan, size, count)? / real(count as u64));
    }
    let what = format!("{count} passwords typed at once among {size}, ms each, beside hashing alone");
    Ok(vec![row(what, [&served, &bare], 2, "1.05")])
}

/// Seconds until none of so many passwords stands in the file as it was typed.
fn hashed_in(plan: &Plan, size: usize, count: usize) -> io::Result<f64> {
    let (_server, folder) = server_of(plan, size, count)?;
    let start = Instant::now();
    while fs::read_to_string(folder.path().join("members.txt"))?.contains(TYPED) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds that a hash takes on an idle core, in memory that is there already.
fn bare_hash(plan: &Plan) -> io::Result<f64> {
    let params =
        Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, None).map_err(io::Error::other)?;
    let mut blocks = vec![Block::default(); params.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::default(), params);
    let mut hashes = Vec::new();
    for _ in 0..if plan.smoke { 2 } else { BARE_HASHES } {
        let (start, mut output) = (Instant::now(), [0; Params::DEFAULT_OUTPUT_LEN]);
        let made =
            argon.hash_password_into_with_memory(b"typed", b"sixteen bytes so", &mut output, &mut blocks);
        made.map_err(io::Error::other)?;
        hashes.push(start.elapsed().as_secs_f64());
    }
    Ok(Spread::of(hashes).median)
}

/// Seconds of one thing and of the other, each with its spread in ms, and their ratio.
fn row(what: String, sides: [&[f64]; 2], digits: usize, aim: &str) -> [String; 5] {
    let [ours, others] = sides;
    let ratios = ours.iter().zip(others).map(|(our, other)| our / other);
    [
        what,
        Spread::of(ours.iter().copied()).show(1e-3, digits),
        Spread::of(others.iter().copied()).show(1e-3, digits),
        Spread::of(ratios).show(1.0, 2),
        aim.to_owned(),
    ]
}
