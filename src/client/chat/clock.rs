//! Times in the local time zone.

use std::time::{Duration, Instant};

use time::{OffsetDateTime, UtcOffset};
use tz::TimeZone;

use crate::protocol::Time;

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clock(TimeZone);

/// The time zone of the machine, which may change while the chat runs, for example on a journey.
#[derive(Debug)]
pub(super) struct Zone {
    clock: Clock,
    looked: Instant,
}

/// How often to look for a change, which reads a small file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Zone {
    pub(super) fn new(clock: &Clock) -> Zone {
        Zone { clock: clock.clone(), looked: Instant::now() }
    }

    /// The new zone, if it has changed. One that cannot be read is being replaced.
    pub(super) fn changed(&mut self) -> Option<Clock> {
        if self.looked.elapsed() < LOOK_EVERY {
            return None;
        }
        self.looked = Instant::now();
        let clock = Clock::read().filter(|clock| *clock != self.clock)?;
        self.clock = clock.clone();
        Some(clock)
    }
}

/// A moment in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// `Fri 2026-01-02`.
    pub(super) day: String,
    /// `03:04`.
    pub(super) clock: String,
}

impl Clock {
    /// The zone that TZ names, or else the system's, or else UTC.
    pub(super) fn local() -> Clock {
        Clock::read().unwrap_or_else(|| Clock(TimeZone::utc()))
    }

    fn read() -> Option<Clock> {
        let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
        let zone = named.map_or_else(TimeZone::local, |name| TimeZone::from_posix_tz(&name));
        zone.ok().map(Clock)
    }

    /// The present name of the zone, such as `CEST` or `+0545`.
    pub(super) fn name(&self) -> String {
        let present = self.0.find_current_local_time_type();
        present.map_or("UTC", tz::LocalTimeType::time_zone_designation).to_owned()
    }

    pub(super) fn at(&self, time: Time) -> Moment {
        let seconds = i64::try_from(time.unix_ms() / 1000).expect("it is before the year 10000");
        let offset = self.0.find_local_time_type(seconds).map_or(0, tz::LocalTimeType::ut_offset);
        let offset = UtcOffset::from_whole_seconds(offset).unwrap_or(UtcOffset::UTC);
        let utc = OffsetDateTime::from_unix_timestamp(seconds).expect("it is before the year 10000");
        let local = utc.checked_to_offset(offset).unwrap_or(utc);
        let weekday = &local.weekday().to_string()[..3];
        let (year, month, day) = local.to_calendar_date();
        Moment {
            day: format!("{weekday} {year:04}-{:02}-{day:02}", u8::from(month)),
            clock: format!("{:02}:{:02}", local.hour(), local.minute()),
        }
    }
}

#[cfg(test)]
pub(super) fn utc() -> Clock {
    Clock(TimeZone::utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, time: &str, expected: &str) {
        let clock = Clock(TimeZone::from_posix_tz(zone).expect("a zone"));
        let Moment { day, clock } = clock.at(Time::parse(time).expect("a time"));
        assert_eq!(format!("{day} {clock}"), expected, "{zone}");
    }

    #[test]
    fn local_times() {
        check("UTC0", "2026-01-02T23:59:59.999Z", "Fri 2026-01-02 23:59");
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
        check(berlin, "2026-01-02T23:30:00.000Z", "Sat 2026-01-03 00:30");
        check(berlin, "2026-07-02T23:30:00.000Z", "Fri 2026-07-03 01:30");
        check("NPT-5:45", "2026-01-02T00:00:00.000Z", "Fri 2026-01-02 05:45");
        check("UTC-14", "9999-12-31T23:59:59.999Z", "Fri 9999-12-31 23:59");
    }
}
