//! The group as the history has it: what its events say, one after the other.

use std::collections::BTreeMap;

use crate::protocol::{DisplayName, Event, Mail, Role, Seq, Time};
use crate::room::{Ended, GroupSettings};

/// What the history knows of the group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownGroup {
    /// The members.
    pub members: BTreeMap<Mail, KnownMember>,
    /// Whose invitations have ended.
    pub ended: Ended,
    /// What they have agreed on.
    pub settings: GroupSettings,
}

/// What it knows of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMember {
    /// The number of their ADDED line; 0: there is none.
    pub added: Seq,
    /// Their role. `None`: no event has told it, so it is the one in members.txt.
    pub role: Option<Role>,
    /// What they want to be called.
    pub name: Option<DisplayName>,
}

impl KnownGroup {
    /// A group of these, of whom no more is known than their ADDED lines.
    pub fn of(members: impl IntoIterator<Item = (Mail, Seq)>) -> KnownGroup {
        let known = |(mail, added)| (mail, KnownMember { added, role: None, name: None });
        KnownGroup {
            members: members.into_iter().map(known).collect(),
            ended: Ended::default(),
            settings: GroupSettings::default(),
        }
    }

    /// Follows an event. Those that are followed already may come again, if all after them do.
    pub fn follow(&mut self, seq: Seq, time: Time, event: &Event<'_>) {
        self.ended.follow(seq, time, event);
        match event {
            Event::Msg { .. } => {}
            Event::Added { mail, .. } => {
                let member = KnownMember { added: seq, role: Some(Role::Member), name: None };
                self.members.insert(mail.clone(), member);
            }
            Event::Removed { mail, .. } => drop(self.members.remove(mail)),
            Event::Role { mail, role, .. } => {
                if let Some(member) = self.members.get_mut(mail) {
                    member.role = Some(*role);
                }
            }
            Event::Titled { .. } | Event::Announce { .. } => self.settings.follow(event),
            Event::Named { mail, name, .. } => {
                if let Some(member) = self.members.get_mut(mail) {
                    member.name.clone_from(name);
                }
            }
        }
    }
}
