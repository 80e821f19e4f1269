//! `GET /v1/status`.

use serde::{Deserialize, Serialize};

use crate::kernel::id::{NodeName, StoreName};

/// What is running, and how far the log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Status {
    /// The server's version.
    pub version: String,
    /// Its name.
    #[schema(value_type = String)]
    pub node: NodeName,
    /// The log.
    pub log: LogStatus,
    /// Where new objects go.
    pub store: StoreStatus,
    /// Everywhere that objects lie, that one first.
    pub stores: Vec<StoreStatus>,
    /// The database.
    pub postgres: PostgresStatus,
}

/// The log as it is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogStatus {
    /// Events in it.
    pub size: u64,
    /// The Merkle root of all of them, 64 hex characters.
    pub root: String,
    /// The size that the newest signed checkpoint covers; none before the first.
    pub checkpoint: Option<u64>,
}

/// A store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StoreStatus {
    /// Its name.
    #[schema(value_type = String)]
    pub name: StoreName,
    /// What it is: filesystem or s3.
    pub kind: String,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostgresStatus {
    /// The server's own version.
    pub version: String,
    /// Whether this process started it.
    pub embedded: bool,
}
