//! Passwords, tokens and the words of invitations.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

use super::text::is_forbidden;
use crate::limits::{INVITE_WORD_MAX, PASSWORD_MAX, PASSWORD_MIN, TOKEN_MAX};

/// A password as a person types it: [`PASSWORD_MIN`] to [`PASSWORD_MAX`] bytes of UTF-8 without blanks and
/// control characters. Wiped when dropped, never printed.
#[derive(Clone, derive_more::Debug, PartialEq, Eq)]
#[debug("<password>")]
pub struct Password(Zeroizing<String>);

/// Not a password. Its sentence says what one is.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
#[display("a password has {PASSWORD_MIN} to {PASSWORD_MAX} bytes and no blanks")]
pub struct PasswordError;

impl Password {
    /// Parses a password as it was typed.
    pub fn parse(bytes: &[u8]) -> Result<Password, PasswordError> {
        let text = std::str::from_utf8(bytes).map_err(|_| PasswordError)?;
        let fits = (PASSWORD_MIN..=PASSWORD_MAX).contains(&text.len());
        if !fits || text.chars().any(|c| c.is_whitespace() || is_forbidden(c)) {
            return Err(PasswordError);
        }
        Ok(Password(Zeroizing::new(text.to_owned())))
    }

    /// For hashing and comparing only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The form that is hashed and compared: composed (NFC), so that all keyboards and files give the same.
    pub fn composed(&self) -> Cow<'_, Password> {
        if is_nfc(self.expose()) {
            return Cow::Borrowed(self);
        }
        // At most three times as long (UAX #15). A string that grew would leave a copy behind.
        let mut composed = Zeroizing::new(String::with_capacity(3 * self.expose().len()));
        composed.extend(self.expose().nfc());
        Cow::Owned(Password(composed))
    }

    /// The forms from which its hash may have been made: the composed one and, if it differs, the one that was typed,
    /// for hashes made elsewhere or before passwords were composed.
    pub fn forms(&self) -> impl Iterator<Item = Cow<'_, Password>> {
        let composed = self.composed();
        let typed = matches!(composed, Cow::Owned(_)).then_some(Cow::Borrowed(self));
        [composed].into_iter().chain(typed)
    }
}

/// What TOKEN returns and RESUME takes: one word of URL-safe characters, at most [`TOKEN_MAX`]. Wiped when
/// dropped, never printed.
#[derive(Clone, derive_more::Debug, PartialEq, Eq)]
#[debug("<token>")]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Parses a token, without checking whose it is.
    pub fn parse(bytes: &[u8]) -> Option<Token> {
        url_safe(bytes, TOKEN_MAX).map(Token)
    }

    /// For sending and checking only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What INVITE returns and JOIN takes: one word of URL-safe characters, at most [`INVITE_WORD_MAX`]. Wiped when dropped,
/// never printed.
#[derive(Clone, derive_more::Debug, PartialEq, Eq)]
#[debug("<invitation>")]
pub struct InviteWord(Zeroizing<String>);

impl InviteWord {
    /// Parses a word, without checking who is invited.
    pub fn parse(bytes: &[u8]) -> Option<InviteWord> {
        url_safe(bytes, INVITE_WORD_MAX).map(InviteWord)
    }

    /// For sending and checking only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A word of letters, digits, `-` and `_`: nothing that a mail, a chat or an address changes, and a double click selects
/// nearly all of it.
fn url_safe(bytes: &[u8], max: usize) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    (clean && (1..=max).contains(&text.len())).then(|| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // No composed form; marks in another order; a compatibility character, which only NFKC would change.
        assert_eq!(forms("secret-q\u{308}"), ["secret-q\u{308}"]);
        assert_eq!(forms("secret-q\u{308}\u{323}"), ["secret-q\u{323}\u{308}", "secret-q\u{308}\u{323}"]);
        assert_eq!(forms("secret-\u{fb01}"), ["secret-\u{fb01}"]);
        // The longest composed form: three times as long, and it fits the capacity.
        let longest = "\u{1d160}".repeat(256);
        let password = Password::parse(longest.as_bytes()).expect("a password");
        let Cow::Owned(Password(composed)) = password.composed() else { panic!("the composed form differs") };
        assert_eq!((composed.len(), composed.capacity()), (3 * 1024, 3 * 1024));
    }
}
