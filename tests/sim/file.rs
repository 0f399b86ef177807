//! members.txt as a map, and passwords whose hash tells which they are of.

use std::collections::{BTreeMap, BTreeSet};

use chat_room::protocol::{Mail, Password, Role};
use chat_room::room::{Change, ChangeError, Edit, PasswordHash, Record, Roster, Secret};

/// What stands in a member's line for a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A hash of this password, with this salt.
    Hash(String, usize),
    /// The password itself, typed by hand.
    Typed(String),
}

/// The file's form of the group: of each mail what lets in, and whether an admin.
pub(super) type FileRoster = BTreeMap<String, (Field, bool)>;

impl Field {
    /// The password that lets in.
    pub(super) fn password(&self) -> &str {
        match self {
            Field::Hash(password, _) | Field::Typed(password) => password,
        }
    }

    pub(super) fn is_typed(&self) -> bool {
        matches!(self, Field::Typed(_))
    }

    fn secret(&self) -> Secret {
        match self {
            Field::Hash(password, salt) => Secret::Hash(phc(password, *salt)),
            Field::Typed(password) => Secret::Typed(parse(password)),
        }
    }

    fn of(secret: &Secret) -> Field {
        match secret {
            Secret::Hash(hash) => field(hash),
            Secret::Typed(password) => Field::Typed(password.expose().to_owned()),
        }
    }
}

pub(super) fn password(n: usize) -> String {
    format!("password{n}")
}

fn parse(password: &str) -> Password {
    Password::parse(password.as_bytes()).expect("a password")
}

/// A PHC string that says which password it is of, and its salt: the room never looks inside.
pub(super) fn phc(password: &str, salt: usize) -> PasswordHash {
    let n = &password["password".len()..];
    let text = format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ${n}A{salt:08}");
    PasswordHash::parse(&format!("{text:A<82}")).expect("a PHC string")
}

/// What it says.
pub(super) fn field(hash: &PasswordHash) -> Field {
    let (_, output) = hash.as_str().rsplit_once('$').expect("a PHC string");
    let (n, rest) = output.split_once('A').expect("as it was made");
    Field::Hash(format!("password{n}"), rest[..8].parse().expect("digits"))
}

pub(super) fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

pub(super) fn roster(file: &FileRoster) -> Roster {
    let record = |field: &Field, admin: bool| Record {
        secret: field.secret(),
        role: if admin { Role::Admin } else { Role::Member },
        name: None,
    };
    file.iter().map(|(who, (field, admin))| (mail(who), record(field, *admin))).collect()
}

/// Whose lines are not the same in both.
pub(super) fn differences(before: &FileRoster, after: &FileRoster) -> Vec<String> {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|who| before.get(*who) != after.get(*who)).cloned().collect()
}

/// These lines as they are now.
pub(super) fn edits(file: &FileRoster, edited: &[String]) -> Vec<Edit> {
    let roster = roster(file);
    edited.iter().map(|who| (mail(who), roster.get(&mail(who)).cloned())).collect()
}

pub(super) fn has_admin(file: &FileRoster) -> bool {
    file.values().any(|(_, admin)| *admin)
}

/// What members.txt would answer, on a map. `by` asks; `None`: the room itself.
pub(super) fn apply(file: &mut FileRoster, by: Option<&str>, change: &Change) -> Result<(), ChangeError> {
    let is_admin = |who: &str| file.get(who).is_some_and(|(_, admin)| *admin);
    match change {
        Change::Remove { mail } | Change::SetPassword { mail, .. } if by == Some(mail.as_str()) => {}
        _ if by.is_some_and(|by| !is_admin(by)) => return Err(ChangeError::NotAllowed),
        _ => {}
    }
    match change {
        Change::Add { mail, hash } => {
            if file.contains_key(mail.as_str()) {
                return Err(ChangeError::AlreadyMember);
            }
            file.insert(mail.to_string(), (field(hash), false));
        }
        Change::Remove { mail } => {
            let (_, admin) = file.get(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            if *admin && file.values().filter(|(_, admin)| *admin).count() == 1 {
                return Err(ChangeError::LastAdmin);
            }
            file.remove(mail.as_str());
        }
        Change::SetPassword { mail, hash, expected } => {
            let (stands, _) = file.get_mut(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            if expected.as_ref().is_some_and(|expected| Field::of(expected) != *stands) {
                return Err(ChangeError::NotExpected);
            }
            *stands = field(hash);
        }
        Change::SetRole { mail, role } => {
            let (_, was) = *file.get(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            let is = *role == Role::Admin;
            if was && !is && file.values().filter(|(_, admin)| *admin).count() == 1 {
                return Err(ChangeError::LastAdmin);
            }
            file.get_mut(mail.as_str()).expect("just asked").1 = is;
        }
        Change::SetName { .. } => unreachable!("nobody asks for it here"),
    }
    Ok(())
}
