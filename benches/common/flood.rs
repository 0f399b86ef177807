//! One side of a fan-out: a new crowd, publishers, a warm-up, and the burst that counts.

use std::io;
use std::time::Duration;

use super::Plan;
use super::crowd::{Compares, Crowd};
use super::latecomer::wait_for_receipts;
use super::machine::Memory;
use super::publishers::Publishers;
use super::run::{Burst, burst, real};
use super::talker::Talker;
use super::target::Target;

/// One side of one alternation.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) burst: Burst,
    pub(crate) lines_per_write: f64,
    /// Bytes of the target's own memory that the receivers took, when all were in.
    pub(crate) memory: f64,
}

/// Who talks and who listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) publishers: usize,
    pub(crate) receivers: usize,
    pub(crate) compares: Compares,
}

/// A server's side.
pub(crate) fn server_side(plan: &Plan, server: &Target, load: Load) -> io::Result<Side> {
    wait_for_receipts(server.address)?;
    let mut admin = Talker::enter(server.address)?;
    server.settle()?;
    let before = Memory::of(server.pid())?.process;
    let mut crowd = Crowd::enter(server.address, load.receivers)?;
    crowd.compares = load.compares;
    server.settle()?;
    let memory = Memory::of(server.pid())?.process.saturating_sub(before);
    let mut publishers = Publishers::enter_some(server.address, &crowd, load.publishers)?;
    burst(server, &mut crowd, |crowd| publishers.flood(crowd, warm_up(plan)))?;
    let (writes, answers) = (admin.stat("writes")?, publishers.reads());
    let burst = burst(server, &mut crowd, |crowd| publishers.flood(crowd, plan.burst()))?;
    let (writes, answers) = (admin.stat("writes")? - writes, publishers.reads() - answers);
    publishers.check(&crowd)?;
    // One write more was the first answer to STATS.
    let lines_per_write = real(burst.deliveries) / real(writes - answers - 1);
    Ok(Side { burst, lines_per_write, memory: real(memory) })
}

/// Buffers, caches and TCP's windows find their size in it.
pub(crate) fn warm_up(plan: &Plan) -> Duration {
    plan.burst() / 3
}
