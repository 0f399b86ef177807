//! FIND: messages that hold a text. A thread searches, a part of the transcript at a time, and in between others have their turn;
//! a member's own searches come one after the other.

use bytes::Bytes;

use crate::limits::{FIND_BLOCK, FIND_TIME_MAX};
use crate::protocol::{Code, FindOk, Seq, Text, Verb, err, ok};
use crate::room::ids::MemberId;
use crate::room::search::Search;
use crate::room::{Answer, ConnId, Effect, Feeds, FindJob, Found, Pos, Transcript};

/// FIND: in events that this member may read, which begin with `first`.
pub(crate) fn find(id: ConnId, before: Option<Seq>, text: Text<'_>, first: Seq, feeds: &mut Feeds) -> Answer {
    let end = before.unwrap_or(Seq(u64::MAX)).min(feeds.transcript.last().next());
    if end <= first {
        return Answer::Lines(ok(Verb::Find, FindOk { count: 0, more: None }));
    }
    let member = feeds.peers.member_of(id).expect("only members search");
    feeds.searches.begin(member);
    let until = feeds.now.mono + FIND_TIME_MAX;
    let search = Search::new(text, first, end);
    begun(go_on(FindJob { conn: id, member, search, lines: None, until }, feeds), member, feeds)
}

/// A part of the transcript was searched; `is_read` is false if it could not be read.
pub(crate) fn searched(job: FindJob, is_read: bool, feeds: &mut Feeds) -> Option<Effect> {
    let (id, member) = (job.conn, job.member);
    let answer = if !feeds.peers.answer_is_awaited(id) {
        Answer::Given
    } else if is_read {
        go_on(job, feeds)
    } else {
        Answer::Lines(err(Verb::Find, Code::Storage, "the history could not be read"))
    };
    begun(answer, member, feeds).give(id, feeds)
}

/// The search of this member is over with any answer.
fn begun(answer: Answer, member: MemberId, feeds: &mut Feeds) -> Answer {
    if !matches!(answer, Answer::Await(_)) {
        feeds.end_search(member);
    }
    answer
}

/// Searches the next part, or answers.
fn go_on(mut job: FindJob, feeds: &mut Feeds) -> Answer {
    let (transcript, search) = (&feeds.transcript, &mut job.search);
    let (first, end) = search.bounds();
    if transcript.begins_in_memory() && search.rest().is_none() {
        let place = |seq| transcript.start_of(seq).unwrap_or(transcript.base());
        search.located(place(first), place(end));
    }
    search.forget_before(transcript.start_of(first).unwrap_or(transcript.oldest()));
    if search.is_over() || feeds.now.mono >= job.until {
        return answer(job, feeds);
    }
    job.lines = transcript.begins_in_memory().then(|| last_lines(search, transcript));
    Answer::Await(Effect::Find(job))
}

/// A copy of the last lines that are left to search, which are in memory.
fn last_lines(search: &Search, transcript: &Transcript) -> (Pos, Bytes) {
    let (from, to) = search.rest().expect("it is located");
    let block = u64::try_from(FIND_BLOCK).expect("it is small");
    let start = transcript.line_end(Pos(to.0.saturating_sub(block)).max(from));
    let (mut lines, mut at) = (Vec::with_capacity(to.since(start)), start);
    while at < to {
        let piece = transcript.window_slice(at, to);
        lines.extend_from_slice(piece);
        at = at.plus(piece.len());
    }
    (start, lines.into())
}

fn answer(job: FindJob, feeds: &mut Feeds) -> Answer {
    let id = job.conn;
    let (mut found, more) = job.search.into_found();
    // Some may have been dropped meanwhile.
    found.retain(|found| found.seq >= feeds.transcript.first());
    let more = more.filter(|&more| more > feeds.transcript.first());
    if !found.is_empty() {
        feeds.reply(id, format!("FOUND {}\n", found.len()).into_bytes());
    }
    if let Some(peer) = feeds.peers.get_mut(id) {
        // Lines that follow each other are one piece.
        for lines in found.chunk_by(|one: &Found, next| one.end == next.start) {
            let (Some(first), Some(last)) = (lines.first(), lines.last()) else { continue };
            peer.outbox.reply_range(&feeds.transcript, first.start, last.end);
        }
    }
    Answer::Lines(ok(Verb::Find, FindOk { count: found.len() as u64, more }))
}
