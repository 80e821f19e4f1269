//! `repository.created`, `repository.updated`.
//!
//! ```text
//! data       = { "repository": text, "public": bool, ? "provenance": provenance, ? "quota-bytes": uint,
//!                ? "quota-packages": uint }
//! provenance = "off" / "warn" / "enforce"
//! ```
//! `public` is always as it is now. What else is absent stays as it was; at the creation, off and 0, which is no quota.

use std::fmt;
use std::str::FromStr;

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};

/// What becomes of a pin on a package that does not say what it was built from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// Nothing is asked.
    #[default]
    Off,
    /// It is set, and the answer says what is missing.
    Warn,
    /// It is refused.
    Enforce,
}

impl Provenance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Warn, Self::Enforce];

    /// Its name in records, JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provenance {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or("one of off, warn, enforce")
    }
}

/// Settings as an event names them: those that are absent stay as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RepositorySettings {
    /// What pins ask of packages.
    pub provenance: Option<Provenance>,
    /// Bytes of the blobs linked in it, at most; 0 for any number.
    pub quota_bytes: Option<u64>,
    /// Packages accepted in it, at most; 0 for any number.
    pub quota_packages: Option<u64>,
}

impl RepositorySettings {
    fn write(&self, repository: &RepositoryName, public: bool) -> Vec<(String, Value)> {
        map([
            ("repository", text(repository)),
            ("public", Some(Value::Bool(public))),
            ("provenance", self.provenance.map(Value::text)),
            ("quota-bytes", self.quota_bytes.map(Value::Unsigned)),
            ("quota-packages", self.quota_packages.map(Value::Unsigned)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            provenance: fields.parse_optional("provenance")?,
            quota_bytes: fields.unsigned_optional("quota-bytes")?,
            quota_packages: fields.unsigned_optional("quota-packages")?,
        })
    }

    /// As they are after a later event.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            provenance: later.provenance.or(self.provenance),
            quota_bytes: later.quota_bytes.or(self.quota_bytes),
            quota_packages: later.quota_packages.or(self.quota_packages),
        }
    }
}

/// A repository came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryCreated {
    /// Its name.
    pub repository: RepositoryName,
    /// Whether anyone may read it without a token.
    pub public: bool,
    /// What else was set.
    pub settings: RepositorySettings,
}

impl Data for RepositoryCreated {
    const TYPE: &'static str = "repository.created";

    fn write(&self) -> Vec<(String, Value)> {
        self.settings.write(&self.repository, self.public)
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            public: fields.boolean("public")?,
            settings: RepositorySettings::read(fields)?,
        })
    }
}

/// A repository's settings changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUpdated {
    /// Its name.
    pub repository: RepositoryName,
    /// Whether anyone may read it without a token.
    pub public: bool,
    /// What else was set.
    pub settings: RepositorySettings,
}

impl Data for RepositoryUpdated {
    const TYPE: &'static str = "repository.updated";

    fn write(&self) -> Vec<(String, Value)> {
        self.settings.write(&self.repository, self.public)
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            public: fields.boolean("public")?,
            settings: RepositorySettings::read(fields)?,
        })
    }
}
