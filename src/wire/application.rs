//! `/v1/plans`: plans that are to be done.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, RepositoryName};

/// A plan that was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SubmittedPlan {
    /// What it is called.
    #[schema(value_type = String)]
    pub plan: Blake3,
    /// Size of the log that it was made from.
    pub log_size: u64,
    /// Packages that it deletes.
    pub deletions: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Locks that it records.
    pub locks: u64,
    /// Whether somebody else than who submitted it has to approve it.
    pub needs_approval: bool,
    /// Its submission.
    pub submitted: Act,
    /// Its approval.
    pub approved: Option<Act>,
    /// Its application, when all of it had been gone through.
    pub applied: Option<Act>,
    /// Packages that were deleted by it.
    pub deleted: u64,
    /// Bytes of their blobs together.
    pub deleted_bytes: u64,
}

/// Somebody did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Act {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// Where in the log it says so.
    pub position: u64,
}

/// One page of plans, in the order in which they were submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SubmittedPlans {
    /// The page.
    pub plans: Vec<SubmittedPlan>,
}

/// `POST /v1/plans/{plan}/application`: one step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPlan {
    /// `done` of the step before; absent for the first, which finds out what is so now.
    #[serde(default)]
    pub done: u64,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AppliedStep {
    /// Items that were gone through, from the first on. As many as `items`: nothing is left.
    pub done: u64,
    /// Items of the plan.
    pub items: u64,
    /// Packages that this step deleted.
    pub deleted: u64,
    /// Bytes of their blobs together.
    pub deleted_bytes: u64,
    /// Locks that it recorded.
    pub locked: u64,
    /// Packages that it gave another tier. Their bytes are moved after that, by `POST /v1/tiers` or in the background.
    #[serde(default)]
    pub tiered: u64,
    /// Bytes of their blobs together.
    #[serde(default)]
    pub tiered_bytes: u64,
    /// Packages that were gone already.
    pub gone: u64,
    /// What the plan does and was not done, with the reasons.
    pub skipped: Vec<SkippedPackage>,
}

/// A package that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SkippedPackage {
    /// Where.
    #[schema(value_type = String)]
    pub repository: RepositoryName,
    /// Which.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Why.
    pub reasons: Vec<String>,
}
