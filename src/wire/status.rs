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
    /// Seconds since the process began to serve.
    #[serde(default)]
    pub uptime_seconds: u64,
    /// Receipts of stored blobs that the log has not taken yet; a control node has none to give. More than 0 for longer
    /// means that the log is away.
    #[serde(default)]
    pub undelivered_receipts: Option<u64>,
    /// What settings bound, and how much of it there is.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// Who is told of events, and how far.
    #[serde(default)]
    pub webhooks: Vec<WebhookStatus>,
}

/// Someone who is told of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WebhookStatus {
    /// As in the settings.
    pub name: String,
    /// Events of the log that it may still have to be told of.
    pub behind: u64,
    /// Attempts at the next one that failed.
    pub failures: u32,
    /// Why the last one failed.
    pub last_failure: Option<String>,
}

/// A bound of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Limit {
    /// As in the settings, such as `uploads`.
    pub name: String,
    /// Its value.
    pub value: u64,
    /// How much of it is used now; none where nothing is counted.
    pub used: Option<u64>,
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
    /// How near its bytes are: hot, warm or cold.
    #[serde(default)]
    pub tier: String,
    /// Bytes that are free where it lies, if it knows.
    #[serde(default)]
    pub free_bytes: Option<u64>,
    /// Bytes that uploads leave free.
    #[serde(default)]
    pub kept_free_bytes: u64,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostgresStatus {
    /// The server's own version.
    pub version: String,
    /// Whether this process started it.
    pub embedded: bool,
}
