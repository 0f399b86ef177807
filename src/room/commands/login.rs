//! LOGIN, RESUME and TOKEN.

use crate::limits::TRIES_MAX;
use crate::protocol::{Bye, Code, LoginOk, Mail, Seq, Subscription, Token, Verb, err, ok};
use crate::room::Room;
use crate::room::commands::refused::{PASSWORD_CHANGED, Refused, TOO_MANY_PASSWORDS};
use crate::room::group::roster::Secret;
use crate::room::ids::{ConnId, Now, Version};
use crate::room::interface::{
    CheckFor, CheckJob, Effect, HashFor, HashJob, Proof, RefusedFor, TokenJob, Verdict,
};
use crate::room::session::{Ending, Session};

/// The disk does not take the member's ADDED line, and its number is not known.
const UNSTORED: &str = "your addition to the group could not be stored yet, try again soon";
/// Until a password typed by hand is hashed, it is not known whether it has changed.
const PASSWORD_IN_DOUBT: &str = "the password in members.txt is being hashed, try again soon";

/// What a verdict means by now.
enum Fit {
    /// It fits the password of this version, which is still valid.
    Yes(Version),
    No,
    /// Unknown, for this reason; another attempt may succeed.
    Unknown(&'static str),
}

impl Room {
    /// LOGIN, RESUME. The time to log in does not run while the server checks.
    pub(in crate::room) fn login(
        &mut self,
        now: Now,
        id: ConnId,
        mail: Mail,
        subscription: Subscription,
        proof: Proof,
        effects: &mut Vec<Effect>,
    ) {
        self.peers.stop_countdown(now, id);
        let purpose = CheckFor::Login(subscription);
        self.ask_check(CheckJob { conn: id, mail, against: None, added: Seq(0), proof, purpose }, effects);
    }

    /// Asks for a check against the present password.
    pub(in crate::room) fn ask_check(&mut self, mut job: CheckJob, effects: &mut Vec<Effect>) {
        self.peers.wait(job.conn);
        self.renew(&mut job);
        effects.push(Effect::Check(job));
    }

    /// Updates a job that has waited for its turn to the present password.
    pub fn renew(&self, job: &mut CheckJob) {
        let member = self.group.get(&job.mail);
        let added = member.and_then(|member| member.added);
        job.added = added.unwrap_or(Seq(0));
        job.against = member.and_then(|member| {
            let secret = match &job.proof {
                // There are no tokens for a membership whose ADDED line has no number yet.
                Proof::Token(_) => Secret::Hash(member.token_hash().filter(|_| added.is_some())?.clone()),
                Proof::Password(_) => member.secret().clone(),
            };
            Some((secret, member.version))
        });
    }

    /// A password or a token was checked.
    pub(in crate::room) fn checked(
        &mut self,
        now: Now,
        job: CheckJob,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) {
        let Some(job) = self.hold_until_added(now, job, verdict, effects) else { return };
        let (verb, fit) = (job.verb(), self.fit(&job, verdict));
        let CheckJob { conn: id, mail, purpose, .. } = job;
        if !self.peers.answer_is_awaited(id) {
            return;
        }
        match (purpose, fit) {
            (CheckFor::Login(_), Fit::Unknown(why)) => {
                self.reply(id, err(verb, Code::Busy, why));
                effects.push(Effect::Refused(id, Some(mail), RefusedFor::Busy));
            }
            (CheckFor::Passwd(_), Fit::Unknown(why)) => self.reply(id, err(verb, Code::Busy, why)),
            (CheckFor::Login(subscription), Fit::Yes(_)) => {
                self.admit(now, id, &mail, verb, subscription, effects);
            }
            (CheckFor::Passwd(new), Fit::Yes(version)) => {
                self.peers.wait(id);
                let purpose = HashFor::Passwd { conn: id, mail, version };
                effects.push(Effect::Hash(HashJob { password: new, purpose }));
            }
            (CheckFor::Login(_), Fit::No) if verb == Verb::Resume => {
                self.wrong(id, verb, "this token is not valid for this mail, or no longer");
                effects.push(Effect::Refused(id, Some(mail), RefusedFor::Token));
            }
            (CheckFor::Login(_), Fit::No) => {
                self.wrong(id, verb, "no member has this mail and secret");
                effects.push(Effect::Refused(id, Some(mail), RefusedFor::Password));
            }
            (CheckFor::Passwd(_), Fit::No) => self.wrong(id, verb, "the old password is another"),
        }
        self.peers.run_countdown(now, id);
    }

    /// What a verdict means now. If the password was changed since, what was wrong is still wrong, but what was right admits
    /// nobody.
    fn fit(&self, job: &CheckJob, verdict: Verdict) -> Fit {
        let is_login = job.is_login();
        match (verdict, self.group.get(&job.mail)) {
            (Verdict::Busy, _) => Fit::Unknown(TOO_MANY_PASSWORDS),
            (Verdict::NoMatch, _) | (Verdict::Match, None) => Fit::No,
            (Verdict::Match, Some(member)) => match job.against {
                Some((_, version)) if version != member.version => Fit::Unknown(PASSWORD_CHANGED),
                Some(_) if is_login && member.is_in_doubt => Fit::Unknown(PASSWORD_IN_DOUBT),
                Some((_, version)) => Fit::Yes(version),
                None => Fit::No,
            },
        }
    }

    /// Refuses a login because the member's ADDED line could not be stored.
    pub(in crate::room) fn refuse_unstored(&mut self, now: Now, job: CheckJob, effects: &mut Vec<Effect>) {
        let (id, verb) = (job.conn, job.verb());
        if !self.peers.answer_is_awaited(id) {
            return;
        }
        self.reply(id, err(verb, Code::Storage, UNSTORED));
        effects.push(Effect::Refused(id, Some(job.mail), RefusedFor::Storage));
        self.peers.run_countdown(now, id);
    }

    fn wrong(&mut self, id: ConnId, verb: Verb, sentence: &str) {
        self.reply(id, err(verb, Code::BadLogin, sentence));
        let peer = self.peers.get_mut(id).expect("an answer was awaited");
        peer.tries += 1;
        if peer.tries >= TRIES_MAX {
            self.end(id, Ending::AtEnd, Some(Bye::BadLogin));
        }
    }

    fn admit(
        &mut self,
        now: Now,
        id: ConnId,
        mail: &Mail,
        verb: Verb,
        subscription: Subscription,
        effects: &mut Vec<Effect>,
    ) {
        if !self.make_place(mail, &subscription) {
            let sentence = "this member has too many connections, and none of them is this device's";
            self.reply(id, err(verb, Code::Full, sentence));
            effects.push(Effect::Refused(id, Some(mail.clone()), RefusedFor::Full));
            return;
        }
        let device = match subscription {
            Subscription::Feed(device) => Some(device),
            Subscription::Feedless => None,
        };
        let is_new = device.as_ref().is_some_and(|device| self.delivered(mail, device).is_none());
        let Ok(seat) = self.group.enter(mail, id, device, now.wall) else {
            let sentence = "too many devices of this member are connected, use the name of one of them";
            self.reply(id, err(verb, Code::Full, sentence));
            effects.push(Effect::Refused(id, Some(mail.clone()), RefusedFor::Full));
            return;
        };
        if is_new {
            self.peers.new_devices.push(id);
        }
        let member = self.group.get(mail).expect("it was entered");
        let delivered = seat.device.map(|device| member.devices.delivered(device));
        let role = member.role;
        let (last, first) = (self.transcript.last(), self.first_for(mail));
        let seen = delivered.map_or(last, |delivered| delivered.max(Seq(first.0 - 1)).min(last));
        let (missed, transcript) = (last.0 - seen.0, format!("{:08x}", self.config.transcript_id));
        let line = ok(verb, LoginOk { mail: mail.clone(), role, last, missed, first, transcript });
        self.reply(id, line);
        self.peers.admit(id, seat);
        if delivered.is_some() {
            self.begin_feed(id, seen, effects);
        }
    }

    /// Whether this member may have one more connection. At the limit, the connection of the same device that has
    /// been silent longest is replaced: its network may have failed unnoticed.
    fn make_place(&mut self, mail: &Mail, subscription: &Subscription) -> bool {
        let Some(member) = self.group.get(mail) else { return false };
        if member.connections().len() < self.config.connections_per_member_max {
            return true;
        }
        let place = match subscription {
            Subscription::Feed(device) => member.devices.index(device).map(Some),
            Subscription::Feedless => Some(None),
        };
        let of_device = |id: &ConnId| match &self.peers.get(*id).map(|peer| &peer.session) {
            Some(Session::Member(seat)) => Some(seat.device) == place,
            _ => false,
        };
        let heard = |id: &ConnId| self.peers.get(*id).map(|peer| (peer.heard, peer.serial));
        let stale = member.connections().filter(of_device).min_by_key(heard);
        if let Some(stale) = stale {
            self.end(stale, Ending::AtLineEnd, Some(Bye::Replaced));
        }
        stale.is_some()
    }

    /// TOKEN.
    pub(in crate::room) fn token(
        &mut self,
        id: ConnId,
        mail: Mail,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let member = self.group.get(&mail).expect("a session's member is in the group");
        let Some(hash) = member.token_hash().filter(|_| !member.is_in_doubt) else {
            return Err((Code::Busy, PASSWORD_IN_DOUBT.to_owned()));
        };
        let Some(added) = member.added.filter(|_| self.is_stored(member)) else {
            return Err((Code::Storage, UNSTORED.to_owned()));
        };
        let hash = hash.clone();
        self.peers.wait(id);
        effects.push(Effect::Issue(TokenJob { conn: id, mail, hash, added }));
        Ok(())
    }

    /// A token was made.
    pub(in crate::room) fn issued(&mut self, job: &TokenJob, token: &Token) {
        if self.peers.answer_is_awaited(job.conn) {
            self.reply(job.conn, ok(Verb::Token, token.expose()));
        }
    }
}
