//! Selectors: which packages a rule, or a hold, is about.
//!
//! ```text
//! selector = { ? "repositories": [+ glob], ? "artifact-types": [+ text], ? "media-types": [+ text],
//!              ? "annotations": { + text => text }, ? "has-annotations": [+ text],
//!              ? "accepted-after": uint (ms), ? "accepted-before": uint (ms),              fixed properties up to here
//!              ? "tags": [+ glob] / ? "untagged": true,
//!              ? "older-than": period, ? "not-read-for": period,
//!              ? "newest": uint / ? "beyond-newest": uint,
//!              ? "larger-than": uint (bytes), ? "smaller-than": uint (bytes) }
//! ```
//! - All conditions must hold. Of several values of one condition any will do, but all annotations must be there.
//! - A [`FixedSelector`] has only conditions on what never changes, so that whatever it covers it covers for ever: holds
//!   use it. Alone it is a document, with `"v": 1`, and has a condition at least.
//! - Annotations that are not known are neither there nor missing: the answer is [`Match::Unknown`], and who asks takes
//!   the side that keeps.

mod fixed;

pub use fixed::{FixedSelector, Match};

use std::collections::BTreeSet;

use super::codec::{flag, map, set, texts, wrong};
use super::glob::TagGlob;
use super::package::Package;
use super::period::{DAY_MS, Period};
use crate::kernel::cbor::{Error, Fields, Value};
use crate::kernel::limits::{NEWEST_MAX, SELECTOR_VALUES_MAX};

/// Which packages a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// Conditions on what never changes.
    pub fixed: FixedSelector,
    /// The condition on tags.
    pub tags: Tags,
    /// The clock started at least this long ago.
    pub older_than: Option<Period>,
    /// Nobody was given it to read for this long; from the end of the day of the last read, or from its acceptance.
    pub not_read_for: Option<Period>,
    /// The condition on its place among others.
    pub rank: Option<Rank>,
    /// It has more bytes.
    pub larger_than_bytes: Option<u64>,
    /// It has fewer bytes.
    pub smaller_than_bytes: Option<u64>,
}

/// A condition on tags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tags {
    /// None.
    #[default]
    Whatever,
    /// No tag names it.
    Untagged,
    /// A tag that matches one of these names it.
    Like(BTreeSet<TagGlob>),
}

/// A condition on the place of a package among others, newest first.
///
/// Ranked are, in each repository by itself, those that meet the fixed conditions, the age and size of each apart:
/// - with globs of tags, for each glob by itself, those with a tag that matches it, by when such a tag was last set;
///   what is among the newest for any glob is;
/// - without, those that stand alone (no index lists them, they are about no other), by when they were accepted.
///
/// What is not ranked is neither among the newest nor beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Among so many.
    Newest(u64),
    /// Behind so many.
    BeyondNewest(u64),
}

impl Selector {
    /// Whether it has no condition, and so selects everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All conditions but that on rank.
    pub(super) fn matches_unranked(&self, package: &Package, now_ms: u64) -> Match {
        let since = |period: Option<Period>, from_ms: u64| {
            period.is_none_or(|period| period.after_ms(from_ms) <= now_ms)
        };
        let read_ms = package.last_read_day.map_or(0, |day| day.saturating_add(1).saturating_mul(DAY_MS));
        let holds = since(self.older_than, package.clock_start_ms)
            && since(self.not_read_for, read_ms.max(package.accepted_at_ms))
            && self.larger_than_bytes.is_none_or(|bytes| package.size_bytes > bytes)
            && self.smaller_than_bytes.is_none_or(|bytes| package.size_bytes < bytes)
            && self.tags.matches(package);
        if holds { self.fixed.matches(&package.properties()) } else { Match::No }
    }

    pub(super) fn write(&self) -> Value {
        let mut fields = self.fixed.fields();
        let (tags, untagged) = match &self.tags {
            Tags::Whatever => (None, None),
            Tags::Untagged => (None, Some(Value::Bool(true))),
            Tags::Like(globs) => (texts(globs), None),
        };
        let (newest, beyond) = match self.rank {
            None => (None, None),
            Some(Rank::Newest(count)) => (Some(Value::Unsigned(count)), None),
            Some(Rank::BeyondNewest(count)) => (None, Some(Value::Unsigned(count))),
        };
        fields.extend(map([
            ("tags", tags),
            ("untagged", untagged),
            ("older-than", self.older_than.map(Value::text)),
            ("not-read-for", self.not_read_for.map(Value::text)),
            ("newest", newest),
            ("beyond-newest", beyond),
            ("larger-than", self.larger_than_bytes.map(Value::Unsigned)),
            ("smaller-than", self.smaller_than_bytes.map(Value::Unsigned)),
        ]));
        Value::Map(fields)
    }

    pub(super) fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let globs = set(&mut fields, "tags", SELECTOR_VALUES_MAX)?;
        let tags = match (flag(&mut fields, "untagged")?, globs.is_empty()) {
            (true, true) => Tags::Untagged,
            (false, true) => Tags::Whatever,
            (false, false) => Tags::Like(globs),
            (true, false) => return Err(wrong("untagged", "absent where there are tags")),
        };
        let rank = match (fields.unsigned_optional("newest")?, fields.unsigned_optional("beyond-newest")?) {
            (None, None) => None,
            (Some(count), None) => Some(Rank::Newest(count)),
            (None, Some(count)) => Some(Rank::BeyondNewest(count)),
            (Some(_), Some(_)) => return Err(wrong("newest", "absent beside `beyond-newest`")),
        };
        let selector = Self {
            fixed: FixedSelector::take(&mut fields)?,
            tags,
            older_than: fields.parse_optional("older-than")?,
            not_read_for: fields.parse_optional("not-read-for")?,
            rank,
            larger_than_bytes: fields.unsigned_optional("larger-than")?,
            smaller_than_bytes: fields.unsigned_optional("smaller-than")?,
        };
        fields.finish()?;
        selector.check()?;
        Ok(selector)
    }

    /// What its parts cannot say of themselves.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.fixed.check()?;
        if matches!(&self.tags, Tags::Like(globs) if globs.len() > SELECTOR_VALUES_MAX) {
            return Err(wrong("tags", format_args!("of at most {SELECTOR_VALUES_MAX} globs")));
        }
        if let Some(Rank::Newest(count) | Rank::BeyondNewest(count)) = self.rank
            && !(1..=NEWEST_MAX).contains(&count)
        {
            return Err(wrong("newest", format_args!("1 to {NEWEST_MAX}; so for `beyond-newest`")));
        }
        if let (Some(larger), Some(smaller)) = (self.larger_than_bytes, self.smaller_than_bytes)
            && larger.saturating_add(1) >= smaller
        {
            return Err(wrong(
                "smaller-than",
                "more than `larger-than` by two bytes; nothing is between them",
            ));
        }
        Ok(())
    }
}

impl Tags {
    fn matches(&self, package: &Package) -> bool {
        match self {
            Self::Whatever => true,
            Self::Untagged => package.tags.is_empty(),
            Self::Like(globs) => package.tags.iter().any(|of| globs.iter().any(|glob| glob.matches(&of.tag))),
        }
    }
}

#[cfg(test)]
mod tests;
