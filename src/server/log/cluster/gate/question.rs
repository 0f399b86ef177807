//! What a node asks the others about members who log in, and what they answer, as texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use crate::protocol::Mail;
use crate::room::Delivered;
use crate::server::log::cluster::args::Args;
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start, StreamSeq};
use crate::server::log::cluster::replica::Replica;
use crate::server::log::cluster::state::State;

/// The version that this program writes, and the only one that it reads.
const VERSION: &str = "v1";

/// Which question it is, of those of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionId(pub u64);

/// `v1 <question>`, then a mail a line: what have these members under way? And a line of
/// [`Delivered`](crate::room::Delivered) for each of their devices that is new where they log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Comes back with the answer.
    pub id: QuestionId,
    /// The members.
    pub mails: BTreeSet<Mail>,
    /// Where their new devices begin there, as far as that node knows.
    pub new: Vec<Delivered>,
}

/// `v1 <start> <question> <next message of the stream>`, then `<mail> <batch>` for each member of whom something is under
/// way: their last batch that has something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The start of the node that answers.
    pub start: Start,
    /// The question.
    pub id: QuestionId,
    /// It has applied the stream up to here.
    pub next: StreamSeq,
    /// What is under way.
    pub pending: BTreeMap<Mail, BatchNumber>,
}

impl Question {
    /// Its text.
    pub fn text(&self) -> Vec<u8> {
        let mut text = format!("{VERSION} {}\n", self.id.0).into_bytes();
        for mail in &self.mails {
            writeln!(text, "{mail}").expect("writing to a Vec cannot fail");
        }
        self.new.iter().for_each(|place| place.write(&mut text));
        text
    }

    /// `None`: it is none.
    pub fn parse(text: &[u8]) -> Option<Question> {
        let (head, lines) = split(text)?;
        let mut args = head_of(head)?;
        let id = QuestionId(args.number().ok()?);
        let mut question = Question { id, mails: BTreeSet::new(), new: Vec::new() };
        for line in lines {
            if line.contains(&b' ') {
                question.new.push(Delivered::parse(str::from_utf8(line).ok()?)?);
            } else {
                question.mails.insert(Args(Some(line)).mail().ok()?);
            }
        }
        args.0.is_none().then_some(question)
    }
}

impl Answer {
    /// What a node has to say about these members.
    pub fn of<T>(id: QuestionId, mails: &BTreeSet<Mail>, replica: &Replica<T>) -> Answer {
        let pending = replica.pending_of(mails);
        Answer { start: replica.own_start(), id, next: replica.state().next(), pending }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut text = format!("{VERSION} {} {} {}\n", self.start, self.id.0, self.next);
        for (mail, number) in &self.pending {
            writeln!(text, "{mail} {}", number.0).expect("writing to a String cannot fail");
        }
        text
    }

    /// `None`: it is none.
    pub fn parse(text: &[u8]) -> Option<Answer> {
        let (head, lines) = split(text)?;
        let mut args = head_of(head)?;
        let (start, id) = (Start(args.number().ok()?), QuestionId(args.number().ok()?));
        let next = StreamSeq(args.number().ok()?);
        let pending = lines.map(|line| {
            let mut words = Args(Some(line));
            let (mail, number) = (words.mail().ok()?, BatchNumber(words.number().ok()?));
            words.0.is_none().then_some((mail, number))
        });
        let pending = pending.collect::<Option<_>>()?;
        args.0.is_none().then_some(Answer { start, id, next, pending })
    }

    /// Whether all that this node had of the member has its place in what is applied here, or will never have one.
    pub(super) fn is_settled(&self, node: &NodeName, mail: &Mail, state: &State) -> bool {
        let is_applied = |number: &BatchNumber| state.has_decided(node, self.start, *number);
        state.next() >= self.next && self.pending.get(mail).is_none_or(is_applied)
    }
}

/// The first line, and the others, all without their LFs.
fn split(text: &[u8]) -> Option<(&[u8], impl Iterator<Item = &[u8]>)> {
    let mut lines = text.strip_suffix(b"\n")?.split(|&b| b == b'\n');
    Some((lines.next()?, lines))
}

/// What follows the version.
fn head_of(line: &[u8]) -> Option<Args<'_>> {
    let mut args = Args(Some(line));
    (args.word() == Ok(VERSION.as_bytes())).then_some(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let new = Delivered::parse("bob@x/tv 9 2026-01-02T03:04:05.678Z").expect("a place");
        let mails = ["bob@x", "ann@x"].map(mail).into();
        let question = Question { id: QuestionId(7), mails, new: vec![new] };
        assert_eq!(question.text(), b"v1 7\nann@x\nbob@x\nbob@x/tv 9 2026-01-02T03:04:05.678Z\n");
        assert_eq!(Question::parse(&question.text()), Some(question));
        let pending = [(mail("ann@x"), BatchNumber(9))].into();
        let answer = Answer { start: Start(5), id: QuestionId(7), next: StreamSeq(12), pending };
        assert_eq!(answer.text(), "v1 5 7 12\nann@x 9\n");
        assert_eq!(Answer::parse(answer.text().as_bytes()), Some(answer));
        for none in [
            "",
            "\n",
            "v1 7",
            "v2 7\n",
            "v1 7 8\n",
            "v1 07\n",
            "v1 7\nann\n",
            "v1 7\nAnn@x\n",
            "v1 7\nann@x 1\n",
            "v1 7\n\n",
        ] {
            assert_eq!(Question::parse(none.as_bytes()), None, "{none:?}");
        }
        for none in
            ["", "v1 5 7\n", "v1 5 7 12 1\n", "v2 5 7 12\n", "v1 5 7 12\nann@x\n", "v1 5 7 12\nann@x 1 2\n"]
        {
            assert_eq!(Answer::parse(none.as_bytes()), None, "{none:?}");
        }
        let nobody = Question::parse(b"v1 7\n").expect("a question about nobody");
        assert!(nobody.mails.is_empty());
    }
}
