//! In memory: bytes to lines, lines to commands, events to bytes and back, each a second; and the room's time for a
//! message and for serving one receiver.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::hint::black_box;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chat_room::limits::{LINE_MAX_DEFAULT, LINES_PER_CONN_TURN, READ_PER_TURN};
use chat_room::protocol::framing::{Line, Lines};
use chat_room::protocol::{Event, EventLine, Mail, Request, Seq, Text, Time};
use common::group::Group;
use common::run::real;
use common::table::{Spread, Table};
use common::{Plan, fail};

/// What is said in a chat: a line of 64 bytes.
const MSG: &[u8] = b"MSG good morning, is anybody coming to the lake this afternoon?\n";
const LOGIN: &[u8] = b"LOGIN ann@example.org/laptop correct-horse-battery\n";
const PING: &[u8] = b"PING\n";

/// Does something some thousand times, checks it, and says how often.
type Case = Box<dyn FnMut() -> io::Result<u64>>;

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "bytes each", "million/s", "ns each"]);
        let event = event();
        let mut cases: Vec<(&str, usize, Case)> = vec![
            ("Lines, as a socket is read", MSG.len(), Box::new(lines())),
            ("Request::parse, MSG", MSG.len(), Box::new(|| command(MSG))),
            ("Request::parse, LOGIN", LOGIN.len(), Box::new(|| command(LOGIN))),
            ("Request::parse, PING", PING.len(), Box::new(|| command(PING))),
            ("Lines and Request::parse, MSG", MSG.len(), Box::new(lines_and_commands())),
            ("Room, MSG to OK", MSG.len(), Box::new(room_messages()?)),
            (
                "Room, one of 10,000 served 64 MSG",
                LINES_PER_CONN_TURN * MSG.len(),
                Box::new(room_receivers()?),
            ),
            ("EventLine::write", event.len(), Box::new(write_event())),
            ("EventLine::parse", event.len(), Box::new(move || parse_event(&event))),
        ];
        let mut rates = vec![Vec::new(); cases.len()];
        for _ in 0..plan.alternations() {
            for ((_, _, case), rates) in cases.iter_mut().zip(&mut rates) {
                rates.push(rate(plan, case)?);
            }
        }
        for ((what, bytes, _), rates) in cases.iter().zip(rates) {
            let times = Spread::of(rates.iter().map(|rate| rate.recip()));
            let rates = Spread::of(rates);
            table.row([(*what).to_owned(), bytes.to_string(), rates.show(1e6, 2), times.show(1e-9, 0)]);
        }
        table.print("parse", plan);
        Ok(())
    })
}

/// How many a second.
fn rate(plan: &Plan, case: &mut Case) -> io::Result<f64> {
    let time = if plan.smoke { Duration::from_millis(10) } else { Duration::from_millis(300) };
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < time {
        done += case()?;
    }
    Ok(real(done) / start.elapsed().as_secs_f64())
}

/// One turn's reading, cut where a turn's reading ends: in the middle of a line.
fn chunk() -> Vec<u8> {
    MSG.iter().copied().cycle().take(READ_PER_TURN - 7).collect()
}

fn take_lines(lines: &mut Lines, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut taken = 0;
    while let Some(line) = lines.peek() {
        let Line::Whole(line) = line else { return fail("a good line was refused") };
        each(line)?;
        lines.consume();
        taken += 1;
    }
    Ok(taken)
}

fn lines() -> impl FnMut() -> io::Result<u64> {
    each_line(|line| if black_box(line).len() == MSG.len() - 1 { Ok(()) } else { fail("a torn line") })
}

fn lines_and_commands() -> impl FnMut() -> io::Result<u64> {
    each_line(|line| match Request::parse(black_box(line)) {
        Ok(Request::Msg(text)) if text.as_str().len() == MSG.len() - 5 => Ok(()),
        other => fail(format!("MSG was understood as {other:?}")),
    })
}

fn each_line(mut each: impl FnMut(&[u8]) -> io::Result<()>) -> impl FnMut() -> io::Result<u64> {
    let bytes = chunk();
    move || {
        let mut lines = Lines::new(LINE_MAX_DEFAULT);
        lines.feed(black_box(&bytes));
        let taken = take_lines(&mut lines, &mut each)?;
        let expected = (bytes.len() / MSG.len()) as u64;
        if taken == expected { Ok(taken) } else { fail(format!("{taken} lines of {expected}")) }
    }
}

/// What one connection may say in one turn.
fn turn_of_messages() -> [&'static [u8]; LINES_PER_CONN_TURN] {
    [MSG.trim_ascii_end(); LINES_PER_CONN_TURN]
}

fn room_messages() -> io::Result<impl FnMut() -> io::Result<u64>> {
    let mut group = Group::of(0)?;
    Ok(move || {
        group.say(&turn_of_messages())?;
        group.pass()?;
        Ok(LINES_PER_CONN_TURN as u64)
    })
}

/// What was said takes a small part of the time; it is counted to the receivers.
fn room_receivers() -> io::Result<impl FnMut() -> io::Result<u64>> {
    const RECEIVERS: u32 = 10_000;
    let mut group = Group::of(RECEIVERS)?;
    Ok(move || {
        group.say(&turn_of_messages())?;
        group.pass()?;
        Ok(u64::from(RECEIVERS))
    })
}

const TIMES: u64 = 1_000;

fn command(line: &[u8]) -> io::Result<u64> {
    let line = line.trim_ascii_end();
    for _ in 0..TIMES {
        if black_box(Request::parse(black_box(line))).is_err() {
            return fail("a good command was refused");
        }
    }
    Ok(TIMES)
}

fn event() -> Vec<u8> {
    let mut bytes = Vec::new();
    write_events(&mut bytes, 1);
    bytes
}

fn write_events(out: &mut Vec<u8>, times: u64) {
    let mail = Mail::parse(b"ann@example.org").expect("a mail");
    let text = Text::parse(&MSG[4..MSG.len() - 1]).expect("a text");
    for number in 0..times {
        let (seq, time) = (Seq(1_000_000 + number), Time::from_unix_ms(1_767_322_800_000 + number));
        EventLine { seq, time, event: Event::Msg { mail: mail.clone(), text } }.write(out);
    }
}

fn write_event() -> impl FnMut() -> io::Result<u64> {
    let mut out = Vec::new();
    move || {
        out.clear();
        write_events(&mut out, TIMES);
        black_box(&out);
        Ok(TIMES)
    }
}

fn parse_event(line: &[u8]) -> io::Result<u64> {
    let line = line.trim_ascii_end();
    for _ in 0..TIMES {
        if black_box(EventLine::parse(black_box(line))).is_none() {
            return fail("an event was refused");
        }
    }
    Ok(TIMES)
}
