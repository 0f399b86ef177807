//! What chat and tail know of their connection, across all its breaks: which answer belongs to which command, which event is
//! next, whether the server is still there, and when to connect again.
//!
//! It is pure: lines and the time go in, and each method returns what follows. A line to be sent is returned, and its
//! answer is expected from then on. `A` is what its owner wants to know of a command when the answer comes.

pub(super) mod numbers;
pub(super) mod said;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::client::failure::{Exit, Failure, LoginError};
use crate::limits::{
    CLIENT_RETRY_FIRST, CLIENT_RETRY_LONGEST, CLIENT_SILENCE, CLIENT_TICK, HISTORY_LINES_MAX,
};
use crate::protocol::{Bye, HistoryOk, LoginOk, Mail, Token, Verb};
use numbers::Numbers;
use said::{Happened, LastWords, Refusal, Said};

/// A command with its LF; wiped when it is dropped.
pub(super) type CommandLine = Zeroizing<Vec<u8>>;

#[derive(Debug)]
pub(super) struct Connection<A> {
    state: State,
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
    /// The server closed it and takes nothing more from it. What it has taken is in the transcript.
    Closed,
    /// It fell silent: what was sent on it may still arrive.
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
    /// An answer without a command: the connection is to be given up.
    OutOfStep,
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
    Connect,
    Send(CommandLine),
    /// End the connection, for this reason.
    GiveUp(&'static str),
}

impl<A> Connection<A> {
    /// One that is logged in.
    pub(super) fn new(numbers: Numbers, renews_token: bool, now: Instant) -> Connection<A> {
        Connection {
            state: State::Up,
            asked: VecDeque::new(),
            in_range: false,
            numbers,
            last_words: None,
            heard: now,
            retry: CLIENT_RETRY_FIRST,
            renews_token,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// A command of the owner.
    #[must_use]
    pub(super) fn ask(&mut self, what: A, verb: Verb, words: &[&str]) -> CommandLine {
        self.send(Asked::Other(what), verb, words)
    }

    fn send(&mut self, asked: Asked<A>, verb: Verb, words: &[&str]) -> CommandLine {
        self.asked.push_back(asked);
        let words = || [verb.name()].into_iter().chain(words.iter().copied());
        // With room for all of it: a buffer that grows leaves copies of a password behind.
        let mut line = Zeroizing::new(Vec::with_capacity(words().map(|word| word.len() + 1).sum()));
        for word in words() {
            line.extend_from_slice(word.as_bytes());
            line.push(b' ');
        }
        *line.last_mut().expect("it has a verb") = b'\n';
        line
    }

    /// Asks for a token, if one is saved.
    #[must_use]
    pub(super) fn renew_token(&mut self) -> Option<CommandLine> {
        self.renews_token.then(|| self.send(Asked::Token, Verb::Token, &[]))
    }

    /// Fetches missing events, if there are some.
    #[must_use]
    pub(super) fn fill_gap(&mut self) -> Option<CommandLine> {
        if !self.is_up() {
            return None;
        }
        let after = self.numbers.fetch_after()?.to_string();
        Some(self.send(Asked::Gap, Verb::History, &["SINCE", &after, &HISTORY_LINES_MAX.to_string()]))
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
            (None, _) => Heard::OutOfStep,
            (Some(Asked::Other(what)), outcome) => Heard::Answered(what, outcome),
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

    /// Another connection is logged in. Whether the numbers go on; if not, the server has begun a new transcript.
    pub(super) fn up(&mut self, login: &LoginOk, now: Instant) -> bool {
        let goes_on = self.numbers.resume(login);
        self.state = State::Up;
        self.in_range = false;
        self.heard = now;
        self.retry = CLIENT_RETRY_FIRST;
        goes_on
    }

    /// The connection is gone; `why` counts if the server has not said so itself.
    pub(super) fn down(&mut self, end: End, why: &str, now: Instant, chance: f32) -> Down<A> {
        let last_words = self.last_words.take();
        let unanswered = std::mem::take(&mut self.asked).into_iter();
        let unanswered = unanswered.filter_map(|asked| match asked {
            Asked::Other(what) => Some(what),
            _ => None,
        });
        let is_cut_off = last_words.as_ref().is_some_and(|bye| bye.code == Some(Bye::CutOff));
        let end_told = if is_cut_off { End::Silent } else { End::Closed };
        let end = if last_words.is_some() { end_told } else { end };
        let next = match last_words {
            Some(bye) if bye.exit().is_some() => Err(bye.failure(Exit::Lost)),
            Some(bye) => Ok(bye.said()),
            None => Ok(why.to_owned()),
        };
        // Another server of the group is there. What was said on this one may still arrive.
        let wait = if is_cut_off { Duration::ZERO } else { back_off(&mut self.retry, chance) };
        self.state = State::Waiting(now + wait);
        Down { end, unanswered: unanswered.collect(), next }
    }

    /// An attempt to connect failed. An error: no other one makes sense.
    pub(super) fn login_failed(
        &mut self,
        why: &LoginError,
        me: &Mail,
        now: Instant,
        chance: f32,
    ) -> Result<(), Failure> {
        if !why.may_pass() {
            return Err(why.failure(me));
        }
        self.wait(now, chance);
        Ok(())
    }

    fn wait(&mut self, now: Instant, chance: f32) {
        self.state = State::Waiting(now + back_off(&mut self.retry, chance));
    }

    /// How long until [`Connection::tick`] has something to do.
    pub(super) fn deadline(&self, now: Instant) -> Duration {
        match self.state {
            State::Waiting(until) => until.saturating_duration_since(now),
            State::Up | State::Connecting => CLIENT_TICK,
        }
    }

    /// Time has passed.
    #[must_use]
    pub(super) fn tick(&mut self, now: Instant) -> Option<Due> {
        match self.state {
            State::Waiting(until) if now >= until => {
                self.state = State::Connecting;
                Some(Due::Connect)
            }
            // A silent server gets one PING.
            State::Up => match now.saturating_duration_since(self.heard) {
                silence if silence >= 2 * CLIENT_SILENCE => Some(Due::GiveUp("the server is silent")),
                silence if silence >= CLIENT_SILENCE && !self.has_pinged() => {
                    Some(Due::Send(self.send(Asked::Ping, Verb::Ping, &[])))
                }
                _ => None,
            },
            State::Connecting | State::Waiting(_) => None,
        }
    }

    fn has_pinged(&self) -> bool {
        self.asked.iter().any(|asked| matches!(asked, Asked::Ping))
    }

    /// The machine has slept: the next attempt is made now, and a server that is there has to show it soon.
    pub(super) fn woke(&mut self, now: Instant) {
        match self.state {
            State::Waiting(_) => self.state = State::Waiting(now),
            State::Up => {
                self.heard = now.checked_sub(CLIENT_SILENCE + CLIENT_SILENCE / 2).unwrap_or(now);
            }
            State::Connecting => {}
        }
        self.retry = CLIENT_RETRY_FIRST;
    }
}

/// The next wait, which doubles with each attempt that fails. It is up to a quarter shorter by `chance`, from 0 to 1, so that
/// clients which lost the same server do not come back at the same moment.
fn back_off(next: &mut Duration, chance: f32) -> Duration {
    let wait = *next;
    *next = (wait * 2).min(CLIENT_RETRY_LONGEST);
    wait.mul_f32(1.0 - chance.clamp(0.0, 1.0) / 4.0)
}

/// The lines in a block of whole lines, without their LFs.
pub(super) fn lines_of(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.strip_suffix(b"\n").unwrap_or(block).split(|&b| b == b'\n')
}

#[cfg(test)]
mod tests;
