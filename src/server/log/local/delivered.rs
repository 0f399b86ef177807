//! `delivered`: how far each device has been served. Lines `<mail>[/<device>] <seq> <time>`, appended; the last one
//! of a device counts.
//!
//! It is not synced: events whose record a crash loses are delivered again, and clients know them by their numbers.
//! Once most lines are out of date the file is rewritten, at the latest when the server starts.

use std::collections::BTreeMap;
use std::io::Write as _;

use crate::limits::{DELIVERED_GROWTH, DELIVERED_SLACK};
use crate::protocol::{Device, Mail, Seq, Time};
use crate::room::Delivered;
use crate::server::files::Problem;
use crate::server::log::local::disk::Folder;

pub(super) const NAME: &str = "delivered";

impl Delivered {
    /// Appends the line with its LF to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Delivered { mail, device, seq, time } = self;
        writeln!(out, "{mail}{device} {seq} {time}").expect("writing to a Vec cannot fail");
    }

    /// Parses a line without its LF.
    pub fn parse(line: &str) -> Option<Delivered> {
        let mut words = line.split(' ');
        let (who, seq, time) = (words.next()?, words.next()?, words.next()?);
        let (mail, device) = match who.split_once('/') {
            Some((mail, name)) => (mail, Device::parse_named(name)?),
            None => (who, Device::Default),
        };
        let mail = Mail::parse(mail.as_bytes()).ok()?;
        let parsed = Delivered { mail, device, seq: Seq(seq.parse().ok()?), time: Time::parse(time)? };
        words.next().is_none().then_some(parsed)
    }
}

/// Bytes in the file, to know when most of them are out of date.
#[derive(Clone, Copy, Debug, Default)]
pub struct Growth {
    /// When it was last rewritten.
    base: usize,
    /// Since then.
    appended: usize,
}

impl Growth {
    /// The file was rewritten with so many bytes.
    pub fn rewritten(&mut self, len: usize) {
        *self = Growth { base: len, appended: 0 };
    }

    /// So many bytes were appended.
    pub fn appended(&mut self, len: usize) {
        self.appended += len;
    }

    /// Whether it is time to rewrite the file.
    pub fn is_due(&self) -> bool {
        self.appended > DELIVERED_SLACK + DELIVERED_GROWTH * self.base
    }
}

/// The file's contents.
#[derive(Debug)]
pub(super) struct Places {
    /// The last line of each device, in the file's order.
    pub(super) entries: Vec<Delivered>,
    /// The file has other lines, too.
    pub(super) is_outdated: bool,
    /// Bad lines are skipped: those devices are sent some events again.
    pub(super) bad: Option<Problem>,
}

pub(super) fn read(folder: &Folder) -> Result<Places, Problem> {
    let text = folder.read_text(NAME)?.unwrap_or_default();
    let (mut last, mut lines, mut bad) = (BTreeMap::new(), 0, Vec::new());
    for (at, line) in (1..).zip(text.split_inclusive('\n')) {
        lines += 1;
        // A line without its LF was not written in full.
        match line.strip_suffix('\n').and_then(Delivered::parse) {
            Some(entry) => {
                last.insert((entry.mail.clone(), entry.device.clone()), (at, entry));
            }
            None => bad.push(at),
        }
    }
    let bad = bad.first().map(|first| {
        let what = match bad.len() {
            1 => "this line is not the place of a device and is skipped".to_owned(),
            lines => format!("{lines} lines from here on are not the place of a device and are skipped"),
        };
        folder.problem_at(NAME, *first, what)
    });
    let mut last: Vec<(u64, Delivered)> = last.into_values().collect();
    last.sort_unstable_by_key(|(at, _)| *at);
    let entries: Vec<Delivered> = last.into_iter().map(|(_, entry)| entry).collect();
    let is_outdated = lines > entries.len();
    Ok(Places { entries, is_outdated, bad })
}

/// Rewrites the file with these lines only.
pub(super) fn compact(folder: &Folder, entries: &[Delivered]) -> Result<(), Problem> {
    let mut bytes = Vec::new();
    for entry in entries {
        entry.write(&mut bytes);
    }
    folder.replace(NAME, &bytes)
}
