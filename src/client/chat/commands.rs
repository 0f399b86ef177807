//! What a line typed at the terminal asks for.

use zeroize::Zeroizing;

use super::names::Names;
use super::view::ACTION;
use crate::client::options::Bell;
use crate::protocol::{Mail, Password, PasswordError, Seq};

/// A line as its typist meant it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// Only Enter.
    Nothing,
    /// To be said.
    Say(String),
    Do(Command),
    /// To be done so that it asks for the password: the one that was typed cannot be one, for this reason.
    Instead(Command, String),
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
    /// So many lines, before this one.
    History(Option<u64>, Option<Seq>),
    /// Of this message, or the last own one.
    Info(Option<Seq>),
    Skip,
    Stats,
    Bell(Option<Bell>),
    Clear,
    Help,
    Quit,
}

/// The commands as /help tells them: how they are typed, what they do.
pub(super) const COMMANDS: [(&str, &str); 16] = [
    ("/who", "who is here"),
    ("/members", "who is in the group"),
    ("/history [N] [before SEQ]", "show N lines again, with their numbers"),
    ("/info [SEQ]", "who has not received message SEQ, or your last"),
    ("/me TEXT", "say what you do: * ann TEXT"),
    ("/skip", "skip what you have missed"),
    ("/bell [off|mention|all]", "when the bell rings"),
    ("/passwd", "change your password"),
    ("/leave", "leave the group for good"),
    ("/add MAIL", "add a member (admins)"),
    ("/remove NAME", "remove a member (admins)"),
    ("/reset NAME", "give a member a new password (admins)"),
    ("/stats", "statistics about the server (admins)"),
    ("/clear", "clear the window"),
    ("/help", "this list"),
    ("/quit", "end the chat; so do /exit, /q and Ctrl-D"),
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
        let sentence = "not said: a command has no blanks before it; type // for a text that begins with /";
        return Meant::Wrong(sentence.to_owned());
    }
    if let Some((verb, text)) = behind.split_once(' ')
        && verb.eq_ignore_ascii_case("me")
        && !text.trim().is_empty()
    {
        return Meant::Say(format!("{ACTION}{text}"));
    }
    let mut words = behind.split_whitespace();
    // A blank behind the slash: more likely a slip than a command.
    let verb = if behind.starts_with(char::is_whitespace) { "" } else { words.next().unwrap_or("") };
    let words: Vec<&str> = words.collect();
    command(&verb.to_ascii_lowercase(), &words, names).unwrap_or_else(Meant::Wrong)
}

fn command(verb: &str, words: &[&str], names: &Names) -> Result<Meant, String> {
    let usage = || match COMMANDS.iter().find(|(usage, _)| usage[1..].split(' ').next() == Some(verb)) {
        Some((usage, _)) => format!("type it as {usage}"),
        None => {
            "there is no such command; /help lists them; type // for a text that begins with /".to_owned()
        }
    };
    let who = |word: &str| {
        names.resolve(word).ok_or_else(|| format!("nobody is called {word}; /members lists the group"))
    };
    let number = |word: &str| word.trim_start_matches('#').parse().map(Seq).map_err(|_| usage());
    // Not none: that would be answered as if nothing was ever said.
    let count = |word: &str| word.parse().ok().filter(|&n| n > 0).ok_or_else(usage);
    Ok(Meant::Do(match (verb, words) {
        ("who", []) => Command::Who,
        ("members", []) => Command::Members,
        ("history", []) => Command::History(None, None),
        ("history", ["before", seq]) => Command::History(None, Some(number(seq)?)),
        ("history", [n]) => Command::History(Some(count(n)?), None),
        ("history", [n, "before", seq]) => Command::History(Some(count(n)?), Some(number(seq)?)),
        ("info", []) => Command::Info(None),
        ("info", [seq]) => Command::Info(Some(number(seq)?)),
        ("skip", []) => Command::Skip,
        ("stats", []) => Command::Stats,
        ("help", _) => Command::Help,
        ("clear", []) => Command::Clear,
        ("quit" | "exit" | "q", []) => Command::Quit,
        ("leave", []) => Command::Leave,
        ("bell", []) => Command::Bell(None),
        ("bell", [when]) => Command::Bell(Some(Bell::parse(when).ok_or_else(usage)?)),
        ("add", [mail, typed @ ..]) => {
            let mail = Mail::parse(mail.as_bytes()).map_err(|_| {
                format!("{mail} is not a mail address; an address looks like ann@example.org")
            })?;
            return Ok(with_passwords(typed, |typed| Command::Add(mail, typed.map(|[word]| word))));
        }
        ("reset", [name, typed @ ..]) => {
            let mail = who(name)?;
            return Ok(with_passwords(typed, |typed| Command::Reset(mail, typed.map(|[word]| word))));
        }
        ("remove", [name]) => Command::Remove(who(name)?),
        ("passwd", typed) => {
            return Ok(with_passwords(typed, |typed| Command::Passwd(typed.map(|[old, new]| (old, new)))));
        }
        _ => return Err(usage()),
    }))
}

/// A command with the passwords that were typed behind it. If they are none, it asks for them: whoever is only told so may
/// type the next one where it is said.
fn with_passwords<const N: usize>(
    typed: &[&str],
    command: impl FnOnce(Option<[Password; N]>) -> Command,
) -> Meant {
    if typed.is_empty() {
        return Meant::Do(command(None));
    }
    let parsed: Result<Vec<Password>, _> =
        typed.iter().map(|word| Password::parse(word.as_bytes())).collect();
    match parsed.map(<[Password; N]>::try_from) {
        Ok(Ok(passwords)) => Meant::Do(command(Some(passwords))),
        Ok(Err(_)) if N > 1 => {
            Meant::Instead(command(None), "it asks for the old and the new password".to_owned())
        }
        Ok(Err(_)) => Meant::Instead(command(None), PasswordError.to_string()),
        Err(why) => Meant::Instead(command(None), why.to_string()),
    }
}

/// Verbs of the protocol that a password, or what stands for one, follows.
const WITH_PASSWORD: [&str; 6] = ["LOGIN", "RESUME", "ADD", "RESET", "PASSWD", "JOIN"];

/// Whether a line that is to be said begins like a command that takes a password, as somebody types it who is used to nc.
pub(super) fn takes_password(line: &str) -> bool {
    let is_sign = |c: char| !c.is_alphanumeric();
    let begun = line.trim_start_matches(is_sign);
    let (verb, rest) = begun.split_at(begun.find(is_sign).unwrap_or(begun.len()));
    if verb.eq_ignore_ascii_case("MSG") {
        return takes_password(rest);
    }
    WITH_PASSWORD.iter().any(|with| verb.eq_ignore_ascii_case(with)) && !rest.trim().is_empty()
}

/// A line as it may be shown and fetched back: without what is, or may be, a password.
pub(super) fn without_password(line: &str, meant: &Meant) -> String {
    let keep = match meant {
        Meant::Do(Command::Add(..) | Command::Reset(..))
        | Meant::Instead(Command::Add(..) | Command::Reset(..), _) => 2,
        Meant::Do(Command::Passwd(_)) | Meant::Instead(..) | Meant::Wrong(_) => 1,
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
            Meant::Instead(command, why) => format!("{command:?}, as {why}"),
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
        check("/me  waves to bob ", "say /me  waves to bob ", "/me  waves to bob ");
        check("/ME waves", "say /me waves", "/ME waves");
        check("/me", "wrong: type it as /me TEXT", "/me");
        check(" \t ", "nothing", " \t ");
    }

    #[test]
    fn a_blank_before_a_command_does_not_say_it() {
        let refused =
            "wrong: not said: a command has no blanks before it; type // for a text that begins with /";
        check(" /passwd old-secret new-secret", refused, "/passwd");
        check("\t/add eve@x geheim", refused, "/add");
        check("\u{a0}/reset bob geheim", refused, "/reset");
        check("  /paswd old-secret new-secret", refused, "/paswd");
        check(" / passwd old-secret", refused, "/");
    }

    #[test]
    fn commands() {
        check("/who", "Who", "/who");
        check("/History 7", "History(Some(7), None)", "/History 7");
        check("/history before #9", "History(None, Some(Seq(9)))", "/history before #9");
        check("/history 50 before 9", "History(Some(50), Some(Seq(9)))", "/history 50 before 9");
        check("/info #12", "Info(Some(Seq(12)))", "/info #12");
        check("/remove bob", "Remove(bob@x)", "/remove bob");
        check("/bell all", "Bell(Some(All))", "/bell all");
        check("/help add", "Help", "/help add");
        check("/clear", "Clear", "/clear");
        for quit in ["/quit", "/exit", "/q", "/Q"] {
            check(quit, "Quit", quit);
        }
    }

    #[test]
    fn passwords_are_not_kept() {
        check("/add eve@x geheim", "Add(eve@x, Some(<password>))", "/add eve@x");
        check("/reset  Bob geheim", "Reset(bob@x, Some(<password>))", "/reset Bob");
        check("/passwd geheim geheim2", "Passwd(Some((<password>, <password>)))", "/passwd");
        check(
            "/paswd geheim geheim2",
            "wrong: there is no such command; /help lists them; type // for a text that begins with /",
            "/paswd",
        );
    }

    #[test]
    fn what_cannot_be_a_password_is_asked_for() {
        let why = "a password has 6 to 1024 bytes and no blanks";
        check("/add eve@x two words", &format!("Add(eve@x, None), as {why}"), "/add eve@x");
        check("/reset bob short", &format!("Reset(bob@x, None), as {why}"), "/reset bob");
        check("/passwd old-secret", "Passwd(None), as it asks for the old and the new password", "/passwd");
        check("/passwd old-secret short", &format!("Passwd(None), as {why}"), "/passwd");
    }

    #[test]
    fn lines_that_may_hold_a_password() {
        for yes in [
            "LOGIN bob@x bob-secret",
            "login bob secret",
            "  Passwd old new",
            "RESUME bob@x abc",
            "add eve@x two words",
            "reset bob: secret",
            "join eve@x word secret",
            "MSG LOGIN bob@x bob-secret",
            "/login bob secret",
            "\u{feff}LOGIN bob@x secret",
        ] {
            assert!(takes_password(yes), "{yes}");
        }
        for no in ["login", "I could not login today", "address me", "MSG hi", "logins are slow", "", "// "] {
            assert!(!takes_password(no), "{no}");
        }
    }

    #[test]
    fn wrong() {
        let no_command =
            "wrong: there is no such command; /help lists them; type // for a text that begins with /";
        for line in ["/", "/ who", "/etc/passwd", "/dance"] {
            check(line, no_command, line.split_whitespace().next().expect("a slash"));
        }
        check("/history many", "wrong: type it as /history [N] [before SEQ]", "/history");
        check("/history 0", "wrong: type it as /history [N] [before SEQ]", "/history");
        check("/history 7 9", "wrong: type it as /history [N] [before SEQ]", "/history");
        check("/remove eve", "wrong: nobody is called eve; /members lists the group", "/remove");
    }

    #[test]
    fn every_command_of_the_list_is_one() {
        let names = Names::new(&mail("ann@x"));
        for word in words() {
            if let Meant::Wrong(sentence) = read(word, &names) {
                assert!(sentence.starts_with("type it as "), "{word}: {sentence}");
            }
        }
    }
}
