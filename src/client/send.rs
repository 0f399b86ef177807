//! `send`: every line of standard input, or of the text on the command line, becomes a message. Blank lines are left out, escape
//! sequences are removed, and a line that is too long for one message becomes several.
//!
//! If the group has several servers, it goes on with the next when one is gone.

mod input;
mod unanswered;

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::numbers::Numbers;
use super::connection::said::{LastWords, Said};
use super::connection::{Connection, Due, End, Heard, check_certain, lines_of};
use super::failure::{Exit, Failure, LoginError, OUT_OF_STEP, UNREADABLE, complain, refused};
use super::inbox::{Net, News};
use super::login::Entered;
use super::network::Network;
use crate::limits::{CLIENT_OUTSTANDING_MAX, CLIENT_SEND_AGAIN, HISTORY_LINES_MAX};
use crate::protocol::{Event, HistoryOk, Seq, Verb};
pub(super) use input::Input;
use unanswered::Unanswered;

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// A message.
    Say,
    /// What was said since the connection before.
    Look,
    /// The end of the input. When it is answered, everything is.
    Quit,
}

impl Asked {
    fn verb(self) -> Verb {
        match self {
            Asked::Say => Verb::Msg,
            Asked::Look => Verb::History,
            Asked::Quit => Verb::Quit,
        }
    }
}

/// See the module.
struct Sending {
    connection: Connection<Asked>,
    network: Network,
    are_many: bool,
    unanswered: Unanswered,
    /// The last event that is known.
    known: Seq,
    /// Asks for one more message, which comes as news.
    wants: Sender<()>,
    is_wanted: bool,
    /// How many lines could not be sent, once the input has ended.
    end: Option<Result<u64, io::Error>>,
    refusals: u64,
    last_words: Option<LastWords>,
    /// Since when there is no connection, and why.
    gone: Option<(Instant, String)>,
}

/// Sends the text, or standard input. `Ok`: every line was acknowledged, or is known to be said.
pub(super) fn run(entered: Entered, text: Option<&str>) -> Result<(), Failure> {
    let Entered { link, login, session, at } = entered;
    let room = link.line_max() - "MSG \n".len();
    let (sender, inbox) = sync_channel(16);
    let (wants, wanted) = channel();
    let (text, to) = (text.map(str::to_owned), sender.clone());
    let give = move |input| wanted.recv().is_ok() && to.send(News::Input(input)).is_ok();
    thread::spawn(move || match text {
        Some(text) => input::read(text.as_bytes(), room, give),
        None => input::read(io::stdin().lock(), room, give),
    });
    let servers = session.identity.servers.clone();
    let are_many = servers.are_many();
    let numbers = Numbers::start_after(&login, login.last, are_many);
    let connection = Connection::new(numbers, servers.names, at, false, Instant::now());
    let network = Network::new(link, session, sender).map_err(|why| Failure::failed(why.to_string()))?;
    let mut sending = Sending {
        connection,
        network,
        are_many,
        unanswered: Unanswered::default(),
        known: login.last,
        wants,
        is_wanted: false,
        end: None,
        refusals: 0,
        last_words: None,
        gone: None,
    };
    sending.network.more();
    loop {
        sending.go_on();
        let wait = if are_many { sending.connection.deadline(Instant::now()) } else { Duration::MAX };
        let is_over = match inbox.recv_timeout(wait) {
            Ok(News::Input(input)) => sending.input(input),
            Ok(News::Net(number, net)) if sending.network.is_present(number) => sending.net(net)?,
            Ok(_) | Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the network holds a sender"),
        };
        if is_over {
            return sending.outcome();
        }
        if are_many {
            sending.tick()?;
        }
    }
}

impl Sending {
    /// Sends what may be sent, and asks for more.
    fn go_on(&mut self) {
        let has_quit = self.connection.unanswered().any(|asked| *asked == Asked::Quit);
        if !self.connection.is_up() || self.unanswered.has_lost() || has_quit {
            return;
        }
        while self.unanswered.outstanding() < CLIENT_OUTSTANDING_MAX
            && let Some(piece) = self.unanswered.next()
        {
            self.say(piece);
        }
        if self.unanswered.outstanding() >= CLIENT_OUTSTANDING_MAX {
            return;
        }
        if self.end.is_some() {
            let line = self.connection.ask(Asked::Quit, Verb::Quit, "");
            self.network.send(line);
        } else if !std::mem::replace(&mut self.is_wanted, true) {
            let _ = self.wants.send(());
        }
    }

    fn say(&mut self, piece: input::Piece) {
        let line = self.connection.ask(Asked::Say, Verb::Msg, &piece.text);
        self.network.send(line);
        self.unanswered.sent(piece);
    }

    /// What was asked for has come from the input. Whether all is done.
    fn input(&mut self, input: Input) -> bool {
        self.is_wanted = false;
        match input {
            Input::Piece(piece) if self.connection.is_up() && !self.unanswered.has_lost() => self.say(piece),
            Input::Piece(piece) => self.unanswered.wait(piece),
            Input::End { unsendable, broken } => self.end = Some(broken.map_or(Ok(unsendable), Err)),
        }
        false
    }

    /// Whether all is done.
    fn net(&mut self, net: Net) -> Result<bool, Failure> {
        let now = Instant::now();
        match net {
            Net::Up(login, remote) => {
                if let Err(why) = check_certain(&login, self.unanswered.has_lost()) {
                    self.login_failed(&why, now)?;
                    return Ok(false);
                }
                complain(&format!("connected to {}", self.connection.turns.name().unwrap_or("the server")));
                self.network.remote = Some(remote);
                self.connection.up(&login, now);
                self.gone = None;
                if self.unanswered.has_lost() {
                    self.look();
                }
                self.network.more();
            }
            Net::LoginFailed(why) => self.login_failed(&why, now)?,
            Net::Lines(lines) => {
                self.connection.heard(now);
                for line in lines_of(&lines) {
                    match self.line(line) {
                        Ok(true) => return Ok(true),
                        Ok(false) => {}
                        Err(why) => {
                            self.network.hang_up();
                            return self.down(End::Silent, why, now);
                        }
                    }
                }
                self.network.more();
            }
            Net::Down(end, why) => return self.down(end, &why, now),
        }
        Ok(false)
    }

    fn login_failed(&mut self, why: &LoginError, now: Instant) -> Result<(), Failure> {
        let me = &self.network.session.identity.mail;
        if let Some(told) = self.connection.login_failed(why, me, now, fastrand::f32())? {
            complain(&told);
        }
        match &self.gone {
            Some((since, gone)) if now.saturating_duration_since(*since) >= CLIENT_SEND_AGAIN => {
                Err(self.failure(Exit::Lost, &gone.clone(), "tail shows what was said"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it was the last one; or why the connection is to be given up.
    fn line(&mut self, line: &[u8]) -> Result<bool, &'static str> {
        match Said::parse(line) {
            Said::Answer { verb, .. } => {
                let asked = self.connection.answering();
                if asked.is_some_and(|asked| verb != Some(asked.verb())) {
                    return Err(OUT_OF_STEP);
                }
            }
            Said::Bye(last_words) => self.last_words = Some(last_words),
            _ => {}
        }
        match self.connection.take(line) {
            // Without a feed there are no events, not even newer ones, which are left out.
            Heard::Feed(event) if event.event.is_some() => return Err(OUT_OF_STEP),
            Heard::Page(event) => {
                let me = &self.network.session.identity.mail;
                self.known = self.known.max(event.seq);
                if let Some(Event::Msg { mail, text }) = &event.event
                    && mail == me
                {
                    self.unanswered.found(text.as_str());
                }
            }
            Heard::Listed(text) => complain(&format!("the server said: {text}")),
            Heard::Answered(Asked::Say, outcome) => {
                let piece = self.unanswered.answered().ok_or(OUT_OF_STEP)?;
                match outcome {
                    Ok(rest) => self.known = self.known.max(seq_of(&rest)),
                    Err(why) => {
                        self.refusals += 1;
                        complain(&format!("line {}: {} ({})", piece.line, refused(&why), why.word));
                    }
                }
            }
            // To take that for an answer would say again what was stored.
            Heard::Answered(Asked::Look, Err(why)) if why.may_pass() => return Err(UNREADABLE),
            Heard::Answered(Asked::Look, outcome) => {
                let last = outcome.ok().map(|rest| HistoryOk::parse(&rest).last);
                if last.is_some_and(|last| last > self.known) {
                    self.look();
                } else {
                    self.unanswered.looked();
                }
            }
            Heard::Answered(Asked::Quit, Ok(_)) => return Ok(true),
            Heard::Answered(Asked::Quit, Err(_)) => return Err(OUT_OF_STEP),
            Heard::Useless(why) => return Err(why),
            Heard::Feed(_) | Heard::Fetched(..) | Heard::Lost(_) | Heard::Token(_) | Heard::Nothing => {}
        }
        Ok(false)
    }

    /// Asks what was said since the last event that is known.
    fn look(&mut self) {
        let words = format!("SINCE {} {HISTORY_LINES_MAX}", self.known);
        let line = self.connection.ask(Asked::Look, Verb::History, &words);
        self.network.send(line);
    }

    /// The connection is gone. Whether all is done.
    fn down(&mut self, end: End, why: &str, now: Instant) -> Result<bool, Failure> {
        self.network.down();
        let last_words = self.last_words.take();
        let why = last_words.as_ref().map_or(why.to_owned(), LastWords::said);
        let is_done = self.end.is_some() && self.unanswered.is_settled();
        let is_last = last_words.as_ref().is_some_and(|bye| bye.exit().is_some());
        // Everything is said, and the server closed the connection in order.
        if is_done && (self.are_many || end == End::Closed) && !is_last {
            return Ok(true);
        }
        if !self.are_many || is_last {
            let exit = last_words.as_ref().and_then(LastWords::exit).unwrap_or(Exit::Lost);
            let next = last_words.as_ref().map_or("tail shows what was said", LastWords::next_step);
            return Err(self.failure(exit, &why, next));
        }
        let down = self.connection.down(end, &why, now, fastrand::f32());
        self.unanswered.lost(down.end);
        down.next?;
        complain(&format!("{why}; trying to connect again"));
        self.gone.get_or_insert((now, why));
        Ok(false)
    }

    /// Time has passed.
    fn tick(&mut self) -> Result<(), Failure> {
        match self.connection.tick(Instant::now()) {
            Some(Due::Connect(at)) => self.network.dial(at),
            Some(Due::Send(line)) => self.network.send(line),
            Some(Due::GiveUp(why)) => {
                self.network.hang_up();
                self.down(End::Silent, why, Instant::now())?;
            }
            None => {}
        }
        Ok(())
    }

    /// The program ends before everything is said.
    fn failure(&self, exit: Exit, why: &str, next: &str) -> Failure {
        let what = match self.unanswered.left() {
            Some((1, first)) => format!("; 1 line is not acknowledged, from line {first} on"),
            Some((n, first)) => format!("; {n} lines are not acknowledged, from line {first} on"),
            None if self.end.is_none() => "; the rest of the input was not sent".to_owned(),
            None => String::new(),
        };
        Failure::new(exit, format!("{why}{what}; {next}"))
    }

    /// Everything was sent, and answered as far as it will be.
    fn outcome(self) -> Result<(), Failure> {
        let unsendable = match self.end {
            Some(Err(why)) => return Err(Failure::failed(format!("reading the input failed: {why}"))),
            Some(Ok(unsendable)) => unsendable,
            None => 0,
        };
        let unknown = self.unanswered.unknown();
        if let Some(first) = unknown.first() {
            let what = match unknown.len() {
                1 => format!("line {first} was said"),
                n => format!("{n} lines were said, the first of them line {first}"),
            };
            let why =
                format!("it is not known whether {what}; all others were answered; tail shows what was said");
            return Err(Failure::new(Exit::Lost, why));
        }
        let exit = if self.refusals > 0 { Exit::Refused } else { Exit::Failed };
        match self.refusals + unsendable {
            0 => Ok(()),
            1 => Err(Failure::new(exit, "1 line was not accepted; all others were")),
            n => Err(Failure::new(exit, format!("{n} lines were not accepted; all others were"))),
        }
    }
}

/// The number in the answer to a message.
fn seq_of(rest: &str) -> Seq {
    rest.split(' ').next().and_then(|word| word.parse().ok()).map_or(Seq(0), Seq)
}
