//! What a connection costs that waits.

use std::io;

use super::crowd::Crowd;
use super::latecomer::wait_for_receipts;
use super::machine::Memory;
use super::publishers::Publishers;
use super::run::{burst, real};
use super::target::Target;

/// Bytes of the server's memory for each of so many that enter, has had a line and waits for the next. What the process needs
/// while many enter at a time it has allocated before.
pub(crate) fn bytes_each(
    server: &Target,
    count: usize,
    enter: impl FnOnce() -> io::Result<Crowd>,
) -> io::Result<f64> {
    server.settle()?;
    let before = Memory::of(server.pid())?.process;
    let mut crowd = enter()?;
    let mut publishers = Publishers::enter(server.address, &crowd)?;
    burst(server, &mut crowd, |crowd| publishers.say_one(crowd))?;
    publishers.check(&crowd)?;
    // What was acknowledged is asked for every two seconds, and then not kept any more.
    wait_for_receipts(server.address)?;
    server.settle()?;
    let bytes = Memory::of(server.pid())?.process.saturating_sub(before);
    Ok(real(bytes) / real(count as u64))
}
