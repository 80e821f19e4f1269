//! `/v1/tokens` and `/v1/whoami`.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::time::Timestamp;
use crate::kernel::id::{Actor, TokenId};

/// `POST /v1/tokens`. Scopes, a role, or both; together they must allow something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MintToken {
    /// The actor that events by this token name; the token's own id, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subject: Option<Actor>,
    /// In the scope grammar, such as `repository:acme/*:pull,push`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// A named bundle of scopes: uploader, auditor, records-manager or admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Seconds until it stops working; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// A new token. The secret is shown here and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MintedToken {
    /// Its public name.
    #[schema(value_type = String)]
    pub token: TokenId,
    /// What goes into `Authorization: Bearer`.
    #[schema(value_type = String)]
    pub secret: Secret,
    /// The actor that events by this token name.
    #[schema(value_type = String)]
    pub subject: Actor,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it stops working.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A token in a list: no secret, which nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenEntry {
    /// Its public name.
    #[schema(value_type = String)]
    pub token: TokenId,
    /// The actor that events by this token name.
    #[schema(value_type = String)]
    pub subject: Actor,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub minted_at: Timestamp,
    /// When it stops working.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// One page of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tokens {
    /// The page.
    pub tokens: Vec<TokenEntry>,
}

/// `GET /v1/whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Whoami {
    /// The actor that events by this caller name.
    #[schema(value_type = String)]
    pub subject: Actor,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The token's public name, if it came with one.
    #[schema(value_type = Option<String>)]
    pub token: Option<TokenId>,
}
