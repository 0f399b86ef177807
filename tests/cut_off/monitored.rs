//! What monitors are told of a node that has lost its brokers.

use crate::common::server::until;
use crate::group::Group;
use crate::monitor::{get, metrics_addr};

#[test]
fn a_node_without_a_quorum_is_not_healthy() {
    let Some(mut group) = Group::start(2) else { return };
    let addr = metrics_addr(group.node(0));
    until("all is well", || get(addr, "/healthz") == (200, "ok\n".to_owned()));
    group.lose_the_quorum();
    let told = "this node is cut off: no quorum of the brokers commits\n";
    until("it is told", || get(addr, "/healthz") == (503, told.to_owned()));
    group.have_a_quorum_again();
    until("all is well again", || get(addr, "/healthz").0 == 200);
}
