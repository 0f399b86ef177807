//! /history: events shown again, in pages of what the server gives at once.

use super::view::notice;
use crate::client::terminal::layout::Line;
use crate::limits::{HISTORY_LINES_DEFAULT, HISTORY_LINES_MAX};
use crate::protocol::{HistoryOk, Seq};

/// What is left to be shown.
#[derive(Debug)]
pub(super) struct Pages {
    /// Everything up to here was shown, or is not wanted.
    after: Seq,
    /// The last one that is wanted.
    to: Seq,
    shown: u64,
    /// As many as the person asked for by number.
    wanted: Option<u64>,
}

impl Pages {
    /// The last `lines` before that number, or before what is still to come, which is everything after `end`. Also
    /// returns the words of HISTORY for the first page.
    pub(super) fn new(lines: Option<u64>, before: Option<Seq>, end: Seq) -> (Pages, String) {
        let count = lines.unwrap_or(HISTORY_LINES_DEFAULT);
        let to = before.map_or(end, |Seq(before)| Seq(before.saturating_sub(1)));
        let pages = Pages { after: Seq(to.0.saturating_sub(count)), to, shown: 0, wanted: lines };
        if before.is_none() && count <= HISTORY_LINES_MAX {
            // The server knows best which are the last.
            return (Pages { after: Seq(0), to: Seq(u64::MAX), ..pages }, count.to_string());
        }
        let words = pages.next();
        (pages, words)
    }

    /// The words of HISTORY for the next page.
    pub(super) fn next(&self) -> String {
        let most = HISTORY_LINES_MAX.min(self.to.0.saturating_sub(self.after.0)).max(1);
        format!("SINCE {} {most}", self.after)
    }

    /// An event of a page. Whether it is to be shown: where older events are gone, a page goes further than was asked.
    pub(super) fn take(&mut self, seq: Seq) -> bool {
        let is_wanted = seq > self.after && seq <= self.to;
        if is_wanted {
            self.after = seq;
            self.shown += 1;
        }
        is_wanted
    }

    /// Whether a page that ended so was the last.
    pub(super) fn is_over(&self, ok: HistoryOk) -> bool {
        ok.count == 0 || self.to.0 == u64::MAX || self.after >= self.to
    }

    /// What is left to say after the last page.
    pub(super) fn closing(&self) -> Option<Line> {
        match (self.shown, self.wanted) {
            (0, _) => Some(notice("there is nothing to show")),
            (1, Some(2..)) => Some(notice("1 line; there is none before it")),
            (shown, Some(wanted)) if shown < wanted => {
                Some(notice(format!("{shown} lines; there are none before them")))
            }
            _ => None,
        }
    }

    /// The person has seen enough. Whether there was more to come.
    pub(super) fn stop(&mut self) -> bool {
        let goes_on = self.after < self.to;
        if goes_on {
            *self = Pages { to: self.after, wanted: None, shown: self.shown.max(1), ..*self };
        }
        goes_on
    }
}
