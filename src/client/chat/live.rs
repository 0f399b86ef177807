//! What stands below the lines: what is not acknowledged, how the connection is, and what is being typed.

use std::time::Instant;

use super::Chat;
use super::contact::Contact;
use crate::client::outbox::State;
use crate::client::terminal::canvas::Live;
use crate::client::terminal::layout::{Line, Style};
use crate::client::terminal::tty::Echo;
use crate::limits::CLIENT_UNSAID_SHOWN;

impl Chat {
    /// What waits for an answer, for a terminal that shows it once, and whether the answer is to be seen.
    pub(super) fn question(&self) -> Option<(String, Echo)> {
        match &self.ask {
            Some(ask) => Some((ask.prompt(), ask.echo())),
            None => Some((format!("* {}\n", self.about_missed()?), Echo::On)),
        }
    }

    fn about_missed(&self) -> Option<String> {
        let missed = self.numbers.left();
        let asks = self.is_up() && self.numbers.is_held() && self.lead_in.is_none();
        asks.then(|| format!("{missed} missed: Enter shows them, /skip passes over them"))
    }

    /// The rows below the lines.
    pub(super) fn live(&self, now: Instant) -> Live {
        let mut above = Vec::new();
        let unsaid = self.outbox.lines();
        let hidden = unsaid.len().saturating_sub(CLIENT_UNSAID_SHOWN);
        if hidden > 0 {
            above.push(Line::new(Style::Quiet, format!("[{hidden} lines more]")));
        }
        for mine in unsaid.skip(hidden) {
            let mark = match mine.state {
                State::Sent => "[sending] ",
                State::Unsent if self.is_up() => "[waiting] ",
                State::Unsent => "[not sent] ",
                State::Lost(_) => "[sent?] ",
            };
            above.push(Line::new(Style::Quiet, mark).with(Style::Quiet, mine.text.clone()));
        }
        let status = match self.contact {
            Contact::Up => self.about_missed(),
            Contact::Connecting => Some("no connection; trying ...".to_owned()),
            Contact::Waiting(until) => {
                let seconds = until.saturating_duration_since(now).as_secs() + 1;
                Some(format!("no connection; trying again in {seconds} s"))
            }
        };
        above.extend(status.map(|status| Line::new(Style::Alarm, "* ").with(Style::Plain, status)));
        match &self.ask {
            Some(ask) => Live {
                above,
                prompt: String::new(),
                typed: format!(
                    "{}{}{}",
                    ask.about(),
                    if ask.about().is_empty() { "" } else { "\n" },
                    ask.prompt()
                ),
                cursor: usize::MAX,
            },
            None => match self.editor.searching() {
                Some(search) => {
                    let typed = format!("{search}\n> {}", self.editor.text());
                    Live { above, prompt: String::new(), typed, cursor: search.len() }
                }
                None => Live {
                    above,
                    prompt: "> ".to_owned(),
                    typed: self.editor.text().to_owned(),
                    cursor: self.editor.cursor(),
                },
            },
        }
    }
}
