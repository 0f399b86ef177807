//! How long a start takes until it listens, in a group with a long history.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::rc::Rc;

use chat_room::limits::HISTORY_SEGMENT_MAX;
use chat_room::protocol::{Device, EventLine, Mail, Seq, Time};
use chat_room::room::Delivered;
use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;

use crate::common::table::{Spread, Table};
use crate::common::target::{HASH, HISTORY, History, Target};
use crate::common::transcript::MAIL;
use crate::common::written::write_written;
use crate::common::{Plan, fail};

const MEMBERS: usize = 20_000;
/// Of who never logs in. Of weak ones the log would be full.
const AWAY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$YmVuY2gtYmVuY2gtc2FsdA$lIUYTIoA8WmcV5lqQ40KLNJe07/0jHclbaTZzFJ63iA";
const AIM: &str = "at most 1";

pub(crate) fn start(plan: &Plan, table: &mut Table) -> io::Result<()> {
    // Arguments are GiB.
    let (bytes, members) = match plan.number(0, 1) {
        0 => (1 << 20, 100),
        gib => ((gib as u64) << 30, MEMBERS),
    };
    let folder = Rc::new(TempDir::new()?);
    let path = folder.path().join(HISTORY);
    let mails: Vec<String> = (1..members).map(|nth| format!("m{nth}@b.c")).collect();
    let events = write_segments(&path, bytes)?;
    write_places(&path, &mails, events)?;
    let mut members = format!("{MAIL} {HASH} admin\n");
    for mail in &mails {
        writeln!(members, "{mail} {AWAY}").expect("writing to a String cannot fail");
    }
    let start = || Target::server_of(&folder, &members, plan.cores, History::On, &[]);
    // The first one makes what is missing: an id, a key.
    start()?.stop()?;
    let mut seconds: [Vec<f64>; 4] = Default::default();
    for _ in 0..plan.alternations() {
        for (seconds, (end, files)) in seconds.iter_mut().zip(CASES) {
            match end {
                End::Term => start()?.stop()?,
                End::Kill => drop(start()?),
            }
            if files == Files::OnDisk {
                forget(&path)?;
            }
            seconds.push(start()?.started_in);
        }
    }
    for ((end, files), seconds) in CASES.into_iter().zip(seconds) {
        let end = if end == End::Kill { "kill -9" } else { "SIGTERM" };
        let files = if files == Files::OnDisk { "not in memory" } else { "in memory" };
        table.row([
            format!("start after {end}, files {files}: s until it listens"),
            format!("{} MiB, {} members", bytes >> 20, mails.len() + 1),
            Spread::of(seconds).show(1.0, 3),
            AIM.to_owned(),
        ]);
    }
    Ok(())
}

/// How the server ended before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Term,
    Kill,
}

/// Where the history's files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    InMemory,
    OnDisk,
}

const CASES: [(End, Files); 4] = [
    (End::Term, Files::InMemory),
    (End::Term, Files::OnDisk),
    (End::Kill, Files::InMemory),
    (End::Kill, Files::OnDisk),
];

/// A history of so many bytes, in segments as the server makes them; the last one, of which a start reads everything, is full.
/// Returns the number of the last event.
fn write_segments(path: &Path, bytes: u64) -> io::Result<u64> {
    fs::create_dir(path)?;
    // No line is longer than the difference.
    let full = HISTORY_SEGMENT_MAX - 100;
    let (mut number, mut line) = (0, Vec::new());
    for _ in 0..bytes.div_ceil(HISTORY_SEGMENT_MAX) {
        let mut file = BufWriter::new(File::create_new(path.join(format!("{:012}.txt", number + 1)))?);
        let mut length = 0;
        while length < full.min(bytes) {
            number += 1;
            line.clear();
            write_written(&mut line, number);
            file.write_all(&line)?;
            length += line.len() as u64;
        }
        // As the server does, and so that it need not be waited for later.
        file.into_inner()?.sync_all()?;
    }
    if EventLine::parse(&line[..line.len() - 1]).is_none_or(|event| event.seq != Seq(number)) {
        return fail(format!("this is no event of the history: {:?}", String::from_utf8_lossy(&line)));
    }
    Ok(number)
}

/// What is known of the members: they were there at the beginning, and their devices have everything.
fn write_places(path: &Path, mails: &[String], events: u64) -> io::Result<()> {
    let (mut delivered, mut members) = (Vec::new(), format!("{events}\n").into_bytes());
    for name in [MAIL].into_iter().chain(mails.iter().map(String::as_str)) {
        let Ok(mail) = Mail::parse(name.as_bytes()) else { return fail(format!("{name} is no member")) };
        let place = Delivered { mail, device: Device::Default, seq: Seq(events), time: Time::default() };
        place.write(&mut delivered);
        writeln!(members, "{name} 0")?;
    }
    fs::write(path.join("delivered"), delivered)?;
    fs::write(path.join("members"), members)
}

/// Has the kernel forget what it keeps of these files in memory.
fn forget(path: &Path) -> io::Result<()> {
    for file in fs::read_dir(path)? {
        let file = File::open(file?.path())?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
