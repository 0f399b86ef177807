//! What was applied goes through the files to the room: a group of batches at a time, and the next ones gather meanwhile. A
//! batch that was applied has happened, so what the files do not take is tried again.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{CLUSTER_HEARD_MAX, CUT_OFF_AFTER, HISTORY_SYNC_MAX, HISTORY_WRITE_RETRY};
use crate::protocol::Seq;
use crate::server::log::cluster::applied::Applied;
use crate::server::log::cluster::steps::{Asked, Step, Steps};
use crate::server::log::local::in_this_file;

/// What the room is told in its turn.
#[derive(Debug)]
pub(super) enum News {
    /// A batch, and what each of its commands was for if it is an own one.
    Batch(Applied, Vec<Asked>),
    /// These are in no batch, and will be in none.
    Refused(Vec<Asked>),
    /// This is so after the batches before it.
    Step(Step),
}

impl News {
    fn lines(&self) -> &[u8] {
        match self {
            News::Batch(applied, _) => &applied.lines,
            News::Refused(_) | News::Step(_) => &[],
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Writing {
    waiting: VecDeque<News>,
    waiting_len: usize,
    /// Those whose lines are being written.
    group: Vec<News>,
    group_lines: Bytes,
    /// Their lines, a piece for each file.
    pieces: VecDeque<(Seq, Bytes)>,
    /// Whether the files have the first piece.
    is_at_files: bool,
    /// Bytes in the last file.
    file_len: u64,
    /// The last event in it.
    stored_to: Seq,
    retry_at: Option<Duration>,
    /// Since when the files have had lines to take, and have not.
    given_at: Option<Duration>,
}

impl Writing {
    /// Continues the last file, which has so many bytes, after this event.
    pub(super) fn after(last: Seq, file_len: u64) -> Writing {
        Writing {
            waiting: VecDeque::new(),
            waiting_len: 0,
            group: Vec::new(),
            group_lines: Bytes::new(),
            pieces: VecDeque::new(),
            is_at_files: false,
            file_len,
            stored_to: last,
            retry_at: None,
            given_at: None,
        }
    }

    pub(super) fn push(&mut self, news: News) {
        self.waiting_len += news.lines().len();
        self.waiting.push_back(news);
    }

    /// Whether more may be pushed at present.
    pub(super) fn has_room(&self) -> bool {
        self.waiting_len < CLUSTER_HEARD_MAX
    }

    pub(super) fn is_writing(&self) -> bool {
        self.is_at_files
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.group.is_empty()
    }

    /// The last event in the files.
    pub(super) fn stored_to(&self) -> Seq {
        self.stored_to
    }

    pub(super) fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// From when on the files count as stuck, unless they take something before: the disk is full, say, or stands still.
    pub(super) fn stuck_at(&self) -> Option<Duration> {
        self.given_at.map(|at| at + CUT_OFF_AFTER)
    }

    /// The lines to write now, if there are any. What has none goes on at once.
    pub(super) fn begin(&mut self, now: Duration, steps: &mut Steps) -> Option<(Seq, Bytes)> {
        if self.is_at_files || self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        self.retry_at = None;
        while self.pieces.is_empty() && !self.waiting.is_empty() {
            self.gather();
            if self.pieces.is_empty() {
                self.tell(steps);
            }
        }
        let next = self.pieces.front().cloned();
        self.is_at_files = next.is_some();
        if self.is_at_files {
            self.given_at.get_or_insert(now);
        }
        next
    }

    fn gather(&mut self) {
        let (mut lines, mut first) = (Vec::new(), None);
        while let Some(next) = self.waiting.front()
            && (self.group.is_empty() || lines.len() + next.lines().len() <= HISTORY_SYNC_MAX)
        {
            let news = self.waiting.pop_front().expect("there is one");
            self.waiting_len -= news.lines().len();
            lines.extend_from_slice(news.lines());
            if let News::Batch(applied, _) = &news {
                first.get_or_insert(applied.first);
            }
            self.group.push(news);
        }
        self.group_lines = lines.into();
        let (mut rest, mut first) = (self.group_lines.clone(), first.unwrap_or_default());
        while !rest.is_empty() {
            let fits = in_this_file(self.file_len, &rest);
            if fits == 0 {
                self.file_len = 0;
                continue;
            }
            let piece = rest.split_to(fits);
            self.file_len += fits as u64;
            let count = memchr::memchr_iter(b'\n', &piece).count() as u64;
            self.pieces.push_back((first, piece));
            first.0 += count;
        }
    }

    fn tell(&mut self, steps: &mut Steps) {
        let mut lines = std::mem::take(&mut self.group_lines);
        for news in self.group.drain(..) {
            match news {
                News::Batch(applied, asked) => {
                    let own = lines.split_to(applied.lines.len());
                    self.stored_to = self.stored_to.max(applied.last());
                    steps.applied(&applied, own, asked);
                }
                News::Refused(asked) => steps.refused(asked),
                News::Step(step) => steps.tell(step),
            }
        }
    }

    /// The lines that were to be written are in the files.
    pub(super) fn stored(&mut self, steps: &mut Steps) {
        self.is_at_files = false;
        self.given_at = None;
        self.pieces.pop_front();
        if self.pieces.is_empty() {
            self.tell(steps);
        }
    }

    /// Nothing of them was written.
    pub(super) fn failed(&mut self, now: Duration) {
        self.is_at_files = false;
        self.retry_at = Some(now + HISTORY_WRITE_RETRY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HISTORY_SEGMENT_MAX;
    use crate::protocol::Time;
    use crate::room::{ConnId, ProposalTicket, Proposer};
    use crate::server::log::cluster::applied::{EventAt, Outcome};
    use crate::server::log::cluster::batch::Head;
    use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start, StreamSeq};

    const NOW: Duration = Duration::from_secs(7);

    /// A batch with these lines.
    fn batch(first: u64, lines: &str) -> News {
        let said = |line: &str| Outcome::Said(EventAt { len: line.len(), time: Time::default() });
        let node = NodeName::parse("a").expect("a name");
        let origin = Head { node, start: Start(1), number: BatchNumber::FIRST, shown: None };
        let outcomes = lines.split_inclusive('\n').map(said).collect();
        let lines = lines.as_bytes().to_vec();
        News::Batch(Applied { seq: StreamSeq(1), origin, first: Seq(first), lines, outcomes }, Vec::new())
    }

    fn begun(writing: &mut Writing, steps: &mut Steps) -> Option<(u64, String)> {
        let (first, lines) = writing.begin(NOW, steps)?;
        Some((first.0, String::from_utf8_lossy(&lines).into_owned()))
    }

    fn told(steps: &mut Steps) -> Vec<u64> {
        std::iter::from_fn(|| steps.next())
            .map(|step| match step {
                Step::Committed(committed) => committed.first.0,
                Step::Refused(..) => 0,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_comes_while_the_files_work_is_written_next() {
        let (mut writing, mut steps) = (Writing::after(Seq(0), 0), Steps::default());
        assert_eq!(begun(&mut writing, &mut steps), None);
        writing.push(batch(1, "a\n"));
        assert_eq!(begun(&mut writing, &mut steps), Some((1, "a\n".to_owned())));
        writing.push(batch(2, "b\nc\n"));
        writing.push(batch(4, "d\n"));
        assert_eq!((begun(&mut writing, &mut steps), told(&mut steps)), (None, vec![]), "one at a time");
        writing.stored(&mut steps);
        assert_eq!((told(&mut steps), writing.stored_to()), (vec![1], Seq(1)));
        assert_eq!(begun(&mut writing, &mut steps), Some((2, "b\nc\nd\n".to_owned())));
        writing.stored(&mut steps);
        assert_eq!((told(&mut steps), writing.stored_to(), writing.is_empty()), (vec![2, 4], Seq(4), true));
    }

    #[test]
    fn what_the_files_do_not_take_is_tried_again_and_nothing_overtakes_it() {
        let (mut writing, mut steps) = (Writing::after(Seq(0), 0), Steps::default());
        writing.push(batch(1, "a\n"));
        assert!(begun(&mut writing, &mut steps).is_some());
        writing.failed(NOW);
        writing.push(batch(2, "b\n"));
        assert_eq!((begun(&mut writing, &mut steps), told(&mut steps)), (None, vec![]));
        let at = writing.retry_at().expect("it waits");
        assert_eq!(at, NOW + HISTORY_WRITE_RETRY);
        let again = writing.begin(at, &mut steps).map(|(first, _)| first);
        assert_eq!((again, writing.retry_at()), (Some(Seq(1)), None));
        assert_eq!(writing.stuck_at(), Some(NOW + CUT_OFF_AFTER), "counted from the first time");
        writing.stored(&mut steps);
        assert_eq!((told(&mut steps), writing.stuck_at()), (vec![1], None));
        assert_eq!(begun(&mut writing, &mut steps), Some((2, "b\n".to_owned())));
    }

    #[test]
    fn a_batch_is_told_when_all_its_files_have_it() {
        let (mut writing, mut steps) = (Writing::after(Seq(8), HISTORY_SEGMENT_MAX - 3), Steps::default());
        writing.push(batch(9, "a\nbb\nc\n"));
        writing.push(batch(12, "d\n"));
        assert_eq!(begun(&mut writing, &mut steps), Some((9, "a\n".to_owned())));
        writing.stored(&mut steps);
        assert_eq!((told(&mut steps), writing.stored_to()), (vec![], Seq(8)));
        assert_eq!(begun(&mut writing, &mut steps), Some((10, "bb\nc\nd\n".to_owned())));
        writing.stored(&mut steps);
        assert_eq!(told(&mut steps), [9, 12]);
        // The next file had seven bytes.
        writing.push(batch(13, "e\n"));
        assert_eq!(begun(&mut writing, &mut steps), Some((13, "e\n".to_owned())));
        assert_eq!(writing.file_len, 9);
    }

    /// Answers come in the order of the questions: what a fence has ended was asked after what came before the fence.
    #[test]
    fn a_refusal_overtakes_no_batch_that_is_being_written() {
        let (mut writing, mut steps) = (Writing::after(Seq(0), 0), Steps::default());
        writing.push(batch(1, "a\n"));
        assert!(begun(&mut writing, &mut steps).is_some());
        let by = Proposer::Speaker(ConnId { slot: 0, serial: 1 });
        writing.push(News::Refused(vec![Asked::Said(ProposalTicket { by, size: 1 })]));
        writing.push(batch(2, "b\n"));
        assert_eq!((begun(&mut writing, &mut steps), told(&mut steps)), (None, vec![]));
        writing.stored(&mut steps);
        assert_eq!(told(&mut steps), [1]);
        assert_eq!(begun(&mut writing, &mut steps), Some((2, "b\n".to_owned())));
        writing.stored(&mut steps);
        assert_eq!(told(&mut steps), [0, 2]);
        writing.push(News::Refused(vec![Asked::Said(ProposalTicket { by, size: 1 })]));
        assert_eq!(begun(&mut writing, &mut steps), None);
        assert_eq!(told(&mut steps), [0], "it has nothing to wait for");
    }

    #[test]
    fn batches_without_lines_wait_for_nothing() {
        let (mut writing, mut steps) = (Writing::after(Seq(0), 0), Steps::default());
        writing.push(batch(1, ""));
        assert_eq!(begun(&mut writing, &mut steps), None);
        assert!(writing.is_empty() && writing.has_room());
        // But none overtakes lines that come before it.
        writing.push(batch(1, "a\n"));
        writing.push(batch(2, ""));
        assert_eq!(begun(&mut writing, &mut steps), Some((1, "a\n".to_owned())));
        assert!(!writing.is_empty());
    }
}
