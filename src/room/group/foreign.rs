//! Recognises hashes of other programs in the password field. Taken for a typed password, the hash itself would be the
//! password, and anybody who can read the other program's file could log in with it.
//!
//! Nobody types most of these forms. Three could be passwords: hex digits as many as a digest has, the 13 characters of DES
//! crypt, a word in braces. They are refused, too, and the sentence says what to type instead.

use std::iter;

use memchr::memchr;

/// What a field looks like. Shown without its contents, which may be a password after all.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// A hash of this kind, which nobody types.
    #[display("this looks like {_0}{NOT_ACCEPTED}")]
    Hash(&'static str),
    /// Probably a hash of this kind, but it could be a password.
    #[display(
        "this looks like {_0}{NOT_ACCEPTED}. If this is the password, put one more character before it"
    )]
    Perhaps(&'static str),
    /// An Argon2id hash with quotes or other things around it.
    #[display("this is an Argon2id hash with something around it; keep only the hash, from $argon2id on")]
    Wrapped,
}

const NOT_ACCEPTED: &str =
    ", and only Argon2id hashes are accepted; type a password instead, and it is replaced by its hash";

/// How hashes begin, and their kinds. The first that matches counts.
const HEADS: &[(&str, &str)] = &[
    ("$argon2i$", "an Argon2i hash"),
    ("$argon2d$", "an Argon2d hash"),
    ("$2", "a bcrypt hash"),
    ("$bcrypt", "a bcrypt hash"),
    ("$y$", "a yescrypt hash"),
    ("$gy$", "a gost-yescrypt hash"),
    ("$7$", "an scrypt hash"),
    ("$scrypt", "an scrypt hash"),
    ("$6$", "a SHA-512 crypt hash"),
    ("$5$", "a SHA-256 crypt hash"),
    ("$1$", "an MD5 crypt hash"),
    ("$apr1$", "an MD5 hash of Apache's htpasswd"),
    ("$md5", "a SunMD5 hash"),
    ("$sha1$", "a SHA-1 crypt hash"),
    ("$3$", "an NT hash"),
    ("$pbkdf2", "a PBKDF2 hash"),
    ("$P$", "a phpass hash"),
    ("$H$", "a phpass hash"),
    ("$S$", "a Drupal hash"),
    ("SCRAM-SHA-", "a SCRAM secret"),
    ("pbkdf2_sha", "a PBKDF2 hash of Django"),
    ("pbkdf2:sha", "a PBKDF2 hash of Werkzeug"),
    ("scrypt:", "an scrypt hash of Werkzeug"),
    ("scrypt$", "an scrypt hash of Django"),
    ("sha1$", "a SHA-1 hash of Django or Werkzeug"),
    ("sha256$", "a SHA-256 hash of Werkzeug"),
    ("md5$", "an MD5 hash of Django or Werkzeug"),
    ("crypt$", "a DES crypt hash of Django"),
    ("argon2$argon2", "an Argon2 hash of Django"),
    ("bcrypt$$2", "a bcrypt hash of Django"),
    ("bcrypt_sha256$$2", "a bcrypt hash of Django"),
    ("grub.pbkdf2.", "a PBKDF2 hash of GRUB"),
];

/// A shorter word with such a beginning may be a password.
const HASH_MIN: usize = 20;

/// What may surround a hash that was copied carelessly: quotes, a login name with a colon.
const AROUND: &[char] = &['"', '\'', '`', '“', '”', '‘', '’', ':'];

impl Foreign {
    /// The foreign hash that a password field contains, if it contains one.
    pub(crate) fn of(field: &str) -> Option<Foreign> {
        if let Some(found) = Foreign::of_word(field) {
            return Some(found);
        }
        if field.starts_with('$') {
            return Some(Foreign::Hash("a hash, of which system is not known"));
        }
        // Some forms contain colons.
        let unquoted = field.trim_matches(AROUND);
        iter::once(unquoted).chain(field.split(AROUND)).find_map(|part| {
            // A mark of shadow files for a locked account, and what follows in a list.
            let part = part.trim_start_matches('!').trim_end_matches([',', ';', '"', '\'']);
            let unlocked = part.trim_start_matches("*LK*").trim_start_matches('*');
            let part = if unlocked.starts_with('$') { unlocked } else { part };
            if part.starts_with("$argon2id$") {
                return Some(Foreign::Wrapped);
            }
            // After a name and a colon, or in quotes, it is not a typed password.
            Foreign::of_word(part).map(|found| match found {
                Foreign::Perhaps(what) => Foreign::Hash(what),
                found => found,
            })
        })
    }

    fn of_word(word: &str) -> Option<Foreign> {
        let head = HEADS.iter().find(|(head, _)| word.starts_with(head) && word.len() >= HASH_MIN);
        if let Some((_, what)) = head {
            return Some(Foreign::Hash(what));
        }
        if is_in_braces(word) {
            return Some(Foreign::Perhaps("a hash of Dovecot or LDAP, with its kind in braces"));
        }
        let is_hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
        if word.strip_prefix('*').is_some_and(|digits| digits.len() == 40 && is_hex(digits)) {
            return Some(Foreign::Hash("a MySQL hash"));
        }
        if word.strip_prefix("md5").is_some_and(|digits| digits.len() == 32 && is_hex(digits)) {
            return Some(Foreign::Hash("an MD5 hash of PostgreSQL"));
        }
        if word.len() == 20 && word.strip_prefix('_').is_some_and(is_crypt) {
            return Some(Foreign::Hash("a BSDi crypt hash"));
        }
        if word.split_once('$').is_some_and(|(salt, rest)| {
            (1..=8).contains(&salt.len()) && is_crypt(salt) && rest.len() == 22 && is_crypt(rest)
        }) {
            return Some(Foreign::Hash("an MD5 hash of AIX"));
        }
        if is_hex(word) {
            let digest = match word.len() {
                32 => "an MD5 or NT hash in hex digits",
                40 => "a SHA-1 hash in hex digits",
                56 => "a SHA-224 hash in hex digits",
                64 => "a SHA-256 hash in hex digits",
                96 => "a SHA-384 hash in hex digits",
                128 => "a SHA-512 hash in hex digits",
                _ => return None,
            };
            return Some(Foreign::Perhaps(digest));
        }
        is_des(word).then_some(Foreign::Perhaps("a DES crypt hash"))
    }
}

/// `{SSHA}…`, `{BLF-CRYPT}…`, `{FSHP1|16|4096}…`: something in braces, and something after them.
fn is_in_braces(word: &str) -> bool {
    let inside_and_rest = word.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    inside_and_rest.is_some_and(|(inside, rest)| !inside.is_empty() && !rest.is_empty())
}

/// The alphabet of crypt(3).
fn is_crypt(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/')
}

/// Two characters of salt, then 64 bits in eleven characters: the last has four bits and two zeros.
fn is_des(word: &str) -> bool {
    word.len() == 13 && is_crypt(word) && memchr(word.as_bytes()[12], b".26AEIMQUYcgkosw").is_some()
}

/// The PHC string of a field that Dovecot or an LDAP server has marked as Argon2.
pub(crate) fn without_mark(field: &str) -> &str {
    let marks = ["{ARGON2ID}", "{ARGON2}"];
    let marked =
        marks.iter().find(|mark| field.get(..mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark)));
    marked.map_or(field, |mark| &field[mark.len()..])
}

#[cfg(test)]
mod tests;
