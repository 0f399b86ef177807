//! Two connections that go on talking, and a third that sends PING, while something else happens.

use std::io;
use std::time::Instant;

use super::crowd::Crowd;
use super::publishers::Publishers;

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
    if let Some(pinger) = &mut crowd.pinger {
        pinger.begin()?;
    }
    while goes_on(crowd)
        || messages.is_empty()
        || crowd.pinger.as_ref().is_some_and(|pinger| pinger.waits.is_empty())
    {
        crowd.start_run();
        let start = Instant::now();
        let last = publishers.say_one(crowd)?;
        crowd.until_all_have(last)?;
        messages.push(start.elapsed().as_secs_f64());
        publishers.check(crowd)?;
    }
    let pings = crowd.pinger.as_mut().map(|pinger| std::mem::take(&mut pinger.waits));
    Ok([messages, pings.unwrap_or_default()])
}

/// The same for so many seconds.
pub(crate) fn talk_for(crowd: &mut Crowd, publishers: &mut Publishers, seconds: f64) -> io::Result<Waits> {
    let start = Instant::now();
    talk(crowd, publishers, |_| start.elapsed().as_secs_f64() < seconds)
}
