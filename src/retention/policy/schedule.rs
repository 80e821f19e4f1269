//! When a policy runs by itself: a cron expression of five fields, in UTC.

use std::fmt;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use jiff::{Timestamp, tz::TimeZone};

use super::super::codec::map;
use crate::kernel::cbor::{Error, Fields, Value};
use crate::kernel::limits::POLICY_SCHEDULE_MAX_BYTES;

/// When, and how far it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When a plan is made.
    pub cron: Cron,
    /// Whether it is applied then, if nobody has to approve.
    pub apply: bool,
}

/// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
#[derive(Clone, PartialEq, Eq)]
pub struct Cron(String);

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a cron expression of five fields (minute, hour, day of the month, month, day of the week; in UTC), \
     such as `0 3 * * 1`: {0}"
)]
pub struct NotCron(String);

impl Cron {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first time after that one, both in milliseconds since the epoch. None if there is none in this calendar.
    pub fn next_after_ms(&self, after_ms: u64) -> Option<u64> {
        let after = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?.to_zoned(TimeZone::UTC);
        let next = parse(&self.0).ok()?.find_next_occurrence(&after, false).ok()?;
        u64::try_from(next.timestamp().as_millisecond()).ok()
    }
}

fn parse(text: &str) -> Result<croner::Cron, NotCron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| NotCron(error.to_string()))
}

impl FromStr for Cron {
    type Err = NotCron;

    fn from_str(text: &str) -> Result<Self, NotCron> {
        if text.len() > POLICY_SCHEDULE_MAX_BYTES {
            return Err(NotCron(format!("it has more than {POLICY_SCHEDULE_MAX_BYTES} bytes")));
        }
        parse(text)?;
        let cron = Self(text.to_owned());
        match cron.next_after_ms(0) {
            Some(_) => Ok(cron),
            None => Err(NotCron("it never comes".into())),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Schedule {
    pub(super) fn write(&self) -> Value {
        Value::Map(map([("cron", Some(Value::text(&self.cron))), ("apply", Some(Value::Bool(self.apply)))]))
    }

    pub(super) fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let schedule = Self { cron: fields.parse("cron")?, apply: fields.boolean("apply")? };
        fields.finish()?;
        Ok(schedule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::period::Moment;

    fn moment(text: &str) -> u64 {
        text.parse::<Moment>().unwrap().0
    }

    #[test]
    fn a_schedule_comes_in_utc() {
        let rows = [
            ("0 3 * * *", "2026-01-31T03:00:00Z", "2026-02-01T03:00:00Z"),
            ("0 3 * * 1", "2026-01-31T00:00:00Z", "2026-02-02T03:00:00Z"),
            ("*/15 * * * *", "2026-01-31T10:01:30Z", "2026-01-31T10:15:00Z"),
            ("30 2 29 2 *", "2026-01-31T00:00:00Z", "2028-02-29T02:30:00Z"),
        ];
        for (cron, after, next) in rows {
            let cron: Cron = cron.parse().unwrap();
            assert_eq!(cron.next_after_ms(moment(after)), Some(moment(next)), "{cron}");
        }
    }

    #[test]
    fn what_never_comes_or_comes_by_the_second_is_refused() {
        for bad in ["", "daily", "* * * *", "0 0 3 * * *", "0 3 30 2 *", "61 * * * *", "0 3 * * * 2026"] {
            assert!(bad.parse::<Cron>().is_err(), "{bad}");
        }
    }
}
