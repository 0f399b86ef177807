//! The thread of a node: what the loop asks for goes out in batches, and what the stream decides comes back to the loop.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use mio::Waker;

use crate::limits::{CLUSTER_QUEUE_MAX, NOTE_EVERY};
use crate::server::log::cluster::asked::{FromNode, ToNode};
use crate::server::log::cluster::node::Node;
use crate::server::threads::priority::Priority;
use crate::server::threads::worker::{Answers, LoopGone, Worker};

/// Starts the thread. `waker` is the loop's.
pub(super) fn spawn(node: Node, waker: Arc<Waker>) -> io::Result<Worker<ToNode, FromNode>> {
    Worker::spawn("cluster", CLUSTER_QUEUE_MAX, waker, move |jobs, answers| {
        Priority::Commit.assume();
        run(node, &jobs, &answers)
    })
}

/// Runs until the channel of jobs is closed, or the loop has gone.
fn run(mut node: Node, jobs: &Receiver<ToNode>, answers: &Answers<FromNode>) -> Result<(), LoopGone> {
    node.begin_exchange();
    let (mut told, mut next_note, mut recorded) =
        (Vec::new(), Instant::now() + NOTE_EVERY, node.state().next());
    loop {
        loop {
            match jobs.try_recv() {
                Ok(ToNode::Ask(request)) => {
                    if let Some(refused) = node.ask(request) {
                        answers.send(refused)?;
                    }
                }
                Ok(ToNode::Settle(jobs)) => node.settle(jobs),
                Ok(ToNode::Answer(asker, places)) => node.answer(&asker, &places),
                Ok(ToNode::Places(lines)) => node.tell_places(&lines),
                Ok(ToNode::AllPlaces(number)) => node.all_places_told(number),
                Ok(ToNode::Here(changes)) => node.tell_presence(changes),
                Ok(ToNode::Leave) => node.leave(),
                Ok(ToNode::Note) => answers.send(node.note().into())?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        let wait = next_note.saturating_duration_since(Instant::now());
        if let Err(error) = node.turn(wait, &mut told) {
            let why = format!("the poll of the connection to the brokers failed: {error}");
            return answers.send(FromNode::Stop(why));
        }
        for told in told.drain(..) {
            answers.send(told)?;
        }
        if Instant::now() >= next_note {
            next_note = Instant::now() + NOTE_EVERY;
            if node.state().next() > recorded {
                recorded = node.state().next();
                answers.send(node.note().into())?;
            }
        }
    }
}
