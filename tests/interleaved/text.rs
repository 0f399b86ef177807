//! Passwords, hashes that tell which they are of, and members.txt as a person sees it.

use std::collections::BTreeMap;

use chat_room::protocol::{Password, Role};
use chat_room::room::{MembersFile, PasswordHash, Record, Roster, Secret};

/// Two of them are the same, in two pieces and in one.
pub(crate) const PASSWORDS: [&str; 5] =
    ["first-one", "second-one", "third-on\u{e9}", "third-one\u{301}", "fourth-one"];

/// What a person knows of a member: the password, and whether an admin.
pub(crate) type Known = BTreeMap<String, (String, bool)>;

/// The password as it is compared.
pub(crate) fn composed(text: &str) -> String {
    let password = Password::parse(text.as_bytes()).expect("a password");
    password.composed().expose().to_owned()
}

/// A hash of that password, with a salt of its own.
pub(crate) fn hash(password: &str, salt: usize) -> PasswordHash {
    let password = composed(password);
    let which = PASSWORDS.iter().position(|known| *known == password).expect("one of them");
    let text = format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAA{which}{salt:06}");
    PasswordHash::parse(&format!("{text:A<74}")).expect("a PHC string")
}

/// The password that a hash is of.
pub(crate) fn plain(hash: &PasswordHash) -> String {
    let (_, output) = hash.as_str().rsplit_once('$').expect("a PHC string");
    PASSWORDS[output[3..4].parse::<usize>().expect("a digit")].to_owned()
}

pub(crate) fn plain_of(secret: &Secret) -> String {
    match secret {
        Secret::Hash(hash) => plain(hash),
        Secret::Typed(password) => password.composed().expose().to_owned(),
    }
}

pub(crate) fn known(roster: &Roster) -> Known {
    roster.iter().map(|(mail, record)| (mail.to_string(), known_of(record))).collect()
}

pub(crate) fn known_of(record: &Record) -> (String, bool) {
    (plain_of(&record.secret), record.role == Role::Admin)
}

pub(crate) fn parse(text: &str) -> Roster {
    MembersFile::parse(text.as_bytes()).expect("a file without a mistake").roster()
}

/// The line of a member, if there is one, and where it stands.
pub(crate) fn line_of(lines: &[String], who: &str) -> Option<usize> {
    lines.iter().position(|line| line.split_whitespace().next() == Some(who))
}
