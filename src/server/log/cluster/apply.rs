//! The rules of applying. Nothing local enters: no clock, no option. So all nodes come to the same state.

use crate::limits::SUMS_KEPT;
use crate::protocol::{Announce, Author, Event, Mail, Role, Seq, Time};
use crate::server::log::cluster::applied::{Applied, EventAt, GroupChange, Outcome, Refusal, Stop};
use crate::server::log::cluster::batch::{BatchError, Head, commands};
use crate::server::log::cluster::command::{Command, Genesis};
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start, StreamSeq};
use crate::server::log::cluster::members::StateMember;
use crate::server::log::cluster::state::{Founded, Known, State};
use crate::server::log::lines::{Last, LineWriter};

impl State {
    /// Applies the next message of the stream, which the engine has stored at `stamp`. `None`: it does not count, and
    /// nothing follows from it. After an error the state is as it was, and nothing more can be applied.
    pub fn apply(&mut self, seq: StreamSeq, stamp: Time, body: &[u8]) -> Result<Option<Applied>, Stop> {
        if seq != self.next {
            return Err(Stop::Hole { next: self.next, found: seq });
        }
        let unknown = |error: BatchError| Stop::Unknown { seq, error };
        let (head, lines) = Head::parse(body).map_err(unknown)?;
        if !self.counts(&head) {
            self.next = seq.next();
            return Ok(None);
        }
        let commands = commands(lines).map_err(unknown)?;
        if self.founded.is_none() && !matches!(commands.first(), Some(Command::Genesis(_))) {
            return Err(Stop::NoGenesis { seq });
        }
        // From here on nothing can fail.
        self.next = seq.next();
        self.nodes.insert(head.node.clone(), Known { start: head.start, last: Some(head.number) });
        let writer = LineWriter::after(self.last);
        let mut judging = Judging { stamp, shown: head.shown, lines: Vec::new(), writer, count: 0 };
        judging.lines.reserve(lines.len() + LINE_GROWTH * commands.len());
        let outcomes = commands.into_iter().map(|command| self.judge(&head.node, command, &mut judging));
        let outcomes = outcomes.collect();
        self.last = judging.writer.last;
        if judging.count > 0 {
            self.sums.push_back((self.last.seq, self.sum().after(&judging.lines)));
            if self.sums.len() > SUMS_KEPT {
                self.sums.pop_front();
            }
        }
        let Judging { lines, count, .. } = judging;
        let mut first = self.last.seq.next();
        first.0 -= count;
        Ok(Some(Applied { seq, origin: head, first, lines, outcomes }))
    }

    /// Whether a batch is the next one of its node's newest start, or the first of a newer one. Doubles are not, nor is what
    /// comes after a hole, or late from an earlier start, or after a fence.
    fn counts(&self, head: &Head) -> bool {
        let founder = self.founded.as_ref().filter(|founded| founded.missing > 0);
        if founder.is_some_and(|founded| founded.founder != head.node) {
            return false;
        }
        let expected = match self.nodes.get(&head.node) {
            Some(known) if head.start < known.start => None,
            Some(known) if head.start == known.start => known.last.map(BatchNumber::next),
            _ => Some(BatchNumber::FIRST),
        };
        expected == Some(head.number)
    }

    fn judge(&mut self, node: &NodeName, command: Command<'_>, judging: &mut Judging) -> Outcome {
        self.outcome(node, command, judging).unwrap_or_else(Outcome::Refused)
    }

    fn outcome(
        &mut self,
        node: &NodeName,
        command: Command<'_>,
        judging: &mut Judging,
    ) -> Result<Outcome, Refusal> {
        let is_change = !matches!(command, Command::Msg { .. });
        if is_change && command.author().is_some_and(|mail| self.has_come_back(mail, judging.shown)) {
            return Err(Refusal::NotAllowed);
        }
        Ok(match command {
            Command::Msg { mail, text } => {
                self.may_say(&mail, text.as_str(), judging.shown)?;
                Outcome::Said(judging.event(&Event::Msg { mail, text }))
            }
            Command::Add { by, mail, role, hash } => {
                let added = judging.writer.last.seq.next();
                let member = StateMember { role, hash, added, named: None };
                let change = self.members.add(&by, mail.clone(), member)?;
                let event = judging.event(&Event::Added { by: by.clone(), mail });
                Outcome::Changed { by, change, event: Some(event) }
            }
            Command::Invite { by, mail } => {
                self.invite(&by, &mail, judging.writer.last.seq)?;
                Outcome::Nothing
            }
            Command::Accept { by, mail, made, hash } => {
                let added = judging.writer.last.seq.next();
                let member = StateMember { role: Role::Member, hash, added, named: None };
                let change = self.accept(&by, mail.clone(), made, member)?;
                let by = Author::Member(by);
                let event = judging.event(&Event::Added { by: by.clone(), mail });
                Outcome::Changed { by, change, event: Some(event) }
            }
            Command::Remove { by, mail } => {
                let change = self.members.remove(&by, mail.clone())?;
                let removed = Event::Removed { by: by.clone(), mail };
                let event = judging.event(&removed);
                self.end_invitations(judging.writer.last, &removed);
                Outcome::Changed { by, change, event: Some(event) }
            }
            Command::Pass { by, mail, hash, expected } => {
                let change = self.members.set_password(&by, mail, hash, expected.as_ref())?;
                Outcome::Changed { by, change, event: None }
            }
            Command::SetRole { by, mail, role } => {
                if !self.members.set_role(&by, &mail, role)? {
                    return Ok(Outcome::Nothing);
                }
                let changed = Event::Role { by: by.clone(), mail: mail.clone(), role };
                let event = judging.event(&changed);
                self.end_invitations(judging.writer.last, &changed);
                Outcome::Changed { by, change: GroupChange::Role { mail, role }, event: Some(event) }
            }
            Command::Name { by, mail, named } => {
                let name = named.as_ref().map(|named| named.name().clone());
                if !self.members.set_name(&by, &mail, named)? {
                    return Ok(Outcome::Nothing);
                }
                let event = Event::Named { by: by.clone(), mail: mail.clone(), name: name.clone() };
                let event = judging.event(&event);
                Outcome::Changed { by, change: GroupChange::Named { mail, name }, event: Some(event) }
            }
            Command::Role { by, mail, role } => {
                if !self.members.set_role(&by, &mail, role)? {
                    return Ok(Outcome::Nothing);
                }
                // It has no event of its own: the next one, whatever it is, counts.
                let Last { seq, time } = judging.writer.last;
                let changed = Event::Role { by: by.clone(), mail: mail.clone(), role };
                self.end_invitations(Last { seq: seq.next(), time }, &changed);
                Outcome::Changed { by, change: GroupChange::QuietRole { mail, role }, event: None }
            }
            Command::Title { by, title } => {
                self.agree(&Event::Titled { by: by.clone(), title }, by, judging)?
            }
            Command::Announce { by, mode } => {
                self.agree(&Event::Announce { by: by.clone(), mode }, by, judging)?
            }
            Command::Settings(settings) => {
                if self.founded.as_ref().is_some_and(|founded| founded.missing > 0) {
                    self.settings = settings;
                }
                Outcome::Nothing
            }
            Command::Fence { node, start } => {
                self.fence(node, start);
                Outcome::Nothing
            }
            Command::Genesis(genesis) => {
                self.found(node, &genesis, judging);
                Outcome::Nothing
            }
            Command::Member { mail, role, hash, added, named } => {
                self.found_with(mail, StateMember { role, hash, added, named });
                Outcome::Nothing
            }
            Command::Sum { event, sum } => {
                // One of long ago is not kept; the node will say another one.
                let ours = self.sums.iter().find(|(seq, _)| *seq == event).map(|(_, ours)| *ours);
                Outcome::Summed { event, theirs: sum, ours }
            }
            Command::Join => Outcome::Nothing,
        })
    }

    /// Whether who asks for a change was removed meanwhile, and is a member again: it was the one who was removed that asked.
    fn has_come_back(&self, mail: &Mail, shown: Option<Seq>) -> bool {
        self.members.get(mail).is_some_and(|member| member.is_later_than(shown))
    }

    /// What is so already has no line.
    fn agree(&mut self, event: &Event<'_>, by: Mail, judging: &mut Judging) -> Result<Outcome, Refusal> {
        self.members.allow(&Author::Member(by), None)?;
        if self.settings.has(event) {
            return Ok(Outcome::Nothing);
        }
        self.settings.follow(event);
        Ok(Outcome::Said(judging.event(event)))
    }

    fn may_say(&self, mail: &Mail, text: &str, shown: Option<Seq>) -> Result<(), Refusal> {
        let Some(member) = self.members.get(mail).filter(|member| !member.is_later_than(shown)) else {
            return Err(Refusal::NotAMember);
        };
        if self.settings.announce == Announce::On && member.role != Role::Admin {
            return Err(Refusal::AnnounceOnly);
        }
        let fits = self.line_max().is_some_and(|max| "MSG ".len() + text.len() + "\n".len() <= max);
        if fits { Ok(()) } else { Err(Refusal::TooLong) }
    }

    /// Ends this start of a node, and those before it, also if nothing of it was seen yet.
    fn fence(&mut self, node: NodeName, start: Start) {
        if self.nodes.get(&node).is_none_or(|known| known.start <= start) {
            self.nodes.insert(node, Known { start, last: None });
        }
    }

    /// A second GENESIS is nothing.
    fn found(&mut self, founder: &NodeName, genesis: &Genesis, judging: &mut Judging) {
        if self.founded.is_some() {
            return;
        }
        self.founded = Some(Founded {
            transcript: genesis.transcript,
            token_key: genesis.token_key.clone(),
            line_max: genesis.line_max,
            founder: founder.clone(),
            missing: genesis.members,
        });
        self.sums.push_back((genesis.last, genesis.sum));
        judging.writer = LineWriter::after(Last { seq: genesis.last, time: genesis.time });
    }

    /// A member that GENESIS did not count is nothing.
    fn found_with(&mut self, mail: Mail, member: StateMember) {
        let founded = self.founded.as_mut().filter(|founded| founded.missing > 0);
        let Some(founded) = founded else { return };
        founded.missing -= 1;
        // A later number would be the one of another line.
        let last = self.sums.back().map_or(Seq(0), |(seq, _)| *seq);
        self.members.insert(mail, StateMember { added: member.added.min(last), ..member });
    }
}

/// By how many bytes an event is longer than its command, about: number and time.
const LINE_GROWTH: usize = 48;

/// A batch that is being judged.
struct Judging {
    stamp: Time,
    shown: Option<Seq>,
    lines: Vec<u8>,
    writer: LineWriter,
    /// Lines so far.
    count: u64,
}

impl Judging {
    fn event(&mut self, event: &Event<'_>) -> EventAt {
        let rest = |lines: &mut Vec<u8>| event.write_rest(lines);
        let len = self.writer.append(&mut self.lines, event.name(), self.stamp, rest);
        self.count += 1;
        EventAt { len, time: self.writer.last.time }
    }
}
