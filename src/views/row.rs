//! Between rows and values: how the views keep numbers, digests and identifiers.
//!
//! - Numbers are `bigint`. What does not fit is kept as the largest that does: the log accepts any unsigned number,
//!   and a fold refuses nothing.
//! - Digests are 32 raw bytes, identifiers are their text.
//!
//! Refused when reading: what no fold would have written, named by table and column.

use std::fmt::Display;
use std::str::FromStr;

use super::Error;
use crate::kernel::digest::{Blake3, Sha256};

/// As a `bigint`.
pub(super) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A table, for messages about what was found in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table(pub(super) &'static str);

impl Table {
    fn damaged(self, column: &str, what: impl Display) -> Error {
        Error::Damaged { table: self.0, what: format!("{column}: {what}") }
    }

    /// A number that is never negative.
    pub(super) fn unsigned(self, column: &str, found: i64) -> Result<u64, Error> {
        u64::try_from(found).map_err(|_| self.damaged(column, format_args!("{found} is negative")))
    }

    /// As [`Self::unsigned`], where there may be none.
    pub(super) fn unsigned_optional(self, column: &str, found: Option<i64>) -> Result<Option<u64>, Error> {
        found.map(|number| self.unsigned(column, number)).transpose()
    }

    /// 32 raw bytes.
    pub(super) fn bytes_32(self, column: &str, found: &[u8]) -> Result<[u8; 32], Error> {
        found.try_into().map_err(|_| self.damaged(column, format_args!("{} bytes, not 32", found.len())))
    }

    /// A primary address.
    pub(super) fn blake3(self, column: &str, found: &[u8]) -> Result<Blake3, Error> {
        self.bytes_32(column, found).map(Blake3::new)
    }

    /// An alias.
    pub(super) fn sha256(self, column: &str, found: &[u8]) -> Result<Sha256, Error> {
        self.bytes_32(column, found).map(Sha256::new)
    }

    /// An identifier.
    pub(super) fn parse<T: FromStr<Err: Display>>(self, column: &str, found: &str) -> Result<T, Error> {
        found.parse().map_err(|error| self.damaged(column, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::Tag;

    #[test]
    fn what_no_fold_wrote_is_named_by_table_and_column() {
        let table = Table("tags");
        let cases = [
            (table.unsigned("position", -1).err(), "view tags is damaged (position: -1 is negative)"),
            (table.blake3("manifest", &[1, 2]).err(), "view tags is damaged (manifest: 2 bytes, not 32)"),
            (
                table.parse::<Tag>("tag", "").err(),
                "view tags is damaged (tag: a tag has 1 to 128 bytes, this has 0)",
            ),
        ];
        for (error, message) in cases {
            let error = error.unwrap().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_kept_as_the_largest() {
        assert_eq!(bigint(7), 7);
        assert_eq!(bigint(u64::MAX), i64::MAX);
    }
}
