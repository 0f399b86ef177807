//! How a room begins with what the files have.

use crate::protocol::Author;
use crate::room::group::follow::follow_record;
use crate::room::{Delivered, Difference, Feeds, Group, KnownGroup, KnownMember, Record, Roster, clock};

/// The members that were in the group, with their devices. What differs between them and the roster was an edit, and is
/// announced as one.
pub(super) fn known_group(
    KnownGroup { members, ended, settings }: KnownGroup,
    devices: Vec<Delivered>,
    roster: &Roster,
    feeds: &mut Feeds,
) -> Group {
    let (mut group, last) = (Group::default(), feeds.transcript.last());
    group.inviting.ended = ended;
    feeds.settings = settings;
    // A member whose ADDED line was lost with the end of the transcript is announced again.
    for (mail, KnownMember { added, role, name }) in members.iter().filter(|(_, known)| known.added <= last) {
        if let Some(Record { secret, role: listed, .. }) = roster.get(mail) {
            let record = Record { secret: secret.clone(), role: role.unwrap_or(*listed), name: name.clone() };
            group.insert(mail.clone(), record, Some(*added));
        }
    }
    for Delivered { mail, device, seq, time } in devices {
        if let Some(member) = group.get_mut(&mail).filter(|member| member.may_have_come_to(seq)) {
            member.devices.restore(device, seq.min(last), clock::seen_by(time, feeds.now.wall));
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
