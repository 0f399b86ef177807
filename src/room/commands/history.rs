//! Finding lines of the transcript, wherever they are: for HISTORY, INFO, and the place where a feed begins.

use crate::protocol::{Bye, Code, HistoryOk, Seq, Span, Verb, err, ok};
use crate::room::commands::answer::no_such_message;
use crate::room::commands::info;
use crate::room::{Answer, ConnId, Effect, Ending, Feeds, Group, LocateFor, LocateJob, Pos, Refused};

/// HISTORY: events that this member may read, which begin with `first`.
pub(crate) fn history(id: ConnId, span: Span, first: Seq, group: &Group, feeds: &mut Feeds) -> Answer {
    let (Seq(first), Seq(last)) = (first, feeds.transcript.last());
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
    locate(LocateJob { conn: id, seq: Seq(from), purpose }, group, feeds)
}

/// INFO: finds the line first, for its author. This member may read lines from `first` on.
pub(crate) fn info(job: LocateJob, first: Seq, group: &Group, feeds: &mut Feeds) -> Result<Answer, Refused> {
    if job.seq < first || job.seq > feeds.transcript.last() {
        return Err(no_such_message());
    }
    Ok(locate(job, group, feeds))
}

/// Continues at once with a line in memory; else asks the files.
pub(crate) fn locate(job: LocateJob, group: &Group, feeds: &mut Feeds) -> Answer {
    match feeds.transcript.start_of(job.seq) {
        Some(pos) => {
            let line = feeds.transcript.line_at(pos);
            found(job, pos, &line, group, feeds)
        }
        None => Answer::Await(Effect::Locate(job)),
    }
}

/// The files cannot be read, and the connection has waited for that.
pub(crate) fn not_found(job: &LocateJob, group: &mut Group, feeds: &mut Feeds) -> Answer {
    let verb = match job.purpose {
        // Without its position a feed cannot begin; the peer may connect again.
        LocateFor::Feed => {
            feeds.end(job.conn, Ending::AtEnd, Some(Bye::Storage), group);
            return Answer::Given;
        }
        LocateFor::History(..) | LocateFor::HistoryEnd(..) => Verb::History,
        LocateFor::Info(_) => Verb::Info,
    };
    Answer::Lines(err(verb, Code::Storage, "the history could not be read"))
}

/// The line begins at `pos`, and the connection has waited for that if it was in the files.
pub(crate) fn found(job: LocateJob, pos: Pos, line: &[u8], group: &Group, feeds: &mut Feeds) -> Answer {
    let LocateJob { conn: id, seq, purpose } = job;
    // It may have been dropped meanwhile.
    let is_gone = seq < feeds.transcript.first();
    let refused = |verb, (code, sentence): Refused| Answer::Lines(err(verb, code, sentence));
    match purpose {
        LocateFor::Feed => {
            if let Some(peer) = feeds.peers.get_mut(id) {
                peer.outbox.go_live(&feeds.transcript, pos);
                feeds.peers.list(id);
            }
            Answer::Given
        }
        LocateFor::History(..) | LocateFor::HistoryEnd(..) if is_gone => {
            refused(Verb::History, no_such_message())
        }
        LocateFor::Info(_) if is_gone => refused(Verb::Info, no_such_message()),
        LocateFor::History(from, to) => {
            let purpose = LocateFor::HistoryEnd(from, pos);
            locate(LocateJob { conn: id, seq: to.next(), purpose }, group, feeds)
        }
        LocateFor::HistoryEnd(from, from_pos) => {
            let (to, last) = (Seq(seq.0 - 1), feeds.transcript.last());
            feeds.reply(id, format!("HISTORY {from} {to}\n").into_bytes());
            if let Some(peer) = feeds.peers.get_mut(id) {
                peer.outbox.reply_range(&feeds.transcript, from_pos, pos);
            }
            Answer::Lines(ok(Verb::History, HistoryOk { count: to.0 + 1 - from.0, last }))
        }
        LocateFor::Info(after) => {
            let answer = info::info(feeds.peers.mail_of(id), seq, after.as_ref(), line, group);
            answer.map_or_else(|why| refused(Verb::Info, why), Answer::Lines)
        }
    }
}
