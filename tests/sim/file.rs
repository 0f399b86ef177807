//! members.txt as a map, and passwords whose hash tells which they are of.

use std::collections::{BTreeMap, BTreeSet};

use chat_room::protocol::{DisplayName, Mail, Password, Role};
use chat_room::room::{Change, ChangeError, Edit, PasswordHash, Record, Roster, Secret};

/// What stands in a member's line for a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A hash of this password, with this salt.
    Hash(String, usize),
    /// The password itself, typed by hand.
    Typed(String),
}

/// A member's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) field: Field,
    pub(super) admin: bool,
    pub(super) name: Option<String>,
}

/// The file's form of the group, by mail.
pub(super) type FileRoster = BTreeMap<String, Row>;

/// What members call themselves: some of these look alike, or like a mail.
pub(super) const NAMES: [&str; 8] = ["A", "Al", "AI", "B0b", "bob", "Cid  C.", "cid c.", "- d"];

/// What admins call the group.
pub(super) const TITLES: [&str; 3] = ["Choir", "The  Choir", "#@/"];

impl Row {
    /// Of somebody without a name.
    pub(super) fn of(field: Field, admin: bool) -> Row {
        Row { field, admin, name: None }
    }
}

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
    let record = |row: &Row| Record {
        secret: row.field.secret(),
        role: if row.admin { Role::Admin } else { Role::Member },
        name: row.name.as_deref().map(display_name),
    };
    file.iter().map(|(who, row)| (mail(who), record(row))).collect()
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

pub(super) fn display_name(text: &str) -> DisplayName {
    DisplayName::parse(text.as_bytes()).expect("a name")
}

/// What a reader sees of a name.
pub(super) fn look(name: &str) -> String {
    let seen = |c: char| match c.to_ascii_lowercase() {
        'i' => 'l',
        '0' => 'o',
        c => c,
    };
    name.split_whitespace().map(|word| word.chars().map(seen).collect()).collect::<Vec<String>>().join(" ")
}

/// Whether another member's name looks like this.
fn is_called(file: &FileRoster, whose: &str, name: &str) -> bool {
    let names = file.iter().filter(|(who, _)| *who != whose).filter_map(|(_, row)| row.name.as_ref());
    names.into_iter().any(|other| look(other) == look(name))
}

/// Whether the server would take it: there is an admin, and no two names look alike.
pub(super) fn is_sound(file: &FileRoster) -> bool {
    let is_alone =
        |(who, row): (&String, &Row)| !row.name.as_ref().is_some_and(|name| is_called(file, who, name));
    file.values().any(|row| row.admin) && file.iter().all(is_alone)
}

/// What members.txt would answer, on a map. `by` asks; `None`: the room itself.
pub(super) fn apply(file: &mut FileRoster, by: Option<&str>, change: &Change) -> Result<(), ChangeError> {
    let is_admin = |who: &str| file.get(who).is_some_and(|row| row.admin);
    match change {
        Change::Remove { mail } | Change::SetPassword { mail, .. } | Change::SetName { mail, .. }
            if by == Some(mail.as_str()) => {}
        Change::SetName { .. } if by.is_some() => return Err(ChangeError::NotAllowed),
        _ if by.is_some_and(|by| !is_admin(by)) => return Err(ChangeError::NotAllowed),
        _ => {}
    }
    match change {
        Change::Invite { mail } if file.contains_key(mail.as_str()) => {
            return Err(ChangeError::AlreadyMember);
        }
        Change::Invite { .. } => {}
        Change::Add { mail, hash } | Change::Join { mail, hash, .. } => {
            if file.contains_key(mail.as_str()) {
                return Err(ChangeError::AlreadyMember);
            }
            file.insert(mail.to_string(), Row::of(field(hash), false));
        }
        Change::Remove { mail } => {
            let row = file.get(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            if row.admin && file.values().filter(|row| row.admin).count() == 1 {
                return Err(ChangeError::LastAdmin);
            }
            file.remove(mail.as_str());
        }
        Change::SetPassword { mail, hash, expected } => {
            let row = file.get_mut(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            if expected.as_ref().is_some_and(|expected| Field::of(expected) != row.field) {
                return Err(ChangeError::NotExpected);
            }
            row.field = field(hash);
        }
        Change::SetRole { mail, role } => {
            let was = file.get(mail.as_str()).ok_or(ChangeError::NoSuchMember)?.admin;
            let is = *role == Role::Admin;
            if was && !is && file.values().filter(|row| row.admin).count() == 1 {
                return Err(ChangeError::LastAdmin);
            }
            file.get_mut(mail.as_str()).expect("just asked").admin = is;
        }
        Change::SetName { mail, name } => {
            let row = file.get(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            let name = name.as_ref().map(|name| name.as_str().to_owned());
            if let Some(name) = name.as_ref().filter(|name| row.name.as_ref() != Some(name)) {
                let mut others = file.keys().filter(|who| *who != mail.as_str());
                let is_mail = others.any(|who| who.split('@').next() == Some(&look(name)));
                if is_mail || is_called(file, mail.as_str(), name) {
                    return Err(ChangeError::NameTaken);
                }
            }
            file.get_mut(mail.as_str()).expect("just asked").name = name;
        }
    }
    Ok(())
}
