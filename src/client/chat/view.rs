//! How events and answers look.

use std::ops::Range;

use super::clock::Clock;
use super::commands::{ACTION, COMMANDS};
use super::names::Names;
use crate::client::connection::said::{Happened, Refusal};
use crate::client::display::clean;
use crate::client::failure;
use crate::client::terminal::layout::{Line, Style};
use crate::protocol::{Announce, Author, Event, Mail, Role, Seen, Text};

/// Renders events and answers. It remembers the day, for the rule between two days.
#[derive(Debug)]
pub(super) struct View {
    pub(super) clock: Clock,
    /// The day of the event last shown.
    day: String,
}

/// Columns of `12:03 `.
const CLOCK_COLUMNS: usize = 6;

impl View {
    pub(super) fn new(clock: Clock) -> View {
        View { clock, day: String::new() }
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
    pub(super) fn seen(&self, seen: Seen) -> String {
        match seen {
            Seen::Never => "never seen".to_owned(),
            Seen::At(time) => {
                let moment = self.clock.at(time);
                format!("seen {} {}", moment.day, moment.clock)
            }
        }
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

pub(super) fn named(line: Line, mail: &Mail, names: &Names) -> Line {
    line.with(names.style(mail), names.shown(mail))
}

/// The name with the mail, as lists have it.
pub(super) fn named_in_full(line: Line, mail: &Mail, names: &Names) -> Line {
    line.with(names.style(mail), names.in_full(mail))
}

fn event_text(line: Line, happened: &Happened<'_>, names: &Names) -> Line {
    let change = |line: Line, mail, what: &str| {
        named(line.with(Style::Quiet, "* "), mail, names).with(Style::Quiet, what)
    };
    match &happened.event {
        None => newer(line, happened.line),
        Some(Event::Msg { mail, text }) => said(line, mail, *text, names),
        Some(Event::Added { by, mail }) => {
            change(line, mail, &format!(" was added by {}", author(by, names)))
        }
        Some(Event::Removed { by: Author::Member(by), mail }) if by == mail => {
            change(line, mail, " has left the group")
        }
        Some(Event::Role { by, mail, role }) => {
            let what = match role {
                Role::Admin => "was made an admin by",
                Role::Member => "is no admin any more, by",
            };
            change(line, mail, &format!(" {what} {}", author(by, names)))
        }
        Some(Event::Named { by, mail, name }) => {
            // The mail: the name of now says nothing, and the one before may not be known.
            let what = name
                .as_ref()
                .map_or(" has no name any more".to_owned(), |name| format!(" is now called {name}"));
            let by =
                if *by == Author::HandEdit { format!(", by {}", author(by, names)) } else { String::new() };
            line.with(Style::Quiet, "* ")
                .with(names.style(mail), mail.as_str())
                .with(Style::Quiet, what + &by)
        }
        Some(Event::Titled { by, title }) => change(line, by, &format!(" calls the group {title}")),
        Some(Event::Announce { by, mode }) => {
            let what = match mode {
                Announce::On => " lets only admins speak",
                Announce::Off => " lets everybody speak",
            };
            change(line, by, what)
        }
        Some(Event::Removed { by, mail }) => {
            change(line, mail, &format!(" was removed by {}", author(by, names)))
        }
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
    let mut line = line.head_ends();
    let mut shown = 0;
    // My name is highlighted in what others say.
    for Range { start, end } in names.mentions(text).into_iter().filter(|_| *mail != names.me) {
        line = line.with(Style::Plain, &text[shown..start]).with(Style::Mention, &text[start..end]);
        shown = end;
    }
    line.with(Style::Plain, &text[shown..])
}

fn author(by: &Author, names: &Names) -> String {
    match by {
        Author::Member(mail) => names.shown(mail),
        Author::HandEdit => "an edit of members.txt".to_owned(),
    }
}

/// A line that was refused.
pub(super) fn given_back(text: &str) -> Line {
    Line::new(Style::Plain, format!("  {text}")).indented(2)
}

/// What the server refused, and why.
pub(super) fn refused(what: &str, why: &Refusal) -> Line {
    alarm(format!("{what}: {}", failure::refused(why)))
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
             PROMOTED 4 2026-01-02T12:04:05.678Z ann@x bob@x\n\
             DEMOTED 5 2026-01-02T12:04:05.678Z - bob@x\n\
             REMOVED 6 2026-01-03T00:00:00.000Z ann@x bob@x\n\
             REMOVED 7 2026-01-03T00:01:00.000Z cid@x cid@x\n",
            "--- Fri 2026-01-02 ---\n\
             12:03 * ann was added by an edit of members.txt\n\
             12:03 * bob was added by ann\n\
             12:04 bob:  hi  all\n\
             12:04 * bob was made an admin by ann\n\
             12:04 * bob is no admin any more, by an edit of members.txt\n\
             --- Sat 2026-01-03 ---\n\
             00:00 * bob was removed by ann\n\
             00:01 * cid has left the group\n",
        );
    }

    #[test]
    fn an_event_of_a_kind_that_is_not_known_as_it_is() {
        events(
            "VOTED 1 2026-01-02T12:03:05.678Z ann@x on\nPOLLED 2 2026-01-02T12:04:05.678Z - a \u{1b}[2J  b\n",
            "--- Fri 2026-01-02 ---\n12:03 * VOTED ann@x on\n12:04 * POLLED - a \u{fffd}[2J  b\n",
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
    fn an_event_that_is_shown_again_has_its_number() {
        let event = "MSG 3 2026-01-02T12:04:05.678Z bob@x hi";
        let event = Happened::parse(event.as_bytes()).expect("an event");
        assert_eq!(View::new(utc()).old_event(&event, &names()).text(), "  #3 Fri 2026-01-02 12:04 bob: hi");
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
