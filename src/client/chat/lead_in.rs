//! What was said last, before what was missed: asked for once, when the chat begins, and shown first. What comes meanwhile
//! waits for it.

use super::Chat;
use super::asked::Asked;
use super::view::rule;
use crate::protocol::{EventLine, Seq};

/// What waits until the last lines have come.
#[derive(Debug, Default)]
pub(super) struct LeadIn {
    /// Whether something follows that was missed.
    has_missed: bool,
    /// Whether one of them was shown.
    has_any: bool,
    /// Events of the feed, as they came.
    later: Vec<Vec<u8>>,
}

impl Chat {
    /// Asks for so many lines before those that were missed.
    pub(super) fn ask_lead_in(&mut self, count: u64) {
        let before = self.numbers.place().shown.0;
        if before == 0 || count == 0 {
            return;
        }
        self.lead_in = Some(LeadIn { has_missed: self.numbers.left() > 0, ..LeadIn::default() });
        let (after, count) = (before.saturating_sub(count).to_string(), count.min(before).to_string());
        self.ask_server(Asked::LeadIn(Seq(before)), &["HISTORY", "SINCE", &after, &count]);
    }

    /// One of them. Where the beginning is gone the server goes on with what was missed.
    pub(super) fn of_lead_in(&mut self, last: Seq, event: &EventLine<'_>) {
        let Some(lead_in) = self.lead_in.as_mut().filter(|_| event.seq <= last) else { return };
        lead_in.has_any = true;
        for line in self.view.event(event, &self.names) {
            self.print(line.quiet());
        }
    }

    /// An event of the feed comes too early.
    pub(super) fn waits_for_lead_in(&mut self, line: &[u8]) -> bool {
        let waits = self.lead_in.as_mut();
        waits.map(|lead_in| lead_in.later.push(line.to_vec())).is_some()
    }

    /// All have come, or none will.
    pub(super) fn lead_in_over(&mut self) {
        let Some(LeadIn { has_missed, has_any, later }) = self.lead_in.take() else { return };
        if has_any && !has_missed {
            self.print(rule("nothing missed"));
        }
        if !self.numbers.is_held() {
            self.show_missed();
        }
        for line in &later {
            if let Some(event) = EventLine::parse(line) {
                self.of_feed(&event);
            }
        }
    }
}
