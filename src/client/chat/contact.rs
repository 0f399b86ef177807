//! The connection as the chat sees it: what it missed, how it breaks, how it comes back.

use std::time::{Duration, Instant};

use super::Chat;
use super::asked::Asked;
use super::effect::Effect;
use super::view::{alarm, notice, rule};
use crate::client::advice::{ended_by, said_bye};
use crate::client::connection::backoff::Backoff;
use crate::client::connection::liveness::{Liveness, Silence};
use crate::client::exit::Failure;
use crate::client::not_in::NotIn;
use crate::client::outbox::End;
use crate::protocol::LoginOk;

/// The connection.
#[derive(Debug)]
pub(super) enum Contact {
    Up,
    /// Someone is trying.
    Connecting,
    /// The next attempt comes at that moment.
    Waiting(Instant),
}

impl Chat {
    /// Another connection is logged in.
    pub(super) fn up(&mut self, welcome: &LoginOk, line_max: usize, now: Instant) {
        self.line_max = line_max;
        if self.numbers.resume(welcome) {
            self.print(notice("connected again"));
        } else {
            self.print(notice("connected again; the server has begun a new history"));
            self.give_up_lost();
        }
        self.backoff = Backoff::default();
        self.entered(0, now);
    }

    /// Begins with a connection, and with so many lines from before.
    pub(super) fn entered(&mut self, lead_in: u64, now: Instant) {
        self.contact = Contact::Up;
        self.liveness = Liveness::heard_at(now);
        self.bye = None;
        self.in_range = false;
        match self.numbers.take_gone() {
            0 => {}
            gone => self.print_gone(gone),
        }
        self.mark_shown();
        if self.stays {
            self.ask_server(Asked::Token, &["TOKEN"]);
        }
        self.ask_server(Asked::Names(0), &["MEMBERS"]);
        self.ask_lead_in(lead_in);
        if self.numbers.left() > self.unasked {
            self.hold_missed();
        } else if self.lead_in.is_none() {
            self.show_missed();
        }
        self.effects.push(Effect::More);
    }

    /// What was missed waits for a word. Meanwhile the connection lives on, without it: the server passes over it, and
    /// takes it for seen. Where it begins was noted on this side before.
    fn hold_missed(&mut self) {
        self.numbers.hold();
        self.ask_server(Asked::Nothing, &["SKIP"]);
        self.go_on();
    }

    /// Begins with what was missed.
    pub(super) fn show_missed(&mut self) {
        if self.lead_in.is_some() {
            return;
        }
        let missed = self.numbers.left();
        if missed > 0 {
            self.print(rule(&format!("{missed} missed")));
        }
        self.numbers.release();
        self.go_on();
    }

    /// Passes over what is left of what was missed.
    pub(super) fn skip_left(&mut self) {
        let skipped = self.numbers.skip_left();
        self.print(notice(format!("{skipped} not shown; /history {skipped} shows them")));
        self.give_up_lost();
    }

    pub(super) fn print_gone(&mut self, gone: u64) {
        let messages = if gone == 1 { "message" } else { "messages" };
        self.print(notice(format!("{gone} earlier {messages} cannot be read")));
    }

    /// The connection is gone.
    pub(super) fn down(&mut self, end: End, why: &str, now: Instant, chance: f32) {
        if self.leaving.is_some() {
            self.leave(Ok(()));
            return;
        }
        let bye = self.bye.take();
        self.lose(if bye.is_some() { End::Closed } else { end });
        if let Some((bye, exit)) = bye.as_ref().and_then(|bye| Some((bye, bye.end()?))) {
            self.leave(Err(Failure::new(exit, ended_by(bye))));
            return;
        }
        let why = bye.map_or_else(|| why.to_owned(), |bye| said_bye(&bye));
        self.print(alarm(format!("{why}; trying to connect again")));
        self.contact = Contact::Waiting(now + self.backoff.wait(chance));
        // Only now, when nothing is sent any more.
        self.lead_in_over();
    }

    /// This attempt did not succeed.
    pub(super) fn not_in(&mut self, why: &NotIn, now: Instant, chance: f32) {
        if why.may_pass() {
            self.contact = Contact::Waiting(now + self.backoff.wait(chance));
        } else {
            let failure = why.failure(self.names.me());
            self.leave(Err(failure));
        }
    }

    /// What was asked is not answered any more.
    fn lose(&mut self, end: End) {
        self.outbox.lost(end);
        self.password_lost();
        for asked in std::mem::take(&mut self.asked) {
            if let Some(what) = asked.typed() {
                self.print(alarm(format!(
                    "{what}: no answer came; it may have been done, so check before you repeat it"
                )));
            }
        }
    }

    /// What can happen by itself has happened by then.
    pub(super) fn deadline(&self, now: Instant) -> Duration {
        match self.contact {
            // The seconds are shown.
            Contact::Waiting(until) => until.saturating_duration_since(now).min(Duration::from_secs(1)),
            _ => Duration::from_secs(5),
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.leaving.is_some_and(|until| now >= until) {
            self.leave(Ok(()));
        }
        match self.contact {
            Contact::Waiting(until) if now >= until => {
                self.contact = Contact::Connecting;
                self.effects.push(Effect::Connect);
            }
            Contact::Up => match self.liveness.check(now) {
                Silence::Short => {}
                Silence::Ask => self.ask_server(Asked::Nothing, &["PING"]),
                Silence::GiveUp => self.effects.push(Effect::GiveUp("the server is silent")),
            },
            Contact::Connecting | Contact::Waiting(_) => {}
        }
    }

    /// The machine has slept: what waited is tried now, and who is there has to show it soon.
    pub(super) fn woke(&mut self, now: Instant) {
        match self.contact {
            Contact::Waiting(_) => self.contact = Contact::Waiting(now),
            Contact::Up => self.liveness.doubt(now),
            Contact::Connecting => {}
        }
        self.backoff = Backoff::default();
    }
}
