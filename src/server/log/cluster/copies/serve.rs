//! Gives other nodes what they lack of the history. A thread with a connection of its own: what it waits for, and how much it
//! sends, delays neither the loop nor the stream.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Instant;

use bytes::Bytes;
use log::{debug, info, warn};

use super::notes::{Note, Notes};
use super::text::{Answer, Block, Offer, Question};
use super::{ASK, node_subject};
use crate::limits::{
    BROKER_RETRY_LONGEST, BROKER_SILENCE, CLUSTER_START_WAIT, COPY_ANSWER, COPY_BLOCK, COPY_IDLE,
    COPY_UNSENT_MAX,
};
use crate::protocol::Seq;
use crate::server::files::Problem;
use crate::server::log::cluster::broker::{Asker, Broken};
use crate::server::log::cluster::figures::Figures;
use crate::server::log::cluster::ids::{NodeName, StreamSeq, Sum, Summing};
use crate::server::log::cluster::nats::{Message, Sid, Subject};
use crate::server::log::cluster::reach::Reach;
use crate::server::log::local::{Piece, Pieces, SharedSegments};
use crate::server::threads::priority::Priority;

/// The subscriptions for questions to all nodes, and to this one. The first is the connection's own.
const TO_ALL: Sid = Sid(2);
const TO_ME: Sid = Sid(3);
/// Only an inbox is answered: anything else would be said in this node's name.
const INBOX: &str = "_INBOX.";

/// What this node offers.
#[derive(Debug)]
pub(in crate::server::log::cluster) struct Source {
    pub(in crate::server::log::cluster) reach: Reach,
    pub(in crate::server::log::cluster) transcript: u32,
    /// When the stream was made.
    pub(in crate::server::log::cluster) created: String,
    pub(in crate::server::log::cluster) figures: Arc<Figures>,
    pub(in crate::server::log::cluster) notes: Arc<Notes>,
}

/// The thread ends when this is dropped.
#[derive(Debug)]
pub(in crate::server::log) struct Copies(
    #[expect(dead_code, reason = "its end is what counts")] Sender<Infallible>,
);

/// Starts the thread.
pub(in crate::server::log::cluster) fn spawn(source: Source, segments: SharedSegments) -> io::Result<Copies> {
    let (copies, ended) = channel();
    let serving = Serving { source, pieces: Pieces::of(segments), note: None };
    let body = move || {
        Priority::Background.assume();
        serving.run(&ended);
    };
    std::thread::Builder::new().name("history copies".to_owned()).spawn(body)?;
    Ok(Copies(copies))
}

struct Serving {
    source: Source,
    pieces: Pieces,
    /// The state that is being copied, and when it was last asked for.
    note: Option<(Note, Instant)>,
}

impl Serving {
    fn run(mut self, ended: &Receiver<Infallible>) {
        loop {
            let Reach { brokers, access, .. } = &self.source.reach;
            // Why there is no connection is told by the node's own, which has the same brokers.
            let served = Asker::connect(brokers, access, CLUSTER_START_WAIT)
                .and_then(|asker| self.serve(asker, ended));
            if let Err(broken) = served {
                debug!("the connection for copies of the history: {broken}");
            }
            if ended.recv_timeout(BROKER_RETRY_LONGEST) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn serve(&mut self, mut asker: Asker, ended: &Receiver<Infallible>) -> Result<(), Broken> {
        asker.link().subscribe(&Subject::word(format!("{ASK}*")), TO_ALL);
        asker.link().subscribe(&node_subject(&self.source.reach.name), TO_ME);
        while ended.try_recv() != Err(TryRecvError::Disconnected) {
            let Some(message) = asker.next(COPY_IDLE)? else {
                self.pieces.close();
                continue;
            };
            self.note.take_if(|(_, asked)| asked.elapsed() >= COPY_IDLE);
            let Some(reply) = message.reply.as_ref().filter(|reply| reply.after(INBOX).is_some()) else {
                continue;
            };
            // One who asks again gets an answer then.
            if !asker.drain(COPY_UNSENT_MAX, BROKER_SILENCE)? {
                continue;
            }
            if let Some(answer) = self.answer(&message) {
                asker.link().publish(reply, None, &answer);
                asker.link().flush()?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, message: &Message) -> Option<Vec<u8>> {
        if message.sid == TO_ALL {
            return Some(self.offer().write());
        }
        let answer = match Question::parse(&message.payload)? {
            Question::Block { first, offset } => self.block(first, offset),
            Question::Sum { first, len } => {
                sum(&mut self.pieces, first, len).map(|sum| sum.map(|sum| Answer::Sum { first, len, sum }))
            }
            Question::Note { least, offset } => Ok(self.note(least, offset, message.reply.as_ref())),
        };
        let answer = answer.unwrap_or_else(|problem| {
            warn!("another node cannot have a copy of it: {problem}");
            None
        });
        Some(answer.unwrap_or(Answer::Nothing).write())
    }

    fn offer(&self) -> Offer {
        let Source { reach, transcript, created, figures, .. } = &self.source;
        let ((first, last), next) = (self.pieces.kept(), figures.next());
        let (node, created) = (reach.name.clone(), created.clone());
        Offer { node, transcript: *transcript, next, first, last, created }
    }

    fn block(&mut self, first: Seq, offset: u64) -> Result<Option<Answer>, Problem> {
        let piece = self.pieces.piece(first, offset, COPY_BLOCK)?;
        Ok(piece.map(|Piece { len, is_whole, left, bytes }| {
            Answer::Block(Block { first, offset, len, is_whole, left, bytes: bytes.into() })
        }))
    }

    fn note(&mut self, least: StreamSeq, offset: u64, reply: Option<&Subject>) -> Option<Answer> {
        self.note.take_if(|((next, _), _)| *next < least);
        if self.note.is_none() {
            let note = self.source.notes.ask(COPY_ANSWER)?;
            let who = reply.and_then(asker).map_or("?".to_owned(), |node| node.to_string());
            info!("node {who} has a copy of this one's history, and gets the state of the group");
            self.note = Some((note, Instant::now()));
        }
        let ((next, text), asked) = self.note.as_mut()?;
        *asked = Instant::now();
        let from = usize::try_from(offset).ok().filter(|from| *from <= text.len())?;
        let bytes = Bytes::copy_from_slice(&text[from..text.len().min(from + COPY_BLOCK)]);
        (*next >= least).then(|| Answer::Note { next: *next, offset, len: text.len() as u64, bytes })
    }
}

/// The node that gets the answer.
fn asker(reply: &Subject) -> Option<NodeName> {
    let name = reply.after(INBOX)?.split(|&b| b == b'.').next()?;
    NodeName::parse(str::from_utf8(name).ok()?).ok()
}

/// What the first bytes of a file add up to. `None`: it does not have so many.
pub(super) fn sum(pieces: &mut Pieces, first: Seq, len: u64) -> Result<Option<Sum>, Problem> {
    let mut summing = Summing::after(Sum::default());
    let has = pieces.each(first, len, |piece| summing.add(piece))?;
    Ok(has.then(|| summing.end()))
}
