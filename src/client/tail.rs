//! `tail`: event lines as they are, the last ones or those behind a number, and those that follow.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use zeroize::Zeroizing;

use super::advice::{OUT_OF_STEP, ended_by, refused, said_bye};
use super::complain::complain;
use super::connection::backoff::Backoff;
use super::connection::liveness::{Liveness, Silence};
use super::connection::numbers::{Numbers, Verdict};
use super::connection::said::{Answer, LastWords, Said};
use super::exit::{Exit, Failure};
use super::inbox::{Net, News, Remote};
use super::link::{Ended, Link};
use super::login::{self, Entered, Session};
use super::network;
use super::options::Tail;
use crate::limits::{CLIENT_SILENCE, HISTORY_LINES_DEFAULT, HISTORY_LINES_MAX};
use crate::protocol::{EventLine, HistoryOk, Seq, Token};

/// Prints what was said. `Ok`: all of it, or as much as somebody wanted to read.
pub(super) fn run(mut entered: Entered, tail: Tail) -> Result<(), Failure> {
    if tail.follow {
        return Follow::run(entered, tail);
    }
    login::renew(&mut entered);
    let mut since = tail.since;
    loop {
        let range = match since {
            Some(Seq(after)) => format!("HISTORY SINCE {after} {HISTORY_LINES_MAX}"),
            None => format!("HISTORY {HISTORY_LINES_DEFAULT}"),
        };
        entered.link.say(&range).map_err(|ended| lost(&ended))?;
        let (printed, last) = print_answer(&mut entered.link)?;
        // Another page, if one was asked for by number and there is more.
        match (since, printed) {
            (Some(_), Some(to)) if to < last => since = Some(to),
            _ => return Ok(()),
        }
    }
}

fn lost(ended: &Ended) -> Failure {
    Failure::new(Exit::Lost, format!("{ended}; try again"))
}

/// Prints the events of an answer. The last of them, and the last there is.
fn print_answer(link: &mut Link) -> Result<(Option<Seq>, Seq), Failure> {
    let (mut out, mut printed) = (Vec::new(), None);
    loop {
        match link.next().map_err(|ended| lost(&ended))? {
            Said::Event(event) => {
                printed = Some(event.seq);
                event.write(&mut out);
            }
            Said::Answer(Answer { outcome: Ok(rest), .. }) => {
                print(&out)?;
                return Ok((printed, HistoryOk::parse(&rest).last));
            }
            Said::Answer(Answer { outcome: Err(why), .. }) => {
                return Err(Failure::new(Exit::Refused, format!("{} ({})", refused(&why), why.code)));
            }
            Said::Bye(bye) => return Err(bye_failure(&bye)),
            Said::Range | Said::Other(_) => {}
        }
    }
}

fn bye_failure(bye: &LastWords) -> Failure {
    Failure::new(bye.end().unwrap_or(Exit::Lost), ended_by(bye))
}

fn print(lines: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(lines).and_then(|()| stdout.flush()).map_err(|why| Failure::output(&why))
}

/// What an answer belongs to.
enum Asked {
    Hole,
    Token,
    Alive,
}

/// Prints what follows, over as many connections as it takes.
struct Follow {
    session: Session,
    numbers: Numbers,
    asked: VecDeque<Asked>,
    in_range: bool,
    bye: Option<LastWords>,
    remote: Option<Remote>,
    number: u32,
    liveness: Liveness,
    backoff: Backoff,
    retry: Option<Instant>,
    sender: SyncSender<News>,
}

impl Follow {
    fn run(entered: Entered, tail: Tail) -> Result<(), Failure> {
        let (sender, inbox) = sync_channel(16);
        let unread = sender.clone();
        thread::spawn(move || {
            wait_until_unread();
            let _ = unread.send(News::Unread);
        });
        // Without a number only what is said from now on: a script that waits for a word must not find an old one.
        let shown = tail.since.unwrap_or(entered.welcome.last);
        let numbers = Numbers::start_after(&entered.welcome, shown);
        let remote = network::attend(entered.link, 0, sender.clone())
            .map_err(|why| Failure::new(Exit::Failed, why.to_string()))?;
        let mut follow = Follow {
            session: entered.session,
            numbers,
            asked: VecDeque::new(),
            in_range: false,
            bye: None,
            remote: Some(remote),
            number: 0,
            liveness: Liveness::heard_at(Instant::now()),
            backoff: Backoff::default(),
            retry: None,
            sender,
        };
        follow.up();
        loop {
            let wait =
                follow.retry.map_or(CLIENT_SILENCE / 2, |at| at.saturating_duration_since(Instant::now()));
            match inbox.recv_timeout(wait.min(CLIENT_SILENCE / 2)) {
                Ok(News::Unread) => return Ok(()),
                Ok(News::Net(number, net)) if number == follow.number => follow.take(net)?,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("we hold a sender ourselves"),
            }
            follow.tick();
        }
    }

    /// A connection is logged in.
    fn up(&mut self) {
        self.liveness = Liveness::heard_at(Instant::now());
        self.in_range = false;
        self.bye = None;
        if self.session.stays {
            self.ask(Asked::Token, "TOKEN");
        }
        self.tell_gone();
        self.fill();
        self.remote.iter().for_each(Remote::more);
    }

    fn ask(&mut self, asked: Asked, line: &str) {
        self.asked.push_back(asked);
        let line = Zeroizing::new(format!("{line}\n").into_bytes());
        self.remote.iter().for_each(|remote| remote.send(line.clone()));
    }

    fn fill(&mut self) {
        if let Some(after) = self.numbers.wanted() {
            self.ask(Asked::Hole, &format!("HISTORY SINCE {after} {HISTORY_LINES_MAX}"));
        }
    }

    fn take(&mut self, net: Net) -> Result<(), Failure> {
        match net {
            Net::Up(welcome, remote) => {
                complain("connected again");
                self.remote = Some(remote);
                self.backoff = Backoff::default();
                if !self.numbers.resume(&welcome) {
                    complain("the server has begun a new history");
                }
                self.up();
            }
            Net::NotIn(why) if why.may_pass() => self.wait(),
            Net::NotIn(why) => return Err(why.failure(&self.session.who.mail)),
            Net::Lines(lines) => {
                self.liveness = Liveness::heard_at(Instant::now());
                let mut out = Vec::new();
                for line in lines.strip_suffix(b"\n").unwrap_or(&lines).split(|&b| b == b'\n') {
                    self.line(line, &mut out);
                }
                print(&out)?;
                self.fill();
                self.remote.iter().for_each(Remote::more);
            }
            Net::Down(_, why) => match self.bye.take() {
                Some(bye) if bye.end().is_some() => return Err(bye_failure(&bye)),
                Some(bye) => self.down(&said_bye(&bye)),
                None => self.down(&why),
            },
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        match Said::parse(line) {
            Said::Event(event) => self.event(&event, out),
            Said::Range => self.in_range = true,
            Said::Answer(Answer { outcome, .. }) => {
                self.in_range = false;
                match (self.asked.pop_front(), outcome) {
                    (Some(Asked::Hole), outcome) => {
                        let gone = self.numbers.answered(outcome.ok().as_deref().map(HistoryOk::parse));
                        if gone > 0 {
                            complain(&format!("{gone} events cannot be fetched from the server"));
                        }
                    }
                    (Some(Asked::Token), Ok(token)) => {
                        if let Some(token) = Token::parse(token.as_bytes()) {
                            let _ = self.session.keep(token).map_err(|why| complain(&why));
                        }
                    }
                    (Some(Asked::Token | Asked::Alive), _) => {}
                    (None, _) => self.give_up(OUT_OF_STEP),
                }
            }
            Said::Bye(bye) => self.bye = Some(bye),
            Said::Other(_) => {}
        }
    }

    fn event(&mut self, event: &EventLine<'_>, out: &mut Vec<u8>) {
        let verdict =
            if self.in_range { self.numbers.of_history(event.seq) } else { self.numbers.of_feed(event.seq) };
        if let Verdict::ShowBehindGap(gone) = verdict {
            told_gone(gone);
        }
        if verdict != Verdict::Drop {
            event.write(out);
        }
    }

    fn tell_gone(&mut self) {
        told_gone(self.numbers.take_gone());
    }

    fn down(&mut self, why: &str) {
        complain(&format!("{why}; trying to connect again"));
        self.remote = None;
        self.asked.clear();
        self.number += 1;
        self.wait();
    }

    fn give_up(&mut self, why: &str) {
        self.remote.iter().for_each(Remote::hang_up);
        self.down(why);
    }

    fn wait(&mut self) {
        self.retry = Some(Instant::now() + self.backoff.wait(fastrand::f32()));
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.retry.is_some_and(|at| now >= at) {
            self.retry = None;
            self.number += 1;
            self.session.dial(self.number, &self.sender);
        }
        if self.remote.is_some() {
            match self.liveness.check(now) {
                Silence::Short => {}
                Silence::Ask => self.ask(Asked::Alive, "PING"),
                Silence::GiveUp => self.give_up("the server is silent"),
            }
        }
    }
}

fn told_gone(gone: u64) {
    if gone > 0 {
        complain(&format!("{gone} earlier events cannot be read"));
    }
}

/// Returns when the other end of standard output is closed, so that `tail --follow | grep -m 1 …` ends with grep
/// and not with the next event.
fn wait_until_unread() {
    let stdout = io::stdout();
    loop {
        let mut waited = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut waited, None) {
            Ok(_) if waited[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => return,
            // What cannot be asked for is found out when writing.
            Ok(_) | Err(_) => thread::sleep(Duration::from_secs(1)),
        }
    }
}
