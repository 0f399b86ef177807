//! How a connection ends, and when the next one is made, to which server.

use std::time::{Duration, Instant};

use super::{Asked, Connection, Down, Due, End, State};
use crate::client::failure::{Exit, Failure, LoginError};
use crate::limits::{
    CLIENT_RETRY_FIRST, CLIENT_RETRY_LONGEST, CLIENT_SILENCE, CLIENT_SILENCE_MANY, CLIENT_TICK,
};
use crate::protocol::{Bye, LastIs, LoginOk, Mail, Verb};

impl<A> Connection<A> {
    /// Another connection is logged in. Whether the numbers go on; if not, the server has begun a new transcript.
    pub(in crate::client) fn up(&mut self, login: &LoginOk, now: Instant) -> bool {
        let goes_on = self.numbers.resume(login, self.turns.are_many());
        self.turns.accepted();
        self.state = State::Up;
        self.up_since = now;
        self.in_range = false;
        self.heard = now;
        self.retry = CLIENT_RETRY_FIRST;
        goes_on
    }

    /// The connection is gone; `why` counts if the server has not said so itself.
    pub(in crate::client) fn down(&mut self, end: End, why: &str, now: Instant, chance: f32) -> Down<A> {
        let last_words = self.last_words.take();
        let unanswered = std::mem::take(&mut self.asked).into_iter();
        let unanswered = unanswered.filter_map(|asked| match asked {
            Asked::Other(what) => Some(what),
            _ => None,
        });
        let is_cut_off = last_words.as_ref().is_some_and(|bye| bye.code == Some(Bye::CutOff));
        let end = if last_words.is_some() { End::Closed } else { end };
        let next = match last_words {
            Some(bye) if bye.exit().is_some() => Err(bye.failure(Exit::Lost)),
            Some(bye) => Ok(bye.said()),
            None => Ok(why.to_owned()),
        };
        // A server that takes the login and ends the connection at once has had its turn. Each gets one, without a wait.
        if now.saturating_duration_since(self.up_since) >= CLIENT_RETRY_FIRST {
            self.turns.begin();
        }
        self.state = State::Waiting(now);
        let next = next.and_then(|why| {
            // The one name there is may lead to another server than this one, which is cut off.
            if self.turns.are_many() || !is_cut_off {
                self.go_on(now, chance)?;
            }
            Ok(why)
        });
        Down { end, unanswered: unanswered.collect(), next }
    }

    /// An attempt to connect failed. A sentence, if a person is to know why. An error: no other attempt makes sense.
    pub(in crate::client) fn login_failed(
        &mut self,
        why: &LoginError,
        me: &Mail,
        now: Instant,
        chance: f32,
    ) -> Result<Option<String>, Failure> {
        let told = self.turns.failed(why, me);
        self.go_on(now, chance)?;
        Ok(told)
    }

    /// The next server has its turn, at once or after a wait.
    fn go_on(&mut self, now: Instant, chance: f32) -> Result<(), Failure> {
        let wait = if self.turns.next()? { Duration::ZERO } else { back_off(&mut self.retry, chance) };
        self.state = State::Waiting(now + wait);
        Ok(())
    }

    /// How long without a word until the server is sent a PING, and after as long again is given up.
    fn patience(&self) -> Duration {
        if self.turns.are_many() { CLIENT_SILENCE_MANY } else { CLIENT_SILENCE }
    }

    /// How long until [`Connection::tick`] has something to do.
    pub(in crate::client) fn deadline(&self, now: Instant) -> Duration {
        match self.state {
            State::Waiting(until) => until.saturating_duration_since(now),
            State::Up | State::Connecting => CLIENT_TICK,
        }
    }

    /// Time has passed.
    #[must_use]
    pub(in crate::client) fn tick(&mut self, now: Instant) -> Option<Due> {
        let patience = self.patience();
        match self.state {
            State::Waiting(until) if now >= until => {
                self.state = State::Connecting;
                Some(Due::Connect(self.turns.at))
            }
            // A silent server gets one PING.
            State::Up => match now.saturating_duration_since(self.heard) {
                silence if silence >= 2 * patience => Some(Due::GiveUp("the server is silent")),
                silence if silence >= patience && !self.has_pinged() => {
                    Some(Due::Send(self.send(Asked::Ping, Verb::Ping, "")))
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
    pub(in crate::client) fn woke(&mut self, now: Instant) {
        match self.state {
            State::Waiting(_) => self.state = State::Waiting(now),
            State::Up => {
                let patience = self.patience();
                self.heard = now.checked_sub(patience + patience / 2).unwrap_or(now);
            }
            State::Connecting => {}
        }
        self.retry = CLIENT_RETRY_FIRST;
    }
}

/// Whether a client goes on with this login, if it `has_lost` messages on an earlier connection. A server that does not reach
/// its group cannot tell what became of them.
pub(in crate::client) fn check_certain(login: &LoginOk, has_lost: bool) -> Result<(), LoginError> {
    if has_lost && login.last_is == LastIs::Uncertain {
        return Err(LoginError::Unreachable("the server does not reach the others of its group".to_owned()));
    }
    Ok(())
}

/// The next wait, which doubles with each attempt that fails. It is up to a quarter shorter by `chance`, from 0 to 1, so that
/// clients which lost the same server do not come back at the same moment.
pub(super) fn back_off(next: &mut Duration, chance: f32) -> Duration {
    let wait = *next;
    *next = (wait * 2).min(CLIENT_RETRY_LONGEST);
    wait.mul_f32(1.0 - chance.clamp(0.0, 1.0) / 4.0)
}
