//! Lists in pages.

use std::fmt::{self, Write as _};

use crate::limits::{PAGE_BYTES_MAX, PAGE_LINES_MAX};
use crate::protocol::{Mail, More, Verb, ok};
use crate::room::group::member::Member;

/// The lines of a page.
pub(in crate::room) struct Page {
    pub(in crate::room) lines: Vec<u8>,
    count: usize,
    pub(in crate::room) more: More,
}

impl Page {
    /// The page and its OK line.
    pub(in crate::room) fn answer(mut self, verb: Verb) -> Vec<u8> {
        self.lines.extend(ok(verb, format_args!("{}{}", self.count, self.more)));
        self.lines
    }
}

/// A page of the lines of those members for whom `line` returns one.
pub(in crate::room) fn list_page<'a, L: fmt::Display>(
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
