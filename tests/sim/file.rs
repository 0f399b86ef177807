//! members.txt as a map, and passwords whose hash tells which they are of.

use chat_room::protocol::{Mail, Password, Role};
use chat_room::room::{Change, ChangeError, PasswordHash, Record, Roster, Secret};

use super::oracle::FileRoster;

pub(super) fn password(n: usize) -> String {
    format!("password{n}")
}

/// A PHC string that says which password it is of: the room never looks inside.
pub(super) fn phc(password: &str) -> PasswordHash {
    let n = &password["password".len()..];
    let text = format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAA{n}{}", "A".repeat(39));
    PasswordHash::parse(&text).expect("a PHC string")
}

pub(super) fn plain(hash: &PasswordHash) -> String {
    let hash = hash.as_str();
    format!("password{}", &hash[hash.len() - 40..hash.len() - 39])
}

pub(super) fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

pub(super) fn roster(file: &FileRoster) -> Roster {
    let record = |password: &str, admin: bool| {
        assert!(Password::parse(password.as_bytes()).is_ok());
        Record { secret: Secret::Hash(phc(password)), role: if admin { Role::Admin } else { Role::Member } }
    };
    file.iter().map(|(who, (password, admin))| (mail(who), record(password, *admin))).collect()
}

/// What members.txt would answer, on a map.
pub(super) fn apply(file: &mut FileRoster, change: &Change) -> Result<(), ChangeError> {
    match change {
        Change::Add { mail, hash } => {
            if file.contains_key(mail.as_str()) {
                return Err(ChangeError::AlreadyMember);
            }
            file.insert(mail.to_string(), (plain(hash), false));
        }
        Change::Remove { mail } => {
            let (_, admin) = file.get(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            if *admin && file.values().filter(|(_, admin)| *admin).count() == 1 {
                return Err(ChangeError::LastAdmin);
            }
            file.remove(mail.as_str());
        }
        Change::SetPassword { mail, hash, expected } => {
            let (password, _) = file.get_mut(mail.as_str()).ok_or(ChangeError::NoSuchMember)?;
            let expected = expected.as_ref().map(|expected| match expected {
                Secret::Hash(hash) => plain(hash),
                Secret::Typed(_) => unreachable!("nothing is typed by hand here"),
            });
            if expected.is_some_and(|expected| expected != *password) {
                return Err(ChangeError::NotExpected);
            }
            *password = plain(hash);
        }
    }
    Ok(())
}
