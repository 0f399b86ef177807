//! The stream's brokers: what becomes of publishes and fetches, and how the stored messages reach the nodes.

use std::time::Duration;

use bytes::Bytes;
use chat_room::limits::{BATCH_MAX, TAIL_ANSWER};
use chat_room::server::log::cluster::{Heard, StreamSeq};

use super::report::What;
use super::world::{Event, World, brief};

impl World {
    pub(super) fn publish(&mut self, index: usize, body: Bytes) {
        self.trace(|world| format!("{} publishes {}", world.nodes[index].name, brief(&body)));
        let conn = self.nodes[index].link.conn.expect("it publishes when it is connected");
        if body.len() > BATCH_MAX - 4000 {
            self.report.count(What::Split);
        }
        let running = self.nodes[index].running_mut().expect("it publishes");
        if !running.has_begun {
            let before = running.join.replace(body.clone());
            if before.is_some_and(|before| before != body) {
                self.report.count(What::Rechosen);
            }
        }
        if self.nodes[index].link.publish_cut {
            return self.report.count(What::PublishCut);
        }
        if self.chance(self.swarm.publish_lost) {
            return self.report.count(What::PublishLost);
        }
        if self.chance(self.swarm.publish_late) {
            self.report.count(What::PublishLate);
            let (failed, stored) = (self.ms(5, 2000), self.ms(2000, 20_000));
            self.later(failed, Event::Hear { node: index, conn, heard: Heard::NoAck });
            return self.later(stored, Event::Store { body, from: index, conn: 0 });
        }
        let mut delay = self.ms(1, 15);
        let before = self.nodes[index].link.stored_at.saturating_sub(self.now);
        if self.chance(self.swarm.reorder) && delay < before {
            self.report.count(What::Reordered);
        } else {
            delay = delay.max(before);
        }
        self.nodes[index].link.stored_at = self.now + delay.max(before);
        if self.chance(self.swarm.publish_twice) {
            self.report.count(What::PublishTwice);
            let again = delay + self.ms(0, 3000);
            self.later(again, Event::Store { body: body.clone(), from: index, conn: 0 });
        }
        self.later(delay, Event::Store { body, from: index, conn });
    }

    /// A publish has reached the leader.
    pub(super) fn stored(&mut self, body: Bytes, from: usize, conn: u64) {
        let (seq, at) = (self.end(), self.stream.len());
        self.store(body);
        if self.chance(self.swarm.ack_lost) {
            self.report.count(What::AckLost);
        } else {
            let is_wrong = self.chance(self.swarm.ack_wrong);
            if is_wrong {
                self.report.count(What::AckWrong);
            }
            let heard = if is_wrong { Heard::NoAck } else { Heard::Ack { seq } };
            let delay = self.ms(1, 10);
            self.later(delay, Event::Hear { node: from, conn, heard });
        }
        for node in 0..self.nodes.len() {
            self.tell(node, at);
        }
    }

    /// A stored message goes to a node by itself.
    pub(super) fn tell(&mut self, node: usize, at: usize) {
        let link = &self.nodes[node].link;
        let Some(conn) = link.conn.filter(|_| !link.read_cut) else { return };
        if self.chance(self.swarm.live_lost) {
            return self.report.count(What::LiveLost);
        }
        let mut delay = self.ms(0, 6);
        if self.chance(self.swarm.live_late) {
            self.report.count(What::LiveLate);
            delay += self.ms(5, 3000);
        }
        let stored = &self.stream[at];
        let seq = StreamSeq(self.first + at as u64);
        let heard = Heard::Live { seq, stamp: stored.stamp, body: stored.body.clone() };
        if self.chance(self.swarm.live_twice) {
            self.report.count(What::LiveTwice);
            let again = delay + self.ms(0, 2000);
            self.later(again, Event::Hear { node, conn, heard: heard.clone() });
        }
        self.later(delay, Event::Hear { node, conn, heard });
    }

    pub(super) fn fetch(&mut self, node: usize, from: StreamSeq) {
        self.trace(|world| format!("{} fetches {from}", world.nodes[node].name));
        let conn = self.nodes[node].link.conn.expect("it asks when it is connected");
        // A broker that is cut off answers with what it had.
        if self.nodes[node].link.read_cut {
            self.report.count(What::FetchCut);
        }
        if self.chance(self.swarm.fetch_never) {
            return self.report.count(What::FetchNever);
        }
        if self.chance(self.swarm.fetch_failed) {
            self.report.count(What::FetchFailed);
            let delay = self.ms(0, 20);
            return self.later(delay, Event::Hear { node, conn, heard: Heard::FetchFailed });
        }
        let mut delay = self.ms(1, 10);
        if self.chance(self.swarm.fetch_late) {
            self.report.count(What::FetchLate);
            delay += TAIL_ANSWER + self.ms(0, 3000);
        }
        let mut visible = self.nodes[node].link.frozen.unwrap_or(self.stream.len());
        if self.chance(self.swarm.fetch_stale) {
            let most = *self.rng.pick(&[6, 6, 60]);
            visible = visible.saturating_sub(self.rng.below(most));
        }
        if visible < self.stream.len() {
            self.report.count(What::FetchStale);
        }
        let first = usize::try_from(from.0 - self.first).expect("a few").max(self.dropped);
        let end = visible.min(first + 1 + self.rng.below(30));
        for at in first..end {
            if self.chance(self.swarm.fetch_part) {
                return self.report.count(What::FetchPart);
            }
            if self.chance(self.swarm.fetch_hole) {
                self.report.count(What::FetchHole);
                continue;
            }
            let stored = &self.stream[at];
            let seq = StreamSeq(self.first + at as u64);
            let heard = Heard::Fetched { seq, stamp: stored.stamp, body: stored.body.clone() };
            self.later(delay, Event::Hear { node, conn, heard });
            delay += Duration::from_micros(200);
        }
        let heard = Heard::FetchEnd { more: end < visible };
        self.later(delay, Event::Hear { node, conn, heard });
    }
}
