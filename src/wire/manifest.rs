//! `/v1/repositories/{name}/-/manifests`: the JSON beside the exact bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::{Blake3, Digest, Sha256};
use crate::kernel::id::{PinName, Tag};

/// The answer to `PUT .. /manifests/{reference}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AcceptedManifest {
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its alias.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// The digest of its frozen OCI rendering, if it is a native manifest.
    #[schema(value_type = Option<String>)]
    pub oci_digest: Option<Sha256>,
    /// Its length in bytes.
    pub size: u64,
    /// Where in the log it says so.
    pub position: u64,
}

/// One accepted package in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ManifestSummary {
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its alias.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// What kind of package it says it is.
    pub artifact_type: Option<String>,
    /// Length of the manifest in bytes.
    pub size: u64,
    /// Distinct blobs that it references.
    pub blobs: u64,
    /// Bytes of those blobs together.
    pub bytes: u64,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
    /// The tags that name it now.
    #[schema(value_type = Vec<String>)]
    pub tags: Vec<Tag>,
    /// The pins that claim it now.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub pins: Vec<PinName>,
}

/// One page of packages, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Manifests {
    /// The page.
    pub manifests: Vec<ManifestSummary>,
}

/// A manifest as people and scripts read it (`Accept: application/json`). What is signed and verified is the
/// canonical CBOR, not this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Manifest {
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its alias.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// The digest of its frozen OCI rendering, if it has one.
    #[schema(value_type = Option<String>)]
    pub oci_digest: Option<Sha256>,
    /// Its media type.
    pub media_type: String,
    /// What kind of package it says it is.
    pub artifact_type: Option<String>,
    /// Its config, if it is a manifest of blobs.
    pub config: Option<Descriptor>,
    /// What it holds, in order.
    pub layers: Vec<Descriptor>,
    /// The manifests that it holds, in order, if it is a manifest of manifests.
    pub manifests: Vec<Descriptor>,
    /// The manifest that it is about.
    #[schema(value_type = Option<String>)]
    pub subject: Option<Digest>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
}

/// One thing that a manifest references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Descriptor {
    /// Its path in the package, if it has one.
    pub path: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its alias.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
}
