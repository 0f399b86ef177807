//! The naive group: each message of the stream, read word by word, and what follows from it. It shares no code with the
//! program but the text of a time.

use std::collections::BTreeMap;

use chat_room::protocol::Time;

pub(super) struct Line {
    pub(super) text: String,
    /// The node whose batch it was in, and its start.
    pub(super) origin: (String, u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) admin: bool,
    pub(super) hash: String,
    pub(super) added: u64,
    pub(super) name: Option<String>,
}

/// What became of the commands of a message; `None`: it does not count.
pub(super) type Outcomes = Option<Vec<String>>;

#[derive(Default)]
pub(super) struct Oracle {
    /// The event before the first line.
    pub(super) base: u64,
    pub(super) lines: Vec<Line>,
    pub(super) group: BTreeMap<String, Member>,
    pub(super) outcomes: Vec<Outcomes>,
    /// What the group is called, and whether only admins speak.
    pub(super) title: Option<String>,
    pub(super) announce: bool,
    /// The newest start of each node and its last batch; `None`: a fence has ended it.
    nodes: BTreeMap<String, (u64, Option<u64>)>,
    /// Since which line who has been a member; `None`: since this line no longer.
    memberships: Vec<(u64, String, Option<u64>)>,
    last_ms: u64,
    line_max: usize,
    /// Somebody was invited first after this event, and what has ended invitations since: events, and whose.
    invited_since: Option<u64>,
    ends: Vec<(u64, String)>,
    /// Those who have come by invitations, and invitations that something had ended.
    pub(super) accepted: usize,
    pub(super) ended: usize,
}

impl Oracle {
    pub(super) fn apply(&mut self, ms: u64, body: &[u8]) {
        let text = std::str::from_utf8(body).expect("it is text");
        let mut lines = text.lines();
        let head: Vec<&str> = lines.next().expect("a head").split(' ').collect();
        let (node, start, n) = (head[1].to_owned(), parse(head[2]), parse(head[3]));
        let shown = head.get(4).map_or(u64::MAX, |shown| parse(shown));
        let counts = match self.nodes.get(&node) {
            None => n == 1,
            Some((known, _)) if start > *known => n == 1,
            Some((known, last)) => start == *known && last.is_some_and(|last| n == last + 1),
        };
        if !counts {
            self.outcomes.push(None);
            return;
        }
        self.nodes.insert(node.clone(), (start, Some(n)));
        let origin = (node, start);
        let outcomes = lines.map(|line| self.command(ms, &origin, shown, line)).collect();
        self.outcomes.push(Some(outcomes));
    }

    /// Whether nothing of this start of a node counts any more.
    pub(super) fn has_ended(&self, node: &str, start: u64) -> bool {
        self.nodes.get(node).is_some_and(|(known, last)| *known > start || *known == start && last.is_none())
    }

    pub(super) fn has_invited(&self) -> bool {
        self.invited_since.is_some()
    }

    pub(super) fn last(&self) -> u64 {
        self.base + self.lines.len() as u64
    }

    /// The number of the line with which somebody became the member who they were after event `at`.
    pub(super) fn membership(&self, mail: &str, at: u64) -> Option<u64> {
        let mut theirs = self.memberships.iter().rev().filter(|(seq, whose, _)| *seq <= at && whose == mail);
        theirs.next().and_then(|(_, _, since)| *since)
    }

    fn command(&mut self, ms: u64, origin: &(String, u64), shown: u64, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let is_other = |mail: &str| self.group.get(mail).is_some_and(|member| member.added > shown);
        let told = match words[0] {
            "MSG" if is_other(words[1]) => "NotAMember",
            "ADD" | "INVITE" | "REMOVE" | "PASS" | "ROLE" | "PROMOTE" | "DEMOTE" | "NAME" | "TITLE"
            | "ANNOUNCE"
                if is_other(words[1]) =>
            {
                "NotAllowed"
            }
            "GENESIS" => {
                self.line_max = usize::try_from(parse(words[3])).expect("small");
                self.base = parse(words[4]);
                self.last_ms = Time::parse(words[5]).expect("a time").unix_ms();
                "nothing"
            }
            "MEMBER" => {
                let member = Member {
                    admin: words[2] == "admin",
                    hash: words[3].to_owned(),
                    added: parse(words[4]),
                    name: None,
                };
                self.memberships.push((0, words[1].to_owned(), Some(member.added)));
                self.group.insert(words[1].to_owned(), member);
                "nothing"
            }
            "MSG" => {
                let (mail, said) = line["MSG ".len()..].split_once(' ').expect("a text");
                if !self.group.contains_key(mail) {
                    "NotAMember"
                } else if self.announce && !self.group[mail].admin {
                    "AnnounceOnly"
                } else if said.len() + 5 > self.line_max {
                    "TooLong"
                } else {
                    self.event(ms, origin, "MSG", &format!("{mail} {said}"));
                    "said"
                }
            }
            "ADD" => {
                if !self.is_admin(words[1]) {
                    "NotAllowed"
                } else if self.group.contains_key(words[2]) {
                    "Change(AlreadyMember)"
                } else {
                    self.event(ms, origin, "ADDED", &words[1..3].join(" "));
                    self.insert(words[2], words[3] == "admin", words[4])
                }
            }
            "INVITE" | "TITLE" | "ANNOUNCE" if !self.is_admin(words[1]) => "NotAllowed",
            "INVITE" if self.group.contains_key(words[2]) => "Change(AlreadyMember)",
            "INVITE" => {
                let last = self.last();
                self.invited_since.get_or_insert(last);
                "nothing"
            }
            "ACCEPT" => self.accept(ms, origin, &words),
            "REMOVE" => match self.refused(words[1], words[2], true) {
                Some(refused) => refused,
                None if self.is_last_admin(words[2]) => "Change(LastAdmin)",
                None => {
                    self.group.remove(words[2]);
                    self.event(ms, origin, "REMOVED", &format!("{} {}", words[1], words[2]));
                    self.memberships.push((self.last(), words[2].to_owned(), None));
                    self.ends.push((self.last(), words[2].to_owned()));
                    "changed"
                }
            },
            "PASS" => match self.refused(words[1], words[2], true) {
                Some(refused) => refused,
                None => {
                    let member = self.group.get_mut(words[2]).expect("it is a member");
                    if words.get(4).is_some_and(|expected| *expected != member.hash) {
                        "Change(NotExpected)"
                    } else {
                        words[3].clone_into(&mut member.hash);
                        "changed"
                    }
                }
            },
            "ROLE" | "PROMOTE" | "DEMOTE" => self.role(ms, origin, &words),
            "NAME" => self.name(ms, origin, &words),
            "TITLE" | "ANNOUNCE" => self.agree(ms, origin, &words),
            "FENCE" => {
                let start = parse(words[2]);
                let known = self.nodes.get(words[1]).map(|(known, _)| *known);
                if known.is_none_or(|known| known <= start) {
                    self.nodes.insert(words[1].to_owned(), (start, None));
                }
                "nothing"
            }
            "JOIN" | "SUM" => "nothing",
            other => panic!("{other} is no command"),
        };
        told.to_owned()
    }

    fn role(&mut self, ms: u64, origin: &(String, u64), words: &[&str]) -> &'static str {
        let admin = words[0] == "PROMOTE" || words.get(3) == Some(&"admin");
        match self.refused(words[1], words[2], false) {
            Some(refused) => refused,
            None if self.group[words[2]].admin == admin => "nothing",
            None if self.is_last_admin(words[2]) => "Change(LastAdmin)",
            None => {
                self.group.get_mut(words[2]).expect("a member").admin = admin;
                if words[0] != "ROLE" {
                    self.event(ms, origin, &format!("{}D", words[0]), &words[1..].join(" "));
                }
                if !admin {
                    // Without an event the next one counts.
                    self.ends.push((self.last() + u64::from(words[0] == "ROLE"), words[2].to_owned()));
                }
                "changed"
            }
        }
    }

    /// Somebody comes by an invitation.
    fn accept(&mut self, ms: u64, origin: &(String, u64), words: &[&str]) -> &'static str {
        let [_, by, mail, made, hash] = words else { panic!("{words:?} is no ACCEPT") };
        let made = parse(made);
        let is_ended = |(seq, whose): &(u64, String)| *seq > made && (whose == mail || whose == by);
        if self.invited_since.is_none_or(|since| made < since) || self.ends.iter().any(is_ended) {
            self.ended += 1;
            "NotAllowed"
        } else if !self.is_admin(by) {
            "NotAllowed"
        } else if self.group.contains_key(*mail) {
            "Change(AlreadyMember)"
        } else {
            self.accepted += 1;
            self.event(ms, origin, "ADDED", &format!("{by} {mail}"));
            self.insert(mail, false, hash)
        }
    }

    /// The last line has added a member.
    fn insert(&mut self, mail: &str, admin: bool, hash: &str) -> &'static str {
        let member = Member { admin, hash: hash.to_owned(), added: self.last(), name: None };
        self.group.insert(mail.to_owned(), member);
        self.memberships.push((self.last(), mail.to_owned(), Some(self.last())));
        "changed"
    }

    /// TITLE and ANNOUNCE of an admin.
    fn agree(&mut self, ms: u64, origin: &(String, u64), words: &[&str]) -> &'static str {
        let event = if words[0] == "TITLE" {
            let title = Some(words[2..].join(" "));
            if self.title == title {
                return "nothing";
            }
            self.title = title;
            "TITLED"
        } else {
            if self.announce == (words[2] == "on") {
                return "nothing";
            }
            self.announce = !self.announce;
            "ANNOUNCE"
        };
        self.event(ms, origin, event, &words[1..].join(" "));
        "said"
    }

    fn name(&mut self, ms: u64, origin: &(String, u64), words: &[&str]) -> &'static str {
        let name = (words.len() > 3).then(|| words[4..].join(" "));
        let is_taken = |name: &String| self.is_called(words[2], name, words[1] != "-");
        // Members name themselves.
        let is_others = words[1] != "-" && words[1] != words[2];
        match self.refused(words[1], words[2], true) {
            _ if is_others => "NotAllowed",
            Some(refused) => refused,
            None if self.group[words[2]].name == name => "nothing",
            None if name.as_ref().is_some_and(is_taken) => "Change(NameTaken)",
            None => {
                self.group.get_mut(words[2]).expect("a member").name.clone_from(&name);
                let edit = usize::from(words[1] != "-");
                let rest = [&words[1 + edit..3], &words[4.min(words.len())..]].concat();
                self.event(ms, origin, "NAMED", &rest.join(" "));
                "changed"
            }
        }
    }

    /// Whether another member has a name that looks like this, or a mail that begins so.
    fn is_called(&self, whose: &str, name: &str, counts_mails: bool) -> bool {
        let plain = |name: &str| name.to_lowercase().replace('\u{430}', "a");
        self.group.iter().filter(|(mail, _)| *mail != whose).any(|(mail, member)| {
            let is_alike = member.name.as_ref().is_some_and(|other| plain(other) == plain(name));
            is_alike || counts_mails && mail.split('@').next() == Some(&plain(name))
        })
    }

    fn event(&mut self, ms: u64, origin: &(String, u64), verb: &str, rest: &str) {
        self.last_ms = if self.last_ms > ms + 60_000 { ms } else { self.last_ms.max(ms) };
        let (seq, time) = (self.last() + 1, Time::from_unix_ms(self.last_ms));
        self.lines.push(Line { text: format!("{verb} {seq} {time} {rest}\n"), origin: origin.clone() });
    }

    fn is_admin(&self, by: &str) -> bool {
        by == "-" || self.group.get(by).is_some_and(|member| member.admin)
    }

    fn is_last_admin(&self, mail: &str) -> bool {
        self.group[mail].admin && self.group.values().filter(|member| member.admin).count() == 1
    }

    fn refused(&self, by: &str, mail: &str, own: bool) -> Option<&'static str> {
        let is_own = own && by == mail && self.group.contains_key(by);
        if !self.is_admin(by) && !is_own {
            Some("NotAllowed")
        } else {
            (!self.group.contains_key(mail)).then_some("Change(NoSuchMember)")
        }
    }
}

fn parse(word: &str) -> u64 {
    word.parse().expect("a number")
}
