//! What monitors are told of a node that has lost its brokers.

use serde_json::json;

use crate::common::server::until;
use crate::group::Group;
use crate::monitor::{get, metrics_addr};

#[test]
fn a_node_without_a_quorum_is_not_healthy() {
    let Some(mut group) = Group::start(2) else { return };
    let addr = metrics_addr(group.node(0));
    until("all is well", || get(addr, "/healthz") == (200, "ok\n".to_owned()));
    group.lose_the_quorum();
    let told = "this node is cut off: the brokers commit nothing of what it asks for\n";
    until("it is told", || get(addr, "/healthz") == (503, told.to_owned()));
    group.have_a_quorum_again();
    until("all is well again", || get(addr, "/healthz").0 == 200);
}

/// Here of the stream; the limits of an account or of a broker, and a full disk of the only one, are told in the same way.
#[test]
fn a_node_whose_stream_is_full_says_so() {
    let Some(mut group) = Group::start(2) else { return };
    let mut ann = group.member(0, "ann@x");
    group.limit_the_stream(json!({ "discard": "new", "max_bytes": 1 }));
    ann.say("MSG is there room?");
    ann.expect("BYE cut-off …");
    group.node(0).until_logged(
        "JetStream stores nothing more (maximum bytes exceeded): make room, or raise that limit",
    );
    group.limit_the_stream(json!({ "discard": "old", "max_bytes": -1 }));
    group.node(0).until_logged("this node is back: the brokers commit again");
    assert_eq!(group.said(), ["ann@x is there room?"]);
}

#[test]
fn a_node_whose_stream_is_gone_says_so() {
    let Some(mut group) = Group::start(1) else { return };
    (0..group.brokers.len()).for_each(|at| group.brokers.wipe(at));
    (0..group.brokers.len()).for_each(|at| group.brokers.restart(at));
    group.brokers.until_ready();
    group.node(0).until_logged("this node is cut off: the brokers commit nothing of what it asks for");
    group.node(0).until_logged("there is no stream ROOM; --make-cluster makes it, once, or --cluster-found");
}
