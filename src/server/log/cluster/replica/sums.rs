//! What this node says its lines add up to, and what it hears of the others.

use std::time::Duration;

use crate::protocol::Seq;
use crate::server::log::cluster::applied::{Applied, Outcome, Stop};
use crate::server::log::cluster::claims::Settled;
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::ids::Sum;
use crate::server::log::cluster::interface::Act;
use crate::server::log::cluster::replica::Replica;

impl<T> Replica<T> {
    /// As a probe does, it stands for the silence before it.
    pub(super) fn say_sum(&mut self, now: Duration, event: Seq, sum: Sum) {
        let body = self.own.send_own(now, self.heard_at, Some(&Command::Sum { event, sum }));
        self.publish(body);
    }

    /// What is not known here any more cannot be compared.
    pub(super) fn hear_sums(&mut self, now: Duration, applied: &Applied) {
        for outcome in &applied.outcomes {
            if let Outcome::Summed { event, theirs, ours: Some(ours) } = outcome {
                self.claims.heard(now, &applied.origin.node, *event, *theirs, *ours);
            }
        }
    }

    /// Who stops of nodes whose sums differ.
    pub(super) fn settle(&mut self) -> Result<(), Stop> {
        let nodes = self.state.running().count();
        while let Some(settled) = self.claims.settle(nodes, self.own.reached_at()) {
            match settled {
                Settled::Right(event, node) => self.acts.push_back(Act::Differs { node, event }),
                Settled::Wrong(event, node) => return Err(Stop::SumDiffers { node, event }),
            }
        }
        Ok(())
    }
}
