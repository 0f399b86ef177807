//! /who, /members and /info: lists that come in pages and are shown as a whole.

use super::names::Names;
use super::view::{View, named_in_full, notice};
use crate::client::terminal::layout::{Line, Style};
use crate::limits::CLIENT_NAMES_MAX;
use crate::protocol::{InfoOk, Mail, MemberLine, More, PendingLine, Role, Seq, Verb, WhoLine, split_word};

/// A list, as far as it has come.
#[derive(Debug)]
pub(super) struct List {
    of: Of,
    lines: Vec<String>,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Who,
    Members,
    /// The members whom this message has not reached.
    Info(Seq),
}

impl List {
    pub(super) fn new(of: Of) -> List {
        List { of, lines: Vec::new() }
    }

    /// How it was typed.
    pub(super) fn typed(&self) -> &'static str {
        match self.of {
            Of::Who => "/who",
            Of::Members => "/members",
            Of::Info(_) => "/info",
        }
    }

    /// The command for the page after this mail, or for the first.
    pub(super) fn command(&self, after: Option<&Mail>) -> (Verb, String) {
        let after = after.map_or("", Mail::as_str);
        match self.of {
            Of::Who => (Verb::Who, after.to_owned()),
            Of::Members => (Verb::Members, after.to_owned()),
            Of::Info(seq) => (Verb::Info, format!("{seq} {after}").trim_end().to_owned()),
        }
    }

    pub(super) fn add(&mut self, line: String) {
        if self.lines.len() < CLIENT_NAMES_MAX {
            self.lines.push(line);
        }
    }

    /// After which mail the next page begins, if there is one. Pages go forward, or they would never end.
    pub(super) fn next_page(&self, rest: &str) -> Option<Mail> {
        let next = More::parse(rest).0?;
        let (first, _) = split_word(split_word(self.lines.first()?).1);
        (next.as_str() >= first && self.lines.len() < CLIENT_NAMES_MAX).then_some(next)
    }

    /// The whole list; `rest` is what follows the verb of the last `OK`.
    pub(super) fn shown(&self, rest: &str, view: &View, names: &Names) -> Vec<Line> {
        match self.of {
            Of::Who => vec![self.who(names)],
            Of::Members => self.members(view, names),
            Of::Info(seq) => self.info(seq, rest, view, names),
        }
    }

    fn who(&self, names: &Names) -> Line {
        let mut line = Line::new(Style::Quiet, format!("* {} here: ", self.lines.len()));
        for (at, text) in self.lines.iter().enumerate() {
            line = line.with(Style::Plain, if at > 0 { ", " } else { "" });
            line = match WhoLine::parse(text) {
                Some(WhoLine { mail, devices: 1 }) => named_in_full(line, &mail, names),
                Some(WhoLine { mail, devices }) => {
                    named_in_full(line, &mail, names).with(Style::Quiet, format!(" ({devices} devices)"))
                }
                None => line.with(Style::Plain, subject(text)),
            };
        }
        line.indented(2)
    }

    fn members(&self, view: &View, names: &Names) -> Vec<Line> {
        let member = |text: &String| {
            let Some(MemberLine { mail, role, is_online, seen, name }) = MemberLine::parse(text) else {
                return Line::new(Style::Plain, format!("  {}", subject(text))).indented(4);
            };
            // The name comes first: what follows the mail cannot be a part of it.
            let who = name.map_or(mail.to_string(), |name| format!("{name} ({mail})"));
            let line = Line::new(Style::Plain, format!("  {who}")).indented(4);
            let you = if mail == names.me { ", you" } else { "" };
            let admin = if role == Role::Admin { ", admin" } else { "" };
            let seen = match seen {
                _ if is_online => ", here".to_owned(),
                Some(seen) => format!(", {}", view.seen(seen)),
                None => String::new(),
            };
            line.with(Style::Quiet, format!("{you}{admin}{seen}"))
        };
        let head = notice(format!("{} in the group:", self.lines.len()));
        [head].into_iter().chain(self.lines.iter().map(member)).collect()
    }

    fn info(&self, seq: Seq, rest: &str, view: &View, names: &Names) -> Vec<Line> {
        let (delivered, pending) = match InfoOk::parse(rest) {
            Some(InfoOk { delivered, pending, .. }) => (delivered.to_string(), pending.to_string()),
            None => ("?".to_owned(), "?".to_owned()),
        };
        let member = |text: &String| {
            let line = Line::new(Style::Plain, "  ").indented(4);
            match PendingLine::parse(text) {
                Some(PendingLine { mail, seen }) => {
                    named_in_full(line, &mail, names).with(Style::Quiet, format!(", {}", view.seen(seen)))
                }
                None => line.with(Style::Plain, subject(text)),
            }
        };
        let head = notice(format!("#{seq}: delivered to {delivered}, not yet to {pending}"));
        [head].into_iter().chain(self.lines.iter().map(member)).collect()
    }
}

/// A figure of STATS.
pub(super) fn stat(line: &str) -> Line {
    Line::new(Style::Plain, format!("  {}", split_word(line).1)).indented(4)
}

/// The second word of a line of a list: the member, even if the rest is newer than this client.
fn subject(line: &str) -> &str {
    split_word(split_word(line).1).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::chat::clock::utc;
    use crate::protocol::DisplayName;

    #[test]
    fn lists() {
        let mail = |text: &str| Mail::parse(text.as_bytes()).expect("a mail");
        let (view, mut names) = (View::new(utc()), Names::new(&mail("ann@x")));
        names.call(&mail("bob@x"), DisplayName::kept(b"Bob"));
        let check = |of: Of, lines: &str, rest: &str, expected: &str| {
            let list = List { of, lines: lines.lines().map(str::to_owned).collect() };
            let shown: String =
                list.shown(rest, &view, &names).iter().map(|line| line.text() + "\n").collect();
            assert_eq!(shown, expected);
        };
        check(
            Of::Who,
            "WHO ann@x devices=2\nWHO bob@x devices=1",
            "",
            "* 2 here: ann (2 devices), Bob (bob@x)\n",
        );
        check(
            Of::Members,
            "MEMBER ann@x role=admin online=yes seen=2026-01-02T12:03:05.678Z\n\
             MEMBER bob@x role=member online=no seen=2026-01-02T12:03:05.678Z\n\
             MEMBER cid@x role=member online=no seen=never name=Cid, admin\n\
             MEMBER dan@x role=member online=no",
            "",
            "* 4 in the group:\n  ann@x, you, admin, here\n  bob@x, seen Fri 2026-01-02 12:03\n  \
             Cid, admin (cid@x), never seen\n  dan@x\n",
        );
        check(
            Of::Info(Seq(7)),
            "PENDING bob@x seen=never",
            "7 delivered=3 pending=1",
            "* #7: delivered to 3, not yet to 1\n  Bob (bob@x), never seen\n",
        );
        assert_eq!(stat("STAT members 3").text(), "  members 3");
    }
}
