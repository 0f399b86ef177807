//! STATS.

use std::fmt::Write as _;

use crate::protocol::{Mail, Verb, ok};
use crate::room::commands::answer::Answer;
use crate::room::commands::refused::{Refused, admin_only};
use crate::room::commit::Proposals;
use crate::room::group::Group;
use crate::room::ids::{ConnId, Now};
use crate::room::interface::Effect;
use crate::room::peers::Peers;
use crate::room::transcript::window::Transcript;

/// The shell is asked for its figures.
pub(in crate::room) fn ask(id: ConnId, asker: &Mail, group: &Group) -> Result<Answer, Refused> {
    admin_only(asker, group)?;
    Ok(Answer::Await(Effect::Measure(id)))
}

/// Answers STATS with the room's figures and the shell's.
pub(in crate::room) fn answer(
    now: Now,
    setting_up: usize,
    figures: &[(&'static str, u64)],
    transcript: &Transcript,
    group: &Group,
    proposals: &mut Proposals,
    peers: &Peers,
) -> Vec<u8> {
    let own = [
        ("connections", (peers.len() + setting_up) as u64),
        ("logged-in", peers.logged_in() as u64),
        ("members", group.len() as u64),
        ("last-event", transcript.last().0),
        ("events-last-minute", proposals.committed_lately(now)),
    ];
    let mut lines = String::new();
    let mut count = 0;
    for (name, value) in own.iter().chain(figures) {
        writeln!(lines, "STAT {name} {value}").expect("writing to a String cannot fail");
        count += 1;
    }
    let mut lines = lines.into_bytes();
    lines.extend(ok(Verb::Stats, count));
    lines
}
