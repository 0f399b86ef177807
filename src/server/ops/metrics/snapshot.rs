//! What the loop tells a monitor.

use crate::server::histogram::Histogram;

/// How long things have taken.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Histograms {
    /// A turn of the loop, in processor time.
    pub(in crate::server) turns: Histogram,
    /// A batch of events, until it was durable.
    pub(in crate::server) commits: Histogram,
    /// A login, from its line to its answer.
    pub(in crate::server) logins: Histogram,
    /// A batch of events, from when it was committed until the last receiver was served that was not catching up.
    pub(in crate::server) deliveries: Histogram,
}

impl Histograms {
    /// Name, help and histogram of each.
    pub(super) fn list(&self) -> [(&'static str, &'static str, &Histogram); 4] {
        [
            ("turn_seconds", "Processor time of a turn of the loop", &self.turns),
            ("commit_seconds", "How long a batch of events took until it was durable", &self.commits),
            ("login_seconds", "How long a login waited for its answer", &self.logins),
            (
                "delivery_seconds",
                "How long events took from being durable until the last receiver was served that was not catching up",
                &self.deliveries,
            ),
        ]
    }
}

/// What the loop tells a monitor.
#[derive(Debug)]
pub(in crate::server) struct Snapshot {
    /// The figures of STATS.
    pub(in crate::server) figures: Vec<(&'static str, String)>,
    /// See there.
    pub(in crate::server) histograms: Histograms,
    /// What is wrong, a line each; empty: nothing.
    pub(in crate::server) wrong: Vec<String>,
}

impl Snapshot {
    pub(super) fn word(&self, stat: &str) -> Option<&str> {
        self.figures.iter().find(|(name, _)| *name == stat).map(|(_, value)| value.as_str())
    }

    pub(super) fn value(&self, stat: &str) -> Option<u64> {
        self.word(stat)?.parse().ok()
    }
}
