//! `GET /log/events` as CloudEvents 1.0, in batches of JSON (`application/cloudevents-batch+json`).
//!
//! ```text
//! source           the log, by the name in its checkpoints     id       the position; the two together are unique
//! type             strongroom.tag.set                          subject  the stream
//! time, data       as in the other forms                       sequence the position, padded so that text sorts as it does
//! actor, cause     extensions: who did it, the request that led to it
//! ```
//! Sources: CloudEvents 1.0.2, its JSON format and batch, its extension `sequence`. Names of attributes are lowercase
//! letters and digits there.

use serde::{Deserialize, Serialize};

use super::event::EventEntry;
use super::time::Timestamp;
use crate::kernel::id::{Actor, RequestId, StreamName};

/// The media type of a batch.
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";

/// What stands before the type of an event.
const TYPE_PREFIX: &str = "strongroom.";

/// One event, as tools that know nothing of us expect it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CloudEvent {
    /// `1.0`.
    pub specversion: String,
    /// Its position in the log.
    pub id: String,
    /// The log, by the name in its checkpoints.
    pub source: String,
    /// What happened, behind `strongroom.`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The stream that it belongs to.
    #[schema(value_type = String)]
    pub subject: StreamName,
    /// When it was appended.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// `application/json`.
    pub datacontenttype: String,
    /// The position in 20 digits, so that texts sort as positions do.
    pub sequence: String,
    /// Who did it.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// The request that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub cause: Option<RequestId>,
    /// The facts, by type.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

impl CloudEvent {
    /// Of the log of that name.
    pub fn new(log: &str, entry: EventEntry) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id: entry.position.to_string(),
            source: log.to_owned(),
            type_name: format!("{TYPE_PREFIX}{}", entry.type_name),
            subject: entry.stream,
            time: entry.at,
            datacontenttype: "application/json".to_owned(),
            sequence: format!("{:020}", entry.position),
            actor: entry.actor,
            cause: entry.cause,
            data: entry.data,
        }
    }
}
