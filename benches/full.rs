//! All places are taken, as many as there are descriptors: new connections are told so. Then there is no descriptor to
//! accept them with, and they wait. What a member notices of it, how busy the server is, and how soon a new connection
//! is logged in when another one ends.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chat_room::limits::DESCRIPTOR_RESERVE;

use common::crowd::Crowd;
use common::machine::{limit_descriptors, next_descriptor, processor_seconds};
use common::table::{Spread, Table, percentile};
use common::talker::Talker;
use common::target::{PASSWORD, Target};
use common::transcript::{MAIL, write_text};
use common::{PATIENCE, Plan, fail};

/// Members who are logged in. New connections need descriptors, too.
const SIZE: usize = 19_800;
/// From one PING to the next, and from one new connection to the next while they are told that there is no place.
const PAUSE: Duration = Duration::from_millis(10);
/// New connections that wait while there is no descriptor.
const WAITING: usize = 50;

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "measured", "quiet", "aim"]);
        for size in plan.sizes(100, &[SIZE]) {
            measure(plan, size, &mut table)?;
        }
        table.print("full", plan);
        Ok(())
    })
}

/// What a member notices, and how busy the server is.
struct Held {
    pings: Vec<f64>,
    /// Part of the time.
    busy: f64,
}

impl Held {
    fn pings(&self) -> String {
        let mut pings = self.pings.clone();
        let mut at = |percent| percentile(&mut pings, percent) * 1e3;
        format!("{:.2} / {:.2} / {:.2}", at(50), at(99), at(100))
    }

    fn busy(&self) -> String {
        format!("{:.1}", self.busy * 100.0)
    }
}

/// A server without a place, and some of its members.
struct Full<'a> {
    plan: &'a Plan,
    server: Target,
    descriptors: usize,
    /// Sends PING.
    talker: Talker,
    /// The first connections, which have the lowest descriptors.
    leavers: Vec<Talker>,
    /// New connections that have a place now.
    inside: Vec<BufReader<TcpStream>>,
}

fn measure(plan: &Plan, size: usize, table: &mut Table) -> io::Result<()> {
    let leavers = 2 * plan.alternations();
    // The talker has a place too.
    let descriptors = DESCRIPTOR_RESERVE + leavers + size + 1;
    let server = Target::server_with_descriptors(plan.cores, descriptors)?;
    let talker = Talker::enter(server.address)?;
    let leavers = (0..leavers).map(|_| Talker::enter(server.address)).collect::<io::Result<Vec<Talker>>>()?;
    let mut crowd = Crowd::enter(server.address, size)?;
    server.settle()?;
    let mut full = Full { plan, server, descriptors, talker, leavers, inside: Vec::new() };
    let quiet = full.hold(|| Ok(()))?;
    let (knocked, knocking) = full.refuse()?;
    let until_in = full.replace_by_retrying()?;
    let (waiting, until_accepted) = full.wait_for_descriptors()?;
    // No connection has ended.
    let mut message = b"MSG ".to_vec();
    write_text(&mut message, 0, 0);
    let message = String::from_utf8(message).map_err(io::Error::other)?;
    crowd.start_run();
    full.talker.ask(&format!("{message}\n"))?;
    crowd.until_all_have(1)?;

    let seconds = |seconds: Vec<f64>| Spread::of(seconds).show(1e-3, 2);
    for (what, measured, quiet, aim) in [
        (
            format!("{size} connected, {knocked} more refused: PING, ms, p50 / p99 / max"),
            knocking.pings(),
            quiet.pings(),
            "",
        ),
        ("meanwhile the server's core busy, %".to_owned(), knocking.busy(), quiet.busy(), "5"),
        (
            "one leaves: ms until another, who tries again and again, is in".to_owned(),
            seconds(until_in),
            String::new(),
            "1000",
        ),
        (
            format!("no descriptor left, {WAITING} wait: PING, ms, p50 / p99 / max"),
            waiting.pings(),
            quiet.pings(),
            "",
        ),
        ("meanwhile the server's core busy, %".to_owned(), waiting.busy(), quiet.busy(), "5"),
        ("one leaves: ms until one of them is in".to_owned(), seconds(until_accepted), String::new(), "1000"),
    ] {
        table.row([what, measured, quiet, aim.to_owned()]);
    }
    Ok(())
}

impl Full<'_> {
    /// New connections come one after the other. Returns how many.
    fn refuse(&mut self) -> io::Result<(u64, Held)> {
        let (address, mut knocked) = (self.server.address, 0);
        let held = self.hold(|| {
            knocked += 1;
            match knock(address)? {
                Told::Full => Ok(()),
                Told::Hello(_) => fail("there is one place more than there should be"),
            }
        })?;
        Ok((knocked, held))
    }

    /// Some end, and new connections try until they have their places. Returns the seconds.
    fn replace_by_retrying(&mut self) -> io::Result<Vec<f64>> {
        let mut seconds = Vec::new();
        for _ in 0..self.plan.alternations() {
            let start = Instant::now();
            drop(self.leavers.pop());
            let newcomer = loop {
                if let Told::Hello(newcomer) = knock(self.server.address)? {
                    break newcomer;
                }
                if start.elapsed() > PATIENCE {
                    return fail("a place that was left is not given to a newcomer");
                }
                std::thread::sleep(PAUSE / 10);
            };
            seconds.push(start.elapsed().as_secs_f64());
            self.log_in(newcomer)?;
        }
        Ok(seconds)
    }

    /// Logs a new connection in, so that it is not evicted for the next one.
    fn log_in(&mut self, mut newcomer: BufReader<TcpStream>) -> io::Result<()> {
        newcomer.get_mut().write_all(format!("LOGIN {MAIL}/- {PASSWORD}\n").as_bytes())?;
        let mut answer = String::new();
        newcomer.read_line(&mut answer)?;
        if !answer.starts_with("OK LOGIN ") {
            return fail(format!("a newcomer's login was answered by {answer:?}"));
        }
        self.inside.push(newcomer);
        Ok(())
    }

    /// New connections wait for descriptors, and get those of others that end. Returns the seconds from then.
    fn wait_for_descriptors(&mut self) -> io::Result<(Held, Vec<f64>)> {
        let (pid, maximum) = (self.server.pid(), self.descriptors as u64);
        limit_descriptors(pid, next_descriptor(pid)?, maximum)?;
        let address = self.server.address;
        let mut newcomers =
            (0..WAITING).map(|_| Ok(BufReader::new(connect(address)?))).collect::<io::Result<Vec<_>>>()?;
        let held = self.hold(|| Ok(()))?;
        for newcomer in &mut newcomers {
            newcomer.get_ref().set_nonblocking(true)?;
            match newcomer.fill_buf() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                heard => return fail(format!("a newcomer who should wait heard {heard:?}")),
            }
            newcomer.get_ref().set_nonblocking(false)?;
        }
        let mut seconds = Vec::new();
        // The one that has waited longest comes first.
        for newcomer in newcomers.drain(..self.leavers.len()) {
            let start = Instant::now();
            drop(self.leavers.pop());
            let Told::Hello(newcomer) = told(newcomer)? else {
                return fail("a newcomer who waited was refused");
            };
            seconds.push(start.elapsed().as_secs_f64());
            self.log_in(newcomer)?;
        }
        limit_descriptors(pid, maximum, maximum)?;
        for newcomer in newcomers {
            if !matches!(told(newcomer)?, Told::Full) {
                return fail("there is one place more than there should be");
            }
        }
        Ok((held, seconds))
    }

    /// Sends PING again and again, and calls `meanwhile` in between.
    fn hold(&mut self, mut meanwhile: impl FnMut() -> io::Result<()>) -> io::Result<Held> {
        let (pid, mut pings) = (self.server.pid(), Vec::new());
        let (start, before) = (Instant::now(), processor_seconds(pid)?);
        while start.elapsed() < 3 * self.plan.burst() {
            let asked = Instant::now();
            self.talker.ask("PING\n")?;
            pings.push(asked.elapsed().as_secs_f64());
            meanwhile()?;
            std::thread::sleep(PAUSE);
        }
        let busy = (processor_seconds(pid)? - before) / start.elapsed().as_secs_f64();
        Ok(Held { pings, busy })
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// What a new connection is told.
enum Told {
    Full,
    Hello(BufReader<TcpStream>),
}

fn knock(address: SocketAddr) -> io::Result<Told> {
    told(BufReader::new(connect(address)?))
}

fn told(mut newcomer: BufReader<TcpStream>) -> io::Result<Told> {
    let mut line = String::new();
    newcomer.read_line(&mut line)?;
    if line.starts_with("HELLO ") {
        return Ok(Told::Hello(newcomer));
    }
    let mut more = Vec::new();
    newcomer.read_to_end(&mut more)?;
    if line.starts_with("BYE full ") && line.ends_with('\n') && more.is_empty() {
        Ok(Told::Full)
    } else {
        fail(format!("a newcomer heard {line:?} and {} bytes more", more.len()))
    }
}
