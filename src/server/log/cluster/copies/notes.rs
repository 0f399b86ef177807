//! The state of a node's thread, for another thread: that asks, and the node answers between two turns.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mio::Waker;

use crate::server::log::cluster::ids::StreamSeq;

/// The message to apply next, and the state's text.
pub(in crate::server::log::cluster) type Note = (StreamSeq, Vec<u8>);

/// See the module.
#[derive(Debug)]
pub(in crate::server::log::cluster) struct Notes {
    wanted: Mutex<Vec<Sender<Note>>>,
    /// The node's.
    waker: Arc<Waker>,
}

impl Notes {
    pub(in crate::server::log::cluster) fn of(waker: Arc<Waker>) -> Notes {
        Notes { wanted: Mutex::default(), waker }
    }

    pub(in crate::server::log::cluster) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Asks for it, and waits for so long at most.
    pub(super) fn ask(&self, wait: Duration) -> Option<Note> {
        let (answer, note) = channel();
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        self.waker.wake().expect("an eventfd can always be written to");
        note.recv_timeout(wait).ok()
    }

    /// Gives it to those who have asked.
    pub(in crate::server::log::cluster) fn answer(&self, note: impl Fn() -> Note) {
        let wanted = std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        for answer in wanted {
            // They may have stopped waiting.
            let _ = answer.send(note());
        }
    }
}
