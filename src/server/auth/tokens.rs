//! Tokens: with one a device logs in again without the password, and without the 25 ms that hashing one takes.
//!
//! A token is its expiry and a keyed MAC over that, the mail, the password's hash and the number of the line that
//! announced the member, in URL-safe base 64. So the server remembers no tokens, and a changed password ends them all.
//! So does a removal, even if the same line comes back into members.txt later.

use std::io;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{KeyInit as _, Mac as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::limits::{CLOCK_EPOCH, TOKEN_LIFE, TOKEN_MAX};
use crate::protocol::{Mail, Seq, Time, Token};
use crate::room::PasswordHash;
use crate::server::keys::{Key, random_key};

/// Bytes of the expiry: seconds since 1970.
const END_LEN: usize = 8;
/// Bytes of the MAC: nobody guesses 128 bits.
const MAC_LEN: usize = 16;
/// Characters of a token.
const TEXT_LEN: usize = (END_LEN + MAC_LEN) * 4 / 3;

const _: () = assert!((END_LEN + MAC_LEN).is_multiple_of(3) && TEXT_LEN <= TOKEN_MAX);

/// A keyed MAC over these parts, each with its length before it.
pub(in crate::server) fn keyed_mac(key: &Key, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = Blake2bMac::<U32>::new_from_slice(key.as_ref()).expect("BLAKE2b takes 32 bytes of key");
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Makes tokens and checks them.
#[derive(derive_more::Debug)]
#[debug("Tokens")]
pub struct Tokens {
    key: Key,
}

impl Tokens {
    /// Tokens made and checked with this key.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Tokens {
        Tokens { key }
    }

    /// With a new key, so that all tokens end with the process.
    pub fn ephemeral() -> io::Result<Tokens> {
        random_key().map(Tokens::new)
    }

    /// A token for this member, who was announced by the line `added`; good for [`TOKEN_LIFE`].
    pub fn issue(&self, mail: &Mail, hash: &PasswordHash, added: Seq, now: Time) -> Token {
        let end = (now.unix_ms() / 1000 + TOKEN_LIFE.as_secs()).to_be_bytes();
        let mut bytes = Zeroizing::new([0; END_LEN + MAC_LEN]);
        bytes[..END_LEN].copy_from_slice(&end);
        bytes[END_LEN..].copy_from_slice(&self.mac(mail, hash.as_str(), added, end)[..MAC_LEN]);
        let mut text = Zeroizing::new([0; TEXT_LEN]);
        let text = Base64UrlUnpadded::encode(bytes.as_ref(), text.as_mut()).expect("the buffer is as long");
        Token::parse(text.as_bytes()).expect("URL-safe characters")
    }

    /// Whether this token is good for the member with this mail, whose password has this hash and who was announced by
    /// the line `added`. Takes as long if no member has the mail.
    pub fn fits(
        &self,
        token: &Token,
        mail: &Mail,
        hash: Option<&PasswordHash>,
        added: Seq,
        now: Time,
    ) -> bool {
        let mut buf = Zeroizing::new([0; END_LEN + MAC_LEN]);
        let bytes = Base64UrlUnpadded::decode(token.expose(), buf.as_mut()).unwrap_or_default();
        let Some((end, given)) = bytes.split_first_chunk::<END_LEN>() else { return false };
        let computed = self.mac(mail, hash.map_or("", PasswordHash::as_str), added, *end);
        let same = bool::from(computed[..MAC_LEN].ct_eq(given));
        same && hash.is_some() && is_alive(u64::from_be_bytes(*end), now, TOKEN_LIFE)
    }

    /// A keyed hash of this mail: always the same, and nobody without the key can tell it.
    pub(in crate::server) fn mail_hash(&self, mail: &Mail) -> u64 {
        let mac = keyed_mac(&self.key, &[mail.as_str().as_bytes(), b"as a stranger"]);
        u64::from_le_bytes(*mac.first_chunk().expect("32 bytes"))
    }

    fn mac(&self, mail: &Mail, hash: &str, added: Seq, end: [u8; END_LEN]) -> Zeroizing<[u8; 32]> {
        let (mail, hash, added) = (mail.as_str().as_bytes(), hash.as_bytes(), added.0.to_le_bytes());
        let parts = [mail, hash, &end, &added];
        // Tokens from before numbers were in them are still good for the members who were there from the start.
        let known = if added == [0; 8] { &parts[..3] } else { &parts };
        self.mac_of(known)
    }

    pub(super) fn mac_of(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        keyed_mac(&self.key, parts)
    }
}

/// Whether what was made with this expiry, to be good for `life`, still is. What has more than twice that left was made
/// while the clock was ahead, and is refused, for it would be good for years. Unless the present clock was never set.
pub(super) fn is_alive(end: u64, now: Time, life: Duration) -> bool {
    let left = end.saturating_sub(now.unix_ms() / 1000);
    left > 0 && (left <= 2 * life.as_secs() || now.unix_ms() < CLOCK_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    fn hash(salt: &str) -> PasswordHash {
        let hash = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
        PasswordHash::parse(&format!("$argon2id$v=19$m=64,t=1,p=1${salt}${hash}")).expect("a hash")
    }

    fn after(days: u64) -> Time {
        Time::from_unix_ms(CLOCK_EPOCH + days * 24 * 60 * 60 * 1000)
    }

    #[test]
    fn a_token_fits_one_mail_one_password_one_membership_and_thirty_days() {
        let tokens = Tokens::new(Zeroizing::new([7; 32]));
        let (ann, one, added) = (mail("ann@x"), hash("c2FsdHNhbHQ"), Seq(7));
        let token = tokens.issue(&ann, &one, added, after(0));
        assert_eq!(token.expose().len(), TEXT_LEN);
        assert!(tokens.fits(&token, &ann, Some(&one), added, after(0)));
        assert!(tokens.fits(&token, &ann, Some(&one), added, after(29)));
        assert!(!tokens.fits(&token, &ann, Some(&one), added, after(30)));
        assert!(!tokens.fits(&token, &ann, Some(&hash("b2FsdHNhbHQ")), added, after(0)));
        assert!(!tokens.fits(&token, &mail("bob@x"), Some(&one), added, after(0)));
        assert!(!tokens.fits(&token, &ann, None, added, after(0)));
        for another in [Seq(0), Seq(6), Seq(8), Seq(7 << 32)] {
            assert!(!tokens.fits(&token, &ann, Some(&one), another, after(0)), "{another}");
        }
        let others = Tokens::new(Zeroizing::new([8; 32]));
        assert!(!others.fits(&token, &ann, Some(&one), added, after(0)));
    }

    #[test]
    fn the_first_members_tokens_have_no_number_in_them() {
        let tokens = Tokens::new(Zeroizing::new([7; 32]));
        let (ann, one) = (mail("ann@x"), hash("c2FsdHNhbHQ"));
        let before = Token::parse(b"AAAAADvCVwBn5BqEJ-PMZc9MViWmPpip").expect("a word");
        assert_eq!(tokens.issue(&ann, &one, Seq(0), Time::from_unix_ms(1_000_000_000_000)), before);
        assert!(!tokens.fits(&before, &ann, Some(&one), Seq(9), after(0)), "removed, and added again");
    }

    #[test]
    fn a_token_survives_a_clock_that_was_a_little_ahead() {
        let tokens = Tokens::new(Zeroizing::new([7; 32]));
        let (ann, one) = (mail("ann@x"), hash("c2FsdHNhbHQ"));
        let fits = |made: u64, now| {
            let token = tokens.issue(&ann, &one, Seq(7), after(made));
            tokens.fits(&token, &ann, Some(&one), Seq(7), now)
        };
        // The clock was ahead by a month, by a day more, and by ten years.
        assert!(fits(30, after(0)));
        assert!(!fits(31, after(0)) && !fits(3653, after(0)));
        // The present clock was never set.
        assert!(fits(3653, Time::from_unix_ms(7)));
    }

    #[test]
    fn no_other_word_fits() {
        let tokens = Tokens::new(Zeroizing::new([7; 32]));
        let (ann, one) = (mail("ann@x"), hash("c2FsdHNhbHQ"));
        let right = tokens.issue(&ann, &one, Seq(0), after(0)).expose().to_owned();
        let changed = (0..right.len()).map(|at| {
            let other = if right.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &right[..at], &right[at + 1..])
        });
        let lengths = [&right[..31], &right[..8], "A", "-", &right.repeat(2)].map(str::to_owned);
        for text in changed.chain(lengths) {
            let token = Token::parse(text.as_bytes()).expect("a word");
            assert!(!tokens.fits(&token, &ann, Some(&one), Seq(0), after(0)), "{text}");
        }
    }
}
