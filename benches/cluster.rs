//! A node of a cluster beside what it is made of, with three real brokers that sync always: MSG to OK beside a bare publish
//! and its ack; joining again beside reading the same messages with nothing around; fan-out beside a server that has its
//! group for itself; two nodes on two cores beside one; and how soon a node tells who is at another one.
//!
//! `cargo bench --bench cluster -- commit`, `catching-up`, `two-nodes`, `presence` or `fan-out` does one of these. The node has one core,
//! members and the bare client the other; the brokers run where there is time. Without a nats-server nothing is measured.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

#[path = "../tests/common/broker.rs"]
mod broker;
mod common;

use std::ops::RangeInclusive;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{fs, io};

use chat_room::protocol::{Mail, Text};
use chat_room::server::log::cluster::prove::STREAM;
use chat_room::server::log::cluster::{Batch, BatchNumber, Command, Head, NodeName, Start};
use tempfile::TempDir;

use broker::{Brokers, Login, Setup};
use common::bare_client::BareClient;
use common::busy_brokers::{BusyBrokers, Work};
use common::crowd::{Compares, Crowd, Entrance};
use common::flood::{Load, Part, Side, rows, server_side, sides_by_turns, warm_up};
use common::latecomer::wait_for_receipts;
use common::machine::{Cores, put_first_on, stay_on, stay_on_both};
use common::publishers::{PUBLISHERS, Publishers};
use common::run::{burst_of, real};
use common::table::{Spread, Table, percentile};
use common::talker::Talker;
use common::target::{HISTORY, History, Target};
use common::transcript::{MAIL, PUBLISHERS_MAX, Transcript, write_text};
use common::{PATIENCE, Plan, fail};

/// Bytes that are said: a line of a chat, and a long one.
const TEXTS: [usize; 2] = [60, 1000];
/// In a round so many are said, and as many published, one after the other. Of these eight took longer than the p99.
const PAIRS: usize = 800;
/// Before them, not counted.
const WARM_UP: usize = 20;
/// A commit through a node may take so many times as long as its part without the node.
const COMMIT_AIM: &str = "1.3";
const PERCENTS: [usize; 2] = [50, 99];

/// Events while a node is away. Each is a message of its own, as when people type.
const MISSED: usize = 100_000;
/// Messages that are published at once, before their acks.
const AT_ONCE: usize = 256;

const SIZES: [usize; 2] = [1_000, 10_000];
/// Receivers of two nodes together.
const OF_TWO: usize = 10_000;
/// Messages said to them one at a time.
const SINGLES: usize = 20;

/// So often somebody comes to one node and goes, while another one is asked who is there, this often.
const VISITS: usize = 100;
const ASKED_EVERY: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    common::main(|plan| {
        let Some(group) = Group::start(plan)? else { return Ok(()) };
        let mut table = Table::new(&["what", "measured", "beside it", "ratio", "aim"]);
        for (name, part) in PARTS {
            if plan.wants(name) {
                part(plan, &group, &mut table)?;
            }
        }
        if PARTS.iter().any(|(name, _)| plan.wants(name)) {
            table.print("cluster", plan);
        }
        if plan.wants(TWO_NODES) {
            let mut table = Table::new(&["what", "two nodes", "one node", "ratio", "aim"]);
            two_nodes(plan, &group, &mut table)?;
            table.print("cluster -- two-nodes", plan);
        }
        if plan.wants(PRESENCE) {
            // A group of its own: whoever comes has nothing to catch up with, and no node is missing.
            drop(group);
            let Some(group) = Group::start(plan)? else { return Ok(()) };
            let mut table = Table::new(&["what", "p50", "p99"]);
            presence(plan, &group, &mut table)?;
            table.print("cluster -- presence", plan);
        }
        Ok(())
    })
}

/// Adds its rows to the table.
type Measure = fn(&Plan, &Group, &mut Table) -> io::Result<()>;

const PARTS: [(&str, Measure); 3] =
    [("commit", commits), ("catching-up", catching_up), ("fan-out", fan_outs)];
/// Tables of their own.
const TWO_NODES: &str = "two-nodes";
const PRESENCE: &str = "presence";

/// A group on three brokers.
struct Group {
    brokers: Brokers,
    /// All go through this one, which leads the stream: no way is shorter.
    leader: usize,
    cores: Cores,
}

impl Group {
    /// `None`, and it says so: there is no program for the brokers.
    fn start(plan: &Plan) -> io::Result<Option<Group>> {
        stay_on_both(plan.cores)?;
        let brokers = Brokers::start(Setup::default());
        stay_on(plan.cores.load)?;
        let Some(brokers) = brokers else { return Ok(None) };
        Target::make_cluster(&brokers.urls(), &brokers.credentials(Login::Keeper))?;
        let start = Instant::now();
        let leader = loop {
            match brokers.leader(STREAM) {
                Some(leader) => break leader,
                None if start.elapsed() > PATIENCE => return fail("no broker leads the stream"),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        Ok(Some(Group { brokers, leader, cores: plan.cores }))
    }

    /// A node with the history in this folder.
    fn node(&self, name: &str, folder: &Rc<TempDir>) -> io::Result<Target> {
        self.node_on(self.cores, name, folder)
    }

    fn node_on(&self, cores: Cores, name: &str, folder: &Rc<TempDir>) -> io::Result<Target> {
        let (url, credentials) = (self.brokers.url(self.leader), self.brokers.credentials(Login::Node));
        let credentials = credentials.to_string_lossy();
        let options = ["--cluster", &url, "--node", name, "--cluster-credentials", &credentials];
        let mut node = Target::server_in(folder, cores, History::On, &options)?;
        node.helpers = self.brokers.pids();
        Ok(node)
    }

    fn bare_client(&self) -> io::Result<BareClient> {
        let (user, password) = Login::Node.pair();
        BareClient::enter(self.brokers.addr(self.leader), user, password)
    }
}

/// Batches as a node writes them; mostly of one command, as when one member says one line.
struct Batches {
    node: NodeName,
    start: Start,
    next: BatchNumber,
}

impl Batches {
    /// They count from their JOIN on, and without it none does.
    fn of(node: &str) -> Batches {
        // As long as the start of a node is: milliseconds.
        let (node, start) = (NodeName::parse(node).expect("a name"), Start(1_000_000_000_000));
        Batches { node, start, next: BatchNumber::FIRST }
    }

    fn body(&mut self, command: Command<'_>) -> Vec<u8> {
        self.body_of(vec![command])
    }

    fn body_of(&mut self, commands: Vec<Command<'_>>) -> Vec<u8> {
        let head = Head { node: self.node.clone(), start: self.start, number: self.next, shown: None };
        self.next = self.next.next();
        let mut body = Vec::new();
        Batch { head, commands }.write(&mut body);
        body
    }

    fn says(&mut self, text: &[u8]) -> Vec<u8> {
        self.say(&[text.to_vec()])
    }

    fn say(&mut self, texts: &[Vec<u8>]) -> Vec<u8> {
        let mail = Mail::parse(MAIL.as_bytes()).expect("a mail");
        let texts = texts.iter().map(|text| Text::parse(text).expect("a text"));
        let commands = texts.map(|text| Command::Msg { mail: mail.clone(), text });
        self.body_of(commands.collect())
    }
}

/// One member says one line after the other at a node; by turns with it the message that the node would publish is published
/// without it. To the nodes that is nothing: its start is not known.
fn commits(plan: &Plan, group: &Group, table: &mut Table) -> io::Result<()> {
    let pairs = if plan.smoke { 10 } else { PAIRS };
    let node = group.node("n0", &Rc::new(TempDir::new()?))?;
    let (mut talker, mut bare) = (Talker::enter(node.address)?, group.bare_client()?);
    let mut batches = Batches::of("b0");
    batches.next = BatchNumber::FIRST.next();
    for len in TEXTS {
        let text = "x".repeat(len);
        let line = format!("MSG {text}\n");
        let mut pair = || -> io::Result<[f64; 2]> {
            let start = Instant::now();
            let answer = talker.ask(&line)?;
            let through_node = start.elapsed().as_secs_f64();
            if !answer.last().is_some_and(|line| line.starts_with("OK MSG ")) {
                return fail(format!("a message was answered by {answer:?}"));
            }
            let body = [batches.says(text.as_bytes())];
            let start = Instant::now();
            bare.publish(&body)?;
            Ok([through_node, start.elapsed().as_secs_f64()])
        };
        // Of each of the percentiles, both sides' of each round.
        let mut rounds = PERCENTS.map(|_| [Vec::new(), Vec::new()]);
        (0..WARM_UP).try_for_each(|_| pair().map(drop))?;
        for _ in 0..plan.alternations() {
            let mut waits = [Vec::new(), Vec::new()];
            for _ in 0..pairs {
                let took = pair()?;
                waits.iter_mut().zip(took).for_each(|(waits, took)| waits.push(took));
            }
            for (percent, sides) in PERCENTS.iter().zip(&mut rounds) {
                let sides = sides.iter_mut().zip(&mut waits);
                sides.for_each(|(side, waits)| side.push(percentile(waits, *percent)));
            }
        }
        for (percent, [nodes, bares]) in PERCENTS.iter().zip(rounds) {
            let ratios = nodes.iter().zip(&bares).map(|(node, bare)| node / bare);
            let ratios = Spread::of(ratios).show(1.0, 2);
            table.row([
                format!("{len} bytes, p{percent} in ms: MSG to OK beside publish and ack"),
                Spread::of(nodes).show(1e-3, 3),
                Spread::of(bares).show(1e-3, 3),
                ratios,
                COMMIT_AIM.to_owned(),
            ]);
        }
    }
    Ok(())
}

/// Nodes were away, each for the same events, and join again; by turns with that the same messages are read without a node.
fn catching_up(plan: &Plan, group: &Group, table: &mut Table) -> io::Result<()> {
    let missed = if plan.smoke { 1_000 } else { MISSED };
    let (mut away, mut quiet) = (Vec::new(), Vec::new());
    for number in 0..plan.alternations() {
        let (name, folder) = (format!("away-{number}"), Rc::new(TempDir::new()?));
        group.node(&name, &folder)?.stop()?;
        // Once more, with nothing missed.
        let node = group.node(&name, &folder)?;
        quiet.push(node.started_in);
        node.stop()?;
        away.push((name, folder));
    }
    let mut bare = group.bare_client()?;
    let messages = feed(&mut bare, missed)?;
    let (mut starts, mut rates, mut bares) = (Vec::new(), Vec::new(), Vec::new());
    for (name, folder) in &away {
        let before = history(folder.path())?;
        let node = group.node(name, folder)?;
        starts.push(node.started_in);
        rates.push(real(missed as u64) / node.started_in);
        node.stop()?;
        check_missed(&before, &history(folder.path())?, missed as u64)?;
        let start = Instant::now();
        bare.fetch(messages.clone())?;
        bares.push(real(missed as u64) / start.elapsed().as_secs_f64());
    }
    let ratios = |ours: &[f64], others: &[f64]| {
        Spread::of(ours.iter().zip(others).map(|(ours, other)| ours / other)).show(1.0, 2)
    };
    let rate_ratios = ratios(&rates, &bares);
    table.row([
        format!("{missed} events, thousand/s: a node that joins again beside direct gets"),
        Spread::of(rates).show(1e3, 0),
        Spread::of(bares).show(1e3, 0),
        rate_ratios,
        "100 thousand/s".to_owned(),
    ]);
    let start_ratios = ratios(&starts, &quiet);
    table.row([
        format!("s until a node serves: {missed} events missed beside none"),
        Spread::of(starts).show(1.0, 3),
        Spread::of(quiet).show(1.0, 3),
        start_ratios,
        String::new(),
    ]);
    Ok(())
}

/// Publishes so many events, as a node would whose members type. Returns their numbers in the stream.
fn feed(bare: &mut BareClient, events: usize) -> io::Result<RangeInclusive<u64>> {
    let mut batches = Batches::of("b0");
    let joined = bare.publish(&[batches.body(Command::Join)])?;
    let (mut text, mut bodies, mut last) = (Vec::new(), Vec::new(), *joined.end());
    for count in 0..events {
        text.clear();
        write_text(&mut text, 0, count as u64);
        bodies.push(batches.says(&text));
        if bodies.len() == AT_ONCE || count + 1 == events {
            last = *bare.publish(&bodies)?.end();
            bodies.clear();
        }
    }
    let first = joined.end() + 1;
    if last + 1 - first == events as u64 {
        Ok(first..=last)
    } else {
        fail(format!("{events} events are messages {first} to {last} of the stream"))
    }
}

/// All events of a history.
fn history(folder: &Path) -> io::Result<Vec<u8>> {
    let files = fs::read_dir(folder.join(HISTORY))?.map(|entry| Ok(entry?.path()));
    let mut files = files.collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.iter().map(fs::read).collect::<io::Result<Vec<_>>>().map(|files| files.concat())
}

/// A node that caught up has what it had, and each line that it missed.
fn check_missed(before: &[u8], after: &[u8], missed: u64) -> io::Result<()> {
    let Some(new) = after.strip_prefix(before) else {
        return fail("a node that was away has another history than before");
    };
    let last = memchr::memchr_iter(b'\n', before).count() as u64;
    let mut transcript = Transcript::new(last);
    transcript.take(0, new)?;
    match transcript.last() - last {
        got if got == missed => Ok(()),
        got => fail(format!("a node that missed {missed} events has got {got}")),
    }
}

/// The same messages to two nodes, each on its core, and to one of them: one at a time, and as many as there can be. Receivers
/// and brokers run where there is time, the brokers first.
fn two_nodes(plan: &Plan, group: &Group, table: &mut Table) -> io::Result<()> {
    let Cores { target, load } = plan.cores;
    let new = || Ok::<_, io::Error>(Rc::new(TempDir::new()?));
    let one = group.node_on(Cores { target, load }, "n2", &new()?)?;
    let other = group.node_on(Cores { target: load, load: target }, "n3", &new()?)?;
    group.brokers.pids().into_iter().try_for_each(|broker| put_first_on(broker, &[target, load]))?;
    stay_on_both(plan.cores)?;
    let receivers = plan.number(100, OF_TWO);
    let mut singles = [Vec::new(), Vec::new()];
    for _ in 0..plan.alternations() {
        singles[0].push(one_at_a_time(plan, &[&one, &other], receivers)?);
        singles[1].push(one_at_a_time(plan, &[&one], receivers)?);
    }
    let parts: [OfSingle; 3] = [
        ("ms until the last has it: two nodes beside one", |single| single.seconds, 1e-3, 1),
        ("% of a core for the nodes", |single| single.nodes_busy, 1e-2, 0),
        ("% of a core for receivers and brokers", |single| single.others_busy, 1e-2, 0),
    ];
    for (what, part, unit, digits) in parts {
        let [two, alone] = singles.each_ref().map(|side| side.iter().map(part).collect::<Vec<f64>>());
        let ratios = Spread::of(two.iter().zip(&alone).map(|(two, alone)| two / alone)).show(1.0, 2);
        table.row([
            format!("one message to {receivers}, {what}"),
            Spread::of(two).show(unit, digits),
            Spread::of(alone).show(unit, digits),
            ratios,
            String::new(),
        ]);
    }
    let load = Load { publishers: PUBLISHERS_MAX, receivers, compares: Compares::OneOf(16) };
    let sides = sides_by_turns(plan, [&[&one, &other], &[&one]], load)?;
    stay_on(plan.cores.load)?;
    let parts: [Part; 4] = [
        ("million deliveries/s: two nodes beside one", |side| side.burst.rate(), 1e6, 2),
        ("% of a core for the nodes", |side| side.burst.target_busy, 1e-2, 0),
        (
            "% of a core for receivers and brokers",
            |side| side.burst.load_busy + side.burst.helpers_busy,
            1e-2,
            0,
        ),
        ("ns of the nodes' loops for a delivery", |side| side.burst.loop_each(), 1e-9, 2),
    ];
    rows(table, &format!("fan-out from {PUBLISHERS_MAX} to {receivers}"), &sides, &parts, "");
    Ok(())
}

/// A member comes to one node and goes, again and again: how soon WHO of another one says so.
fn presence(plan: &Plan, group: &Group, table: &mut Table) -> io::Result<()> {
    let node = |name: &str| group.node(name, &Rc::new(TempDir::new()?));
    let (here, elsewhere) = (node("n4")?, node("n5")?);
    // Without a feed: who looks is not there.
    let mut looks = Talker::enter(here.address)?;
    let until = |is_there: bool, looks: &mut Talker| -> io::Result<f64> {
        let start = Instant::now();
        while looks.ask("WHO\n")?.len() != 1 + usize::from(is_there) {
            if start.elapsed() > PATIENCE {
                return fail("WHO does not tell who is at the other node");
            }
            std::thread::sleep(ASKED_EVERY);
        }
        Ok(start.elapsed().as_secs_f64())
    };
    let mut rounds = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for _ in 0..plan.alternations() {
        let mut waits = [Vec::new(), Vec::new()];
        for _ in 0..if plan.smoke { 2 } else { VISITS } {
            let guest = Talker::enter_as(elsewhere.address, MAIL)?;
            waits[0].push(until(true, &mut looks)?);
            drop(guest);
            waits[1].push(until(false, &mut looks)?);
        }
        for (round, waits) in rounds.iter_mut().zip(&mut waits) {
            let of = PERCENTS.iter().map(|percent| percentile(waits, *percent));
            round.iter_mut().zip(of).for_each(|(all, one)| all.push(one));
        }
    }
    let what = ["a member comes to another node", "a member leaves another node"];
    for (what, [p50, p99]) in what.into_iter().zip(rounds) {
        let shown = [p50, p99].map(|all| Spread::of(all).show(1e-3, 1));
        table.row([vec![format!("{what}, until WHO says so, ms")], shown.to_vec()].concat());
    }
    Ok(())
}

/// What single messages came to.
struct Single {
    /// Until the last receiver has it; the median.
    seconds: f64,
    /// How many cores' worth of the time the nodes were at work, and the receivers and brokers.
    nodes_busy: f64,
    others_busy: f64,
}

/// One figure of it: what it is, its unit, and its digits.
type OfSingle = (&'static str, fn(&Single) -> f64, f64, usize);

/// One message after the other, each when all have the one before.
fn one_at_a_time(plan: &Plan, nodes: &[&Target], receivers: usize) -> io::Result<Single> {
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    addresses.iter().try_for_each(|address| wait_for_receipts(*address))?;
    nodes.iter().try_for_each(|node| node.settle())?;
    let mut crowd = Crowd::go_in(&addresses, receivers, Entrance::Login)?;
    let mut publishers = Publishers::enter_some(&addresses, &crowd, 1)?;
    let (mut seconds, mut nodes_seconds, mut others_seconds) = (Vec::new(), 0.0, 0.0);
    for _ in 0..if plan.smoke { 2 } else { SINGLES } {
        let burst = burst_of(nodes, &mut crowd, |crowd| publishers.say_one(crowd))?;
        publishers.check(&crowd)?;
        seconds.push(burst.seconds);
        nodes_seconds += burst.target_busy * burst.seconds;
        others_seconds += (burst.load_busy + burst.helpers_busy) * burst.seconds;
    }
    let all: f64 = seconds.iter().sum();
    Ok(Single {
        seconds: percentile(&mut seconds, 50),
        nodes_busy: nodes_seconds / all,
        others_busy: others_seconds / all,
    })
}

/// The same load on a node and on a server that has its group for itself, each with a core. The brokers are on the other one,
/// with the receivers, and come first there: so they answer about as soon as if they had machines of their own.
fn fan_outs(plan: &Plan, group: &Group, table: &mut Table) -> io::Result<()> {
    let folder = Rc::new(TempDir::new()?);
    let mut alone = Target::server(plan.cores, History::On)?;
    alone.helpers = group.brokers.pids();
    group.brokers.pids().into_iter().try_for_each(|broker| put_first_on(broker, &[plan.cores.load]))?;
    let parts: [Part; 6] = [
        ("million deliveries/s: a node beside a server alone", |side| side.burst.rate(), 1e6, 2),
        ("lines per write", |side| side.lines_per_write, 1.0, 1),
        ("% of a core for the server", |side| side.burst.target_busy, 1e-2, 0),
        ("ns of the loop's own thread for a delivery", |side| side.burst.loop_each(), 1e-9, 2),
        ("% of a core for the receivers", |side| side.burst.load_busy, 1e-2, 0),
        ("% of a core for the brokers", |side| side.burst.helpers_busy, 1e-2, 0),
    ];
    for receivers in plan.sizes(100, &SIZES) {
        // Sixteen have four times as much in flight while a commit takes its time.
        for publishers in [PUBLISHERS, PUBLISHERS_MAX] {
            let load = Load { publishers, receivers, compares: Compares::OneOf(16) };
            let (mut nodes, mut servers, mut beside_work) = (Vec::new(), Vec::new(), Vec::new());
            let mut work = None;
            for alternation in 0..plan.alternations() {
                for turn in 0..3 {
                    match (alternation + turn) % 3 {
                        0 => {
                            let (side, done) = node_side(plan, group, &folder, load)?;
                            nodes.push(side);
                            work = Some(done);
                        }
                        1 => servers.push(server_side(plan, &alone, load)?),
                        // With more receivers the brokers have little to do.
                        _ if receivers > SIZES[0] => {}
                        _ => {
                            let work = work.clone().expect("a node was first");
                            let busy = BusyBrokers::start(group.bare_client()?, work);
                            beside_work.push(server_side(plan, &alone, load)?);
                            busy.stop()?;
                        }
                    }
                    alone.settle()?;
                }
            }
            let what = format!("fan-out from {publishers} to {receivers}");
            let aim = if receivers >= 1000 { "0.9" } else { "" };
            rows(table, &what, &[nodes.clone(), servers], &parts, aim);
            if !beside_work.is_empty() {
                let what = format!("{what}, brokers as busy beside both");
                rows(table, &what, &[nodes, beside_work], &parts, aim);
            }
        }
    }
    Ok(())
}

/// A node that begins before this load and stops after it, and what it has the brokers do.
fn node_side(plan: &Plan, group: &Group, folder: &Rc<TempDir>, load: Load) -> io::Result<(Side, Work)> {
    let mut batches = Batches::of("b1");
    let mut bare = group.bare_client()?;
    let mut last_of_stream = || Ok::<_, io::Error>(*bare.publish(&[batches.says(b"to be counted")])?.end());
    let node = group.node("n1", folder)?;
    let before = last_of_stream()?;
    let side = server_side(plan, &node, load)?;
    let count = last_of_stream()? - before;
    node.stop()?;
    // Both bursts, the shorter one and the one that counts.
    let seconds = side.burst.seconds * (1.0 + warm_up(plan).as_secs_f64() / plan.burst().as_secs_f64());
    let every = seconds / real(count);
    let messages = side.burst.deliveries / load.receivers as u64;
    let a_batch = real(messages) * every / side.burst.seconds;
    let mut text = Vec::new();
    let texts = (0..u64::MAX).take_while(|&number| real(number) < a_batch).map(|number| {
        text.clear();
        write_text(&mut text, 0, number);
        text.clone()
    });
    let batch = batches.say(&texts.collect::<Vec<_>>());
    Ok((side, Work { batch, every: Duration::from_secs_f64(every) }))
}
