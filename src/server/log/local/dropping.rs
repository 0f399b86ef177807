//! `--keep-days`: drops old segments. A clock may be wrong, and what is dropped is gone for good. So both the segment's last
//! event and the file itself have to be old, nothing is dropped soon after a start or after the clock was set, and then
//! one segment a minute.

use std::time::{Instant, SystemTime};

use log::{info, warn};

use crate::limits::CLOCK_LEAD_MAX;
use crate::protocol::{Seq, Time};
use crate::room::{Pos, is_ahead};
use crate::server::as_time;
use crate::server::log::local::{Settings, SharedSegments, segment_name};
use crate::server::wall_clock;

const DAY: u64 = 24 * 60 * 60 * 1000;

#[derive(Debug)]
pub(super) struct Dropping {
    segments: SharedSegments,
    keep_days: u32,
    settings: Settings,
    /// When [`Dropping::try_drop`] should be called next.
    pub(super) next_try: Instant,
    clocks: Clocks,
    /// The segment that is kept because its times are in the future, if that was logged.
    reported: Option<Seq>,
}

/// A reading of both clocks.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    mono: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn read() -> Clocks {
        Clocks { mono: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether the wall clock was set since this reading, or the machine slept.
    fn was_set(self, now: Clocks) -> bool {
        let expected = self.wall + now.mono.saturating_duration_since(self.mono);
        let (earlier, later) = (expected.min(now.wall), expected.max(now.wall));
        later.duration_since(earlier).is_ok_and(|by| by > CLOCK_LEAD_MAX)
    }
}

/// How old a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Young,
    /// By both times older than `--keep-days`.
    Old,
    /// One of the times is in the future by the present clock.
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
    /// `None` if everything is kept.
    pub(super) fn new(segments: SharedSegments, settings: &Settings) -> Option<Dropping> {
        let clocks = Clocks::read();
        Some(Dropping {
            segments,
            keep_days: settings.keep_days?,
            settings: *settings,
            next_try: clocks.mono + settings.drop_rest,
            clocks,
            reported: None,
        })
    }

    /// Drops the oldest segment if it is due and the members' snapshot, which is at `snapshot`, covers it. Returns where
    /// the transcript begins then.
    pub(super) fn try_drop(&mut self, snapshot: Seq) -> Option<(Seq, Pos)> {
        let now = Clocks::read();
        if now.mono < self.next_try {
            return None;
        }
        let was_set = std::mem::replace(&mut self.clocks, now).was_set(now);
        self.next_try = now.mono + if was_set { self.settings.drop_rest } else { self.settings.drop_pause };
        if was_set { None } else { self.drop_oldest(snapshot) }
    }

    fn drop_oldest(&mut self, snapshot: Seq) -> Option<(Seq, Pos)> {
        let now = wall_clock();
        // Locked until the file is gone: a reader that finds it on the list but not in the folder knows that the list
        // has changed.
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
                if self.reported.replace(segment.first) != Some(segment.first) {
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
            let days = self.keep_days;
            info!("{}", folder.problem(&name, format_args!("dropped, --keep-days {days}: {times}")));
            segments.oldest()
        });
        drop(segments);
        // Each removal is synced before the next: a crash must not leave a hole.
        if let Err(error) = removed.and_then(|()| folder.sync()) {
            warn!("{}", folder.cannot(&name, "drop it safely", &error));
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(last_event: &str, written: &str, now: &str, expected: Age) {
        let time = |text: &str| Time::parse(format!("{text}T00:00:00.000Z")).expect("a day");
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
        // The event's clock was never set, but the file's was.
        check("1970-01-01", "2026-04-02", "2026-04-03", Age::Young);
        // A clock ten years ahead, and at last one that was never set.
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
