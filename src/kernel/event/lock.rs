//! `lock.extended`, `lock.bypassed`.
//!
//! ```text
//! lock.extended = { "repository": text, "blake3": bytes .size 32, "mode": "governance" / "compliance",
//!                   "until": uint (ms since the epoch), ground }
//! ground        = ( "policy": text, "version": uint, "rule": text ) / ( "statement": bytes .size 32 )
//! lock.bypassed = { "repository": text, "blake3": bytes .size 32, "until": uint (ms since the epoch),
//!                   "statement": bytes .size 32 }
//! ```
//! - What rules lock when a package is accepted stands before its `manifest.accepted`, in the same append.
//! - A lock moves only later: of several events the latest `until` of a mode counts.
//! - A bypass lifts governance locks that end at `until` or before; one that is extended beyond it locks again. There is no
//!   event that lifts a compliance lock.

use std::fmt;
use std::str::FromStr;

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{PolicyName, RuleName};

/// Who may go past a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Nobody.
    Compliance,
    /// Whoever has the right to bypass, on record and with a reason.
    Governance,
}

impl LockMode {
    /// Both, the stronger one first.
    pub const ALL: [Self; 2] = [Self::Compliance, Self::Governance];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LockMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or("`governance` or `compliance`")
    }
}

/// Why a package is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockGround {
    /// A rule of a policy says so.
    Rule {
        /// The policy.
        policy: PolicyName,
        /// Which version of it.
        version: u64,
        /// Which rule.
        rule: RuleName,
    },
    /// The actor says so, for a reason.
    Actor {
        /// The document with the reason.
        statement: Blake3,
    },
}

/// A package is not deleted before then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockExtended {
    /// Where.
    pub repository: RepositoryName,
    /// The manifest's primary address.
    pub blake3: Blake3,
    /// Who may go past it.
    pub mode: LockMode,
    /// Until when, milliseconds since the epoch.
    pub until_ms: u64,
    /// Why.
    pub ground: LockGround,
}

impl Data for LockExtended {
    const TYPE: &'static str = "lock.extended";

    fn write(&self) -> Vec<(String, Value)> {
        let mut fields = map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("mode", text(self.mode)),
            ("until", Some(Value::Unsigned(self.until_ms))),
        ]);
        fields.extend(match &self.ground {
            LockGround::Rule { policy, version, rule } => map([
                ("policy", text(policy)),
                ("version", Some(Value::Unsigned(*version))),
                ("rule", text(rule)),
            ]),
            LockGround::Actor { statement } => {
                map([("statement", Some(Value::Bytes(statement.as_bytes().to_vec())))])
            }
        });
        fields
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        let ground = match fields.array_32_optional("statement")? {
            Some(statement) => LockGround::Actor { statement: Blake3::new(statement) },
            None => LockGround::Rule {
                policy: fields.parse("policy")?,
                version: fields.unsigned("version")?,
                rule: fields.parse("rule")?,
            },
        };
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            mode: fields.parse("mode")?,
            until_ms: fields.unsigned("until")?,
            ground,
        })
    }
}

/// Governance locks of a package that end by then do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockBypassed {
    /// Where.
    pub repository: RepositoryName,
    /// The manifest's primary address.
    pub blake3: Blake3,
    /// Those that end then or before, milliseconds since the epoch.
    pub until_ms: u64,
    /// The document with the reason.
    pub statement: Blake3,
}

impl Data for LockBypassed {
    const TYPE: &'static str = "lock.bypassed";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("until", Some(Value::Unsigned(self.until_ms))),
            ("statement", Some(Value::Bytes(self.statement.as_bytes().to_vec()))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            until_ms: fields.unsigned("until")?,
            statement: Blake3::new(fields.array_32("statement")?),
        })
    }
}
