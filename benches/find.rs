//! What FIND costs in a long history: the time until its answer beside that of grep on the same files, in memory; and the
//! latency of others meanwhile.
//!
//! `cargo bench --bench find -- 1000000` has so many events instead of ten million; with the word `grep` or `ping` it does
//! that part alone.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use chat_room::limits::HISTORY_SEGMENT_MAX;
use common::machine::spread_threads;
use common::pinger::Pinger;
use common::run::real;
use common::table::{Spread, Table, percentile};
use common::talker::Talker;
use common::target::{HISTORY, History, Target};
use common::transcript::MAIL;
use common::written::write_history;
use common::{Plan, fail};
use tempfile::TempDir;

const EVENTS: usize = 10_000_000;
/// What people say: the most frequent words of English, at random.
const WORDS: [&str; 48] = [
    "the", "be", "to", "of", "and", "in", "that", "have", "it", "for", "not", "on", "with", "he", "as",
    "you", "do", "at", "this", "but", "his", "by", "from", "they", "we", "say", "her", "she", "or", "an",
    "will", "my", "one", "all", "would", "there", "their", "what", "so", "up", "out", "if", "about", "who",
    "get", "which", "go", "me",
];
/// Of a message.
const WORDS_EACH: usize = 8;
/// In the first message alone.
const RARE: &str = "Quetzalcoatl";
/// What is looked for, how many of its lines are answered, and why.
const TEXTS: [(&str, usize, &str); 5] = [
    ("quetzalcoatl", 1, "in the first line alone"),
    ("the", 20, "in every other line"),
    ("lunch", 0, "in none"),
    ("their seat", 0, "in none, of frequent letters"),
    ("привет", 0, "in none, not ASCII"),
];
/// In no text, but in every line's time: grep finds it at once.
const OF_ALL_TIMES: &str = "2026-01";
/// From one round of quiet and searching to the next.
const PHASES: usize = 8;
const PHASE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    common::main(|plan| {
        let events = plan.number(20_000, EVENTS);
        let folder = Rc::new(TempDir::new()?);
        let files = write_said(&folder.path().join(HISTORY), events)?;
        let server = Target::server_in(&folder, plan.cores, History::On, &[])?;
        let mut table = Table::new(&["what", "FIND", "beside it", "ratio", "aim"]);
        let mut asker = Talker::enter(server.address)?;
        if plan.wants("grep") {
            for (text, found, why) in TEXTS {
                let beside = format!("ms for {text}, {why}; grep -i -m 20 with LC_ALL");
                beside_grep(plan, &mut asker, &files, text, found, &beside, &mut table)?;
            }
            let alone = (0..plan.alternations()).map(|_| find(&mut asker, OF_ALL_TIMES, 0));
            let alone = Spread::of(alone.collect::<io::Result<Vec<f64>>>()?).show(1e-3, 1);
            let what = format!("ms for {OF_ALL_TIMES}, in every line's time, but in no text");
            table.row([what, alone, String::new(), String::new(), String::new()]);
        }
        if plan.wants("ping") {
            for (layout, is_spread) in [("all threads on one core", false), ("the other core to spare", true)]
            {
                if is_spread {
                    spread_threads(server.pid(), plan.cores)?;
                }
                others(plan, &server, &mut asker, layout, &mut table)?;
            }
        }
        table.print("find", plan);
        Ok(())
    })
}

/// A history of so many messages, in files as the server writes them. Returns those.
fn write_said(path: &Path, events: usize) -> io::Result<Vec<PathBuf>> {
    // The small files beside it.
    write_history(path, 1, &[])?;
    let mut dice = fastrand::Rng::with_seed(7);
    let (mut files, mut len, mut line) = (Vec::<PathBuf>::new(), u64::MAX, Vec::new());
    let mut file = BufWriter::new(tempfile::tempfile()?);
    for seq in 1..=events {
        line.clear();
        write!(line, "MSG {seq} 2026-01-02T03:04:05.678Z {MAIL}")?;
        if seq == 1 {
            write!(line, " {RARE}")?;
        }
        for _ in 0..WORDS_EACH {
            write!(line, " {}", WORDS[dice.usize(..WORDS.len())])?;
        }
        line.push(b'\n');
        if len.saturating_add(line.len() as u64) > HISTORY_SEGMENT_MAX {
            let next = path.join(format!("{seq:012}.txt"));
            let next_file = BufWriter::with_capacity(1 << 20, File::create(&next)?);
            finish(std::mem::replace(&mut file, next_file))?;
            files.push(next);
            len = 0;
        }
        len += line.len() as u64;
        file.write_all(&line)?;
    }
    finish(file)?;
    fs::remove_file(path.join("delivered"))?;
    Ok(files)
}

/// The disk has it all, and is idle when something is measured.
fn finish(file: BufWriter<File>) -> io::Result<()> {
    file.into_inner()?.sync_all()
}

/// Seconds until FIND is answered, with so many messages.
fn find(asker: &mut Talker, text: &str, found: usize) -> io::Result<f64> {
    let start = Instant::now();
    let lines = asker.ask(&format!("FIND {text}\n"))?;
    let seconds = start.elapsed().as_secs_f64();
    if lines.last().is_some_and(|line| line.starts_with(&format!("OK FIND {found}"))) {
        return Ok(seconds);
    }
    fail(format!("FIND {text} is answered by {lines:?}"))
}

/// Seconds that grep takes for the same. Of each file it reads no more than the first 20 lines that it finds.
fn grep(files: &[PathBuf], locale: &str, text: &str) -> io::Result<f64> {
    let start = Instant::now();
    let mut command = Command::new("grep");
    command.env("LC_ALL", locale).args(["-i", "-h", "-m", "20", "-e", text]).args(files);
    // Not /dev/null: then grep ends with the first line.
    let output = command.stdout(Stdio::piped()).output()?;
    let seconds = start.elapsed().as_secs_f64();
    if output.stderr.is_empty() { Ok(seconds) } else { fail(String::from_utf8_lossy(&output.stderr)) }
}

/// FIND and grep by turns, with both ways in which grep reads letters.
fn beside_grep(
    plan: &Plan,
    asker: &mut Talker,
    files: &[PathBuf],
    text: &str,
    found: usize,
    what: &str,
    table: &mut Table,
) -> io::Result<()> {
    for locale in ["C.UTF-8", "C"] {
        let (mut finds, mut greps) = (Vec::new(), Vec::new());
        for _ in 0..plan.alternations() {
            finds.push(find(asker, text, found)?);
            greps.push(grep(files, locale, text)?);
        }
        let ratios = finds.iter().zip(&greps).map(|(find, grep)| find / grep);
        table.row([
            format!("{what}={locale}"),
            Spread::of(finds.iter().copied()).show(1e-3, 1),
            Spread::of(greps.iter().copied()).show(1e-3, 1),
            Spread::of(ratios).show(1.0, 2),
            "1.5".to_owned(),
        ]);
    }
    Ok(())
}

/// How long others wait for an answer to PING, quiet and while one member searches everything again and again.
fn others(
    plan: &Plan,
    server: &Target,
    asker: &mut Talker,
    layout: &str,
    table: &mut Table,
) -> io::Result<()> {
    let mut pinger = Pinger::enter(server.address)?;
    let (phases, phase) = if plan.smoke { (2, PHASE / 20) } else { (PHASES, PHASE) };
    let (mut quiet, mut busy, mut searches) = (Vec::new(), Vec::new(), 0);
    for number in 0..=phases {
        let mut waits = [Vec::new(), Vec::new()];
        for (is_busy, waits) in [false, true].into_iter().zip(&mut waits) {
            pinger.begin()?;
            let (start, mut is_asked) = (Instant::now(), false);
            while start.elapsed() < phase || is_asked || pinger.waits.is_empty() {
                if is_busy && !is_asked && start.elapsed() < phase {
                    asker.say(b"FIND lunch\n")?;
                    is_asked = true;
                }
                pinger.turn()?;
                asker.hear(|line| {
                    (is_asked, searches) = (false, searches + 1);
                    if line == "OK FIND 0" { Ok(()) } else { fail(format!("FIND is answered by {line}")) }
                })?;
            }
            *waits = std::mem::take(&mut pinger.waits);
        }
        // The first are for warming up.
        if number > 0 {
            let [quiet_waits, busy_waits] = waits;
            quiet.push(quiet_waits);
            busy.push(busy_waits);
        }
    }
    for percent in [50, 99] {
        let of = |phases: &mut Vec<Vec<f64>>| -> Vec<f64> {
            phases.iter_mut().map(|waits| percentile(waits, percent)).collect()
        };
        let (busy, quiet) = (of(&mut busy), of(&mut quiet));
        let ratios = busy.iter().zip(&quiet).map(|(busy, quiet)| busy / quiet);
        table.row([
            format!("PING of others while one searches, p{percent} in ms, beside quiet: {layout}"),
            Spread::of(busy.iter().copied()).show(1e-3, 3),
            Spread::of(quiet.iter().copied()).show(1e-3, 3),
            Spread::of(ratios).show(1.0, 2),
            if percent == 99 { "1.2".to_owned() } else { String::new() },
        ]);
    }
    let each = real(searches) / phase.as_secs_f64() / real(phases as u64 + 1);
    table.row([
        format!("searches a second meanwhile: {layout}"),
        format!("{each:.1}"),
        String::new(),
        String::new(),
        String::new(),
    ]);
    Ok(())
}
