//! `plan.submitted`, `plan.approved`, `plan.applied`.
//!
//! ```text
//! plan.submitted = { "plan": bytes .size 32, "at": uint (size of the log it was made from), "deletions": uint,
//!                    "bytes": uint, "locks": uint, "approve": bool }
//! plan.approved  = { "plan": bytes .size 32 }
//! plan.applied   = { "plan": bytes .size 32 }
//! ```
//! - A plan is named by the BLAKE3 of its header; header and parts are documents, written before `plan.submitted`.
//! - Where `approve` is set, nothing is deleted by it before somebody else than who submitted it approved.
//! - `plan.applied` says that all of it was gone through. What was deleted by it stands in the tombstones.

use super::{Data, Fields, Value, cbor, map};
use crate::kernel::digest::Blake3;

/// A plan was handed in, to be applied or approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSubmitted {
    /// Which.
    pub plan: Blake3,
    /// The size of the log that it was made from.
    pub at_size: u64,
    /// Packages that it deletes.
    pub deletions: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Locks that it records.
    pub locks: u64,
    /// Whether somebody else has to approve it.
    pub approve: bool,
}

impl Data for PlanSubmitted {
    const TYPE: &'static str = "plan.submitted";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("plan", Some(Value::Bytes(self.plan.as_bytes().to_vec()))),
            ("at", Some(Value::Unsigned(self.at_size))),
            ("deletions", Some(Value::Unsigned(self.deletions))),
            ("bytes", Some(Value::Unsigned(self.bytes))),
            ("locks", Some(Value::Unsigned(self.locks))),
            ("approve", Some(Value::Bool(self.approve))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            plan: Blake3::new(fields.array_32("plan")?),
            at_size: fields.unsigned("at")?,
            deletions: fields.unsigned("deletions")?,
            bytes: fields.unsigned("bytes")?,
            locks: fields.unsigned("locks")?,
            approve: fields.boolean("approve")?,
        })
    }
}

/// Somebody allowed a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanApproved {
    /// Which.
    pub plan: Blake3,
}

impl Data for PlanApproved {
    const TYPE: &'static str = "plan.approved";

    fn write(&self) -> Vec<(String, Value)> {
        map([("plan", Some(Value::Bytes(self.plan.as_bytes().to_vec())))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { plan: Blake3::new(fields.array_32("plan")?) })
    }
}

/// All of a plan was gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanApplied {
    /// Which.
    pub plan: Blake3,
}

impl Data for PlanApplied {
    const TYPE: &'static str = "plan.applied";

    fn write(&self) -> Vec<(String, Value)> {
        map([("plan", Some(Value::Bytes(self.plan.as_bytes().to_vec())))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { plan: Blake3::new(fields.array_32("plan")?) })
    }
}
