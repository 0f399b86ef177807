//! Invitations: what the naive server knows of them, and their words. Whether one is good is read from the log anew each time.

use chat_room::limits::ENDS_KEPT_FOR;
use chat_room::protocol::{InviteOk, InviteWord, Seq, Time};
use chat_room::room::{Change, Ended, Input, Invitation, InviteJob, JoinJob, Mark, PasswordHash, Ticket};

use super::edits::Filed;
use super::file::mail;
use super::hashes::Task;
use super::oracle::{Client, Oracle, Pending};
use super::world::{MAILS, World};

/// What a word says.
#[derive(Clone, Debug)]
pub(super) struct Invited {
    pub(super) word: String,
    pub(super) mail: String,
    by: String,
    /// The last event then.
    made: u64,
}

impl Oracle {
    /// Whether these events, or what waits for its number, end the invitations of this mail, or by this one.
    fn is_ended(&self, invited: &Invited) -> bool {
        let Invited { mail, by, made, .. } = invited;
        let ends = |word: &str, whom: &str| match word {
            "REMOVED" => whom == mail || whom == by,
            "ADDED" => whom == mail,
            "DEMOTED" => whom == by,
            _ => false,
        };
        let later = self.log.iter().skip(usize::try_from(*made).expect("few"));
        let mut logged = later.map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap_or_default(), words.nth(3).unwrap_or_default())
        });
        *made < self.ends_known_since()
            || logged.any(|(word, whom)| ends(word, whom))
            || self.changes_waiting().any(|(word, whom)| ends(word, whom))
    }

    /// An end of eight days ago is forgotten at the next one, and with it all that was invited before it.
    fn ends_known_since(&self) -> u64 {
        let (mut since, mut kept) = (self.ends_since, Vec::new());
        for (number, line) in (1..).zip(&self.log).skip(usize::try_from(self.ends_since).expect("few")) {
            let words: Vec<&str> = line.split(' ').collect();
            if ["REMOVED", "DEMOTED"].contains(&words[0]) {
                let time = Time::parse(words[2]).expect("a time").unix_ms();
                kept.push((number, time));
                let old = u64::try_from(ENDS_KEPT_FOR.as_millis()).expect("some days");
                while kept[0].1 + old < time {
                    since = kept.remove(0).0;
                }
            }
        }
        since
    }

    fn invited(&self, word: &str, whom: &str) -> Option<Invited> {
        self.invited.iter().find(|invited| invited.word == word && invited.mail == whom).cloned()
    }

    /// Whether this word lets this mail in now.
    fn is_good(&self, invited: &Invited) -> bool {
        let is_admin = self.members.get(&invited.by).is_some_and(|member| member.admin);
        is_admin && !self.members.contains_key(&invited.mail) && !self.is_ended(invited)
    }

    /// Whether an end of earlier invitations of these two waits for its number.
    fn has_no_number(&self, mail: &str, by: &str) -> bool {
        let ends = |(word, whom): (&str, &str)| {
            ["REMOVED", "DEMOTED"].contains(&word) && (whom == mail || whom == by)
        };
        self.changes_waiting().any(ends)
    }

    /// Nothing stands in the way of these words, or it never will go.
    pub(super) fn release_invites(&mut self) {
        for client in 0..self.clients.len() {
            let Some(Pending::Invite { mail, by }) = &self.clients[client].pending else { continue };
            if self.clients[client].leaving {
                self.clients[client].pending = None;
                continue;
            }
            let code = if self.has_no_number(mail, by) {
                if !self.is_stalled() {
                    continue;
                }
                "storage"
            } else if self.members.contains_key(mail) {
                "already-member"
            } else {
                assert!(!self.members.get(by).is_some_and(|member| member.admin), "the word is made");
                "admin-only"
            };
            self.clients[client].pending = None;
            self.reply(client, format!("ERR INVITE {code} "));
        }
    }

    /// A word of its own for each invitation.
    fn make_word(&mut self, client: Client, job: &InviteJob) -> String {
        let pending = self.clients[client].pending.take();
        let Some(Pending::Invite { mail, by }) = pending else { panic!("client {client} waits for it") };
        assert_eq!((job.mail.as_str(), job.by.as_str(), job.made.0), (&*mail, &*by, self.last()));
        assert!(!self.has_no_number(&mail, &by), "the ends of earlier ones come before it");
        let word = format!("word-{}", self.invited.len());
        self.reply(client, format!("OK INVITE {word}"));
        let invited = Invited { word: word.clone(), mail, by, made: job.made.0 };
        assert!(self.is_good(&invited), "{invited:?} is good at first");
        self.invited.push(invited);
        word
    }

    /// The password is hashed: whether the word is good decides. Whether the change goes on to the file.
    fn joining(&mut self, client: Client, may_be_ended: impl Fn(&str) -> bool) -> bool {
        let Some(Pending::Join { mail, word }) = self.clients[client].pending.take() else { return false };
        if self.clients[client].leaving {
            return false;
        }
        let invited = self.invited(&word, &mail);
        let Some(invited) = invited.filter(|invited| self.is_good(invited)) else {
            self.bad_invites += usize::from(self.invited(&word, &mail).is_some());
            self.wrong(client, "JOIN", "bad-invite");
            return false;
        };
        if may_be_ended(&mail) || may_be_ended(&invited.by) {
            self.reply(client, "ERR JOIN busy ");
            return false;
        }
        self.clients[client].pending = Some(Pending::Change { verb: "JOIN", version: 0 });
        true
    }

    pub(super) fn join_busy(&mut self, client: Client) {
        if self.clients[client].pending.take().is_some() && !self.clients[client].leaving {
            self.reply(client, "ERR JOIN busy ");
        }
    }

    /// Somebody has joined: by an invitation that nothing has ended.
    pub(super) fn has_joined(&mut self, mail: &str, by: &str, made: u64) {
        let is_it = |invited: &&Invited| (&*invited.mail, &*invited.by, invited.made) == (mail, by, made);
        let invited = self.invited.iter().find(is_it).expect("somebody was invited");
        assert!(!self.is_ended(invited), "{mail} joins with {invited:?}, which has ended");
        assert!(self.members.get(by).is_some_and(|member| member.admin), "{invited:?} is by an admin");
        self.joined += 1;
    }

    /// Whether it is still good in its place among what all nodes decide.
    pub(super) fn accepts(&self, mail: &str, by: &str, made: u64) -> bool {
        let is_it = |invited: &&Invited| (&*invited.mail, &*invited.by, invited.made) == (mail, by, made);
        !self.invited.iter().find(is_it).is_none_or(|invited| self.is_ended(invited))
    }
}

impl World {
    /// The word that the room wants is made at once.
    pub(super) fn make_word(&mut self, job: InviteJob) {
        let Some(client) = self.client_of(job.conn) else { panic!("the room knows that it is gone") };
        let word = self.oracle.make_word(client, &job);
        self.note(format_args!("{} is invited by {} after {}: {word}", job.mail, job.by, job.made));
        let word = InviteWord::parse(word.as_bytes()).expect("a word");
        let made = InviteOk { word, page: None };
        self.room.handle(self.now(), Input::Invited(job, made), &mut self.effects);
    }

    /// The password of somebody who wants to join is hashed, and only now the word is read.
    pub(super) fn tell_joining(&mut self, job: JoinJob, made: PasswordHash) {
        let invited = self.oracle.invited(job.word.expose(), job.mail.as_str());
        let mark = |by: &str| Mark::of(&mail(by));
        let by = invited.as_ref().and_then(|invited| {
            self.room.admins_marked(mark(&invited.by)).find(|by| by.as_str() == invited.by).cloned()
        });
        let invitation = invited.zip(by).map(|(invited, by)| Invitation { by, made: Seq(invited.made) });
        match self.client_of(job.conn) {
            Some(client) => {
                let saves = self.saves.iter().map(|save| &save.change);
                let under_way = saves.chain(self.filed.iter().flat_map(Filed::changes));
                let may_end =
                    |change: &&Change| matches!(change, Change::Remove { .. } | Change::SetRole { .. });
                let whose = under_way.filter(may_end).map(|change| change.mail().to_string());
                let whose: Vec<String> = whose.collect();
                self.oracle.joining(client, |whom| whose.iter().any(|one| one == whom));
            }
            None => self.note_late(job.conn),
        }
        self.handle(Input::Joining(job, Some(made), invitation));
    }

    /// Whether all nodes see that something has ended the invitation by which somebody joins.
    pub(super) fn has_ended(&self, ticket: &Ticket, change: &Change) -> bool {
        match (ticket, change) {
            (Ticket::Command(_, _, by), Change::Join { mail, made, .. }) => {
                !self.oracle.accepts(mail.as_str(), by.as_str(), made.0)
            }
            _ => false,
        }
    }

    /// What is known of ends beside the log: all of it, or only from some event on.
    pub(super) fn ended_of_log(&mut self) -> Ended {
        let last = self.oracle.last();
        self.oracle.ends_since = if self.rng.percent(30) {
            self.rng.below(usize::try_from(last).expect("few") + 1) as u64
        } else {
            0
        };
        let mut ended = Ended::since(Seq(self.oracle.ends_since));
        for line in &self.oracle.log {
            let line = chat_room::protocol::EventLine::parse(line.as_bytes()).expect("an event");
            ended.follow(line.seq, line.time, &line.event);
        }
        ended
    }

    /// Mostly of somebody who is no member.
    pub(super) fn invite_line(&mut self) -> String {
        let others = MAILS.into_iter().filter(|who| !self.oracle.members.contains_key(*who));
        let others: Vec<&str> = others.collect();
        let whom = others.get(self.rng.below(others.len().max(1))).filter(|_| self.rng.percent(80));
        format!("INVITE {}", whom.unwrap_or(self.rng.pick(&MAILS)))
    }

    /// Who has invited somebody whose password is just being hashed.
    pub(super) fn has_invited_who_joins(&self) -> Option<String> {
        let joining = self.tasks.iter().find_map(|task| match task {
            Task::Join(job) => self.oracle.invited(job.word.expose(), job.mail.as_str()),
            _ => None,
        });
        joining.map(|invited| invited.by)
    }

    /// Mostly with the mail and the word of an invitation, one of the last ones.
    pub(super) fn join_line(&mut self, password: &str) -> String {
        let most = if self.rng.percent(70) { 3 } else { 30 };
        let back = 1 + self.rng.below(most);
        let given = self.oracle.invited.len().checked_sub(back).map(|at| self.oracle.invited[at].clone());
        let (mail, word) =
            given.map_or(("a@x".to_owned(), "nobody".to_owned()), |given| (given.mail, given.word));
        let mail = if self.rng.percent(90) { mail } else { (*self.rng.pick(&MAILS)).to_owned() };
        format!("JOIN {mail} {word} {password}")
    }
}
