//! `ended`: whose invitations have ended, beside the snapshot of the members. The first line is `<seq> <since>`: the event up to
//! which all ends are in the file, and the one since which they are known. Each other line is `<seq> <time> <mail>`.

use std::fmt::Write as _;

use crate::protocol::{Mail, Seq, Time};
use crate::room::Ended;
use crate::server::files::Problem;
use crate::server::log::local::disk::Folder;

pub(super) const NAME: &str = "ended";

/// The ends up to this event. Those that the file does not know may have been many: then all invitations of before have
/// ended.
pub(super) fn read(folder: &Folder, event: Seq) -> Result<Ended, Problem> {
    let Some(text) = folder.read_text(NAME)? else { return Ok(Ended::since(event)) };
    let bad = |line| {
        let what = "this is no end of invitations; remove the file, and all of them end";
        folder.problem_at(NAME, line, what.to_owned())
    };
    let mut lines = (1..).zip(text.lines());
    let first = lines.next().and_then(|(_, line)| line.split_once(' '));
    let (known, since) =
        first.and_then(|(known, since)| Some((seq(known)?, seq(since)?))).ok_or_else(|| bad(1))?;
    if known < event {
        return Ok(Ended::since(event));
    }
    let (mut ended, mut last) = (Ended::since(since), since);
    for (number, line) in lines {
        let (seq, time, mail) = parse(line).filter(|(seq, ..)| *seq >= last).ok_or_else(|| bad(number))?;
        ended.restore(seq, time, mail);
        last = seq;
    }
    Ok(ended)
}

fn seq(word: &str) -> Option<Seq> {
    word.parse().ok().map(Seq)
}

fn parse(line: &str) -> Option<(Seq, Time, Mail)> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    let parsed = (seq(word()?)?, Time::parse(word()?)?, Mail::parse(word()?.as_bytes()).ok()?);
    word().is_none().then_some(parsed)
}

/// Replaces the file, durably. It has all ends up to this event.
pub(super) fn write(folder: &Folder, event: Seq, ended: &Ended) -> Result<(), Problem> {
    let mut text = format!("{event} {}\n", ended.known_since());
    for (seq, time, mail) in ended.iter() {
        writeln!(text, "{seq} {time} {mail}").expect("writing to a String cannot fail");
    }
    folder.replace(NAME, text.as_bytes())
}
