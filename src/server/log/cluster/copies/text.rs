//! What nodes say to each other about their histories: offers, questions, answers. Each is a line, and some answers have
//! bytes after it.

use bytes::Bytes;

use crate::protocol::Seq;
use crate::server::log::cluster::args::Args;
use crate::server::log::cluster::command_error::CommandError;
use crate::server::log::cluster::ids::{NodeName, StreamSeq, Sum};

/// The first word of an offer. What another version offers is of no use.
const VERSION: &str = "v1";

/// What a node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) node: NodeName,
    pub(super) transcript: u32,
    /// The message of the stream that it applies next.
    pub(super) next: StreamSeq,
    /// The first event that it keeps, and the last one that it has written.
    pub(super) first: Seq,
    pub(super) last: Seq,
    /// When its stream was made.
    pub(super) created: String,
}

/// What one node is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Bytes of the file that begins with this event, from this offset on.
    Block { first: Seq, offset: u64 },
    /// What the first bytes of that file add up to.
    Sum { first: Seq, len: u64 },
    /// Bytes of its state's text, after the message before this one of the stream, or a later one.
    Note { least: StreamSeq, offset: u64 },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Block(Block),
    Sum {
        first: Seq,
        len: u64,
        sum: Sum,
    },
    Note {
        next: StreamSeq,
        offset: u64,
        len: u64,
        bytes: Bytes,
    },
    /// It does not have that, or not at present.
    Nothing,
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) first: Seq,
    pub(super) offset: u64,
    /// Bytes of the file, as far as it is written.
    pub(super) len: u64,
    /// Whether another file follows, so that this one grows no more.
    pub(super) is_whole: bool,
    /// Bytes of this file and those that follow, after this block.
    pub(super) left: u64,
    pub(super) bytes: Bytes,
}

/// What stands for [`Block::is_whole`].
const WHOLE: &[u8] = b"whole";
const GROWING: &[u8] = b"growing";

impl Offer {
    pub(super) fn write(&self) -> Vec<u8> {
        let Offer { node, transcript, next, first, last, created } = self;
        format!("{VERSION} {node} {transcript:08x} {next} {first} {last} {created}").into_bytes()
    }

    pub(super) fn parse(text: &[u8]) -> Option<Offer> {
        let mut args = Args(Some(text));
        let mut read = || -> Result<Option<Offer>, CommandError> {
            if args.word()? != VERSION.as_bytes() {
                return Ok(None);
            }
            let (node, transcript) = (args.node()?, args.transcript()?);
            let next = StreamSeq(args.number()?);
            let (first, last) = (Seq(args.number()?), Seq(args.number()?));
            let created = args.0.take().and_then(|rest| str::from_utf8(rest).ok());
            let created = created.ok_or(CommandError::Missing)?.to_owned();
            Ok(Some(Offer { node, transcript, next, first, last, created }))
        };
        // It may have no event: then the first is the one after the last.
        read().ok().flatten().filter(|offer| offer.first.0 > 0 && offer.first.0 <= offer.last.0 + 1)
    }
}

impl Question {
    pub(super) fn write(self) -> Vec<u8> {
        match self {
            Question::Block { first, offset } => format!("block {first} {offset}"),
            Question::Sum { first, len } => format!("sum {first} {len}"),
            Question::Note { least, offset } => format!("note {least} {offset}"),
        }
        .into_bytes()
    }

    pub(super) fn parse(text: &[u8]) -> Option<Question> {
        let mut args = Args(Some(text));
        let mut read = || -> Result<Question, CommandError> {
            let word = args.word()?;
            let (number, offset) = (args.number()?, args.number()?);
            match word {
                b"block" => Ok(Question::Block { first: Seq(number), offset }),
                b"sum" => Ok(Question::Sum { first: Seq(number), len: offset }),
                b"note" => Ok(Question::Note { least: StreamSeq(number), offset }),
                _ => Err(CommandError::Missing),
            }
        };
        let question = read().ok()?;
        args.0.is_none().then_some(question)
    }
}

impl Answer {
    pub(super) fn write(&self) -> Vec<u8> {
        let (line, bytes) = match self {
            Answer::Block(Block { first, offset, len, is_whole, left, bytes }) => {
                let kind = if *is_whole { WHOLE } else { GROWING }.escape_ascii();
                (format!("block {first} {offset} {len} {kind} {left}\n"), &bytes[..])
            }
            Answer::Sum { first, len, sum } => (format!("sum {first} {len} {sum}\n"), &[][..]),
            Answer::Note { next, offset, len, bytes } => {
                (format!("note {next} {offset} {len}\n"), &bytes[..])
            }
            Answer::Nothing => ("nothing\n".to_owned(), &[][..]),
        };
        [line.as_bytes(), bytes].concat()
    }

    pub(super) fn parse(payload: &Bytes) -> Option<Answer> {
        let end = memchr::memchr(b'\n', payload)?;
        let (mut args, bytes) = (Args(Some(&payload[..end])), payload.slice(end + 1..));
        let mut read = || -> Result<Answer, CommandError> {
            match args.word()? {
                b"block" => {
                    let (first, offset, len) = (Seq(args.number()?), args.number()?, args.number()?);
                    let is_whole = match args.word()? {
                        WHOLE => true,
                        GROWING => false,
                        _ => return Err(CommandError::Missing),
                    };
                    let left = args.number()?;
                    let bytes = bytes.clone();
                    Ok(Answer::Block(Block { first, offset, len, is_whole, left, bytes }))
                }
                b"sum" => {
                    let (first, len) = (Seq(args.number()?), args.number()?);
                    Ok(Answer::Sum { first, len, sum: args.sum()? })
                }
                b"note" => {
                    let (next, offset) = (StreamSeq(args.number()?), args.number()?);
                    Ok(Answer::Note { next, offset, len: args.number()?, bytes: bytes.clone() })
                }
                b"nothing" => Ok(Answer::Nothing),
                _ => Err(CommandError::Missing),
            }
        };
        let answer = read().ok()?;
        let has_bytes = matches!(answer, Answer::Block(_) | Answer::Note { .. });
        (args.0.is_none() && (has_bytes || bytes.is_empty())).then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read_as_they_are_written() {
        let offer = |first, last| Offer {
            node: NodeName::parse("node-1").expect("a name"),
            transcript: 0x0a0b_0c0d,
            next: StreamSeq(1_000_000_000_018),
            first: Seq(first),
            last: Seq(last),
            created: "2026-11-29T01:02:03.123456789Z".to_owned(),
        };
        for (first, last) in [(1, 0), (1, 1), (4711, 5000), (5001, 5000)] {
            let offer = offer(first, last);
            assert_eq!(Offer::parse(&offer.write()), Some(offer));
        }
        for bad in [
            "",
            "v2 a 00000001 1 1 1 t",
            "v1 a.b 00000001 1 1 1 t",
            "v1 a 1 1 1 1 t",
            "v1 a 00000001 1 0 0 t",
            "v1 a 00000001 1 3 1 t",
            "v1 a 00000001 1 01 1 t",
            "v1 a 00000001 1 1 1",
        ] {
            assert_eq!(Offer::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn questions_are_read_as_they_are_written() {
        for question in [
            Question::Block { first: Seq(1), offset: 0 },
            Question::Sum { first: Seq(4711), len: 64 << 20 },
            Question::Note { least: StreamSeq(9), offset: 65_536 },
        ] {
            assert_eq!(Question::parse(&question.write()), Some(question));
        }
        for bad in ["", "block", "block 1", "block 1 2 3", "block 1 -2", "block 01 2", "sum 1 x", "file 1 2"]
        {
            assert_eq!(Question::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn answers_are_read_as_they_are_written() {
        let bytes = Bytes::from_static(b"MSG 4 one\nand two\n\n");
        let block =
            |is_whole| Block { first: Seq(4), offset: 7, len: 26, is_whole, left: 99, bytes: bytes.clone() };
        for answer in [
            Answer::Block(block(true)),
            Answer::Block(Block { bytes: Bytes::new(), ..block(false) }),
            Answer::Sum { first: Seq(4), len: 8, sum: Sum::default().after(b"x") },
            Answer::Note { next: StreamSeq(12), offset: 0, len: 19, bytes: bytes.clone() },
            Answer::Nothing,
        ] {
            assert_eq!(Answer::parse(&answer.write().into()), Some(answer));
        }
        for bad in [
            "",
            "nothing",
            "nothing\nmore",
            "nothing more\n",
            "block 4 7 26 half 99\nx",
            "block 4 7 26 whole\nx",
            "sum 4 8 00\n",
            "note 1 2\nx",
        ] {
            assert_eq!(Answer::parse(&Bytes::from(bad)), None, "{bad:?}");
        }
    }
}
