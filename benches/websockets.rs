//! Browsers beside plain connections, on the same server: deliveries a second, the memory of an idle one, and what members
//! notice of outsiders who speak HTTP. One part: `cargo bench --bench websockets -- fan-out`, `idle`, `outsiders`.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use common::crowd::{Compares, Crowd, Entrance, KNOCKING};
use common::flood::{Load, busy, lines, rates, side_entering};
use common::frames::{WISH, frame};
use common::idle::bytes_each;
use common::outsiders::{self, QUESTIONS, connect, connect_all, decoys, drip, nth_address};
use common::pinger::Pinger;
use common::publishers::PUBLISHERS;
use common::table::{Spread, Table};
use common::target::{History, Target};
use common::{Plan, fail};
use tempfile::TempDir;

const SIZES: [usize; 2] = [1_000, 10_000];
/// Who stands beside whom, by turns.
const ENTRANCES: [Entrance; 2] = [Entrance::WebSocket, Entrance::Login];

fn main() -> ExitCode {
    common::main(|plan| {
        let parts: [(&str, Part); 3] =
            [("fan-out", fan_out), ("idle", idle), ("outsiders", outsiders_around)];
        for (name, part) in parts {
            if plan.wants(name) {
                part(plan)?;
            }
        }
        Ok(())
    })
}

type Part = fn(&Plan) -> io::Result<()>;

/// The server, and where the receivers go in.
fn server(plan: &Plan, entrance: Entrance) -> io::Result<(Target, SocketAddr)> {
    let options = ["--web-listen", "127.0.0.1:0"];
    let server = Target::server_in(&Rc::new(TempDir::new()?), plan.cores, History::On, &options)?;
    let address = if entrance == Entrance::WebSocket { server.web_address()? } else { server.address };
    Ok((server, address))
}

/// Measures both by turns, a new server each time; which is first alternates, too.
fn by_turns<T>(
    plan: &Plan,
    mut measure: impl FnMut(&Target, SocketAddr, Entrance) -> io::Result<T>,
) -> io::Result<[Vec<T>; 2]> {
    let mut sides = [Vec::new(), Vec::new()];
    for alternation in 0..plan.alternations() {
        for turn in 0..2 {
            let which = (alternation + turn) % 2;
            let (server, address) = server(plan, ENTRANCES[which])?;
            sides[which].push(measure(&server, address, ENTRANCES[which])?);
        }
    }
    Ok(sides)
}

fn fan_out(plan: &Plan) -> io::Result<()> {
    let mut table = Table::new(&[
        "receivers",
        "WebSocket, million deliveries/s",
        "plain",
        "WebSocket / plain",
        "aim",
        "the loop's time for a delivery, WebSocket / plain",
        "lines per write: WebSocket",
        "plain",
        "cores busy, %: server + its WebSockets",
        "server + its plain receivers",
    ]);
    for size in plan.sizes(100, &SIZES) {
        let load = Load { publishers: PUBLISHERS, receivers: size, compares: Compares::Everybody };
        let [webs, plains] = by_turns(plan, |server, address, entrance| {
            side_entering(plan, &[server], load, || Crowd::go_in(&[address], size, entrance))
        })?;
        let ratios = webs.iter().zip(&plains).map(|(web, plain)| web.burst.rate() / plain.burst.rate());
        let loops =
            webs.iter().zip(&plains).map(|(web, plain)| web.burst.loop_each() / plain.burst.loop_each());
        table.row([
            size.to_string(),
            rates(&webs),
            rates(&plains),
            Spread::of(ratios).show(1.0, 2),
            "at least 0.9".to_owned(),
            Spread::of(loops).show(1.0, 2),
            lines(&webs),
            lines(&plains),
            busy(&webs),
            busy(&plains),
        ]);
    }
    table.print("websockets", plan);
    Ok(())
}

/// Bytes of the server's memory for each connection that has had a line and waits for the next.
fn idle(plan: &Plan) -> io::Result<()> {
    let mut table =
        Table::new(&["connections", "bytes per idle WebSocket", "plain connection", "more", "aim"]);
    for size in plan.sizes(100, &SIZES) {
        let [webs, plains] = by_turns(plan, |server, address, entrance| {
            // What the process needs while many enter at a time it allocates once.
            drop(Crowd::go_in(&[address], size.min(KNOCKING), entrance)?);
            bytes_each(server, size, || Crowd::go_in(&[address], size, entrance))
        })?;
        table.row([
            size.to_string(),
            Spread::of(webs.iter().copied()).show(1.0, 0),
            Spread::of(plains.iter().copied()).show(1.0, 0),
            Spread::of(webs.iter().zip(&plains).map(|(web, plain)| web - plain)).show(1.0, 0),
            "at most 64".to_owned(),
        ]);
    }
    table.print("websockets", plan);
    Ok(())
}

/// What outsiders do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outsider {
    /// Each sends a request, byte by byte, and never all of it.
    HalfSent,
    /// Each has a WebSocket, and sends a frame byte by byte.
    Drips,
    /// Each comes for one visit, which is soon over. They are made by turns.
    Visits(&'static [Visit]),
}

/// What somebody sends who comes for a moment, and how the answer begins.
#[derive(Debug, PartialEq, Eq)]
struct Visit {
    says: [&'static [u8]; 2],
    answer: &'static [u8],
}

const GETS: &[Visit] = &[Visit { says: [GET, b""], answer: b"HTTP/1.1 200 " }];
/// Each ends its connection: a frame without a mask, one of 4 GiB, one with a reserved bit; and the page of another site.
const MISTAKES: &[Visit] = &[
    Visit { says: [WISH.as_bytes(), b"\x81\x01x"], answer: b"HTTP/1.1 101 " },
    Visit { says: [WISH.as_bytes(), b"\x81\xff\0\0\0\x01\0\0\0\0mask"], answer: b"HTTP/1.1 101 " },
    Visit { says: [WISH.as_bytes(), b"\xc1\x81maskx"], answer: b"HTTP/1.1 101 " },
    Visit { says: [ELSEWHERE, WISH.as_bytes().split_at(FIRST_LINE.len()).1], answer: b"HTTP/1.1 403 " },
];
const FIRST_LINE: &str = "GET /chat HTTP/1.1\r\n";
const ELSEWHERE: &[u8] = b"GET /chat HTTP/1.1\r\nOrigin: https://elsewhere.example\r\n";

const OUTSIDERS: [(Outsider, &str); 4] = [
    (Outsider::HalfSent, "requests half sent, 1,000 bytes a second"),
    (Outsider::Drips, "WebSockets with a frame byte by byte, 1,000 bytes a second"),
    (Outsider::Visits(GETS), "GETs of the page, 1,000 a second, each on a connection of its own"),
    (Outsider::Visits(MISTAKES), "frames and origins that end their connections, 1,000 a second"),
];
/// What all of them do together in a second.
const A_SECOND: f64 = 1000.0;
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// The phases of a round, each compared with the first.
const PHASES: [&str; 3] = ["quiet", "as many bytes to somebody else", "beside them"];

fn outsiders_around(plan: &Plan) -> io::Result<()> {
    let mut table = Table::new(&["what", "how many", "result", "aim"]);
    let count = plan.number(50, 5000);
    let (server, web) = server(plan, Entrance::WebSocket)?;
    let mut inside = outsiders::inside(server.address)?;
    let rounds = if plan.smoke { 1 } else { 8 };
    for (outsider, name) in OUTSIDERS {
        // By question and phase: pairs of seconds, quiet and not.
        let mut pairs: [[Vec<(f64, f64)>; 3]; 2] = Default::default();
        for _ in 0..rounds {
            let first = both(plan, &mut inside, 0.0, |_| Ok(()))?;
            let quiet = both(plan, &mut inside, 0.0, |_| Ok(()))?;
            let decoy = beside_decoys(plan, &mut inside, outsider, count)?;
            let beside = beside(plan, &mut inside, outsider, count, web)?;
            for (phase, seconds) in [quiet, decoy, beside].iter().enumerate() {
                for (which, first) in first.iter().enumerate() {
                    pairs[which][phase].push((*first, seconds[which]));
                }
            }
            server.settle()?;
        }
        let how_many = if let Outsider::Visits(_) = outsider { String::new() } else { format!("{count}, ") };
        for ((question, ..), phases) in QUESTIONS.into_iter().zip(&pairs) {
            for (phase, pairs) in PHASES.into_iter().zip(phases) {
                let what = format!("{name}: {question} p99 quiet, µs / {phase} / ratio");
                let aim = if phase == PHASES[2] { "at most 1.2" } else { "" };
                outsiders::row(&mut table, &what, &format!("{how_many}{rounds} pairs"), pairs, Some(aim));
            }
        }
    }
    table.print("websockets", plan);
    Ok(())
}

/// Both members inside ask, one after the other.
fn both(
    plan: &Plan,
    inside: &mut [Pinger],
    a_second: f64,
    mut outsiders: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<Vec<f64>> {
    let a_while = plan.burst() / 2;
    let ask = |inside| outsiders::ask(inside, Instant::now() + a_while, a_second, &mut outsiders);
    inside.iter_mut().map(ask).collect()
}

/// The same bytes to somebody who never reads them: what sending costs the bench itself.
fn beside_decoys(
    plan: &Plan,
    inside: &mut [Pinger],
    outsider: Outsider,
    count: usize,
) -> io::Result<Vec<f64>> {
    if let Outsider::Visits(visits) = outsider {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        return both(plan, inside, A_SECOND, |done| {
            let mut ours = connect(nth_address(done % 4), address)?;
            ours.write_all(&visits[done % visits.len()].says.concat())?;
            listener.accept().map(drop)
        });
    }
    let (mut ours, theirs): (Vec<TcpStream>, Vec<TcpStream>) = decoys(count)?.into_iter().unzip();
    let waits = both(plan, inside, A_SECOND, |done| {
        drip(&mut ours, WISH.as_bytes(), done);
        Ok(())
    });
    drop(theirs);
    waits
}

fn beside(
    plan: &Plan,
    inside: &mut [Pinger],
    outsider: Outsider,
    count: usize,
    web: SocketAddr,
) -> io::Result<Vec<f64>> {
    if let Outsider::Visits(visits) = outsider {
        let mut open = std::collections::VecDeque::new();
        return both(plan, inside, A_SECOND, |done| {
            let visit = &visits[done % visits.len()];
            let mut stream = connect(nth_address(done % 4), web)?;
            stream.write_all(&visit.says.concat())?;
            open.push_back((stream, visit.answer));
            if open.len() < 10 {
                return Ok(());
            }
            // By now its answer is there.
            let (mut stream, expected) = open.pop_front().expect("there are ten");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            if answer.starts_with(expected) { Ok(()) } else { fail("a visitor is answered otherwise") }
        });
    }
    let mut crowd = connect_all(count, web)?;
    let line = frame(&"x".repeat(125));
    let text = match outsider {
        Outsider::HalfSent | Outsider::Visits(_) => &WISH.as_bytes()[..WISH.len() - 2],
        Outsider::Drips => {
            for stream in &mut crowd {
                stream.write_all(WISH.as_bytes())?;
                let mut heard = [0; 512];
                let length = stream.read(&mut heard)?;
                if !heard[..length].starts_with(b"HTTP/1.1 101 ") {
                    return fail("no WebSocket");
                }
            }
            &line
        }
    };
    let waits = both(plan, inside, A_SECOND, |done| {
        drip(&mut crowd, text, done);
        Ok(())
    })?;
    // They are all still there: nobody was told anything.
    for stream in &crowd {
        stream.set_nonblocking(true)?;
        let ended = stream.peek(&mut [0; 1]);
        if matches!(ended, Ok(0)) || (outsider == Outsider::HalfSent && ended.is_ok()) {
            return fail("an outsider was sent away");
        }
    }
    Ok(waits)
}
