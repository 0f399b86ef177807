//! Recognises hashes of other programs in the password field. Taken for a typed password, the hash itself would be the
//! password, and anybody who can read the other program's file could log in with it.
//!
//! Nobody types most of these forms. Three could be passwords: hex digits as many as a digest has, the 13 characters of DES
//! crypt, a word in braces. They are refused, too, and the sentence says what to type instead.

use std::fmt;
use std::iter;

use memchr::memchr;

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::room) enum Foreign {
    /// A hash of this kind, which nobody types.
    Hash(&'static str),
    /// Probably a hash of this kind, but it could be a password.
    Perhaps(&'static str),
    /// An Argon2id hash with quotes or other things around it.
    Wrapped,
}

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
    pub(in crate::room) fn of(field: &str) -> Option<Foreign> {
        if let Some(found) = Foreign::of_word(field) {
            return Some(found);
        }
        if field.starts_with('$') {
            return Some(Foreign::Hash("a hash, of which system is not known"));
        }
        // Some forms contain colons.
        let unquoted = field.trim_matches(AROUND);
        iter::once(unquoted).chain(field.split(AROUND)).find_map(|part| {
            // The shadow file's mark for a locked account, and what follows in a list.
            let part = part.trim_start_matches('!').trim_end_matches([',', ';', '"', '\'']);
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

impl fmt::Display for Foreign {
    /// Without the field's contents, which may be a password after all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = "type a password instead, and it is replaced by its hash";
        match self {
            Foreign::Hash(what) => {
                write!(f, "this looks like {what}, and only Argon2id hashes are accepted; {typed}")
            }
            Foreign::Perhaps(what) => write!(
                f,
                "this looks like {what}, and only Argon2id hashes are accepted; {typed}. \
                 If this is the password, put one more character before it"
            ),
            Foreign::Wrapped => f.write_str(
                "this is an Argon2id hash with something around it; keep only the hash, from $argon2id on",
            ),
        }
    }
}

/// The PHC string of a field that Dovecot or an LDAP server has marked as Argon2.
pub(in crate::room) fn without_mark(field: &str) -> &str {
    let marks = ["{ARGON2ID}", "{ARGON2}"];
    let marked =
        marks.iter().find(|mark| field.get(..mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark)));
    marked.map_or(field, |mark| &field[mark.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by real programs for the password `pw12345678`.
    const PRINTED: &[(&str, &str)] = &[
        // argon2 -i, -d; php's password_hash
        (
            "$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHRzYWx0$gGiQCPAPuzNQsZ/BV5zF9th3PLYZtH7GZBPT1ERkILE",
            "an Argon2i hash",
        ),
        (
            "$argon2d$v=19$m=4096,t=3,p=1$c29tZXNhbHRzYWx0$I2hXD/r6pHvlQsjJTi3TEYJWcETYGGMSDpYIUMNb2S0",
            "an Argon2d hash",
        ),
        ("$2y$10$YWPaqe5lNLGvZcrJd65i6OJ6TGiktTVb04hRc2aROvRMwhRjLed8W", "a bcrypt hash"),
        // mkpasswd
        ("$y$j9T$nyoeDXHVa82DybqBNjxFD.$6DF7eRa45ngfRe8n8jNwm4XDrW8YZY05t69W9qnx5q8", "a yescrypt hash"),
        (
            "$gy$j9T$JxCrvJoJGEcImuu8MNevO1$/2tugVZ95vtJsuv3t2cK6SvRSpOACRT0DPQJBsrpN08",
            "a gost-yescrypt hash",
        ),
        (
            "$7$CU..../....0hqFMEY1SSlEL5CLXVgzS0$Jll2Fsrpc33wJWU7WX/xL3/gn6ptf4gx3gn7/6gWOx5",
            "an scrypt hash",
        ),
        ("$2b$05$pPa4vq.HRRnVdPi.0pWlmOEQplhHp0H47Vj28Dms2dyuH20.xwASm", "a bcrypt hash"),
        (
            "$6$abcdefgh$YhG271QxzTw9hwrI6/BwNGx/prvyFxoPSrK6B6LucgCVv5Molfd9PI8xnEpfroEe/DEkIo/Bblq5ZPN.0KHQc.",
            "a SHA-512 crypt hash",
        ),
        ("$5$abcdefgh$pQlsfB/bQbLJIcpsHR3B6W/6QjruvDtj7rat4A1wIZC", "a SHA-256 crypt hash"),
        ("$md5,rounds=58358$IDZAKcdl$$wyilJ/3LnCvJBvJZ7d62V1", "a SunMD5 hash"),
        ("$1$abcdefgh$HbvkTmvYfShx4ct1DwD3b0", "an MD5 crypt hash"),
        ("$3$$2fec8b310caabd7ad121e28dc2a4214d", "an NT hash"),
        ("_J9..T6nifFEs.5Kn4nc", "a BSDi crypt hash"),
        ("mgKw2rO3LZEIU", "a DES crypt hash"),
        // htpasswd -nb, with the name and without
        ("$apr1$/e62Ouyf$yabEpvUv3m5.LyRmqfSK1/", "an MD5 hash of Apache's htpasswd"),
        ("bob:$apr1$/e62Ouyf$yabEpvUv3m5.LyRmqfSK1/", "an MD5 hash of Apache's htpasswd"),
        ("bob:$2y$05$SOyZTkb1kig18x8hOTOdZO13iDO/R5Wc4VrmugMG46wquCrWxqFxq", "a bcrypt hash"),
        ("bob:{SHA}xWPcY6kQLMSmiTgDIUTzyMwlGs4=", "a hash of Dovecot or LDAP, with its kind in braces"),
        ("bob:rlGi1ZrLEaQ86", "a DES crypt hash"),
        // openssl passwd -aixmd5
        ("abcdefgh$5eg6RS7EKmC/Oo4TCkuiz1", "an MD5 hash of AIX"),
        // A line of /etc/shadow after its name
        ("!$6$abcdefgh$YhG271QxzTw9hwrI6/BwNGx/prvyFxo:19000:0:99999:7:::", "a SHA-512 crypt hash"),
        // doveadm pw, slappasswd, passlib
        ("{SSHA}ZIADJ5srNZ0R0ghUibWnuyYcSaZ61xkg", "a hash of Dovecot or LDAP, with its kind in braces"),
        (
            "{BLF-CRYPT}$2y$05$f.aovQAXBRBguo9SMLuFTe/5dA./vHkU625yaGC6buyLornF6ohCW",
            "a hash of Dovecot or LDAP, with its kind in braces",
        ),
        (
            "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$py0JT0ZjB/x9q3JsZUg4vA$ZcnHcYvsWGZXAMb8f4VYHSNphkRSzNTI7afyzrJrFBM",
            "a hash of Dovecot or LDAP, with its kind in braces",
        ),
        ("{PLAIN}pw12345678", "a hash of Dovecot or LDAP, with its kind in braces"),
        ("{FSHP1|16|4096}0OHf8Tpb3mLNAXzPtVrVsg==", "a hash of Dovecot or LDAP, with its kind in braces"),
        (
            "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk",
            "a PBKDF2 hash",
        ),
        (
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "a bcrypt hash",
        ),
        (
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD.iCs5E",
            "an scrypt hash",
        ),
        ("$P$8ohUJ.1sdFw09/bMaAQPTGDNi2BIUt1", "a phpass hash"),
        // Web frameworks and databases
        (
            "pbkdf2_sha256$600000$2Z5bMqUvJDqMRrNEwbQzqs$vYQ8gU0xHqo2n2q0d9kZ3TqGf1xjYq8rK0pQyHqQJ0k=",
            "a PBKDF2 hash of Django",
        ),
        ("scrypt:32768:8:1$PmfJ8jHnMRB2xvQe$b6a30e1c", "an scrypt hash of Werkzeug"),
        ("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "a MySQL hash"),
        ("md532e12f215ba27cb750c9e093ce4b5127", "an MD5 hash of PostgreSQL"),
        // Digests in hex, as md5sum and sha512sum print them; htdigest with name and realm
        ("b55a2901d68927617f9c2f962ad9302b", "an MD5 or NT hash in hex digits"),
        ("bob:realm:b55a2901d68927617f9c2f962ad9302b", "an MD5 or NT hash in hex digits"),
        ("C563DC63A9102CC4A68938032144F3C8CC251ACE", "a SHA-1 hash in hex digits"),
        ("8d1bcc720731778ba30c865d8ecd4a8bf3bb1e779595795f9ea19eeed5b3b1f6", "a SHA-256 hash in hex digits"),
    ];

    #[test]
    fn what_programs_print_is_no_password() {
        for (printed, what) in PRINTED {
            let found = Foreign::of(printed).unwrap_or_else(|| panic!("{printed} is taken for a password"));
            let sentence = found.to_string();
            assert!(
                sentence.starts_with(&format!("this looks like {what}, and only ")),
                "{printed}: {sentence}"
            );
            assert!(!sentence.contains(printed));
            // In quotes, as in a program or a JSON file.
            for (before, after) in [("\"", "\""), ("'", "',"), ("“", "”")] {
                let quoted = format!("{before}{printed}{after}");
                assert!(Foreign::of(&quoted).is_some(), "{quoted} is taken for a password");
            }
        }
        let hash =
            "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHRzYWx0$XYPtYRZQjM06wSvA6bY1nLP6ISHthu73kvEVedxZcXs";
        for wrapped in
            [format!("\"{hash}\""), format!("'{hash}',"), format!("bob:{hash}"), format!("!{hash}")]
        {
            assert_eq!(Foreign::of(&wrapped), Some(Foreign::Wrapped), "{wrapped}");
        }
        assert_eq!(Foreign::of("$what$ever"), Some(Foreign::Hash("a hash, of which system is not known")));
    }

    #[test]
    fn what_people_type_is_a_password() {
        for typed in [
            "typed-by-hand",
            "correcthorse1",
            "Donnerstag123",
            "secret",
            "ge$heim#$x",
            "a$b$c$d$e$f",
            "{}secret",
            "{secret}",
            "{secret",
            "12:34:56:78:90:ab",
            "b55a2901d68927617f9c2f962ad9302",
            "xb55a2901d68927617f9c2f962ad9302b",
            "550e8400-e29b-41d4-a716-446655440000",
            "SCRAM-SHA-1",
            "xWPcY6kQLMSmiTgDIUTzyMwlGs4=",
            "xmgKw2rO3LZEIU",
            "_J9..T6nifFEs",
            "it's:late,go;home",
        ] {
            assert_eq!(Foreign::of(typed), None, "{typed}");
        }
    }

    #[test]
    fn one_more_character_makes_a_password_of_what_could_be_one() {
        for (printed, _) in PRINTED {
            if let Some(Foreign::Perhaps(_)) = Foreign::of(printed) {
                assert_eq!(Foreign::of(&format!("x{printed}")), None, "{printed}");
            }
        }
    }

    #[test]
    fn dovecots_mark_of_argon2id_is_known() {
        for (field, phc) in [
            ("{ARGON2ID}$argon2id$v=19$x", "$argon2id$v=19$x"),
            ("{argon2}$argon2id$v=19$x", "$argon2id$v=19$x"),
            ("{ARGON2I}$argon2i$v=19$x", "{ARGON2I}$argon2i$v=19$x"),
            ("{ARGON2I", "{ARGON2I"),
            ("ä{ARGON2ID}", "ä{ARGON2ID}"),
        ] {
            assert_eq!(without_mark(field), phc);
        }
    }
}
