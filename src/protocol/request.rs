//! Command lines, parsed into requests.

use super::codes::Code;
use super::command::{Command, first_word, verb_echo};
use super::mail::{Device, Mail};
use super::reply::Refusal;
use super::secret::{InviteWord, Password, Token};
use super::text::{Text, TextError};
use super::time::Seq;
use super::title::Announce;
use super::verb::Verb;
use crate::limits::{HISTORY_LINES_DEFAULT, HISTORY_LINES_MAX};

/// What a login asks to be sent; written as what follows the mail.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
pub enum Subscription {
    /// The transcript, as this device.
    Feed(Device),
    /// Answers only.
    #[display("/-")]
    Feedless,
}

/// Which events HISTORY asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// This many of the last events.
    Last(u64),
    /// Events after this one, at most so many.
    Since(Seq, u64),
}

/// What proves that somebody is a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// LOGIN, PASSWD.
    Password(Password),
    /// RESUME.
    Token(Token),
}

/// A well-formed command. The room decides whether it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants and fields are the words of Verb::usage")]
pub enum Request<'a> {
    /// LOGIN and RESUME.
    Login {
        mail: Mail,
        subscription: Subscription,
        proof: Proof,
    },
    Join {
        mail: Mail,
        word: InviteWord,
        password: Password,
    },
    Token,
    Msg(Text<'a>),
    Who {
        after: Option<Mail>,
    },
    Members {
        after: Option<Mail>,
    },
    Info {
        seq: Seq,
        after: Option<Mail>,
    },
    History(Span),
    Find {
        before: Option<Seq>,
        text: Text<'a>,
    },
    Skip,
    Passwd {
        old: Password,
        new: Password,
    },
    Leave,
    Add {
        mail: Mail,
        password: Password,
    },
    Invite(Mail),
    Remove(Mail),
    Reset {
        mail: Mail,
        password: Password,
    },
    Promote(Mail),
    Demote(Mail),
    Name(Option<Text<'a>>),
    Title(Option<Text<'a>>),
    Announce(Option<Announce>),
    Stats,
    Ping(Option<Text<'a>>),
    Help(Option<Verb>),
    Quit,
}

impl<'a> Request<'a> {
    /// Parses a line without its end. The line must not be blank ([`Command::is_blank`]).
    pub fn parse(line: &'a [u8]) -> Result<Request<'a>, Refusal> {
        Request::of(Command::of(line)).map(|(_, request)| request)
    }

    /// Parses the arguments of a command. Its line must not be blank.
    pub fn of(command: Command<'a>) -> Result<(Verb, Request<'a>), Refusal> {
        let Command { line, word, verb, arguments } = command;
        let Some(verb) = verb else {
            let (code, sentence) = unknown(word);
            return Err(Refusal { verb: verb_echo(line), code, sentence });
        };
        Ok((verb, Request::with(verb, arguments)?))
    }

    fn with(verb: Verb, arguments: &'a [u8]) -> Result<Request<'a>, Refusal> {
        let refuse =
            |code, sentence: &str| Refusal { verb: verb.to_string(), code, sentence: sentence.to_owned() };
        let usage = || refuse(Code::Usage, &format!("usage: {}", verb.usage()));
        let text = |bytes| Text::parse(bytes).map_err(|why| refuse(Code::BadText, &why.to_string()));
        let optional_text = || (!arguments.is_empty()).then(|| text(arguments)).transpose();
        let number = |word: &[u8]| number(word).ok_or_else(usage);
        // A number above the limit counts as the limit.
        let count = |word: &[u8]| number(word).map(|n| n.min(HISTORY_LINES_MAX));
        let mail =
            |word: &[u8]| Mail::parse(word).map_err(|_| refuse(Code::BadMail, "that is not a mail address"));
        let password =
            |word: &[u8]| Password::parse(word).map_err(|why| refuse(Code::BadPassword, &why.to_string()));
        let place = |who: &[u8]| -> Result<(Mail, Subscription), Refusal> {
            // A `/` cannot be part of a mail.
            let mut parts = who.splitn(2, |&b| b == b'/');
            let (name, suffix) = (parts.next().unwrap_or_default(), parts.next());
            let no_device = || refuse(Code::Usage, "a device is 1 to 32 of A-Z a-z 0-9 . _ -");
            Ok((mail(name)?, subscription(suffix).ok_or_else(no_device)?))
        };
        match verb {
            Verb::Msg | Verb::Find if arguments.is_empty() => return Err(usage()),
            Verb::Msg => return Ok(Request::Msg(text(arguments)?)),
            Verb::Find => {
                let (before, wanted) = find_arguments(arguments);
                let before = before.map(number).transpose()?.map(Seq);
                return Ok(Request::Find { before, text: text(wanted)? });
            }
            Verb::Name => return Ok(Request::Name(optional_text()?)),
            Verb::Title => return Ok(Request::Title(optional_text()?)),
            Verb::Ping => return Ok(Request::Ping(optional_text()?)),
            _ => {}
        }
        let (words, length) = first_words(arguments);
        Ok(match (verb, &words[..length]) {
            (Verb::Login, [who, secret]) => {
                let (mail, subscription) = place(who)?;
                Request::Login { mail, subscription, proof: Proof::Password(password(secret)?) }
            }
            (Verb::Resume, [who, token]) => {
                let (mail, subscription) = place(who)?;
                let no_token = || refuse(Code::Usage, "a token is the word that TOKEN returned");
                let token = Token::parse(token).ok_or_else(no_token)?;
                Request::Login { mail, subscription, proof: Proof::Token(token) }
            }
            (Verb::Join, [who, word, secret]) => {
                let no_word = || refuse(Code::Usage, "an invitation is the word that INVITE returned");
                let mail = mail(who)?;
                let word = InviteWord::parse(word).ok_or_else(no_word)?;
                Request::Join { mail, word, password: password(secret)? }
            }
            (Verb::Who, []) => Request::Who { after: None },
            (Verb::Who, [after]) => Request::Who { after: Some(mail(after)?) },
            (Verb::Members, []) => Request::Members { after: None },
            (Verb::Members, [after]) => Request::Members { after: Some(mail(after)?) },
            (Verb::Info, [seq]) => Request::Info { seq: Seq(number(seq)?), after: None },
            (Verb::Info, [seq, after]) => {
                let after = Some(mail(after)?);
                Request::Info { seq: Seq(number(seq)?), after }
            }
            (Verb::History, []) => Request::History(Span::Last(HISTORY_LINES_DEFAULT)),
            (Verb::History, [n]) => Request::History(Span::Last(count(n)?)),
            (Verb::History, [since, seq]) if since.eq_ignore_ascii_case(b"SINCE") => {
                Request::History(Span::Since(Seq(number(seq)?), HISTORY_LINES_MAX))
            }
            (Verb::History, [since, seq, n]) if since.eq_ignore_ascii_case(b"SINCE") => {
                Request::History(Span::Since(Seq(number(seq)?), count(n)?))
            }
            (Verb::Passwd, [old, new]) => Request::Passwd { old: password(old)?, new: password(new)? },
            (Verb::Add, [who, secret]) => Request::Add { mail: mail(who)?, password: password(secret)? },
            (Verb::Reset, [who, secret]) => Request::Reset { mail: mail(who)?, password: password(secret)? },
            (Verb::Invite, [who]) => Request::Invite(mail(who)?),
            (Verb::Remove, [who]) => Request::Remove(mail(who)?),
            (Verb::Promote, [who]) => Request::Promote(mail(who)?),
            (Verb::Demote, [who]) => Request::Demote(mail(who)?),
            (Verb::Announce, []) => Request::Announce(None),
            (Verb::Announce, [mode]) => {
                Request::Announce(Some(Announce::parse(&mode.to_ascii_lowercase()).ok_or_else(usage)?))
            }
            (Verb::Help, []) => Request::Help(None),
            (Verb::Help, [about]) => {
                let no_verb = || refuse(Code::UnknownCommand, "no such command; HELP lists the commands");
                Request::Help(Some(Verb::parse(about).ok_or_else(no_verb)?))
            }
            (Verb::Skip, []) => Request::Skip,
            (Verb::Leave, []) => Request::Leave,
            (Verb::Stats, []) => Request::Stats,
            (Verb::Token, []) => Request::Token,
            (Verb::Quit, []) => Request::Quit,
            _ => return Err(usage()),
        })
    }
}

/// Why a first word is no verb. It may look like one: an arrow key, a Ctrl-D or a file's byte order mark leave
/// characters that no screen shows.
fn unknown(word: &[u8]) -> (Code, String) {
    let hidden = match Text::parse(word) {
        Err(TextError::Encoding) => return (Code::BadText, TextError::Encoding.to_string()),
        Err(TextError::Character(c)) => Some(c),
        Ok(text) => text.as_str().chars().find(|c| is_invisible(*c)),
    };
    if let Some(c) = hidden.map(u32::from) {
        let sentence = format!("the first word contains U+{c:04X}, which is not shown; type the line again");
        return (Code::BadText, sentence);
    }
    let sentence = "no such command; to say it, put MSG before it; HELP lists the commands";
    (Code::UnknownCommand, sentence.to_owned())
}

/// Characters of text that are invisible by themselves: soft hyphen, zero-width spaces and joiners, direction marks,
/// byte order mark. Within a message they are allowed, because scripts and emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// No command has so many words after its verb.
const WORDS: usize = 4;

/// The first words, and how many there are; they are separated by blanks.
fn first_words(arguments: &[u8]) -> ([&[u8]; WORDS], usize) {
    let (mut found, mut length) = ([&[][..]; WORDS], 0);
    for word in arguments.split(|&b| b == b' ').filter(|word| !word.is_empty()).take(WORDS) {
        found[length] = word;
        length += 1;
    }
    (found, length)
}

/// The number after BEFORE, if both are there and a text follows, and that text, after one blank.
fn find_arguments(arguments: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let (word, rest) = first_word(arguments);
    let (number, text) = first_word(rest);
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let is_before = word.eq_ignore_ascii_case(b"BEFORE") && is_number && !text.is_empty();
    if is_before { (Some(number), text) } else { (None, arguments) }
}

fn number(word: &[u8]) -> Option<u64> {
    let digits = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
}

fn subscription(suffix: Option<&[u8]>) -> Option<Subscription> {
    match suffix {
        None => Some(Subscription::Feed(Device::Default)),
        Some(b"-") => Some(Subscription::Feedless),
        Some(name) => Device::parse_named(std::str::from_utf8(name).ok()?).map(Subscription::Feed),
    }
}

#[cfg(test)]
mod tests;
