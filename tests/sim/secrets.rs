//! What lets a member in, as the naive server knows it: what stands in the file for a password, as far as it was told.

use super::file::{Field, FileRoster, Row};
use super::oracle::{Client, Member, Oracle, Pending, token, token_head, token_tail};

impl Oracle {
    /// A new member.
    pub(super) fn insert(&mut self, mail: &str, stands: &Field, admin: bool) {
        self.versions += 1;
        let (stands, version) = (stands.clone(), self.versions);
        let member = Member { stands, before: None, is_in_doubt: false, admin, name: None, version };
        self.members.insert(mail.into(), member);
    }

    /// The file was found to say this: what differs was an edit, or what another node's member has changed.
    pub(super) fn file_says(&mut self, now_ms: u64, by: &str, roster: &FileRoster) {
        let gone: Vec<String> =
            self.members.keys().filter(|mail| !roster.contains_key(*mail)).cloned().collect();
        for mail in gone {
            self.take_out(now_ms, &mail, by, if by == mail { "left" } else { "removed" });
        }
        for (mail, Row { field: stands, admin, name }) in roster {
            let Some(member) = self.members.get(mail) else {
                self.announce(now_ms, true, by, mail);
                self.insert(mail, stands, false);
                self.set_role(now_ms, by, mail, *admin);
                self.set_name(now_ms, by, mail, name.as_deref());
                continue;
            };
            if member.admin != *admin {
                self.set_role(now_ms, by, mail, *admin);
            }
            self.set_name(now_ms, by, mail, name.as_deref());
            let Some(member) = self.members.get_mut(mail) else { continue };
            if member.stands == *stands {
                continue;
            }
            if stands.is_typed() && !member.stands.is_typed() {
                // Perhaps the same, perhaps another.
                member.before = Some(member.stands.clone());
            } else if member.before.as_ref() == Some(stands) {
                // Nothing has come of it.
                member.before = None;
            } else {
                self.new_password(mail, stands.clone(), None);
                continue;
            }
            self.versions += 1;
            member.stands = stands.clone();
            member.is_in_doubt = member.before.is_some();
            member.version = self.versions;
        }
    }

    /// Another password, and all who came in with the one before have to go, but the one who changed it.
    pub(super) fn new_password(&mut self, mail: &str, stands: Field, by: Option<Client>) {
        self.versions += 1;
        let Some(member) = self.members.get_mut(mail) else { return };
        member.version = self.versions;
        (member.stands, member.before, member.is_in_doubt) = (stands, None, false);
        self.cut(mail, "password-changed", by);
    }

    /// What the client waits for is looked at now, against what stands now. Whether it fits.
    pub(super) fn looks(&mut self, client: Client) -> bool {
        let Some(mut pending) = self.clients[client].pending.clone() else { return false };
        let fits = match &mut pending {
            Pending::Login { verb, mail, given, fitted, version, .. } => {
                let member = self.members.get(mail);
                *version = member.map(|member| member.version);
                *fitted = member.is_some_and(|member| match *verb {
                    "LOGIN" => member.stands.password() == given,
                    _ => self.fits_token(mail, member, given),
                });
                // One of this mail and this hash, but of an earlier membership.
                let same_hash =
                    |hash: &Field| given.starts_with(&token_head(mail)) && given.ends_with(&token_tail(hash));
                let hash = member.map(|member| &member.stands).filter(|stands| !stands.is_typed());
                let is_old = *verb == "RESUME" && !*fitted && hash.is_some_and(same_hash);
                self.old_tokens += usize::from(is_old);
                *fitted
            }
            Pending::Passwd { old, fitted, version } => {
                let who = self.clients[client].who.as_ref();
                let member = who.and_then(|who| self.members.get(who));
                *version = member.map_or(0, |member| member.version);
                *fitted = member.is_some_and(|member| member.stands.password() == old);
                *fitted
            }
            _ => unreachable!("these are not checked"),
        };
        self.clients[client].pending = Some(pending);
        fits
    }

    /// Whether what the client waits for fitted when it was looked at.
    pub(super) fn fitted(&self, client: Client) -> bool {
        matches!(self.clients[client].pending, Some(Pending::Login { fitted: true, .. }))
    }

    /// A token is of a hash that is known to let in, and of a line that is stored.
    pub(super) fn ask_token(&mut self, client: Client, who: &str) {
        let member = &self.members[who];
        let hash = member.before.as_ref().unwrap_or(&member.stands);
        if hash.is_typed() || member.is_in_doubt {
            return self.reply(client, "ERR TOKEN busy ");
        }
        if self.added_of(who) > self.last() {
            return self.reply(client, "ERR TOKEN storage ");
        }
        let token = token(who, self.added_of(who), hash);
        self.clients[client].pending = Some(Pending::Token(token));
    }

    /// Tokens of the hash before count until it is known that it is another password.
    fn fits_token(&self, mail: &str, member: &Member, given: &str) -> bool {
        let hash = member.before.as_ref().unwrap_or(&member.stands);
        !hash.is_typed() && given == token(mail, self.added_of(mail), hash)
    }

    /// Somebody wants the hash of what was typed for this member: as of when.
    pub(super) fn typed(&self, mail: &str, password: &str, before: Option<&Field>) -> u64 {
        let member = &self.members[mail];
        assert_eq!(member.stands, Field::Typed(password.to_owned()), "{mail}: that stands there");
        assert_eq!(member.before.as_ref(), before, "{mail}: that stood there before");
        member.version
    }

    /// The hash is made. Whether it goes into the file.
    pub(super) fn typed_hashed(&mut self, mail: &str, version: u64, made: &Field) -> bool {
        let Some(member) = self.members.get_mut(mail).filter(|member| member.version == version) else {
            return false;
        };
        member.is_in_doubt = false;
        if member.before.as_ref().is_some_and(|before| before != made) {
            let stands = member.stands.clone();
            self.new_password(mail, stands, None);
        }
        true
    }

    /// The hash stands in the file, where that password stood.
    pub(super) fn typed_replaced(&mut self, mail: &str, made: &Field) {
        let typed = Field::Typed(made.password().to_owned());
        let Some(member) = self.members.get_mut(mail).filter(|member| member.stands == typed) else { return };
        if member.before.as_ref().is_some_and(|before| before != made) {
            return self.new_password(mail, made.clone(), None);
        }
        (member.stands, member.before, member.is_in_doubt) = (made.clone(), None, false);
    }
}
