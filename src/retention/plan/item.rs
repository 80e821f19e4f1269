//! Items of a plan: what happens to one package, by which rule, and what keeps it.
//!
//! ```text
//! blocker = { "by": "hold" / "pin", "name": text }
//!         / { "by": "compliance-lock" / "governance-lock", "until": uint (ms), ? "rule": rule (not recorded yet) }
//!         / { "by": "index" / "subject", "digest": bytes .size 32 }
//!         / { "by": "keep-rule", "rule": rule }
//! ```
//! In order of precedence. Of each kind only so many are named; `unnamed` counts the rest.

use super::super::codec::{map, wrong};
use super::super::evaluate::{Blocker, Decision, InForce, RuleAt};
use super::super::package::Package;
use super::super::policy::{LockMode, Tier};
use crate::kernel::cbor::{Error, Fields, Value};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{RepositoryName, RuleName};
use crate::kernel::limits::{PLAN_BLOCKER_NAME_MAX_BYTES, PLAN_BLOCKERS_NAMED_MAX};

/// What happens to one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where.
    pub repository: RepositoryName,
    /// Its primary address.
    pub digest: Blake3,
    /// Bytes of its blobs together.
    pub size_bytes: u64,
    /// What happens to it.
    pub what: What,
    /// The rule that decided; where the package is kept, the one that would have deleted it.
    pub rule: RuleOf,
    /// What keeps it, in order of precedence; empty where nothing had to.
    pub kept_by: Vec<Named>,
    /// How many more keep it that are not named.
    pub unnamed: u64,
    /// What it costs to take its blobs out of where they lie before the time that is charged there is over: bytes times days.
    pub early_byte_days: u64,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A lock is recorded.
    Lock {
        /// Who may go past it.
        mode: LockMode,
        /// Until when, in milliseconds since the epoch.
        until_ms: u64,
    },
    /// It is moved.
    Tier(Tier),
    /// It is deleted.
    Delete,
    /// A rule would delete it, and something keeps it.
    Keep,
}

/// A rule of one of the plan's policies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleOf {
    /// Its policy's place in the header.
    pub policy: u64,
    /// Its name.
    pub rule: RuleName,
}

/// What keeps a package, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A hold.
    Hold(String),
    /// A lock.
    Lock {
        /// Who may go past it.
        mode: LockMode,
        /// Until when.
        until_ms: u64,
        /// The rule that says so, where it is not recorded yet.
        due: Option<RuleOf>,
    },
    /// A pin.
    Pin(String),
    /// An index that lists it.
    Listed(Blake3),
    /// What it is about.
    Subject(Blake3),
    /// A rule.
    Keep(RuleOf),
}

impl What {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lock { .. } => "lock",
            Self::Tier(_) => "tier",
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }

    /// Its place among the others.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Lock { .. } => 0,
            Self::Tier(_) => 1,
            Self::Delete => 2,
            Self::Keep => 3,
        }
    }
}

impl RuleOf {
    fn at(policies: &[InForce], at: RuleAt) -> Self {
        Self { policy: at.policy as u64, rule: policies[at.policy].policy.rules[at.rule].name.clone() }
    }

    fn write(&self) -> Value {
        Value::Map(map([
            ("policy", Some(Value::Unsigned(self.policy))),
            ("rule", Some(Value::text(&self.rule))),
        ]))
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let rule = Self { policy: fields.unsigned("policy")?, rule: fields.parse("rule")? };
        fields.finish()?;
        Ok(rule)
    }
}

impl Item {
    /// What was decided about a package: locks, a tier, and whether it is deleted.
    pub(super) fn of(policies: &[InForce], package: &Package, decision: &Decision) -> Vec<Self> {
        let item = |what, at| Self {
            repository: package.repository.clone(),
            digest: package.digest,
            size_bytes: package.size_bytes,
            what,
            rule: RuleOf::at(policies, at),
            kept_by: Vec::new(),
            unnamed: 0,
            early_byte_days: 0,
        };
        let early = |stays: Option<Tier>| {
            let leaves =
                Tier::ALL.into_iter().zip(package.early_byte_days).filter(|(tier, _)| Some(*tier) != stays);
            leaves.fold(0, |sum: u64, (_, byte_days)| sum.saturating_add(byte_days))
        };
        let mut items: Vec<Self> = decision
            .locks
            .iter()
            .map(|due| item(What::Lock { mode: due.mode, until_ms: due.until_ms }, due.rule))
            .collect();
        if let Some((at, tier)) = decision.tier
            && decision.place.is_none()
            && tier != package.tier
        {
            items.push(Self { early_byte_days: early(Some(tier)), ..item(What::Tier(tier), at) });
        }
        match decision.delete {
            Some(at) if decision.place.is_some() => {
                items.push(Self { early_byte_days: early(None), ..item(What::Delete, at) });
            }
            Some(at) => {
                let (kept_by, unnamed) = name_all(policies, &decision.blockers);
                items.push(Self { kept_by, unnamed, ..item(What::Keep, at) });
            }
            None => {}
        }
        items
    }

    /// Its place among items of its kind, but for deletions, which have an order of their own.
    pub(super) fn key(&self) -> (&RepositoryName, Blake3, u8) {
        let mode = match self.what {
            What::Lock { mode, .. } => mode as u8,
            _ => 0,
        };
        (&self.repository, self.digest, mode)
    }

    /// Values of CBOR that it has at most.
    pub(super) fn values(&self) -> usize {
        32 + 16 * self.kept_by.len()
    }

    pub(super) fn write(&self) -> Value {
        let (mode, until, tier) = match self.what {
            What::Lock { mode, until_ms } => (Some(Value::text(mode)), Some(Value::Unsigned(until_ms)), None),
            What::Tier(tier) => (None, None, Some(Value::text(tier))),
            What::Delete | What::Keep => (None, None, None),
        };
        let kept_by = || Value::Array(self.kept_by.iter().map(Named::write).collect());
        Value::Map(map([
            ("repository", Some(Value::text(&self.repository))),
            ("digest", Some(Value::Bytes(self.digest.as_bytes().to_vec()))),
            ("size", Some(Value::Unsigned(self.size_bytes))),
            ("do", Some(Value::text(self.what.name()))),
            ("rule", Some(self.rule.write())),
            ("mode", mode),
            ("until", until),
            ("tier", tier),
            ("kept-by", (!self.kept_by.is_empty()).then(kept_by)),
            ("unnamed", (self.unnamed > 0).then_some(Value::Unsigned(self.unnamed))),
            ("early", (self.early_byte_days > 0).then_some(Value::Unsigned(self.early_byte_days))),
        ]))
    }

    pub(super) fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let what = match fields.parse::<String>("do")?.as_str() {
            "lock" => What::Lock { mode: fields.parse("mode")?, until_ms: fields.unsigned("until")? },
            "tier" => What::Tier(fields.parse("tier")?),
            "delete" => What::Delete,
            "keep" => What::Keep,
            _ => return Err(wrong("do", "`lock`, `tier`, `delete` or `keep`")),
        };
        let kept_by = match fields.take("kept-by") {
            None => Vec::new(),
            Some(Value::Array(found)) if !found.is_empty() => {
                found.into_iter().map(Named::read).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(wrong("kept-by", "absent, or an array of what keeps it")),
        };
        let item = Self {
            repository: fields.parse("repository")?,
            digest: Blake3::new(fields.array_32("digest")?),
            size_bytes: fields.unsigned("size")?,
            what,
            rule: RuleOf::read(fields.required("rule")?)?,
            kept_by,
            unnamed: fields.unsigned_optional("unnamed")?.unwrap_or(0),
            early_byte_days: positive(fields.unsigned_optional("early")?)?,
        };
        fields.finish()?;
        let ranks: Vec<u8> = item.kept_by.iter().map(Named::rank).collect();
        let most = ranks.chunk_by(|one, two| one == two).map(<[u8]>::len).max().unwrap_or(0);
        if item.kept_by.is_empty() == (what == What::Keep)
            || !ranks.is_sorted()
            || most > PLAN_BLOCKERS_NAMED_MAX
        {
            let told = "there where it is kept and nowhere else, in order of precedence, and not too many of one kind";
            return Err(wrong("kept-by", told));
        }
        Ok(item)
    }
}

/// What is nothing is absent.
fn positive(found: Option<u64>) -> Result<u64, Error> {
    match found {
        Some(0) => Err(wrong("early", "absent, or more than nothing")),
        found => Ok(found.unwrap_or(0)),
    }
}

/// The first of each kind, and how many are left.
fn name_all(policies: &[InForce], blockers: &[Blocker]) -> (Vec<Named>, u64) {
    let mut named: Vec<Named> = Vec::new();
    let (mut unnamed, mut of_kind) = (0, 0);
    for blocker in blockers {
        let next = Named::of(policies, blocker);
        of_kind = if named.last().is_some_and(|last| last.rank() == next.rank()) { of_kind + 1 } else { 1 };
        if of_kind <= PLAN_BLOCKERS_NAMED_MAX { named.push(next) } else { unnamed += 1 }
    }
    (named, unnamed)
}

impl Named {
    fn of(policies: &[InForce], blocker: &Blocker) -> Self {
        match blocker {
            Blocker::Hold(name) => Self::Hold(name.clone()),
            Blocker::Lock { mode, until_ms, due } => {
                Self::Lock { mode: *mode, until_ms: *until_ms, due: due.map(|at| RuleOf::at(policies, at)) }
            }
            Blocker::Pin(name) => Self::Pin(name.clone()),
            Blocker::Listed(digest) => Self::Listed(*digest),
            Blocker::Subject(digest) => Self::Subject(*digest),
            Blocker::Keep(at) => Self::Keep(RuleOf::at(policies, *at)),
        }
    }

    /// The kind, as documents and people call it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hold(_) => "hold",
            Self::Lock { mode: LockMode::Compliance, .. } => "compliance-lock",
            Self::Lock { mode: LockMode::Governance, .. } => "governance-lock",
            Self::Pin(_) => "pin",
            Self::Listed(_) => "index",
            Self::Subject(_) => "subject",
            Self::Keep(_) => "keep-rule",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Hold(_) => 0,
            Self::Lock { mode: LockMode::Compliance, .. } => 1,
            Self::Lock { mode: LockMode::Governance, .. } => 2,
            Self::Pin(_) => 3,
            Self::Listed(_) => 4,
            Self::Subject(_) => 5,
            Self::Keep(_) => 6,
        }
    }

    /// The rule that it names, if it does.
    pub const fn rule(&self) -> Option<&RuleOf> {
        match self {
            Self::Lock { due: Some(rule), .. } | Self::Keep(rule) => Some(rule),
            _ => None,
        }
    }

    fn write(&self) -> Value {
        let (mut name, mut until, mut digest) = (None, None, None);
        match self {
            Self::Hold(text) | Self::Pin(text) => name = Some(Value::text(text)),
            Self::Lock { until_ms, .. } => until = Some(Value::Unsigned(*until_ms)),
            Self::Listed(of) | Self::Subject(of) => digest = Some(Value::Bytes(of.as_bytes().to_vec())),
            Self::Keep(_) => {}
        }
        let rule = self.rule().map(RuleOf::write);
        let by = Some(Value::text(self.kind()));
        Value::Map(map([("by", by), ("name", name), ("until", until), ("digest", digest), ("rule", rule)]))
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let by: String = fields.parse("by")?;
        let named = match by.as_str() {
            "hold" => Self::Hold(name(&mut fields)?),
            "pin" => Self::Pin(name(&mut fields)?),
            "index" => Self::Listed(Blake3::new(fields.array_32("digest")?)),
            "subject" => Self::Subject(Blake3::new(fields.array_32("digest")?)),
            "keep-rule" => Self::Keep(RuleOf::read(fields.required("rule")?)?),
            "compliance-lock" | "governance-lock" => Self::Lock {
                mode: if by == "compliance-lock" { LockMode::Compliance } else { LockMode::Governance },
                until_ms: fields.unsigned("until")?,
                due: fields.take("rule").map(RuleOf::read).transpose()?,
            },
            _ => return Err(wrong("by", "something that keeps packages")),
        };
        fields.finish()?;
        Ok(named)
    }
}

fn name(fields: &mut Fields) -> Result<String, Error> {
    let name: String = fields.parse("name")?;
    if (1..=PLAN_BLOCKER_NAME_MAX_BYTES).contains(&name.len()) {
        Ok(name)
    } else {
        Err(wrong("name", format_args!("1 to {PLAN_BLOCKER_NAME_MAX_BYTES} bytes")))
    }
}
