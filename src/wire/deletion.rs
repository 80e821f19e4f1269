//! `/v1/repositories/{name}/-/manifests/{reference}/deletion` and `/why`.

use serde::{Deserialize, Serialize};

use super::retrieval::RetrievalEntry;
use super::time::Timestamp;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, RepositoryName, StoreName, Tag};

/// `POST ../deletion`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeletePackage {
    /// Why.
    pub reason: String,
}

/// A package was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeletedPackage {
    /// The package.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Tags that named it, removed with it.
    #[schema(value_type = Vec<String>)]
    pub tags: Vec<Tag>,
    /// Where in the log its tombstone stands.
    pub position: u64,
}

/// Something that keeps a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeptBy {
    /// `hold`, `compliance-lock`, `governance-lock`, `pin`, `listed`, `subject` or `keep-rule`.
    pub kind: String,
    /// Its name: of a hold, a pin, a rule (`<policy>/<rule>`), or a digest.
    pub name: Option<String>,
    /// Until when, if that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// For people.
    pub text: String,
    /// Since when, if it is on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Who did that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub actor: Option<Actor>,
    /// Where in the log it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Why, if the caller may know and it was not erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET ../why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WhyKept {
    /// Where.
    #[schema(value_type = String)]
    pub repository: RepositoryName,
    /// The package.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Size of the log that says so.
    pub log_size: u64,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
    /// Who deposited it.
    #[schema(value_type = String)]
    pub accepted_by: Actor,
    /// When its clock started: when it was accepted, or an event hold on it was released.
    #[schema(value_type = String, format = DateTime)]
    pub clock_start: Timestamp,
    /// The last day on which it was given to somebody to read.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_read: Option<Timestamp>,
    /// Tags that name it. They protect nothing.
    #[schema(value_type = Vec<String>)]
    pub tags: Vec<Tag>,
    /// All that is in the way of its deletion, in order of precedence.
    pub kept_by: Vec<KeptBy>,
    /// What today's policies would do with it: `kept`, `kept-by-default` or `deleted`.
    pub outcome: String,
    /// The rule that would delete it, `<policy>/<rule>`.
    pub rule: Option<String>,
    /// How near it is to be: `hot`, `warm` or `cold`.
    pub tier: String,
    /// Since when, if a plan said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub tiered_at: Option<Timestamp>,
    /// Where in the log it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiered_position: Option<u64>,
    /// In which stores its blobs lie.
    pub lies: Vec<LiesIn>,
    /// The retrieval of it that is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<RetrievalEntry>,
}

/// Blobs of a package in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LiesIn {
    /// The store.
    #[schema(value_type = String)]
    pub store: StoreName,
    /// How near it is; none: it is not configured any more.
    pub tier: Option<String>,
    /// Blobs of the package there.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}
