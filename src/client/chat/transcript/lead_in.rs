//! What comes before the feed when a chat begins: names, the first line, and the last events before those that were missed.

use super::{LeadIn, Transcript};
use crate::client::chat::out::{Asked, Out};
use crate::client::chat::view::{notice, rule};
use crate::client::connection::said::Happened;
use crate::limits::{CLIENT_NAME_PAGES, CLIENT_NAME_PAGES_AWAITED};
use crate::protocol::{Mail, Seq, Verb};

impl Transcript {
    /// Shows the first line, if it was not shown.
    pub(in crate::client::chat) fn greet(&mut self, out: &mut Out) {
        if let Some(greeting) = self.greeting.take() {
            let colon = if self.title.is_empty() { "" } else { ": " };
            out.print(notice(format!("{}{colon}{greeting}", self.title)));
        }
    }

    /// Whether something comes before what was missed.
    pub(in crate::client::chat) fn leads_in(&self) -> bool {
        self.lead_in.is_some()
    }

    /// Asks for what a connection begins with: names, `lead_in` events before those that were missed, and these, or the question
    /// whether to show them.
    pub(in crate::client::chat) fn begin(&mut self, lead_in: u64, out: &mut Out) {
        let left = out.connection.numbers.left();
        if left > self.shown_unasked {
            // While the question is open the connection goes on without these events: the server skips them, and takes them
            // for seen. Where they begin is recorded on this side.
            out.connection.numbers.hold();
            out.ask(Asked::SkipHeld, Verb::Skip, "");
        }
        let wanted = Some(lead_in.min(out.connection.numbers.place().shown.0));
        self.lead_in = Some(LeadIn { wanted, has_missed: left > 0, has_any: false, waiting: Vec::new() });
        if self.names.are_listed {
            self.names_known(out);
        } else {
            self.ask_names(out);
        }
    }

    /// Asks what all members are called: when the chat begins, and when events were passed over that may have said so.
    pub(in crate::client::chat) fn ask_names(&mut self, out: &mut Out) {
        // What was passed over is recorded before anything is sent.
        self.mark(out);
        self.names.will_be_listed(out.connection.numbers.last());
        out.ask(Asked::TitleNow, Verb::Title, "");
        out.ask(Asked::Names(0), Verb::Members, "");
    }

    /// A page of the names has come, or will not; `next`: there is another one after this mail.
    pub(in crate::client::chat) fn names_listed(&mut self, pages: usize, next: Option<Mail>, out: &mut Out) {
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
        self.greet(out);
        match self.lead_in.as_mut().and_then(|lead_in| lead_in.wanted.take()) {
            Some(0) => self.lead_in_over(out),
            Some(count) => {
                let shown = out.connection.numbers.place().shown;
                out.ask(Asked::LeadIn(shown), Verb::History, &format!("SINCE {} {count}", shown.0 - count));
            }
            // More names, while these events are on their way or have come.
            None => {}
        }
    }

    /// Shows an event from before those that were missed, if it is one. Where older events are gone, the server goes on with those
    /// that were missed.
    pub(in crate::client::chat) fn show_before(&mut self, event: &Happened<'_>, last: Seq, out: &mut Out) {
        if let Some(lead_in) = self.lead_in.as_mut().filter(|_| event.seq <= last) {
            lead_in.has_any = true;
            for line in self.view.event(event, &self.names) {
                out.print(line.quiet());
            }
        }
    }

    /// The names and all events from before have come, or none will.
    pub(in crate::client::chat) fn lead_in_over(&mut self, out: &mut Out) {
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
}
