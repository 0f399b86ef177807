//! Which event is next. The numbers of a transcript have no gaps: an event that was shown before is dropped, and after a gap
//! everything is fetched with HISTORY SINCE, in order, instead of being kept aside. So is what came while nothing was to be
//! shown.

use crate::protocol::{HistoryOk, LoginOk, Seq};

/// How far a transcript was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Place {
    pub(in crate::client) transcript: String,
    pub(in crate::client) shown: Seq,
}

/// How far the reader of a transcript has got.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct Numbers {
    transcript: String,
    /// Every event up to here was shown, or cannot be read, or is not wanted.
    shown: Seq,
    /// Events up to here exist that the feed does not bring any more.
    to_fetch: Seq,
    /// The last event when this connection began: up to here it was missed.
    last: Seq,
    /// How far the feed has come, with what was shown before or is not shown.
    fed: Seq,
    /// This many events that were to come cannot be read, and that was not reported yet.
    gone: u64,
    /// HISTORY SINCE is not answered yet.
    is_fetching: bool,
    /// Fetch once although no gap is known.
    fetch_once: bool,
    feed: Feed,
}

/// What of the feed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// The next number.
    Next,
    /// The next event, whatever its number.
    Any,
    /// Nothing for now.
    Held,
}

impl Numbers {
    /// The first connection: what was missed comes first.
    pub(in crate::client) fn start(login: &LoginOk) -> Numbers {
        Numbers::at(login, feed_begins_after(login))
    }

    /// The first connection of a reader who has, or does not want, the events up to `shown`.
    pub(in crate::client) fn start_after(login: &LoginOk, shown: Seq, servers_are_many: bool) -> Numbers {
        // One that is alone has no more events than it says.
        Numbers::at(login, if servers_are_many { shown } else { shown.min(login.last) })
    }

    /// A connection of a reader who has the events up to `shown`. Those before the first one that can be read are not waited for.
    fn at(login: &LoginOk, shown: Seq) -> Numbers {
        let before_first = Seq(login.first.0.saturating_sub(1)).min(login.last);
        Numbers {
            transcript: login.transcript.clone(),
            shown: shown.max(before_first),
            to_fetch: feed_begins_after(login),
            last: login.last,
            fed: feed_begins_after(login),
            gone: before_first.0.saturating_sub(shown.0),
            is_fetching: false,
            fetch_once: false,
            feed: Feed::Next,
        }
    }

    /// The first connection of a device for which an earlier chat has recorded how far the transcript was shown. If that is less
    /// than the server thinks, the rest is fetched. A record of another transcript does not count, nor one beyond its end, unless
    /// the server may be behind others.
    pub(in crate::client) fn start_at(
        login: &LoginOk,
        recorded: Option<&Place>,
        servers_are_many: bool,
    ) -> Numbers {
        match recorded {
            Some(place)
                if place.transcript == login.transcript
                    && (servers_are_many || place.shown <= login.last) =>
            {
                Numbers::at(login, place.shown)
            }
            _ => Numbers::start(login),
        }
    }

    /// How many events that were to come cannot be read. Reported once.
    pub(in crate::client) fn take_gone(&mut self) -> u64 {
        std::mem::take(&mut self.gone)
    }

    /// Another connection. Whether the numbers go on; if not, the server has begun a new transcript. One of many whose numbers
    /// end before what was shown is only behind.
    pub(in crate::client) fn resume(&mut self, login: &LoginOk, servers_are_many: bool) -> bool {
        let goes_on = login.transcript == self.transcript && (servers_are_many || self.shown <= login.last);
        *self = if goes_on { Numbers::at(login, self.shown) } else { Numbers::start(login) };
        goes_on
    }

    /// An event of the feed, or the OK in place of one. Whether it is to be shown; if not, it was shown before, or will be fetched.
    pub(in crate::client) fn of_feed(&mut self, seq: Seq) -> bool {
        self.fed = self.fed.max(seq);
        let is_new = seq > self.shown;
        let is_next =
            is_new && (self.feed == Feed::Any || self.feed == Feed::Next && seq == self.shown.next());
        if is_next {
            self.feed = Feed::Next;
            self.shown = seq;
        } else if is_new {
            self.to_fetch = self.to_fetch.max(seq);
        }
        is_next
    }

    /// An event of the answer for [`Numbers::fetch_after`]. If it is to be shown: how many before it cannot be read.
    pub(in crate::client) fn of_history(&mut self, seq: Seq) -> Option<u64> {
        let gone = seq.0.checked_sub(self.shown.next().0)?;
        self.shown = seq;
        Some(gone)
    }

    /// After which event to fetch, if events are to be fetched now.
    pub(in crate::client) fn fetch_after(&mut self) -> Option<Seq> {
        let wanted = !self.is_fetching && !self.is_held() && (self.fetch_once || self.shown < self.to_fetch);
        if !wanted {
            return None;
        }
        self.is_fetching = true;
        self.fetch_once = false;
        Some(self.shown)
    }

    /// That answer has ended, or is a refusal. Returns how many events that exist cannot be fetched.
    pub(in crate::client) fn fetched(&mut self, ok: Option<HistoryOk>) -> u64 {
        let HistoryOk { count, last } = ok.unwrap_or(HistoryOk { count: 0, last: Seq(0) });
        // Where the feed was skipped, only this says that they exist.
        self.to_fetch = self.to_fetch.max(last);
        self.is_fetching = false;
        if count > 0 || self.shown >= self.to_fetch {
            return 0;
        }
        let lost = self.to_fetch.0 - self.shown.0;
        self.shown = self.to_fetch;
        lost
    }

    /// Nothing is shown from now on. The server is asked to skip what was missed, and also skips what is said before that: so
    /// afterwards everything is fetched.
    pub(in crate::client) fn hold(&mut self) {
        self.feed = Feed::Held;
        self.fetch_once = true;
    }

    pub(in crate::client) fn is_held(&self) -> bool {
        self.feed == Feed::Held
    }

    /// What was held back, if anything was, is shown, and counts as missed.
    pub(in crate::client) fn release(&mut self) {
        if self.is_held() {
            self.feed = Feed::Next;
            self.last = self.last.max(self.to_fetch);
            self.to_fetch = self.last;
        }
    }

    /// What is left is not shown. Returns how many events that are.
    pub(in crate::client) fn skip_left(&mut self) -> u64 {
        let left = self.left();
        self.shown.0 += left;
        self.feed = Feed::Next;
        left
    }

    /// After a SKIP while something was held, which has skipped this many events of the feed.
    pub(in crate::client) fn passed(&mut self, skipped: u64) {
        self.fed = Seq(self.fed.0.saturating_add(skipped));
    }

    /// After any other SKIP. Some of what it has skipped may have been shown before.
    pub(in crate::client) fn skipped(&mut self, skipped: u64) {
        self.passed(skipped);
        self.shown = self.shown.max(self.to_fetch).max(self.fed);
        self.to_fetch = self.shown;
        self.last = self.shown;
        self.feed = Feed::Any;
    }

    /// The last event when this connection began, or when some were passed over.
    pub(in crate::client) fn last(&self) -> Seq {
        self.last
    }

    /// The last event that is known.
    pub(in crate::client) fn end(&self) -> Seq {
        self.last.max(self.to_fetch).max(self.shown)
    }

    /// How many events are known and not shown.
    pub(in crate::client) fn left(&self) -> u64 {
        self.end().0 - self.shown.0
    }

    pub(in crate::client) fn place(&self) -> Place {
        Place { transcript: self.transcript.clone(), shown: self.shown }
    }

    /// Whether this event is newer than the connection.
    pub(in crate::client) fn is_live(&self, seq: Seq) -> bool {
        seq > self.last
    }
}

/// The feed brings what comes after this.
fn feed_begins_after(login: &LoginOk) -> Seq {
    Seq(login.last.0.saturating_sub(login.missed))
}

#[cfg(test)]
mod tests;
