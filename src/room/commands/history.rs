//! Finding lines of the transcript, wherever they are: for HISTORY, INFO, and the place where a feed begins.

use bytes::Bytes;

use crate::protocol::{Bye, Code, HistoryOk, Seq, Span, Verb, err, ok};
use crate::room::commands::answer::Answer;
use crate::room::commands::info;
use crate::room::commands::refused::{Refused, no_such_message};
use crate::room::group::Group;
use crate::room::ids::{ConnId, Pos};
use crate::room::interface::Effect;
use crate::room::jobs::{LocateFor, LocateJob};
use crate::room::peers::Peers;
use crate::room::session::Ending;
use crate::room::transcript::window::Transcript;

/// HISTORY: events that this member may read, which begin with `first`.
pub(in crate::room) fn history(
    id: ConnId,
    span: Span,
    first: Seq,
    transcript: &Transcript,
    group: &Group,
    peers: &mut Peers,
) -> Answer {
    let (Seq(first), Seq(last)) = (first, transcript.last());
    let (from, to) = match span {
        Span::Last(n) => ((last + 1).saturating_sub(n).max(first), last),
        Span::Since(Seq(seq), n) => {
            let from = seq.saturating_add(1).max(first);
            (from, last.min(from.saturating_add(n).saturating_sub(1)))
        }
    };
    if from > to {
        return Answer::Lines(ok(Verb::History, HistoryOk { count: 0, last: Seq(last) }));
    }
    let purpose = LocateFor::History(Seq(from), Seq(to));
    locate(LocateJob { conn: id, seq: Seq(from), purpose }, transcript, group, peers)
}

/// Continues at once with a line in memory; else asks the files.
pub(in crate::room) fn locate(
    job: LocateJob,
    transcript: &Transcript,
    group: &Group,
    peers: &mut Peers,
) -> Answer {
    match transcript.start_of(job.seq) {
        Some(pos) => found(job, pos, &transcript.line_at(pos), transcript, group, peers),
        None => Answer::Await(Effect::Locate(job)),
    }
}

/// The files have answered, and the connection has waited for that.
pub(in crate::room) fn located(
    job: LocateJob,
    place: Option<(Pos, Bytes)>,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) -> Answer {
    let verb = match (place, &job.purpose) {
        (Some((pos, line)), _) => return found(job, pos, &line, transcript, group, peers),
        // Without its position a feed cannot begin; the peer may connect again.
        (None, LocateFor::Feed) => {
            peers.end(job.conn, Ending::AtEnd, Some(Bye::Storage), transcript, group);
            return Answer::Given;
        }
        (None, LocateFor::History(..) | LocateFor::HistoryEnd(..)) => Verb::History,
        (None, LocateFor::Info(_)) => Verb::Info,
    };
    Answer::Lines(err(verb, Code::Storage, "the history could not be read"))
}

fn found(
    job: LocateJob,
    pos: Pos,
    line: &[u8],
    transcript: &Transcript,
    group: &Group,
    peers: &mut Peers,
) -> Answer {
    let LocateJob { conn: id, seq, purpose } = job;
    // It may have been dropped meanwhile.
    let is_gone = seq < transcript.first();
    let refused = |verb, (code, sentence): Refused| Answer::Lines(err(verb, code, sentence));
    match purpose {
        LocateFor::Feed => {
            if let Some(peer) = peers.get_mut(id) {
                peer.outbox.go_live(transcript, pos);
                peers.list(id);
            }
            Answer::Given
        }
        LocateFor::History(..) | LocateFor::HistoryEnd(..) if is_gone => {
            refused(Verb::History, no_such_message())
        }
        LocateFor::Info(_) if is_gone => refused(Verb::Info, no_such_message()),
        LocateFor::History(from, to) => {
            let purpose = LocateFor::HistoryEnd(from, pos);
            locate(LocateJob { conn: id, seq: to.next(), purpose }, transcript, group, peers)
        }
        LocateFor::HistoryEnd(from, from_pos) => {
            let to = Seq(seq.0 - 1);
            peers.reply(id, format!("HISTORY {from} {to}\n").into_bytes(), transcript);
            if let Some(peer) = peers.get_mut(id) {
                peer.outbox.reply_range(transcript, from_pos, pos);
            }
            let (count, last) = (to.0 + 1 - from.0, transcript.last());
            Answer::Lines(ok(Verb::History, HistoryOk { count, last }))
        }
        LocateFor::Info(after) => {
            let answer = info::info(peers.mail_of(id), seq, after.as_ref(), line, group);
            answer.map_or_else(|why| refused(Verb::Info, why), Answer::Lines)
        }
    }
}
