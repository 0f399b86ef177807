//! The transcript as the chat shows it: events in order, those that were missed, and my messages among them; the bell, and how
//! far it was shown.

use super::clock::Clock;
use super::names::Names;
use super::out::{Asked, Effect, Out};
use super::view::{self, View, alarm, notice, rule};
use crate::client::connection::numbers::Place;
use crate::client::connection::said::{Happened, Refusal};
use crate::client::failure::Failure;
use crate::client::options::Bell;
use crate::client::outbox::Outbox;
use crate::limits::{CLIENT_NAME_PAGES, CLIENT_NAME_PAGES_AWAITED};
use crate::protocol::{Event, Mail, MsgOk, Seq, Text, Verb};

/// See the module.
#[derive(Debug)]
pub(super) struct Transcript {
    pub(super) names: Names,
    pub(super) view: View,
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
    /// Fetch so many events, when the names are known.
    wanted: u64,
    /// Whether events follow that were missed.
    has_missed: bool,
    /// Whether one of the events before was shown.
    has_any: bool,
    /// Lines of the feed that come meanwhile.
    waiting: Vec<Vec<u8>>,
}

impl Transcript {
    pub(super) fn new(me: &Mail, clock: Clock, bell: Bell, shown_unasked: u64) -> Transcript {
        Transcript {
            names: Names::new(me),
            view: View::new(clock),
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

    /// Whether something comes before what was missed.
    pub(super) fn leads_in(&self) -> bool {
        self.lead_in.is_some()
    }

    /// Asks for what a connection begins with: names, `lead_in` events before those that were missed, and these, or the question
    /// whether to show them.
    pub(super) fn begin(&mut self, lead_in: u64, out: &mut Out) {
        let left = out.connection.numbers.left();
        if left > self.shown_unasked {
            // While the question is open the connection goes on without these events: the server skips them, and takes them
            // for seen. Where they begin is recorded on this side.
            out.connection.numbers.hold();
            out.ask(Asked::SkipHeld, Verb::Skip, "");
        }
        let wanted = lead_in.min(out.connection.numbers.place().shown.0);
        self.lead_in = Some(LeadIn { wanted, has_missed: left > 0, has_any: false, waiting: Vec::new() });
        if self.names.are_listed {
            self.names_known(out);
        } else {
            self.ask_names(out);
        }
    }

    /// Asks what all members are called: when the chat begins, and when events were passed over that may have said so.
    pub(super) fn ask_names(&mut self, out: &mut Out) {
        // What was passed over is recorded before anything is sent.
        self.mark(out);
        self.names.will_be_listed(out.connection.numbers.last());
        out.ask(Asked::Names(0), Verb::Members, "");
    }

    /// A page of the names has come, or will not; `next`: there is another one after this mail.
    pub(super) fn names_listed(&mut self, pages: usize, next: Option<Mail>, out: &mut Out) {
        let pages = pages + 1;
        match next.filter(|_| pages < CLIENT_NAME_PAGES) {
            Some(next) => out.ask(Asked::Names(pages), Verb::Members, next.as_str()),
            None => self.names.are_listed = true,
        }
        if self.names.are_listed || pages == CLIENT_NAME_PAGES_AWAITED {
            self.names_known(out);
        }
    }

    /// Enough names are known to show events.
    fn names_known(&mut self, out: &mut Out) {
        match &mut self.lead_in {
            Some(LeadIn { wanted: wanted @ 1.., .. }) => {
                let (shown, count) = (out.connection.numbers.place().shown, std::mem::take(wanted));
                out.ask(Asked::LeadIn(shown), Verb::History, &format!("SINCE {} {count}", shown.0 - count));
            }
            _ => self.lead_in_over(out),
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
        if let Some(happened) = &event.event {
            self.names.follow(happened, event.seq);
        }
        if out.connection.numbers.is_held() {
            self.ring_for(event, out);
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
        if let Some(happened) = &event.event {
            self.names.follow(happened, event.seq);
        }
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

    /// Shows an event from before those that were missed, if it is one. Where older events are gone, the server goes on with those
    /// that were missed.
    pub(super) fn show_before(&mut self, event: &Happened<'_>, last: Seq, out: &mut Out) {
        if let Some(lead_in) = self.lead_in.as_mut().filter(|_| event.seq <= last) {
            lead_in.has_any = true;
            for line in self.view.event(event, &self.names) {
                out.print(line.quiet());
            }
        }
    }

    /// The names and all events from before have come, or none will.
    pub(super) fn lead_in_over(&mut self, out: &mut Out) {
        let Some(lead_in) = self.lead_in.take() else { return };
        if lead_in.has_any && !lead_in.has_missed {
            out.print(rule("nothing missed"));
        }
        if !out.connection.numbers.is_held() {
            self.show_missed(out);
        }
        for line in lead_in.waiting {
            if let Some(event) = Happened::parse(&line) {
                self.next_of_feed(&event, out);
            }
        }
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
