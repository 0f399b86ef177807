//! A node that loses its brokers, as its members see it: real brokers, real nodes, and a cable between each two that can be
//! pulled.

mod alone;
#[path = "../common/broker.rs"]
mod broker;
#[path = "../common/mod.rs"]
mod common;
mod group;
#[path = "../common/monitor.rs"]
mod monitor;
mod monitored;
mod moves;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../nodes/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../chat/pty.rs"]
mod pty;
mod removed;
#[path = "../common/secure.rs"]
mod secure;
mod stop;
