//! How what the server says looks at a terminal.

use super::said::{Answer, Refused, Said, field, split_word};
use crate::protocol::{Author, Event, EventLine};

/// Remembers of what it has shown only what the next line needs.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// The day of the event last shown, `2026-01-02`.
    day: String,
    /// Names in the pages of a list so far.
    listed: u64,
}

impl Screen {
    /// The lines to print, each with its LF; there may be none.
    pub(super) fn show(&mut self, said: &Said<'_>) -> String {
        match said {
            Said::Event(event) => self.event(event),
            Said::Answer(Answer { verb, outcome: Ok(rest) }) => self.done(verb, rest),
            Said::Answer(Answer { verb, outcome: Err(why) }) => {
                self.listed = 0;
                refused(verb, why)
            }
            Said::Bye(sentence) => format!("* {sentence}\n"),
            Said::Other(text) => list_line(text),
        }
    }

    fn event(&mut self, line: &EventLine<'_>) -> String {
        // 2026-01-02T03:04:05.678Z
        let time = line.time.to_string();
        let (day, clock) = (&time[..10], &time[11..16]);
        let shown = match &line.event {
            Event::Msg { mail, text } => format!("[{clock}] {mail}: {}\n", text.as_str()),
            Event::Added { by, mail } => format!("[{clock}] * {mail} was added by {}\n", author(by)),
            Event::Removed { by: Author::Member(by), mail } if by == mail => {
                format!("[{clock}] * {mail} has left\n")
            }
            Event::Removed { by, mail } => format!("[{clock}] * {mail} was removed by {}\n", author(by)),
        };
        if self.day == day {
            return shown;
        }
        day.clone_into(&mut self.day);
        format!("--- {day} (UTC) ---\n{shown}")
    }

    fn done(&mut self, verb: &str, rest: &str) -> String {
        let (first, _) = split_word(rest);
        match verb {
            // What was typed stands on the screen; what these did is said by the event, the list or the BYE.
            "MSG" | "QUIT" | "LEAVE" | "STATS" => String::new(),
            "ADD" => format!("* {first} can come in with that password\n"),
            "REMOVE" => format!("* {first} is out\n"),
            "RESET" => format!("* {first} has that password now\n"),
            "PASSWD" => "* your password is changed\n".to_owned(),
            "HELP" => "* a line without / is said to the group; // begins it with a /\n".to_owned(),
            "WHO" => self.page(rest, "connected"),
            "MEMBERS" => self.page(rest, "in the group"),
            "PING" if rest.is_empty() => "* pong\n".to_owned(),
            "PING" => format!("* pong: {rest}\n"),
            _ => format!("* ok: {} {rest}\n", verb.to_ascii_lowercase()),
        }
    }

    fn page(&mut self, rest: &str, what: &str) -> String {
        let (count, _) = split_word(rest);
        self.listed = self.listed.saturating_add(count.parse().unwrap_or(0));
        if field(rest, "more").is_some() {
            return String::new();
        }
        let all = std::mem::take(&mut self.listed);
        format!("* {all} {what}\n")
    }
}

fn author(by: &Author) -> &str {
    match by {
        Author::Member(mail) => mail.as_str(),
        Author::HandEdit => "an edit of members.txt",
    }
}

fn refused(verb: &str, why: &Refused) -> String {
    let Refused { code, sentence } = why;
    let next = match code.as_str() {
        // The server's sentence is for people without this client.
        "unknown-command" => {
            let word = verb.to_ascii_lowercase();
            return format!("! /{word} is no command; /help lists them, // says a text that begins with /\n");
        }
        "admin-only" => "; /members shows who the admins are",
        "no-such-member" => "; /members shows who is in the group",
        "already-member" => "; /reset gives a new password",
        "last-admin" => "; an admin can be made in members.txt",
        "busy" => "; try again in a moment",
        _ => "",
    };
    if verb == "MSG" {
        return format!("! not said: {sentence}{next}\n");
    }
    format!("! /{}: {sentence}{next}\n", verb.to_ascii_lowercase())
}

fn list_line(text: &str) -> String {
    let (first, rest) = split_word(text);
    match first {
        "WHO" | "MEMBER" | "PENDING" => {
            let (who, fields) = split_word(rest);
            let fields: Vec<String> = fields.split(' ').map(|field| field.replacen('=', " ", 1)).collect();
            format!("  {who}  {}\n", fields.join(", "))
        }
        "STAT" => format!("  {rest}\n"),
        "HELP" => {
            let (verb, rest) = split_word(rest);
            format!("  /{} {rest}\n", verb.to_ascii_lowercase())
        }
        _ => format!("  {text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a person sees of what the server says.
    fn check(said: &str, expected: &str) {
        let mut screen = Screen::default();
        let shown: String = said.lines().map(|line| screen.show(&Said::parse(line.as_bytes()))).collect();
        assert_eq!(shown, expected, "{said:?}");
    }

    #[test]
    fn events() {
        check(
            "ADDED 1 2026-01-02T12:03:05.678Z - ann@x\n\
             ADDED 2 2026-01-02T12:03:05.678Z ann@x bob@x\n\
             MSG 3 2026-01-02T12:04:05.678Z bob@x  hi  all\n\
             REMOVED 4 2026-01-03T00:00:00.000Z ann@x bob@x\n\
             REMOVED 5 2026-01-03T00:01:00.000Z cid@x cid@x\n",
            "--- 2026-01-02 (UTC) ---\n\
             [12:03] * ann@x was added by an edit of members.txt\n\
             [12:03] * bob@x was added by ann@x\n\
             [12:04] bob@x:  hi  all\n\
             --- 2026-01-03 (UTC) ---\n\
             [00:00] * bob@x was removed by ann@x\n\
             [00:01] * cid@x has left\n",
        );
    }

    #[test]
    fn lists_are_counted_over_their_pages() {
        check(
            "WHO ann@x devices=2\nOK WHO 1 more=ann@x\nWHO bob@x devices=1\nOK WHO 1\nOK WHO 0",
            "  ann@x  devices 2\n  bob@x  devices 1\n* 2 connected\n* 0 connected\n",
        );
        check(
            "MEMBER ann@x role=admin online=no seen=never\nOK MEMBERS 1",
            "  ann@x  role admin, online no, seen never\n* 1 in the group\n",
        );
        check(
            "WHO ann@x devices=2\nOK WHO 1 more=ann@x\nERR WHO busy later",
            "  ann@x  devices 2\n! /who: later; try again in a moment\n",
        );
        check("STAT lines a=b c\nOK STATS 1", "  lines a=b c\n");
    }

    #[test]
    fn answers() {
        check("OK MSG 7 2026-01-02T12:04:05.678Z", "");
        check("OK PING\nOK PING a b", "* pong\n* pong: a b\n");
        check(
            "OK ADD bob@x\nOK RESET bob@x",
            "* bob@x can come in with that password\n* bob@x has that password now\n",
        );
        check("OK TOKEN abc", "* ok: token abc\n");
        check("ERR MSG bad-text text may not contain U+001B", "! not said: text may not contain U+001B\n");
        check(
            "ERR ADD admin-only only admins may",
            "! /add: only admins may; /members shows who the admins are\n",
        );
        check(
            "ERR DANCE unknown-command say MSG",
            "! /dance is no command; /help lists them, // says a text that begins with /\n",
        );
        check("HELP WHO [<after>] who is here", "  /who [<after>] who is here\n");
    }

    #[test]
    fn nothing_acts_on_the_terminal() {
        check("WHO \x1b[2J", "  \u{fffd}[2J  \n");
        check("NEWS \x07\u{202e}", "  NEWS \u{fffd}\u{fffd}\n");
        check("OK PING \u{9b}", "* pong: \u{fffd}\n");
    }
}
