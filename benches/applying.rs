//! In memory: the messages of a cluster's stream applied, as a node does that catches up. Each event is parsed, judged,
//! written as its line and added to the sum.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_room::protocol::{Mail, Role, Seq, Text, Time};
use chat_room::room::PasswordHash;
use chat_room::server::log::cluster::{
    Act, BatchNumber, Command, Genesis, Head, Heard, NodeName, Replica, Start, State, StreamSeq, Sum,
    TokenKey, batches,
};
use common::run::real;
use common::table::{Spread, Table};
use common::{Plan, fail};
use zeroize::Zeroizing;

/// What is said in a chat.
const TEXT: &[u8] = b"good morning, is anybody coming to the lake this afternoon?";
const MEMBERS: usize = 1000;
const EVENTS: usize = 20_000;
/// A node that catches up should apply at least so many events a second.
const AIM: f64 = 100_000.0;

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "messages a batch", "thousand events/s", "aim"]);
        let mut cases = Vec::new();
        for each in [1, 10, 1000] {
            cases.push(("State::apply", each, Stream::of(each), state as Case));
            cases.push(("Replica, fetched", each, Stream::of(each), replica));
        }
        let mut rates = vec![Vec::new(); cases.len()];
        for _ in 0..plan.alternations() {
            for ((_, _, stream, case), rates) in cases.iter().zip(&mut rates) {
                rates.push(rate(plan, stream, *case)?);
            }
        }
        for ((what, each, ..), rates) in cases.iter().zip(rates) {
            let (rates, aim) = (Spread::of(rates), format!("{:.0}", AIM / 1e3));
            table.row([(*what).to_owned(), each.to_string(), rates.show(1e3, 0), aim]);
        }
        table.print("applying", plan);
        Ok(())
    })
}

/// Applies the whole stream.
type Case = fn(&Stream) -> io::Result<State>;

/// How many events a second.
fn rate(plan: &Plan, stream: &Stream, case: Case) -> io::Result<f64> {
    let time = if plan.smoke { Duration::ZERO } else { Duration::from_millis(500) };
    let (start, mut events) = (Instant::now(), 0);
    loop {
        let state = case(stream)?;
        if state.last() != Seq(EVENTS as u64) || state.sum() != stream.sum {
            return fail("the stream was not applied as a whole");
        }
        events += EVENTS as u64;
        if start.elapsed() >= time {
            return Ok(real(events) / start.elapsed().as_secs_f64());
        }
    }
}

/// A group, and what its members say by turns at three nodes.
struct Stream {
    founded: State,
    bodies: Vec<Bytes>,
    /// After all of it.
    sum: Sum,
}

fn stamp() -> Time {
    Time::from_unix_ms(1_767_323_045_678)
}

impl Stream {
    fn of(each: usize) -> Stream {
        let mails: Vec<Mail> = (0..MEMBERS)
            .map(|n| Mail::parse(format!("member{n}@example.org").as_bytes()).expect("a mail"))
            .collect();
        let text = Text::parse(TEXT).expect("a text");
        let mut bodies = Vec::new();
        let mut numbers = [BatchNumber::FIRST; 3];
        for first in (0..EVENTS).step_by(each) {
            let node = bodies.len() % 3;
            let mut body = Vec::new();
            let head = Head {
                node: NodeName::parse(&format!("node-{node}")).expect("a name"),
                start: Start(1),
                number: numbers[node],
                shown: None,
            };
            head.write(&mut body);
            for event in first..(first + each).min(EVENTS) {
                Command::Msg { mail: mails[event % MEMBERS].clone(), text }.write(&mut body);
            }
            numbers[node] = numbers[node].next();
            bodies.push(Bytes::from(body));
        }
        let founded = founded(&mails);
        let mut stream = Stream { founded, bodies, sum: Sum::default() };
        stream.sum = state(&stream).expect("it is made to be applied").sum();
        stream
    }

    fn messages(&self) -> impl Iterator<Item = (StreamSeq, &Bytes)> {
        let first = self.founded.next().0;
        self.bodies.iter().zip(first..).map(|(body, seq)| (StreamSeq(seq), body))
    }
}

fn founded(mails: &[Mail]) -> State {
    let genesis = Command::Genesis(Genesis {
        transcript: 7,
        token_key: TokenKey::new(Zeroizing::new([7; 32])),
        line_max: 4096,
        last: Seq(0),
        time: Time::default(),
        sum: Sum::default(),
        members: MEMBERS as u64,
    });
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    let hash = PasswordHash::parse(hash).expect("a hash");
    let members = mails.iter().map(|mail| {
        let (mail, hash) = (mail.clone(), hash.clone());
        Command::Member { mail, role: Role::Admin, hash, added: Seq(0), named: None }
    });
    let keeper = NodeName::parse("keeper").expect("a name");
    let mut state = State::new("now", StreamSeq(1));
    for body in batches(&keeper, Start(1), [genesis].into_iter().chain(members)) {
        state.apply(state.next(), stamp(), &body).expect("it founds a group");
    }
    state
}

fn state(stream: &Stream) -> io::Result<State> {
    let mut state = stream.founded.clone();
    for (seq, body) in stream.messages() {
        match state.apply(seq, stamp(), body) {
            Ok(Some(applied)) if !applied.lines.is_empty() => {}
            other => return fail(format!("message {seq} came to {other:?}")),
        }
    }
    Ok(state)
}

fn replica(stream: &Stream) -> io::Result<State> {
    let now = Duration::ZERO;
    let name = NodeName::parse("node-9").expect("a name");
    let mut replica: Replica<()> = Replica::new(name, Start(1), stream.founded.clone(), now);
    replica.heard(now, Heard::Up);
    for (seq, body) in stream.messages() {
        replica.heard(now, Heard::Fetched { seq, stamp: stamp(), body: body.clone() });
        while let Some(act) = replica.poll() {
            if let Act::Stop(stop) = act {
                return fail(stop.to_string());
            }
        }
    }
    Ok(replica.state().clone())
}
