//! `/v1/collection`: bytes that no package needs are deleted.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::Blake3;

/// How much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Amount {
    /// Blobs or objects.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// `GET /v1/collection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CollectionStatus {
    /// For how long a blob has to be free before it is collected.
    pub grace_seconds: u64,
    /// Blobs that no package references and that may go now.
    pub free: Amount,
    /// Blobs that no package references, and that have to wait.
    pub waiting: Amount,
    /// When the first of these may go.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// Objects whose deletion was started and is not known to be done.
    pub deleting: Amount,
    /// Objects deleted since the log began.
    pub deleted: Amount,
}

/// `POST /v1/collection`: one step. Without `from` it is the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// `next` of the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NextStep>,
}

/// Where a step ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NextStep {
    /// Blobs were looked at up to this one.
    #[schema(value_type = Option<String>)]
    pub blob: Option<Blake3>,
    /// Objects were deleted up to that of the event at this position.
    pub position: Option<u64>,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Collected {
    /// Blobs that are absent from now on.
    pub started: Amount,
    /// Objects that are known to be gone.
    pub deleted: Amount,
    /// Objects that could not be deleted. They are tried again by the next collection.
    pub failed: u64,
    /// Why the first of them could not.
    pub reason: Option<String>,
    /// Where the next step goes on; none if nothing is left to be done now.
    pub next: Option<NextStep>,
}
