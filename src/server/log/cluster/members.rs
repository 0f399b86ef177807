//! The members as the stream has them, and whether a change of them applies.

use std::collections::BTreeMap;

use crate::protocol::{Author, DisplayName, Look, Mail, Role, Seq};
use crate::room::{ChangeError, PasswordHash};
use crate::server::log::cluster::applied::{GroupChange, Refusal};
use crate::server::log::cluster::named::Named;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMember {
    /// The role.
    pub role: Role,
    /// The password's hash.
    pub hash: PasswordHash,
    /// The number of the ADDED line; 0: there is none.
    pub added: Seq,
    /// What they want to be called.
    pub named: Option<Named>,
}

impl StateMember {
    /// Their name.
    pub(super) fn name(&self) -> Option<DisplayName> {
        self.named.as_ref().map(|named| named.name().clone())
    }

    /// Whether somebody who had been shown the changes of the group up to this one, and asked for something as a member, was
    /// another one than this, with the same mail: removed before this one was added.
    pub(super) fn is_later_than(&self, shown: Option<Seq>) -> bool {
        shown.is_some_and(|shown| self.added > shown)
    }
}

/// All members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    by_mail: BTreeMap<Mail, StateMember>,
    admins: usize,
}

impl Members {
    pub(super) fn get(&self, mail: &Mail) -> Option<&StateMember> {
        self.by_mail.get(mail)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Mail, &StateMember)> {
        self.by_mail.iter()
    }

    /// One of the group that was founded. Of two with the same mail the second counts.
    pub(super) fn insert(&mut self, mail: Mail, member: StateMember) {
        let before = self.by_mail.get(&mail).map(|member| member.role);
        self.count(before, Some(member.role));
        self.by_mail.insert(mail, member);
    }

    /// A new member, whose ADDED line has this number.
    pub(super) fn add(
        &mut self,
        by: &Author,
        mail: Mail,
        member: StateMember,
    ) -> Result<GroupChange, Refusal> {
        self.may_add(by, &mail)?;
        let (role, hash) = (member.role, member.hash.clone());
        self.insert(mail.clone(), member);
        Ok(GroupChange::Added { mail, role, hash })
    }

    /// Whether they may add this mail.
    pub(super) fn may_add(&self, by: &Author, mail: &Mail) -> Result<(), Refusal> {
        self.allow(by, None)?;
        let is_member = self.by_mail.contains_key(mail);
        if is_member { Err(Refusal::Change(ChangeError::AlreadyMember)) } else { Ok(()) }
    }

    pub(super) fn remove(&mut self, by: &Author, mail: Mail) -> Result<GroupChange, Refusal> {
        self.allow(by, Some(&mail))?;
        let before = self.member(&mail)?.role;
        self.keep_an_admin(before, None)?;
        self.count(Some(before), None);
        self.by_mail.remove(&mail);
        Ok(GroupChange::Removed { mail })
    }

    pub(super) fn set_password(
        &mut self,
        by: &Author,
        mail: Mail,
        hash: PasswordHash,
        expected: Option<&PasswordHash>,
    ) -> Result<GroupChange, Refusal> {
        self.allow(by, Some(&mail))?;
        let member = self.member(&mail)?;
        if expected.is_some_and(|expected| *expected != member.hash) {
            return Err(Refusal::Change(ChangeError::NotExpected));
        }
        member.hash = hash.clone();
        Ok(GroupChange::Password { mail, hash })
    }

    /// Returns whether it is another one.
    pub(super) fn set_role(&mut self, by: &Author, mail: &Mail, role: Role) -> Result<bool, Refusal> {
        self.allow(by, None)?;
        let before = self.member(mail)?.role;
        if before == role {
            return Ok(false);
        }
        self.keep_an_admin(before, Some(role))?;
        self.count(Some(before), Some(role));
        self.member(mail)?.role = role;
        Ok(true)
    }

    /// Returns whether it is another one. Nobody may look like somebody else, nor call themselves what others call a member
    /// without a name; an edit may.
    pub(super) fn set_name(
        &mut self,
        by: &Author,
        mail: &Mail,
        named: Option<Named>,
    ) -> Result<bool, Refusal> {
        if matches!(by, Author::Member(by) if by != mail) {
            return Err(Refusal::NotAllowed);
        }
        self.allow(by, Some(mail))?;
        if self.member(mail)?.named == named {
            return Ok(false);
        }
        if let Some(named) = &named {
            let is_alike =
                |other: &StateMember| other.named.as_ref().is_some_and(|other| other.look() == named.look());
            let is_mail = |other: &Mail| *by != Author::HandEdit && Look::of_mail(other) == *named.look();
            let mut others = self.by_mail.iter().filter(|(other, _)| *other != mail);
            if others.any(|(other, member)| is_alike(member) || is_mail(other)) {
                return Err(Refusal::Change(ChangeError::NameTaken));
            }
        }
        self.member(mail)?.named = named;
        Ok(true)
    }

    /// Whether they may still ask for a change: an admin, an edit by hand, and `own` for their own line.
    pub(super) fn allow(&self, by: &Author, own: Option<&Mail>) -> Result<(), Refusal> {
        let Author::Member(by) = by else { return Ok(()) };
        let is_admin = |member: &StateMember| member.role == Role::Admin;
        let may = self.get(by).is_some_and(|member| is_admin(member) || own == Some(by));
        if may { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    fn member(&mut self, mail: &Mail) -> Result<&mut StateMember, Refusal> {
        self.by_mail.get_mut(mail).ok_or(Refusal::Change(ChangeError::NoSuchMember))
    }

    fn keep_an_admin(&self, before: Role, after: Option<Role>) -> Result<(), Refusal> {
        let is_last = before == Role::Admin && after != Some(Role::Admin) && self.admins <= 1;
        if is_last { Err(Refusal::Change(ChangeError::LastAdmin)) } else { Ok(()) }
    }

    fn count(&mut self, before: Option<Role>, after: Option<Role>) {
        self.admins += usize::from(after == Some(Role::Admin));
        self.admins -= usize::from(before == Some(Role::Admin));
    }

    /// Whether the count of admins is right. Visits all members.
    pub(super) fn counts_its_admins(&self) -> bool {
        self.by_mail.values().filter(|member| member.role == Role::Admin).count() == self.admins
    }
}
