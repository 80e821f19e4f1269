//! Points in time as documents write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not such a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as in RFC 3339, such as 2026-01-31T12:00:00.000Z, and not before 1970")]
pub struct Error;

/// Milliseconds since the Unix epoch, written as RFC 3339 in UTC with three decimals. Anything that RFC 3339 allows is
/// read; what it has below a millisecond is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(u64);

/// The last millisecond that RFC 3339 and calendars can write: the last day of the year 9999, where jiff ends too.
const MAX_MS: u64 = 253_402_207_199_999;

impl Timestamp {
    /// From milliseconds since the epoch; what lies beyond the year 9999 is its end.
    pub const fn from_ms(ms: u64) -> Self {
        Self(if ms > MAX_MS { MAX_MS } else { ms })
    }

    /// From seconds since the epoch.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self::from_ms(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0).expect("bounded by the year 9999");
        let time = jiff::Timestamp::from_millisecond(ms).expect("bounded by the year 9999");
        write!(f, "{time:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let time: jiff::Timestamp = text.parse().map_err(|_| Error)?;
        u64::try_from(time.as_millisecond()).map(Self::from_ms).map_err(|_| Error)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_printed_with_three_decimals_and_read_back() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_120, "2023-11-14T22:13:20.120Z"),
            (MAX_MS, "9999-12-30T21:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_ms(ms).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_ms(ms)));
        }
        assert_eq!(Timestamp::from_ms(u64::MAX), Timestamp::from_ms(MAX_MS));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["", "now", "2026-01-31", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert_eq!(bad.parse::<Timestamp>(), Err(Error), "{bad}");
        }
    }
}
