//! Files beside the history that are rewritten now and then: the members' snapshot, and the devices' places. Each turn
//! takes some members, so that a large group makes no long turn.
//!
//! Changes in the meantime do no harm. A start follows all events after the snapshot's that change the group, even if the
//! snapshot already has some of them. Of a device's places the last one counts, and a changed one is written after the
//! others.

use std::mem;
use std::time::Duration;

use crate::limits::{MEMBERS_PER_TURN, MEMBERS_SNAPSHOT_EVERY};
use crate::protocol::Mail;
use crate::room::{KnownGroup, KnownMember};
use crate::server::log::Log;
use crate::server::log::local::{MembersSnapshot, WriterJob};
use crate::server::turn::{Hub, Work};

/// What is being rewritten.
#[derive(Debug, Default)]
pub(in crate::server) struct Rewriting {
    next_snapshot: Duration,
    job: Job,
    /// The last member taken.
    after: Option<Mail>,
}

#[derive(Debug, Default)]
enum Job {
    #[default]
    None,
    Snapshot(MembersSnapshot),
    Places,
}

/// Begins when it is time, and takes the next members.
pub(in crate::server) fn rewrite(hub: &Hub, log: &mut Log, rewriting: &mut Rewriting) -> Work {
    let (Hub { now, room, .. }, Some(files)) = (hub, &mut log.files) else { return Work::Done };
    let Rewriting { next_snapshot, job, after } = rewriting;
    if matches!(job, Job::None) {
        *after = None;
        if files.begins_rewriting_places() {
            *job = Job::Places;
        } else if now.mono >= *next_snapshot && room.is_group_settled() {
            let seq = room.transcript().last();
            let group = KnownGroup { settings: room.settings().clone(), ..KnownGroup::default() };
            *job = Job::Snapshot(MembersSnapshot { seq, group });
        }
    }
    let last = match job {
        Job::None => return Work::Done,
        Job::Snapshot(snapshot) => {
            let page = room.members_from(after.as_ref()).take(MEMBERS_PER_TURN);
            let take = |(mail, known): (&Mail, Option<KnownMember>)| {
                if let Some(known) = known.filter(|known| known.added <= snapshot.seq) {
                    snapshot.group.members.insert(mail.clone(), known);
                }
                mail.clone()
            };
            page.map(take).last()
        }
        Job::Places => {
            let page = room.places_from(after.as_ref()).take(MEMBERS_PER_TURN);
            let mut last = None;
            for (mail, places) in page {
                files.rewrite_places(places);
                last = Some(mail.clone());
            }
            last
        }
    };
    if last.is_some() {
        *after = last;
        return Work::Remains;
    }
    match mem::take(job) {
        Job::None => {}
        // The later changes that are already in the snapshot must be in the transcript before it is written.
        Job::Snapshot(snapshot) if room.is_group_settled() => {
            *next_snapshot = now.mono + MEMBERS_SNAPSHOT_EVERY;
            let group = KnownGroup { ended: room.ended().clone(), ..snapshot.group };
            let snapshot = MembersSnapshot { group, ..snapshot };
            files.writer.push(WriterJob::Snapshot(snapshot));
        }
        unsettled @ Job::Snapshot(_) => *job = unsettled,
        Job::Places => files.end_rewriting_places(),
    }
    Work::Done
}
