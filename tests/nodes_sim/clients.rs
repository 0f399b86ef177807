//! What members say and change at the nodes, and what they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chat_room::protocol::{Announce, Author, DisplayName, Role, Seq, Text, Title};
use chat_room::server::log::cluster::{Command, Named, NodeName, Start};

use super::node::TicketId;
use super::report::What;
use super::world::{Event, World, hash, mail};

pub(super) const MAILS: [&str; 5] = ["a@x", "b@x", "c@x", "d@x", "e@x"];

pub(super) struct Ticket {
    /// Where it was proposed, and under which start; 0: that had not begun.
    node: usize,
    pub(super) start: u64,
    pub(super) at: Duration,
    kind: Kind,
    /// The line with which its author became the member who says it; `None`: it is no message, or its author is no member.
    since: Option<u64>,
    answer: Option<Answer>,
    is_orphan: bool,
    is_said_again: bool,
    /// Its author had been let in there.
    is_of_member: bool,
}

#[derive(Clone)]
enum Kind {
    Msg {
        mail: &'static str,
        text: String,
    },
    /// A change; whether it has a line.
    Change(bool),
    Fence {
        node: usize,
        start: Start,
    },
    /// By the gate of a node.
    GateFence(NodeName, Start),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What became of it, and the number of its message.
    Told(String, Option<u64>),
    Fenced,
}

impl Ticket {
    fn was_told_said(&self) -> bool {
        matches!(&self.answer, Some(Answer::Told(told, _)) if told == "said")
    }

    /// Of a message.
    fn author(&self) -> &'static str {
        match self.kind {
            Kind::Msg { mail, .. } => mail,
            _ => panic!("nobody says it"),
        }
    }

    fn is_open(&self) -> bool {
        self.is_of_member && self.answer.is_none() && !self.is_said_again
    }
}

impl World {
    /// Some messages and changes at once, as a turn of a server brings them.
    pub(super) fn propose_some(&mut self, node: usize) {
        let some = if self.chance(self.swarm.floods) { 250 } else { 4 };
        let mut kinds = Vec::new();
        for _ in 0..=self.rng.below(some) {
            let length = self.rng.below(self.swarm.text_max);
            let text = format!("m{}-{}", self.tickets.len() + kinds.len(), "x".repeat(length));
            kinds.push(Kind::Msg { mail: self.any_mail(), text });
        }
        let speakers = kinds.iter().filter_map(|kind| match kind {
            Kind::Msg { mail, .. } => Some(*mail),
            Kind::Change(_) | Kind::Fence { .. } | Kind::GateFence(..) => None,
        });
        let speakers: BTreeSet<&str> = speakers.collect();
        for who in &speakers {
            self.come(node, who);
        }
        self.propose(node, &kinds);
        for who in speakers {
            if self.rng.percent(30) {
                self.leave(node, who);
            }
        }
    }

    pub(super) fn propose_change(&mut self, node: usize) {
        let is_event = self.rng.percent(60);
        self.propose(node, &[Kind::Change(is_event)]);
    }

    /// A member comes from another node, whose start is fenced first.
    pub(super) fn propose_fence(&mut self, node: usize, other: usize) {
        if let Some(start) = self.nodes[other].last_start
            && self.nodes[other].name != self.nodes[node].name
        {
            self.report.count(What::Fence);
            self.propose(node, &[Kind::Fence { node: other, start }]);
        }
    }

    /// The gate of a node wants it.
    pub(super) fn end_start(&mut self, index: usize, name: NodeName, start: Start) {
        self.propose(index, &[Kind::GateFence(name, start)]);
    }

    /// Where in the transcript it stands what members have said who had been let in where they said it: who, and the lines of
    /// their tickets.
    pub(super) fn said_by_who_was_let_in(&self) -> Vec<(TicketId, &'static str, usize)> {
        let lines = self.oracle.lines.iter().enumerate();
        let at: BTreeMap<(&str, &(String, u64)), usize> = lines
            .filter_map(|(at, line)| Some(((line.text.trim_end().rsplit_once(' ')?.1, &line.origin), at)))
            .collect();
        // Of one that was said again elsewhere it is known that it was not said; the line is that of the other.
        let can_be = |ticket: &Ticket| {
            ticket.is_of_member
                && !ticket.is_said_again
                && (ticket.answer.is_none() || ticket.was_told_said())
        };
        let tickets = self.tickets.iter().enumerate().filter(|(_, ticket)| can_be(ticket));
        let said = tickets.filter_map(|(id, ticket)| {
            let Kind::Msg { mail, text } = &ticket.kind else { return None };
            let origin = (self.nodes[ticket.node].name.to_string(), ticket.start);
            Some((id, *mail, *at.get(&(text.as_str(), &origin))?))
        });
        said.collect()
    }

    /// Messages without an answer that this member has said where they were let in, and has not said again: those before that
    /// ticket.
    pub(super) fn open_of(&self, who: &str, before: TicketId) -> impl Iterator<Item = (TicketId, &str)> {
        let tickets = self.tickets[..before].iter().enumerate();
        tickets.filter_map(move |(id, ticket)| match &ticket.kind {
            Kind::Msg { mail, text } if *mail == who && ticket.is_open() => Some((id, text.as_str())),
            _ => None,
        })
    }

    /// Says these again at a node.
    pub(super) fn say_again(&mut self, index: usize, tickets: &[TicketId]) {
        let again: Vec<Kind> = tickets.iter().map(|ticket| self.tickets[*ticket].kind.clone()).collect();
        if again.is_empty() || !self.nodes[index].has_joined() {
            return;
        }
        for ticket in tickets {
            self.tickets[*ticket].is_said_again = true;
        }
        self.propose(index, &again);
    }

    fn propose(&mut self, index: usize, kinds: &[Kind]) {
        let Some(start) = self.nodes[index].running().and_then(|running| running.replica.start()) else {
            return;
        };
        // What the loop has asked for may still wait when the thread has applied the next change.
        let late = usize::from(self.rng.percent(20));
        let shown = self.nodes[index].shown[late];
        let mut proposals = Vec::new();
        for kind in kinds {
            let ticket = self.tickets.len();
            let command = match kind {
                Kind::Msg { mail: author, text } => {
                    let text = Text::parse(text.as_bytes()).expect("a text");
                    Command::Msg { mail: mail(author), text }
                }
                Kind::Change(is_event) => self.any_change(*is_event),
                Kind::Fence { node, start } => {
                    Command::Fence { node: self.nodes[*node].name.clone(), start: *start }
                }
                Kind::GateFence(name, start) => Command::Fence { node: name.clone(), start: *start },
            };
            let since = match kind {
                Kind::Msg { mail, .. } => self.oracle.membership(mail, shown),
                _ => None,
            };
            let is_of_member = match kind {
                Kind::Msg { mail, .. } => {
                    self.nodes[index].running().is_some_and(|running| running.logins.has_let_in(mail))
                }
                _ => false,
            };
            proposals.push((command, ticket));
            self.tickets.push(Ticket {
                node: index,
                start: start.0,
                at: self.now,
                kind: kind.clone(),
                since,
                answer: None,
                is_orphan: false,
                is_said_again: false,
                is_of_member,
            });
            self.nodes[index].pending.push_back(ticket);
        }
        let now = self.now;
        let running = self.nodes[index].running_mut().expect("it runs");
        let was_full = running.replica.under_way() == chat_room::limits::BATCHES_UNDER_WAY_MAX;
        running.replica.propose(now, Seq(shown), proposals);
        if was_full {
            self.report.count(What::Waited);
        }
        self.drain(index);
    }

    pub(super) fn any_mail(&mut self) -> &'static str {
        MAILS[self.rng.below(MAILS.len())]
    }

    fn any_change(&mut self, is_event: bool) -> Command<'static> {
        let by = if self.rng.percent(60) { Author::HandEdit } else { Author::Member(mail(self.any_mail())) };
        let whom = mail(self.any_mail());
        let role = if self.rng.percent(60) { Role::Admin } else { Role::Member };
        let (hash, expected) = (hash(self.rng.below(3)), hash(self.rng.below(3)));
        if !self.oracle.has_invited() && self.rng.percent(40) {
            return Command::Invite { by: Author::HandEdit, mail: whom };
        }
        match (is_event, self.rng.below(6)) {
            (true, 0) => Command::Add { by, mail: whom, role, hash },
            (true, 1) => Command::Remove { by, mail: whom },
            (true, 2) => {
                let name = *self.rng.pick(&[
                    None,
                    Some("A"),
                    Some("a"),
                    Some("\u{410}"),
                    Some("Bob  B."),
                    Some("C"),
                ]);
                let name = name.map(|name| DisplayName::parse(name.as_bytes()).expect("a name"));
                let is_own = by != Author::HandEdit && self.rng.percent(80);
                let by = if is_own { Author::Member(whom.clone()) } else { by };
                Command::Name { by, mail: whom, named: name.map(Named::of) }
            }
            (true, 3) => {
                // Mostly somebody who is no member yet, by an admin.
                let (by, ago) = (self.any_mail(), self.rng.below(8) as u64);
                let group = &self.oracle.group;
                let by = group.iter().find(|(_, member)| member.admin).map_or(by, |(by, _)| by);
                let new = MAILS.iter().find(|who| !group.contains_key(**who)).map(|who| mail(who));
                let (by, made) = (mail(by), Seq(self.oracle.last().saturating_sub(ago)));
                let whom = new.filter(|_| self.rng.percent(80)).unwrap_or(whom);
                Command::Accept { by, mail: whom, made, hash }
            }
            (true, 4) => self.any_setting(),
            (true, _) => Command::SetRole { by, mail: whom, role },
            (false, 1 | 2) => Command::Invite { by, mail: whom },
            // By a node of an earlier version.
            (false, 0) => Command::Role { by, mail: whom, role },
            (false, _) => {
                let expected = self.rng.percent(50).then_some(expected);
                Command::Pass { by, mail: whom, hash, expected }
            }
        }
    }

    /// Mostly everybody may speak.
    fn any_setting(&mut self) -> Command<'static> {
        let by = mail(self.any_mail());
        if self.rng.percent(40) {
            let title = self.rng.pick(&["Us", "The  Choir", "#@/"]);
            return Command::Title { by, title: Title::parse(title.as_bytes()).expect("a title") };
        }
        Command::Announce { by, mode: if self.rng.percent(30) { Announce::On } else { Announce::Off } }
    }

    /// Whether the ticket is of a change that has a line.
    pub(super) fn is_event(&self, ticket: TicketId) -> bool {
        matches!(self.tickets[ticket].kind, Kind::Change(true))
    }

    /// A node answers a proposal.
    pub(super) fn answer(&mut self, index: usize, ticket: TicketId, answer: Answer) {
        assert_eq!(
            self.nodes[index].pending.pop_front(),
            Some(ticket),
            "proposals are answered in order, once"
        );
        self.report.count(match &answer {
            Answer::Fenced => What::Fenced,
            Answer::Told(told, _) if ["said", "changed", "nothing"].contains(&told.as_str()) => What::Said,
            Answer::Told(..) => What::Judged,
        });
        if let (Answer::Told(_, Some(seq)), Kind::Msg { mail, text }) = (&answer, &self.tickets[ticket].kind)
        {
            let line = &self.oracle.lines[usize::try_from(seq - self.oracle.base - 1).expect("a few")];
            assert!(line.text.ends_with(&format!(" {mail} {text}\n")), "the number is that of the message");
        }
        let is_told = matches!(answer, Answer::Told(..));
        self.tickets[ticket].answer = Some(answer);
        if let Kind::Fence { node, start } = self.tickets[ticket].kind
            && is_told
        {
            self.later(Duration::ZERO, Event::Move { here: index, from: node, start });
        }
    }

    /// A fence has come back: what members said at that node and have no answer for, they say here, unless they see it.
    pub(super) fn move_members(&mut self, here: usize, from: usize, start: Start) {
        let name = self.nodes[from].name.clone();
        let lines = &self.oracle.lines[..self.nodes[here].at];
        let said = lines.iter().filter_map(|line| line.text.trim_end().rsplit_once(' '));
        let said: BTreeSet<&str> = said.map(|(_, text)| text).collect();
        let mut again = Vec::new();
        let nodes = &self.nodes;
        for ticket in &mut self.tickets {
            let is_there = nodes[ticket.node].name == name && (1..=start.0).contains(&ticket.start);
            if let Kind::Msg { text, .. } = &ticket.kind
                && is_there
                && ticket.answer.is_none()
                && !ticket.is_said_again
                && !said.contains(text.as_str())
            {
                ticket.is_said_again = true;
                again.push(ticket.kind.clone());
            }
        }
        self.report.add(What::SaidAgain, again.len());
        self.propose(here, &again);
    }

    /// A node has ended: its proposals will have no answer.
    pub(super) fn orphan(&mut self, index: usize) {
        for ticket in std::mem::take(&mut self.nodes[index].pending) {
            self.tickets[ticket].is_orphan = true;
            self.report.count(What::Orphan);
        }
    }

    /// Whether everybody was told what is so.
    pub(super) fn compare_tickets(&self) {
        let mut lines: BTreeMap<&str, (&(String, u64), u64)> = BTreeMap::new();
        for (seq, line) in (self.oracle.base + 1..).zip(&self.oracle.lines) {
            if line.text.starts_with("MSG ") {
                let (_, text) = line.text.trim_end().rsplit_once(' ').expect("it has a text");
                assert_eq!(lines.insert(text, (&line.origin, seq)), None, "nothing is said twice: {text}");
            }
        }
        // What is said again may come to the node and the start where it was said first; then the line is that of one of them.
        let mut messages: BTreeMap<(&str, &str, u64), Vec<&Ticket>> = BTreeMap::new();
        for ticket in &self.tickets {
            assert!(ticket.is_orphan || ticket.answer.is_some(), "everybody is answered");
            if let Kind::Msg { text, .. } = &ticket.kind {
                let name = self.nodes[ticket.node].name.as_str();
                messages.entry((text, name, ticket.start)).or_default().push(ticket);
            }
        }
        for ((text, name, start), tickets) in messages {
            let said = lines.get(text).filter(|(origin, _)| **origin == (name.to_owned(), start));
            let told_said = tickets.iter().filter(|ticket| ticket.was_told_said()).count();
            assert!(told_said <= usize::from(said.is_some()), "{text} is there if somebody was told that");
            if let Some((_, seq)) = said {
                let is_it = |ticket: &&&Ticket| ticket.was_told_said() || ticket.answer.is_none();
                let its: Vec<&&Ticket> = tickets.iter().filter(is_it).collect();
                assert!(!its.is_empty(), "{text} was refused");
                let is_of =
                    |ticket: &&&&Ticket| self.oracle.membership(ticket.author(), *seq) == ticket.since;
                let its: Vec<_> = its.iter().filter(is_of).collect();
                assert!(!its.is_empty(), "{text} is of who says it");
                let is_first = its.iter().any(|ticket| !ticket.is_said_again);
                assert!(is_first, "{text} came late, after it was said again");
            }
        }
    }
}
