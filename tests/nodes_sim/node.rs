//! A node: a replica, and a naive room of lines and members.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use chat_room::protocol::Role;
use chat_room::room::Delivered;
use chat_room::server::log::cluster::{Applied, GroupChange, NodeName, Outcome, Replica, Start, State};

use super::devices::Places;
use super::here::Here;
use super::logins::Logins;
use super::oracle::{Member, Oracle};

/// A proposal, by its place in the world's list.
pub(super) type TicketId = usize;

pub(super) struct Node {
    pub(super) name: NodeName,
    pub(super) life: Life,
    /// Its lines on the disk. After a crash more than `at` of them may be there.
    pub(super) lines: Vec<String>,
    /// So many were applied.
    pub(super) at: usize,
    pub(super) group: BTreeMap<String, Member>,
    /// The last changes of the group that the room was told, and the one before it.
    pub(super) shown: [u64; 2],
    /// A state as text, and how many lines there were.
    pub(super) note: Option<(String, usize)>,
    /// Proposals of this life without an answer, in order.
    pub(super) pending: VecDeque<TicketId>,
    pub(super) link: LinkState,
    /// It and another machine of its name may have begun the same start.
    pub(super) has_doubtful_start: bool,
    /// Its folder's least next start.
    pub(super) next_start: u64,
    pub(super) last_start: Option<Start>,
    /// Counts its lives.
    pub(super) lives: u64,
    /// What it has is not what the stream has said.
    pub(super) is_altered: bool,
    /// How far a device has come here.
    pub(super) place: u64,
    /// How far devices have come that have logged in somewhere; and where this node has not been yet.
    pub(super) places: Places,
    pub(super) ahead: Vec<Delivered>,
    /// When it joined in this life.
    pub(super) joined_at: Option<Duration>,
}

pub(super) enum Life {
    Running(Box<Running>),
    Crashed,
    /// It has stopped by itself, for good.
    Stopped,
}

pub(super) struct Running {
    pub(super) replica: Replica<TicketId>,
    pub(super) is_cut_off: bool,
    /// The first start of this life.
    pub(super) first_start: Start,
    /// A start of this life has begun.
    pub(super) has_begun: bool,
    /// Its first JOIN, as it was sent last.
    pub(super) join: Option<Bytes>,
    /// When a batch of its own came back last, and when that was sent first.
    pub(super) own_at: Duration,
    pub(super) reached_at: Option<Duration>,
    pub(super) here: Here,
    pub(super) logins: Logins,
}

/// What the world does to a node's connection.
#[derive(Default)]
pub(super) struct LinkState {
    /// The number of the connection; `None`: there is none.
    pub(super) conn: Option<u64>,
    pub(super) publish_cut: bool,
    pub(super) read_cut: bool,
    /// The replica that answers has no more messages than so many.
    pub(super) frozen: Option<usize>,
    /// When its last publish is stored, and its last live message heard.
    pub(super) stored_at: Duration,
    pub(super) heard_to: u64,
}

impl Node {
    pub(super) fn new(name: NodeName) -> Node {
        Node {
            name,
            life: Life::Crashed,
            lines: Vec::new(),
            at: 0,
            group: BTreeMap::new(),
            shown: [0; 2],
            note: None,
            pending: VecDeque::new(),
            link: LinkState::default(),
            has_doubtful_start: false,
            next_start: 0,
            last_start: None,
            lives: 0,
            is_altered: false,
            place: 0,
            places: Places::new(),
            ahead: Vec::new(),
            joined_at: None,
        }
    }

    pub(super) fn running(&self) -> Option<&Running> {
        match &self.life {
            Life::Running(running) => Some(running),
            Life::Crashed | Life::Stopped => None,
        }
    }

    pub(super) fn running_mut(&mut self) -> Option<&mut Running> {
        match &mut self.life {
            Life::Running(running) => Some(running),
            Life::Crashed | Life::Stopped => None,
        }
    }

    /// When it has something to do even if nothing else happens.
    pub(super) fn next_deadline(&self, now: Duration) -> Option<Duration> {
        let running = self.running()?;
        let here = running.here.attendance.next_deadline(self.link.conn.is_some());
        let gate = running.logins.gate.next_deadline(now, &running.replica);
        running.replica.next_deadline().into_iter().chain(here).chain(gate).min()
    }

    pub(super) fn has_joined(&self) -> bool {
        self.running().is_some_and(|running| running.replica.start().is_some())
    }

    /// Follows a batch, and compares it with the oracle's lines.
    pub(super) fn follow(&mut self, applied: &Applied, oracle: &Oracle) {
        assert_eq!(applied.first.0, oracle.base + self.at as u64 + 1, "numbers have no hole");
        let text = std::str::from_utf8(&applied.lines).expect("lines are text");
        for line in text.split_inclusive('\n') {
            assert_eq!(line, oracle.lines[self.at].text, "all nodes have the same bytes");
            match self.lines.get(self.at) {
                Some(kept) => assert_eq!(kept, line, "what was on the disk comes again"),
                None => self.lines.push(line.to_owned()),
            }
            self.at += 1;
        }
        let mut seq = applied.first.0;
        for outcome in &applied.outcomes {
            match outcome {
                Outcome::Said(_) => seq += 1,
                Outcome::Changed { change, event, .. } => {
                    self.change(change, seq);
                    if event.is_some() {
                        self.shown = [seq, self.shown[0]];
                        seq += 1;
                    }
                }
                Outcome::Refused(_) | Outcome::Summed { .. } | Outcome::Nothing => {}
            }
        }
    }

    fn change(&mut self, change: &GroupChange, seq: u64) {
        match change {
            GroupChange::Added { mail, role, hash } => {
                let (admin, hash) = (*role == Role::Admin, hash.as_str().to_owned());
                let before =
                    self.group.insert(mail.to_string(), Member { admin, hash, added: seq, name: None });
                assert_eq!(before, None, "nobody is added twice");
            }
            GroupChange::Removed { mail } => {
                self.group.remove(mail.as_str()).expect("a member is removed");
            }
            GroupChange::Password { mail, hash } => {
                let member = self.group.get_mut(mail.as_str()).expect("a member's password changes");
                hash.as_str().clone_into(&mut member.hash);
            }
            GroupChange::Named { mail, name } => {
                let member = self.group.get_mut(mail.as_str()).expect("a member's name changes");
                member.name = name.as_ref().map(ToString::to_string);
            }
            GroupChange::Role { mail, role } | GroupChange::QuietRole { mail, role } => {
                let member = self.group.get_mut(mail.as_str()).expect("a member's role changes");
                member.admin = *role == Role::Admin;
            }
        }
    }
}

/// The group of a state.
pub(super) fn group_of(state: &State) -> BTreeMap<String, Member> {
    let members = state.members().map(|(mail, member)| {
        let (admin, hash) = (member.role == Role::Admin, member.hash.as_str().to_owned());
        let name = member.named.as_ref().map(|named| named.name().to_string());
        (mail.to_string(), Member { admin, hash, added: member.added.0, name })
    });
    members.collect()
}

/// What became of a command, as the oracle says it.
pub(super) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Said(_) => "said".to_owned(),
        Outcome::Changed { .. } => "changed".to_owned(),
        Outcome::Refused(refusal) => format!("{refusal:?}"),
        Outcome::Summed { .. } | Outcome::Nothing => "nothing".to_owned(),
    }
}
