//! WHO, MEMBERS, HELP, PING, STATS: answers that are lists, in pages where they may be long.

use std::fmt::{self, Write as _};

use crate::limits::{PAGE_BYTES_MAX, PAGE_LINES_MAX};
use crate::protocol::{Mail, MemberLine, More, Text, Verb, WhoLine, ok};
use crate::room::{Feeds, Group, Member, admin_only};

/// WHO.
pub(crate) fn who(after: Option<&Mail>, group: &Group) -> Vec<u8> {
    let line = |mail: &Mail, member: &Member| {
        Some(WhoLine { mail: mail.clone(), devices: group.devices_of(mail, member) })
    };
    list_page(group.online(after), line).answer(Verb::Who)
}

/// MEMBERS. Admins see when each member was last seen.
pub(crate) fn members(asker: &Mail, after: Option<&Mail>, group: &Group) -> Vec<u8> {
    let tells_seen = admin_only(asker, group).is_ok();
    let line = |mail: &Mail, member: &Member| {
        let seen = tells_seen.then(|| group.shown_seen(member).into());
        let is_online = group.is_online(mail);
        let name = member.name.clone();
        Some(MemberLine { mail: mail.clone(), role: member.role, is_online, seen, name })
    };
    list_page(group.page(after), line).answer(Verb::Members)
}

/// HELP.
pub(crate) fn help(about: Option<Verb>) -> Vec<u8> {
    let verbs = Verb::ALL.into_iter().filter(|&verb| about.is_none_or(|about| about == verb));
    list(Verb::Help, verbs.map(|verb| format!("HELP {} - {}", verb.usage(), verb.purpose())))
}

/// PING: the same text back, with the blanks at its end.
pub(crate) fn ping(text: Option<Text<'_>>) -> Vec<u8> {
    match text {
        Some(text) => format!("OK {} {}\n", Verb::Ping, text.as_str()).into_bytes(),
        None => ok(Verb::Ping, ""),
    }
}

/// STATS: the room's figures and the shell's, which knows of `setting_up` connections whose lines cannot begin yet.
pub(crate) fn stats(setting_up: usize, figures: &[(&str, String)], group: &Group, feeds: &Feeds) -> Vec<u8> {
    let own = own_figures(setting_up, group, feeds);
    let own = own.iter().map(|(name, value)| format!("STAT {name} {value}"));
    let shells = figures.iter().map(|(name, value)| format!("STAT {name} {value}"));
    list(Verb::Stats, own.chain(shells))
}

/// The room's figures, with their names in STATS.
pub(crate) fn own_figures(setting_up: usize, group: &Group, feeds: &Feeds) -> [(&'static str, u64); 5] {
    [
        ("connections", (feeds.peers.len() + setting_up) as u64),
        ("logged-in", feeds.peers.logged_in as u64),
        ("members", group.len() as u64),
        ("last-event", feeds.transcript.last().0),
        ("events-last-minute", feeds.proposals.last_minute.total(feeds.now)),
    ]
}

fn list(verb: Verb, lines: impl Iterator<Item = String>) -> Vec<u8> {
    let (mut text, mut count) = (Vec::new(), 0);
    for line in lines {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        count += 1;
    }
    text.extend(ok(verb, count));
    text
}

/// The lines of a page.
pub(crate) struct Page {
    pub(crate) lines: Vec<u8>,
    count: usize,
    pub(crate) more: More,
}

impl Page {
    /// The page and its OK line.
    fn answer(mut self, verb: Verb) -> Vec<u8> {
        self.lines.extend(ok(verb, format_args!("{}{}", self.count, self.more)));
        self.lines
    }
}

/// A page of the lines of those members for whom `line` returns one.
pub(crate) fn list_page<'a, L: fmt::Display>(
    members: impl Iterator<Item = (&'a Mail, &'a Member)>,
    line: impl Fn(&Mail, &Member) -> Option<L>,
) -> Page {
    let mut lines = String::new();
    let (mut count, mut last) = (0, None::<&Mail>);
    for (mail, line) in members.filter_map(|(mail, member)| Some((mail, line(mail, member)?))) {
        let before = lines.len();
        writeln!(lines, "{line}").expect("writing to a String cannot fail");
        if count == PAGE_LINES_MAX || lines.len() > PAGE_BYTES_MAX {
            lines.truncate(before);
            return Page { lines: lines.into_bytes(), count, more: More(last.cloned()) };
        }
        count += 1;
        last = Some(mail);
    }
    Page { lines: lines.into_bytes(), count, more: More(None) }
}
