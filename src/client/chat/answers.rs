//! What the answers to commands mean for the chat.

use super::Chat;
use super::asked::Asked;
use super::effect::Effect;
use super::view::{self, View, notice};
use crate::client::connection::said::Refusal;
use crate::limits::{CLIENT_NAME_PAGES, CLIENT_NAMES_MAX};
use crate::protocol::{HistoryOk, Mail, MemberLine, More, Token, skipped, split_word};

impl Asked {
    /// As it was typed, if a person waits for its answer.
    pub(super) fn typed(&self) -> Option<&'static str> {
        match self {
            Asked::Message
            | Asked::Hole
            | Asked::LeadIn(_)
            | Asked::Names(_)
            | Asked::Token
            | Asked::Nothing
            | Asked::Quit => None,
            Asked::Skip => Some("/skip"),
            Asked::History(_) => Some("/history"),
            Asked::Who(_) => Some("/who"),
            Asked::Members(_) => Some("/members"),
            Asked::Info(..) => Some("/info"),
            Asked::Stats => Some("/stats"),
            Asked::Password(purpose, _) => Some(purpose.typed()),
            Asked::Plain { typed, .. } => Some(typed),
            Asked::Leave => Some("/leave"),
        }
    }
}

impl Chat {
    /// A line of the answer that is still to come.
    pub(super) fn listed(&mut self, text: String) {
        match self.asked.front_mut() {
            Some(Asked::Who(lines) | Asked::Members(lines) | Asked::Info(_, lines))
                if lines.len() < CLIENT_NAMES_MAX =>
            {
                lines.push(text);
            }
            Some(Asked::Names(_)) => {
                if let Some(MemberLine { mail, .. }) = MemberLine::parse(&text) {
                    self.names.learn(&mail);
                }
            }
            Some(Asked::Stats) => self.print(view::stat(&text)),
            // Newer than this client.
            _ => {}
        }
    }

    /// A command was done.
    pub(super) fn done(&mut self, asked: Asked, rest: &str) {
        match asked {
            Asked::Message | Asked::Nothing | Asked::Stats => {}
            Asked::Hole => self.hole_answered(Some(rest)),
            Asked::LeadIn(_) => self.lead_in_over(),
            Asked::Names(pages) => {
                if let Some(next) = More::parse(rest).0.filter(|_| pages + 1 < CLIENT_NAME_PAGES) {
                    self.ask_server(Asked::Names(pages + 1), &["MEMBERS", next.as_str()]);
                }
            }
            Asked::Token => {
                if let Some(token) = Token::parse(rest.as_bytes()) {
                    self.effects.push(Effect::KeepToken(token));
                }
            }
            Asked::Skip => {
                let skipped = skipped(rest);
                self.print(match skipped {
                    0 => notice("there is nothing left to skip"),
                    skipped => notice(format!("{skipped} not shown")),
                });
                self.numbers.pass_over(skipped);
                // They may be among what is not shown.
                self.give_up_lost();
            }
            Asked::History(pages) => self.page_done(pages, rest),
            Asked::Who(lines) => match next_page(rest, &lines) {
                Some(next) => self.ask_server(Asked::Who(lines), &["WHO", next.as_str()]),
                None => self.print(View::who(&lines, &self.names)),
            },
            Asked::Members(lines) => match next_page(rest, &lines) {
                Some(next) => self.ask_server(Asked::Members(lines), &["MEMBERS", next.as_str()]),
                None => {
                    for line in self.view.members(&lines, &self.names) {
                        self.print(line);
                    }
                }
            },
            Asked::Info(seq, lines) => match next_page(rest, &lines) {
                Some(next) => {
                    self.ask_server(Asked::Info(seq, lines), &["INFO", &seq.to_string(), next.as_str()]);
                }
                None => {
                    let shown = self.view.info(seq, rest, &lines, &self.names);
                    for line in shown {
                        self.print(line);
                    }
                }
            },
            Asked::Password(purpose, password) => self.password_taken(&purpose, password),
            Asked::Plain { done, .. } => self.print(notice(done)),
            Asked::Leave => {
                self.print(notice("you have left the group"));
                self.leave(Ok(()));
            }
            Asked::Quit => self.leave(Ok(())),
        }
    }

    /// A command was not done.
    pub(super) fn refused(&mut self, asked: Asked, why: &Refusal) {
        match asked {
            // Nobody asked for these: without them the chat goes on.
            Asked::Names(_) | Asked::Token | Asked::Nothing | Asked::Message => {}
            Asked::Hole => self.hole_answered(None),
            Asked::LeadIn(_) => self.lead_in_over(),
            Asked::Quit => self.leave(Ok(())),
            Asked::Password(purpose, _) => self.password_refused(purpose, why),
            asked => self.print(view::refused(asked.typed().unwrap_or_default(), why)),
        }
    }

    fn hole_answered(&mut self, rest: Option<&str>) {
        let lost = self.numbers.answered(rest.map(HistoryOk::parse));
        if lost > 0 {
            self.print(notice(format!("{lost} messages cannot be fetched from the server")));
        }
    }
}

/// The next page, if there is one. Pages go forward, or they would never end.
fn next_page(rest: &str, lines: &[String]) -> Option<Mail> {
    let next = More::parse(rest).0?;
    let first = split_word(split_word(lines.first()?).1).0;
    (next.as_str() >= first && lines.len() < CLIENT_NAMES_MAX).then_some(next)
}
