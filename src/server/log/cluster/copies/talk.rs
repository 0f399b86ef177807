//! A node's side of asking others about their histories: one connection, and what has come of it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::text::{Answer, Block, Offer, Question};
use super::window::Window;
use super::{ASK, node_subject};
use crate::limits::{CLUSTER_START_WAIT, COPY_FILE_MAX, COPY_NOTE_MAX, COPY_OFFERS_MAX, COPY_SILENCE};
use crate::protocol::Seq;
use crate::server::files::Problem;
use crate::server::log::cluster::broker::{Asker, Broken};
use crate::server::log::cluster::ids::{NodeName, StreamSeq};
use crate::server::log::cluster::nats::{Sid, Subject};
use crate::server::log::cluster::reach::Reach;

const ANSWERS: Sid = Sid(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Talk {
    asker: Asker,
    own: NodeName,
    inbox: String,
    /// Of what is asked now. An answer to what was asked before has another one.
    topic: u64,
}

/// What a node says.
#[derive(Debug)]
pub(super) enum Heard {
    Answer(Answer),
    /// The broker says that the node is not there.
    Gone,
}

/// Why nothing more comes of a node.
pub(super) enum Lost {
    /// The node cannot be used any more, for this reason.
    Node(String),
    /// The connection to the broker.
    Broker(Broken),
    /// The start is refused.
    Problem(Problem),
}

/// What is copied in blocks.
#[derive(Clone, Copy)]
pub(super) enum Item {
    File(Seq),
    /// A state that is as far as this message of the stream.
    Note(StreamSeq),
}

/// What comes of it.
pub(super) enum Came {
    /// A block of a file is here, which may not be its turn: whether the file is whole, and what is left after that.
    Head(bool, u64),
    /// The next bytes.
    Bytes(Bytes),
}

/// A wait ends with a whole millisecond, after its deadline.
const PAUSE: Duration = Duration::from_millis(1);

impl From<Broken> for Lost {
    fn from(broken: Broken) -> Lost {
        Lost::Broker(broken)
    }
}

impl From<Problem> for Lost {
    fn from(problem: Problem) -> Lost {
        Lost::Problem(problem)
    }
}

impl Talk {
    pub(super) fn connect(reach: &Reach) -> Result<Talk, Broken> {
        let mut asker = Asker::connect(&reach.brokers, &reach.access, CLUSTER_START_WAIT)?;
        let inbox = format!("_INBOX.{}.{:016x}.", reach.name, fastrand::u64(..));
        asker.link().subscribe(&Subject::word(format!("{inbox}*")), ANSWERS);
        Ok(Talk { asker, own: reach.name.clone(), inbox, topic: 0 })
    }

    /// From now on answers to something else count.
    pub(super) fn turn_to_another_topic(&mut self) {
        self.topic += 1;
    }

    fn reply(&self) -> Subject {
        Subject::word(format!("{}{}", self.inbox, self.topic))
    }

    /// Asks a node. The question is on its way after [`Talk::hear`].
    pub(super) fn ask(&mut self, node: &NodeName, question: Question) {
        let reply = self.reply();
        self.asker.link().publish(&node_subject(node), Some(&reply), &question.write());
    }

    /// The next answer, unless the time is over first. Something that is no answer is none.
    pub(super) fn hear(&mut self, wait: Duration) -> Result<Option<Heard>, Broken> {
        let (deadline, reply) = (Instant::now() + wait, self.reply());
        while let Some(message) = self.asker.next(deadline.saturating_duration_since(Instant::now()))? {
            if message.sid != ANSWERS || message.subject != reply {
                continue;
            }
            if message.status() == Some(503) {
                return Ok(Some(Heard::Gone));
            }
            if let Some(answer) = Answer::parse(&message.payload) {
                return Ok(Some(Heard::Answer(answer)));
            }
        }
        Ok(None)
    }

    /// Asks a node for one thing, and again if there is no answer, for so long at most.
    pub(super) fn ask_for(
        &mut self,
        node: &NodeName,
        question: Question,
        wait: Duration,
    ) -> Result<Option<Answer>, Broken> {
        self.turn_to_another_topic();
        let deadline = Instant::now() + wait;
        while Instant::now() < deadline {
            self.ask(node, question);
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.hear(rest.min(COPY_SILENCE.max(wait / 2)))? {
                Some(Heard::Answer(answer)) => return Ok(Some(answer)),
                Some(Heard::Gone) => return Ok(None),
                None => {}
            }
        }
        Ok(None)
    }

    /// What the nodes offer: those that answer in this time.
    pub(super) fn offers(&mut self, wait: Duration) -> Result<Vec<Offer>, Broken> {
        self.turn_to_another_topic();
        let (deadline, reply) = (Instant::now() + wait, self.reply());
        self.asker.link().publish(&Subject::word(format!("{ASK}{}", self.own)), Some(&reply), b"");
        let mut offers: Vec<Offer> = Vec::new();
        while offers.len() < COPY_OFFERS_MAX
            && let Some(message) = self.asker.next(deadline.saturating_duration_since(Instant::now()))?
        {
            let offer = Some(message).filter(|message| message.subject == reply);
            let offer = offer.and_then(|message| Offer::parse(&message.payload));
            // A node of this name is another machine's; it will be told so when it joins.
            let is_new = |offer: &Offer| offers.iter().all(|known| known.node != offer.node);
            offers.extend(offer.filter(|offer| offer.node != self.own && is_new(offer)));
        }
        Ok(offers)
    }

    /// Gets something in blocks, in their order, up to its end.
    pub(super) fn blocks(
        &mut self,
        node: &NodeName,
        mut item: Item,
        from: u64,
        mut take: impl FnMut(Came) -> Result<(), Problem>,
    ) -> Result<(), Lost> {
        self.turn_to_another_topic();
        let began = Instant::now();
        let mut window = Window::from(Duration::ZERO, from);
        while !window.is_at_end() {
            let now = began.elapsed();
            if window.is_silent(now) {
                return Err(Lost::Node(format!("node {node} does not answer any more")));
            }
            while let Some(offset) = window.ask(now) {
                let question = match item {
                    Item::File(first) => Question::Block { first, offset },
                    Item::Note(least) => Question::Note { least, offset },
                };
                self.ask(node, question);
            }
            let answer = match self.hear(window.deadline().saturating_sub(now) + PAUSE)? {
                Some(Heard::Answer(answer)) => answer,
                Some(Heard::Gone) => return Err(Lost::Node(format!("node {node} is gone"))),
                None => continue,
            };
            let now = began.elapsed();
            match (answer, item) {
                (Answer::Block(block), Item::File(first)) if block.first == first => {
                    let Block { offset, len, is_whole, left, bytes, .. } = block;
                    if len > COPY_FILE_MAX {
                        return Err(Lost::Node(format!("node {node} has a file of {len} bytes")));
                    }
                    window.answer(now, offset, len, bytes);
                    take(Came::Head(is_whole, left))?;
                }
                (Answer::Note { next, offset, len, bytes }, Item::Note(least)) => {
                    if len > COPY_NOTE_MAX {
                        return Err(Lost::Node(format!("node {node} has a state of {len} bytes")));
                    }
                    // The first block says which state it is.
                    if window.is_fresh() && next >= least {
                        item = Item::Note(next);
                    } else if next != least {
                        return Err(Lost::Node(format!("node {node} gives its state to another node")));
                    }
                    window.answer(now, offset, len, bytes);
                }
                (Answer::Nothing, Item::File(first)) => {
                    return Err(Lost::Node(format!(
                        "node {node} does not keep the file that begins with event {first} any more"
                    )));
                }
                _ => continue,
            }
            while let Some((_, bytes)) = window.take() {
                take(Came::Bytes(bytes))?;
            }
        }
        Ok(())
    }
}
