//! `--keep-days`: when which file goes. A clock may be wrong, and what is dropped is gone, so no time is believed alone:
//! both the file's last event and the file itself have to be old, nothing goes soon after a start or after the clock
//! was set, and then one file a minute.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use log::{info, warn};

use crate::limits::CLOCK_LEAD_MAX;
use crate::protocol::{Seq, Time};
use crate::room::is_ahead;
use crate::server::as_time;
use crate::server::log::local::segments::{SharedSegments, segment_name};
use crate::server::log::local::settings::Settings;
use crate::server::log::local::writes::WriterDone;
use crate::server::wall_clock;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// See the module.
#[derive(Debug)]
pub(super) struct Dropping {
    segments: SharedSegments,
    keep_days: u32,
    rest: Duration,
    pause: Duration,
    next_look: Instant,
    clocks: Clocks,
    /// The file that is kept because its times are in the future, once that was told.
    told: Option<Seq>,
}

/// The two clocks as they were read last.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    mono: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn read() -> Clocks {
        Clocks { mono: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether somebody has set the wall clock since, or the machine slept.
    fn was_set(self, now: Clocks) -> bool {
        let expected = self.wall + now.mono.saturating_duration_since(self.mono);
        let (earlier, later) = (expected.min(now.wall), expected.max(now.wall));
        later.duration_since(earlier).is_ok_and(|by| by > CLOCK_LEAD_MAX)
    }
}

/// How old a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Young,
    /// Older than is kept, by both times.
    Old,
    /// Nobody can tell: by the clock as it is, one of the times is to come.
    Unknown,
}

fn age(last_event: Time, written: Time, now: Time, keep_days: u32) -> Age {
    let before = now.unix_ms().saturating_sub(u64::from(keep_days) * DAY);
    match [last_event, written] {
        times if times.iter().any(|time| is_ahead(*time, now)) => Age::Unknown,
        times if times.iter().all(|time| time.unix_ms() < before) => Age::Old,
        _ => Age::Young,
    }
}

impl Dropping {
    /// `None`: all is kept.
    pub(super) fn new(segments: SharedSegments, settings: &Settings) -> Option<Dropping> {
        let clocks = Clocks::read();
        Some(Dropping {
            segments,
            keep_days: settings.keep_days?,
            rest: settings.drop_rest,
            pause: settings.drop_pause,
            next_look: clocks.mono + settings.drop_rest,
            clocks,
            told: None,
        })
    }

    /// When [`Dropping::look`] is next wanted.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Drops the oldest file if its time has come, as far as what it says of the members is `noted`.
    pub(super) fn look(&mut self, snapshot: Seq) -> Option<WriterDone> {
        let now = Clocks::read();
        if now.mono < self.next_look {
            return None;
        }
        let was_set = std::mem::replace(&mut self.clocks, now).was_set(now);
        self.next_look = now.mono + if was_set { self.rest } else { self.pause };
        if was_set { None } else { self.drop_oldest(snapshot) }
    }

    fn drop_oldest(&mut self, snapshot: Seq) -> Option<WriterDone> {
        let now = wall_clock();
        // Held while the file goes: who finds it on the list and not in the folder knows that the list has changed.
        let mut segments = self.segments.lock();
        let folder = &self.segments.folder;
        let (segment, last_event) =
            segments.droppable().filter(|(segment, _)| segment.next <= snapshot.next())?;
        let name = segment_name(segment.first);
        let path = folder.path(&name);
        let written = match path.metadata().and_then(|meta| meta.modified()) {
            Ok(written) => as_time(written),
            Err(error) => {
                warn!("{}", folder.cannot(&name, "look at it", &error));
                return None;
            }
        };
        let times = format!("its last event is from {last_event}, and it was last written at {written}");
        match age(last_event, written, now, self.keep_days) {
            Age::Young => return None,
            Age::Unknown => {
                if self.told.replace(segment.first) != Some(segment.first) {
                    let what = format!("is not dropped, nor what follows it: {times}, but it is {now} now");
                    warn!("{}; a clock was wrong, or is", folder.problem(&name, what));
                }
                return None;
            }
            Age::Old => {}
        }
        let removed = std::fs::remove_file(path);
        let dropped = removed.is_ok().then(|| {
            segments.drop_oldest();
            let (first, base) = segments.oldest();
            let days = self.keep_days;
            info!("{}", folder.problem(&name, format_args!("dropped, --keep-days {days}: {times}")));
            WriterDone::Dropped { first, base }
        });
        drop(segments);
        // One after the other, each safely: a crash may leave no hole.
        let safe: io::Result<()> = removed.and_then(|()| folder.sync());
        if let Err(error) = safe {
            warn!("{}", folder.cannot(&name, "drop it safely", &error));
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(last_event: &str, written: &str, now: &str, expected: Age) {
        let time = |text: &str| Time::parse(&format!("{text}T00:00:00.000Z")).expect("a day");
        assert_eq!(
            age(time(last_event), time(written), time(now), 90),
            expected,
            "{last_event} {written} {now}"
        );
    }

    #[test]
    fn both_times_have_to_be_old() {
        check("2026-01-02", "2026-01-02", "2026-04-02", Age::Young);
        check("2026-01-02", "2026-01-02", "2026-04-03", Age::Old);
        check("2026-01-02", "2026-04-02", "2026-04-03", Age::Young);
        check("2026-04-02", "2026-01-02", "2026-04-03", Age::Young);
        // An event of a clock that was never set, in a file that was written by a better one.
        check("1970-01-01", "2026-04-02", "2026-04-03", Age::Young);
        // A clock that was ten years ahead, and one that was never set.
        check("2036-01-02", "2036-01-02", "2026-04-03", Age::Unknown);
        check("2026-01-02", "2036-01-02", "2026-04-03", Age::Unknown);
        check("2036-01-02", "2026-01-02", "2026-04-03", Age::Unknown);
        check("2026-01-02", "2026-01-02", "1970-01-01", Age::Unknown);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let then = Clocks::read();
        let later = |mono: u64, wall: i64| {
            let by = Duration::from_secs(wall.unsigned_abs());
            let wall = if wall < 0 { then.wall - by } else { then.wall + by };
            Clocks { mono: then.mono + Duration::from_secs(mono), wall }
        };
        for (mono, wall, was_set) in [
            (60, 60, false),
            (60, 119, false),
            (60, 121, true),
            (60, 1, false),
            (60, -1, true),
            (0, 3600, true),
            (0, -3600, true),
        ] {
            assert_eq!(then.was_set(later(mono, wall)), was_set, "{mono} {wall}");
        }
    }
}
