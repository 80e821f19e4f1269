//! The header of a plan: what it was made from, and what it comes to.
//!
//! ```text
//! totals = { "packages": uint, "candidates": uint, "deletions": uint, "bytes": uint, "locks": uint, "tiers": uint,
//!            ? "early": uint,
//!            "kept": { "hold": uint, "compliance-lock": uint, "governance-lock": uint, "pin": uint, "reference": uint,
//!                      "keep-rule": uint } }
//! ```
//! Candidates are the packages that a rule would delete; each is deleted or kept, and counted under every kind of thing that
//! keeps it. Bytes are those of the packages that are deleted: an estimate of what is freed, as a blob may belong to others too.

use super::super::codec::{map, version, wrong};
use super::super::evaluate::InForce;
use super::super::policy::{Limits, LockMode};
use super::Made;
use super::item::{Item, Named, What};
use crate::kernel::cbor::{self, Bounds, Error, Fields, Value};
use crate::kernel::digest::Blake3;
use crate::kernel::id::PolicyName;
use crate::kernel::limits::{DOCUMENT_MAX_BYTES, PLAN_PARTS_MAX, POLICIES_MAX};

/// What names a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// When, on what and by whom it was made.
    pub made: Made,
    /// The policies that were evaluated.
    pub policies: Vec<PolicyAt>,
    /// What applying it may do at most.
    pub limits: Limits,
    /// What it comes to.
    pub totals: Totals,
    /// Its parts, in order.
    pub parts: Vec<Blake3>,
}

/// A policy as it stood when a plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyAt {
    /// Its name.
    pub policy: PolicyName,
    /// Which of its versions.
    pub version: u64,
    /// The document that says what it says.
    pub document: Blake3,
    /// Whether the plan was made for it. Others were evaluated for what they keep.
    pub acts: bool,
}

/// What a plan comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Packages that were looked at.
    pub packages: u64,
    /// Packages that a rule would delete.
    pub candidates: u64,
    /// Packages that are deleted.
    pub deletions: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Locks that are recorded.
    pub locks: u64,
    /// Packages that are moved.
    pub tiers: u64,
    /// What it costs to take bytes out of where they lie too early: bytes times days.
    pub early_byte_days: u64,
    /// Candidates that are kept, by what.
    pub kept: Kept,
}

/// Candidates that are kept, under every kind of thing that keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// By a hold.
    pub hold: u64,
    /// By a lock that nobody goes past.
    pub compliance_lock: u64,
    /// By a lock that some may go past.
    pub governance_lock: u64,
    /// By a pin.
    pub pin: u64,
    /// By an index that lists it, or by the package that it is about.
    pub reference: u64,
    /// By a rule.
    pub keep_rule: u64,
}

impl PolicyAt {
    pub(super) fn of(policy: &InForce) -> Self {
        Self {
            policy: policy.name.clone(),
            version: policy.version,
            document: policy.document,
            acts: policy.acts,
        }
    }

    fn write(&self) -> Value {
        Value::Map(map([
            ("policy", Some(Value::text(&self.policy))),
            ("version", Some(Value::Unsigned(self.version))),
            ("document", Some(Value::Bytes(self.document.as_bytes().to_vec()))),
            ("acts", Some(Value::Bool(self.acts))),
        ]))
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let policy = Self {
            policy: fields.parse("policy")?,
            version: fields.unsigned("version")?,
            document: Blake3::new(fields.array_32("document")?),
            acts: fields.boolean("acts")?,
        };
        fields.finish()?;
        Ok(policy)
    }
}

impl Totals {
    pub(super) fn of(packages: u64, items: &[Item]) -> Self {
        let mut totals = Self { packages, ..Self::default() };
        for item in items {
            totals.early_byte_days = totals.early_byte_days.saturating_add(item.early_byte_days);
            match item.what {
                What::Lock { .. } => totals.locks += 1,
                What::Tier(_) => totals.tiers += 1,
                What::Delete => {
                    totals.deletions += 1;
                    totals.candidates += 1;
                    totals.bytes = totals.bytes.saturating_add(item.size_bytes);
                }
                What::Keep => {
                    totals.candidates += 1;
                    totals.kept.count(&item.kept_by);
                }
            }
        }
        totals
    }

    fn write(&self) -> Value {
        let number = |number| Some(Value::Unsigned(number));
        let kept = Value::Map(map([
            ("hold", number(self.kept.hold)),
            ("compliance-lock", number(self.kept.compliance_lock)),
            ("governance-lock", number(self.kept.governance_lock)),
            ("pin", number(self.kept.pin)),
            ("reference", number(self.kept.reference)),
            ("keep-rule", number(self.kept.keep_rule)),
        ]));
        Value::Map(map([
            ("packages", number(self.packages)),
            ("candidates", number(self.candidates)),
            ("deletions", number(self.deletions)),
            ("bytes", number(self.bytes)),
            ("locks", number(self.locks)),
            ("tiers", number(self.tiers)),
            ("early", number(self.early_byte_days).filter(|_| self.early_byte_days > 0)),
            ("kept", Some(kept)),
        ]))
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let mut kept = Fields::of(fields.required("kept")?)?;
        let totals = Self {
            packages: fields.unsigned("packages")?,
            candidates: fields.unsigned("candidates")?,
            deletions: fields.unsigned("deletions")?,
            bytes: fields.unsigned("bytes")?,
            locks: fields.unsigned("locks")?,
            tiers: fields.unsigned("tiers")?,
            early_byte_days: fields.unsigned_optional("early")?.unwrap_or(0),
            kept: Kept {
                hold: kept.unsigned("hold")?,
                compliance_lock: kept.unsigned("compliance-lock")?,
                governance_lock: kept.unsigned("governance-lock")?,
                pin: kept.unsigned("pin")?,
                reference: kept.unsigned("reference")?,
                keep_rule: kept.unsigned("keep-rule")?,
            },
        };
        kept.finish()?;
        fields.finish()?;
        Ok(totals)
    }
}

impl Kept {
    fn count(&mut self, kept_by: &[Named]) {
        let any = |is: fn(&Named) -> bool| u64::from(kept_by.iter().any(is));
        self.hold += any(|by| matches!(by, Named::Hold(_)));
        self.compliance_lock += any(|by| matches!(by, Named::Lock { mode: LockMode::Compliance, .. }));
        self.governance_lock += any(|by| matches!(by, Named::Lock { mode: LockMode::Governance, .. }));
        self.pin += any(|by| matches!(by, Named::Pin(_)));
        self.reference += any(|by| matches!(by, Named::Listed(_) | Named::Subject(_)));
        self.keep_rule += any(|by| matches!(by, Named::Keep(_)));
    }
}

impl Header {
    /// The document.
    pub fn encode(&self) -> Vec<u8> {
        let digest = |digest: &Blake3| Value::Bytes(digest.as_bytes().to_vec());
        cbor::encode(&Value::Map(map([
            ("v", Some(Value::Unsigned(1))),
            ("position", Some(Value::Unsigned(self.made.position))),
            ("at", Some(Value::Unsigned(self.made.at_ms))),
            ("actor", self.made.actor.as_ref().map(Value::text)),
            ("policies", Some(Value::Array(self.policies.iter().map(PolicyAt::write).collect()))),
            ("limits", (self.limits != Limits::default()).then(|| self.limits.write())),
            ("totals", Some(self.totals.write())),
            ("parts", Some(Value::Array(self.parts.iter().map(digest).collect()))),
        ])))
    }

    /// Reads the document back.
    ///
    /// # Errors
    /// If it is not canonical, or a field is wrong. Whether it fits the parts is not asked.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(cbor::decode(bytes, Bounds::bytes(DOCUMENT_MAX_BYTES))?)?;
        version(&mut fields)?;
        let part = |value| match value {
            Value::Bytes(bytes) => Blake3::from_slice(&bytes).ok_or_else(|| wrong("parts", "32 bytes each")),
            _ => Err(wrong("parts", "32 bytes each")),
        };
        let header = Self {
            made: Made {
                position: fields.unsigned("position")?,
                at_ms: fields.unsigned("at")?,
                actor: fields.parse_optional("actor")?,
            },
            policies: fields.array("policies")?.into_iter().map(PolicyAt::read).collect::<Result<_, _>>()?,
            limits: fields.take("limits").map(Limits::read).transpose()?.unwrap_or_default(),
            totals: Totals::read(fields.required("totals")?)?,
            parts: fields.array("parts")?.into_iter().map(part).collect::<Result<_, _>>()?,
        };
        fields.finish()?;
        if header.policies.len() > POLICIES_MAX || header.parts.len() > PLAN_PARTS_MAX {
            return Err(wrong("parts", format_args!("at most {PLAN_PARTS_MAX}, of {POLICIES_MAX} policies")));
        }
        if !header.policies.is_sorted_by(|one, two| one.policy < two.policy) {
            return Err(wrong("policies", "in the order of their names, and nothing twice"));
        }
        Ok(header)
    }
}
