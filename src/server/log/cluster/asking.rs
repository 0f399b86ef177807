//! What the loop asks the group for, until that is decided.

use std::collections::VecDeque;

use crate::protocol::Seq;
use crate::room::ProposalTicket;
use crate::server::log::cluster::asked::{Fences, Request, SettleJob, ToNode};
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::steps::Asked;

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Asking {
    /// Not handed over yet. What was asked for before a change of the group was shown is not mixed with what came after it.
    requests: VecDeque<Request>,
    /// The last change of the group that the room was told.
    shown: Seq,
    /// Fences of this node that the room was told.
    fences: Fences,
    /// Logins that wait until all that their members have asked for before is settled. None overtakes that.
    logins: Vec<SettleJob>,
    /// How much was handed over that is not decided.
    undecided: usize,
    /// Whether that is waited for no more.
    has_given_up: bool,
}

impl Asking {
    /// The room was told all events up to this one.
    pub(super) fn after(last: Seq) -> Asking {
        Asking {
            requests: VecDeque::new(),
            shown: last,
            fences: Fences::default(),
            logins: Vec::new(),
            undecided: 0,
            has_given_up: false,
        }
    }

    /// The parts of a line with its LF.
    pub(super) fn say(&mut self, parts: [&[u8]; 3], ticket: ProposalTicket) {
        let request = self.request();
        for part in parts {
            request.lines.extend_from_slice(part);
        }
        request.asked.push(Asked::Said(ticket));
    }

    pub(super) fn ask(&mut self, command: &Command<'_>, asked: Asked) {
        let request = self.request();
        command.write(&mut request.lines);
        request.asked.push(asked);
    }

    /// Where what is asked for now goes.
    fn request(&mut self) -> &mut Request {
        let (after, shown) = (self.fences, self.shown);
        if self.requests.back().is_none_or(|request| request.shown != shown) {
            self.requests.push_back(Request { after, shown, ..Request::default() });
        }
        self.requests.back_mut().expect("there is one now")
    }

    /// The room is told a change of the group, which has this line, if it has one.
    pub(super) fn shown(&mut self, line: Option<Seq>) {
        self.shown = line.unwrap_or(self.shown);
    }

    pub(super) fn settle(&mut self, job: SettleJob) {
        self.logins.push(job);
    }

    /// The room is told that a fence has ended the node's start. Returns what was asked for before and is not handed over.
    pub(super) fn fenced(&mut self) -> Vec<Asked> {
        self.fences = self.fences.next();
        self.requests.drain(..).flat_map(|request| request.asked).collect()
    }

    /// Hands over what the thread takes. Returns whether that is anything.
    pub(super) fn hand_over(&mut self, mut send: impl FnMut(ToNode) -> Result<(), ToNode>) -> bool {
        let mut has_sent = false;
        while let Some(request) = self.requests.pop_front() {
            let count = request.asked.len();
            match send(ToNode::Ask(request)) {
                Ok(()) => {
                    self.undecided += count;
                    has_sent = true;
                }
                Err(ToNode::Ask(request)) => {
                    self.requests.push_front(request);
                    break;
                }
                Err(_) => unreachable!("what was sent comes back"),
            }
        }
        if !self.logins.is_empty() && self.requests.is_empty() {
            match send(ToNode::Settle(std::mem::take(&mut self.logins))) {
                Ok(()) => has_sent = true,
                Err(ToNode::Settle(logins)) => self.logins = logins,
                Err(_) => unreachable!("what was sent comes back"),
            }
        }
        has_sent
    }

    /// Whether all of it is.
    pub(super) fn is_handed_over(&self) -> bool {
        self.requests.is_empty()
    }

    /// So much is decided.
    pub(super) fn decided(&mut self, count: usize) {
        self.undecided -= count;
    }

    /// Whether nothing is waited for.
    pub(super) fn is_settled(&self) -> bool {
        self.has_given_up || self.unsettled() == 0
    }

    /// What was asked for, and is not decided.
    fn unsettled(&self) -> usize {
        self.requests.iter().map(|request| request.asked.len()).sum::<usize>() + self.undecided
    }

    /// The server stops, and waits no longer: returns for how much.
    pub(in crate::server) fn give_up(&mut self) -> usize {
        if std::mem::replace(&mut self.has_given_up, true) { 0 } else { self.unsettled() }
    }

    /// Whether it waits no longer.
    pub(in crate::server) fn has_given_up(&self) -> bool {
        self.has_given_up
    }
}
