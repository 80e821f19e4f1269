//! `/v1/policies`.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, PolicyName};

/// The media type of a policy as it is written in TOML.
pub const TOML_MEDIA_TYPE: &str = "application/toml";

/// A policy that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyEntry {
    /// Its name.
    #[schema(value_type = String)]
    pub policy: PolicyName,
    /// Which of its versions; they count from 1.
    pub version: u64,
    /// The document that says what it says.
    #[schema(value_type = String)]
    pub document: Blake3,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who set it.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// The event that says so.
    pub position: u64,
}

/// One page of policies, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Policies {
    /// The page.
    pub policies: Vec<PolicyEntry>,
}

/// A policy, and what it says in the form in which it may be set again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyDocument {
    /// Its name.
    #[schema(value_type = String)]
    pub policy: PolicyName,
    /// Which of its versions.
    pub version: u64,
    /// Whether that version stands.
    pub standing: bool,
    /// The document.
    #[schema(value_type = String)]
    pub document: Blake3,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who set it.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// The event that says so.
    pub position: u64,
    /// What it says.
    #[schema(value_type = Object)]
    pub says: serde_json::Value,
}

/// A policy was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyChanged {
    /// Its name.
    #[schema(value_type = String)]
    pub policy: PolicyName,
    /// Which of its versions stands now.
    pub version: u64,
    /// What it says.
    #[schema(value_type = String)]
    pub document: Blake3,
    /// Whether that is new.
    pub changed: bool,
    /// The event that says so.
    pub position: u64,
}

/// One version of a policy, or its removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyVersion {
    /// Which; of a removal, the one that stood.
    pub version: u64,
    /// The document; absent where the policy was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub document: Option<Blake3>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// The event that says so.
    pub position: u64,
}

/// Versions of a policy, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyVersions {
    /// The page.
    pub versions: Vec<PolicyVersion>,
}
