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
    /// A named bundle of scopes: uploader, auditor, records-manager, approver or admin.
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

/// The `grant_type` of an exchange (RFC 8693 section 2.1).
pub const EXCHANGE_GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What is exchanged and what is given (RFC 8693 section 3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The media type in which the parameters of an exchange are sent.
pub const FORM_MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The answer of an exchange (RFC 8693 section 2.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExchangedToken {
    /// What goes into `Authorization: Bearer`.
    #[schema(value_type = String)]
    pub access_token: Secret,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    pub issued_token_type: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds for which it works.
    pub expires_in: u64,
    /// What it may do, in the scope grammar.
    pub scope: String,
}

/// `GET /v1/whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Whoami {
    /// The actor that events by this caller name.
    #[schema(value_type = String)]
    pub subject: Actor,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The public name of the API token, if it came with one.
    #[schema(value_type = Option<String>)]
    pub token: Option<TokenId>,
    /// The API token from which the access token was made, if it came with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub parent: Option<TokenId>,
    /// When the token stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}
