//! Statements: what people say about a change of retention, such as why a hold was placed or what a pin was built from.
//!
//! Free text may be personal, and then it may have to be erased. So it stands in a document beside the log, and the event
//! holds the document's BLAKE3. A statement is a canonical CBOR map of media type [`MEDIA_TYPE`]:
//!
//! ```text
//! { ? "authority": value, ? "build": value, ? "matter": value, ? "reason": value, ? "revision": value, ? "source": value }
//! value = text of 1 to 4,096 bytes of UTF-8
//! ```
//! - It has at least one key, and only keys of [`Key`].
//! - A value is not blank, and has no control character but line feeds and tabs: it is shown on terminals.
//! - One statement has one encoding, so equal statements are one document.
//!
//! What a key must be beyond that, such as a full revision, is for the use case that takes it to say.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::cbor::{self, Bounds, Fields, Value};
use super::digest::{Blake3, Digests};
use super::limits::{RECORDED_STATEMENT_MAX_BYTES, STATEMENT_VALUE_MAX_BYTES};

/// The media type of a statement in the table of documents.
pub const MEDIA_TYPE: &str = "application/vnd.strongroom.statement.v1+cbor";

/// Why a statement cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not canonical, or not a map from text to text.
    #[error("statement: {0}")]
    Encoding(#[from] cbor::Error),
    /// It says nothing.
    #[error("a statement has at least one of {ALL}", ALL = Key::names())]
    Empty,
    /// A key that statements do not have.
    #[error("a statement has no `{0}`, only {ALL}", ALL = Key::names())]
    UnknownKey(String),
    /// Too short or too long.
    #[error("{key} has 1 to {STATEMENT_VALUE_MAX_BYTES} bytes, this has {found}")]
    Length {
        /// Of which key.
        key: Key,
        /// Bytes given.
        found: usize,
    },
    /// Only white space.
    #[error("{0} is blank")]
    Blank(Key),
    /// A character that no text needs and a terminal may obey.
    #[error("{key} has no control characters but line feeds and tabs, this has {found:?}")]
    Control {
        /// Of which key.
        key: Key,
        /// The character.
        found: char,
    },
}

/// What a value is about. In the order of their names, which is that of no encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The law or the order of a court that demands it.
    Authority,
    /// What built it: a reference that the builder gave.
    Build,
    /// The legal matter, such as a case number.
    Matter,
    /// Why.
    Reason,
    /// The revision of the source, in full.
    Revision,
    /// Where the source is: a URL.
    Source,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Authority, Self::Build, Self::Matter, Self::Reason, Self::Revision, Self::Source];

    /// Its name in documents, JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Build => "build",
            Self::Matter => "matter",
            Self::Reason => "reason",
            Self::Revision => "revision",
            Self::Source => "source",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let named = Self::ALL.into_iter().find(|key| key.name() == text);
        named.ok_or_else(|| Error::UnknownKey(text.chars().take(64).collect()))
    }
}

/// What was said: one value for each key that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(BTreeMap<Key, String>);

impl Statement {
    /// Of those values.
    ///
    /// # Errors
    /// If there is none, or one is not what a value may be. Of a key that is given twice the last value counts.
    pub fn new(values: impl IntoIterator<Item = (Key, String)>) -> Result<Self, Error> {
        let values: BTreeMap<Key, String> = values.into_iter().collect();
        for (key, value) in &values {
            check(*key, value)?;
        }
        if values.is_empty() { Err(Error::Empty) } else { Ok(Self(values)) }
    }

    /// Of a reason alone.
    ///
    /// # Errors
    /// If it is not what a value may be.
    pub fn because(reason: impl Into<String>) -> Result<Self, Error> {
        Self::new([(Key::Reason, reason.into())])
    }

    /// With one value more, or another one.
    ///
    /// # Errors
    /// If it is not what a value may be.
    pub fn with(mut self, key: Key, value: impl Into<String>) -> Result<Self, Error> {
        let value = value.into();
        check(key, &value)?;
        self.0.insert(key, value);
        Ok(self)
    }

    /// The value of a key.
    pub fn get(&self, key: Key) -> Option<&str> {
        self.0.get(&key).map(String::as_str)
    }

    /// Why.
    pub fn reason(&self) -> Option<&str> {
        self.get(Key::Reason)
    }

    /// All that it says, in order of the keys' names.
    pub fn values(&self) -> impl Iterator<Item = (Key, &str)> {
        self.0.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// The document: canonical, the bytes that its digest names.
    pub fn encode(&self) -> Vec<u8> {
        let value = |(key, value): (Key, &str)| (key.name().to_owned(), Value::text(value));
        cbor::encode(&Value::Map(self.values().map(value).collect()))
    }

    /// The digest by which events name it.
    pub fn digest(&self) -> Blake3 {
        Digests::of(&self.encode()).blake3
    }

    /// Reads a document.
    ///
    /// # Errors
    /// If it is not one that [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields::of(cbor::decode(bytes, Bounds::bytes(RECORDED_STATEMENT_MAX_BYTES))?)?;
        let read = |(key, value): (String, Value)| match (key.parse()?, value) {
            (key, Value::Text(value)) => Ok((key, value)),
            _ => Err(cbor::Error::Field { field: key, expected: "text".into() }.into()),
        };
        Self::new(fields.into_rest().into_iter().map(read).collect::<Result<Vec<_>, Error>>()?)
    }
}

fn check(key: Key, value: &str) -> Result<(), Error> {
    if value.is_empty() || value.len() > STATEMENT_VALUE_MAX_BYTES {
        return Err(Error::Length { key, found: value.len() });
    }
    if let Some(found) = value.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(Error::Control { key, found });
    }
    if value.trim().is_empty() { Err(Error::Blank(key)) } else { Ok(()) }
}

const _: () = assert!(
    Key::ALL.len() * (STATEMENT_VALUE_MAX_BYTES + 16) < RECORDED_STATEMENT_MAX_BYTES,
    "every statement that can be made can be read"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_read_back_as_it_was_made() {
        let statement = Statement::because("nightly build is green")
            .and_then(|s| s.with(Key::Source, "https://git.example/acme/app"))
            .and_then(|s| s.with(Key::Revision, "0123456789abcdef0123456789abcdef01234567"))
            .unwrap();
        assert_eq!(Statement::decode(&statement.encode()), Ok(statement.clone()));
        assert_eq!(statement.digest(), Digests::of(&statement.encode()).blake3);
        assert_eq!(statement.reason(), Some("nightly build is green"));
        assert_eq!(statement.get(Key::Matter), None);
    }

    #[test]
    fn the_largest_statement_can_be_read() {
        let longest = "x".repeat(STATEMENT_VALUE_MAX_BYTES);
        let statement = Statement::new(Key::ALL.map(|key| (key, longest.clone()))).unwrap();
        assert_eq!(Statement::decode(&statement.encode()), Ok(statement));
    }

    #[test]
    fn values_that_say_nothing_or_too_much_are_refused() {
        let because = |reason: &str| Statement::because(reason);
        let key = Key::Reason;
        assert_eq!(because(""), Err(Error::Length { key, found: 0 }));
        assert_eq!(because(&"x".repeat(4_097)), Err(Error::Length { key, found: 4_097 }));
        assert_eq!(because(" \n\t "), Err(Error::Blank(key)));
        assert_eq!(because("\u{1b}[2J"), Err(Error::Control { key, found: '\u{1b}' }));
        assert_eq!(Statement::new([]), Err(Error::Empty));
        assert!(because("two\nlines\tand a tab").is_ok());
    }
}
