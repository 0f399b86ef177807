//! `members`: a snapshot of the group, so that a start need not read all lines there ever were that change it. The first
//! line is `<seq>`, the event after which it was made. Lines `title <title>` and `announce on` may follow, then one for each
//! member, `<mail> <seq of their ADDED> <role> [<name>]`. Without the role, as earlier versions wrote it, it is the one in
//! members.txt.

use std::fmt::Write as _;

use crate::protocol::{Announce, DisplayName, Mail, Role, Seq, Title};
use crate::room::{GroupSettings, KnownGroup, KnownMember};
use crate::server::files::Problem;
use crate::server::log::local::disk::Folder;
use crate::server::log::local::ended;

pub(super) const NAME: &str = "members";

/// The members after an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersSnapshot {
    /// That event. It has to be durable.
    pub seq: Seq,
    /// The group.
    pub group: KnownGroup,
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
    let seq = Seq(first.ok_or_else(|| bad(1, "no number"))?);
    let group = KnownGroup { ended: ended::read(folder, seq)?, ..KnownGroup::default() };
    let mut snapshot = MembersSnapshot { seq, group };
    for (at, line) in (2..).zip(lines) {
        if parse_setting(line, &mut snapshot.group.settings).is_some() {
            continue;
        }
        let entry = parse(line).filter(|(_, member)| member.added <= snapshot.seq);
        let (mail, member) = entry.ok_or_else(|| bad(at, "no member with the number of an event"))?;
        snapshot.group.members.insert(mail, member);
    }
    Ok(Some(snapshot))
}

fn parse(line: &str) -> Option<(Mail, KnownMember)> {
    let mut words = line.splitn(4, ' ');
    let mail = Mail::parse(words.next()?.as_bytes()).ok()?;
    let added = Seq(words.next()?.parse().ok()?);
    let role = words.next().map(|role| Role::parse(role).ok_or(())).transpose().ok()?;
    let name = words.next().map(|name| DisplayName::kept(name.as_bytes()).ok_or(())).transpose().ok()?;
    Some((mail, KnownMember { added, role, name }))
}

fn parse_setting(line: &str, settings: &mut GroupSettings) -> Option<()> {
    let (word, rest) = line.split_once(' ')?;
    match word {
        "title" => settings.title = Some(Title::kept(rest.as_bytes())?),
        "announce" => settings.announce = Announce::parse(rest.as_bytes())?,
        _ => return None,
    }
    Some(())
}

/// Replaces the file, durably. The ends of invitations come first: without them the file would be taken for one of an
/// earlier version.
pub(super) fn write(folder: &Folder, snapshot: &MembersSnapshot) -> Result<(), Problem> {
    let mut text = format!("{}\n", snapshot.seq);
    let GroupSettings { title, announce } = &snapshot.group.settings;
    if let Some(title) = title {
        writeln!(text, "title {title}").expect("writing to a String cannot fail");
    }
    if *announce == Announce::On {
        writeln!(text, "announce {announce}").expect("writing to a String cannot fail");
    }
    for (mail, KnownMember { added, role, name }) in &snapshot.group.members {
        let written = match (role, name) {
            (Some(role), Some(name)) => writeln!(text, "{mail} {added} {role} {name}"),
            (Some(role), None) => writeln!(text, "{mail} {added} {role}"),
            (None, _) => writeln!(text, "{mail} {added}"),
        };
        written.expect("writing to a String cannot fail");
    }
    ended::write(folder, snapshot.seq, &snapshot.group.ended)?;
    folder.replace(NAME, text.as_bytes())
}
