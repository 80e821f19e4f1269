//! What the planes and auditors ask about signing keys.

use sqlx::PgExecutor;

use crate::kernel::event::KeyKind;
use crate::kernel::id::{KeyId, NodeName};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("keys");

/// A signing key, public part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub key: KeyId,
    /// What it signs.
    pub kind: KeyKind,
    /// The Ed25519 public key.
    pub public: [u8; 32],
    /// The node that holds the private key.
    pub node: NodeName,
    /// When it was added, milliseconds since the epoch.
    pub added_at_ms: u64,
    /// When it was retired, milliseconds since the epoch.
    pub retired_at_ms: Option<u64>,
    /// The event that added it.
    pub position: u64,
}

struct Row {
    key: String,
    kind: String,
    public: Vec<u8>,
    node: String,
    added_at_ms: i64,
    retired_at_ms: Option<i64>,
    position: i64,
}

impl TryFrom<Row> for Key {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            key: TABLE.parse("key", &row.key)?,
            kind: TABLE.parse("kind", &row.kind)?,
            public: TABLE.bytes_32("public", &row.public)?,
            node: TABLE.parse("node", &row.node)?,
            added_at_ms: TABLE.unsigned("added_at_ms", row.added_at_ms)?,
            retired_at_ms: TABLE.unsigned_optional("retired_at_ms", row.retired_at_ms)?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// A key by its name.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, key: &KeyId) -> Result<Option<Key>, Error> {
    sqlx::query_file_as!(Row, "src/views/keys/get.sql", key.as_str())
        .fetch_optional(db)
        .await?
        .map(Key::try_from)
        .transpose()
}

/// All keys, retired ones too, in the order in which they were added.
///
/// # Errors
/// As [`get`].
pub async fn list(db: impl PgExecutor<'_>) -> Result<Vec<Key>, Error> {
    sqlx::query_file_as!(Row, "src/views/keys/list.sql")
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Key::try_from)
        .collect()
}
