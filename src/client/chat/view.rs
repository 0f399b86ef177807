//! How events and answers look.

use std::ops::Range;

use super::clock::Clock;
use super::commands::{ACTION, COMMANDS};
use super::names::Names;
use crate::client::advice;
use crate::client::connection::said::{Happened, Refusal};
use crate::client::display::clean;
use crate::client::terminal::layout::{Line, Style};
use crate::protocol::{
    Author, Event, InfoOk, Mail, MemberLine, PendingLine, Role, Seen, Seq, Text, WhoLine, split_word,
};

/// Renders events and answers. It remembers the day, for the rule between two days.
#[derive(Debug)]
pub(super) struct View {
    clock: Clock,
    /// The day of the event last shown.
    day: String,
}

/// Columns of `12:03 `.
const CLOCK_COLUMNS: usize = 6;

impl View {
    pub(super) fn new(clock: Clock) -> View {
        View { clock, day: String::new() }
    }

    /// Shows times in another zone from now on.
    pub(super) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// An event of the feed, after a rule if it is of another day.
    pub(super) fn event(&mut self, event: &Happened<'_>, names: &Names) -> Vec<Line> {
        let moment = self.clock.at(event.time);
        let mut lines = Vec::new();
        if self.day != moment.day {
            lines.push(rule(&moment.day));
            self.day = moment.day;
        }
        let line = Line::new(Style::Quiet, format!("{} ", moment.clock));
        lines.push(event_text(line, event, names).indented(CLOCK_COLUMNS));
        lines
    }

    /// An event that is shown again, with its number and day.
    pub(super) fn old_event(&self, event: &Happened<'_>, names: &Names) -> Line {
        let moment = self.clock.at(event.time);
        let line = Line::new(Style::Quiet, format!("  #{} {} {} ", event.seq, moment.day, moment.clock));
        event_text(line, event, names).indented(CLOCK_COLUMNS)
    }

    /// `seen Fri 2026-01-02 12:03`.
    fn seen(&self, seen: Seen) -> String {
        match seen {
            Seen::Never => "never seen".to_owned(),
            Seen::At(time) => {
                let moment = self.clock.at(time);
                format!("seen {} {}", moment.day, moment.clock)
            }
        }
    }

    /// The answer to WHO.
    pub(super) fn who(lines: &[String], names: &Names) -> Line {
        let mut line = Line::new(Style::Quiet, format!("* {} here: ", lines.len()));
        for (at, text) in lines.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            line = line.with(Style::Plain, comma);
            line = match WhoLine::parse(text) {
                Some(WhoLine { mail, devices: 1 }) => named(line, &mail, names),
                Some(WhoLine { mail, devices }) => {
                    named(line, &mail, names).with(Style::Quiet, format!(" ({devices} devices)"))
                }
                None => line.with(Style::Plain, subject(text)),
            };
        }
        line.indented(2)
    }

    /// The answer to MEMBERS.
    pub(super) fn members(&self, lines: &[String], names: &Names) -> Vec<Line> {
        let mut shown = vec![notice(format!("{} in the group:", lines.len()))];
        for text in lines {
            let line = Line::new(Style::Plain, format!("  {}", subject(text))).indented(4);
            let Some(MemberLine { mail, role, is_online, seen }) = MemberLine::parse(text) else {
                shown.push(line);
                continue;
            };
            let you = if mail == *names.me() { " (you)" } else { "" };
            let admin = if role == Role::Admin { ", admin" } else { "" };
            let seen = match seen {
                _ if is_online => ", here".to_owned(),
                Some(seen) => format!(", {}", self.seen(seen)),
                None => String::new(),
            };
            shown.push(line.with(Style::Quiet, format!("{you}{admin}{seen}")));
        }
        shown
    }

    /// The answer to INFO.
    pub(super) fn info(&self, seq: Seq, rest: &str, lines: &[String], names: &Names) -> Vec<Line> {
        let count = |count: fn(InfoOk) -> u64| {
            InfoOk::parse(rest).map_or("?".to_owned(), |info| count(info).to_string())
        };
        let (delivered, pending) = (count(|info| info.delivered), count(|info| info.pending));
        let mut shown = vec![notice(format!("#{seq}: delivered to {delivered}, not yet to {pending}"))];
        for text in lines {
            let line = Line::new(Style::Plain, "  ").indented(4);
            shown.push(match PendingLine::parse(text) {
                Some(PendingLine { mail, seen }) => {
                    named(line, &mail, names).with(Style::Quiet, format!(", {}", self.seen(seen)))
                }
                None => line.with(Style::Plain, subject(text)),
            });
        }
        shown
    }
}

/// A message of the program.
pub(super) fn notice(text: impl AsRef<str>) -> Line {
    Line::new(Style::Quiet, "* ").head_ends().with(Style::Quiet, text.as_ref()).indented(2)
}

/// An error.
pub(super) fn alarm(text: impl AsRef<str>) -> Line {
    Line::new(Style::Alarm, "! ").head_ends().with(Style::Plain, text.as_ref()).indented(2)
}

/// A command that was typed, as it is shown.
pub(super) fn echoed(line: &str) -> Line {
    Line::new(Style::Quiet, format!("> {line}")).indented(2)
}

/// Why a command is not carried out.
pub(super) fn not_connected() -> Line {
    alarm("not done: there is no connection; try again when there is")
}

/// The answer to /help.
pub(super) fn help() -> Vec<Line> {
    let command = |(usage, purpose)| Line::new(Style::Plain, format!("  {usage:<26} {purpose}")).indented(4);
    let mut shown = vec![notice("every line you type goes to the group; to begin one with /, type //")];
    shown.extend(COMMANDS.map(command));
    shown.push(notice("Tab completes, Up and Ctrl-R bring back what you typed, Ctrl-L redraws the window"));
    shown
}

/// A rule between lines.
pub(super) fn rule(text: &str) -> Line {
    Line::new(Style::Quiet, format!("--- {text} ---"))
}

/// A figure of STATS.
pub(super) fn stat(line: &str) -> Line {
    Line::new(Style::Plain, format!("  {}", split_word(line).1)).indented(4)
}

/// The second word of a line of a list: the member, even if the rest is newer than this client.
fn subject(line: &str) -> &str {
    split_word(split_word(line).1).0
}

fn named(line: Line, mail: &Mail, names: &Names) -> Line {
    line.with(names.style(mail), names.short(mail))
}

fn event_text(line: Line, happened: &Happened<'_>, names: &Names) -> Line {
    let Some(event) = &happened.event else { return newer(line, happened.line) };
    match event {
        Event::Msg { mail, text } => said(line, mail, *text, names),
        Event::Added { by, mail } => named(line.with(Style::Quiet, "* "), mail, names)
            .with(Style::Quiet, format!(" was added by {}", author(by, names))),
        Event::Removed { by: Author::Member(by), mail } if by == mail => {
            named(line.with(Style::Quiet, "* "), mail, names).with(Style::Quiet, " has left the group")
        }
        Event::Removed { by, mail } => named(line.with(Style::Quiet, "* "), mail, names)
            .with(Style::Quiet, format!(" was removed by {}", author(by, names))),
    }
}

/// An event of a kind that this client does not know, as it came, without the number and the time.
fn newer(line: Line, event: &[u8]) -> Line {
    let text = clean(event);
    let mut words = text.splitn(4, ' ');
    let (kind, rest) = (words.next().unwrap_or_default(), words.nth(2).unwrap_or_default());
    line.with(Style::Quiet, "* ").with(Style::Plain, format!("{kind} {rest}"))
}

fn said(line: Line, mail: &Mail, text: Text<'_>, names: &Names) -> Line {
    let action = text.as_str().strip_prefix(ACTION).filter(|text| !text.trim().is_empty());
    let line = match action {
        Some(_) => named(line.with(Style::Quiet, "* "), mail, names).with(Style::Plain, " "),
        None => named(line, mail, names).with(Style::Plain, ": "),
    };
    let text = action.unwrap_or(text.as_str());
    let mentions = if mail == names.me() { Vec::new() } else { names.mentions(text) };
    with_mentions(line.head_ends(), &mentions, text)
}

/// A text with my name highlighted in these places.
fn with_mentions(mut line: Line, mentions: &[Range<usize>], text: &str) -> Line {
    let mut shown = 0;
    for Range { start, end } in mentions {
        line = line.with(Style::Plain, &text[shown..*start]).with(Style::Mention, &text[*start..*end]);
        shown = *end;
    }
    line.with(Style::Plain, &text[shown..])
}

fn author(by: &Author, names: &Names) -> String {
    match by {
        Author::Member(mail) => names.short(mail).to_owned(),
        Author::HandEdit => "an edit of members.txt".to_owned(),
    }
}

/// What the server refused, and why.
pub(super) fn refused(what: &str, why: &Refusal) -> Line {
    alarm(format!("{what}: {}", advice::refused(why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::chat::clock::utc;

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    fn names() -> Names {
        let mut names = Names::new(&mail("ann@x"));
        names.learn(&mail("bob@x"));
        names
    }

    fn texts(lines: &[Line]) -> String {
        lines.iter().map(|line| line.text() + "\n").collect()
    }

    fn events(lines: &str, expected: &str) {
        let (mut view, names) = (View::new(utc()), names());
        let shown = lines
            .lines()
            .flat_map(|line| view.event(&Happened::parse(line.as_bytes()).expect("an event"), &names));
        assert_eq!(texts(&shown.collect::<Vec<_>>()), expected);
    }

    #[test]
    fn events_with_a_rule_for_each_day() {
        events(
            "ADDED 1 2026-01-02T12:03:05.678Z - ann@x\n\
             ADDED 2 2026-01-02T12:03:05.678Z ann@x bob@x\n\
             MSG 3 2026-01-02T12:04:05.678Z bob@x  hi  all\n\
             REMOVED 4 2026-01-03T00:00:00.000Z ann@x bob@x\n\
             REMOVED 5 2026-01-03T00:01:00.000Z cid@x cid@x\n",
            "--- Fri 2026-01-02 ---\n\
             12:03 * ann was added by an edit of members.txt\n\
             12:03 * bob was added by ann\n\
             12:04 bob:  hi  all\n\
             --- Sat 2026-01-03 ---\n\
             00:00 * bob was removed by ann\n\
             00:01 * cid has left the group\n",
        );
    }

    #[test]
    fn an_event_of_a_kind_that_is_not_known_as_it_is() {
        events(
            "ANNOUNCE 1 2026-01-02T12:03:05.678Z ann@x on\nTITLED 2 2026-01-02T12:04:05.678Z - a \u{1b}[2J  b\n",
            "--- Fri 2026-01-02 ---\n12:03 * ANNOUNCE ann@x on\n12:04 * TITLED - a \u{fffd}[2J  b\n",
        );
    }

    #[test]
    fn a_rule_also_where_a_day_comes_again() {
        events(
            "MSG 1 2026-01-02T12:04:05.678Z bob@x one\n\
             MSG 2 2036-01-02T12:04:05.678Z bob@x two\n\
             MSG 3 2026-01-02T12:04:06.678Z bob@x three\n",
            "--- Fri 2026-01-02 ---\n12:04 bob: one\n\
             --- Wed 2036-01-02 ---\n12:04 bob: two\n\
             --- Fri 2026-01-02 ---\n12:04 bob: three\n",
        );
    }

    #[test]
    fn lists() {
        let (view, names) = (View::new(utc()), names());
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let who = View::who(&lines("WHO ann@x devices=2\nWHO bob@x devices=1"), &names);
        assert_eq!(who.text(), "* 2 here: ann (2 devices), bob");
        let members = lines(
            "MEMBER ann@x role=admin online=yes seen=2026-01-02T12:03:05.678Z\n\
             MEMBER bob@x role=member online=no seen=2026-01-02T12:03:05.678Z\n\
             MEMBER cid@x role=member online=no seen=never\nMEMBER dan@x role=member online=no",
        );
        assert_eq!(
            texts(&view.members(&members, &names)),
            "* 4 in the group:\n  ann@x (you), admin, here\n  bob@x, seen Fri 2026-01-02 12:03\n  \
             cid@x, never seen\n  dan@x\n"
        );
        let pending = lines("PENDING bob@x seen=never");
        assert_eq!(
            texts(&view.info(Seq(7), "7 delivered=3 pending=1", &pending, &names)),
            "* #7: delivered to 3, not yet to 1\n  bob, never seen\n"
        );
        let event = "MSG 3 2026-01-02T12:04:05.678Z bob@x hi";
        let event = Happened::parse(event.as_bytes()).expect("an event");
        assert_eq!(view.old_event(&event, &names).text(), "  #3 Fri 2026-01-02 12:04 bob: hi");
        assert_eq!(stat("STAT members 3").text(), "  members 3");
    }
    #[test]
    fn what_somebody_does() {
        events(
            "MSG 1 2026-01-02T12:04:05.678Z bob@x /me waves to all\n\
             MSG 2 2026-01-02T12:04:05.678Z bob@x /me \n\
             MSG 3 2026-01-02T12:04:05.678Z bob@x /men\n",
            "--- Fri 2026-01-02 ---\n12:04 * bob waves to all\n12:04 bob: /me \n12:04 bob: /men\n",
        );
    }

    #[test]
    fn my_name_is_highlighted_in_what_others_say() {
        let (mut view, names) = (View::new(utc()), names());
        let mut shown = |line: &str| {
            let event = Happened::parse(line.as_bytes()).expect("an event");
            view.event(&event, &names).pop().expect("a line")
        };
        let clock = || Line::new(Style::Quiet, "12:04 ");
        let bob = names.style(&mail("bob@x"));
        assert_eq!(
            shown("MSG 1 2026-01-02T12:04:05.678Z bob@x ask Ann, not joann"),
            clock()
                .with(bob, "bob")
                .with(Style::Plain, ": ")
                .head_ends()
                .with(Style::Plain, "ask ")
                .with(Style::Mention, "Ann")
                .with(Style::Plain, ", not joann")
                .indented(CLOCK_COLUMNS)
        );
        assert_eq!(
            shown("MSG 2 2026-01-02T12:04:05.678Z ann@x I am ann"),
            clock()
                .with(Style::Own, "ann")
                .with(Style::Plain, ": ")
                .head_ends()
                .with(Style::Plain, "I am ann")
                .indented(CLOCK_COLUMNS)
        );
    }
}
