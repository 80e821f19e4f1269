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
}
