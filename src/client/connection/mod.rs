//! What chat and tail know of their connection, across all its breaks: which answer belongs to which command, which event is
//! next, whether the server is still there, and when to connect again.
//!
//! It is pure: lines and the time go in, and each method returns what follows. A line to be sent is returned, and its
//! answer is expected from then on. `A` is what its owner wants to know of a command when the answer comes.

mod again;
pub(super) mod numbers;
pub(super) mod said;
mod turns;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::client::failure::{Failure, OUT_OF_STEP, UNREADABLE};
use crate::limits::{CLIENT_RETRY_FIRST, HISTORY_LINES_MAX};
use crate::protocol::{HistoryOk, Token, Verb};
pub(super) use again::check_certain;
use numbers::Numbers;
use said::{Happened, LastWords, Refusal, Said};
use turns::Turns;

/// A command with its LF; wiped when it is dropped.
pub(super) type CommandLine = Zeroizing<Vec<u8>>;

#[derive(Debug)]
pub(super) struct Connection<A> {
    pub(super) state: State,
    /// Commands without an answer, the oldest first.
    asked: VecDeque<Asked<A>>,
    /// The events that come now are a part of an answer.
    in_range: bool,
    pub(super) numbers: Numbers,
    last_words: Option<LastWords>,
    /// When the server has last shown that it is there: by anything that came from it.
    heard: Instant,
    /// How long to wait before the next attempt to connect.
    retry: Duration,
    pub(super) turns: Turns,
    up_since: Instant,
    /// Whether each login renews the saved token.
    pub(super) renews_token: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Logged in.
    Up,
    /// An attempt is under way.
    Connecting,
    /// The next attempt is made at that moment.
    Waiting(Instant),
}

/// What a command was sent for.
#[derive(Debug)]
enum Asked<A> {
    /// To fetch events that are missing.
    Gap,
    /// To renew the token.
    Token,
    /// To see whether the server is there.
    Ping,
    Other(A),
}

impl<A> Asked<A> {
    fn other(&mut self) -> Option<&mut A> {
        match self {
            Asked::Other(what) => Some(what),
            _ => None,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server ended it and takes nothing more from it. What it has taken is in the transcript at the next login, on
    /// whichever server of the group, or never will be.
    Closed,
    /// It fell silent: what was sent on it may still arrive, also after the next login.
    Silent,
}

/// What a line of the server means.
#[derive(Debug)]
pub(super) enum Heard<'a, A> {
    /// An event of the feed; [`Numbers::of_feed`] says whether it is the next.
    Feed(Happened<'a>),
    /// An event that was missing, and is the next that can be read. This many before it cannot.
    Fetched(Happened<'a>, u64),
    /// An event of the answer to a command of the owner.
    Page(Happened<'a>),
    /// A line of such an answer; or of one that is newer than this client.
    Listed(String),
    /// The end of such an answer: what follows `OK VERB`, or why not.
    Answered(A, Result<String, Refusal>),
    /// This many events cannot be fetched.
    Lost(u64),
    /// A new token, to be saved.
    Token(Token),
    /// The connection is to be given up, for this reason.
    Useless(&'static str),
    Nothing,
}

/// A connection is gone.
#[derive(Debug)]
pub(super) struct Down<A> {
    pub(super) end: End,
    /// Commands of the owner that are not answered any more.
    pub(super) unanswered: Vec<A>,
    /// Why, for a person, if another attempt follows; or why none does.
    pub(super) next: Result<String, Failure>,
}

/// What is to be done because time has passed.
#[derive(Debug)]
pub(super) enum Due {
    /// To the server with this place in the list.
    Connect(usize),
    Send(CommandLine),
    /// End the connection, for this reason.
    GiveUp(&'static str),
}

impl<A> Connection<A> {
    /// One that is logged in at one of these servers of a group, each HOST:PORT.
    pub(super) fn new(
        numbers: Numbers,
        servers: Vec<String>,
        at: usize,
        renews_token: bool,
        now: Instant,
    ) -> Connection<A> {
        Connection {
            state: State::Up,
            asked: VecDeque::new(),
            in_range: false,
            numbers,
            last_words: None,
            heard: now,
            retry: CLIENT_RETRY_FIRST,
            turns: Turns::new(servers, at),
            up_since: now,
            renews_token,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// A command of the owner.
    #[must_use]
    pub(super) fn ask(&mut self, what: A, verb: Verb, words: &str) -> CommandLine {
        self.send(Asked::Other(what), verb, words)
    }

    fn send(&mut self, asked: Asked<A>, verb: Verb, words: &str) -> CommandLine {
        self.asked.push_back(asked);
        let blank = if words.is_empty() { "" } else { " " };
        // Made at once: a buffer that grows leaves copies of a password behind.
        Zeroizing::new([verb.name(), blank, words, "\n"].concat().into_bytes())
    }

    /// Asks for a token, if one is saved.
    #[must_use]
    pub(super) fn renew_token(&mut self) -> Option<CommandLine> {
        self.renews_token.then(|| self.send(Asked::Token, Verb::Token, ""))
    }

    /// Fetches missing events, if there are some.
    #[must_use]
    pub(super) fn fill_gap(&mut self) -> Option<CommandLine> {
        if !self.is_up() {
            return None;
        }
        let after = self.numbers.fetch_after()?;
        Some(self.send(Asked::Gap, Verb::History, &format!("SINCE {after} {HISTORY_LINES_MAX}")))
    }

    /// The command of the owner to which the lines that come now belong.
    pub(super) fn answering(&mut self) -> Option<&mut A> {
        self.asked.front_mut().and_then(Asked::other)
    }

    /// All commands of the owner that are not answered, the oldest first.
    pub(super) fn unanswered(&mut self) -> impl DoubleEndedIterator<Item = &mut A> {
        self.asked.iter_mut().filter_map(Asked::other)
    }

    /// Something has come from the server.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Takes a line without its LF.
    pub(super) fn take<'a>(&mut self, line: &'a [u8]) -> Heard<'a, A> {
        match Said::parse(line) {
            Said::Event(event) if !self.in_range => Heard::Feed(event),
            Said::Event(event) => match self.asked.front() {
                Some(Asked::Gap) => match self.numbers.of_history(event.seq) {
                    Some(gone) => Heard::Fetched(event, gone),
                    None => Heard::Nothing,
                },
                Some(Asked::Other(_)) => Heard::Page(event),
                _ => Heard::Nothing,
            },
            Said::Range => {
                self.in_range = true;
                Heard::Nothing
            }
            Said::Answer { outcome, .. } => self.answer(outcome),
            Said::Bye(last_words) => {
                self.last_words = Some(last_words);
                Heard::Nothing
            }
            Said::Other(text) => Heard::Listed(text),
        }
    }

    fn answer<'a>(&mut self, outcome: Result<String, Refusal>) -> Heard<'a, A> {
        self.in_range = false;
        match (self.asked.pop_front(), outcome) {
            (None, _) => Heard::Useless(OUT_OF_STEP),
            (Some(Asked::Other(what)), outcome) => Heard::Answered(what, outcome),
            (Some(Asked::Gap), Err(why)) if why.may_pass() => Heard::Useless(UNREADABLE),
            (Some(Asked::Gap), outcome) => {
                match self.numbers.fetched(outcome.ok().as_deref().map(HistoryOk::parse)) {
                    0 => Heard::Nothing,
                    lost => Heard::Lost(lost),
                }
            }
            (Some(Asked::Token), Ok(rest)) => {
                Token::parse(rest.as_bytes()).map_or(Heard::Nothing, Heard::Token)
            }
            (Some(Asked::Token | Asked::Ping), _) => Heard::Nothing,
        }
    }
}

/// The lines in a block of whole lines, without their LFs.
pub(super) fn lines_of(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.strip_suffix(b"\n").unwrap_or(block).split(|&b| b == b'\n')
}

#[cfg(test)]
mod tests;
