//! One folder's lives, one after the other: starts, load, ends, what was left, and the checker's word on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::check::{Checker, Figures};
use super::common::server::{PATIENCE, Server, members_txt};
use super::crowd::{ADMIN, Crowd, MEMBERS, Time};
use super::folder::{Passwords, cut_power, history, recorded};
use super::rng::Rng;
use super::tale::{After, Life, told};

/// How many lives a folder has: then it is large enough, and another one begins.
pub(super) const LIVES: u64 = 50;

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// kill -9 before anybody could log in.
    AtStart,
    /// kill -9.
    Kill,
    /// SIGTERM.
    Stop,
    /// SIGTERM, and kill -9 before it is through.
    KillWhileStopping,
}

/// What the ends were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) kills: u64,
    pub(super) at_start: u64,
    pub(super) while_stopping: u64,
    pub(super) stops: u64,
    pub(super) power_cuts: u64,
}

pub(super) struct Campaign {
    seed: u64,
    rng: Rng,
    folder: TempDir,
    options: Vec<&'static str>,
    crowd: Crowd,
    checker: Checker,
    passwords: Passwords,
    pub(super) ends: Ends,
    lives: u64,
}

impl Campaign {
    pub(super) fn new(seed: u64) -> Campaign {
        let mut rng = Rng::new(seed);
        let folder = tempfile::tempdir().expect("a folder");
        let names = MEMBERS.map(|mail| mail.split('@').next().expect("a name"));
        fs::write(folder.path().join("members.txt"), members_txt(&names)).expect("written");
        let passwords: BTreeMap<String, String> =
            names.iter().map(|name| (format!("{name}@x"), format!("{name}-secret"))).collect();
        // Nobody is held up: the more is under way when the end comes, the better.
        let mut options = vec!["--rate", "0"];
        if rng.percent(50) {
            options.extend(["--window", "1M"]);
        }
        Campaign {
            seed,
            rng,
            folder,
            options,
            crowd: Crowd::new(&passwords),
            checker: Checker::new(ADMIN, passwords),
            passwords: Passwords::default(),
            ends: Ends::default(),
            lives: 0,
        }
    }

    /// So many lives, and two in which all comes to rest. A complaint ends it.
    pub(super) fn run(mut self, lives: u64) -> Result<(Figures, Ends), String> {
        for _ in 0..lives {
            let end = match self.rng.below(100) {
                0..8 => End::AtStart,
                8..14 => End::Stop,
                14..20 => End::KillWhileStopping,
                _ => End::Kill,
            };
            // Now and then long enough for places to be recorded twice.
            let millis = match self.rng.below(100) {
                0..6 => 2100 + self.rng.below(700),
                6..20 => 200 + self.rng.below(400),
                _ => 20 + self.rng.below(180),
            };
            self.life(end, Duration::from_millis(millis as u64))?;
        }
        self.come_to_rest()?;
        Ok((self.checker.figures(), self.ends))
    }

    fn life(&mut self, end: End, how_long: Duration) -> Result<(), String> {
        self.begin(&format!("{how_long:?}, then {end:?}"));
        if end == End::AtStart {
            self.kill_at_start();
            return self.judge(false, Vec::new());
        }
        let mut server = self.start();
        let (addr, to_say) = (server.addr(), 200 + self.rng.below(400));
        let mut time = Time { addr, rng: &mut self.rng, how_long, is_quiet: false, begins: true, to_say };
        self.crowd.run(&mut time, |_| false);
        let mut stopped = false;
        match end {
            End::AtStart => unreachable!("it has not started"),
            End::Kill => self.ends.kills += 1,
            End::Stop | End::KillWhileStopping => {
                server.signal(Signal::TERM);
                time.begins = false;
                time.how_long = PATIENCE;
                if end == End::KillWhileStopping {
                    self.ends.while_stopping += 1;
                    time.how_long = Duration::from_millis(time.rng.below(60) as u64);
                    self.crowd.run(&mut time, |_| false);
                } else {
                    self.ends.stops += 1;
                    time.is_quiet = true;
                    let pid = server.pid();
                    self.crowd.run(&mut time, |_| !is_running(pid));
                    let status = server.wait();
                    stopped = true;
                    if !status.success() {
                        return Err(
                            self.complaint(&[format!("SIGTERM ended with {status}\n{}", server.log())])
                        );
                    }
                }
            }
        }
        self.end(server, stopped)
    }

    /// All that is durable reaches everybody and is recorded; then nothing comes twice.
    fn come_to_rest(&mut self) -> Result<(), String> {
        for what in ["coming to rest", "nothing comes twice"] {
            self.begin(what);
            let folder = self.folder.path().to_owned();
            let passwords = self.passwords.read(&folder, &self.crowd);
            let server = self.start();
            let (addr, rng) = (server.addr(), &mut self.rng);
            let mut time = Time { addr, rng, how_long: PATIENCE, is_quiet: true, begins: true, to_say: 0 };
            self.crowd.run(&mut time, |clients| {
                let last = lines(&folder);
                let recorded = recorded(&folder);
                let here = clients.iter().filter(|c| c.has_feed() && passwords.contains_key(c.mail()));
                !Crowd::behind(clients, &passwords, last)
                    && here.into_iter().all(|client| recorded.get(client.who()) == Some(&last))
            });
            self.ends.kills += 1;
            self.end(server, false)?;
            let complaints = self.checker.settled();
            if !complaints.is_empty() {
                return Err(self.complaint(&complaints));
            }
        }
        Ok(())
    }

    fn begin(&mut self, what: &str) {
        self.lives += 1;
        let (lives, last) = (self.lives, self.checker.figures().events);
        self.crowd.tell(format!("--- life {lives}: {what}; {last} events so far"));
    }

    fn start(&mut self) -> Server {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"));
        Server::in_folder(folder, &self.options)
    }

    /// It may be through with its start, or in the midst of it.
    fn kill_at_start(&mut self) {
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(&self.options)
            .current_dir(self.folder.path())
            .stderr(Stdio::null())
            .spawn()
            .expect("a server");
        sleep(Duration::from_micros(self.rng.below(15_000) as u64));
        server.kill().expect("own child");
        server.wait().expect("own child");
        self.ends.at_start += 1;
    }

    /// kill -9, if it has not ended, and the verdict.
    fn end(&mut self, server: Server, stopped: bool) -> Result<(), String> {
        let addr = server.addr();
        let log = server.log();
        self.folder = server.into_folder();
        let rng = &mut self.rng;
        let mut time = Time { addr, rng, how_long: PATIENCE, is_quiet: true, begins: false, to_say: 0 };
        let sessions = self.crowd.drain(&mut time);
        if let Some(line) = log.lines().find(|line| line.contains(" ERROR ") || line.contains("panicked")) {
            return Err(self.complaint(&[format!("the log says: {line}")]));
        }
        // The start has synced everything that was there, and what anybody was told was synced before.
        let safe = told(&sessions).max(self.checker.figures().events);
        if self.rng.percent(60)
            && let Some(what) = cut_power(self.folder.path(), safe, &mut self.rng)
        {
            self.ends.power_cuts += 1;
            self.crowd.tell(what);
        }
        self.judge(stopped, sessions)
    }

    fn judge(&mut self, stopped: bool, sessions: Vec<super::tale::Session>) -> Result<(), String> {
        let folder = self.folder.path();
        let passwords = self.passwords.read(folder, &self.crowd);
        let after = After { stopped, history: history(folder), passwords, recorded: recorded(folder) };
        self.crowd.learn(&after.passwords);
        let complaints = self.checker.life(&Life { sessions, after });
        if complaints.is_empty() { Ok(()) } else { Err(self.complaint(&complaints)) }
    }

    /// What is wrong, how it came to that, and how to have it again. The files stay.
    fn complaint(&mut self, complaints: &[String]) -> String {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder")).keep();
        let first: Vec<String> = complaints.iter().take(20).map(|line| format!("  {line}\n")).collect();
        let first = first.concat();
        format!(
            "life {}: {} complaints\n{first}the story's end:\n{}the files are in {}\n\
             replay with: TORTURE_SEED={} cargo test --release --test crash -- --nocapture",
            self.lives,
            complaints.len(),
            self.crowd.story(),
            folder.display(),
            self.seed
        )
    }
}

fn is_running(pid: rustix::process::Pid) -> bool {
    // A zombie has no command line.
    let path = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
    fs::read(path).is_ok_and(|line| !line.is_empty())
}

fn lines(folder: &Path) -> u64 {
    memchr::memchr_iter(b'\n', &history(folder)).count() as u64
}

/// Campaigns one after the other.
pub(super) fn torture(first_seed: u64, lives: u64, mut tell: impl FnMut(u64, Duration, &Figures, &Ends)) {
    let began = Instant::now();
    let (mut figures, mut ends) = (Figures::default(), Ends::default());
    let mut done = 0;
    while done < lives {
        let now = LIVES.min(lives - done);
        let campaign = Campaign::new(first_seed + done / LIVES);
        let (more, how) = campaign.run(now).unwrap_or_else(|complaint| panic!("{complaint}"));
        figures.add(&more);
        ends.add(&how);
        done += now;
        tell(done, began.elapsed(), &figures, &ends);
    }
}

impl Ends {
    fn add(&mut self, other: &Ends) {
        self.kills += other.kills;
        self.at_start += other.at_start;
        self.while_stopping += other.while_stopping;
        self.stops += other.stops;
        self.power_cuts += other.power_cuts;
    }
}
