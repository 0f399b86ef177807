//! Lists, a page at a time.

use std::fmt::Write as _;

use crate::limits::{PAGE_BYTES_MAX, PAGE_LINES_MAX};
use crate::protocol::{Mail, Verb, ok};
use crate::room::group::Member;

/// The lines of a page.
pub(in crate::room) struct Page {
    pub(in crate::room) lines: Vec<u8>,
    count: usize,
    /// The last mail given, if there are more.
    more: Option<Mail>,
}

impl Page {
    /// The page and its OK line.
    pub(in crate::room) fn answer(mut self, verb: Verb) -> Vec<u8> {
        let more = self.more_field();
        self.lines.extend(ok(verb, format_args!("{}{more}", self.count)));
        self.lines
    }

    /// The field that says where the next page begins, with a blank before it; nothing on the last page.
    pub(in crate::room) fn more_field(&self) -> String {
        self.more.as_ref().map_or(String::new(), |mail| format!(" more={mail}"))
    }
}

/// Of these members those for whom `fields` has something to say, as many as a page takes.
pub(in crate::room) fn list_page<'a>(
    word: &str,
    members: impl Iterator<Item = (&'a Mail, &'a Member)>,
    fields: impl Fn(&Mail, &Member) -> Option<String>,
) -> Page {
    let mut lines = String::new();
    let (mut count, mut last) = (0, None::<&Mail>);
    for (mail, fields) in members.filter_map(|(mail, member)| Some((mail, fields(mail, member)?))) {
        let line_len = word.len() + 1 + mail.as_str().len() + 1 + fields.len() + 1;
        if count == PAGE_LINES_MAX || lines.len() + line_len > PAGE_BYTES_MAX {
            return Page { lines: lines.into_bytes(), count, more: last.cloned() };
        }
        writeln!(lines, "{word} {mail} {fields}").expect("writing to a String cannot fail");
        count += 1;
        last = Some(mail);
    }
    Page { lines: lines.into_bytes(), count, more: None }
}
