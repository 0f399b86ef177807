//! The text of members.txt. A command changes one line; all others stay as they are, with their comments and alignment.
//!
//! A line is a comment (`#` after blanks), blank, or a member: mail, password, and `admin`, `member` or nothing, with blanks
//! between; after the role a display name may follow, up to the line's end.

use std::collections::BTreeMap;

use crate::protocol::{Author, DisplayName, Look, Mail, Role};
use crate::room::group::text::line::{Entry, after_password, parse_line, without_end};
use crate::room::group::text::raw::{Raw, in_pieces};
use crate::room::{Change, ChangeError, PasswordHash, Record, Roster, Secret, Standing};

/// The byte order mark that some editors put at the start of a UTF-8 file.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A members.txt without a mistake, so with at least one admin. A change takes the same time in a file of any size; parsing and
/// writing the whole do not, nor does a member's new name, which is compared with all mails.
#[derive(Clone, derive_more::Debug)]
// Without the lines, which may contain typed passwords.
#[debug("MembersFile of {} members", index.len())]
pub struct MembersFile {
    /// The file as it was read. Lines that were changed or removed since are wiped here.
    read: Vec<u8>,
    /// The length of the byte order mark. It belongs to the file and not to the first line, which may be removed.
    bom: usize,
    /// In their order. A removed line leaves a gap in the keys.
    lines: BTreeMap<usize, Line>,
    /// The key of each member's line.
    index: BTreeMap<Mail, usize>,
    /// Whose name looks like this.
    looks: BTreeMap<Look, Mail>,
    admins: usize,
}

/// A mistake in members.txt, for the person who edits it. It quotes nothing but mails.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{}{sentence}", line.map_or(String::new(), |line| format!("{line}: ")))]
pub struct Mistake {
    /// Counted from 1; `None`: the file as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub sentence: String,
}

#[derive(Clone)]
struct Line {
    raw: Raw,
    entry: Option<Entry>,
}

impl MembersFile {
    /// Parses a whole file.
    pub fn parse(bytes: &[u8]) -> Result<MembersFile, Mistake> {
        let bom = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let (lines, index, looks) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut file = MembersFile { read: bytes.to_vec(), bom, lines, index, looks, admins: 0 };
        let mut at = bom;
        for (number, raw) in (1..).zip(bytes[bom..].split_inclusive(|&b| b == b'\n')) {
            let mistake = |sentence| Mistake { line: Some(number), sentence };
            let entry = parse_line(raw).map_err(mistake)?;
            if let Some(Entry { mail, .. }) = &entry
                && let Some(earlier) = file.index.get(mail)
            {
                let first = earlier + 1;
                return Err(mistake(format!("two entries for {mail} (first in line {first})")));
            }
            if let Some(Entry { mail, record, .. }) = &entry
                && let Some(other) = record.look().and_then(|look| file.looks.insert(look, mail.clone()))
            {
                let first = file.index[&other] + 1;
                let sentence = format!("the name of {mail} looks like that of {other} (in line {first})");
                return Err(mistake(sentence));
            }
            file.push(Line { raw: Raw::Read(at..at + raw.len()), entry });
            at += raw.len();
        }
        let whole = |sentence: &str| Mistake { line: None, sentence: sentence.to_owned() };
        if file.index.is_empty() {
            return Err(whole("it has no members"));
        }
        if file.admins == 0 {
            return Err(whole("nobody in it is an admin (the word admin after the password)"));
        }
        Ok(file)
    }

    /// The file's bytes: exactly those that were parsed, except for changed lines.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.read.len());
        self.in_pieces(|piece| {
            bytes.extend_from_slice(piece);
            true
        });
        bytes
    }

    /// Whether these are the file's bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let is_begun = self.in_pieces(|piece| {
            let after = rest.strip_prefix(piece);
            rest = after.unwrap_or(rest);
            after.is_some()
        });
        is_begun && rest.is_empty()
    }

    fn in_pieces<'f>(&'f self, take: impl FnMut(&'f [u8]) -> bool) -> bool {
        in_pieces(&self.read, self.bom, self.lines.values().map(|line| &line.raw), take)
    }

    /// All members with their line numbers, counted from 1, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = (usize, &Mail, &Record)> {
        let numbered = (1..).zip(self.lines.values());
        numbered.filter_map(|(number, line)| line.entry.as_ref().map(|e| (number, &e.mail, &e.record)))
    }

    /// All members in byte order of their mails.
    pub fn members(&self) -> impl Iterator<Item = (&Mail, &Record)> {
        self.index.iter().map(|(mail, at)| (mail, &self.entry(*at).record))
    }

    /// A member's record.
    pub fn get(&self, mail: &Mail) -> Option<&Record> {
        self.index.get(mail).map(|at| &self.entry(*at).record)
    }

    /// All members' records.
    pub fn roster(&self) -> Roster {
        self.members().map(|(mail, record)| (mail.clone(), record.clone())).collect()
    }

    /// Changes one line, as [`MembersFile::apply`], unless whoever asks may no longer do that: they were an admin when they
    /// asked, but an earlier change or an edit may have come between.
    pub fn ask(&mut self, by: &Author, change: &Change) -> Result<(), ChangeError> {
        let is_admin = match by {
            Author::HandEdit => true,
            // Members name themselves; NAMED could not say that another one did.
            Author::Member(_) if matches!(change, Change::SetName { .. }) => false,
            Author::Member(by) => self.get(by).is_some_and(|record| record.role == Role::Admin),
        };
        if !is_admin && !change.is_own_of(by) {
            return Err(ChangeError::NotAllowed);
        }
        if let Change::SetName { mail, name: Some(name) } = change
            && self.get(mail).is_some_and(|record| record.name.as_ref() != Some(name))
        {
            let look = name.look();
            if self.index.keys().any(|other| other != mail && Look::of_mail(other) == look) {
                return Err(ChangeError::NameTaken);
            }
        }
        self.apply(change)
    }

    /// Changes one line, or nothing if the change does not apply.
    pub fn apply(&mut self, change: &Change) -> Result<(), ChangeError> {
        match change {
            Change::Add { mail, hash } | Change::Join { mail, hash, .. } => self.add(mail, hash),
            Change::Invite { mail } if self.index.contains_key(mail) => Err(ChangeError::AlreadyMember),
            Change::Invite { .. } => Ok(()),
            Change::Remove { mail } => self.remove(mail),
            Change::SetPassword { mail, hash, expected } => self.set_password(mail, hash, expected.as_ref()),
            Change::SetRole { mail, role } => self.set_role(mail, *role),
            Change::SetName { mail, name } => self.set_name(mail, name.as_ref()),
        }
    }

    /// Makes a member's line say this, or removes it. All else stays as it is.
    pub fn set(&mut self, mail: &Mail, standing: Option<&Standing>) -> Result<(), ChangeError> {
        let Some(Standing { hash, role, name }) = standing else {
            return if self.index.contains_key(mail) { self.remove(mail) } else { Ok(()) };
        };
        if !self.index.contains_key(mail) {
            self.add(mail, hash)?;
        }
        self.set_role(mail, *role)?;
        let alike = name.as_ref().and_then(|name| self.looks.get(&name.look()));
        if let Some(other) = alike.filter(|other| *other != mail).cloned() {
            // The group has one of each, so the other one's is an edit that it has not followed, or will not.
            self.set_name(&other, None)?;
        }
        self.set_name(mail, name.as_ref())?;
        match self.get(mail).map(|record| &record.secret) {
            Some(Secret::Hash(before)) if before == hash => Ok(()),
            _ => self.set_password(mail, hash, None),
        }
    }

    fn set_password(
        &mut self,
        mail: &Mail,
        hash: &PasswordHash,
        expected: Option<&Secret>,
    ) -> Result<(), ChangeError> {
        let (raw, entry) = self.line_of(mail)?;
        if expected.is_some_and(|expected| *expected != entry.record.secret) {
            return Err(ChangeError::NotExpected);
        }
        let start = entry.password.start;
        let old = std::mem::replace(&mut entry.password, start..start + hash.as_str().len());
        entry.record.secret = Secret::Hash(hash.clone());
        raw.splice(old, hash.as_str().bytes());
        Ok(())
    }

    fn set_role(&mut self, mail: &Mail, role: Role) -> Result<(), ChangeError> {
        let admins = self.admins;
        let (raw, entry) = self.line_of(mail)?;
        let end = entry.password.end;
        let (word, name) = after_password(without_end(raw), end);
        let admins = match (entry.record.role, role) {
            (Role::Admin, Role::Admin) | (Role::Member, Role::Member) => return Ok(()),
            (Role::Admin, Role::Member) if admins == 1 => return Err(ChangeError::LastAdmin),
            (Role::Admin, Role::Member) => admins - 1,
            (Role::Member, Role::Admin) => admins + 1,
        };
        match (word, role) {
            (None, role) => drop(raw.splice(end..end, format!(" {role}").bytes())),
            (Some(word), Role::Admin) => drop(raw.splice(word, role.word().bytes())),
            (Some(word), Role::Member) if name.is_some() => drop(raw.splice(word, role.word().bytes())),
            // Nobody writes the word for what goes without saying.
            (Some(word), Role::Member) => drop(raw.drain(end..word.end)),
        }
        entry.record.role = role;
        self.admins = admins;
        Ok(())
    }

    fn set_name(&mut self, mail: &Mail, name: Option<&DisplayName>) -> Result<(), ChangeError> {
        let before = self.get(mail).ok_or(ChangeError::NoSuchMember)?;
        if before.name.as_ref() == name {
            return Ok(());
        }
        let (old, new) = (before.look(), name.map(DisplayName::look));
        if new.as_ref().and_then(|look| self.looks.get(look)).is_some_and(|other| other != mail) {
            return Err(ChangeError::NameTaken);
        }
        let (raw, entry) = self.line_of(mail)?;
        let end = entry.password.end;
        match (after_password(without_end(raw), end), name) {
            ((_, Some(old)), Some(name)) => drop(raw.splice(old, name.as_str().bytes())),
            ((Some(word), None), Some(name)) => {
                drop(raw.splice(word.end..word.end, format!(" {name}").bytes()));
            }
            ((None, _), Some(name)) => {
                drop(raw.splice(end..end, format!(" {} {name}", entry.record.role).bytes()));
            }
            // Nobody writes the word for what goes without saying, and it may have come with the name.
            ((Some(_), Some(old)), None) if entry.record.role == Role::Member => {
                drop(raw.drain(end..old.end));
            }
            ((Some(word), Some(old)), None) => drop(raw.drain(word.end..old.end)),
            ((_, _), None) => {}
        }
        entry.record.name = name.cloned();
        if let Some(look) = old {
            self.looks.remove(&look);
        }
        self.looks.extend(new.map(|look| (look, mail.clone())));
        Ok(())
    }

    fn add(&mut self, mail: &Mail, hash: &PasswordHash) -> Result<(), ChangeError> {
        if self.index.contains_key(mail) {
            return Err(ChangeError::AlreadyMember);
        }
        let end = self.line_end();
        let mut last = self.lines.last_entry().expect("an admin is in the file");
        if !last.get().raw.bytes(&self.read).ends_with(b"\n") {
            last.get_mut().raw.written(&mut self.read).extend_from_slice(end);
        }
        let mut raw = format!("{mail} {}", hash.as_str()).into_bytes();
        let password = mail.as_str().len() + 1..raw.len();
        raw.extend_from_slice(end);
        let record = Record { secret: Secret::Hash(hash.clone()), role: Role::Member, name: None };
        let entry = Some(Entry { mail: mail.clone(), record, password });
        self.push(Line { raw: Raw::Written(raw), entry });
        Ok(())
    }

    fn push(&mut self, line: Line) {
        let at = self.lines.last_key_value().map_or(0, |(last, _)| last + 1);
        if let Some(Entry { mail, record, .. }) = &line.entry {
            self.index.insert(mail.clone(), at);
            self.admins += usize::from(record.role == Role::Admin);
        }
        self.lines.insert(at, line);
    }

    fn remove(&mut self, mail: &Mail) -> Result<(), ChangeError> {
        let at = *self.index.get(mail).ok_or(ChangeError::NoSuchMember)?;
        let record = &self.entry(at).record;
        let (is_admin, look) = (record.role == Role::Admin, record.look());
        if is_admin && self.admins == 1 {
            return Err(ChangeError::LastAdmin);
        }
        self.admins -= usize::from(is_admin);
        self.index.remove(mail);
        if let Some(look) = look {
            self.looks.remove(&look);
        }
        let mut line = self.lines.remove(&at).expect("the index has lines that are there");
        line.raw.written(&mut self.read);
        Ok(())
    }

    /// The line end of the last line that has one.
    fn line_end(&self) -> &'static [u8] {
        let mut lines = self.lines.values().rev().map(|line| line.raw.bytes(&self.read));
        let last = lines.find(|line| line.ends_with(b"\n"));
        if last.is_some_and(|line| line.ends_with(b"\r\n")) { b"\r\n" } else { b"\n" }
    }

    fn line_of(&mut self, mail: &Mail) -> Result<(&mut Vec<u8>, &mut Entry), ChangeError> {
        let at = self.index.get(mail).ok_or(ChangeError::NoSuchMember)?;
        let Line { raw, entry } = self.lines.get_mut(at).expect("the index has lines that are there");
        Ok((raw.written(&mut self.read), entry.as_mut().expect("the index has lines with an entry")))
    }

    fn entry(&self, at: usize) -> &Entry {
        self.lines[&at].entry.as_ref().expect("the index has lines with an entry")
    }
}

impl Mistake {
    /// The mistake after the file's name: `members.txt:7: …`.
    pub fn in_file(&self, name: &str) -> String {
        match self.line {
            Some(_) => format!("{name}:{self}"),
            None => format!("{name}: {self}"),
        }
    }
}

mod line;
#[cfg(test)]
mod name_tests;
mod raw;
#[cfg(test)]
mod tests;
