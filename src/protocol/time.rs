//! Numbers and times of events.

use std::fmt;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime};

use crate::limits::TIME_LEN;

/// The number of a transcript line. Counts from 1 without holes, and no number is used twice. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, derive_more::Display, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seq(pub u64);

impl Seq {
    /// The number of the next line.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }

    /// How many digits it has.
    pub fn digits(self) -> usize {
        self.0.checked_ilog10().map_or(1, |log| log as usize + 1)
    }
}

/// A moment of the wall clock: milliseconds since 1970 UTC, written `2026-01-02T03:04:05.678Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// The last moment with a year of four digits.
    const LAST: u64 = 253_402_300_799_999;

    /// From milliseconds since 1970. Times beyond the year 9999 become its last moment.
    pub fn from_unix_ms(ms: u64) -> Time {
        Time(ms.min(Self::LAST))
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(self) -> u64 {
        self.0
    }

    /// Parses what [`fmt::Display`] writes, and only that; digit by digit, because a start parses a million.
    pub fn parse(text: impl AsRef<[u8]>) -> Option<Time> {
        const MARKS: [(usize, u8); 7] =
            [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
        let text: &[u8; TIME_LEN] = text.as_ref().try_into().ok()?;
        if MARKS.iter().any(|&(at, mark)| text[at] != mark) {
            return None;
        }
        let number = |from: usize, to: usize| {
            let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
            text[from..to].iter().try_fold(0, |number, byte| Some(10 * number + digit(byte)?))
        };
        let two = |from| number(from, from + 2).and_then(|number| u8::try_from(number).ok());
        let month = Month::try_from(two(5)?).ok()?;
        let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, two(8)?).ok()?;
        let time = time::Time::from_hms(two(11)?, two(14)?, two(17)?).ok()?;
        let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
        Some(Time(u64::try_from(seconds).ok()? * 1000 + u64::from(number(20, 23)?)))
    }
}

impl fmt::Display for Time {
    /// Written digit by digit, because each event has a time, and the `time` crate takes several times as long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0 / 1000).expect("the constructors keep it below the year 10000");
        let moment = OffsetDateTime::from_unix_timestamp(seconds).expect("the same");
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |from: usize, to: usize, mut number: u64| {
            for place in text[from..to].iter_mut().rev() {
                *place = b"0123456789"[(number % 10) as usize];
                number /= 10;
            }
        };
        put(0, 4, u64::from(year.unsigned_abs()));
        put(5, 7, u64::from(u8::from(month)));
        put(8, 10, u64::from(day));
        put(11, 13, u64::from(hour));
        put(14, 16, u64::from(minute));
        put(17, 19, u64::from(second));
        put(20, 23, self.0 % 1000);
        f.write_str(std::str::from_utf8(&text).expect("digits are text"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::format_description::BorrowedFormatItem;
    use time::macros::format_description;

    use super::*;

    /// As the `time` crate says it.
    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

    #[test]
    fn times() {
        let time = Time::from_unix_ms(1_767_323_045_678);
        assert_eq!(time.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(Time::parse("2026-01-02T03:04:05.678Z"), Some(time));
        assert_eq!(Time::from_unix_ms(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Time::from_unix_ms(u64::MAX).to_string().len(), TIME_LEN);
        for bad in ["", "2026-01-02T03:04:05Z", "2026-13-02T03:04:05.678Z", "1969-12-31T23:59:59.000Z"] {
            assert_eq!(Time::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn times_are_written_as_they_are_parsed(ms in 0..=Time::LAST) {
            let time = Time::from_unix_ms(ms);
            let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
            let formatted = moment.expect("it is one").format(FORMAT).expect("it has all");
            prop_assert_eq!(time.to_string(), formatted);
            prop_assert_eq!(Time::parse(time.to_string()), Some(time));
        }

        #[test]
        fn no_other_moment_is_parsed(
            (year, month, day) in (1960..2100, 0..14, 0..33),
            (hour, minute, second, ms) in (0..26, 0..62, 0..62, 0..1000),
        ) {
            let text = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z");
            let moment = PrimitiveDateTime::parse(&text, FORMAT).ok();
            // It takes leap seconds, which are written in no other way than the second before.
            let moment = moment.filter(|moment| year >= 1970 && i32::from(moment.second()) == second);
            prop_assert_eq!(Time::parse(&text).map(|time| time.to_string()), moment.map(|_| text));
        }
    }
}
