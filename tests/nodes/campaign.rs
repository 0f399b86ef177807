//! Faults of each kind in a random order: each begins while clients talk, lasts, and is healed; then everything comes to
//! rest, and the checker judges.
//!
//! `NODES_CYCLES=n` for so many faults instead of a minute of them, and a line that tells of each; `NODES_SEED=n` for that
//! order; `NODES_FAULTS=NodeKilled,LeaderFrozen` for these kinds alone.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::alone::members_txt;
use super::asked::until_everybody_is_seen;
use super::checker::Checker;
use super::cluster::{self, Cluster, SIZE};
use super::common::disk::skip;
use super::faults::{FAULTS, Fault};
use super::folder;
use super::record::{Happened, Kind, PlacesAre, Record};
use super::recorder::{Admins, EDITED, Longest, MEMBERS, Mood, Recorder};
use super::rng::Rng;

/// Faults in `cargo test`: as many as begin in this time.
const TIME_DEFAULT: Duration = Duration::from_secs(60);
/// Nothing takes this long, even on a machine that is busy: a new leader, a broker that catches up, a node that joins.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two times that a fault happens which happens again and again.
const AGAIN: Duration = Duration::from_millis(700);

/// How far a device has come is the same on all nodes when everything is at rest.
const PLACES: PlacesAre = PlacesAre::Shared;

struct Campaign {
    seed: u64,
    rng: Rng,
    cluster: Cluster,
    recorder: Recorder,
    checker: Checker,
    tallies: BTreeMap<Fault, Tally>,
    /// What was judged last, if something is wrong with it.
    happened: Vec<Happened>,
}

/// What a kind of fault has cost.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    cycles: u64,
    longest: Longest,
    /// Until every node has acknowledged a message again, after the end of the fault.
    recovery: Duration,
}

#[test]
fn whatever_fails_nodes_keep_what_one_server_promises() {
    if !cluster::is_there() {
        return skip("this server knows no --cluster");
    }
    let variable = |name: &str| std::env::var(name).ok();
    let number = |name| variable(name).map(|text| text.parse::<u64>().expect("a number"));
    let (cycles, seed) = (number("NODES_CYCLES"), number("NODES_SEED"));
    let seed = seed.unwrap_or_else(|| if cycles.is_some() { fastrand::u64(..1_000_000) } else { 1 });
    let named = variable("NODES_FAULTS").unwrap_or_default();
    let named: Vec<&str> = named.split(',').filter(|name| !name.is_empty()).collect();
    let is_named = |fault: &Fault| named.is_empty() || named.contains(&format!("{fault:?}").as_str());
    let kinds: Vec<Fault> = FAULTS.into_iter().filter(is_named).collect();
    assert!(!kinds.is_empty(), "no such fault; there are {FAULTS:?}");
    let Some(cluster) = Cluster::start(&members_txt()) else { return };
    let mut campaign = Campaign::new(seed, cluster);
    tell(&format!("seed {seed}"));
    campaign.run(&kinds, cycles);
    tell(&campaign.report());
}

fn tell(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}

impl Campaign {
    fn new(seed: u64, cluster: Cluster) -> Campaign {
        Campaign {
            seed,
            rng: Rng::new(seed),
            recorder: Recorder::new(seed, &cluster.addrs(), Admins::Two, PLACES),
            cluster,
            checker: Checker::new(&MEMBERS, PLACES),
            tallies: BTreeMap::new(),
            happened: Vec::new(),
        }
    }

    /// All kinds, as often as each other, in a new order each time.
    fn run(&mut self, kinds: &[Fault], cycles: Option<u64>) {
        let began = Instant::now();
        self.until_all_acknowledge("at the start");
        self.rest("at the start");
        let mut deck = Vec::new();
        for cycle in 0.. {
            match cycles {
                Some(cycles) if cycle == cycles => return,
                None if began.elapsed() > TIME_DEFAULT => return,
                _ => {}
            }
            if deck.is_empty() {
                deck = kinds.to_vec();
            }
            let fault = deck.swap_remove(self.rng.below(deck.len()));
            self.cycle(cycle, fault);
            if cycles.is_some() {
                let longest = self.tallies[&fault].longest;
                let secs = began.elapsed().as_secs();
                tell(&format!(
                    "{secs} s: {} {fault:?}: at most {longest}; {}",
                    cycle + 1,
                    self.checker.figures()
                ));
            }
        }
    }

    fn cycle(&mut self, cycle: u64, fault: Fault) {
        let (node, lasts) = (self.rng.below(SIZE), fault.lasts(&mut self.rng));
        let any = self.rng.below(SIZE);
        let broker = if fault.hits_the_leader() { self.cluster.leader() } else { any };
        let what = format!("{fault:?} of node {node}, broker {broker}, for {lasts:?}");
        self.recorder.tell(format!("--- cycle {cycle}: {what}"));
        if fault == Fault::EditsAtOnce {
            self.edit(&what);
        }
        self.recorder.talk(Duration::from_millis(500 + self.rng.below(1000) as u64));
        self.recorder.longest();

        let end = Instant::now() + lasts;
        fault.begin(node, broker, &mut self.cluster);
        self.recorder.talk((end - Instant::now()).min(AGAIN) / 2);
        fault.go_on(node, &mut self.cluster);
        if fault == Fault::NodeWiped {
            self.recorder.wiped(node);
        }
        while fault.repeats() && Instant::now() + AGAIN < end {
            self.recorder.talk(AGAIN / 2);
            self.heal(fault, &what);
            self.recorder.talk(AGAIN / 2);
            fault.begin(node, broker, &mut self.cluster);
        }
        self.recorder.talk(end.saturating_duration_since(Instant::now()));
        self.recorder.tell("--- it heals".to_owned());
        self.heal(fault, &what);
        let healed = Instant::now();
        self.until_all_acknowledge(&what);
        let recovery = healed.elapsed();
        let longest = self.recorder.longest();
        if fault == Fault::NodeCutOffForLong && longest.told == 0 {
            self.fail(&what, &["nobody was told that the node is cut off".to_owned()]);
        }
        self.rest(&what);

        let tally = self.tallies.entry(fault).or_default();
        tally.cycles += 1;
        tally.recovery = tally.recovery.max(recovery);
        tally.longest = tally.longest.max(longest);
    }

    /// Everything that was stopped runs again. No node may have ended by itself.
    fn heal(&mut self, fault: Fault, what: &str) {
        if fault == Fault::NodeStopped {
            let stopping: Vec<usize> = (0..SIZE).filter(|at| self.cluster.is_stopping(*at)).collect();
            let cluster = &mut self.cluster;
            let ended = |_: &Recorder| stopping.iter().all(|at| cluster.has_ended(*at));
            if !self.recorder.run(Mood::Talking, PATIENCE, ended) {
                self.fail(what, &["a node does not stop".to_owned()]);
            }
        }
        self.cluster.heal();
        self.nobody_ended(what);
    }

    fn nobody_ended(&mut self, what: &str) {
        let ended = self.cluster.restart_ended();
        if !ended.is_empty() {
            self.fail(what, &ended);
        }
    }

    /// They talk until each node has acknowledged something.
    fn until_all_acknowledge(&mut self, what: &str) {
        let since = Instant::now();
        let nodes = SIZE;
        let deadline = since + PATIENCE;
        loop {
            let all = |recorder: &Recorder| (0..nodes).all(|node| recorder.acknowledged(node) > Some(since));
            if self.recorder.run(Mood::Talking, Duration::from_millis(500), all) {
                return;
            }
            // A node may have found no brokers at its start, and have said so.
            self.nobody_ended(what);
            if Instant::now() > deadline {
                let silent = (0..nodes).filter(|node| self.recorder.acknowledged(*node) <= Some(since));
                let silent: Vec<String> =
                    silent.map(|node| format!("node {node} acknowledges nothing any more")).collect();
                self.fail(what, &silent);
            }
        }
    }

    /// Everything comes to rest, and is judged.
    fn rest(&mut self, what: &str) {
        let cluster = &self.cluster;
        let files = match self.recorder.rest(PATIENCE, || cluster.files()) {
            Ok(files) => files,
            Err(unrest) => self.fail(what, &[format!("it does not come to rest: {unrest}")]),
        };
        let record = Record { happened: self.recorder.take(), files, at_rest: true };
        let mut complaints = self.checker.record(&record);
        // Not each time: those of a node that was killed are forgotten after a while.
        if self.rng.percent(20) {
            let (nodes, files) = (self.cluster.addrs(), &record.files[0]);
            complaints.extend(until_everybody_is_seen(&nodes, &self.recorder, files, PATIENCE));
        }
        if !complaints.is_empty() {
            self.happened = record.happened;
            self.fail(what, &complaints);
        }
    }

    /// Two people edit members.txt of two nodes, while nobody changes the group by commands. Both edits may be about the same
    /// member.
    fn edit(&mut self, what: &str) {
        let first = self.rng.below(SIZE);
        let mails = if self.rng.percent(50) { [EDITED[0], EDITED[0]] } else { [EDITED[0], EDITED[1]] };
        let changes =
            mails.map(|mail| if self.recorder.is_member(mail) { Kind::Removed } else { Kind::Added });
        // Of two hashes of the same password the later one would be a new password.
        let hashes = [folder::hash(mails[0]), folder::hash(mails[1])];
        for (at, (mail, change)) in mails.into_iter().zip(changes).enumerate() {
            self.recorder.edited(change, mail);
            let hash = if mail == mails[0] { &hashes[0] } else { &hashes[1] };
            folder::edit(self.cluster.folder((first + at) % SIZE), change, mail, hash);
        }
        let is_so = |recorder: &Recorder| {
            let mut edits = mails.iter().zip(changes);
            edits.all(|(mail, change)| recorder.is_member(mail) == (change == Kind::Added))
        };
        if !self.recorder.run(Mood::Listening, PATIENCE, is_so) {
            self.fail(what, &["an edit has no effect".to_owned()]);
        }
    }

    /// What is wrong, how it came to that, and how to have it again. The files stay.
    fn fail(&mut self, what: &str, complaints: &[String]) -> ! {
        let first: Vec<String> = complaints.iter().take(20).map(|line| format!("  {line}\n")).collect();
        let kept = self.cluster.keep();
        std::fs::write(kept.join("story"), self.recorder.story()).expect("a file");
        let lines: Vec<String> = self.happened.iter().map(|happened| format!("{happened:?}\n")).collect();
        std::fs::write(kept.join("record"), lines.concat()).expect("a file");
        panic!(
            "{what}: {} complaints\n{}{}the files, the end of the story, and what the clients recorded are in {}\n\
             the same order of faults: NODES_SEED={} make nodes-torture",
            complaints.len(),
            first.concat(),
            self.cluster.logs(),
            kept.display(),
            self.seed
        );
    }

    fn report(&self) -> String {
        let line = |(fault, tally): (&Fault, &Tally)| {
            let Tally { cycles, longest, recovery } = tally;
            let recovery = recovery.as_secs_f32();
            let name = format!("{fault:?}");
            format!("{name:22} {cycles:4} times; at most {longest}, all nodes again after {recovery:.1} s\n")
        };
        let lines: String = self.tallies.iter().map(line).collect();
        format!("{lines}{}", self.checker.figures())
    }
}
