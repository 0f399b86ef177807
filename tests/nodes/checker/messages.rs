//! Messages: each was said once, by its author, when it was sent or later; what was refused was not said, and what was
//! left without an answer was said before its author was let in again, or never.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::feed::shortened;
use crate::record::{Conn, Side};

/// Every text is sent once, so it names the message.
#[derive(Debug, Default)]
pub(super) struct Messages {
    by_text: BTreeMap<String, Message>,
    /// Each connection's, in the order in which they were sent.
    sent: BTreeMap<Conn, Vec<String>>,
    /// Of these the ones that are not answered yet.
    owed: BTreeMap<Conn, VecDeque<String>>,
    /// Each member's that will have no answer any more, because the connection has ended.
    unanswered: BTreeMap<String, Vec<String>>,
}

#[derive(Debug)]
struct Message {
    mail: String,
    conn: Conn,
    answer: Answer,
    /// The highest number that anybody had been told when it was sent.
    after: u64,
    /// How many removals of its author had been acknowledged when it was sent.
    removals: usize,
    /// Its author was let in again without it, and told this `last=`.
    let_in_at: Option<u64>,
    /// Its number in the files.
    seq: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    None,
    Ok,
    Refused,
    /// The connection ended first.
    Never(Side),
}

/// How many messages had which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    /// Said, and the connection ended before the answer.
    pub(crate) said: u64,
    /// The same, and never said.
    pub(crate) lost: u64,
    /// Said after their author had been let in again without them. If it was the author who went away, from a node that did
    /// not answer, nothing is promised.
    pub(crate) late: u64,
}

impl Messages {
    pub(super) fn sent(&mut self, conn: Conn, mail: &str, text: &str, after: u64, removals: usize) {
        let message = Message {
            mail: mail.to_owned(),
            conn,
            answer: Answer::None,
            after,
            removals,
            let_in_at: None,
            seq: None,
        };
        let before = self.by_text.insert(text.to_owned(), message);
        assert!(before.is_none(), "those who record must not say a thing twice: {text}");
        self.sent.entry(conn).or_default().push(text.to_owned());
        self.owed.entry(conn).or_default().push_back(text.to_owned());
    }

    /// How many of a member's messages will have no answer any more.
    pub(super) fn unanswered(&self, mail: &str) -> usize {
        self.unanswered.get(mail).map_or(0, Vec::len)
    }

    pub(super) fn said(&mut self, conn: Conn) {
        self.answered(conn, Answer::Ok);
    }

    pub(super) fn refused(&mut self, conn: Conn) {
        self.answered(conn, Answer::Refused);
    }

    fn answered(&mut self, conn: Conn, answer: Answer) {
        let text = self.owed.get_mut(&conn).and_then(VecDeque::pop_front).expect("it is among the owed");
        self.by_text.get_mut(&text).expect("it was sent").answer = answer;
    }

    pub(super) fn ended(&mut self, conn: Conn, mail: &str, by: Side) {
        let owed = self.owed.remove(&conn).unwrap_or_default();
        for text in &owed {
            self.by_text.get_mut(text).expect("it was sent").answer = Answer::Never(by);
        }
        self.unanswered.entry(mail.to_owned()).or_default().extend(owed);
    }

    /// A member was let in, and knew before that the first `count` of those without an answer will have none.
    pub(super) fn let_in(&mut self, mail: &str, count: usize, last: u64) {
        for text in self.unanswered.get(mail).into_iter().flatten().take(count) {
            let message = self.by_text.get_mut(text).expect("it was sent");
            message.let_in_at.get_or_insert(last);
        }
    }

    /// Takes the messages that have come into the files, given with their numbers and authors. `removals` counts those
    /// of a member that the files have before a number.
    pub(super) fn found(
        &mut self,
        new: &[(u64, &str, &str)],
        removals: impl Fn(&str, u64) -> usize,
        complaints: &mut Vec<String>,
    ) {
        let mut touched = BTreeSet::new();
        for &(seq, mail, text) in new {
            let shown = shortened(text);
            let Some(message) = self.by_text.get_mut(text) else {
                complaints.push(format!("event {seq} of {mail} was said by nobody: {shown}"));
                continue;
            };
            if let Some(first) = message.seq {
                complaints.push(format!("event {seq} was said before, as event {first}: {shown}"));
                continue;
            }
            message.seq = Some(seq);
            touched.insert(message.conn);
            if message.mail != mail {
                complaints.push(format!("event {seq}, {shown}, is not in the name of {}", message.mail));
            }
            if seq <= message.after {
                let after = message.after;
                complaints.push(format!("event {seq}, {shown}, was sent when event {after} had been told"));
            }
            if removals(mail, seq) < message.removals {
                complaints.push(format!("event {seq}, {shown}, was sent after OK REMOVE {mail}"));
            }
            if let (Some(last), Answer::Never(Side::Node)) = (message.let_in_at, message.answer)
                && seq > last
            {
                complaints.push(format!(
                    "event {seq}, {shown}, has come although {mail} had been let in without it, with last={last}"
                ));
            }
        }
        self.refused_and_there(complaints);
        for conn in touched {
            self.check_order(conn, complaints);
        }
    }

    fn refused_and_there(&self, complaints: &mut Vec<String>) {
        for (text, message) in self.by_text.iter().filter(|(_, message)| message.answer == Answer::Refused) {
            if let Some(seq) = message.seq {
                complaints.push(format!("event {seq}, {}, had been refused", shortened(text)));
            }
        }
    }

    /// A connection's messages keep their order, and but for what was refused the first ones are there.
    fn check_order(&self, conn: Conn, complaints: &mut Vec<String>) {
        let (mut at, mut missing) = (0, None);
        for text in self.sent.get(&conn).into_iter().flatten() {
            let message = &self.by_text[text];
            let text = shortened(text);
            let Some(seq) = message.seq else {
                if message.answer != Answer::Refused {
                    missing.get_or_insert(text);
                }
                continue;
            };
            if let Some(missing) = &missing {
                complaints.push(format!("event {seq}, {text}, was sent after {missing}, which is missing"));
            }
            if seq <= at {
                complaints.push(format!("event {seq}, {text}, was sent after event {at}"));
            }
            at = seq;
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for message in self.by_text.values() {
            let is_late = message.let_in_at.zip(message.seq).is_some_and(|(last, seq)| seq > last);
            match (message.answer, message.seq) {
                (Answer::Ok, _) => counts.answered += 1,
                (Answer::Refused, _) => counts.refused += 1,
                (Answer::None | Answer::Never(_), None) => counts.lost += 1,
                (Answer::None | Answer::Never(_), Some(_)) => counts.said += 1,
            }
            counts.late += u64::from(is_late);
        }
        counts
    }
}
