//! `members-seen`, beside the history: what the view has written into members.txt. What stands there at the next start and is
//! not in it was edited while the server was down.
//!
//! The first line is [`HEAD`]; each other one is `<mail> <role> <hash>`. Before members.txt is replaced, what it will say of
//! each changed member is added, after a `>`: a process that is killed in between does not know which of both it says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::files::if_there;
use crate::protocol::{DisplayName, Mail, Role};
use crate::room::{MembersFile, PasswordHash, Record, Standing};
use crate::server::files::{Problem, folders, shown};

/// The first line, with the version of the form.
const HEAD: &str = "chat-room members-seen 1";
/// Before what is about to be written.
const NEXT: &str = "> ";
/// In the place of role and hash: no such member.
const GONE: &str = "-";

/// What the file says of members as far as the view has written it.
#[derive(Debug)]
pub struct Seen {
    path: PathBuf,
    members: BTreeMap<Mail, Standing>,
}

/// Members that a view is to write; `None`: there is no such member.
pub type Changes = BTreeMap<Mail, Option<Standing>>;

impl Seen {
    /// Reads what an earlier process has recorded there; `None` if there is no record. `file` is members.txt as it is now.
    pub fn read(path: &Path, file: &MembersFile) -> Result<Option<Seen>, Problem> {
        let read = if_there(std::fs::read_to_string(path));
        let read = read.map_err(|error| Problem::of(path, format!("cannot read it: {error}")))?;
        let Some(text) = read else { return Ok(None) };
        let bad = |number: usize| {
            let advice = "remove it, and members.txt has to agree with the group";
            Problem(format!("{}:{number}: this is not what a server writes here; {advice}", shown(path)))
        };
        let mut lines = (1..).zip(text.lines());
        if lines.next().is_none_or(|(_, head)| head != HEAD) {
            return Err(bad(1));
        }
        let mut members = BTreeMap::new();
        for (number, line) in lines {
            let (is_next, entry) = line.strip_prefix(NEXT).map_or((false, line), |entry| (true, entry));
            let (mail, standing) = parse(entry).ok_or_else(|| bad(number))?;
            let stands = standing.clone().map(Record::from);
            match standing {
                _ if is_next && file.get(&mail) != stands.as_ref() => {}
                Some(standing) => drop(members.insert(mail, standing)),
                None => drop(members.remove(&mail)),
            }
        }
        Ok(Some(Seen { path: path.to_owned(), members }))
    }

    /// Of a file that says exactly this: it was made so, or agreed. Recorded when it returns.
    pub fn agreed(path: &Path, members: BTreeMap<Mail, Standing>) -> Result<Seen, Problem> {
        let seen = Seen { path: path.to_owned(), members };
        seen.put(&seen.text())?;
        Ok(seen)
    }

    /// What the file says of the members, as far as is known.
    pub(super) fn members(&self) -> &BTreeMap<Mail, Standing> {
        &self.members
    }

    /// These changes are about to be written into members.txt. Durable when it returns.
    pub(super) fn announce(&self, changes: &Changes) -> Result<(), Problem> {
        let mut text = self.text();
        for (mail, standing) in changes {
            text.push_str(NEXT);
            push(&mut text, mail, standing.as_ref());
        }
        self.put(&text)
    }

    /// These are written there.
    pub(super) fn record(&mut self, written: Changes) -> Result<(), Problem> {
        for (mail, standing) in written {
            match standing {
                Some(standing) => drop(self.members.insert(mail, standing)),
                None => drop(self.members.remove(&mail)),
            }
        }
        self.put(&self.text())
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\n");
        self.members.iter().for_each(|(mail, standing)| push(&mut text, mail, Some(standing)));
        text
    }

    fn put(&self, text: &str) -> Result<(), Problem> {
        let put = folders::replace(&self.path, |file| file.write_all(text.as_bytes()));
        put.map_err(|error| Problem::of(&self.path, format!("cannot write it: {error}")))
    }
}

fn push(text: &mut String, mail: &Mail, standing: Option<&Standing>) {
    match standing {
        Some(Standing { hash, role, name: None }) => writeln!(text, "{mail} {role} {}", hash.as_str()),
        Some(Standing { hash, role, name: Some(name) }) => {
            writeln!(text, "{mail} {role} {} {name}", hash.as_str())
        }
        None => writeln!(text, "{mail} {GONE}"),
    }
    .expect("writing to a String cannot fail");
}

fn parse(entry: &str) -> Option<(Mail, Option<Standing>)> {
    let (mail, rest) = entry.split_once(' ')?;
    let mail = Mail::parse(mail.as_bytes()).ok()?;
    if rest == GONE {
        return Some((mail, None));
    }
    let mut words = rest.splitn(3, ' ');
    let (role, hash) = (Role::parse(words.next()?)?, PasswordHash::parse(words.next()?).ok()?);
    let name = words.next().map(|name| DisplayName::kept(name.as_bytes()).ok_or(())).transpose().ok()?;
    Some((mail, Some(Standing { hash, role, name })))
}
