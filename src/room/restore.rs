//! How a room begins with what the files have.

use std::collections::BTreeMap;

use crate::protocol::{Author, Mail, Seq};
use crate::room::group::follow::follow_record;
use crate::room::{Difference, Feeds, Group, RecordedDevice, Roster, clock};

/// The members that were in the group, with their devices. What differs between them and the roster was an edit, and is
/// announced as one.
pub(super) fn known_group(
    members: BTreeMap<Mail, Seq>,
    devices: Vec<RecordedDevice>,
    roster: &Roster,
    feeds: &mut Feeds,
) -> Group {
    let (mut group, last) = (Group::default(), feeds.transcript.last());
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
            member.devices.restore(device, delivered.min(last), clock::seen_by(seen, feeds.now.wall));
        }
    }
    for mail in members.into_keys().filter(|mail| !roster.contains_key(mail)) {
        group.record_change(&mail, Difference::Removed, Author::HandEdit);
        feeds.proposals.removed(feeds.now, Author::HandEdit, mail);
    }
    for (mail, record) in roster {
        follow_record(mail.clone(), record.clone(), Author::HandEdit, &mut group, feeds);
    }
    group
}
