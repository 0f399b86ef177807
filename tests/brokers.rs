//! Real brokers of NATS, which a group on many nodes has for its log.

mod common;

#[path = "common/broker.rs"]
mod broker;

use broker::{Brokers, Setup};

/// What the tests of groups on many nodes start from.
#[test]
fn three_brokers_get_ready_and_come_back() {
    let Some(mut brokers) = Brokers::start(Setup::default()) else { return };
    assert_eq!((brokers.len(), brokers.urls().matches("nats://127.0.0.1:").count()), (3, 3));
    let addr = brokers.addr(1);
    brokers.kill(1);
    brokers.until_ready();
    brokers.restart(1);
    brokers.until_ready();
    assert_eq!(brokers.addr(1), addr);
    brokers.freeze(2);
    brokers.thaw(2);
    brokers.until_ready();
}
