//! How the group has changed since the members' snapshot, read from the events at the start.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::ControlFlow;

use crate::protocol::{Event, EventLine, Mail, Seq, Time};
use crate::server::files::Problem;
use crate::server::log::local::{MembersSnapshot, RESTORE, Reader, SharedSegments, scan, segment_name};

/// A line that changes the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its number.
    pub seq: Seq,
    /// Its time.
    pub time: Time,
    /// What it tells.
    pub event: Event<'static>,
}

/// The lines after the snapshot that change the group. Without a snapshot also those who said something, or got a role,
/// before any line that adds or removes them: they were members before the oldest line kept.
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
                // Not parsing all that is said makes it fast.
                let is_change = !line.starts_with(b"MSG ")
                    && Event::NAMES[1..].iter().any(|name| line.starts_with(name.as_bytes()));
                if !is_change && snapshot.is_some() {
                    return ControlFlow::Continue(());
                }
                let Some(EventLine { seq, time, event }) = EventLine::parse(line) else {
                    if is_change {
                        bad = Some(offset);
                        return ControlFlow::Break(());
                    }
                    // A damaged message in an older segment does not matter here.
                    return ControlFlow::Continue(());
                };
                if snapshot.is_none() {
                    match &event {
                        Event::Msg { mail, .. } | Event::Role { mail, .. } | Event::Named { mail, .. }
                            if !changed.contains(mail) =>
                        {
                            authors.insert(mail.clone());
                        }
                        Event::Added { mail, .. } | Event::Removed { mail, .. } => {
                            changed.insert(mail.clone());
                        }
                        _ => {}
                    }
                }
                found.extend(event.into_change().map(|event| Membership { seq, time, event }));
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
