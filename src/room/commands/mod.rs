//! What each command does.

pub(super) mod history;
pub(super) mod last_minute;
pub(super) mod login;
pub(super) mod page;
pub(super) mod past;
pub(super) mod pay;
pub(super) mod refused;

use std::fmt::Write as _;

use crate::limits::TERMINAL_LINE;
use crate::protocol::framing::Line;
use crate::protocol::{
    Bye, Code, Command, Event, Mail, MemberLine, Request, Role, Seq, Verb, VerbEcho, WhoLine, err,
    no_timing_mark, ok,
};
use crate::room::commands::page::list_page;
use crate::room::commands::refused::{PASSWORD_CHANGED, Refused, TOO_MANY_PASSWORDS, refused};
use crate::room::group::Member;
use crate::room::group::roster::{Change, PasswordHash};
use crate::room::ids::{ConnId, Now};
use crate::room::interface::{CheckFor, CheckJob, Effect, HashFor, HashJob, Proof, Ticket};
use crate::room::session::Ending;
use crate::room::{ChangeError, Room};

impl Room {
    pub(in crate::room) fn line(
        &mut self,
        now: Now,
        id: ConnId,
        line: Line<'_, Command<'_>>,
        effects: &mut Vec<Effect>,
    ) {
        let is_before_login = self.peers.mail_of(id).cloned().is_none();
        match line {
            Line::TlsHello => self.end(id, Ending::AtEnd, Some(Bye::Protocol)),
            Line::TooLong(head) => {
                let max = self.config.line_max;
                let sentence =
                    format!("a line has at most {max} bytes, its end counted; this one was dropped");
                self.too_long(id, head, &sentence);
            }
            Line::Cut(head) => {
                let sentence = format!(
                    "a terminal cuts lines off at {TERMINAL_LINE} bytes, the length of this one; it was \
                     dropped"
                );
                self.too_long(id, head, &sentence);
            }
            Line::TimingMark => self.reply(id, no_timing_mark()),
            Line::Whole(command) if command.is_blank() => {}
            Line::Whole(command) if is_before_login && command.is_http() => {
                self.end(id, Ending::AtEnd, Some(Bye::Protocol));
            }
            Line::Whole(command) => match Request::of(command) {
                Ok(request) => self.request(now, id, request, effects),
                Err(refusal) => self.reply(id, refusal.line()),
            },
        }
    }

    fn too_long(&mut self, id: ConnId, head: &[u8], sentence: &str) {
        self.reply(id, err(VerbEcho::of_line(head), Code::TooLong, sentence));
        if self.peers.mail_of(id).cloned().is_none() {
            self.end(id, Ending::AtEnd, Some(Bye::Protocol));
        }
    }

    fn request(&mut self, now: Now, id: ConnId, request: Request<'_>, effects: &mut Vec<Effect>) {
        let verb = request.verb();
        let done = match (self.peers.mail_of(id).cloned(), request) {
            (_, Request::Ping(text)) => {
                let rest = text.map_or("", |text| text.as_str());
                self.reply(id, ok_verbatim(verb, rest));
                Ok(())
            }
            (_, Request::Help(about)) => {
                self.help(id, about);
                Ok(())
            }
            (_, Request::Quit) => {
                self.reply(id, ok(verb, ""));
                self.end(id, Ending::AtEnd, None);
                Ok(())
            }
            (None, Request::Login { mail, subscription, password }) => {
                self.login(now, id, mail, subscription, Proof::Password(password), effects);
                Ok(())
            }
            (None, Request::Resume { mail, subscription, token }) => {
                self.login(now, id, mail, subscription, Proof::Token(token), effects);
                Ok(())
            }
            (None, _) => Err((Code::LoginFirst, "LOGIN <mail> <secret> comes first".to_owned())),
            (Some(mail), request) => self.member_request(now, id, mail, request, effects),
        };
        if let Err((code, sentence)) = done {
            self.reply(id, err(verb, code, sentence));
        }
    }

    fn member_request(
        &mut self,
        now: Now,
        id: ConnId,
        mail: Mail,
        request: Request<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let verb = request.verb();
        match request {
            Request::Msg(text) => self.propose_message(now, id, &Event::Msg { mail, text }),
            Request::Who { after } => {
                let line = |mail: &Mail, member: &Member| {
                    Some(WhoLine { mail: mail.clone(), devices: member.devices.online() })
                };
                let page = list_page(self.group.online(after.as_ref()), line);
                self.reply(id, page.answer(verb));
            }
            Request::Members { after } => {
                let tells_seen = self.admin_only(&mail).is_ok();
                let line = |mail: &Mail, member: &Member| {
                    let seen = tells_seen.then(|| self.shown_seen(member.devices.seen()).into());
                    let is_online = member.devices.online() > 0;
                    Some(MemberLine { mail: mail.clone(), role: member.role, is_online, seen })
                };
                let page = list_page(self.group.page(after.as_ref()), line);
                self.reply(id, page.answer(verb));
            }
            Request::Info { seq, after } => self.ask_info(id, &mail, seq, after, effects)?,
            Request::History(span) => self.history(id, &mail, span, effects),
            Request::Skip => self.skip(id, effects),
            Request::Passwd { old, new } => {
                let (proof, purpose) = (Proof::Password(old), CheckFor::Passwd(new));
                self.ask_check(
                    CheckJob { conn: id, mail, against: None, added: Seq(0), proof, purpose },
                    effects,
                );
            }
            Request::Leave => {
                self.peers.wait(id);
                let change = Change::Remove { mail: mail.clone() };
                effects.push(Effect::Save(Ticket::Command(id, verb, mail), change));
            }
            Request::Add { mail: whom, password } => {
                self.admin_only(&mail)?;
                self.peers.wait(id);
                effects.push(Effect::Hash(HashJob { password, purpose: HashFor::Add(id, whom) }));
            }
            Request::Reset { mail: whom, password } => {
                self.admin_only(&mail)?;
                if self.group.get(&whom).is_none() {
                    return Err(refused(ChangeError::NoSuchMember));
                }
                self.peers.wait(id);
                effects.push(Effect::Hash(HashJob { password, purpose: HashFor::Reset(id, whom) }));
            }
            Request::Remove(whom) => {
                self.admin_only(&mail)?;
                self.peers.wait(id);
                effects.push(Effect::Save(Ticket::Command(id, verb, mail), Change::Remove { mail: whom }));
            }
            Request::Stats => {
                self.admin_only(&mail)?;
                self.peers.wait(id);
                effects.push(Effect::Measure(id));
            }
            Request::Token => self.token(id, mail, effects)?,
            Request::Login { .. } | Request::Resume { .. } => {
                return Err((
                    Code::AlreadyLoggedIn,
                    format!("this connection is logged in as {mail} already"),
                ));
            }
            Request::Ping(_) | Request::Help(_) | Request::Quit => {
                unreachable!("request() has answered these")
            }
        }
        Ok(())
    }

    /// A password was hashed.
    pub(in crate::room) fn hashed(
        &mut self,
        now: Now,
        job: HashJob,
        hash: Option<PasswordHash>,
        effects: &mut Vec<Effect>,
    ) {
        let HashJob { password, purpose } = job;
        if purpose.conn().is_some_and(|id| !self.peers.answer_is_awaited(id)) {
            return;
        }
        let (id, verb, change) = match (purpose, hash) {
            (HashFor::Typed { mail, version, .. }, hash) => {
                return self.typed_hashed(now, mail, version, password, hash, effects);
            }
            (HashFor::Add(id, mail), Some(hash)) => (id, Verb::Add, Change::Add { mail, hash }),
            (HashFor::Reset(id, mail), Some(hash)) => {
                (id, Verb::Reset, Change::SetPassword { mail, hash, expected: None })
            }
            (HashFor::Passwd { conn, mail, version }, Some(hash)) => {
                let member = self.group.get(&mail).filter(|member| member.version == version);
                let Some(expected) = member.map(|member| member.secret().clone()) else {
                    return self.reply(conn, err(Verb::Passwd, Code::Busy, PASSWORD_CHANGED));
                };
                (conn, Verb::Passwd, Change::SetPassword { mail, hash, expected: Some(expected) })
            }
            (HashFor::Add(id, _), None) => return self.refuse_busy(id, Verb::Add),
            (HashFor::Reset(id, _), None) => return self.refuse_busy(id, Verb::Reset),
            (HashFor::Passwd { conn, .. }, None) => return self.refuse_busy(conn, Verb::Passwd),
        };
        let Some(by) = self.peers.mail_of(id).cloned() else { return };
        // The role may have changed while the hash was made.
        if verb != Verb::Passwd
            && let Err((code, sentence)) = self.admin_only(&by)
        {
            return self.reply(id, err(verb, code, sentence));
        }
        self.peers.wait(id);
        effects.push(Effect::Save(Ticket::Command(id, verb, by), change));
    }

    pub(in crate::room) fn refuse_busy(&mut self, id: ConnId, verb: Verb) {
        self.reply(id, err(verb, Code::Busy, TOO_MANY_PASSWORDS));
    }

    /// How many connections are logged in.
    pub fn logged_in(&self) -> usize {
        self.peers.logged_in()
    }

    /// How many members the group has.
    pub fn members(&self) -> usize {
        self.group.len()
    }

    /// Answers STATS with the room's figures and the shell's.
    pub(in crate::room) fn measured(
        &mut self,
        now: Now,
        id: ConnId,
        handshaking: usize,
        figures: &[(&'static str, u64)],
    ) {
        if !self.peers.answer_is_awaited(id) {
            return;
        }
        let own = [
            ("connections", (self.peers.len() + handshaking) as u64),
            ("logged-in", self.peers.logged_in() as u64),
            ("members", self.group.len() as u64),
            ("last-event", self.transcript.last().0),
            ("events-last-minute", self.minute.total(now)),
        ];
        let mut lines = String::new();
        let mut count = 0;
        for (name, value) in own.iter().chain(figures) {
            writeln!(lines, "STAT {name} {value}").expect("writing to a String cannot fail");
            count += 1;
        }
        let mut lines = lines.into_bytes();
        lines.extend(ok(Verb::Stats, count));
        self.reply(id, lines);
    }

    fn help(&mut self, id: ConnId, about: Option<Verb>) {
        let mut lines = String::new();
        let mut count = 0;
        for verb in Verb::ALL.into_iter().filter(|&verb| about.is_none_or(|about| about == verb)) {
            writeln!(lines, "HELP {} - {}", verb.usage(), verb.purpose())
                .expect("writing to a String cannot fail");
            count += 1;
        }
        let mut lines = lines.into_bytes();
        lines.extend(ok(Verb::Help, count));
        self.reply(id, lines);
    }

    pub(in crate::room) fn admin_only(&self, mail: &Mail) -> Result<(), Refused> {
        match self.group.get(mail).map(|member| member.role) {
            Some(Role::Admin) => Ok(()),
            _ => Err((Code::AdminOnly, "only an admin may do that".to_owned())),
        }
    }
}

/// Like [`ok`], but keeps blanks at the end of the text.
fn ok_verbatim(verb: Verb, text: &str) -> Vec<u8> {
    if text.is_empty() { ok(verb, "") } else { format!("OK {verb} {text}\n").into_bytes() }
}
