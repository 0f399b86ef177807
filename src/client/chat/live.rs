//! The rows between the lines and what is being typed: messages without an answer, and the state of the connection.

use std::time::Instant;

use super::out::Asked;
use crate::client::connection::{self, Connection};
use crate::client::outbox::{Outbox, State};
use crate::client::terminal::layout::{Line, Style};
use crate::limits::CLIENT_UNSAID_SHOWN;

/// The question whether to show what was missed.
pub(super) fn about_missed(missed: u64) -> String {
    format!("{missed} missed: Enter shows them, /skip passes over them")
}

/// The rows. `missed`: that question is open, about this many.
pub(super) fn rows(
    outbox: &Outbox,
    connection: &Connection<Asked>,
    missed: Option<u64>,
    now: Instant,
) -> Vec<Line> {
    let mut rows = Vec::new();
    let unsaid = outbox.lines();
    let hidden = unsaid.len().saturating_sub(CLIENT_UNSAID_SHOWN);
    if hidden > 0 {
        rows.push(Line::new(Style::Quiet, format!("[{hidden} more lines]")));
    }
    for mine in unsaid.skip(hidden) {
        let mark = match mine.state {
            State::Sent => "[sending] ",
            State::Unsent if connection.is_up() => "[waiting] ",
            State::Unsent => "[not sent] ",
            State::Lost(_) => "[sent?] ",
        };
        rows.push(Line::new(Style::Quiet, mark).with(Style::Quiet, mine.text.clone()));
    }
    let status = match connection.state {
        connection::State::Up => missed.map(about_missed),
        connection::State::Connecting => Some(match connection.turns.name() {
            Some(server) => format!("no connection; trying {server} ..."),
            None => "no connection; trying ...".to_owned(),
        }),
        connection::State::Waiting(until) => {
            let seconds = until.saturating_duration_since(now).as_secs() + 1;
            Some(format!("no connection; trying again in {seconds} s"))
        }
    };
    rows.extend(status.map(|status| Line::new(Style::Alarm, "* ").with(Style::Plain, status)));
    rows
}
