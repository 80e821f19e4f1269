//! `/v1/holds`: what may not be deleted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, HoldName, Reference, RepositoryName};

/// A hold, standing or released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HoldEntry {
    /// Its name.
    #[schema(value_type = String)]
    pub hold: HoldName,
    /// `litigation`, or `event`: its release starts the clock of what it covered.
    pub kind: String,
    /// The repository that it covers, or of the package that it covers.
    #[schema(value_type = Option<String>)]
    pub repository: Option<RepositoryName>,
    /// The package that it covers.
    #[schema(value_type = Option<String>)]
    pub digest: Option<Blake3>,
    /// What it selects, if it is neither.
    pub query: Option<HoldQuery>,
    /// The legal matter, unless it was erased or never said.
    pub matter: Option<String>,
    /// Why, unless it was erased.
    pub reason: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub placed_at: Timestamp,
    /// Who placed it.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// Where in the log it says so.
    pub position: u64,
    /// How it ended. None: it stands.
    pub released: Option<HoldRelease>,
}

/// The end of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HoldRelease {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who released it.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// Why, unless it was erased.
    pub reason: Option<String>,
    /// Where in the log it says so.
    pub position: u64,
}

/// What a hold selects: packages for which all of these are so. None of it can change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldQuery {
    /// In a repository that matches one of these: `acme/reports`, `acme/*`, `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Of one of these kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifact_types: Vec<String>,
    /// With a manifest of one of these media types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<String>,
    /// With all of these annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// With annotations under all of these keys.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub has_annotations: BTreeSet<String>,
    /// Accepted then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_after: Option<Timestamp>,
    /// Accepted before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_before: Option<Timestamp>,
}

/// One page of holds, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Holds {
    /// The page.
    pub holds: Vec<HoldEntry>,
}

/// `POST /v1/holds`: on a package (`repository` and `reference`), on a repository, or on a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceHold {
    /// A name that no hold has or had.
    #[schema(value_type = String)]
    pub hold: HoldName,
    /// `litigation`, or `event`: its release starts the clock of what it covered.
    pub kind: String,
    /// What is in this repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub repository: Option<RepositoryName>,
    /// Of that, this package alone: a digest, or the package that a tag names now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reference: Option<Reference>,
    /// What this selects, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<HoldQuery>,
    /// The legal matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<String>,
    /// Why.
    pub reason: String,
}

/// `POST /v1/holds/{hold}/release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseHold {
    /// Why.
    pub reason: String,
}
