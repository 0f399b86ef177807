//! What a line typed at the terminal asks for.

use zeroize::Zeroizing;

use super::names::Names;
use crate::client::options::Bell;
use crate::protocol::{Mail, Password, Seq};

/// A line as its typist meant it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// Only Enter.
    Nothing,
    /// To be said.
    Say(String),
    Do(Command),
    /// A slash, and something wrong behind it: what to type instead.
    Wrong(String),
}

/// `/word …`, understood. Passwords that are not there are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Who,
    Members,
    Add(Mail, Option<Password>),
    Remove(Mail),
    Reset(Mail, Option<Password>),
    Passwd(Option<(Password, Password)>),
    Leave,
    History(Option<u64>),
    /// Of this message, or the last own one.
    Info(Option<Seq>),
    Skip,
    Stats,
    Bell(Option<Bell>),
    Help,
    Quit,
}

/// The commands as /help tells them: how they are typed, what they do.
pub(super) const COMMANDS: [(&str, &str); 14] = [
    ("/who", "who is here"),
    ("/members", "who is in the group"),
    ("/history [N]", "the last N lines again, with their numbers"),
    ("/info [SEQ]", "whom a message has not reached: this one, or your last"),
    ("/skip", "pass over what you have missed"),
    ("/bell [off|mention|all]", "when the bell rings"),
    ("/passwd", "change your password"),
    ("/leave", "leave the group for good"),
    ("/add MAIL", "let somebody in (admins)"),
    ("/remove NAME", "put somebody out (admins)"),
    ("/reset NAME", "give somebody a new password (admins)"),
    ("/stats", "figures about the server (admins)"),
    ("/help", "this list"),
    ("/quit", "go; so does Ctrl-D"),
];

/// The words of [`COMMANDS`].
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(usage, _)| usage.split(' ').next().expect("split gives at least one piece"))
}

/// Reads a line without its end.
pub(super) fn read(line: &str, names: &Names) -> Meant {
    if line.trim().is_empty() {
        return Meant::Nothing;
    }
    let (blanks, begun) = line.split_at(line.len() - line.trim_start().len());
    let Some(behind) = begun.strip_prefix('/') else { return Meant::Say(line.to_owned()) };
    if behind.starts_with('/') {
        return Meant::Say(format!("{blanks}{behind}"));
    }
    // More likely a slip than a message, and it may be about a password.
    if !blanks.is_empty() {
        let sentence = "not said: a command has no blanks before it, // says a text that begins with /";
        return Meant::Wrong(sentence.to_owned());
    }
    let mut words = behind.split_whitespace();
    // A blank behind the slash: more likely a slip than a command.
    let verb = if behind.starts_with(char::is_whitespace) { "" } else { words.next().unwrap_or("") };
    let words: Vec<&str> = words.collect();
    match command(&verb.to_ascii_lowercase(), &words, names) {
        Ok(command) => Meant::Do(command),
        Err(sentence) => Meant::Wrong(sentence),
    }
}

fn command(verb: &str, words: &[&str], names: &Names) -> Result<Command, String> {
    let usage = || match COMMANDS.iter().find(|(usage, _)| usage[1..].split(' ').next() == Some(verb)) {
        Some((usage, _)) => format!("it is {usage}"),
        None => "that is no command; /help lists them, // says a text that begins with /".to_owned(),
    };
    let who = |word: &str| {
        names.resolve(word).ok_or_else(|| format!("nobody is known as {word}; /members shows who is there"))
    };
    let password =
        |word: &str| Password::parse(word.as_bytes()).map_err(|why| format!("{why}; take another"));
    Ok(match (verb, words) {
        ("who", []) => Command::Who,
        ("members", []) => Command::Members,
        ("history", []) => Command::History(None),
        // Not none: that would be answered as if nothing was ever said.
        ("history", [n]) => Command::History(Some(n.parse().ok().filter(|&n| n > 0).ok_or_else(usage)?)),
        ("info", []) => Command::Info(None),
        ("info", [seq]) => {
            Command::Info(Some(Seq(seq.trim_start_matches('#').parse().map_err(|_| usage())?)))
        }
        ("skip", []) => Command::Skip,
        ("stats", []) => Command::Stats,
        ("help", _) => Command::Help,
        ("quit", []) => Command::Quit,
        ("leave", []) => Command::Leave,
        ("bell", []) => Command::Bell(None),
        ("bell", [when]) => Command::Bell(Some(Bell::parse(when).ok_or_else(usage)?)),
        ("add", [mail, rest @ ..]) if rest.len() < 2 => {
            let mail = Mail::parse(mail.as_bytes())
                .map_err(|_| format!("{mail} is no mail address; one looks like ann@example.org"))?;
            Command::Add(mail, rest.first().map(|word| password(word)).transpose()?)
        }
        ("reset", [name, rest @ ..]) if rest.len() < 2 => {
            Command::Reset(who(name)?, rest.first().map(|word| password(word)).transpose()?)
        }
        ("remove", [name]) => Command::Remove(who(name)?),
        ("passwd", []) => Command::Passwd(None),
        ("passwd", [old, new]) => Command::Passwd(Some((password(old)?, password(new)?))),
        _ => return Err(usage()),
    })
}

/// A line as it may be shown and fetched back: without what is, or may be, a password.
pub(super) fn without_password(line: &str, meant: &Meant) -> String {
    let keep = match meant {
        Meant::Do(Command::Add(..) | Command::Reset(..)) => 2,
        Meant::Do(Command::Passwd(_)) | Meant::Wrong(_) => 1,
        Meant::Do(_) | Meant::Nothing | Meant::Say(_) => return line.to_owned(),
    };
    line.split_whitespace().take(keep).collect::<Vec<_>>().join(" ")
}

/// The line of a command for the server; wiped when it is dropped.
pub(super) fn line(words: &[&str]) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(words.iter().map(|word| word.len() + 1).sum()));
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(word.as_bytes());
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    #[track_caller]
    fn check(line: &str, expected: &str, kept: &str) {
        let mut names = Names::new(&mail("ann@x"));
        names.learn(&mail("bob@x"));
        let meant = read(line, &names);
        let found = match &meant {
            Meant::Nothing => "nothing".to_owned(),
            Meant::Say(text) => format!("say {text}"),
            Meant::Do(command) => format!("{command:?}"),
            Meant::Wrong(sentence) => format!("wrong: {sentence}"),
        };
        assert_eq!(found, expected, "{line:?}");
        assert_eq!(without_password(line, &meant), kept, "{line:?}");
    }

    #[test]
    fn messages() {
        check("hello", "say hello", "hello");
        check("//who", "say /who", "//who");
        check("  //who ", "say   /who ", "  //who ");
        check(" a /who", "say  a /who", " a /who");
        check(" \t ", "nothing", " \t ");
    }

    #[test]
    fn a_blank_before_a_command_does_not_say_it() {
        let refused = "wrong: not said: a command has no blanks before it, // says a text that begins with /";
        check(" /passwd old-secret new-secret", refused, "/passwd");
        check("\t/add eve@x geheim", refused, "/add");
        check("\u{a0}/reset bob geheim", refused, "/reset");
        check("  /paswd old-secret new-secret", refused, "/paswd");
        check(" / passwd old-secret", refused, "/");
    }

    #[test]
    fn commands() {
        check("/who", "Who", "/who");
        check("/History 7", "History(Some(7))", "/History 7");
        check("/info #12", "Info(Some(Seq(12)))", "/info #12");
        check("/remove bob", "Remove(bob@x)", "/remove bob");
        check("/bell all", "Bell(Some(All))", "/bell all");
        check("/help add", "Help", "/help add");
    }

    #[test]
    fn passwords_are_not_kept() {
        check("/add eve@x geheim", "Add(eve@x, Some(<password>))", "/add eve@x");
        check("/reset  Bob geheim", "Reset(bob@x, Some(<password>))", "/reset Bob");
        check("/passwd geheim geheim2", "Passwd(Some((<password>, <password>)))", "/passwd");
        check(
            "/paswd geheim geheim2",
            "wrong: that is no command; /help lists them, // says a text that begins with /",
            "/paswd",
        );
        check("/add eve@x two words", "wrong: it is /add MAIL", "/add");
    }

    #[test]
    fn wrong() {
        let no_command = "wrong: that is no command; /help lists them, // says a text that begins with /";
        for line in ["/", "/ who", "/etc/passwd", "/dance"] {
            check(line, no_command, line.split_whitespace().next().expect("a slash"));
        }
        check("/history many", "wrong: it is /history [N]", "/history");
        check("/history 0", "wrong: it is /history [N]", "/history");
        check("/remove eve", "wrong: nobody is known as eve; /members shows who is there", "/remove");
        check(
            "/reset bob short",
            "wrong: a password has 6 to 1024 bytes and no blanks; take another",
            "/reset",
        );
    }

    #[test]
    fn every_command_of_the_list_is_one() {
        let names = Names::new(&mail("ann@x"));
        for word in words() {
            if let Meant::Wrong(sentence) = read(word, &names) {
                assert!(sentence.starts_with("it is "), "{word}: {sentence}");
            }
        }
    }
}
