//! What a command that changes members.txt costs in groups of different sizes: the loop's longest turn, and the time
//! until OK. And how fast passwords typed into the file by the hundred become hashes, in a small group and a large one.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::run::real;
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{HASH, History, PASSWORD, Target};
use common::transcript::MAIL;
use common::{Plan, fail};
use tempfile::TempDir;

const SIZES: [usize; 2] = [20_000, 200_000];
/// The hash of who never logs in. Of weak ones the log would be full.
const AWAY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$YmVuY2gtYmVuY2gtc2FsdA$lIUYTIoA8WmcV5lqQ40KLNJe07/0jHclbaTZzFJ63iA";
/// Passwords typed at once.
const TYPED: usize = 300;
/// How long the server may still work on a change after its OK.
const AFTERWARDS: Duration = Duration::from_millis(1500);

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
        if plan.wants("typed") {
            let mut table = Table::new(&["members", "typed", "a password, ms"]);
            for size in plan.group_sizes(100, &[2 * TYPED, SIZES[0]]) {
                table.row(typed(plan, size)?);
            }
            table.print("members", plan);
        }
        Ok(())
    })
}

fn member(number: usize) -> String {
    format!("m{number}@b.c")
}

/// members.txt of so many: an admin, one who logs in, too, and others; of some the password is there as it was typed.
fn group(size: usize, typed: usize) -> String {
    let mut text = format!("{MAIL} {HASH} admin\n{} {HASH}\n", member(1));
    for number in 2..size {
        let secret = if number < 2 + typed { format!("typed-by-hand-{number}") } else { AWAY.to_owned() };
        writeln!(text, "{} {secret}", member(number)).expect("writing to a String cannot fail");
    }
    text
}

fn commands(plan: &Plan, size: usize) -> io::Result<Vec<Vec<String>>> {
    let (add, remove) = (format!("ADD new@b.c {PASSWORD}\n"), format!("REMOVE {}\n", member(size / 2)));
    let passwd = format!("PASSWD {PASSWORD} another-password\n");
    let (mut adds, mut passwds, mut removes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.alternations() {
        let folder = Rc::new(TempDir::new()?);
        let server = Target::server_of(&folder, &group(size, 0), plan.cores, History::On, &[])?;
        let mut admin = Talker::enter(server.address)?;
        let mut somebody = Talker::enter_as(server.address, &format!("{}/-", member(1)))?;
        server.settle()?;
        adds.push(cost_of(&mut admin, |admin| admin.ask(&add))?);
        server.settle()?;
        passwds.push(cost_of(&mut admin, |_| somebody.ask(&passwd))?);
        server.settle()?;
        removes.push(cost_of(&mut admin, |admin| admin.ask(&remove))?);
    }
    let row = |(command, costs): (&str, Vec<Cost>)| {
        let spread = |part: fn(&Cost) -> f64| Spread::of(costs.iter().map(part)).show(1e-3, 2);
        let (turn, ok) = (spread(|cost| cost.longest_turn), spread(|cost| cost.until_ok));
        vec![size.to_string(), command.to_owned(), turn, ok]
    };
    Ok([("ADD", adds), ("PASSWD", passwds), ("REMOVE", removes)].map(row).to_vec())
}

fn cost_of(admin: &mut Talker, ask: impl FnOnce(&mut Talker) -> io::Result<Vec<String>>) -> io::Result<Cost> {
    // Asking begins the figure anew.
    admin.stat("longest-turn-us")?;
    let start = Instant::now();
    let answer = ask(admin)?;
    let until_ok = start.elapsed().as_secs_f64();
    if !answer.last().is_some_and(|line| line.starts_with("OK ")) {
        return fail(format!("a command is answered by {answer:?}"));
    }
    std::thread::sleep(AFTERWARDS);
    let longest_turn = Duration::from_micros(admin.stat("longest-turn-us")?).as_secs_f64();
    Ok(Cost { longest_turn, until_ok })
}

fn typed(plan: &Plan, size: usize) -> io::Result<Vec<String>> {
    let count = if plan.smoke { 10 } else { TYPED };
    let mut each = Vec::new();
    for _ in 0..plan.alternations() {
        each.push(hashed_in(plan, size, count)? / real(count as u64));
    }
    Ok(vec![size.to_string(), count.to_string(), Spread::of(each).show(1e-3, 1)])
}

/// Seconds until none of so many passwords stands in the file as it was typed.
fn hashed_in(plan: &Plan, size: usize, count: usize) -> io::Result<f64> {
    let folder = Rc::new(TempDir::new()?);
    let _server = Target::server_of(&folder, &group(size, count), plan.cores, History::On, &[])?;
    let start = Instant::now();
    while fs::read_to_string(folder.path().join("members.txt"))?.contains("typed-by-hand") {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(start.elapsed().as_secs_f64())
}
