//! Clients of real servers write down what they are told and shown, and a checker compares that with the files of all nodes.
//!
//! - checked.rs tries the checker on records that are written by hand, good and bad;
//! - alone.rs records one server without a cluster;
//! - proxy.rs is the cable between nodes and brokers, which can stall and be cut.

mod alone;
mod checked;
mod checker;
#[path = "../common/mod.rs"]
mod common;
mod folder;
mod proxy;
mod record;
mod recorder;
#[path = "../sim/rng.rs"]
mod rng;
