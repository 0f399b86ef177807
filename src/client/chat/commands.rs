//! Lines typed at the terminal, and the commands among them.

use super::names::Names;
use crate::client::options::Bell;
use crate::protocol::{Announce, Mail, Password, PasswordError, Role, Seq, Verb};

/// Begins the text of a message that says what its author does.
pub(super) const ACTION: &str = "/me ";

/// A line that was typed, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Only Enter.
    Nothing,
    /// To be said.
    Say(String),
    Do(Command),
    /// To be done, asking for the password: what was typed cannot be one, for this reason.
    AskPassword(Purpose, String),
    /// A slash, and something wrong after it: what to type instead.
    Wrong(String),
}

/// `/word …`, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Who,
    Members,
    /// Without a password it is asked for.
    Password(Purpose, Option<Passwords>),
    Remove(Mail),
    /// Another role for a member.
    Role(Mail, Role),
    Leave,
    /// What I am called from now on, nothing if by my mail; or to see what that is.
    Name(Option<String>),
    Invite(Mail),
    /// What the group is called from now on; or to see what that is.
    Title(Option<String>),
    /// Whether only admins may speak; or to see whether.
    Announce(Option<Announce>),
    /// This many lines, before this event.
    History(Option<u64>, Option<Seq>),
    /// Messages that hold this, or what was looked for last.
    Find(Option<String>),
    /// About this message, or my last one.
    Info(Option<Seq>),
    Skip,
    Stats,
    Bell(Option<Bell>),
    Clear,
    Help,
    Quit,
}

/// What a password is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Add(Mail),
    Reset(Mail),
    Passwd,
}

impl Purpose {
    /// The command that was typed.
    pub(super) fn typed(&self) -> &'static str {
        match self {
            Purpose::Add(_) => "/add",
            Purpose::Reset(_) => "/reset",
            Purpose::Passwd => "/passwd",
        }
    }
}

/// A new password, and the old one where one is needed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passwords {
    pub(super) old: Option<Password>,
    pub(super) new: Password,
}

/// The commands as /help lists them: how they are typed, what they do.
pub(super) const COMMANDS: [(&str, &str); 23] = [
    ("/who", "who is here"),
    ("/members", "who is in the group"),
    ("/history [N] [before SEQ]", "show N lines again, with their numbers"),
    ("/find [TEXT]", "show messages with TEXT; without it, older ones"),
    ("/info [SEQ]", "who has not received message SEQ, or your last"),
    ("/me TEXT", "say what you do: * ann TEXT"),
    ("/skip", "skip what you have missed"),
    ("/name [TEXT|-]", "what you are called; - takes the name away"),
    ("/bell [off|mention|all]", "when the bell rings"),
    ("/passwd", "change your password"),
    ("/leave", "leave the group for good"),
    ("/invite MAIL", "let somebody become a member (admins)"),
    ("/add MAIL", "add a member, with a password (admins)"),
    ("/remove NAME", "remove a member (admins)"),
    ("/reset NAME", "give a member a new password (admins)"),
    ("/promote NAME", "make a member an admin (admins)"),
    ("/demote NAME", "make an admin an ordinary member (admins)"),
    ("/title [TEXT]", "what the group is called; admins can change it"),
    ("/announce [on|off]", "whether only admins can speak; they decide"),
    ("/stats", "statistics about the server (admins)"),
    ("/clear", "clear the window"),
    ("/help", "this list"),
    ("/quit", "end the chat; so do /exit, /q and Ctrl-D"),
];

/// The words of [`COMMANDS`].
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(usage, _)| usage.split(' ').next().expect("split gives at least one piece"))
}

/// Parses a line without its end.
pub(super) fn read(line: &str, names: &Names) -> Input {
    if line.trim().is_empty() {
        return Input::Nothing;
    }
    let (blanks, begun) = line.split_at(line.len() - line.trim_start().len());
    let Some(after) = begun.strip_prefix('/') else { return Input::Say(line.to_owned()) };
    if after.starts_with('/') {
        return Input::Say(format!("{blanks}{after}"));
    }
    // More likely a slip than a message, and it may be about a password.
    if !blanks.is_empty() {
        let sentence = "not said: a command has no blanks before it; type // for a text that begins with /";
        return Input::Wrong(sentence.to_owned());
    }
    if let Some((verb, text)) = after.split_once(' ').filter(|(_, text)| !text.trim().is_empty()) {
        match verb.to_ascii_lowercase().as_str() {
            "me" => return Input::Say(format!("{ACTION}{text}")),
            "find" => return Input::Do(Command::Find(Some(text.trim().to_owned()))),
            "name" => return Input::Do(Command::Name(Some(unless_dash(text)))),
            "title" => return Input::Do(Command::Title(Some(text.trim().to_owned()))),
            _ => {}
        }
    }
    let mut words = after.split_whitespace();
    // A blank after the slash: more likely a slip than a command.
    let verb = if after.starts_with(char::is_whitespace) { "" } else { words.next().unwrap_or("") };
    let words: Vec<&str> = words.collect();
    command(&verb.to_ascii_lowercase(), &words, names).unwrap_or_else(Input::Wrong)
}

/// `-` is for nothing.
fn unless_dash(text: &str) -> String {
    Some(text.trim()).filter(|text| *text != "-").unwrap_or_default().to_owned()
}

fn command(verb: &str, words: &[&str], names: &Names) -> Result<Input, String> {
    let verb = if ["exit", "q"].contains(&verb) { "quit" } else { verb };
    let usage = || match COMMANDS.iter().find(|(usage, _)| usage[1..].split(' ').next() == Some(verb)) {
        Some((usage, _)) => format!("type it as {usage}"),
        None => {
            "there is no such command; /help lists them; type // for a text that begins with /".to_owned()
        }
    };
    let who = |words: &[&str]| {
        let typed = words.join(" ");
        names.resolve(&typed).ok_or_else(|| format!("nobody is called {typed}; /members lists the group"))
    };
    let mail = |typed: &str| {
        let why = || format!("{typed} is not a mail address; an address looks like ann@example.org");
        Mail::parse(typed.as_bytes()).map_err(|_| why())
    };
    let number = |word: &str| word.trim_start_matches('#').parse().map(Seq).map_err(|_| usage());
    // Not 0: the answer would look as if nothing was ever said.
    let count = |word: &str| word.parse().ok().filter(|&n| n > 0).ok_or_else(usage);
    Ok(Input::Do(match (verb, words) {
        ("who", []) => Command::Who,
        ("members", []) => Command::Members,
        ("history", []) => Command::History(None, None),
        ("history", ["before", seq]) => Command::History(None, Some(number(seq)?)),
        ("history", [n]) => Command::History(Some(count(n)?), None),
        ("history", [n, "before", seq]) => Command::History(Some(count(n)?), Some(number(seq)?)),
        ("find", []) => Command::Find(None),
        ("name", []) => Command::Name(None),
        ("invite", [typed]) => Command::Invite(mail(typed)?),
        ("join", _) => {
            let sentence = "you are a member already; who is invited starts chat-room-client with --join";
            return Err(sentence.to_owned());
        }
        ("title", []) => Command::Title(None),
        ("announce", []) => Command::Announce(None),
        ("announce", [word]) => {
            let mode = Announce::parse(word.to_ascii_lowercase().as_bytes());
            Command::Announce(Some(mode.ok_or_else(usage)?))
        }
        ("info", []) => Command::Info(None),
        ("info", [seq]) => Command::Info(Some(number(seq)?)),
        ("skip", []) => Command::Skip,
        ("stats", []) => Command::Stats,
        ("help", _) => Command::Help,
        ("clear", []) => Command::Clear,
        ("quit", []) => Command::Quit,
        ("leave", []) => Command::Leave,
        ("bell", []) => Command::Bell(None),
        ("bell", [when]) => Command::Bell(Some(Bell::parse(when).ok_or_else(usage)?)),
        ("add", [who, typed @ ..]) => return Ok(with_passwords(Purpose::Add(mail(who)?), typed)),
        // Before it is taken for a name and a password: it may be a name of several words.
        ("reset", [_, _, ..]) if names.resolve(&words.join(" ")).is_some() => {
            return Ok(with_passwords(Purpose::Reset(who(words)?), &[]));
        }
        ("reset", [name, typed @ ..]) => return Ok(with_passwords(Purpose::Reset(who(&[name])?), typed)),
        ("passwd", typed) => return Ok(with_passwords(Purpose::Passwd, typed)),
        ("remove", [_, ..]) => Command::Remove(who(words)?),
        ("promote", [_, ..]) => Command::Role(who(words)?, Role::Admin),
        ("demote", [_, ..]) => Command::Role(who(words)?, Role::Member),
        _ => return Err(usage()),
    }))
}

/// With the passwords that were typed. If they cannot be some, it asks: the next try, typed at the prompt, would be said.
fn with_passwords(purpose: Purpose, typed: &[&str]) -> Input {
    let parsed: Result<Vec<Password>, _> =
        typed.iter().map(|word| Password::parse(word.as_bytes())).collect();
    let mut words = match parsed {
        Ok(words) => words.into_iter(),
        Err(why) => return Input::AskPassword(purpose, why.to_string()),
    };
    let old = if purpose == Purpose::Passwd { words.next() } else { None };
    match (words.next(), words.next()) {
        (Some(new), None) => Input::Do(Command::Password(purpose, Some(Passwords { old, new }))),
        (None, _) if old.is_none() => Input::Do(Command::Password(purpose, None)),
        _ if purpose == Purpose::Passwd => {
            Input::AskPassword(purpose, "it asks for the old and the new password".to_owned())
        }
        _ => Input::AskPassword(purpose, PasswordError.to_string()),
    }
}

/// Whether the line is a command about a member.
pub(super) fn takes_member(line: &str) -> bool {
    let verb = line.split(' ').next().expect("split gives at least one piece").to_ascii_lowercase();
    COMMANDS.iter().any(|(usage, _)| usage.strip_suffix(" NAME") == Some(&verb))
}

/// Whether a line that is to be said begins like a command that takes a password, typed out of habit from nc.
pub(super) fn takes_password(line: &str) -> bool {
    let is_sign = |c: char| !c.is_alphanumeric();
    let begun = line.trim_start_matches(is_sign);
    let (verb, rest) = begun.split_at(begun.find(is_sign).unwrap_or(begun.len()));
    if verb.eq_ignore_ascii_case("MSG") {
        return takes_password(rest);
    }
    let takes = Verb::parse(verb.as_bytes()).is_some_and(Verb::takes_secret);
    takes && !rest.trim().is_empty()
}

/// A line as it may be shown and brought back: without what is, or may be, a password.
pub(super) fn without_password(line: &str, input: &Input) -> String {
    let keep = match input {
        Input::Do(Command::Password(Purpose::Passwd, _))
        | Input::AskPassword(Purpose::Passwd, _)
        | Input::Wrong(_) => 1,
        Input::Do(Command::Password(..)) | Input::AskPassword(..) => 2,
        Input::Do(_) | Input::Nothing | Input::Say(_) => return line.to_owned(),
    };
    line.split_whitespace().take(keep).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
