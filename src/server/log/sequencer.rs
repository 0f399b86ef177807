//! Gives events their numbers. Proposals wait here for the writer; one batch at a time is being stored, and when it is,
//! its numbers are final. This code touches no file, so the simulation drives it, too.

use std::time::Duration;

use bytes::Bytes;

use crate::protocol::{Seq, Time};
use crate::room::{Batch, Committed, CommittedEvent, ProposalTicket, StepBack};
use crate::server::log::lines::{Last, LineWriter};

/// How long after a failure proposals that cannot be refused are tried again, unless there is a new proposal before.
const RETRY: Duration = Duration::from_secs(1);

/// Numbers proposals, one batch at a time.
#[derive(Debug)]
pub struct Sequencer {
    /// The last stored event.
    last: Last,
    /// What is stored next.
    pending: Numbered,
    /// What is being stored. Its lines are the second.
    storing: Option<(Numbered, Bytes)>,
    /// When [`Sequencer::begin`] has something to do even if nothing else happens.
    pub retry_at: Option<Duration>,
    /// A step back of the events' times that was not reported yet.
    pub step_back: Option<StepBack>,
    has_failed: bool,
}

/// Proposals, and the lines that they become if all before them is stored. They are written while the disk works, not
/// when it waits for them.
#[derive(Debug)]
struct Numbered {
    batch: Batch,
    first: Seq,
    lines: Vec<u8>,
    events: Vec<CommittedEvent>,
    /// The last of them; of none, the event before.
    last: Last,
    step_back: Option<StepBack>,
}

impl Sequencer {
    /// Continues after the event with this number and time.
    pub fn new(seq: Seq, time: Time) -> Sequencer {
        let last = Last { seq, time };
        Sequencer {
            last,
            pending: Numbered::after(last),
            storing: None,
            retry_at: None,
            step_back: None,
            has_failed: false,
        }
    }

    /// Adds proposals after all earlier ones.
    pub fn propose(&mut self, batch: Batch) {
        if !batch.is_empty() && !self.has_failed {
            self.pending.append(batch);
            self.retry_at = None;
        }
    }

    /// The lines to store now, and the number of the first; `None` if there are none at present. To be answered by
    /// [`Sequencer::stored`] or [`Sequencer::failed`].
    pub fn begin(&mut self, now: Duration) -> Option<(Seq, Bytes)> {
        let waits = self.retry_at.is_some_and(|at| now < at);
        if self.storing.is_some() || self.pending.batch.is_empty() || waits {
            return None;
        }
        self.retry_at = None;
        let next = Numbered::after(self.pending.last);
        let mut begun = std::mem::replace(&mut self.pending, next);
        let (first, lines) = (begun.first, Bytes::from(std::mem::take(&mut begun.lines)));
        self.storing = Some((begun, lines.clone()));
        Some((first, lines))
    }

    /// The lines are stored.
    ///
    /// # Panics
    /// If nothing was begun.
    pub fn stored(&mut self) -> Committed {
        let (stored, lines) = self.storing.take().expect("something is being stored");
        self.last = stored.last;
        self.step_back = stored.step_back.or(self.step_back);
        Committed { first: stored.first, lines, events: stored.events }
    }

    /// The lines could not be stored. They and all later proposals are refused, except those that cannot be: these are
    /// tried again, before any new ones. Returns the tickets of the refused ones.
    ///
    /// # Panics
    /// If nothing was begun.
    pub fn failed(&mut self, now: Duration) -> Vec<ProposalTicket> {
        let (Numbered { batch: mut kept, .. }, _) = self.storing.take().expect("something is being stored");
        let pending = std::mem::replace(&mut self.pending, Numbered::after(self.last));
        kept.append(pending.batch);
        let refused = kept.take_refusable();
        self.retry_at = (!kept.is_empty()).then_some(now + RETRY);
        self.pending.append(kept);
        refused
    }

    /// It is unknown which lines are stored. Nothing more is numbered.
    pub fn give_up(&mut self) {
        self.storing = None;
        self.pending = Numbered::after(self.last);
        self.has_failed = true;
    }

    /// Whether something is being stored.
    pub fn is_storing(&self) -> bool {
        self.storing.is_some()
    }
}

impl Numbered {
    /// None yet, after this event.
    fn after(last: Last) -> Numbered {
        let (lines, events) = (Vec::new(), Vec::new());
        Numbered { batch: Batch::default(), first: last.seq.next(), lines, events, last, step_back: None }
    }

    fn append(&mut self, batch: Batch) {
        self.lines.reserve(batch.size());
        self.events.reserve(batch.len());
        let mut writer = LineWriter::after(self.last);
        for (name, proposed, rest, ticket) in batch.iter() {
            let before = writer.last.time;
            let append_rest = |lines: &mut Vec<u8>| lines.extend_from_slice(rest);
            let len = writer.append(&mut self.lines, name, proposed, append_rest);
            let time = writer.last.time;
            if time < before {
                self.step_back = Some(StepBack { from: before, to: time });
            }
            self.events.push(CommittedEvent { len, time, ticket: Some(ticket) });
        }
        self.last = writer.last;
        self.batch.append(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Author, Event, Mail, Text, Title, Verb};
    use crate::room::{ConnId, Proposer};

    fn said(batch: &mut Batch, ms: u64, text: &'static str) {
        let (mail, text) =
            (Mail::parse(b"ann@x").expect("a mail"), Text::parse(text.as_bytes()).expect("a text"));
        let speaker = Proposer::Speaker(ConnId { slot: 0, serial: ms });
        batch.push(speaker, Time::from_unix_ms(ms), Seq(1), &Event::Msg { mail, text });
    }

    fn added(batch: &mut Batch, ms: u64, mail: &str) {
        let mail = Mail::parse(mail.as_bytes()).expect("a mail");
        let event = Event::Added { by: Author::HandEdit, mail };
        batch.push(Proposer::Roster, Time::from_unix_ms(ms), Seq(1), &event);
    }

    fn lines(committed: &Committed) -> Vec<String> {
        let mut rest = &committed.lines[..];
        let mut lines = Vec::new();
        for event in &committed.events {
            let (line, after) = rest.split_at(event.len);
            let line = std::str::from_utf8(line).expect("text").strip_suffix('\n').expect("a line");
            let time = event.time.to_string();
            lines.push(line.replace(&time, &event.time.unix_ms().to_string()));
            rest = after;
        }
        assert!(rest.is_empty());
        lines
    }

    fn batch(fill: impl Fn(&mut Batch)) -> Batch {
        let mut batch = Batch::default();
        fill(&mut batch);
        batch
    }

    #[test]
    fn numbers_and_times_follow_what_is_stored() {
        let mut sequencer = Sequencer::new(Seq(7), Time::from_unix_ms(1000));
        sequencer.propose(batch(|batch| {
            said(batch, 500, "a");
            added(batch, 1500, "bob@x");
        }));
        assert_eq!(sequencer.begin(Duration::ZERO).map(|(first, _)| first), Some(Seq(8)));
        // One batch at a time; what comes meanwhile is the next.
        sequencer.propose(batch(|batch| said(batch, 1400, "b")));
        sequencer.propose(batch(|batch| said(batch, 1600, "c")));
        assert!(sequencer.begin(Duration::ZERO).is_none() && sequencer.is_storing());
        assert_eq!(lines(&sequencer.stored()), ["MSG 8 1000 ann@x a", "ADDED 9 1500 - bob@x"]);
        assert!(sequencer.begin(Duration::ZERO).is_some());
        let committed = sequencer.stored();
        assert_eq!(committed.first, Seq(10));
        assert_eq!(lines(&committed), ["MSG 10 1500 ann@x b", "MSG 11 1600 ann@x c"]);
        assert!(sequencer.begin(Duration::ZERO).is_none() && sequencer.step_back.take().is_none());
    }

    #[test]
    fn a_failure_uses_up_no_number_and_no_time() {
        let mut sequencer = Sequencer::new(Seq(0), Time::from_unix_ms(0));
        sequencer.propose(batch(|batch| {
            said(batch, 1000, "lost");
            added(batch, 40_000, "bob@x");
            said(batch, 40_000, "lost");
        }));
        let now = Duration::from_secs(10);
        sequencer.begin(now).expect("it was proposed");
        sequencer.propose(batch(|batch| {
            added(batch, 50_000, "cid@x");
            said(batch, 55_000, "lost");
            let title = Title::parse(b"lost").expect("a title");
            let setter = Proposer::Setter(ConnId { slot: 0, serial: 60_000 }, Verb::Title);
            let by = Mail::parse(b"ann@x").expect("a mail");
            batch.push(setter, Time::from_unix_ms(60_000), Seq(1), &Event::Titled { by, title });
        }));
        let refused = sequencer.failed(now);
        let serial = |ticket: &ProposalTicket| match ticket.by {
            Proposer::Speaker(id) | Proposer::Setter(id, _) => id.serial,
            Proposer::Roster => panic!("a change of the group is never refused"),
        };
        assert_eq!(refused.iter().map(serial).collect::<Vec<_>>(), [1000, 40_000, 55_000, 60_000]);
        // What cannot be refused is tried again after a while, or when there is more; it comes first.
        assert!(sequencer.begin(now).is_none() && sequencer.retry_at == Some(now + RETRY));
        assert!(sequencer.begin(now + RETRY).is_some());
        assert!(sequencer.failed(now).is_empty());
        sequencer.propose(batch(|batch| said(batch, 3000, "kept")));
        assert!(sequencer.begin(now).is_some());
        let committed = sequencer.stored();
        assert_eq!(
            lines(&committed),
            ["ADDED 1 40000 - bob@x", "ADDED 2 50000 - cid@x", "MSG 3 50000 ann@x kept"]
        );
        assert_eq!(sequencer.retry_at, None);
    }

    #[test]
    fn a_clock_that_was_ahead_is_reported_when_the_event_is_stored() {
        let mut sequencer = Sequencer::new(Seq(1), Time::from_unix_ms(100_000));
        sequencer.propose(batch(|batch| said(batch, 10_000, "a")));
        sequencer.begin(Duration::ZERO).expect("it was proposed");
        assert_eq!(sequencer.step_back.take(), None);
        assert_eq!(lines(&sequencer.stored()), ["MSG 2 10000 ann@x a"]);
        let (from, to) = (Time::from_unix_ms(100_000), Time::from_unix_ms(10_000));
        assert_eq!(sequencer.step_back.take(), Some(StepBack { from, to }));
        assert_eq!(sequencer.step_back.take(), None);
    }

    #[test]
    fn after_an_unknown_result_nothing_more_is_numbered() {
        let mut sequencer = Sequencer::new(Seq(0), Time::default());
        sequencer.propose(batch(|batch| added(batch, 1, "bob@x")));
        sequencer.begin(Duration::ZERO).expect("it was proposed");
        sequencer.give_up();
        sequencer.propose(batch(|batch| added(batch, 1, "cid@x")));
        assert!(sequencer.begin(Duration::MAX).is_none() && !sequencer.is_storing());
    }
}
