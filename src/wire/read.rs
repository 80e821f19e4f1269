//! `POST /v1/repositories/{name}/-/reads`: being given a package to read.
//!
//! The log gets a `manifest.read-granted` (once for an actor, a package and a day); the caller gets one grant a blob.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::time::Timestamp;
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::Reference;

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantReads {
    /// The package, by tag or digest.
    #[schema(value_type = String)]
    pub reference: Reference,
    /// Only these of its blobs; all of them, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub digests: Option<Vec<Digest>>,
}

/// The grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GrantedReads {
    /// The manifest that the reference named.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Each distinct blob once; the order means nothing.
    pub blobs: Vec<GrantedBlob>,
    /// When the grants end; ask again for others.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// One blob to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GrantedBlob {
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its length in bytes.
    pub size: u64,
    /// Where, absolute or relative to the address that was asked.
    pub href: String,
    /// The permission, for `Authorization: Bearer` at the data plane.
    #[schema(value_type = String)]
    pub grant: Secret,
}
