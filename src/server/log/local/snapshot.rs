//! `members`: a snapshot of the group, so that a start need not read all ADDED and REMOVED lines there ever were. The
//! first line is `<seq>`, the event after which it was made; each other one is `<mail> <seq of their ADDED>`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use crate::protocol::{Mail, Seq};
use crate::server::files::Problem;
use crate::server::log::local::disk::Folder;

pub(super) const NAME: &str = "members";

/// The members after an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersSnapshot {
    /// That event. It has to be durable.
    pub seq: Seq,
    /// Who was in the group, and the number of their ADDED event.
    pub members: BTreeMap<Mail, Seq>,
}

/// Reads the file; `None` if it does not exist.
pub(super) fn read(folder: &Folder) -> Result<Option<MembersSnapshot>, Problem> {
    let Some(text) = folder.read_text(NAME)? else { return Ok(None) };
    let bad = |line, what| {
        let advice = "remove the file, and the members are read from the events";
        folder.problem_at(NAME, line, format!("{what}; {advice}"))
    };
    let mut lines = text.lines();
    let first = lines.next().and_then(|line| line.parse().ok());
    let mut snapshot =
        MembersSnapshot { seq: Seq(first.ok_or_else(|| bad(1, "no number"))?), members: BTreeMap::new() };
    for (at, line) in (2..).zip(lines) {
        let entry = line.split_once(' ').and_then(|(mail, seq)| {
            let seq = Seq(seq.parse().ok()?);
            (seq <= snapshot.seq).then_some((Mail::parse(mail.as_bytes()).ok()?, seq))
        });
        let (mail, seq) = entry.ok_or_else(|| bad(at, "no member with the number of an event"))?;
        snapshot.members.insert(mail, seq);
    }
    Ok(Some(snapshot))
}

/// Replaces the file, durably.
pub(super) fn write(folder: &Folder, snapshot: &MembersSnapshot) -> io::Result<()> {
    let mut text = format!("{}\n", snapshot.seq);
    for (mail, seq) in &snapshot.members {
        writeln!(text, "{mail} {seq}").expect("writing to a String cannot fail");
    }
    folder.replace(NAME, text.as_bytes())
}
