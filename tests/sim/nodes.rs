//! The log of a group with other nodes, who say and change something, and lose touch with this one now and then.

use chat_room::protocol::{Announce, Author, Event, Seq, Text, Time, Title};
use chat_room::room::{Input, LogRefusal};

use super::file::{Field, NAMES, Row, TITLES, is_sound, mail, password, roster};
use super::oracle::Settings;
use super::shared_log::{SharedLog, Unnumbered};
use super::world::{MAILS, World};

/// The log, and whether it is out of reach.
pub(super) struct Nodes {
    pub(super) log: SharedLog,
    pub(super) is_cut_off: bool,
}

impl Nodes {
    pub(super) fn after(last: Seq, time: Time) -> Nodes {
        Nodes { log: SharedLog::new(last, time), is_cut_off: false }
    }
}

/// The author of a message.
fn author(message: &Unnumbered) -> &str {
    std::str::from_utf8(&message.rest)
        .expect("text")
        .split(' ')
        .next()
        .expect("split gives at least one piece")
}

impl World {
    fn nodes(&mut self) -> &mut Nodes {
        self.nodes.as_mut().expect("there are other nodes")
    }

    pub(super) fn shared(&mut self) -> &mut SharedLog {
        &mut self.nodes().log
    }

    /// The log: it takes its time, tells twice what it has told, and is out of reach now and then.
    pub(super) fn shared_log(&mut self) {
        if self.nodes().is_cut_off {
            if !self.draining && !self.rng.percent(10) {
                return;
            }
            self.rejoin();
        } else if !self.draining && self.rng.percent(self.swarm.cut_offs) {
            self.report.cut_offs += 1;
            self.note(format_args!("cut off"));
            self.nodes().is_cut_off = true;
            self.oracle.cut_off();
            return self.handle(Input::CutOff);
        }
        if !self.draining
            && self.rng.percent(self.swarm.repeats)
            && let Some(told) = self.committed.clone()
        {
            self.report.repeated += 1;
            self.handle(Input::Committed(told));
        }
        if !self.draining && self.rng.percent(self.swarm.disk_delay) {
            return;
        }
        let mut events = Vec::new();
        for _ in 0..self.rng.below(6) {
            if !self.draining && self.rng.percent(20) {
                events.extend(self.said_elsewhere());
            } else if !self.draining && self.rng.percent(5) {
                events.extend(self.agreed_elsewhere());
            } else if !self.draining && self.rng.percent(10) {
                self.commit(std::mem::take(&mut events));
                self.change_elsewhere();
            } else if let Some(own) = self.shared().own.pop_front() {
                let Some(why) = self.oracle.refusal() else {
                    self.oracle.committed(1);
                    events.push(own);
                    continue;
                };
                self.commit(std::mem::take(&mut events));
                match why {
                    LogRefusal::NotAMember => self.report.removed_first += 1,
                    LogRefusal::AnnounceOnly => self.report.silenced_first += 1,
                    LogRefusal::SoAlready => self.report.agreed_first += 1,
                    // Rarely: the tests of the stream's state have it.
                    _ => {}
                }
                self.note(format_args!("what {} says is nothing: {why:?}", author(&own)));
                self.oracle.refused_first(why);
                let ticket = own.ticket.expect("it was proposed here");
                self.handle(Input::Refused(vec![ticket], why));
            }
        }
        self.commit(events);
        self.think();
    }

    /// The log is in reach again. What waited is committed later, or never will be.
    fn rejoin(&mut self) {
        self.note(format_args!("rejoined"));
        self.nodes().is_cut_off = false;
        self.oracle.rejoined();
        self.handle(Input::Rejoined);
        if self.rng.percent(50) {
            let refused = self.shared().refuse_own();
            self.report.fenced += refused.len();
            self.note(format_args!("{} are refused", refused.len()));
            self.oracle.refused();
            self.handle(Input::Refused(refused, LogRefusal::Storage));
        }
    }

    /// What changes the group has its place in the log already.
    pub(super) fn commit_changes(&mut self, changes: Vec<Unnumbered>) {
        for _ in &changes {
            self.oracle.change_committed();
        }
        self.commit(changes);
    }

    fn commit(&mut self, events: Vec<Unnumbered>) {
        if events.is_empty() {
            return;
        }
        let committed = self.shared().commit(events);
        self.stored.extend_from_slice(&committed.lines);
        self.note(format_args!("the log has {}", self.oracle.last()));
        self.committed = Some(committed.clone());
        self.handle(Input::Committed(committed));
    }

    fn said_elsewhere(&mut self) -> Option<Unnumbered> {
        let who = *self.rng.pick(&MAILS);
        let member = self.oracle.members.get(who)?;
        if self.oracle.settings.announce && !member.admin {
            return None;
        }
        self.report.said_elsewhere += 1;
        let text = "z".repeat(1 + self.rng.below(self.swarm.text_max));
        self.oracle.said_elsewhere(self.wall_ms, "MSG", format!("{who} {text}"));
        let text = Text::parse(text.as_bytes()).expect("a text");
        Some(Unnumbered::of(&Event::Msg { mail: mail(who), text }, Time::from_unix_ms(self.wall_ms)))
    }

    /// Another node's admin says what the group is called, or who speaks, if that is not so already.
    fn agreed_elsewhere(&mut self) -> Option<Unnumbered> {
        let by = *self.rng.pick(&MAILS);
        self.oracle.members.get(by).filter(|member| member.admin)?;
        // Often what is asked for here at the same time.
        let asked = self.oracle.asked_first().filter(|_| self.rng.percent(70));
        let (title, is_on) = match &asked {
            Some(Settings { title, announce }) => (title.clone().unwrap_or_default(), *announce),
            None => ((*self.rng.pick(&TITLES)).to_owned(), self.rng.percent(40)),
        };
        let is_title = asked.map_or(self.rng.percent(50), |asked| asked.title != self.oracle.settings.title);
        let (word, rest, event) = if is_title {
            let title = Title::parse(title.as_bytes()).expect("a title");
            ("TITLED", format!("{by} {title}"), Event::Titled { by: mail(by), title })
        } else {
            let mode = if is_on { Announce::On } else { Announce::Off };
            ("ANNOUNCE", format!("{by} {mode}"), Event::Announce { by: mail(by), mode })
        };
        if self.oracle.settings.after(word, &rest) == self.oracle.settings {
            return None;
        }
        self.report.agreed_elsewhere += 1;
        self.oracle.said_elsewhere(self.wall_ms, word, rest);
        Some(Unnumbered::of(&event, Time::from_unix_ms(self.wall_ms)))
    }

    /// Another node's member changes a member. Only while this node's file says what it was told.
    fn change_elsewhere(&mut self) {
        let (by, who) = (*self.rng.pick(&MAILS), *self.rng.pick(&MAILS));
        if !self.filed.is_empty() || self.file != self.told || !self.oracle.members.contains_key(by) {
            return;
        }
        let mut file = self.file.clone();
        let stands = file.get(who).cloned();
        match (self.rng.below(4), stands) {
            (0, Some(_)) => drop(file.remove(who)),
            (1, Some(row)) => drop(file.insert(who.to_owned(), Row { admin: !row.admin, ..row })),
            // Members name themselves.
            (2, Some(row)) if by == who => {
                let name = self.rng.percent(80).then(|| (*self.rng.pick(&NAMES)).to_owned());
                file.insert(who.to_owned(), Row { name, ..row });
            }
            (_, stands) => {
                self.salt += 1;
                let field = Field::Hash(password(self.rng.below(3)), self.salt);
                let row = stands.map_or(Row::of(field.clone(), false), |row| Row { field, ..row });
                file.insert(who.to_owned(), row);
            }
        }
        if !is_sound(&file) {
            return;
        }
        self.report.changed_elsewhere += 1;
        let is_of = |save: &super::world::Save| format!("{:?}", save.change).contains(who);
        self.report.changed_first += usize::from(self.saves.iter().any(is_of));
        self.note(format_args!("{by} changes {who} elsewhere: {:?}", file.get(who)));
        self.oracle.file_says(self.wall_ms, by, &file);
        (self.told, self.file) = (file.clone(), file);
        self.note_fields();
        let edit = (mail(who), roster(&self.file).remove(&mail(who)));
        self.handle(Input::Decided(Author::Member(mail(by)), edit));
        self.think();
    }
}
