//! Files beside the history that are rewritten now and then: the members' snapshot, and the devices' places. Each turn
//! takes some members, so that a large group makes no long turn.
//!
//! Changes in the meantime do no harm. A start applies all ADDED and REMOVED after the snapshot's event, even if the
//! snapshot already has some of them. Of a device's places the last one counts, and a changed one is written after the
//! others.

use std::mem;
use std::time::Duration;

use crate::limits::{MEMBERS_PER_TURN, MEMBERS_SNAPSHOT_EVERY};
use crate::protocol::Mail;
use crate::room::{Now, Room};
use crate::server::log::Log;
use crate::server::log::local::{Delivered, MembersSnapshot};
use crate::server::turn::Work;

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
pub(in crate::server) fn rewrite(now: Now, room: &Room, log: &mut Log, rewriting: &mut Rewriting) -> Work {
    rewriting.begin(now, room, log);
    let after = rewriting.after.as_ref();
    let last = match &mut rewriting.job {
        Job::None => return Work::Done,
        Job::Snapshot(snapshot) => {
            let mut last = None;
            for (mail, added) in room.members_from(after).take(MEMBERS_PER_TURN) {
                if let Some(added) = added.filter(|added| *added <= snapshot.seq) {
                    snapshot.members.insert(mail.clone(), added);
                }
                last = Some(mail.clone());
            }
            last
        }
        Job::Places => {
            let mut last = None;
            for (mail, places) in room.places_from(after).take(MEMBERS_PER_TURN) {
                log.rewrite_places(places.map(|(device, seq, time)| Delivered {
                    mail: mail.clone(),
                    device: device.clone(),
                    seq,
                    time,
                }));
                last = Some(mail.clone());
            }
            last
        }
    };
    if last.is_some() {
        rewriting.after = last;
        return Work::Remains;
    }
    // The later changes that are already in the snapshot must be in the transcript before it is written.
    if matches!(rewriting.job, Job::Places) || room.is_group_settled() {
        rewriting.end(now, log);
    }
    Work::Done
}

impl Rewriting {
    fn begin(&mut self, now: Now, room: &Room, log: &mut Log) {
        if !matches!(self.job, Job::None) {
            return;
        }
        self.after = None;
        if log.begins_rewriting_places() {
            self.job = Job::Places;
        } else if log.has_files() && now.mono >= self.next_snapshot && room.is_group_settled() {
            let seq = room.transcript().last();
            self.job = Job::Snapshot(MembersSnapshot { seq, ..MembersSnapshot::default() });
        }
    }

    fn end(&mut self, now: Now, log: &mut Log) {
        match mem::take(&mut self.job) {
            Job::None => {}
            Job::Snapshot(snapshot) => {
                self.next_snapshot = now.mono + MEMBERS_SNAPSHOT_EVERY;
                log.snapshot(snapshot);
            }
            Job::Places => log.end_rewriting_places(),
        }
    }
}
