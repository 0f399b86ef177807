//! The chat at a terminal, as a pure core: news in, effects out. `run` is its shell.
//!
//! [`Chat`] brings its parts together: the prompt takes keys, `transcript` shows events and sends messages, `requests` carries
//! out commands, and `out` leads to the server and to the shell.

mod clock;
mod commands;
mod find;
mod history;
mod invite;
mod lists;
mod live;
mod names;
mod out;
mod output;
mod pace;
mod prompt;
mod requests;
pub(super) mod run;
mod transcript;
mod view;

use std::time::{Duration, Instant};

use super::connection::numbers::{Numbers, Place};
use super::connection::{Connection, Due, End, Heard, check_certain, lines_of};
use super::failure::{Failure, LoginError};
use super::options::Bell;
use super::server::Reach;
use crate::client::terminal::{Echo, Key, Line, Live};
use crate::limits::{CLIENT_COUNTDOWN, CLIENT_QUIT_WAIT};
use crate::protocol::{LoginOk, Role, Verb};
use clock::Clock;
use commands::Command;
use find::Find;
use names::Names;
use out::{Asked, Effect, Out};
use prompt::Prompt;
use prompt::wish::{Around, Wish};
use transcript::Transcript;
use view::{alarm, notice};

/// The chat.
#[derive(Debug)]
struct Chat {
    prompt: Prompt,
    transcript: Transcript,
    out: Out,
    /// Bytes of a command line.
    line_max: usize,
    /// For invitations.
    reach: Reach,
    /// What /find goes on with: what was looked for last, if there may be more.
    finds: Option<Find>,
    /// The person has left: until then what was said is waited for, longer as long as something comes.
    leaving: Option<Instant>,
}

/// What a chat starts with.
#[derive(Debug)]
struct Start {
    server: String,
    /// The servers of the group, and which of them it is.
    servers: Vec<String>,
    at: usize,
    login: LoginOk,
    /// How far the last chat of this device was shown.
    shown_before: Option<Place>,
    /// This many missed events are shown without a question.
    shown_unasked: u64,
    /// This many events before the missed ones are shown once more.
    lead_in: u64,
    line_max: usize,
    bell: Bell,
    saves_token: bool,
    clock: Clock,
    reach: Reach,
}

impl Chat {
    /// With a connection that is logged in.
    fn new(start: Start, now: Instant) -> Chat {
        let numbers = Numbers::start_at(&start.login, start.shown_before.as_ref(), start.servers.len() > 1);
        let me = &start.login.mail;
        let role = if start.login.role == Role::Admin { " (admin)" } else { "" };
        let greeting = format!("you are {me}{role} at {}; /help lists the commands", start.server);
        let mut chat = Chat {
            prompt: Prompt::default(),
            transcript: Transcript::new(me, greeting, start.clock, start.bell, start.shown_unasked),
            out: Out::new(Connection::new(numbers, start.servers, start.at, start.saves_token, now)),
            line_max: start.line_max,
            reach: start.reach,
            finds: None,
            leaving: None,
        };
        chat.begin(start.lead_in);
        chat
    }

    /// Another connection is logged in. Whether the chat goes on with it.
    fn enters(&mut self, login: &LoginOk, line_max: usize, now: Instant, chance: f32) -> bool {
        match check_certain(login, self.transcript.outbox.has_lost()) {
            Ok(()) => {
                self.up(login, line_max, now);
                true
            }
            Err(why) => {
                self.login_failed(&why, now, chance);
                false
            }
        }
    }

    fn up(&mut self, login: &LoginOk, line_max: usize, now: Instant) {
        self.line_max = line_max;
        if self.out.connection.up(login, now) {
            self.print(notice(match self.out.connection.turns.name() {
                Some(server) => format!("connected to {server}"),
                None => "connected again".to_owned(),
            }));
        } else {
            self.print(notice("connected again; the server has begun a new history"));
            self.transcript.names = Names::new(&login.mail);
            self.transcript.give_up_lost(&mut self.out);
        }
        self.begin(0);
    }

    /// Begins with a connection, and with this many events from before.
    fn begin(&mut self, lead_in: u64) {
        let gone = self.out.connection.numbers.take_gone();
        Transcript::print_gone(gone, &mut self.out);
        self.transcript.names.are_listed &= gone == 0;
        self.transcript.mark(&mut self.out);
        self.out.renew_token();
        self.transcript.begin(lead_in, &mut self.out);
        self.go_on();
        self.out.push(Effect::More);
    }

    /// Whole lines have come.
    fn lines(&mut self, block: &[u8], now: Instant) {
        self.out.connection.heard(now);
        self.leaving = self.leaving.map(|_| now + CLIENT_QUIT_WAIT);
        for line in lines_of(block) {
            self.line(line);
        }
        let typed_ahead = std::mem::take(&mut self.prompt.typed_ahead);
        self.keys(typed_ahead, now);
        self.go_on();
        self.out.push(Effect::More);
    }

    fn line(&mut self, line: &[u8]) {
        match self.out.connection.take(line) {
            Heard::Feed(event) => self.transcript.of_feed(&event, &mut self.out),
            Heard::Fetched(event, gone) => {
                Transcript::print_gone(gone, &mut self.out);
                self.transcript.show(&event, &mut self.out);
            }
            Heard::Page(event) => self.of_page(&event),
            Heard::Listed(text) => self.listed(text),
            Heard::Answered(asked, outcome) => self.answered(asked, outcome),
            Heard::Lost(lost) => {
                self.print(notice(format!("{lost} messages cannot be fetched from the server")));
                self.transcript.ask_names(&mut self.out);
            }
            Heard::Token(token) => self.out.push(Effect::SaveToken(token)),
            Heard::Useless(why) => self.out.push(Effect::GiveUp(why)),
            Heard::Nothing => {}
        }
    }

    /// Does what has become possible: fetches what is missing, sends what waits.
    fn go_on(&mut self) {
        self.transcript.mark(&mut self.out);
        if !self.out.connection.is_up() {
            return;
        }
        if !self.transcript.leads_in() {
            self.out.fill_gap();
        }
        self.transcript.settle(&mut self.out);
        if self.transcript.info_waits && self.transcript.outbox.lines().len() == 0 {
            self.info_of_last();
        }
        self.transcript.send(&mut self.out);
        // Everything that was said goes first.
        let quits = self.leaving.is_some() && self.transcript.outbox.all_sent();
        if quits && !self.out.connection.unanswered().any(|asked| matches!(asked, Asked::Quit)) {
            self.out.ask(Asked::Quit, Verb::Quit, "");
        }
    }

    /// The connection is gone.
    fn down(&mut self, end: End, why: &str, now: Instant, chance: f32) {
        if self.leaving.is_some() {
            return self.leave(Ok(()));
        }
        self.transcript.greet(&mut self.out);
        let down = self.out.connection.down(end, why, now, chance);
        self.transcript.outbox.lost(down.end);
        self.prompt.connection_lost();
        for typed in down.unanswered.iter().filter_map(Asked::typed) {
            let told = "no answer came; it may have been done, so check before you repeat it";
            self.print(alarm(format!("{typed}: {told}")));
        }
        match down.next {
            Ok(why) => self.print(alarm(format!("{why}; trying to connect again"))),
            Err(failure) => return self.leave(Err(failure)),
        }
        // Only now, when nothing is sent any more.
        self.transcript.lead_in_over(&mut self.out);
    }

    /// An attempt to log in again has failed.
    fn login_failed(&mut self, why: &LoginError, now: Instant, chance: f32) {
        let me = &self.transcript.names.me;
        match self.out.connection.login_failed(why, me, now, chance) {
            Ok(told) => told.into_iter().for_each(|told| self.print(alarm(told))),
            Err(failure) => self.leave(Err(failure)),
        }
    }

    /// How long until [`Chat::tick`] has something to do.
    fn deadline(&self, now: Instant) -> Duration {
        let deadline = self.out.connection.deadline(now);
        if self.out.connection.is_up() { deadline } else { deadline.min(CLIENT_COUNTDOWN) }
    }

    /// Time has passed.
    fn tick(&mut self, now: Instant) {
        if self.leaving.is_some_and(|until| now >= until) {
            self.leave(Ok(()));
        }
        match self.out.connection.tick(now) {
            Some(Due::Connect(at)) => self.out.push(Effect::Connect(at)),
            Some(Due::Send(line)) => self.out.push(Effect::Send(line)),
            Some(Due::GiveUp(why)) => self.out.push(Effect::GiveUp(why)),
            None => {}
        }
    }

    /// The machine's time zone has changed.
    fn moved(&mut self, clock: Clock) {
        self.print(notice(format!("the time zone has changed: from here on times are in {}", clock.name())));
        self.transcript.view.clock = clock;
    }

    /// Keys that came at once.
    fn keys(&mut self, keys: Vec<Key>, now: Instant) {
        let mut keys = keys.into_iter().peekable();
        while let Some(key) = keys.peek() {
            if *key == Key::Interrupt && self.leaving.is_some() {
                return self.leave(Ok(()));
            }
            let names = &self.transcript.names;
            let (is_up, room) = (self.out.connection.is_up(), self.line_max - "MSG \n".len());
            for wish in self.prompt.take(&mut keys, now, &Around { names, is_up, room }) {
                self.fulfil(wish, now);
            }
            self.go_on();
        }
    }

    fn fulfil(&mut self, wish: Wish, now: Instant) {
        match wish {
            Wish::Print(line) => self.print(line),
            Wish::Say(text) => self.transcript.outbox.say(text),
            Wish::Do(Command::Quit) => self.quit(now),
            Wish::Do(command) => self.carry_out(command),
            Wish::Enter if self.out.connection.is_up() && self.out.connection.numbers.is_held() => {
                self.transcript.show_missed(&mut self.out);
            }
            Wish::Enter => {}
            Wish::Interrupt => {
                if !self.stop_history() {
                    self.print(notice("Ctrl-D or /quit ends the chat"));
                }
            }
            Wish::Redraw => self.out.push(Effect::Redraw),
            Wish::Suspend => self.out.push(Effect::Suspend),
        }
    }

    /// Puts a line that was refused where it was typed, unless something else is typed there or under way by now.
    fn give_back(&mut self, text: &str) {
        let is_last = self.transcript.outbox.lines().len() == 0;
        if !is_last || !self.prompt.give_back(text) {
            self.print(view::given_back(text));
        }
    }

    /// Ends the chat, after what was said is acknowledged.
    fn quit(&mut self, now: Instant) {
        if self.leaving.is_some() {
            return;
        }
        if self.out.connection.is_up() {
            self.leaving = Some(now + CLIENT_QUIT_WAIT);
            self.go_on();
        } else {
            self.leave(Ok(()));
        }
    }

    /// Ends the chat now.
    fn leave(&mut self, result: Result<(), Failure>) {
        self.leaving = None;
        self.transcript.leave(result, &mut self.out);
    }

    fn print(&mut self, line: Line) {
        self.out.print(line);
    }

    /// What waits for an answer, for a terminal that shows it once, and whether the answer is to be seen.
    fn question(&self) -> Option<(String, Echo)> {
        let about_missed = |missed| (format!("* {}\n", live::about_missed(missed)), Echo::On);
        self.prompt.question().or_else(|| self.transcript.asks_about_missed(&self.out).map(about_missed))
    }

    /// The rows below the lines.
    fn live(&self, now: Instant) -> Live {
        let missed = self.transcript.asks_about_missed(&self.out);
        let above = live::rows(&self.transcript.outbox, &self.out.connection, missed, now);
        self.prompt.live(above)
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
