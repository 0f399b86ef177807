//! The chat at a terminal, as a pure core: news in, effects out. `run` is its shell.

mod answers;
mod ask;
mod asked;
mod clock;
mod commands;
mod contact;
mod effect;
mod history;
mod keyboard;
mod lead_in;
mod live;
mod names;
mod pace;
mod password;
pub(super) mod run;
mod secret;
mod view;

use std::collections::VecDeque;
use std::time::Instant;

use super::advice::OUT_OF_STEP;
use super::connection::backoff::Backoff;
use super::connection::liveness::Liveness;
use super::connection::numbers::{Numbers, Place, Verdict};
use super::connection::said::{Answer, LastWords, Refusal, Said};
use super::exit::Failure;
use super::options::Bell;
use super::outbox::Outbox;
use super::terminal::editor::Editor;
use super::terminal::keys::Key;
use super::terminal::layout::{Line, Style};
use crate::limits::{CLIENT_QUIT_WAIT, HISTORY_LINES_MAX};
use crate::protocol::{Event, EventLine, LoginOk, Mail, MsgOk, Role, Seq, Text};
use ask::{Ask, Rest};
use asked::Asked;
use clock::Clock;
use commands::line;
use contact::Contact;
use effect::Effect;
use lead_in::LeadIn;
use names::Names;
use view::{View, alarm, notice};

/// The chat.
#[derive(Debug)]
struct Chat {
    names: Names,
    view: View,
    bell: Bell,
    /// Whether each login renews a token.
    stays: bool,
    editor: Editor,
    ask: Option<Ask>,
    /// What belongs to the last answer to one.
    rest: Option<Rest>,
    /// Keys that were waiting until a password was taken.
    typed_ahead: Vec<Key>,
    contact: Contact,
    /// Bytes of a command line.
    line_max: usize,
    asked: VecDeque<Asked>,
    /// The events that come are a part of an answer.
    in_range: bool,
    numbers: Numbers,
    /// So many missed events are shown without a question.
    unasked: u64,
    lead_in: Option<LeadIn>,
    /// The last [`Effect::Shown`].
    marked: Option<Place>,
    outbox: Outbox,
    /// /info waits until the last of my messages has its number.
    info_waits: bool,
    /// The last of my messages.
    my_last: Option<Seq>,
    /// The server's last words on this connection.
    bye: Option<LastWords>,
    backoff: Backoff,
    liveness: Liveness,
    /// Somebody goes: until then what was typed is waited for. Longer as long as something comes.
    leaving: Option<Instant>,
    effects: Vec<Effect>,
}

/// What a chat begins with.
#[derive(Debug)]
struct Beginning {
    me: Mail,
    server: String,
    welcome: LoginOk,
    /// How far the last chat of this device was shown.
    noted: Option<Place>,
    unasked: u64,
    /// So many lines before the missed ones are shown once more.
    lead_in: u64,
    line_max: usize,
    bell: Bell,
    stays: bool,
    clock: Clock,
}

impl Chat {
    /// With a connection that is logged in.
    fn new(beginning: Beginning, now: Instant) -> Chat {
        let Beginning { me, server, welcome, noted, unasked, lead_in, line_max, bell, stays, clock } =
            beginning;
        let role = if welcome.role == Role::Admin { " (admin)" } else { "" };
        let greeting = format!("you are {me}{role} at {server}; /help lists the commands");
        let mut chat = Chat {
            names: Names::new(&me),
            view: View::new(clock),
            bell,
            stays,
            editor: Editor::default(),
            ask: None,
            rest: None,
            typed_ahead: Vec::new(),
            contact: Contact::Up,
            line_max,
            asked: VecDeque::new(),
            in_range: false,
            numbers: Numbers::start_at(&welcome, noted.as_ref()),
            unasked,
            lead_in: None,
            marked: None,
            outbox: Outbox::default(),
            info_waits: false,
            my_last: None,
            bye: None,
            backoff: Backoff::default(),
            liveness: Liveness::heard_at(now),
            leaving: None,
            effects: Vec::new(),
        };
        chat.print(notice(greeting));
        chat.entered(lead_in, now);
        chat
    }

    /// The machine's time zone is another.
    fn moved(&mut self, clock: Clock) {
        self.print(notice(format!("the time zone has changed: from here on times are in {}", clock.name())));
        self.view.set_clock(clock);
    }

    /// Whole lines have come.
    fn lines(&mut self, lines: &[u8], now: Instant) {
        self.liveness = Liveness::heard_at(now);
        self.leaving = self.leaving.map(|_| now + CLIENT_QUIT_WAIT);
        for line in lines.strip_suffix(b"\n").unwrap_or(lines).split(|&b| b == b'\n') {
            match Said::parse(line) {
                Said::Event(event) if self.in_range => self.of_answer(&event),
                Said::Event(_) if self.waits_for_lead_in(line) => {}
                Said::Event(event) => self.of_feed(&event),
                Said::Range => self.in_range = true,
                Said::Answer(answer) => self.answer(answer),
                Said::Bye(bye) => self.bye = Some(bye),
                Said::Other(text) => self.listed(text),
            }
        }
        let typed_ahead = std::mem::take(&mut self.typed_ahead);
        self.keys(typed_ahead, now);
        self.go_on();
        self.effects.push(Effect::More);
    }

    /// Whatever has become possible: filling a hole, sending what waits.
    fn go_on(&mut self) {
        self.mark_shown();
        if !self.is_up() {
            return;
        }
        if let Some(after) = self.numbers.wanted() {
            let (after, most) = (after.to_string(), HISTORY_LINES_MAX.to_string());
            self.ask_server(Asked::Hole, &["HISTORY", "SINCE", &after, &most]);
        }
        if self.numbers.left() == 0 {
            let unknown = self.outbox.looked();
            self.not_known(&unknown);
        }

        if self.info_waits && self.outbox.lines().len() == 0 {
            self.info_of_last();
        }
        while let Some(text) = self.outbox.next() {
            let line = line(&["MSG", text]);
            self.asked.push_back(Asked::Message);
            self.effects.push(Effect::Send(line));
        }
        // All that was typed goes first.
        if self.leaving.is_some() && self.outbox.all_sent() && !matches!(self.asked.back(), Some(Asked::Quit))
        {
            self.ask_server(Asked::Quit, &["QUIT"]);
        }
    }

    fn of_feed(&mut self, event: &EventLine<'_>) {
        if self.numbers.of_feed(event.seq) == Verdict::Show {
            self.show(event);
        } else if self.numbers.is_held() {
            self.ring_for(event);
        }
    }

    fn of_answer(&mut self, event: &EventLine<'_>) {
        match self.asked.front() {
            Some(Asked::Hole) => match self.numbers.of_history(event.seq) {
                Verdict::Show => self.show(event),
                Verdict::ShowBehindGap(gone) => {
                    self.print_gone(gone);
                    self.show(event);
                }
                Verdict::Drop => {}
            },
            Some(Asked::History(_)) => self.of_history(event),
            Some(&Asked::LeadIn(last)) => self.of_lead_in(last, event),
            _ => {}
        }
    }

    fn show(&mut self, event: &EventLine<'_>) {
        match &event.event {
            Event::Msg { mail, text } => {
                self.names.learn(mail);
                if mail == self.names.me() {
                    self.outbox.found(text.as_str());
                    self.my_last = Some(event.seq);
                }
            }
            Event::Added { mail, .. } => self.names.learn(mail),
            Event::Removed { .. } => {}
        }
        self.ring_for(event);
        let lines = self.view.event(event, &self.names);
        for line in lines {
            self.print(line);
        }
        self.mark_shown();
        if let Event::Removed { mail, .. } = &event.event {
            self.names.forget(mail);
        }
    }

    /// What is printed is all up to here.
    fn mark_shown(&mut self) {
        let place = self.numbers.place();
        if self.marked.as_ref() != Some(&place) {
            self.marked = Some(place.clone());
            self.effects.push(Effect::Shown(place));
        }
    }

    fn ring_for(&mut self, event: &EventLine<'_>) {
        let Event::Msg { mail, text } = &event.event else { return };
        let rings = match self.bell {
            Bell::Off => false,
            Bell::Mention => self.names.mentions_me(text.as_str()),
            Bell::All => true,
        };
        if rings && mail != self.names.me() && self.numbers.is_live(event.seq) {
            self.effects.push(Effect::Ring);
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.in_range = false;
        let Some(asked) = self.asked.pop_front() else {
            self.effects.push(Effect::GiveUp(OUT_OF_STEP));
            return;
        };
        match (asked, answer.outcome) {
            (Asked::Message, outcome) => self.message_answered(outcome),
            (asked, Ok(rest)) => self.done(asked, &rest),
            (asked, Err(why)) => self.refused(asked, &why),
        }
    }

    fn message_answered(&mut self, outcome: Result<String, Refusal>) {
        let Some(text) = self.outbox.answered() else { return };
        match outcome {
            Ok(rest) => {
                let (Some(MsgOk { seq, time }), Ok(text)) =
                    (MsgOk::parse(&rest), Text::parse(text.as_bytes()))
                else {
                    return;
                };
                let event = Event::Msg { mail: self.names.me().clone(), text };
                self.my_last = Some(seq);
                if self.numbers.is_held() {
                    self.print(notice(format!(
                        "said; it comes after what you have missed: {}",
                        text.as_str()
                    )));
                }
                // In a hole it comes again, as an event, in its place.
                self.of_feed(&EventLine { seq, time, event });
            }
            Err(why) => {
                // Of another message nobody wants to know.
                self.info_waits = false;
                self.print(view::refused("not said", &why));
                self.print(Line::new(Style::Plain, format!("  {text}")).indented(2));
            }
        }
    }

    fn is_up(&self) -> bool {
        matches!(self.contact, Contact::Up)
    }

    fn ask_server(&mut self, asked: Asked, words: &[&str]) {
        self.asked.push_back(asked);
        self.effects.push(Effect::Send(line(words)));
    }

    fn give_up_lost(&mut self) {
        let unknown = self.outbox.give_up();
        self.not_known(&unknown);
    }

    fn not_known(&mut self, lines: &[String]) {
        for text in lines {
            self.print(alarm(format!("it is not known whether this was said; Up brings it back: {text}")));
        }
    }

    /// Ends the chat; what was typed and not said is told.
    fn leave(&mut self, result: Result<(), Failure>) {
        self.leaving = None;
        let unsaid: Vec<String> = self.outbox.lines().map(|mine| mine.text.clone()).collect();
        for text in &unsaid {
            self.print(alarm(format!("not acknowledged: {text}")));
        }
        if result.is_ok() && !unsaid.is_empty() {
            self.print(notice("chat-room-client tail shows what was said"));
        }
        self.mark_shown();
        self.effects.push(Effect::Leave(result));
    }

    fn print(&mut self, line: Line) {
        self.effects.push(Effect::Print(line));
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
