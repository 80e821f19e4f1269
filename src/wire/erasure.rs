//! `/v1/repositories/{name}/-/manifests/{reference}/erasure` and `/v1/documents/{digest}/erasure`.

use serde::{Deserialize, Serialize};

use super::collection::Amount;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{PinName, RepositoryName};

/// `POST ../manifests/{reference}/erasure`: one step. Repeated with `next` as `after` until there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasePackage {
    /// The law or the order of a court that demands it.
    pub authority: String,
    /// Why.
    pub reason: String,
    /// From all repositories that have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everywhere: bool,
    /// `next` of the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A pin that was released because what it claimed was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReleasedPin {
    /// Where.
    #[schema(value_type = String)]
    pub repository: RepositoryName,
    /// Which.
    #[schema(value_type = String)]
    pub pin: PinName,
}

/// What a step did, and what it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErasedPackage {
    /// The package.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Where in the log it says so; none if it was deleted before, and its documents stay because another package has them.
    pub position: Option<u64>,
    /// Repositories from which it went by this step; none, if it had gone before.
    #[schema(value_type = Vec<String>)]
    pub repositories: Vec<RepositoryName>,
    /// Pins that were released by this step.
    pub pins: Vec<ReleasedPin>,
    /// Whether its manifest and the rendering of it are erased: no repository has it any more.
    pub documents_erased: bool,
    /// Other repositories that still have it, as far as the caller may see them.
    #[schema(value_type = Vec<String>)]
    pub still_in: Vec<RepositoryName>,
    /// How many more have it.
    pub still_in_others: u64,
    /// Indexes of the repository that list it; they stay.
    #[schema(value_type = Vec<String>)]
    pub listed_by: Vec<Blake3>,
    /// Packages of the repository that are about it; they stay.
    #[schema(value_type = Vec<String>)]
    pub referrers: Vec<Blake3>,
    /// What it was about.
    #[schema(value_type = Option<String>)]
    pub subject: Option<Blake3>,
    /// Blobs that are absent from now on.
    pub started: Amount,
    /// Objects that are known to be gone.
    pub deleted: Amount,
    /// Objects that could not be deleted. They are tried again when this is repeated, and by each collection.
    pub failed: u64,
    /// Why the first of them could not.
    pub failure: Option<String>,
    /// Blobs that stay, because other packages reference them.
    #[schema(value_type = Vec<String>)]
    pub kept_blobs: Vec<Blake3>,
    /// Where the next step goes on; none if nothing is left to be deleted.
    pub next: Option<u64>,
}

/// `POST /v1/documents/{digest}/erasure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseDocument {
    /// The law or the order of a court that demands it.
    pub authority: String,
    /// Why.
    pub reason: String,
}

/// A document was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErasedDocument {
    /// Which.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Where in the log it says so.
    pub position: u64,
    /// Whether it was erased before.
    pub before: bool,
}
