//! What control asks about API tokens.

use sqlx::PgExecutor;

use crate::kernel::digest::Sha256;
use crate::kernel::id::{Actor, TokenId};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("tokens");

/// An API token. Whether it works is for who knows the time to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its public name.
    pub token: TokenId,
    /// SHA-256 of the secret.
    pub hash: Sha256,
    /// The actor that events by it name.
    pub subject: Actor,
    /// What it may do, as written in the scope grammar.
    pub scopes: Vec<String>,
    /// When it stops working, seconds since the epoch.
    pub expires_at_seconds: Option<u64>,
    /// When it was made, milliseconds since the epoch.
    pub minted_at_ms: u64,
    /// Who made it.
    pub minted_by: Actor,
    /// When it was revoked, milliseconds since the epoch.
    pub revoked_at_ms: Option<u64>,
    /// Who revoked it.
    pub revoked_by: Option<Actor>,
    /// The event that minted it.
    pub position: u64,
}

struct Row {
    token: String,
    hash: Vec<u8>,
    subject: String,
    scopes: Vec<String>,
    expires_at_seconds: Option<i64>,
    minted_at_ms: i64,
    minted_by: String,
    revoked_at_ms: Option<i64>,
    revoked_by: Option<String>,
    position: i64,
}

impl TryFrom<Row> for Token {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let revoked_by = row.revoked_by.as_deref();
        Ok(Self {
            token: TABLE.parse("token", &row.token)?,
            hash: TABLE.sha256("hash", &row.hash)?,
            subject: TABLE.parse("subject", &row.subject)?,
            scopes: row.scopes,
            expires_at_seconds: TABLE.unsigned_optional("expires_at_seconds", row.expires_at_seconds)?,
            minted_at_ms: TABLE.unsigned("minted_at_ms", row.minted_at_ms)?,
            minted_by: TABLE.parse("minted_by", &row.minted_by)?,
            revoked_at_ms: TABLE.unsigned_optional("revoked_at_ms", row.revoked_at_ms)?,
            revoked_by: revoked_by.map(|actor| TABLE.parse("revoked_by", actor)).transpose()?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// A token by its public name.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, token: &TokenId) -> Result<Option<Token>, Error> {
    sqlx::query_file_as!(Row, "src/views/tokens/get.sql", token.as_str())
        .fetch_optional(db)
        .await?
        .map(Token::try_from)
        .transpose()
}

/// A token by the SHA-256 of its secret.
///
/// # Errors
/// As [`get`].
pub async fn by_hash(db: impl PgExecutor<'_>, hash: &Sha256) -> Result<Option<Token>, Error> {
    sqlx::query_file_as!(Row, "src/views/tokens/by_hash.sql", hash.as_bytes())
        .fetch_optional(db)
        .await?
        .map(Token::try_from)
        .transpose()
}

/// A page of all tokens, by public name, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn list(db: impl PgExecutor<'_>, after: Option<&TokenId>, limit: u32) -> Result<Vec<Token>, Error> {
    // No name is empty, so all are behind the empty text.
    let after = after.map_or("", TokenId::as_str);
    sqlx::query_file_as!(Row, "src/views/tokens/list.sql", after, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Token::try_from)
        .collect()
}
