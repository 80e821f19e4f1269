//! `/v1/tiers`: bytes are moved to where they are to lie.

use serde::{Deserialize, Serialize};

use super::collection::Amount;
use crate::kernel::digest::Blake3;
use crate::kernel::id::StoreName;

/// `GET /v1/tiers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TierStatus {
    /// Each store that is configured, or that has something.
    pub stores: Vec<StoreStanding>,
}

/// What lies in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StoreStanding {
    /// Its name.
    #[schema(value_type = String)]
    pub store: StoreName,
    /// `hot`, `warm` or `cold`; none: it is not configured any more.
    pub tier: Option<String>,
    /// All that lies there.
    pub lying: Amount,
    /// What of that waits to be moved.
    pub moves: Vec<WaitingMove>,
}

/// What waits to be moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WaitingMove {
    /// Where it goes.
    #[schema(value_type = String)]
    pub to_store: StoreName,
    /// How much.
    pub amount: Amount,
}

/// `POST /v1/tiers`: one step of the mover. Without `from` it is the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBlobs {
    /// `next` of the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<Blake3>,
}

/// What a step of the mover did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MovedBlobs {
    /// Blobs that lie elsewhere from now on.
    pub moved: Amount,
    /// Blobs that their store restores, to be moved later.
    pub restoring: u64,
    /// Blobs that are too large for one request: the service moves them by itself, within the hour.
    pub large: u64,
    /// Blobs that somebody else moved, deleted or found damaged meanwhile.
    pub overtaken: u64,
    /// Blobs that could not be moved. They are tried again by the next run.
    pub failed: u64,
    /// Why the first of them could not.
    pub reason: Option<String>,
    /// Where the next step goes on; none if nothing is left to be done now.
    #[schema(value_type = Option<String>)]
    pub next: Option<Blake3>,
}
