//! Periods, sizes and points in time as policies write them.
//!
//! - A period is a number and one unit: `12h`, `30d`, `2w`, `6mo`, `7y`. It is added to a point in time, by the calendar
//!   of UTC: hours, days and weeks are always as long as they say, a month or year later is the same day and hour of that
//!   month or year (the last day of the month where there is none). So seven years are never a day short of seven years,
//!   and whoever evaluates a plan again finds the same.
//! - A size is a number of bytes and a unit: `512`, `10 KiB`, `1 GiB`; `kB` to `TB` are powers of 1,000.
//! - A point in time is RFC 3339, or a date alone, which is its first moment in UTC.
//!
//! Periods are kept as they are written, sizes in bytes, points in time in milliseconds since the Unix epoch.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

use crate::kernel::limits::{PERIOD_MAX_DIGITS, PERIOD_MAX_YEARS};

/// Why a text is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No period.
    #[error(
        "a period is a number and a unit (h, d, w, mo or y), such as 30d or 7y, of at most {PERIOD_MAX_YEARS} years"
    )]
    Period,
    /// No size.
    #[error("a size is a number of bytes with or without a unit, such as 512, 10 MiB or 1.5 GB")]
    Size,
    /// No point in time.
    #[error(
        "a time is a date or as in RFC 3339, such as 2030-01-31 or 2030-01-31T12:00:00Z, and not before 1970"
    )]
    Time,
}

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// What a period is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    const ALL: [(Self, &'static str, u32); 5] = [
        (Self::Hour, "h", 24 * 366 * PERIOD_MAX_YEARS),
        (Self::Day, "d", 366 * PERIOD_MAX_YEARS),
        (Self::Week, "w", 53 * PERIOD_MAX_YEARS),
        (Self::Month, "mo", 12 * PERIOD_MAX_YEARS),
        (Self::Year, "y", PERIOD_MAX_YEARS),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(unit, ..)| *unit == self).map(|(_, name, _)| *name).expect("all are listed")
    }
}

/// How long.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    count: NonZeroU32,
    unit: Unit,
}

impl Period {
    /// That long after a point in time, in milliseconds since the epoch. Beyond the calendar, which ends with the year 9999,
    /// it is never.
    pub fn after_ms(self, from_ms: u64) -> u64 {
        let count = u64::from(self.count.get());
        let by_calendar = |span| by_calendar(from_ms, span);
        match self.unit {
            Unit::Hour => from_ms.saturating_add(count * HOUR_MS),
            Unit::Day => from_ms.saturating_add(count * DAY_MS),
            Unit::Week => from_ms.saturating_add(count * 7 * DAY_MS),
            Unit::Month => by_calendar(Span::new().try_months(self.count.get())),
            Unit::Year => by_calendar(Span::new().try_years(self.count.get())),
        }
    }
}

/// The end of the day of UTC in which that moment is; the beginning of a day is the end of the day before.
pub fn end_of_day_ms(ms: u64) -> u64 {
    ms.checked_next_multiple_of(DAY_MS).unwrap_or(u64::MAX)
}

fn by_calendar(from_ms: u64, span: Result<Span, jiff::Error>) -> u64 {
    let after = || {
        let from = Timestamp::from_millisecond(i64::try_from(from_ms).ok()?).ok()?.to_zoned(TimeZone::UTC);
        let after = from.checked_add(span.ok()?).ok()?;
        u64::try_from(after.timestamp().as_millisecond()).ok()
    };
    after().unwrap_or(u64::MAX)
}

impl FromStr for Period {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (digits, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let (unit, _, max) = Unit::ALL.into_iter().find(|(_, name, _)| *name == unit).ok_or(Error::Period)?;
        if digits.len() > PERIOD_MAX_DIGITS || digits.starts_with('0') {
            return Err(Error::Period);
        }
        let count: NonZeroU32 = digits.parse().map_err(|_| Error::Period)?;
        if count.get() > max { Err(Error::Period) } else { Ok(Self { count, unit }) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.name())
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes, from a number and a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, unit) = text.split_at(number);
        let unit: u64 = match unit.trim_start() {
            "" | "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(Error::Size),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || fraction.is_empty() || fraction.len() > 3 || fraction.contains('.') {
            return Err(Error::Size);
        }
        let thousandths = format!("{whole}{fraction:0<3}").parse::<u128>().map_err(|_| Error::Size)?;
        let bytes = thousandths.checked_mul(u128::from(unit)).ok_or(Error::Size)? / 1_000;
        u64::try_from(bytes).map(Self).map_err(|_| Error::Size)
    }
}

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let timestamp = match text.len() {
            10 => {
                let date: Date = text.parse().map_err(|_| Error::Time)?;
                date.to_zoned(TimeZone::UTC).map_err(|_| Error::Time)?.timestamp()
            }
            _ => text.parse::<Timestamp>().map_err(|_| Error::Time)?,
        };
        u64::try_from(timestamp.as_millisecond()).map(Self).map_err(|_| Error::Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> u64 {
        text.parse::<Moment>().unwrap().0
    }

    #[test]
    fn a_period_is_added_by_the_calendar_of_utc() {
        let rows = [
            ("2026-01-31T10:00:00Z", "12h", "2026-01-31T22:00:00Z"),
            ("2026-01-31T10:00:00Z", "30d", "2026-03-02T10:00:00Z"),
            ("2026-01-31T10:00:00Z", "2w", "2026-02-14T10:00:00Z"),
            ("2026-01-31T10:00:00Z", "1mo", "2026-02-28T10:00:00Z"),
            ("2026-01-31T10:00:00Z", "7y", "2033-01-31T10:00:00Z"),
            ("2024-02-29T10:00:00Z", "1y", "2025-02-28T10:00:00Z"),
            ("2024-02-29T10:00:00Z", "4y", "2028-02-29T10:00:00Z"),
        ];
        for (from, period, after) in rows {
            let period: Period = period.parse().unwrap();
            assert_eq!(period.after_ms(moment(from)), moment(after), "{from} {period}");
        }
    }

    #[test]
    fn a_day_ends_with_its_last_moment_and_never_is_never() {
        for (ms, end) in [
            ("2026-01-31T10:00:00Z", "2026-02-01"),
            ("2026-12-31T23:59:59.999Z", "2027-01-01"),
            ("2026-02-01T00:00:00Z", "2026-02-01"),
            ("2026-02-01T00:00:00.001Z", "2026-02-02"),
        ] {
            assert_eq!(end_of_day_ms(moment(ms)), moment(end), "{ms}");
        }
        assert_eq!(end_of_day_ms(u64::MAX), u64::MAX);
    }

    #[test]
    fn beyond_the_calendar_is_never() {
        let period: Period = "1000y".parse().unwrap();
        assert_eq!(period.after_ms(moment("9998-01-01")), u64::MAX);
        assert_eq!(period.after_ms(u64::MAX), u64::MAX);
        assert_eq!("1h".parse::<Period>().unwrap().after_ms(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_period_has_one_form() {
        for text in ["1h", "8784000h", "30d", "52w", "6mo", "1000y"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for bad in
            ["", "d", "30", "0d", "030d", "-1d", "1.5y", "30 d", "30D", "1m", "1001y", "99999999h", "1y6mo"]
        {
            assert_eq!(bad.parse::<Period>(), Err(Error::Period), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_with_either_kind_of_unit() {
        let rows = [
            ("0", 0),
            ("512", 512),
            ("1 B", 1),
            ("10 KiB", 10_240),
            ("10KiB", 10_240),
            ("1.5 GB", 1_500_000_000),
            ("0.001 kB", 1),
            ("2 TiB", 2 << 40),
        ];
        for (text, bytes) in rows {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for bad in ["", "GiB", ".5 GB", "1. GB", "1.2345 GB", "1 gb", "-1", "1 GiB!", "99999999999 TiB"] {
            assert_eq!(bad.parse::<Size>(), Err(Error::Size), "{bad}");
        }
    }

    #[test]
    fn a_date_is_its_first_moment_in_utc() {
        assert_eq!(moment("2030-01-31"), moment("2030-01-31T00:00:00Z"));
        assert_eq!(moment("2030-01-31T01:00:00+01:00"), moment("2030-01-31"));
        for bad in ["", "tomorrow", "2030-13-01", "2030-1-1", "1969-12-31", "2030-01-31T12:00:00"] {
            assert_eq!(bad.parse::<Moment>(), Err(Error::Time), "{bad}");
        }
    }
}
