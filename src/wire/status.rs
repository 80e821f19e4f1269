//! `GET /v1/status`, and `GET /data/status`: what a node of the data plane can say, which knows no tokens.

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
    /// What it serves: all, control or data.
    pub plane: String,
    /// The log; a data node has none.
    pub log: Option<LogStatus>,
    /// Where new objects go; a control node has none.
    pub store: Option<StoreStatus>,
    /// Everywhere that objects lie, that one first.
    pub stores: Vec<StoreStatus>,
    /// The database; a data node has none.
    pub postgres: Option<PostgresStatus>,
    /// What it needs and does not have.
    pub lacks: Vec<String>,
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
