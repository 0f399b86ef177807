//! What connections ask, and what they may be told.

use chat_room::protocol::framing::Line;
use chat_room::room::{Chunk, ConnId, Input};

use super::text::{PASSWORDS, composed};
use super::world::{MAILS, World};

/// What a connection waits for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Login {
        mail: String,
        password: String,
        /// Whether it was the right one, as far as the group was told, all the time since it was asked.
        always_right: bool,
    },
    Passwd {
        new: String,
        always_right: bool,
    },
    Command,
}

#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    pub(crate) asked: Option<Asked>,
    /// Whose it is, and with which password they came in.
    pub(crate) inside: Option<(String, String)>,
    received: Vec<u8>,
}

impl World {
    pub(crate) fn connect(&mut self) -> usize {
        let slot = self.conns.iter().position(Option::is_none).unwrap_or(self.conns.len());
        let id = ConnId { slot: u32::try_from(slot).expect("few"), serial: self.serial };
        self.serial += 1;
        let conn = Some(Conn { id, asked: None, inside: None, received: Vec::new() });
        if slot == self.conns.len() {
            self.conns.push(conn);
        } else {
            self.conns[slot] = conn;
        }
        self.handle(Input::Connected(id, self.now().mono));
        slot
    }

    pub(crate) fn conn(&mut self, slot: usize) -> &mut Conn {
        self.conns[slot].as_mut().expect("it is there")
    }

    fn is_right(&self, who: &str, password: &str) -> bool {
        self.told.get(who).is_some_and(|(known, _)| *known == composed(password))
    }

    /// Says a line, unless an answer has to come first.
    pub(crate) fn say(&mut self, slot: usize, line: &str, asked: Asked) {
        let id = self.conn(slot).id;
        let Some(taken) = self.room.takes(id, Line::Whole(line.as_bytes())) else { return };
        self.note(format_args!("{slot}> {line}"));
        self.conn(slot).asked = Some(asked);
        let now = self.now();
        self.room.handle(now, Input::Line(taken), &mut self.effects);
        self.think();
    }

    pub(crate) fn login(&mut self, slot: usize, who: &str, password: &str) {
        let asked = Asked::Login {
            mail: who.to_owned(),
            password: composed(password),
            always_right: self.is_right(who, password),
        };
        self.say(slot, &format!("LOGIN {who}/- {password}"), asked);
    }

    /// Somebody does something.
    pub(crate) fn somebody(&mut self) {
        let (who, password) = (*self.rng.pick(&MAILS), *self.rng.pick(&PASSWORDS));
        let slot = if self.conns.len() < 6 { self.connect() } else { 1 + self.rng.below(5) };
        if self.conns[slot].is_none() {
            self.connect();
            return;
        }
        match self.conn(slot).inside.clone() {
            None => {
                // Mostly the right one.
                let right =
                    self.known.get(who).map(|(known, _)| known.clone()).filter(|_| self.rng.percent(70));
                self.login(slot, who, &right.unwrap_or_else(|| password.to_owned()));
            }
            Some((_, own)) if self.rng.percent(80) => {
                let (who, _) = self.conn(slot).inside.clone().expect("just matched");
                let old = if self.rng.percent(80) { own } else { (*self.rng.pick(&PASSWORDS)).to_owned() };
                let asked =
                    Asked::Passwd { new: composed(password), always_right: self.is_right(&who, &old) };
                self.say(slot, &format!("PASSWD {old} {password}"), asked);
            }
            Some(_) => self.say(slot, "LEAVE", Asked::Command),
        }
    }

    /// The admin does something.
    pub(crate) fn admin(&mut self) {
        let (who, password) = (*self.rng.pick(&MAILS), *self.rng.pick(&PASSWORDS));
        let line = match self.rng.below(5) {
            0 => format!("REMOVE {who}"),
            1 | 2 => format!("ADD {who} {password}"),
            _ => format!("RESET {who} {password}"),
        };
        self.say(0, &line, Asked::Command);
    }

    /// What the group was told of the file has changed: whose password is not the right one now, was not always.
    pub(crate) fn doubt(&mut self) {
        let told = &self.told;
        for conn in self.conns.iter_mut().flatten() {
            let inside = conn.inside.as_ref().map(|(who, _)| who.clone());
            let is = |who: &String, password: &str| told.get(who).is_some_and(|(known, _)| known == password);
            match &mut conn.asked {
                Some(Asked::Login { mail, password, always_right }) => *always_right &= is(mail, password),
                // Of the old one nothing is known here: it counts as doubtful after any change.
                Some(Asked::Passwd { always_right, .. }) => {
                    *always_right &= inside.is_some_and(|who| self.before.get(&who) == told.get(&who));
                }
                Some(Asked::Command) | None => {}
            }
        }
        self.before = self.told.clone();
    }

    /// Takes what everybody is owed.
    pub(crate) fn hear(&mut self) {
        for slot in 0..self.conns.len() {
            let Some(conn) = self.conns[slot].as_mut() else { continue };
            let mut scratch = Vec::new();
            let mut finished = false;
            loop {
                match self.room.chunk(conn.id, &mut scratch, 1 << 16) {
                    Chunk::Bytes(bytes) => {
                        conn.received.extend_from_slice(bytes);
                        let len = bytes.len();
                        self.room.advance(conn.id, len);
                    }
                    Chunk::Nothing => break,
                    Chunk::Finished => {
                        finished = true;
                        break;
                    }
                    Chunk::Missing(_) => panic!("everybody reads all the time"),
                }
            }
            let received = String::from_utf8(std::mem::take(&mut conn.received)).expect("text");
            let id = conn.id;
            for line in received.lines() {
                self.heard(slot, line);
            }
            if finished {
                self.conns[slot] = None;
                self.handle(Input::Gone(id));
            }
        }
    }

    fn heard(&mut self, slot: usize, line: &str) {
        self.note(format_args!("{slot}< {line}"));
        let words: Vec<&str> = line.split(' ').collect();
        if matches!(words[0], "HELLO" | "BYE") {
            return;
        }
        let asked = self.conn(slot).asked.take().expect("only what was asked is answered");
        let refused = (words[0] == "ERR").then(|| words[2]);
        match (asked, refused) {
            (Asked::Login { mail, password, .. }, None) => {
                assert!(
                    self.is_right(&mail, &password),
                    "{mail} came in with {password}, which was replaced"
                );
                self.counts.let_in += 1;
                self.conn(slot).inside = Some((mail, password));
            }
            (Asked::Login { mail, password, always_right }, Some("bad-login")) => {
                assert!(!always_right, "{mail} was kept out, though {password} was right all the time");
            }
            (Asked::Passwd { new, .. }, None) => {
                self.counts.passwd += 1;
                self.conn(slot).inside.as_mut().expect("a member").1 = new;
            }
            (Asked::Passwd { always_right, .. }, Some("bad-login")) => {
                assert!(!always_right, "the old password was right all the time");
            }
            (Asked::Login { .. }, Some("busy")) => self.counts.login_busy += 1,
            (Asked::Passwd { .. }, Some("busy")) => self.counts.passwd_busy += 1,
            (
                Asked::Command,
                None | Some("busy" | "already-member" | "no-such-member" | "last-admin" | "admin-only"),
            ) => {}
            (asked, refused) => panic!("{asked:?} is answered by {refused:?}"),
        }
    }
}
