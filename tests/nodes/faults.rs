//! What can happen to nodes, brokers, and the cables between them.

use std::time::Duration;

use rustix::process::Signal;

use super::cluster::{Cluster, SIZE};
use super::proxy::{Flow, Way};
use super::rng::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    NodeKilled,
    NodeFrozen,
    NodeStopped,
    /// As by somebody who restarts it again and again.
    NodeKilledTwice,
    TwoNodesKilled,
    AllNodesKilled,
    BrokerKilled,
    BrokerFrozen,
    BrokerStopped,
    LeaderKilled,
    LeaderFrozen,
    TwoBrokersKilled,
    TwoBrokersFrozen,
    AllBrokersKilled,
    NodeAndBrokerKilled,
    NodeAndLeaderFrozen,
    /// Messages are on their way to a leader that stands still when their node dies. They may be stored when nobody
    /// expects them any more.
    NodeKilledWhileLeaderFrozen,
    EverythingKilled,
    /// A node has lost its disk.
    NodeWiped,
    BrokerWiped,
    /// A node and all brokers hear nothing of each other.
    NodeCutOff,
    /// The same, until the node has told its clients.
    NodeCutOffForLong,
    /// The brokers hear the node, and it hears nothing.
    NodeHearsNothing,
    NodeIsNotHeard,
    /// Its connections to the brokers break, again and again.
    NodeReset,
    /// A broker, with the nodes that are connected to it, on one side, and two on the other.
    BrokerCutOff,
    LeaderCutOff,
    LeaderCutOffForLong,
    AllBrokersApart,
    /// From one broker to another nothing comes through, the other way it does.
    RouteOneWay,
    /// Somebody edits members.txt of two nodes at once.
    EditsAtOnce,
}

/// Each of them.
pub(super) const FAULTS: [Fault; 31] = [
    Fault::NodeKilled,
    Fault::NodeFrozen,
    Fault::NodeStopped,
    Fault::NodeKilledTwice,
    Fault::TwoNodesKilled,
    Fault::AllNodesKilled,
    Fault::BrokerKilled,
    Fault::BrokerFrozen,
    Fault::BrokerStopped,
    Fault::LeaderKilled,
    Fault::LeaderFrozen,
    Fault::TwoBrokersKilled,
    Fault::TwoBrokersFrozen,
    Fault::AllBrokersKilled,
    Fault::NodeAndBrokerKilled,
    Fault::NodeAndLeaderFrozen,
    Fault::NodeKilledWhileLeaderFrozen,
    Fault::EverythingKilled,
    Fault::NodeWiped,
    Fault::BrokerWiped,
    Fault::NodeCutOff,
    Fault::NodeCutOffForLong,
    Fault::NodeHearsNothing,
    Fault::NodeIsNotHeard,
    Fault::NodeReset,
    Fault::BrokerCutOff,
    Fault::LeaderCutOff,
    Fault::LeaderCutOffForLong,
    Fault::AllBrokersApart,
    Fault::RouteOneWay,
    Fault::EditsAtOnce,
];

impl Fault {
    /// How long it lasts.
    pub(super) fn lasts(self, rng: &mut Rng) -> Duration {
        let millis = match self {
            // A node that is cut off says so after 15 s.
            Fault::NodeCutOffForLong | Fault::LeaderCutOffForLong => 18_000 + rng.below(8_000),
            // A leader that goes on after this is still the leader, and members have come to another node.
            Fault::NodeKilledWhileLeaderFrozen => 800 + rng.below(2_000),
            // Until the brokers have another leader, or a node counts as silent, and shorter.
            _ if rng.percent(25) => 5_000 + rng.below(7_000),
            _ => 100 + rng.below(2_400),
        };
        Duration::from_millis(millis as u64)
    }

    /// Makes it happen, with the node and the broker that it hits.
    pub(super) fn begin(self, node: usize, broker: usize, cluster: &mut Cluster) {
        let (other_node, other_broker) = ((node + 1) % SIZE, (broker + 1) % SIZE);
        match self {
            Fault::NodeKilled | Fault::NodeKilledTwice => cluster.kill_node(node),
            Fault::NodeFrozen => cluster.signal_node(node, Signal::STOP),
            Fault::NodeStopped => cluster.signal_node(node, Signal::TERM),
            Fault::TwoNodesKilled => each([node, other_node], |at| cluster.kill_node(at)),
            Fault::AllNodesKilled => each(0..SIZE, |at| cluster.kill_node(at)),
            Fault::BrokerKilled | Fault::LeaderKilled => cluster.brokers().kill(broker),
            Fault::BrokerFrozen | Fault::LeaderFrozen | Fault::NodeKilledWhileLeaderFrozen => {
                cluster.brokers().freeze(broker);
            }
            Fault::BrokerStopped => cluster.brokers().stop(broker),
            Fault::TwoBrokersKilled => {
                each([broker, other_broker], |at| cluster.brokers().kill(at));
            }
            Fault::TwoBrokersFrozen => {
                each([broker, other_broker], |at| cluster.brokers().freeze(at));
            }
            Fault::AllBrokersKilled => each(0..SIZE, |at| cluster.brokers().kill(at)),
            Fault::NodeAndBrokerKilled => {
                cluster.kill_node(node);
                cluster.brokers().kill(broker);
            }
            Fault::NodeAndLeaderFrozen => {
                cluster.signal_node(node, Signal::STOP);
                cluster.brokers().freeze(broker);
            }
            Fault::NodeWiped => cluster.wipe_node(node),
            Fault::BrokerWiped => cluster.brokers().wipe(broker),
            Fault::EverythingKilled => each(0..SIZE, |at| {
                cluster.brokers().kill(at);
                cluster.kill_node(at);
            }),
            Fault::NodeCutOff | Fault::NodeCutOffForLong => {
                each([Way::Up, Way::Down], |way| cluster.set_node(node, way, Flow::Stalled));
            }
            Fault::NodeHearsNothing => cluster.set_node(node, Way::Down, Flow::Stalled),
            Fault::NodeIsNotHeard => cluster.set_node(node, Way::Up, Flow::Stalled),
            Fault::NodeReset => cluster.reset_node(node),
            Fault::BrokerCutOff | Fault::LeaderCutOff | Fault::LeaderCutOffForLong => {
                let others = (0..SIZE).filter(|at| *at != broker);
                each(others, |at| cluster.set_route(broker, at, Flow::Stalled));
            }
            Fault::AllBrokersApart => {
                each([(0, 1), (1, 2), (0, 2)], |(a, b)| cluster.set_route(a, b, Flow::Stalled));
            }
            Fault::RouteOneWay => cluster.set_route_one_way(broker, other_broker, Flow::Stalled),
            // The campaign does that, which knows who is a member.
            Fault::EditsAtOnce => {}
        }
    }

    /// Goes on with it, a moment after it has begun.
    pub(super) fn go_on(self, node: usize, cluster: &mut Cluster) {
        if self == Fault::NodeKilledWhileLeaderFrozen {
            cluster.kill_node(node);
        }
    }

    /// Whether it happens again and again while it lasts.
    pub(super) fn repeats(self) -> bool {
        matches!(self, Fault::NodeKilledTwice | Fault::NodeReset)
    }

    /// Whether it hits the leader among the brokers.
    pub(super) fn hits_the_leader(self) -> bool {
        matches!(
            self,
            Fault::LeaderKilled
                | Fault::LeaderFrozen
                | Fault::LeaderCutOff
                | Fault::LeaderCutOffForLong
                | Fault::NodeAndLeaderFrozen
                | Fault::NodeKilledWhileLeaderFrozen
        )
    }
}

fn each<T>(all: impl IntoIterator<Item = T>, f: impl FnMut(T)) {
    all.into_iter().for_each(f);
}
