//! `hold.placed`, `hold.released`.
//!
//! ```text
//! hold.placed   = { "hold": text, "kind": "litigation" / "event", target, "statement": bytes .size 32 }
//! target        = ( "repository": text, "manifest": bytes .size 32 )     a package
//!               / ( "repository": text )                                 all that is, or will be, in a repository
//!               / ( "selector": bytes .size 32 )                         what a document selects by fixed properties
//! hold.released = { "hold": text, "statement": bytes .size 32 }
//! ```
//! - While a hold stands, nothing that it covers is deleted. Its matter and its reason are in the statement, a document.
//! - A released name is not used again: what was held under it stays plain.

use std::fmt;
use std::str::FromStr;

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::HoldName;

/// What a hold does beside holding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldKind {
    /// Nothing: the clock of retention runs on.
    Litigation,
    /// Its release starts the clock of what it covered.
    Event,
}

impl HoldKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Litigation, Self::Event];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Litigation => "litigation",
            Self::Event => "event",
        }
    }
}

impl fmt::Display for HoldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HoldKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or("litigation or event")
    }
}

/// What a hold covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldTarget {
    /// One package.
    Package(RepositoryName, Blake3),
    /// Whatever is in a repository, now and later.
    Repository(RepositoryName),
    /// What the selector of that digest, a document, selects.
    Query(Blake3),
}

impl HoldTarget {
    /// The repository that it names, if it names one.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Package(repository, _) | Self::Repository(repository) => Some(repository),
            Self::Query(_) => None,
        }
    }
}

/// Nothing that it covers may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldPlaced {
    /// Its name, never used before.
    pub hold: HoldName,
    /// What it does beside.
    pub kind: HoldKind,
    /// What it covers.
    pub target: HoldTarget,
    /// The document with its matter and reason.
    pub statement: Blake3,
}

impl Data for HoldPlaced {
    const TYPE: &'static str = "hold.placed";

    fn write(&self) -> Vec<(String, Value)> {
        let bytes = |digest: &Blake3| Value::Bytes(digest.as_bytes().to_vec());
        let (manifest, selector) = match &self.target {
            HoldTarget::Package(_, manifest) => (Some(bytes(manifest)), None),
            HoldTarget::Repository(_) => (None, None),
            HoldTarget::Query(selector) => (None, Some(bytes(selector))),
        };
        map([
            ("hold", text(&self.hold)),
            ("kind", text(self.kind)),
            ("repository", self.target.repository().map(Value::text)),
            ("manifest", manifest),
            ("selector", selector),
            ("statement", Some(bytes(&self.statement))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        let target = match fields.array_32_optional("selector")? {
            Some(selector) => HoldTarget::Query(Blake3::new(selector)),
            None => {
                let repository = fields.parse("repository")?;
                match fields.array_32_optional("manifest")? {
                    Some(manifest) => HoldTarget::Package(repository, Blake3::new(manifest)),
                    None => HoldTarget::Repository(repository),
                }
            }
        };
        Ok(Self {
            hold: fields.parse("hold")?,
            kind: fields.parse("kind")?,
            target,
            statement: Blake3::new(fields.array_32("statement")?),
        })
    }
}

/// A hold stands no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldReleased {
    /// Which.
    pub hold: HoldName,
    /// The document with the reason.
    pub statement: Blake3,
}

impl Data for HoldReleased {
    const TYPE: &'static str = "hold.released";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("hold", text(&self.hold)),
            ("statement", Some(Value::Bytes(self.statement.as_bytes().to_vec()))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { hold: fields.parse("hold")?, statement: Blake3::new(fields.array_32("statement")?) })
    }
}
