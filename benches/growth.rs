//! What each operation costs as the group grows, its connections, and its history: the time until it is done, and what the
//! loop does for it. Nothing should grow with what it does not touch.
//!
//! `cargo bench --bench growth -- members`, `connections` or `events` does one of the three.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use chat_room::limits::{ACKNOWLEDGED_LOOK, FIND_LINES_MAX};
use common::crowd::{Crowd, Entrance};
use common::large_group::{member, members_txt};
use common::machine::first_thread_seconds;
use common::publishers::Publishers;
use common::run::real;
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{HISTORY, History, PASSWORD, Target, other_member, the_members};
use common::written::write_history;
use common::{Plan, fail};
use tempfile::TempDir;

const MEMBERS: [usize; 3] = [1_000, 20_000, 200_000];
const CONNECTIONS: [usize; 3] = [10, 1_000, 19_900];
const EVENTS: [usize; 2] = [10_000, 10_000_000];
/// Connections where something else grows, and members where connections do: each is another member's.
const CONNECTED: usize = 10;
const MEMBERS_CONNECTED: usize = 20_000;
/// Members who log in on new devices, in each round on one.
const ACTIVE: usize = 20;

/// How often an operation is repeated in a round, unless that takes longer.
const REPEATS: usize = 100;
const ROUND: Duration = Duration::from_millis(250);
/// How long nothing happens: two looks at the receipts.
const IDLE: Duration = Duration::from_secs(4);
/// The turn in which an answer goes out is not over when it has come.
const TURN_ENDS: Duration = Duration::from_millis(2);

/// What grows.
#[derive(Clone, Copy)]
enum Grows {
    Members,
    Connections,
    Events,
}

/// What one operation came to at one size, in seconds.
#[derive(Clone)]
struct Cost {
    operation: &'static str,
    until_done: Option<Spread>,
    of_loop: Option<Spread>,
}

fn main() -> ExitCode {
    common::main(|plan| {
        let smoke = plan.smoke;
        let sizes = |few: [usize; 2], all: &[usize]| if smoke { few.to_vec() } else { all.to_vec() };
        for (name, grows, sizes) in [
            ("members", Grows::Members, sizes([50, 100], &MEMBERS)),
            ("connections", Grows::Connections, sizes([10, 20], &CONNECTIONS)),
            ("events", Grows::Events, sizes([100, 1_000], &EVENTS)),
        ] {
            if plan.wants(name) {
                let costs = sizes.iter().map(|&size| costs(plan, grows, size));
                let costs = costs.collect::<io::Result<Vec<_>>>()?;
                table(name, &sizes, &costs).print("growth", plan);
            }
        }
        Ok(())
    })
}

/// A row for each operation: at each size the time until it is done, then what the loop does for it.
fn table(name: &str, sizes: &[usize], costs: &[Vec<Cost>]) -> Table {
    let head = |what: &str| {
        let mut first = format!("{what}: ");
        sizes.iter().map(move |size| format!("{}{size}", std::mem::take(&mut first))).collect::<Vec<_>>()
    };
    let mut heads = vec![name.to_owned()];
    heads.extend(head("until it is done, ms").into_iter().chain(head("the loop, µs")));
    heads.push("most / least of the loop".to_owned());
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for row in 0..costs[0].len() {
        let at_each = || costs.iter().map(|costs| &costs[row]);
        let show = |spread: Option<Spread>, unit, digits| {
            spread.map_or(String::new(), |spread| spread.show(unit, digits))
        };
        let mut cells = vec![costs[0][row].operation.to_owned()];
        cells.extend(at_each().map(|cost| show(cost.until_done, 1e-3, 2)));
        cells.extend(at_each().map(|cost| show(cost.of_loop, 1e-6, 1)));
        let of_loop = at_each().filter_map(|cost| cost.of_loop).map(|spread| spread.median);
        let ratio = costs[0][row].of_loop.map(|_| Spread::of(of_loop));
        // Where nothing happens for a moment only, as in small, the loop may do nothing at all.
        let ratio = ratio.filter(|of_loop| of_loop.min > 0.0);
        cells.push(ratio.map_or(String::new(), |of_loop| format!("{:.2}", of_loop.max / of_loop.min)));
        table.row(cells);
    }
    table
}

/// A server with all that is measured, and those who ask.
struct Group {
    server: Target,
    crowd: Crowd,
    publishers: Publishers,
    admin: Talker,
    /// Who log in on new devices.
    active: Vec<String>,
    /// A member in the middle of the list, and an event in the middle of the history.
    middle_member: String,
    middle_event: u64,
}

fn costs(plan: &Plan, grows: Grows, size: usize) -> io::Result<Vec<Cost>> {
    let folder = Rc::new(TempDir::new()?);
    let number = |grown: bool, otherwise: usize| if grown { size } else { otherwise };
    let connected = number(matches!(grows, Grows::Connections), CONNECTED);
    let members = match grows {
        Grows::Members => members_txt(size, ACTIVE, 0),
        // All of them might be connected.
        Grows::Connections => {
            let members = if plan.smoke { 50 } else { MEMBERS_CONNECTED };
            members_txt(members, members, 0)
        }
        Grows::Events => {
            write_history(&folder.path().join(HISTORY), size as u64, &[])?;
            the_members()
        }
    };
    let start = || Target::server_of(&folder, &members, plan.cores, History::On, &[]);
    let starts = (0..plan.alternations()).map(|_| Ok(start()?.started_in));
    let started = Spread::of(starts.collect::<io::Result<Vec<_>>>()?);
    let mut group = Group::enter(start()?, grows, connected, members.lines().count())?;
    let mut costs = group.operations(plan)?;
    costs.push(Cost { operation: "a start", until_done: Some(started), of_loop: None });
    Ok(costs)
}

impl Group {
    fn enter(server: Target, grows: Grows, connected: usize, members: usize) -> io::Result<Group> {
        let (entrance, name): (_, fn(usize) -> String) = match grows {
            Grows::Events => (Entrance::Login, other_member),
            Grows::Members | Grows::Connections => (Entrance::EachAsMember, member),
        };
        let crowd = Crowd::go_in(&[server.address], connected, entrance)?;
        let publishers = Publishers::enter_some(&[server.address], &crowd, 1)?;
        let admin = Talker::enter(server.address)?;
        let active: Vec<String> = (1..=ACTIVE).map(name).collect();
        // The first login of each runs the thread that hashes.
        for name in &active {
            Talker::enter_as(server.address, &format!("{name}/-"))?;
        }
        let middle_event = crowd.transcript.last() / 2 + 1;
        let middle_member = name(members / 2);
        Ok(Group { server, crowd, publishers, admin, active, middle_member, middle_event })
    }

    /// The order matters: the crowd compares what comes only where it is all messages.
    fn operations(&mut self, plan: &Plan) -> io::Result<Vec<Cost>> {
        let middle = self.middle_event;
        let members = format!("MEMBERS {}", self.middle_member);
        let mut costs = vec![self.messages(plan)?, self.nothing(plan)?];
        for (operation, line, answer) in [
            ("PING", "PING".to_owned(), "OK PING"),
            ("WHO, a page", "WHO".to_owned(), "OK WHO"),
            ("MEMBERS, a page in the middle", members, "OK MEMBERS"),
            ("INFO", format!("INFO {middle}"), "OK INFO"),
            ("HISTORY, the last 20", "HISTORY 20".to_owned(), "OK HISTORY"),
            ("HISTORY, 20 in the middle", format!("HISTORY SINCE {middle} 20"), "OK HISTORY"),
            ("FIND, in the last lines", "FIND abcdef".to_owned(), "OK FIND 20"),
            ("FIND, in no line", "FIND lunch".to_owned(), "OK FIND 0"),
        ] {
            costs.push(self.asking(plan, operation, REPEATS, |_| line.clone(), answer)?);
        }
        costs.push(self.new_devices(plan)?);
        let add = |nth| format!("ADD new{nth}@b.c {PASSWORD}");
        costs.push(self.asking(plan, "ADD", 3, add, "OK ADD")?);
        Ok(costs)
    }

    /// A message, until all who are connected have it.
    fn messages(&mut self, plan: &Plan) -> io::Result<Cost> {
        let (crowd, publishers) = (&mut self.crowd, &mut self.publishers);
        let mut once = |_| {
            crowd.start_run();
            let last = publishers.say_one(crowd)?;
            crowd.until_all_have(last)?;
            publishers.check(crowd)
        };
        // FIND has as many to show, however few are said in the rounds.
        (0..FIND_LINES_MAX).try_for_each(&mut once)?;
        measured(plan, &self.server, "MSG, until all have it", REPEATS, once)
    }

    fn asking(
        &mut self,
        plan: &Plan,
        operation: &'static str,
        repeats: usize,
        line: impl Fn(usize) -> String,
        answer: &str,
    ) -> io::Result<Cost> {
        let admin = &mut self.admin;
        measured(plan, &self.server, operation, repeats, |nth| {
            let lines = admin.ask(&format!("{}\n", line(nth)))?;
            let is_right = lines.last().is_some_and(|last| last.starts_with(answer));
            if is_right { Ok(()) } else { fail(format!("{operation} is answered by {lines:?}")) }
        })
    }

    fn new_devices(&mut self, plan: &Plan) -> io::Result<Cost> {
        let (active, address, mut entered) = (&self.active, self.server.address, Vec::new());
        measured(plan, &self.server, "login of a new device", ACTIVE, |nth| {
            let (who, device) = (&active[nth % ACTIVE], nth / ACTIVE);
            if who == &active[0] {
                // There are places for some, where nearly all are taken.
                entered.clear();
            }
            entered.push(Talker::enter_as(address, &format!("{who}/new{device}"))?);
            Ok(())
        })
    }

    /// What the loop does in a second in which nothing happens, when all receipts of before are known.
    fn nothing(&mut self, plan: &Plan) -> io::Result<Cost> {
        let time = if plan.smoke { IDLE / 100 } else { IDLE };
        if !plan.smoke {
            std::thread::sleep(2 * ACKNOWLEDGED_LOOK);
        }
        self.server.settle()?;
        let before = first_thread_seconds(self.server.pid())?;
        std::thread::sleep(time);
        let of_loop = (first_thread_seconds(self.server.pid())? - before) / time.as_secs_f64();
        let of_loop = Some(Spread::of([of_loop]));
        Ok(Cost { operation: "nothing, for a second", until_done: None, of_loop })
    }
}

/// An operation again and again, which is told how often it was done before: the median of each round.
fn measured(
    plan: &Plan,
    server: &Target,
    operation: &'static str,
    repeats: usize,
    mut once: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<Cost> {
    let (mut until_done, mut of_loop, mut done) = (Vec::new(), Vec::new(), 0);
    for _ in 0..plan.alternations() {
        server.settle()?;
        let before = first_thread_seconds(server.pid())?;
        let (begin, mut seconds) = (Instant::now(), Vec::new());
        while seconds.len() < repeats && (seconds.len() < 2 || begin.elapsed() < ROUND) {
            let start = Instant::now();
            once(done)?;
            done += 1;
            seconds.push(start.elapsed().as_secs_f64());
        }
        std::thread::sleep(TURN_ENDS);
        of_loop.push((first_thread_seconds(server.pid())? - before) / real(seconds.len() as u64));
        until_done.push(Spread::of(seconds).median);
    }
    Ok(Cost { operation, until_done: Some(Spread::of(until_done)), of_loop: Some(Spread::of(of_loop)) })
}
