//! A history that was there before the server.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use chat_room::limits::HISTORY_SEGMENT_MAX;
use chat_room::protocol::{Device, EventLine, Mail, Seq, Time};
use chat_room::room::Delivered;

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
    fs::create_dir(path)?;
    let segment = |first: u64| File::create_new(path.join(format!("{first:012}.txt"))).map(BufWriter::new);
    let (mut file, mut len, mut line) = (segment(1)?, 0, Vec::new());
    for number in 1..=events {
        line.clear();
        write_written(&mut line, number);
        if len + line.len() as u64 > HISTORY_SEGMENT_MAX {
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
    file.into_inner()?.sync_all()?;
    let mut delivered = Vec::new();
    let mut place = |mail: &str, device, seq| match Mail::parse(mail.as_bytes()) {
        Ok(mail) => {
            Delivered { mail, device, seq: Seq(seq), time: Time::default() }.write(&mut delivered);
            Ok(())
        }
        Err(_) => fail(format!("{mail} is no member")),
    };
    place(MAIL, Device::Default, events)?;
    for name in devices {
        let (mail, device) = name.split_once('/').unwrap_or_default();
        let Some(device) = Device::parse_named(device) else { return fail(format!("{name} is no device")) };
        place(mail, device, 0)?;
    }
    fs::write(path.join("delivered"), delivered)?;
    let members = the_members();
    let there_before = members.lines().filter_map(|line| Some(format!("{} 0\n", line.split(' ').next()?)));
    fs::write(path.join("members"), ["0\n".to_owned()].into_iter().chain(there_before).collect::<String>())
}

/// The devices of the members who are away, so many of each as a member may have.
pub(crate) fn devices_away(count: usize) -> Vec<String> {
    let each = chat_room::limits::DEVICES_PER_MEMBER_MAX;
    (0..count).map(|device| format!("{}/away{}", other_member(device / each), device % each)).collect()
}
