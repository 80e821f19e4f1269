//! `GET /v1/keys`: every key that ever signed here, with the node that holds it. `/.well-known/jwks.json` has the
//! same keys as an RFC 7517 key set. `POST` adds one, `DELETE /v1/keys/{key}` retires it.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::id::{KeyId, NodeName};

/// A signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeyEntry {
    /// Its name, derived from the public key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// What it signs: grant, receipt, checkpoint, order or report.
    pub kind: String,
    /// The Ed25519 public key, base64url without padding.
    pub public: String,
    /// The node that holds the private key.
    #[schema(value_type = String)]
    pub node: NodeName,
    /// Since when it may sign.
    #[schema(value_type = String, format = DateTime)]
    pub added_at: Timestamp,
    /// Since when it signs nothing new.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retired_at: Option<Timestamp>,
}

/// `POST /v1/keys`: a node tells the public half of a key that it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddKey {
    /// What it signs: grant, receipt or checkpoint.
    pub kind: String,
    /// The Ed25519 public key, base64url without padding.
    pub public: String,
    /// The node that holds the private key.
    #[schema(value_type = String)]
    pub node: NodeName,
}

/// All keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Keys {
    /// In the order in which they were added.
    pub keys: Vec<KeyEntry>,
}
