//! Two connections that go on talking, and a third that sends PING, while something else happens.

use std::io;
use std::time::Instant;

use super::crowd::Crowd;
use super::pinger::Pinger;
use super::publishers::Publishers;
use super::table::percentile;

/// Seconds that things took in one phase, in the order of [`WAITS`].
pub(crate) type Waits = [Vec<f64>; 2];
pub(crate) const WAITS: [&str; 2] = ["MSG of one to another", "PING"];

/// One says one message after the other, and the crowd's one receiver gets it; its pinger asks PING. At least once
/// each, and then as long as `goes_on` says so.
pub(crate) fn talk(
    crowd: &mut Crowd,
    publishers: &mut Publishers,
    goes_on: impl Fn(&Crowd) -> bool,
) -> io::Result<Waits> {
    let mut messages = Vec::new();
    begin_pings(crowd)?;
    while goes_on(crowd) || messages.is_empty() || lacks_pings(crowd) {
        messages.push(say_one(crowd, publishers)?);
    }
    Ok([messages, pings(crowd)])
}

/// The crowd's pinger, if there is one, begins anew.
pub(crate) fn begin_pings(crowd: &mut Crowd) -> io::Result<()> {
    crowd.pinger.as_mut().map_or(Ok(()), Pinger::begin)
}

/// Whether none of its PINGs has been answered since then.
pub(crate) fn lacks_pings(crowd: &Crowd) -> bool {
    crowd.pinger.as_ref().is_some_and(|pinger| pinger.waits.is_empty())
}

/// Seconds that its PINGs took since then.
pub(crate) fn pings(crowd: &mut Crowd) -> Vec<f64> {
    crowd.pinger.as_mut().map(|pinger| std::mem::take(&mut pinger.waits)).unwrap_or_default()
}

/// Seconds until all of the crowd have a message.
pub(crate) fn say_one(crowd: &mut Crowd, publishers: &mut Publishers) -> io::Result<f64> {
    crowd.start_run();
    let start = Instant::now();
    let last = publishers.say_one(crowd)?;
    crowd.until_all_have(last)?;
    let seconds = start.elapsed().as_secs_f64();
    publishers.check(crowd)?;
    Ok(seconds)
}

/// One percentile of each round's waits for one thing: quiet, while something else happens, and quiet once more.
pub(crate) struct Phases {
    pub(crate) before: Vec<f64>,
    pub(crate) during: Vec<f64>,
    pub(crate) after: Vec<f64>,
    /// In the middle between before and after.
    pub(crate) quiet: Vec<f64>,
}

impl Phases {
    /// Of all rounds' waits before, during and after; `which` of [`WAITS`].
    pub(crate) fn of<'a>(
        rounds: impl Iterator<Item = &'a mut [Waits; 3]>,
        which: usize,
        percent: usize,
    ) -> Phases {
        let mut phases = [const { Vec::new() }; 3];
        for round in rounds {
            for (phase, waits) in phases.iter_mut().zip(round) {
                phase.push(percentile(&mut waits[which], percent));
            }
        }
        let [before, during, after] = phases;
        let quiet = before.iter().zip(&after).map(|(&a, &b)| f64::midpoint(a, b)).collect();
        Phases { before, during, after, quiet }
    }
}

/// The same for so many seconds.
pub(crate) fn talk_for(crowd: &mut Crowd, publishers: &mut Publishers, seconds: f64) -> io::Result<Waits> {
    let start = Instant::now();
    talk(crowd, publishers, |_| start.elapsed().as_secs_f64() < seconds)
}
