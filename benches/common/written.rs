//! A history that was there before the server.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use chat_room::limits::HISTORY_SEGMENT_MAX;
use chat_room::protocol::{Device, EventLine, Mail, Seq, Time};
use chat_room::room::Delivered;

use rustix::fs::{Advice, fadvise};

use super::fail;
use super::target::{other_member, the_members};
use super::transcript::{MAIL, PUBLISHERS_MAX, write_line};

/// The author: not the first publisher, whose messages are counted from the start of the bench.
const WRITER: usize = PUBLISHERS_MAX - 1;

/// Line `number` of it.
pub(crate) fn write_written(out: &mut Vec<u8>, number: u64) {
    write_line(out, number, WRITER, number - 1);
}

/// A history as the server would have written it, in a group whose members were there before it, and devices that have
/// nothing of it. [`MAIL`] has all.
pub(crate) fn write_history(path: &Path, events: u64, devices: &[String]) -> io::Result<()> {
    write_segments(path, events, HISTORY_SEGMENT_MAX)?;
    let places = [(MAIL, events)].into_iter().chain(devices.iter().map(|name| (&**name, 0)));
    write_group(path, &the_members(), places)
}

/// The same in files of at most so many bytes, in the group of this members.txt, each of whose members has all.
pub(crate) fn write_history_of(path: &Path, events: u64, segment_max: u64, members: &str) -> io::Result<()> {
    write_segments(path, events, segment_max)?;
    write_group(path, members, mails(members).map(|mail| (mail, events)))
}

fn write_segments(path: &Path, events: u64, max: u64) -> io::Result<()> {
    fs::create_dir(path)?;
    let segment = |first: u64| File::create_new(path.join(format!("{first:012}.txt"))).map(BufWriter::new);
    let (mut file, mut len, mut line) = (segment(1)?, 0, Vec::new());
    for number in 1..=events {
        line.clear();
        write_written(&mut line, number);
        if len + line.len() as u64 > max {
            std::mem::replace(&mut file, segment(number)?).into_inner()?.sync_all()?;
            len = 0;
        }
        len += line.len() as u64;
        let right = EventLine::parse(&line[..line.len() - 1]).is_some_and(|event| event.seq == Seq(number));
        if !right {
            return fail(format!("this is no event of the history: {:?}", String::from_utf8_lossy(&line)));
        }
        file.write_all(&line)?;
    }
    file.into_inner()?.sync_all()
}

/// Who was there before, and who has how much. A member's name alone is the device that has none.
fn write_group<'a>(
    path: &Path,
    members: &str,
    places: impl Iterator<Item = (&'a str, u64)>,
) -> io::Result<()> {
    let mut delivered = Vec::new();
    for (name, seq) in places {
        let (mail, device) = match name.split_once('/') {
            Some((mail, device)) => (mail, Device::parse_named(device)),
            None => (name, Some(Device::Default)),
        };
        let Some(device) = device else { return fail(format!("{name} is no device")) };
        let Ok(mail) = Mail::parse(mail.as_bytes()) else { return fail(format!("{name} is no member")) };
        Delivered { mail, device, seq: Seq(seq), time: Time::default() }.write(&mut delivered);
    }
    fs::write(path.join("delivered"), delivered)?;
    let there_before = mails(members).map(|mail| format!("{mail} 0\n"));
    fs::write(path.join("members"), ["0\n".to_owned()].into_iter().chain(there_before).collect::<String>())
}

fn mails(members: &str) -> impl Iterator<Item = &str> {
    members.lines().filter_map(|line| line.split(' ').next())
}

/// The devices of the members who are away, so many of each as a member may have.
pub(crate) fn devices_away(count: usize) -> Vec<String> {
    let each = chat_room::limits::DEVICES_PER_MEMBER_MAX;
    (0..count).map(|device| format!("{}/away{}", other_member(device / each), device % each)).collect()
}

/// Makes the kernel drop its cache of the files.
pub(crate) fn forget_cached(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let file = File::open(entry?.path())?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
