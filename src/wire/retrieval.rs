//! `/v1/retrievals`: packages that lie in cold stores are asked for.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, Reference, RepositoryName, RetrievalId};

/// `POST /v1/retrievals`. One that is not over is given as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrievePackage {
    /// Where.
    #[schema(value_type = String)]
    pub repository: RepositoryName,
    /// Which package: a digest, or what a tag names now.
    #[schema(value_type = String)]
    pub reference: Reference,
    /// For how many days it is to be readable; 7 if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u64>,
}

/// A package that was asked for, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RetrievalEntry {
    /// By which it is asked about.
    #[schema(value_type = String, format = Uuid)]
    pub retrieval: RetrievalId,
    /// Where.
    #[schema(value_type = String)]
    pub repository: RepositoryName,
    /// The package.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// `requested`, `restoring`, `available`, `expired` or `failed`.
    pub state: String,
    /// For how many days it is to be readable.
    pub days: u64,
    /// Blobs of it that lay in a cold store when it was asked for.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    /// By whom.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// Where in the log it says so.
    pub position: u64,
    /// Since when the store is at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub restoring_at: Option<Timestamp>,
    /// Since when it may be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub available_at: Option<Timestamp>,
    /// Until when it may be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// When it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_at: Option<Timestamp>,
    /// Why: `package-deleted`, `blob-missing` or `gave-up`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl RetrievalEntry {
    /// Whether the package may be read.
    pub fn is_available(&self) -> bool {
        self.state == "available"
    }

    /// Whether it has to be asked for again.
    pub fn is_over(&self) -> bool {
        self.state == "expired" || self.state == "failed"
    }
}

/// One page of retrievals, the last first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Retrievals {
    /// The page.
    pub retrievals: Vec<RetrievalEntry>,
}
