//! How the group has changed since the members' snapshot, read from the events at the start.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::ControlFlow;

use crate::protocol::{Event, EventLine, Mail, Seq};
use crate::server::files::Problem;
use crate::server::log::local::{MembersSnapshot, RESTORE, Reader, SharedSegments, scan, segment_name};

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
    let (mut found, mut authors, mut changed) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let end = segments.lock().end;
    while from < end {
        let segment = segments.lock().at(from);
        let name = segment_name(segment.first);
        let read = File::open(segments.folder.path(&name)).and_then(|file| {
            let mut bad = None;
            scan::each_line(&file, from.0 - segment.start.0, |offset, line| {
                if offset >= segment.len() {
                    return ControlFlow::Break(());
                }
                let line = line.unwrap_or_default();
                // All others are MSG. Not parsing those makes it fast.
                let is_change = matches!(line.first(), Some(b'A' | b'R'));
                if !is_change && snapshot.is_some() {
                    return ControlFlow::Continue(());
                }
                let (added, seq, mail) = match EventLine::parse(line).map(|line| (line.event, line.seq)) {
                    Some((Event::Added { mail, .. }, seq)) => (true, seq, mail),
                    Some((Event::Removed { mail, .. }, seq)) => (false, seq, mail),
                    Some((Event::Msg { mail, .. }, _)) => {
                        if !changed.contains(&mail) {
                            authors.insert(mail);
                        }
                        return ControlFlow::Continue(());
                    }
                    None if is_change => {
                        bad = Some(offset);
                        return ControlFlow::Break(());
                    }
                    // A damaged message in an older segment does not matter here.
                    None => return ControlFlow::Continue(()),
                };
                if snapshot.is_none() {
                    changed.insert(mail.clone());
                }
                found.push(Membership { seq, added, mail });
                ControlFlow::Continue(())
            })?;
            bad.map(|offset| scan::line_number(&file, offset)).transpose()
        });
        let bad = read.map_err(|error| segments.folder.cannot(&name, "read it", &error))?;
        if let Some(line) = bad {
            return Err(segments.folder.problem_at(&name, line, format!("this is no event; {RESTORE}")));
        }
        from = segment.end;
    }
    Ok((found, authors))
}
