//! How a room begins: empty, or from the files.

use std::collections::BTreeMap;

use crate::protocol::{Author, Mail, Seq};
use crate::room::clock;
use crate::room::feed::Feeds;
use crate::room::group::Group;
use crate::room::group::follow::follow_record;
use crate::room::{Difference, Now, RecordedDevice, Roster};

/// A group of which nothing was recorded.
pub(super) fn new_group(roster: Roster) -> Group {
    let mut group = Group::default();
    for (mail, record) in roster {
        group.insert(mail, record, Some(Seq(0)));
    }
    group
}

/// The members that were in the group and still are, with their devices.
pub(super) fn known_group(
    now: Now,
    members: &BTreeMap<Mail, Seq>,
    devices: Vec<RecordedDevice>,
    roster: &Roster,
    last: Seq,
) -> Group {
    let mut group = Group::default();
    // A member whose ADDED line was lost with the end of the transcript is announced again.
    for (mail, added) in members.iter().filter(|(_, added)| **added <= last) {
        if let Some(record) = roster.get(mail) {
            group.insert(mail.clone(), record.clone(), Some(*added));
        }
    }
    for (mail, device, delivered, seen) in devices {
        // No device is further back than its member's ADDED line. One that is belonged to an earlier member with this
        // mail, and went with the removal.
        if let Some(member) = group.get_mut(&mail).filter(|member| Some(delivered.next()) >= member.added) {
            let (delivered, seen) = (delivered.min(last), clock::seen_by(seen, now.wall));
            member.devices.restore(device, delivered, seen);
        }
    }
    group
}

/// What differs between the members that were recorded and the roster was an edit, and is announced as one.
pub(super) fn follow_edits(
    members: BTreeMap<Mail, Seq>,
    roster: &Roster,
    group: &mut Group,
    feeds: &mut Feeds,
) {
    for mail in members.into_keys().filter(|mail| !roster.contains_key(mail)) {
        group.record_change(&mail, Difference::Removed, Author::HandEdit);
        feeds.proposals.removed(feeds.now, Author::HandEdit, mail);
    }
    for (mail, record) in roster {
        follow_record(mail.clone(), record.clone(), group, feeds);
    }
}
