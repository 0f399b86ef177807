//! The nouns of the protocol. Each can only be made from bytes that are right.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

use crate::limits::{DEVICE_MAX, MAIL_MAX, PASSWORD_MAX, PASSWORD_MIN, TIME_LEN, TOKEN_MAX};

/// A member's name: a mail address in lower case. ASCII, one `@` with something on both sides, at most
/// [`MAIL_MAX`] bytes, no blanks, control characters or `/`, not beginning with `#`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mail(Arc<str>);

/// Not a mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailError;

impl Mail {
    /// Reads a mail, folding it to lower case. A `#` may not begin it: in members.txt that is a comment.
    pub fn parse(bytes: &[u8]) -> Result<Mail, MailError> {
        let text = std::str::from_utf8(bytes).map_err(|_| MailError)?;
        let graphic = text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        let (name, domain) = text.split_once('@').ok_or(MailError)?;
        if !graphic || text.len() > MAIL_MAX || text.starts_with('#') {
            return Err(MailError);
        }
        if name.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(MailError);
        }
        Ok(Mail(text.to_ascii_lowercase().into()))
    }

    /// The address, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Mail {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One of a member's places. `ann@example.org` is the default device, `ann@example.org/laptop` a named one.
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Device {
    /// Without a suffix.
    Default,
    /// `[A-Za-z0-9._-]{1,32}`, but not `-` alone, which asks for no feed.
    Named(Arc<str>),
}

impl Device {
    /// Reads the suffix behind the `/`.
    pub fn parse_named(name: &str) -> Option<Device> {
        let fits = (1..=DEVICE_MAX).contains(&name.len()) && name != "-";
        let clean = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        (fits && clean).then(|| Device::Named(name.into()))
    }
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Talks.
    Member,
    /// Talks, and says who else may.
    Admin,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Admin => "admin",
        }
    }

    /// Reads what [`fmt::Display`] writes.
    pub(super) fn parse(word: &str) -> Option<Role> {
        [Role::Member, Role::Admin].into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A password as a person types it: [`PASSWORD_MIN`] to [`PASSWORD_MAX`] bytes of UTF-8 without blanks and
/// control characters. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

/// Why something is no password; the sentence says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordError;

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a password has {PASSWORD_MIN} to {PASSWORD_MAX} bytes and no blanks")
    }
}

impl Password {
    /// Reads a password.
    pub fn parse(bytes: &[u8]) -> Result<Password, PasswordError> {
        let text = std::str::from_utf8(bytes).map_err(|_| PasswordError)?;
        let fits = (PASSWORD_MIN..=PASSWORD_MAX).contains(&text.len());
        if !fits || text.chars().any(|c| c.is_whitespace() || is_refused(c)) {
            return Err(PasswordError);
        }
        Ok(Password(Zeroizing::new(text.to_owned())))
    }

    /// For hashing and comparing only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// In the form that is hashed and compared: composed (NFC), whatever keyboard or file it comes from.
    pub fn composed(&self) -> Cow<'_, Password> {
        if is_nfc(self.expose()) {
            return Cow::Borrowed(self);
        }
        // It is at most three times as long (UAX #15): one that grew would leave a copy behind.
        let mut composed = Zeroizing::new(String::with_capacity(3 * self.expose().len()));
        composed.extend(self.expose().nfc());
        Cow::Owned(Password(composed))
    }

    /// All that its hash may be of: the composed form; and, for hashes made elsewhere or before there was one, the form
    /// that was typed, if that is another.
    pub fn forms(&self) -> impl Iterator<Item = Cow<'_, Password>> {
        let composed = self.composed();
        let typed = matches!(composed, Cow::Owned(_)).then_some(Cow::Borrowed(self));
        [composed].into_iter().chain(typed)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<password>")
    }
}

/// What TOKEN gives and RESUME takes: one word of URL-safe characters, at most [`TOKEN_MAX`]. Wiped when
/// dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Reads a token; whom it lets in is not known yet.
    pub fn parse(bytes: &[u8]) -> Option<Token> {
        let text = std::str::from_utf8(bytes).ok()?;
        let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let fits = (1..=TOKEN_MAX).contains(&text.len());
        (fits && clean).then(|| Token(Zeroizing::new(text.to_owned())))
    }

    /// For sending and checking only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<token>")
    }
}

/// What a person says: UTF-8, not empty, and nothing in it that could move another's cursor, colour
/// their screen or turn their text around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// Not UTF-8.
    Encoding,
    /// A control, line-separating or direction-changing character.
    Character(char),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Encoding => f.write_str("text is UTF-8, and this is not"),
            TextError::Character(c) => {
                write!(f, "text may not contain U+{:04X}", u32::from(*c))
            }
        }
    }
}

impl<'a> Text<'a> {
    /// Reads a text verbatim.
    pub fn parse(bytes: &'a [u8]) -> Result<Text<'a>, TextError> {
        let text = std::str::from_utf8(bytes).map_err(|_| TextError::Encoding)?;
        // Most texts are plain, and that is seen many bytes at a time.
        let is_plain = |byte: u8| (b' '..0x7f).contains(&byte) || byte == b'\t';
        if bytes.iter().fold(true, |all, &byte| all & is_plain(byte)) {
            return Ok(Text(text));
        }
        match text.chars().find(|&c| is_refused(c)) {
            Some(c) => Err(TextError::Character(c)),
            None => Ok(Text(text)),
        }
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// Characters that act on a terminal instead of standing in it: C0 but TAB, DEL and C1, line and paragraph
/// separators, and the bidirectional controls of Unicode's "Trojan Source" (UTS #55).
fn is_refused(c: char) -> bool {
    matches!(
        c,
        '\0'..='\x08' | '\x0a'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Counts transcript lines from 1, without holes, never used twice. 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seq(pub u64);

impl Seq {
    /// The number of the next line.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment of the wall clock: milliseconds since 1970 UTC, written `2026-01-02T03:04:05.678Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

const TIME_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

impl Time {
    /// The last moment that can be written with four digits of a year.
    const LAST: u64 = 253_402_300_799_999;

    /// Milliseconds since 1970; a clock beyond the year 9999 counts as its last moment.
    pub fn from_unix_ms(ms: u64) -> Time {
        Time(ms.min(Self::LAST))
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(self) -> u64 {
        self.0
    }

    /// Reads what [`fmt::Display`] writes, and only that.
    pub fn parse(text: &str) -> Option<Time> {
        if text.len() != TIME_LEN {
            return None;
        }
        let parsed = time::PrimitiveDateTime::parse(text, TIME_FORMAT).ok()?;
        let ms = parsed.assume_utc().unix_timestamp_nanos() / 1_000_000;
        u64::try_from(ms).ok().map(Time)
    }
}

impl fmt::Display for Time {
    /// Digit by digit: each event and each OK has one, and a format takes several times as long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0 / 1000).expect("the constructors keep it below the year 10000");
        let moment = OffsetDateTime::from_unix_timestamp(seconds).expect("the same");
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |from: usize, to: usize, mut number: u64| {
            for place in text[from..to].iter_mut().rev() {
                *place = b"0123456789"[(number % 10) as usize];
                number /= 10;
            }
        };
        put(0, 4, u64::from(year.unsigned_abs()));
        put(5, 7, u64::from(u8::from(month)));
        put(8, 10, u64::from(day));
        put(11, 13, u64::from(hour));
        put(14, 16, u64::from(minute));
        put(17, 19, u64::from(second));
        put(20, 23, self.0 % 1000);
        f.write_str(std::str::from_utf8(&text).expect("digits are text"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_every_character_but_those_of_the_protocol() {
        let listed = |c: u32| {
            (c <= 0x1f && c != 0x09)
                || (0x7f..=0x9f).contains(&c)
                || (0x2028..=0x202e).contains(&c)
                || (0x2066..=0x2069).contains(&c)
        };
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert_eq!(Text::parse(text.as_bytes()).is_err(), listed(c.into()), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn mails() {
        let read = |s: &str| Mail::parse(s.as_bytes()).map(|m| m.to_string());
        assert_eq!(read("Ann@Example.ORG"), Ok("ann@example.org".into()));
        let long = format!("{}@x", "a".repeat(253));
        for bad in ["", "ann", "@", "ann@", "@x", "a@b@c", "a/b@c", "a b@c", "a\t@c", "ä@c", "#a@c", &long] {
            assert_eq!(read(bad), Err(MailError), "{bad:?}");
        }
        assert!(read(&long[1..]).is_ok());
    }

    #[test]
    fn devices() {
        let read = |s: &str| Device::parse_named(s).is_some();
        assert!(read("laptop") && read("a.b_c-9") && read(&"x".repeat(32)) && read("--"));
        assert!(!read("") && !read("-") && !read("a b") && !read("a/b") && !read(&"x".repeat(33)));
    }

    #[test]
    fn passwords() {
        for bad in ["", "short", "with blank", "tab\tinside", "es\x1bcape", "nbsp\u{a0}inside"] {
            assert!(Password::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Password::parse(&[b'x'; 1024]).is_ok());
        assert!(Password::parse(&[b'x'; 1025]).is_err());
        let password = Password::parse("gehe1m-ß".as_bytes()).expect("a password");
        assert_eq!(format!("{password:?}"), "<password>");
    }

    #[test]
    fn passwords_are_compared_composed() {
        let forms = |text: &str| -> Vec<String> {
            let password = Password::parse(text.as_bytes()).expect("a password");
            password.forms().map(|form| form.expose().to_owned()).collect()
        };
        assert_eq!(forms("secret"), ["secret"]);
        assert_eq!(forms("gehe1m-\u{fc}"), ["gehe1m-\u{fc}"]);
        assert_eq!(forms("gehe1m-u\u{308}"), ["gehe1m-\u{fc}", "gehe1m-u\u{308}"]);
        // What cannot be composed, what is out of order, and what only looks alike (NFKC would make it the same).
        assert_eq!(forms("secret-q\u{308}"), ["secret-q\u{308}"]);
        assert_eq!(forms("secret-q\u{308}\u{323}"), ["secret-q\u{323}\u{308}", "secret-q\u{308}\u{323}"]);
        assert_eq!(forms("secret-\u{fb01}"), ["secret-\u{fb01}"]);
        // The longest that can come of it has room where it is: three times as much.
        let longest = "\u{1d160}".repeat(256);
        let password = Password::parse(longest.as_bytes()).expect("a password");
        let Cow::Owned(Password(composed)) = password.composed() else { panic!("it is another") };
        assert_eq!((composed.len(), composed.capacity()), (3 * 1024, 3 * 1024));
    }

    #[test]
    fn texts() {
        for good in ["hi", " two  blanks ", "tab\there", "ünï → 漢字 👩‍👩‍👧"] {
            assert!(Text::parse(good.as_bytes()).is_ok(), "{good:?}");
        }
        for bad in ["a\u{0}", "\u{1b}[2J", "\r", "a\u{7f}", "\u{85}", "\u{2028}", "\u{202e}abc", "\u{2066}"] {
            assert!(matches!(Text::parse(bad.as_bytes()), Err(TextError::Character(_))), "{bad:?}");
        }
        assert_eq!(Text::parse(b"\xff"), Err(TextError::Encoding));
    }

    #[test]
    fn times() {
        let time = Time::from_unix_ms(1_767_323_045_678);
        assert_eq!(time.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(Time::parse("2026-01-02T03:04:05.678Z"), Some(time));
        assert_eq!(Time::from_unix_ms(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Time::from_unix_ms(u64::MAX).to_string().len(), TIME_LEN);
        for bad in ["", "2026-01-02T03:04:05Z", "2026-13-02T03:04:05.678Z", "1969-12-31T23:59:59.000Z"] {
            assert_eq!(Time::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn times_are_written_as_they_are_read(ms in 0..=Time::LAST) {
            let time = Time::from_unix_ms(ms);
            let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
            let formatted = moment.expect("it is one").format(TIME_FORMAT).expect("it has all");
            prop_assert_eq!(time.to_string(), formatted);
            prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
    }
}
