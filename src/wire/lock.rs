//! `/v1/repositories/{name}/-/manifests/{reference}/lock`.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::Blake3;

/// `PUT ../lock`: the package is not deleted before then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendLock {
    /// `governance`: can be bypassed, on record; `compliance`: by nobody.
    pub mode: String,
    /// Until when. Later than it is locked already.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// `POST ../lock/bypass`: governance locks do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BypassLock {
    /// Those that end then or before; absent: up to the end of the one that is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// The locks of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PackageLocks {
    /// The package.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// End of the governance lock.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub governance_until: Option<Timestamp>,
    /// End of the compliance lock.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub compliance_until: Option<Timestamp>,
    /// Governance locks that end then or before do not count.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub bypassed_until: Option<Timestamp>,
    /// Where in the log the last change stands.
    pub position: u64,
}
