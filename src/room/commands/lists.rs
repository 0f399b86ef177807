//! WHO, MEMBERS, HELP, PING: commands that are answered at once.

use std::fmt::Write as _;

use crate::protocol::{Mail, MemberLine, Text, Verb, WhoLine, ok};
use crate::room::commands::page::list_page;
use crate::room::commands::refused::admin_only;
use crate::room::group::Group;
use crate::room::group::member::Member;

/// WHO.
pub(in crate::room) fn who(after: Option<&Mail>, group: &Group) -> Vec<u8> {
    let line =
        |mail: &Mail, member: &Member| Some(WhoLine { mail: mail.clone(), devices: member.devices.online() });
    list_page(group.online(after), line).answer(Verb::Who)
}

/// MEMBERS. Admins see when each member was last seen.
pub(in crate::room) fn members(asker: &Mail, after: Option<&Mail>, group: &Group) -> Vec<u8> {
    let tells_seen = admin_only(asker, group).is_ok();
    let line = |mail: &Mail, member: &Member| {
        let seen = tells_seen.then(|| group.shown_seen(member).into());
        let is_online = member.devices.online() > 0;
        Some(MemberLine { mail: mail.clone(), role: member.role, is_online, seen })
    };
    list_page(group.page(after), line).answer(Verb::Members)
}

/// HELP.
pub(in crate::room) fn help(about: Option<Verb>) -> Vec<u8> {
    let mut lines = String::new();
    let mut count = 0;
    for verb in Verb::ALL.into_iter().filter(|&verb| about.is_none_or(|about| about == verb)) {
        writeln!(lines, "HELP {} - {}", verb.usage(), verb.purpose())
            .expect("writing to a String cannot fail");
        count += 1;
    }
    let mut lines = lines.into_bytes();
    lines.extend(ok(Verb::Help, count));
    lines
}

/// PING: the same text back, with the blanks at its end.
pub(in crate::room) fn ping(text: Option<Text<'_>>) -> Vec<u8> {
    match text {
        Some(text) => format!("OK {} {}\n", Verb::Ping, text.as_str()).into_bytes(),
        None => ok(Verb::Ping, ""),
    }
}
