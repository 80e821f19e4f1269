//! `GET /v1/repositories/{name}/-/blobs/{digest}`.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::{Blake3, Sha256};

/// What is known of a blob that is linked in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Blob {
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its alias.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
    /// When it was stored.
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// What is wrong with it, if anything is: then it is given to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<Damage>,
}

/// What was found in the place of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Damage {
    /// `corrupt`: other bytes are there; `missing`: none are.
    pub found: String,
    /// The event that says so: place in the log.
    pub since: u64,
}

/// `GET /v1/repositories/{name}/-/damaged-blobs`: one page, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DamagedBlobs {
    /// The page.
    pub blobs: Vec<DamagedBlob>,
}

/// A blob that is given to nobody until it is deposited again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DamagedBlob {
    /// Which.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// What was found in its place: `corrupt` or `missing`.
    pub found: String,
    /// The event that says so: place in the log.
    pub since: u64,
}
