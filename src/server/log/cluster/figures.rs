//! What STATS tells of a node: its thread writes it, the loop reads it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::server::log::cluster::ids::{NodeName, StreamSeq};

/// What STATS tells of the node.
#[derive(Debug)]
pub(in crate::server) struct Figures {
    node: NodeName,
    /// The last message of the stream that was applied.
    applied: AtomicU64,
    /// The last one that was heard of.
    heard_of: AtomicU64,
    /// How long the last batch took until a broker said that it is committed, microseconds.
    round_trip: AtomicU64,
    /// The broker, if it is connected to one.
    broker: Mutex<Option<String>>,
}

impl Figures {
    /// Of a node that applies the message `next` next.
    pub(super) fn of(node: NodeName, next: StreamSeq) -> Figures {
        let figures = Figures {
            node,
            applied: AtomicU64::default(),
            heard_of: AtomicU64::default(),
            round_trip: AtomicU64::default(),
            broker: Mutex::default(),
        };
        figures.set_next(next);
        figures
    }

    /// All messages before this one are applied.
    pub(super) fn set_next(&self, next: StreamSeq) {
        self.applied.store(next.0.saturating_sub(1), Ordering::Relaxed);
    }

    /// The stream has this message.
    pub(super) fn heard_of(&self, seq: StreamSeq) {
        self.heard_of.fetch_max(seq.0, Ordering::Relaxed);
    }

    pub(super) fn set_round_trip(&self, took: Duration) {
        self.round_trip.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Name and value of each.
    pub(in crate::server) fn list(&self) -> [(&'static str, String); 5] {
        let figure = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let applied = figure(&self.applied);
        let broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        [
            ("node", self.node.to_string()),
            ("broker", broker.unwrap_or_else(|| "-".to_owned())),
            ("stream-applied", applied.to_string()),
            ("stream-behind", figure(&self.heard_of).saturating_sub(applied).to_string()),
            ("commit-us", figure(&self.round_trip).to_string()),
        ]
    }

    pub(super) fn set_broker(&self, name: Option<String>) {
        *self.broker.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}
