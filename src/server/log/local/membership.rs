//! How the group has changed since the members' snapshot, read from the events at the start.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;

use crate::protocol::{Event, EventLine, Mail, Seq};
use crate::server::files::problem::Problem;
use crate::server::log::local::disk::RESTORE;
use crate::server::log::local::reader::Reader;
use crate::server::log::local::scan;
use crate::server::log::local::segments::{SharedSegments, segment_name};
use crate::server::log::local::snapshot::MembersSnapshot;

/// An ADDED or REMOVED line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its number.
    pub seq: Seq,
    /// ADDED, not REMOVED.
    pub added: bool,
    /// The member.
    pub mail: Mail,
}

/// The ADDED and REMOVED lines after the snapshot. Without a snapshot also the authors of messages that come before any
/// such line about them: they were members before the oldest line kept.
pub(super) fn membership(
    segments: &SharedSegments,
    reader: &mut Reader,
    snapshot: Option<&MembersSnapshot>,
) -> Result<(Vec<Membership>, BTreeSet<Mail>), Problem> {
    let mut from = reader.locate(snapshot.map_or(Seq(0), |snapshot| snapshot.seq).next())?;
    let (mut found, mut authors) = (Vec::new(), BTreeSet::new());
    let mut changed = BTreeSet::new();
    let mut each = |line: EventLine<'_>| {
        let (added, mail) = match line.event {
            Event::Added { mail, .. } => (true, mail),
            Event::Removed { mail, .. } => (false, mail),
            Event::Msg { mail, .. } => {
                if !changed.contains(&mail) {
                    authors.insert(mail);
                }
                return;
            }
        };
        if snapshot.is_none() {
            changed.insert(mail.clone());
        }
        found.push(Membership { seq: line.seq, added, mail });
    };
    let end = segments.lock().end();
    while from < end {
        let segment = segments.lock().at(from);
        let name = segment_name(segment.first);
        let mut read = || -> io::Result<Option<u64>> {
            let file = File::open(segments.folder.path(&name))?;
            let (from, to) = (from.0 - segment.start.0, segment.end.0 - segment.start.0);
            match scan::memberships(&file, from, to, snapshot.is_none(), &mut each)? {
                Ok(()) => Ok(None),
                Err(offset) => scan::line_number(&file, offset).map(Some),
            }
        };
        let bad = read().map_err(|error| segments.folder.cannot(&name, "read it", &error))?;
        if let Some(line) = bad {
            return Err(segments.folder.problem_at(&name, line, format!("this is no event; {RESTORE}")));
        }
        from = segment.end;
    }
    Ok((found, authors))
}
