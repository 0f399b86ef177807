//! One burst of lines, from its beginning until the last receiver has the last line.

use std::io;
use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::machine::{first_thread_seconds, processor_seconds};
use super::talker::Talker;
use super::target::Target;
use super::{PATIENCE, fail};

/// What a burst came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    /// The number of its first line.
    pub(crate) first: u64,
    pub(crate) deliveries: u64,
    pub(crate) seconds: f64,
    /// Reads the receivers needed.
    pub(crate) reads: u64,
    /// How much of the time the targets' processes, and the receivers', were at work: 1 is one core always.
    pub(crate) target_busy: f64,
    /// The same of the target's helpers.
    pub(crate) helpers_busy: f64,
    pub(crate) load_busy: f64,
    /// Seconds the targets' first threads were at work: of a server, the loop.
    pub(crate) loop_seconds: f64,
}

impl Burst {
    pub(crate) fn rate(&self) -> f64 {
        real(self.deliveries) / self.seconds
    }

    /// Seconds of the loop's own for one delivery.
    pub(crate) fn loop_each(&self) -> f64 {
        self.loop_seconds / real(self.deliveries)
    }
}

/// Measures what `talk` sets going. It returns the last line's number.
pub(crate) fn burst(
    target: &Target,
    crowd: &mut Crowd,
    talk: impl FnOnce(&mut Crowd) -> io::Result<u64>,
) -> io::Result<Burst> {
    burst_of(&[target], crowd, talk)
}

/// The same of all nodes of a group together. They have the same helpers.
pub(crate) fn burst_of(
    targets: &[&Target],
    crowd: &mut Crowd,
    talk: impl FnOnce(&mut Crowd) -> io::Result<u64>,
) -> io::Result<Burst> {
    crowd.start_run();
    let before = crowd.transcript.last();
    let busy = || {
        let servers = || targets.iter().map(|target| target.pid());
        let helpers = targets[0].helpers.iter().copied();
        Ok::<_, io::Error>((
            servers().map(processor_seconds).sum::<io::Result<f64>>()?,
            helpers.map(processor_seconds).sum::<io::Result<f64>>()?,
            servers().map(first_thread_seconds).sum::<io::Result<f64>>()?,
            processor_seconds(std::process::id())?,
        ))
    };
    let (target_before, helpers_before, loop_before, load_before) = busy()?;
    let start = Instant::now();
    let last = talk(crowd)?;
    crowd.until_all_have(last)?;
    let seconds = start.elapsed().as_secs_f64();
    let (target_after, helpers_after, loop_after, load_after) = busy()?;
    Ok(Burst {
        first: before + 1,
        deliveries: (last - before) * crowd.readers() as u64,
        seconds,
        reads: crowd.reads,
        target_busy: (target_after - target_before) / seconds,
        helpers_busy: (helpers_after - helpers_before) / seconds,
        load_busy: (load_after - load_before) / seconds,
        loop_seconds: loop_after - loop_before,
    })
}

/// Has the bare loop write `lines` lines at once to each receiver, for so long or so many passes. Returns the
/// last number and the writes it took.
pub(crate) fn run_raw(
    talker: &mut Talker,
    crowd: &mut Crowd,
    lines: u64,
    until: RawEnd,
) -> io::Result<(u64, u64)> {
    let (passes, time) = match until {
        RawEnd::Passes(passes) => (passes, Duration::MAX),
        RawEnd::Time(time) => (u64::MAX, time),
    };
    talker.say(format!("RUN {lines} {passes}\n").as_bytes())?;
    let start = Instant::now();
    let (mut answer, mut stopped) = (None, false);
    while answer.is_none() {
        crowd.turn()?;
        talker.hear(|line| {
            let mut words = line.strip_prefix("OK RUN ").unwrap_or_default().split(' ').map(str::parse);
            match (words.next(), words.next()) {
                (Some(Ok(last)), Some(Ok(writes))) => answer = Some((last, writes)),
                _ => return fail(format!("the bare loop answered {line:?}")),
            }
            Ok(())
        })?;
        if !stopped && start.elapsed() > time {
            stopped = true;
            talker.say(b"STOP\n")?;
        }
        if start.elapsed() > PATIENCE {
            return fail("the bare loop does not answer");
        }
    }
    Ok(answer.expect("the loop ends with an answer"))
}

/// When the bare loop ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RawEnd {
    Passes(u64),
    Time(Duration),
}

/// A count as a figure to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}
