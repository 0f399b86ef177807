//! What 1,000 members notice of `--backup`: a thousand are connected, somebody says something fifty times a second, and one
//! more sends PING; by turns quiet, during a backup of 5 GiB, and quiet once more.
//!
//! `cargo bench --bench backup -- linked` has the backup beside the history, where full files are linked; `memory` in a file
//! system in memory, so that all is copied and the disk has no part in it; `disk` copied on the disk of the history. With a
//! number the history has so many GiB.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use chat_room::limits::HISTORY_SEGMENT_MAX;
use common::crowd::{Crowd, Entrance};
use common::disk::{skip, tool};
use common::large_group::members_txt;
use common::machine::{Cores, move_to};
use common::pair::{Phases, Waits, begin_pings, lacks_pings, pings, say_one};
use common::pinger::Pinger;
use common::publishers::Publishers;
use common::table::{Spread, Table};
use common::target::{HISTORY, History, Target};
use common::written::{forget_cached, write_history_of};
use common::{Plan, fail};
use rustix::fs::{statvfs, sync};
use tempfile::TempDir;

const MEMBERS: usize = 1_000;
/// From one message to the next: as if each of them said something every twenty seconds.
const EVERY: Duration = Duration::from_millis(20);
/// Of a line of the history; few are shorter.
const LINE: u64 = 64;
/// How long it is quiet, and one backup after the other is begun.
const PHASE: Duration = Duration::from_secs(2);
/// A file system in memory, on any Linux.
const IN_MEMORY: &str = "/dev/shm";

/// Where a backup goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linked,
    Memory,
    Disk,
}

/// Where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    OneCore,
    Spread,
}

struct Round {
    /// Before, during and after.
    waits: [Waits; 3],
    /// Seconds of each backup.
    backups: Vec<f64>,
}

/// Those who talk, and those who listen.
struct Group {
    crowd: Crowd,
    publishers: Publishers,
}

fn main() -> ExitCode {
    common::main(|plan| {
        // Arguments are GiB.
        let bytes = match plan.number(0, 5) {
            0 => 1 << 20,
            gib => (gib as u64) << 30,
        };
        let (members, segment_max) =
            if plan.smoke { (20, bytes / 4) } else { (MEMBERS, HISTORY_SEGMENT_MAX) };
        let text = members_txt(members + 1, members, 0);
        let folder = Rc::new(TempDir::new()?);
        let history = folder.path().join(HISTORY);
        write_history_of(&history, bytes / LINE, segment_max, &text)?;
        let server = Target::server_of(&folder, &text, plan.cores, History::On, &[])?;
        let mut group = Group::enter(&server, members)?;
        group.talk_for(PHASE / if plan.smoke { 20 } else { 1 })?;
        let mut table = Table::new(&["what", "meanwhile", "quiet", "ratio", "quiet beside quiet", "aim"]);
        for (word, kind) in [("linked", Kind::Linked), ("memory", Kind::Memory), ("disk", Kind::Disk)] {
            if !plan.wants(word) {
                continue;
            }
            if let Some(why) = kind.is_impossible(bytes)? {
                skip(why);
                continue;
            }
            for layout in [Layout::OneCore, Layout::Spread] {
                let rounds = (0..kind.rounds(plan)).map(|_| {
                    if kind == Kind::Disk {
                        forget_cached(&history)?;
                    }
                    round(plan, &server, &mut group, kind, layout)
                });
                let rounds = rounds.collect::<io::Result<Vec<Round>>>()?;
                rows(&mut table, kind, layout, rounds);
            }
        }
        table.print("backup", plan);
        Ok(())
    })
}

impl Kind {
    /// Why such a backup cannot be made here.
    fn is_impossible(self, bytes: u64) -> io::Result<Option<String>> {
        Ok(match self {
            Kind::Linked => None,
            Kind::Memory => {
                let there = statvfs(IN_MEMORY)?;
                let free = there.f_bavail * there.f_frsize;
                (free < bytes + bytes / 4).then(|| format!("{IN_MEMORY} has no room for {bytes} bytes"))
            }
            Kind::Disk => (!tool("unshare --mount true")).then(|| "no mounts can be made here".to_owned()),
        })
    }

    fn rounds(self, plan: &Plan) -> usize {
        // To copy all takes about a minute.
        if self == Kind::Disk { plan.alternations().min(2) } else { plan.alternations() }
    }

    fn place(self) -> io::Result<TempDir> {
        if self == Kind::Memory { TempDir::new_in(IN_MEMORY) } else { TempDir::new() }
    }

    fn command(self, server: &Target, place: &Path, to: &Path) -> Command {
        let backup = server.backup(to);
        if self != Kind::Disk {
            return backup;
        }
        // Into another mount nothing can be linked, even if it is the same file system.
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", "mount --bind \"$0\" \"$0\" && exec \"$@\""]).arg(place);
        command.arg(backup.get_program()).args(backup.get_args());
        backup.get_current_dir().map(|folder| command.current_dir(folder));
        command
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Linked => "linked",
            Kind::Memory => "copied into memory",
            Kind::Disk => "copied on the same disk",
        }
    }
}

impl Layout {
    fn cores(self, Cores { target, load }: Cores) -> Vec<usize> {
        match self {
            Layout::OneCore => vec![target],
            Layout::Spread => vec![target, load],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Layout::OneCore => "on the server's core",
            Layout::Spread => "on any core",
        }
    }
}

impl Group {
    fn enter(server: &Target, members: usize) -> io::Result<Group> {
        let mut crowd = Crowd::go_in(&[server.address], members, Entrance::EachAsMember)?;
        let publishers = Publishers::enter(server.address, &crowd)?;
        crowd.invite(Pinger::enter(server.address)?)?;
        Ok(Group { crowd, publishers })
    }

    /// A message is said every so often, and all get it, for as long as `goes_on` says, which is told the last number.
    fn talk(&mut self, mut goes_on: impl FnMut(u64) -> io::Result<bool>) -> io::Result<Waits> {
        let Group { crowd, publishers } = self;
        let mut messages = Vec::new();
        begin_pings(crowd)?;
        // At least once each, however slow a machine is that does other things, too.
        while goes_on(crowd.transcript.last())? || messages.is_empty() || lacks_pings(crowd) {
            let start = Instant::now();
            messages.push(say_one(crowd, publishers)?);
            while start.elapsed() < EVERY && goes_on(crowd.transcript.last())? {
                crowd.turn()?;
            }
        }
        Ok([messages, pings(crowd)])
    }

    fn talk_for(&mut self, time: Duration) -> io::Result<Waits> {
        let start = Instant::now();
        self.talk(|_| Ok(start.elapsed() < time))
    }
}

/// Quiet, backups, quiet.
fn round(plan: &Plan, server: &Target, group: &mut Group, kind: Kind, layout: Layout) -> io::Result<Round> {
    let phase = if plan.smoke { PHASE / 20 } else { PHASE };
    let place = kind.place()?;
    // What the round before has left.
    sync();
    server.settle()?;
    let before = group.talk_for(phase)?;
    let mut backups = Backups {
        server,
        kind,
        place: place.path(),
        cores: layout.cores(plan.cores),
        until: Instant::now() + phase,
        running: None,
        made: Vec::new(),
    };
    let during = group.talk(|last| backups.go_on(last))?;
    let backups = backups.made;
    server.settle()?;
    let after = group.talk_for(phase)?;
    Ok(Round { waits: [before, during, after], backups })
}

/// One after the other.
struct Backups<'a> {
    server: &'a Target,
    kind: Kind,
    place: &'a Path,
    cores: Vec<usize>,
    /// Then none is begun.
    until: Instant,
    running: Option<Running>,
    /// Seconds each took.
    made: Vec<f64>,
}

struct Running {
    child: Child,
    start: Instant,
    to: PathBuf,
    /// The last number before it.
    last: u64,
}

impl Backups<'_> {
    /// Looks after the one that is running, and begins the next. False when the last is done.
    fn go_on(&mut self, last: u64) -> io::Result<bool> {
        if let Some(running) = &mut self.running {
            if running.child.try_wait()?.is_none() {
                return Ok(true);
            }
            self.made.push(running.start.elapsed().as_secs_f64());
        }
        if let Some(done) = self.running.take() {
            done.check(self.kind)?;
        }
        if !self.made.is_empty() && Instant::now() > self.until {
            return Ok(false);
        }
        let to = self.place.join(self.made.len().to_string());
        let mut command = self.kind.command(self.server, self.place, &to);
        let start = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        move_to(child.id(), &self.cores)?;
        self.running = Some(Running { child, start, to, last });
        Ok(true)
    }
}

impl Running {
    /// It has all that was said before, and what could be linked is.
    fn check(self, kind: Kind) -> io::Result<()> {
        let output = self.child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let has = said.split("events 1 to ").nth(1).and_then(|rest| rest.split(';').next()?.parse().ok());
        if has.is_none_or(|has: u64| has < self.last) {
            let why = String::from_utf8_lossy(&output.stderr);
            return fail(format!("a backup after {} said: {said}{why}", self.last));
        }
        let files = fs::read_dir(self.to.join(HISTORY))?.collect::<io::Result<Vec<_>>>()?;
        let segments = files.iter().filter(|file| file.path().extension().is_some_and(|ext| ext == "txt"));
        let links = segments.map(|file| Ok(file.metadata()?.nlink())).collect::<io::Result<Vec<u64>>>()?;
        let linked = links.iter().filter(|&&links| links > 1).count();
        let should = if kind == Kind::Linked { links.len() - 1 } else { 0 };
        if linked == should { Ok(()) } else { fail(format!("{linked} of {} files are links", links.len())) }
    }
}

fn rows(table: &mut Table, kind: Kind, layout: Layout, mut rounds: Vec<Round>) {
    let what = format!("{}, {}", kind.name(), layout.name());
    let took = Spread::of(rounds.iter().flat_map(|round| round.backups.iter().copied())).show(1.0, 2);
    table.row([format!("a backup, {what}: s"), took]);
    for (which, name) in ["MSG until all have it", "PING"].into_iter().enumerate() {
        for percent in [50, 99] {
            let Phases { before, during, after, quiet } =
                Phases::of(rounds.iter_mut().map(|round| &mut round.waits), which, percent);
            let ratios = |these: &[f64], those: &[f64]| {
                Spread::of(these.iter().zip(those).map(|(this, that)| this / that)).show(1.0, 2)
            };
            table.row([
                format!("{name}, p{percent} in ms: {what}"),
                Spread::of(during.iter().copied()).show(1e-3, 3),
                Spread::of(quiet.iter().copied()).show(1e-3, 3),
                ratios(&during, &quiet),
                ratios(&after, &before),
                if (name, percent) == ("PING", 99) { "1.2".to_owned() } else { String::new() },
            ]);
        }
    }
}
