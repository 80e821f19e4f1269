//! `GET /log/events` as JSON: a page, a line of NDJSON, or the `data` of a server-sent event.
//!
//! Byte strings of a record (digests, keys, ids) are lowercase hex here, digests with their algorithm. What is
//! hashed and verified is the CBOR record, not this.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::cbor::Value;
use crate::kernel::event::Event;
use crate::kernel::id::{Actor, EventId, RequestId, StreamName};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventEntry {
    /// Its place in the log, 0-based.
    pub position: u64,
    /// Unique in the log.
    #[schema(value_type = String, format = Uuid)]
    pub id: EventId,
    /// When it was appended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who did it.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// What it is about.
    #[schema(value_type = String)]
    pub stream: StreamName,
    /// Its version in that stream, 0-based.
    pub seq: u64,
    /// What happened, `noun.past-tense`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The facts, by type.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    /// The request that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub cause: Option<RequestId>,
}

/// One page of events, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Events {
    /// The page.
    pub events: Vec<EventEntry>,
    /// Events in the log.
    pub head: u64,
    /// The `after` of the next page; absent when this one reaches the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl EventEntry {
    /// The JSON form of a record.
    pub fn new(position: u64, event: &Event) -> Self {
        Self {
            position,
            id: event.id,
            at: Timestamp::from_ms(event.at_ms),
            actor: event.actor.clone(),
            stream: event.stream.clone(),
            seq: event.seq,
            type_name: event.fact.type_name().to_owned(),
            data: json("", &event.fact.data()),
            cause: event.cause,
        }
    }
}

/// The value of the field `key`, whose name says of which algorithm a digest is.
fn json(key: &str, value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Unsigned(n) => Json::from(*n),
        Value::Negative(n) => Json::from(*n),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bool(b) => Json::from(*b),
        Value::Null => Json::Null,
        Value::Array(items) => items.iter().map(|item| json(key, item)).collect(),
        Value::Map(fields) => fields.iter().map(|(key, field)| (key.clone(), json(key, field))).collect(),
        Value::Bytes(bytes) if matches!(key, "blobs" | "manifests") => {
            bytes.chunks(32).map(|digest| Json::from(format!("blake3:{}", hex::encode(digest)))).collect()
        }
        Value::Bytes(bytes) => Json::from(match key {
            "blake3" | "document" | "erasure" | "manifest" | "plan" | "previous" | "selector"
            | "statement" | "subject" => {
                format!("blake3:{}", hex::encode(bytes))
            }
            "sha256" | "oci-sha256" => format!("sha256:{}", hex::encode(bytes)),
            // As it stands in paths and streams.
            "retrieval" => {
                uuid::Uuid::from_slice(bytes).map_or_else(|_| hex::encode(bytes), |id| id.to_string())
            }
            _ => hex::encode(bytes),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::event::TagSet;
    use uuid::Uuid;

    #[test]
    fn digests_in_the_data_are_written_with_their_algorithm() {
        let manifest = Digests::of(b"x").blake3;
        let fact = TagSet {
            repository: "a/b".parse().unwrap(),
            tag: "v1".parse().unwrap(),
            manifest,
            previous: None,
        };
        let event = Event {
            id: EventId(Uuid::nil()),
            at_ms: 1,
            actor: "admin".parse().unwrap(),
            stream: "tag/a/b:v1".parse().unwrap(),
            seq: 0,
            fact: fact.into(),
            cause: None,
        };
        let json = serde_json::to_value(EventEntry::new(7, &event)).unwrap();
        assert_eq!(json["position"], 7);
        assert_eq!(json["type"], "tag.set");
        assert_eq!(json["at"], "1970-01-01T00:00:00.001Z");
        assert_eq!(json["data"]["manifest"], manifest.to_string());
        assert_eq!(serde_json::from_value::<EventEntry>(json).unwrap(), EventEntry::new(7, &event));
    }
}
