//! Clients of real servers write down what they are told and shown, and a checker compares that with the files of all nodes.
//!
//! - checked.rs tries the checker on records that are written by hand, good and bad;
//! - alone.rs records one server without a cluster;
//! - campaign.rs has three nodes and three brokers, and lets them fail in all ways of faults.rs;
//! - proxy.rs is the cable between nodes and brokers, which can stall and be cut.

mod alone;
mod asked;
#[path = "../common/broker.rs"]
mod broker;
mod campaign;
mod checked;
mod checker;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod folder;
mod proxy;
mod record;
mod recorder;
#[path = "../sim/rng.rs"]
mod rng;
