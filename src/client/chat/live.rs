//! The rows between the lines and what is being typed: messages without an answer, and the state of the connection.

use std::time::Instant;

use crate::client::connection::State as Connection;
use crate::client::outbox::{Outbox, State};
use crate::client::terminal::layout::{Line, Style};
use crate::limits::CLIENT_UNSAID_SHOWN;

/// The question whether to show what was missed.
pub(super) fn about_missed(missed: u64) -> String {
    format!("{missed} missed: Enter shows them, /skip passes over them")
}

/// The rows. `missed`: that question is open, about this many.
pub(super) fn rows(outbox: &Outbox, connection: Connection, missed: Option<u64>, now: Instant) -> Vec<Line> {
    let mut rows = Vec::new();
    let unsaid = outbox.lines();
    let hidden = unsaid.len().saturating_sub(CLIENT_UNSAID_SHOWN);
    if hidden > 0 {
        rows.push(Line::new(Style::Quiet, format!("[{hidden} more lines]")));
    }
    for mine in unsaid.skip(hidden) {
        let mark = match mine.state {
            State::Sent => "[sending] ",
            State::Unsent if connection == Connection::Up => "[waiting] ",
            State::Unsent => "[not sent] ",
            State::Lost(_) => "[sent?] ",
        };
        rows.push(Line::new(Style::Quiet, mark).with(Style::Quiet, mine.text.clone()));
    }
    let status = match connection {
        Connection::Up => missed.map(about_missed),
        Connection::Connecting => Some("no connection; trying ...".to_owned()),
        Connection::Waiting(until) => {
            let seconds = until.saturating_duration_since(now).as_secs() + 1;
            Some(format!("no connection; trying again in {seconds} s"))
        }
    };
    rows.extend(status.map(|status| Line::new(Style::Alarm, "* ").with(Style::Plain, status)));
    rows
}
