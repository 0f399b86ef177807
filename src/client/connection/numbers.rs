//! Which event comes next. The numbers of a transcript have no holes: what was shown before is dropped, and where
//! one is left out all from there on is asked for with HISTORY SINCE, in order, instead of being kept aside. So is
//! what came while nothing was to be shown.

use crate::protocol::{HistoryOk, LoginOk, Seq};

/// Up to where a transcript was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Place {
    pub(in crate::client) transcript: String,
    pub(in crate::client) shown: Seq,
}

/// How far a reader of the transcript has come.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct Numbers {
    transcript: String,
    /// Everything up to here was shown, or cannot be.
    shown: Seq,
    /// There are events up to here that the feed does not bring any more.
    told: Seq,
    /// The last event when this connection began: up to here it was missed.
    last: Seq,
    /// So many events before what comes next cannot be read, and nobody was told yet.
    gone: u64,
    /// An answer to HISTORY SINCE is on its way.
    asked: bool,
    /// Ask although no hole is known.
    look: bool,
    feed: Feed,
}

/// What of the feed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// The next number.
    Next,
    /// Any greater number, once.
    Open,
    /// Nothing now.
    Held,
}

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Verdict {
    /// It is the next.
    Show,
    /// It is the next that there is; so many before it are not kept any more.
    ShowAfterGap(u64),
    /// It was shown before, or comes again in its place.
    Drop,
}

impl Numbers {
    /// The first connection: what it missed is the first to be shown.
    pub(in crate::client) fn start(welcome: &LoginOk) -> Numbers {
        let before = Seq(welcome.last.0.saturating_sub(welcome.missed));
        Numbers {
            transcript: welcome.transcript.clone(),
            shown: before,
            told: before,
            last: welcome.last,
            gone: 0,
            asked: false,
            look: false,
            feed: Feed::Next,
        }
        .begin_at_first(welcome)
    }

    /// The first connection of somebody who has, or does not want, all up to `shown`.
    pub(in crate::client) fn start_after(welcome: &LoginOk, shown: Seq) -> Numbers {
        let shown = shown.min(welcome.last);
        Numbers { shown, gone: 0, ..Numbers::start(welcome) }.begin_at_first(welcome)
    }

    /// The first connection of somebody for whom a chat before has noted how far it was shown. Where it was shown less
    /// than the server takes for shown, the rest is asked for. A note of another transcript says nothing, and neither does
    /// one that went further than this one goes.
    pub(in crate::client) fn start_at(welcome: &LoginOk, noted: Option<&Place>) -> Numbers {
        match noted {
            Some(place) if place.transcript == welcome.transcript && place.shown <= welcome.last => {
                Numbers::start_after(welcome, place.shown)
            }
            _ => Numbers::start(welcome),
        }
    }

    /// What is before the first event that can be read is not waited for.
    fn begin_at_first(mut self, welcome: &LoginOk) -> Numbers {
        let before = Seq(welcome.first.0.saturating_sub(1)).min(welcome.last);
        if self.shown < before {
            self.gone += before.0 - self.shown.0;
            self.shown = before;
        }
        self
    }

    /// How many events that were to come cannot be read, once.
    pub(in crate::client) fn take_gone(&mut self) -> u64 {
        std::mem::take(&mut self.gone)
    }

    /// Another connection. Whether the numbers go on; otherwise the server has begun a new transcript.
    pub(in crate::client) fn resume(&mut self, welcome: &LoginOk) -> bool {
        let fresh = Numbers::start(welcome);
        let goes_on = fresh.transcript == self.transcript && self.shown <= fresh.last;
        *self = if goes_on {
            Numbers { shown: self.shown, gone: 0, ..fresh }.begin_at_first(welcome)
        } else {
            fresh
        };
        goes_on
    }

    /// An event of the feed, or an own message that stands in the place of one.
    pub(in crate::client) fn of_feed(&mut self, seq: Seq) -> Verdict {
        if seq <= self.shown {
            return Verdict::Drop;
        }
        if self.feed == Feed::Open || self.feed == Feed::Next && seq == self.shown.next() {
            self.feed = Feed::Next;
            self.shown = seq;
            return Verdict::Show;
        }
        self.told = self.told.max(seq);
        Verdict::Drop
    }

    /// An event of the answer to what [`Numbers::wanted`] told to ask for.
    pub(in crate::client) fn of_history(&mut self, seq: Seq) -> Verdict {
        if seq <= self.shown {
            return Verdict::Drop;
        }
        let gap = seq.0 - self.shown.0 - 1;
        self.shown = seq;
        if gap == 0 { Verdict::Show } else { Verdict::ShowAfterGap(gap) }
    }

    /// After which event to ask, if something is to be asked for now.
    pub(in crate::client) fn wanted(&mut self) -> Option<Seq> {
        let wanted = !self.asked && !self.is_held() && (self.look || self.shown < self.told);
        if !wanted {
            return None;
        }
        self.asked = true;
        self.look = false;
        Some(self.shown)
    }

    /// The answer has ended, or is a refusal. How many events that are known of cannot be had.
    pub(in crate::client) fn answered(&mut self, ok: Option<HistoryOk>) -> u64 {
        let HistoryOk { count, last } = ok.unwrap_or(HistoryOk { count: 0, last: Seq(0) });
        // With a feed that was passed over, nothing else tells of the last ones.
        self.told = self.told.max(last);
        self.asked = false;
        if count > 0 || self.shown >= self.told {
            return 0;
        }
        let lost = self.told.0 - self.shown.0;
        self.shown = self.told;
        lost
    }

    /// From now on nothing is to be shown. The server is asked to pass over what was missed, and does so with what
    /// is said meanwhile, too: that is looked for afterwards.
    pub(in crate::client) fn hold(&mut self) {
        self.feed = Feed::Held;
        self.look = true;
    }

    pub(in crate::client) fn is_held(&self) -> bool {
        self.feed == Feed::Held
    }

    /// What was held back, if anything was, is to be shown, and counts as missed.
    pub(in crate::client) fn release(&mut self) {
        if self.is_held() {
            self.feed = Feed::Next;
            self.last = self.last.max(self.told);
            self.told = self.last;
        }
    }

    /// What is left is not to be shown: how many that are.
    pub(in crate::client) fn skip_left(&mut self) -> u64 {
        let left = self.left();
        self.shown.0 += left;
        self.feed = Feed::Next;
        left
    }

    /// After the answer to a SKIP that was to pass over whatever it does: `skipped` events.
    pub(in crate::client) fn pass_over(&mut self, skipped: u64) {
        self.shown = self.told.max(Seq(self.shown.0.saturating_add(skipped)));
        self.told = self.shown;
        self.last = self.shown;
        self.feed = Feed::Open;
    }

    /// The last event that is known of.
    pub(in crate::client) fn end(&self) -> Seq {
        self.last.max(self.told).max(self.shown)
    }

    /// How many events are known of and not shown.
    pub(in crate::client) fn left(&self) -> u64 {
        self.end().0 - self.shown.0
    }

    pub(in crate::client) fn place(&self) -> Place {
        Place { transcript: self.transcript.clone(), shown: self.shown }
    }

    /// Whether this event came after the connection began.
    pub(in crate::client) fn is_live(&self, seq: Seq) -> bool {
        seq > self.last
    }
}

#[cfg(test)]
mod tests;
