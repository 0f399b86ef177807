//! /history: what was said, again, in pages of what the server gives at once.

use super::Chat;
use super::asked::{Asked, Pages};
use super::view::notice;
use crate::limits::{HISTORY_LINES_DEFAULT, HISTORY_LINES_MAX};
use crate::protocol::{EventLine, HistoryOk, Seq};

impl Chat {
    /// Shows the last `lines` before that number, or before what is still to come.
    pub(super) fn history(&mut self, lines: Option<u64>, before: Option<Seq>) {
        let count = lines.unwrap_or(HISTORY_LINES_DEFAULT);
        let to = before.map_or(self.numbers.end(), |Seq(before)| Seq(before.saturating_sub(1)));
        let pages = Pages { after: Seq(to.0.saturating_sub(count)), to, shown: 0, wanted: lines };
        if before.is_none() && count <= HISTORY_LINES_MAX {
            // The server knows best which are the last.
            let pages = Pages { after: Seq(0), to: Seq(u64::MAX), ..pages };
            return self.ask_server(Asked::History(pages), &["HISTORY", &count.to_string()]);
        }
        self.ask_for(pages);
    }

    fn ask_for(&mut self, pages: Pages) {
        let most = HISTORY_LINES_MAX.min(pages.to.0.saturating_sub(pages.after.0)).max(1);
        let (after, most) = (pages.after.to_string(), most.to_string());
        self.ask_server(Asked::History(pages), &["HISTORY", "SINCE", &after, &most]);
    }

    /// An event of a page.
    pub(super) fn of_history(&mut self, event: &EventLine<'_>) {
        let Some(Asked::History(pages)) = self.asked.front_mut() else { return };
        // Where the beginning is gone a page goes further than it was asked to.
        if event.seq > pages.after && event.seq <= pages.to {
            pages.after = event.seq;
            pages.shown += 1;
            self.print(self.view.old_event(event, &self.names));
        }
    }

    /// A page is over.
    pub(super) fn page_done(&mut self, pages: Pages, rest: &str) {
        let is_over = HistoryOk::parse(rest).count == 0 || pages.to.0 == u64::MAX || pages.after >= pages.to;
        if !is_over {
            return self.ask_for(pages);
        }
        match (pages.shown, pages.wanted) {
            (0, _) => self.print(notice("there is nothing to show")),
            (1, Some(2..)) => self.print(notice("1 line; there is none before it")),
            (shown, Some(wanted)) if shown < wanted => {
                self.print(notice(format!("{shown} lines; there are none before them")));
            }
            _ => {}
        }
    }

    /// Somebody has seen enough. Whether there was more to come.
    pub(super) fn stop_history(&mut self) -> bool {
        let mut stopped = false;
        for asked in &mut self.asked {
            if let Asked::History(pages) = asked
                && pages.after < pages.to
            {
                *pages = Pages { to: pages.after, wanted: None, shown: pages.shown.max(1), ..*pages };
                stopped = true;
            }
        }
        stopped
    }
}
