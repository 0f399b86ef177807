//! `tail`: prints events, the last ones or those after a number, and with `--follow` those that come.

mod json;

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::connection::numbers::Numbers;
use super::connection::said::{Happened, Said};
use super::connection::{Connection, Due, End, Heard, lines_of};
use super::display::clean;
use super::failure::{Exit, Failure, complain, refused};
use super::inbox::{Net, News};
use super::link::{Ended, Link};
use super::login::{self, Entered};
use super::network::Network;
use super::options::{Format, Tail};
use crate::limits::{CLIENT_BEHIND_WAIT, CLIENT_BEHIND_WAITS, HISTORY_LINES_DEFAULT, HISTORY_LINES_MAX};
use crate::protocol::{HistoryOk, Seq, Verb};

/// Prints events. `Ok`: all of them, or as many as the reader wanted.
pub(super) fn run(mut entered: Entered, tail: Tail) -> Result<(), Failure> {
    if tail.follow {
        return Follow::run(entered, tail);
    }
    login::renew(&mut entered);
    let mut since = tail.since;
    let are_many = entered.session.identity.servers.are_many();
    // The last event that a server has told of: another one may be behind it for a moment.
    let mut last = entered.login.last;
    let (mut moves, mut waits) = (2 * entered.session.identity.servers.names.len(), CLIENT_BEHIND_WAITS);
    loop {
        let mut out = Vec::new();
        let page = match page(&mut entered.link, since, tail.format, &mut out) {
            Ok(page) => page,
            Err((why, failure)) => {
                moves -= 1;
                if moves == 0 || !are_many {
                    return Err(failure);
                }
                let why = why.ok_or(failure)?;
                complain(&format!("{why}; asking another server"));
                login::elsewhere(&mut entered)?;
                last = last.max(entered.login.last);
                continue;
            }
        };
        print(&out)?;
        last = last.max(page.last);
        // The next page, if events after a number were asked for and there are more.
        match (since, page.printed) {
            (Some(_), Some(to)) if to < last => since = Some(to),
            (Some(_), None) if are_many && page.last < last && waits == 0 => {
                let why = format!("the server has events up to {}, and another one had {last}", page.last);
                return Err(Failure::new(Exit::Lost, format!("{why}; try again")));
            }
            (Some(_), None) if are_many && page.last < last => {
                waits -= 1;
                thread::sleep(CLIENT_BEHIND_WAIT);
            }
            _ => return Ok(()),
        }
    }
}

/// An answer to HISTORY.
struct Page {
    /// The last event in it.
    printed: Option<Seq>,
    /// The last event that the server has.
    last: Seq,
}

/// Asks for the events after a number, or for the last ones. An error: how the program ends because of it, and why another server
/// may know better, if it may.
fn page(
    link: &mut Link,
    since: Option<Seq>,
    format: Format,
    out: &mut Vec<u8>,
) -> Result<Page, (Option<String>, Failure)> {
    let lost = |ended: Ended| {
        let failure = Failure::new(Exit::Lost, format!("{}; try again", ended.why));
        (Some(ended.why), failure)
    };
    let range = match since {
        Some(Seq(after)) => format!("{} SINCE {after} {HISTORY_LINES_MAX}", Verb::History),
        None => format!("{} {HISTORY_LINES_DEFAULT}", Verb::History),
    };
    link.say(&range).map_err(lost)?;
    let mut printed = None;
    loop {
        match link.next().map_err(lost)? {
            Said::Event(event) => {
                printed = Some(event.seq);
                write(&event, format, out);
            }
            Said::Answer { outcome: Ok(rest), .. } => {
                return Ok(Page { printed, last: HistoryOk::parse(&rest).last });
            }
            Said::Answer { outcome: Err(why), .. } => {
                let failure = Failure::new(Exit::Refused, format!("{} ({})", refused(&why), why.word));
                return Err((None, failure));
            }
            Said::Bye(bye) => {
                return Err((bye.exit().is_none().then(|| bye.said()), bye.failure(Exit::Lost)));
            }
            Said::Range | Said::Other(_) => {}
        }
    }
}

/// One of a kind that is newer than this client may have characters that control a terminal.
fn write(event: &Happened<'_>, format: Format, out: &mut Vec<u8>) {
    match format {
        Format::Lines => out.extend_from_slice(clean(event.line).as_bytes()),
        Format::Json => out.extend_from_slice(json::object(event).as_bytes()),
    }
    out.push(b'\n');
}

/// To standard output.
pub(super) fn print(lines: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(lines).and_then(|()| stdout.flush()) {
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Unread),
        written => written.map_err(|why| Failure::failed(format!("writing the output failed: {why}"))),
    }
}

/// Prints events as they come, over as many connections as it takes.
struct Follow {
    connection: Connection<Infallible>,
    network: Network,
    format: Format,
}

impl Follow {
    fn run(entered: Entered, tail: Tail) -> Result<(), Failure> {
        let (sender, inbox) = sync_channel(16);
        let unread = sender.clone();
        thread::spawn(move || {
            wait_until_unread();
            let _ = unread.send(News::Unread);
        });
        let Entered { link, login, session, at } = entered;
        // Without a number only new events: a script that waits for a word must not find an old one.
        let shown = tail.since.unwrap_or(login.last);
        let servers = session.identity.servers.clone();
        let numbers = Numbers::start_after(&login, shown, servers.are_many());
        let connection = Connection::new(numbers, servers.names, at, session.saves_token, Instant::now());
        let network = Network::new(link, session, sender).map_err(|why| Failure::failed(why.to_string()))?;
        let mut follow = Follow { connection, network, format: tail.format };
        follow.begin();
        loop {
            match inbox.recv_timeout(follow.connection.deadline(Instant::now())) {
                Ok(News::Unread) => return Ok(()),
                Ok(News::Net(number, net)) if follow.network.is_present(number) => follow.take(net)?,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the network holds a sender"),
            }
            match follow.connection.tick(Instant::now()) {
                Some(Due::Connect(at)) => follow.network.dial(at),
                Some(Due::Send(line)) => follow.network.send(line),
                Some(Due::GiveUp(why)) => follow.give_up(why)?,
                None => {}
            }
        }
    }

    /// A connection is logged in.
    fn begin(&mut self) {
        self.connection.renew_token().into_iter().for_each(|line| self.network.send(line));
        complain_of_gone(self.connection.numbers.take_gone());
        self.go_on();
    }

    fn go_on(&mut self) {
        self.connection.fill_gap().into_iter().for_each(|line| self.network.send(line));
        self.network.more();
    }

    fn take(&mut self, net: Net) -> Result<(), Failure> {
        let now = Instant::now();
        match net {
            Net::Up(login, remote) => {
                complain(&match self.connection.turns.name() {
                    Some(server) => format!("connected to {server}"),
                    None => "connected again".to_owned(),
                });
                self.network.remote = Some(remote);
                if !self.connection.up(&login, now) {
                    complain("the server has begun a new history");
                }
                self.begin();
            }
            Net::LoginFailed(why) => {
                let me = &self.network.session.identity.mail;
                if let Some(told) = self.connection.login_failed(&why, me, now, fastrand::f32())? {
                    complain(&told);
                }
            }
            Net::Lines(lines) => {
                self.connection.heard(now);
                let mut out = Vec::new();
                let useful = lines_of(&lines).try_for_each(|line| self.line(line, &mut out));
                print(&out)?;
                if let Err(why) = useful {
                    return self.give_up(why);
                }
                self.go_on();
            }
            Net::Down(end, why) => self.down(end, &why)?,
        }
        Ok(())
    }

    /// Or why the connection is to be given up.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self.connection.take(line) {
            Heard::Feed(event) => {
                if self.connection.numbers.of_feed(event.seq) {
                    write(&event, self.format, out);
                }
            }
            Heard::Fetched(event, gone) => {
                complain_of_gone(gone);
                write(&event, self.format, out);
            }
            Heard::Lost(lost) => complain(&format!("{lost} events cannot be fetched from the server")),
            Heard::Token(token) => {
                if let Err(why) = self.network.session.save_token(token) {
                    complain(&why);
                }
            }
            Heard::Useless(why) => return Err(why),
            Heard::Answered(never, _) => match never {},
            Heard::Page(_) | Heard::Listed(_) | Heard::Nothing => {}
        }
        Ok(())
    }

    fn down(&mut self, end: End, why: &str) -> Result<(), Failure> {
        self.network.down();
        let why = self.connection.down(end, why, Instant::now(), fastrand::f32()).next?;
        complain(&format!("{why}; trying to connect again"));
        Ok(())
    }

    fn give_up(&mut self, why: &str) -> Result<(), Failure> {
        self.network.hang_up();
        self.down(End::Silent, why)
    }
}

fn complain_of_gone(gone: u64) {
    if gone > 0 {
        complain(&format!("{gone} earlier events cannot be read"));
    }
}

/// Returns when the other end of standard output is closed, so that `tail --follow | grep -m 1 …` ends with grep and not with
/// the next event.
fn wait_until_unread() {
    let stdout = io::stdout();
    loop {
        let mut waited = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut waited, None) {
            Ok(_) if waited[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => return,
            // If poll fails, the next write finds out.
            Ok(_) | Err(_) => thread::sleep(Duration::from_secs(1)),
        }
    }
}
