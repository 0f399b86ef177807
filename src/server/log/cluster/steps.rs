//! What the room is told of batches that were applied, step by step: lines, and changes of the group at just the place where
//! the stream has them. So no line after a change is shown before it.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::protocol::{Author, LastIs, Mail, Seq};
use crate::room::{
    Change, ChangeError, CheckJob, Committed, CommittedEvent, LogRefusal, ProposalTicket, SaveError, Ticket,
};
use crate::server::log::cluster::applied::{Applied, EventAt, GroupChange, Outcome, Refusal};

/// What this node has asked the group for.
#[derive(Debug)]
pub(in crate::server) enum Asked {
    /// To say something, or to agree on something.
    Said(ProposalTicket),
    /// A command's change.
    Saved(Ticket, Change),
    /// A change that an edit of members.txt makes of this member.
    Edited(Mail),
    /// The end of another node's start. The node's thread has asked for it, not the loop.
    Fence,
}

/// What comes next.
#[derive(Debug)]
pub(in crate::server) enum Step {
    /// Lines have their numbers.
    Committed(Committed),
    /// The group changes. If it has a line, the room proposes that, and the line's step is the next.
    Changed {
        /// Who changed it.
        by: Author,
        /// What.
        change: GroupChange,
        /// The command of this node that asked for it.
        asked: Option<(Ticket, Change)>,
    },
    /// This will never be an event.
    Refused(ProposalTicket, LogRefusal),
    /// This change was not made, or it was so already.
    Unchanged(Ticket, Change, Result<(), SaveError>),
    /// An edit of this member was decided about.
    Edited(Mail, Decided),
    /// The node has lost the quorum of the brokers.
    CutOff,
    /// It has it again. What it asked for before is answered later.
    Rejoined,
    /// A fence has ended this node's start: no connection of before may propose anything any more.
    Fenced,
    /// All that these logins' members have said before was told; or the node cannot find out.
    Settled(Vec<CheckJob>, LastIs),
}

/// What became of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Decided {
    /// The group has followed it, or it was so already.
    Yes,
    /// The group has refused it: another change came first.
    Refused(ChangeError),
    /// Nobody has seen it: it can be asked for again.
    Lost,
}

#[derive(Debug)]
enum Queued {
    Step(Step),
    /// The line of the change before it.
    Line(Seq, Bytes, EventAt),
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Steps {
    queue: VecDeque<Queued>,
    /// Tickets of lines that the room has proposed for changes, in their order.
    proposed: VecDeque<ProposalTicket>,
}

/// What nobody has seen is refused with this.
const FENCED: &str = "another node has ended this one's part meanwhile, try again";

impl Steps {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the brokers can be reached has changed.
    pub(super) fn tell(&mut self, step: Step) {
        self.queue.push_back(Queued::Step(step));
    }

    /// The room has proposed the line of a change that it was told.
    pub(super) fn propose(&mut self, ticket: ProposalTicket) {
        self.proposed.push_back(ticket);
    }

    /// The number of the line that comes next, if it is one of a change.
    pub(super) fn line_of_change(&self) -> Option<Seq> {
        match self.queue.front()? {
            Queued::Line(seq, ..) => Some(*seq),
            Queued::Step(_) => None,
        }
    }

    pub(super) fn next(&mut self) -> Option<Step> {
        Some(match self.queue.pop_front()? {
            Queued::Step(step) => step,
            Queued::Line(first, lines, EventAt { len, time }) => {
                let ticket = self.proposed.pop_front();
                debug_assert!(ticket.is_some(), "the room has proposed the line of the change before it");
                Step::Committed(Committed {
                    first,
                    lines,
                    events: vec![CommittedEvent { len, time, ticket }],
                })
            }
        })
    }

    /// A batch was applied, and its lines, which are these, are in the files. `asked` has what each command of an own batch
    /// was for.
    pub(super) fn applied(&mut self, applied: &Applied, lines: Bytes, asked: Vec<Asked>) {
        let mut asked = asked.into_iter();
        let mut run = Run { first: applied.first, lines, len: 0, events: Vec::new() };
        for outcome in &applied.outcomes {
            let asked = asked.next();
            match outcome {
                Outcome::Said(EventAt { len, time }) => {
                    let ticket = match asked {
                        Some(Asked::Said(ticket)) => Some(ticket),
                        _ => None,
                    };
                    run.len += len;
                    run.events.push(CommittedEvent { len: *len, time: *time, ticket });
                }
                Outcome::Changed { by, change, event } => {
                    run.end(&mut self.queue);
                    let edited = match &asked {
                        Some(Asked::Edited(mail)) => Some(mail.clone()),
                        _ => None,
                    };
                    let asked = match asked {
                        Some(Asked::Saved(ticket, change)) => Some((ticket, change)),
                        _ => None,
                    };
                    let step = Step::Changed { by: by.clone(), change: change.clone(), asked };
                    self.queue.push_back(Queued::Step(step));
                    if let Some(event) = event {
                        let (first, line) = run.take(event.len);
                        self.queue.push_back(Queued::Line(first, line, *event));
                    }
                    let edited = edited.map(|mail| Queued::Step(Step::Edited(mail, Decided::Yes)));
                    self.queue.extend(edited);
                }
                Outcome::Refused(why) => {
                    run.end(&mut self.queue);
                    let step = match asked {
                        Some(Asked::Said(ticket)) => Step::Refused(ticket, unsaid(*why)),
                        Some(Asked::Saved(ticket, change)) => {
                            Step::Unchanged(ticket, change, Err(SaveError::Refused(change_error(*why))))
                        }
                        Some(Asked::Edited(mail)) => Step::Edited(mail, Decided::Refused(change_error(*why))),
                        Some(Asked::Fence) | None => continue,
                    };
                    self.queue.push_back(Queued::Step(step));
                }
                Outcome::Nothing | Outcome::Summed { .. } => {
                    run.end(&mut self.queue);
                    let step = match asked {
                        Some(Asked::Edited(mail)) => Step::Edited(mail, Decided::Yes),
                        Some(Asked::Saved(ticket, change)) => Step::Unchanged(ticket, change, Ok(())),
                        Some(Asked::Said(ticket)) => Step::Refused(ticket, LogRefusal::SoAlready),
                        Some(Asked::Fence) | None => continue,
                    };
                    self.queue.push_back(Queued::Step(step));
                }
            }
        }
        run.end(&mut self.queue);
    }

    /// Nobody has seen these, and nobody will.
    pub(super) fn refused(&mut self, asked: Vec<Asked>) {
        let steps = asked.into_iter().filter_map(|asked| match asked {
            Asked::Said(ticket) => Some(Step::Refused(ticket, LogRefusal::Storage)),
            Asked::Saved(ticket, change) => {
                Some(Step::Unchanged(ticket, change, Err(SaveError::Storage(FENCED.to_owned()))))
            }
            Asked::Edited(mail) => Some(Step::Edited(mail, Decided::Lost)),
            Asked::Fence => None,
        });
        self.queue.extend(steps.map(Queued::Step));
    }
}

/// Lines that follow each other, without a change between them.
struct Run {
    first: Seq,
    /// The lines of the batch that are left.
    lines: Bytes,
    /// Bytes of the events.
    len: usize,
    events: Vec<CommittedEvent>,
}

impl Run {
    fn end(&mut self, queue: &mut VecDeque<Queued>) {
        if self.events.is_empty() {
            return;
        }
        let events = std::mem::take(&mut self.events);
        let first = self.first;
        self.first.0 += events.len() as u64;
        let lines = self.lines.split_to(std::mem::take(&mut self.len));
        queue.push_back(Queued::Step(Step::Committed(Committed { first, lines, events })));
    }

    /// One line.
    fn take(&mut self, len: usize) -> (Seq, Bytes) {
        let first = self.first;
        self.first = first.next();
        (first, self.lines.split_to(len))
    }
}

fn unsaid(why: Refusal) -> LogRefusal {
    match why {
        Refusal::TooLong => LogRefusal::TooLong,
        Refusal::AnnounceOnly => LogRefusal::AnnounceOnly,
        Refusal::NotAllowed => LogRefusal::NotAllowed,
        Refusal::NotAMember | Refusal::Change(_) => LogRefusal::NotAMember,
    }
}

fn change_error(why: Refusal) -> ChangeError {
    match why {
        Refusal::Change(why) => why,
        Refusal::NotAllowed => ChangeError::NotAllowed,
        Refusal::NotAMember | Refusal::TooLong | Refusal::AnnounceOnly => {
            unreachable!("only messages are refused for that")
        }
    }
}

#[cfg(test)]
mod tests;
