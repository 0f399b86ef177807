//! Command lines, parsed into requests.

use super::codes::Code;
use super::command::Command;
use super::mail::{Device, Mail};
use super::reply::Refusal;
use super::secret::{Password, Token};
use super::text::{Text, TextError};
use super::time::Seq;
use super::verb::Verb;
use super::words::VerbEcho;
use crate::limits::{HISTORY_LINES_DEFAULT, HISTORY_LINES_MAX};

/// What a login asks to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// The transcript, as this device.
    Feed(Device),
    /// Answers only (`/-`).
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

/// A well-formed command. The room decides whether it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants and fields are the words of Verb::usage")]
pub enum Request<'a> {
    Login { mail: Mail, subscription: Subscription, password: Password },
    Resume { mail: Mail, subscription: Subscription, token: Token },
    Token,
    Msg(Text<'a>),
    Who { after: Option<Mail> },
    Members { after: Option<Mail> },
    Info { seq: Seq, after: Option<Mail> },
    History(Span),
    Skip,
    Passwd { old: Password, new: Password },
    Leave,
    Add { mail: Mail, password: Password },
    Remove(Mail),
    Reset { mail: Mail, password: Password },
    Stats,
    Ping(Option<Text<'a>>),
    Help(Option<Verb>),
    Quit,
}

impl<'a> Request<'a> {
    /// Parses a line without its end. The line must not be blank ([`Command::is_blank`]).
    pub fn parse(line: &'a [u8]) -> Result<Request<'a>, Refusal> {
        Request::of(Command::of(line))
    }

    /// Parses the arguments of a command. Its line must not be blank.
    pub fn of(command: Command<'a>) -> Result<Request<'a>, Refusal> {
        let Command { line, word, verb, arguments: rest } = command;
        let Some(verb) = verb else {
            let (code, sentence) = unknown(word);
            return Err(Refusal { verb: VerbEcho::of_line(line), code, sentence });
        };
        let refuse = |code, sentence: String| Refusal { verb: verb.into(), code, sentence };
        let usage = || refuse(Code::Usage, format!("usage: {}", verb.usage()));
        let mail = |word| {
            Mail::parse(word).map_err(|_| refuse(Code::BadMail, "that is not a mail address".to_owned()))
        };
        let password = |word| Password::parse(word).map_err(|why| refuse(Code::BadPassword, why.to_string()));
        let device = |(name, suffix)| {
            let mail = mail(name)?;
            let sentence = || "a device is 1 to 32 of A-Z a-z 0-9 . _ -".to_owned();
            Ok((mail, subscription(suffix).ok_or_else(|| refuse(Code::Usage, sentence()))?))
        };
        let text = |bytes| Text::parse(bytes).map_err(|why| refuse(Code::BadText, why.to_string()));

        Ok(match verb {
            Verb::Login => {
                let [who, secret] = words(rest).ok_or_else(usage)?;
                let (mail, subscription) = device(split_device(who))?;
                Request::Login { mail, subscription, password: password(secret)? }
            }
            Verb::Resume => {
                let [who, token] = words(rest).ok_or_else(usage)?;
                let (mail, subscription) = device(split_device(who))?;
                let sentence = || "a token is the word that TOKEN returned".to_owned();
                let token = Token::parse(token).ok_or_else(|| refuse(Code::Usage, sentence()))?;
                Request::Resume { mail, subscription, token }
            }
            Verb::Msg => match rest {
                [] => return Err(usage()),
                bytes => Request::Msg(text(bytes)?),
            },
            Verb::Who => Request::Who { after: optional(rest).map_err(|()| usage())?.map(mail).transpose()? },
            Verb::Members => {
                Request::Members { after: optional(rest).map_err(|()| usage())?.map(mail).transpose()? }
            }
            Verb::Info => {
                let (seq, after) = match words::<1>(rest) {
                    Some([seq]) => (seq, None),
                    None => {
                        let [seq, after] = words(rest).ok_or_else(usage)?;
                        (seq, Some(mail(after)?))
                    }
                };
                Request::Info { seq: Seq(number(seq).ok_or_else(usage)?), after }
            }
            Verb::History => Request::History(span(rest).ok_or_else(usage)?),
            Verb::Passwd => {
                let [old, new] = words(rest).ok_or_else(usage)?;
                Request::Passwd { old: password(old)?, new: password(new)? }
            }
            Verb::Add => {
                let [who, secret] = words(rest).ok_or_else(usage)?;
                Request::Add { mail: mail(who)?, password: password(secret)? }
            }
            Verb::Reset => {
                let [who, secret] = words(rest).ok_or_else(usage)?;
                Request::Reset { mail: mail(who)?, password: password(secret)? }
            }
            Verb::Remove => {
                let [who] = words(rest).ok_or_else(usage)?;
                Request::Remove(mail(who)?)
            }
            Verb::Ping => Request::Ping(if rest.is_empty() { None } else { Some(text(rest)?) }),
            Verb::Help => {
                let about = match optional(rest).map_err(|()| usage())? {
                    None => None,
                    Some(word) => Some(Verb::parse(word).ok_or_else(|| {
                        refuse(Code::UnknownCommand, "no such command; HELP lists the commands".to_owned())
                    })?),
                };
                Request::Help(about)
            }
            Verb::Skip | Verb::Leave | Verb::Stats | Verb::Token | Verb::Quit => {
                let [] = words(rest).ok_or_else(usage)?;
                match verb {
                    Verb::Skip => Request::Skip,
                    Verb::Leave => Request::Leave,
                    Verb::Stats => Request::Stats,
                    Verb::Token => Request::Token,
                    _ => Request::Quit,
                }
            }
        })
    }

    /// The command's verb.
    pub fn verb(&self) -> Verb {
        match self {
            Request::Login { .. } => Verb::Login,
            Request::Resume { .. } => Verb::Resume,
            Request::Token => Verb::Token,
            Request::Msg(_) => Verb::Msg,
            Request::Who { .. } => Verb::Who,
            Request::Members { .. } => Verb::Members,
            Request::Info { .. } => Verb::Info,
            Request::History(_) => Verb::History,
            Request::Skip => Verb::Skip,
            Request::Passwd { .. } => Verb::Passwd,
            Request::Leave => Verb::Leave,
            Request::Add { .. } => Verb::Add,
            Request::Remove(_) => Verb::Remove,
            Request::Reset { .. } => Verb::Reset,
            Request::Stats => Verb::Stats,
            Request::Ping(_) => Verb::Ping,
            Request::Help(_) => Verb::Help,
            Request::Quit => Verb::Quit,
        }
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
    match hidden {
        Some(c) => {
            let sentence = format!(
                "the first word contains U+{:04X}, which is not shown; type the line again",
                u32::from(c)
            );
            (Code::BadText, sentence)
        }
        None => {
            let sentence = "no such command; to say it, put MSG before it; HELP lists the commands";
            (Code::UnknownCommand, sentence.to_owned())
        }
    }
}

/// Characters of text that are invisible by themselves: soft hyphen, zero-width spaces and joiners, direction marks,
/// byte order mark. Within a message they are allowed, because scripts and emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Exactly `N` words, separated by blanks.
fn words<const N: usize>(rest: &[u8]) -> Option<[&[u8]; N]> {
    let mut all = rest.split(|&b| b == b' ').filter(|word| !word.is_empty());
    let mut found = [&[][..]; N];
    for place in &mut found {
        *place = all.next()?;
    }
    all.next().is_none().then_some(found)
}

/// No word or one; an error if there are more.
fn optional(rest: &[u8]) -> Result<Option<&[u8]>, ()> {
    match words::<0>(rest) {
        Some([]) => Ok(None),
        None => words::<1>(rest).map(|[word]| Some(word)).ok_or(()),
    }
}

fn number(word: &[u8]) -> Option<u64> {
    let digits = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
}

/// `[<n>]` or `SINCE <seq> [<n>]`. A number above the limit counts as the limit.
fn span(rest: &[u8]) -> Option<Span> {
    let count = |word| number(word).map(|n| n.min(HISTORY_LINES_MAX));
    let all: Vec<&[u8]> = rest.split(|&b| b == b' ').filter(|word| !word.is_empty()).take(4).collect();
    match all[..] {
        [] => Some(Span::Last(HISTORY_LINES_DEFAULT)),
        [since, seq] if since.eq_ignore_ascii_case(b"SINCE") => {
            Some(Span::Since(Seq(number(seq)?), HISTORY_LINES_MAX))
        }
        [since, seq, n] if since.eq_ignore_ascii_case(b"SINCE") => {
            Some(Span::Since(Seq(number(seq)?), count(n)?))
        }
        [n] => Some(Span::Last(count(n)?)),
        _ => None,
    }
}

/// Splits `ann@example.org/laptop` at the `/`, which cannot be part of a mail.
fn split_device(who: &[u8]) -> (&[u8], Option<&[u8]>) {
    match who.iter().position(|&b| b == b'/') {
        Some(slash) => (&who[..slash], Some(&who[slash + 1..])),
        None => (who, None),
    }
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
