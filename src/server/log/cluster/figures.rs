//! What STATS tells of a node: its thread writes it, the loop reads it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::server::histogram::Histogram;
use crate::server::log::cluster::ids::{NodeName, StreamSeq};
use crate::server::log::cluster::replica::Replica;

/// What STATS tells of the node.
#[derive(Debug)]
pub(in crate::server) struct Figures {
    node: NodeName,
    /// The last message of the stream that was applied.
    applied: AtomicU64,
    /// How many more it knows of.
    behind: AtomicU64,
    /// How long the last batch was under way until it came back, microseconds.
    round_trip: AtomicU64,
    /// How long all batches took.
    round_trips: Mutex<Histogram>,
    /// The broker, if it is connected to one.
    broker: Mutex<Option<String>>,
}

impl Figures {
    pub(super) fn of(node: NodeName) -> Figures {
        Figures {
            node,
            applied: AtomicU64::default(),
            behind: AtomicU64::default(),
            round_trip: AtomicU64::default(),
            round_trips: Mutex::default(),
            broker: Mutex::default(),
        }
    }

    /// The replica has come so far.
    pub(super) fn update<T>(&self, replica: &Replica<T>) {
        self.applied.store(replica.state().next().0.saturating_sub(1), Ordering::Relaxed);
        self.behind.store(replica.lag(), Ordering::Relaxed);
        let round_trip = replica.round_trip().unwrap_or_default().as_micros();
        self.round_trip.store(u64::try_from(round_trip).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.round_trips.lock().unwrap_or_else(PoisonError::into_inner).clone_from(replica.round_trips());
    }

    pub(in crate::server::log) fn round_trips(&self) -> Histogram {
        self.round_trips.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The message of the stream to apply next.
    pub(super) fn next(&self) -> StreamSeq {
        StreamSeq(self.applied.load(Ordering::Relaxed)).next()
    }

    /// Name and value of each.
    pub(in crate::server) fn list(&self) -> [(&'static str, String); 5] {
        let figure = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        [
            ("node", self.node.to_string()),
            ("broker", broker.unwrap_or_else(|| "-".to_owned())),
            ("stream-applied", figure(&self.applied).to_string()),
            ("stream-behind", figure(&self.behind).to_string()),
            ("commit-us", figure(&self.round_trip).to_string()),
        ]
    }

    pub(super) fn set_broker(&self, name: Option<String>) {
        *self.broker.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}
