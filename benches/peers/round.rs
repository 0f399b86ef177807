//! One round with one server: all come in, one says something now and then, then all publishers talk.

use std::io;
use std::time::{Duration, Instant};

use super::contestant::Contestant;
use super::readers::Readers;
use super::writers::{IN_FLIGHT, IN_FLIGHT_BEFORE, Writers};
use crate::common::Plan;
use crate::common::machine::{Memory, processor_seconds};
use crate::common::run::real;
use crate::common::table::Spread;

/// Messages one after the other, of which the median counts.
const SINGLES: usize = 11;
/// The first of them, which do not count: caches and windows find their size.
const WARM_UP: usize = 3;
/// Nobody waits longer for a server to be idle: some never are.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);

/// What a round came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Deliveries a second while all publishers talk.
    pub(crate) rate: f64,
    /// Seconds until the last receiver has a single message.
    pub(crate) to_last: f64,
    /// Bytes of the process for each receiver that waits.
    pub(crate) memory: f64,
    /// Receivers a second that came in.
    pub(crate) entered: f64,
    /// How much of the time of the flood the server, and the load generator, were at work.
    pub(crate) busy: [f64; 2],
}

pub(crate) fn measure(plan: &Plan, contestant: &Contestant, receivers: usize) -> io::Result<Figures> {
    let (running, protocol) = (contestant.start(plan.cores, receivers)?, contestant.protocol());
    let (pid, address) = (running.pid(), running.address());
    let each = |total: f64| total / real(receivers as u64);
    let mut writers = Writers::enter(protocol, address)?;
    settle(pid)?;
    let before = Memory::of(pid)?.process;

    let start = Instant::now();
    let mut readers = Readers::enter(protocol, address, receivers)?;
    let entered = 1.0 / each(start.elapsed().as_secs_f64());
    writers.wake(&readers)?;
    readers.begin()?;
    // All get something, and after that they are idle, but no longer new.
    writers.say_one(&mut readers)?;
    settle(pid)?;
    let memory = each(real(Memory::of(pid)?.process.saturating_sub(before)));

    let mut singles = Vec::new();
    for _ in 0..WARM_UP + SINGLES {
        // The server is idle in between, as with a real group.
        std::thread::sleep(Duration::from_millis(5));
        let start = Instant::now();
        writers.say_one(&mut readers)?;
        singles.push(start.elapsed().as_secs_f64());
    }
    let to_last = Spread::of(singles.drain(WARM_UP..)).median;

    writers.flood(&mut readers, IN_FLIGHT_BEFORE, plan.burst() / 3)?;
    let busy = || Ok::<_, io::Error>([processor_seconds(pid)?, processor_seconds(std::process::id())?]);
    let (said, before, start) = (writers.said(), busy()?, Instant::now());
    writers.flood(&mut readers, IN_FLIGHT, plan.burst())?;
    let (seconds, after) = (start.elapsed().as_secs_f64(), busy()?);
    let deliveries = (writers.said() - said) * receivers as u64;
    Ok(Figures {
        rate: real(deliveries) / seconds,
        to_last,
        memory,
        entered,
        busy: [0, 1].map(|which| (after[which] - before[which]) / seconds),
    })
}

/// Waits until it is idle, if it ever is.
fn settle(pid: u32) -> io::Result<()> {
    let (start, mut before) = (Instant::now(), f64::NEG_INFINITY);
    while start.elapsed() < SETTLES_WITHIN {
        let used = processor_seconds(pid)?;
        // Less than one tick of its clock within the nap.
        if used - before < 0.005 {
            break;
        }
        before = used;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
