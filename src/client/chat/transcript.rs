//! The transcript as the chat shows it: events in order, those that were missed, and my messages among them; the bell, and how
//! far it was shown.

mod lead_in;

use super::clock::Clock;
use super::names::Names;
use super::out::{Asked, Effect, Out};
use super::view::{self, View, alarm, notice, rule};
use crate::client::connection::numbers::Place;
use crate::client::connection::said::{Happened, Refusal};
use crate::client::failure::Failure;
use crate::client::options::Bell;
use crate::client::outbox::Outbox;
use crate::protocol::{Event, Mail, MsgOk, Seq, Text, Verb};

/// See the module.
#[derive(Debug)]
pub(super) struct Transcript {
    pub(super) names: Names,
    pub(super) view: View,
    /// What the group is called; nothing if it has no title.
    pub(super) title: String,
    /// Who I am, and where, until it is shown: in the first line, after the title.
    greeting: Option<String>,
    bell: Bell,
    /// The last [`Effect::Shown`].
    marked: Option<Place>,
    /// My messages without an answer.
    pub(super) outbox: Outbox,
    /// The last of my messages that has a number.
    pub(super) my_last: Option<Seq>,
    /// /info waits until my last message has its number.
    pub(super) info_waits: bool,
    /// This many missed events are shown without a question.
    shown_unasked: u64,
    lead_in: Option<LeadIn>,
}

/// What comes before the feed: the names of the members, and, when the chat begins, the last events before those that were missed,
/// fetched once.
#[derive(Debug)]
struct LeadIn {
    /// Fetch so many events, when the names are known; none once that is done.
    wanted: Option<u64>,
    /// Whether events follow that were missed.
    has_missed: bool,
    /// Whether one of the events before was shown.
    has_any: bool,
    /// Lines of the feed that come meanwhile.
    waiting: Vec<Vec<u8>>,
}

impl Transcript {
    pub(super) fn new(
        me: &Mail,
        greeting: String,
        clock: Clock,
        bell: Bell,
        shown_unasked: u64,
    ) -> Transcript {
        Transcript {
            names: Names::new(me),
            view: View::new(clock),
            title: String::new(),
            greeting: Some(greeting),
            bell,
            marked: None,
            outbox: Outbox::default(),
            my_last: None,
            info_waits: false,
            shown_unasked,
            lead_in: None,
        }
    }

    /// Says that events were to come that cannot be read, if there are some.
    pub(super) fn print_gone(gone: u64, out: &mut Out) {
        let messages = if gone == 1 { "message" } else { "messages" };
        if gone > 0 {
            out.print(notice(format!("{gone} earlier {messages} cannot be read")));
        }
    }

    /// Begins to show what was missed.
    pub(super) fn show_missed(&mut self, out: &mut Out) {
        if self.leads_in() {
            return;
        }
        let missed = out.connection.numbers.left();
        if missed > 0 {
            out.print(rule(&format!("{missed} missed")));
        }
        out.connection.numbers.release();
        out.fill_gap();
    }

    /// The question whether to show what was missed is open, about this many events.
    pub(super) fn asks_about_missed(&self, out: &Out) -> Option<u64> {
        let numbers = &out.connection.numbers;
        let asks = out.connection.is_up() && numbers.is_held() && !self.leads_in();
        asks.then(|| numbers.left())
    }

    /// An event of the feed.
    pub(super) fn of_feed(&mut self, event: &Happened<'_>, out: &mut Out) {
        match &mut self.lead_in {
            // What was held back is fetched later.
            Some(lead_in) if !out.connection.numbers.is_held() => lead_in.waiting.push(event.line.to_vec()),
            _ => self.next_of_feed(event, out),
        }
    }

    fn next_of_feed(&mut self, event: &Happened<'_>, out: &mut Out) {
        if out.connection.numbers.of_feed(event.seq) {
            self.show(event, out);
            return;
        }
        self.follow(event, out);
        if out.connection.numbers.is_held() {
            self.ring_for(event, out);
        }
    }

    /// What an event says of the group. What is known of it already may be newer.
    fn follow(&mut self, event: &Happened<'_>, out: &mut Out) {
        match &event.event {
            Some(Event::Titled { title, .. }) if !self.names.know(event.seq) => {
                self.titled(title.to_string(), out);
            }
            Some(happened) => self.names.follow(happened, event.seq),
            None => {}
        }
    }

    /// The group is called this; nothing: it has no title.
    pub(super) fn titled(&mut self, title: String, out: &mut Out) {
        if self.title != title {
            out.push(Effect::Title(title.clone()));
            self.title = title;
        }
    }

    /// Shows the next event.
    pub(super) fn show(&mut self, event: &Happened<'_>, out: &mut Out) {
        if let Some(Event::Msg { mail, text }) = &event.event
            && *mail == self.names.me
        {
            self.outbox.found(text.as_str());
            self.my_last = Some(event.seq);
        }
        self.ring_for(event, out);
        for line in self.view.event(event, &self.names) {
            out.print(line);
        }
        self.follow(event, out);
        self.mark(out);
    }

    /// Shows an event again.
    pub(super) fn show_again(&self, event: &Happened<'_>, out: &mut Out) {
        out.print(self.view.old_event(event, &self.names));
    }

    /// Rings for an event that was not missed, if that is wanted.
    fn ring_for(&self, event: &Happened<'_>, out: &mut Out) {
        let Some(Event::Msg { mail, text }) = &event.event else { return };
        let rings = match self.bell {
            Bell::Off => false,
            Bell::Mention => !self.names.mentions(text.as_str()).is_empty(),
            Bell::All => true,
        };
        if rings && *mail != self.names.me && out.connection.numbers.is_live(event.seq) {
            out.push(Effect::Ring);
        }
    }

    /// All events that count as shown are shown when the terminal has taken the effects so far.
    pub(super) fn mark(&mut self, out: &mut Out) {
        let place = out.connection.numbers.place();
        if self.marked.as_ref() != Some(&place) {
            self.marked = Some(place.clone());
            out.push(Effect::Shown(place));
        }
    }

    /// Sets the bell, or only says how it is set.
    pub(super) fn set_bell(&mut self, when: Option<Bell>, out: &mut Out) {
        self.bell = when.unwrap_or(self.bell);
        out.print(notice(match self.bell {
            Bell::Off => "the bell is off",
            Bell::Mention => "the bell rings when somebody says your name",
            Bell::All => "the bell rings when somebody says anything",
        }));
    }

    /// My oldest message without an answer has one. Returns the text if it is refused.
    pub(super) fn message_answered(
        &mut self,
        outcome: Result<String, Refusal>,
        out: &mut Out,
    ) -> Option<String> {
        let text = self.outbox.answered()?;
        match outcome.map(|rest| MsgOk::parse(&rest)) {
            Ok(ok) => {
                let (Some(MsgOk { seq, time }), Ok(text)) = (ok, Text::parse(text.as_bytes())) else {
                    return None;
                };
                self.my_last = Some(seq);
                if out.connection.numbers.is_held() {
                    let text = text.as_str();
                    out.print(notice(format!("said; it comes after what you have missed: {text}")));
                }
                // Where events are missing it comes again, as an event, in its place.
                let event = Some(Event::Msg { mail: self.names.me.clone(), text });
                self.next_of_feed(&Happened { seq, time, event, line: &[] }, out);
                None
            }
            Err(why) => {
                // /info was meant for this message, not for an earlier one.
                self.info_waits = false;
                out.print(view::refused("not said", &why));
                Some(text)
            }
        }
    }

    /// Decides about messages that were sent on an earlier connection, once everything said since is shown.
    pub(super) fn settle(&mut self, out: &mut Out) {
        if out.connection.numbers.left() == 0 {
            let unknown = self.outbox.looked();
            print_unknown(&unknown, out);
        }
    }

    /// Sends my messages, as far as they may go now.
    pub(super) fn send(&mut self, out: &mut Out) {
        while let Some(text) = self.outbox.next() {
            out.ask(Asked::Message, Verb::Msg, text);
        }
    }

    /// Messages whose fate is unknown cannot be looked for any more.
    pub(super) fn give_up_lost(&mut self, out: &mut Out) {
        let unknown = self.outbox.give_up();
        print_unknown(&unknown, out);
    }

    /// Ends the chat. What was said and is not acknowledged is shown once more.
    pub(super) fn leave(&mut self, result: Result<(), Failure>, out: &mut Out) {
        for mine in self.outbox.lines() {
            out.print(alarm(format!("not acknowledged: {}", mine.text)));
        }
        if result.is_ok() && self.outbox.lines().len() > 0 {
            out.print(notice("chat-room-client tail shows what was said"));
        }
        self.mark(out);
        out.push(Effect::Leave(result));
    }
}

fn print_unknown(lines: &[String], out: &mut Out) {
    for text in lines {
        out.print(alarm(format!("it is not known whether this was said; Up brings it back: {text}")));
    }
}
