//! No event holds free text: whatever text stands in the `data` of any event is of a closed grammar, so that no erasure ever has
//! to reach into the log. A field that is added later and holds free text fails here, since nothing says what it is.

use std::fmt::Debug;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use strongroom::access::Scopes;
use strongroom::kernel::cbor::Value;
use strongroom::kernel::event::{
    Damage, DiscardReason, HoldKind, KeyKind, LockMode, Provenance, RetrievalFailure,
};
use strongroom::kernel::id::{
    Actor, HoldName, KeyId, NodeName, ObjectKey, PinName, PolicyName, RepositoryName, RuleName, StoreName,
    Tag, TokenId,
};
use strongroom::kernel::manifest::MediaType;
use strongroom::kernel::tier::Tier;

use crate::sample_log::log;

/// Claims of the statements that events hold. `reason` of a report, one line of a store's error, is not among them: what failed is
/// not in the log.
const CLAIMS: [&str; 21] = [
    "at",
    "aud",
    "blake3",
    "exp",
    "found",
    "grant",
    "iat",
    "node",
    "object",
    "order",
    "outcome",
    "repository",
    "session",
    "sha256",
    "size",
    "store",
    "stored_at",
    "sub",
    "task",
    "to_object",
    "to_store",
];

fn is<T: FromStr<Err: Debug>>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

/// Whether a text is what a field of that type and name may hold. A field that is not named here may hold none.
fn is_closed(event: &str, field: &str, text: &str) -> bool {
    match (event, field) {
        (_, "repository" | "from") => is::<RepositoryName>(text),
        (_, "node") => is::<NodeName>(text),
        (_, "store" | "from-store") => is::<StoreName>(text),
        (_, "object" | "from-object") => is::<ObjectKey>(text),
        (_, "tag") => is::<Tag>(text),
        (_, "pin") => is::<PinName>(text),
        (_, "hold") => is::<HoldName>(text),
        (_, "policy") => is::<PolicyName>(text),
        (_, "rule") => is::<RuleName>(text),
        (_, "token") => is::<TokenId>(text),
        (_, "key") => is::<KeyId>(text),
        (_, "subject") => is::<Actor>(text),
        (_, "media" | "artifact") => is::<MediaType>(text),
        (_, "provenance") => is::<Provenance>(text),
        ("token.minted", "scopes") => Scopes::parse([text]).is_ok(),
        ("key.added", "kind") => is::<KeyKind>(text),
        ("hold.placed", "kind") => is::<HoldKind>(text),
        ("lock.extended", "mode") => is::<LockMode>(text),
        ("object.discarded", "reason") => is::<DiscardReason>(text),
        ("blob.corrupt", "found") => is::<Damage>(text),
        ("manifest.tiered", "tier") => is::<Tier>(text),
        ("retrieval.failed", "code") => is::<RetrievalFailure>(text),
        (_, "receipt" | "report") => is_statement(text),
        _ => false,
    }
}

/// A signed statement whose claims are known. What they hold is parsed by whoever reads it.
fn is_statement(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [head, claims, signature] = parts[..] else { return false };
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
    let object = |part| -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&decoded(part)?).ok()
    };
    let (Some(head), Some(claims)) = (object(head), object(claims)) else { return false };
    head.keys().all(|key| ["alg", "kid", "typ"].contains(&key.as_str()))
        && claims.keys().all(|key| CLAIMS.contains(&key.as_str()))
        && decoded(signature).is_some_and(|signature| signature.len() == 64)
}

/// What in a value is free text, or could be.
fn free(event: &str, field: &str, value: &Value) -> Vec<String> {
    let told = |what: &str| vec![format!("{event}: {field} holds {what}")];
    match value {
        Value::Text(text) if !is_closed(event, field, text) => told(&format!("`{text}`")),
        // A fresh id.
        Value::Bytes(bytes) if field == "retrieval" && bytes.len() == 16 => Vec::new(),
        // Digests, public keys, and runs of digests.
        Value::Bytes(bytes) if !bytes.len().is_multiple_of(32) => told("bytes that are no digests"),
        Value::Array(items) => items.iter().flat_map(|item| free(event, field, item)).collect(),
        Value::Map(entries) => entries.iter().flat_map(|(key, value)| free(event, key, value)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_text_in_an_event_is_of_a_closed_grammar() {
    for event in log() {
        assert_eq!(free(event.fact.type_name(), "data", &event.fact.data()), [""; 0]);
    }
}

#[test]
fn a_field_of_free_text_would_be_found() {
    let data = |field: &str, value| Value::Map(vec![(field.to_owned(), value)]);
    let found = |data: Value| free("hold.placed", "data", &data).len();
    assert_eq!(found(data("note", Value::text("Jane Doe"))), 1, "a field that nobody knows");
    assert_eq!(found(data("hold", Value::text("Jane Doe"))), 1, "a name with a space");
    assert_eq!(found(data("receipt", Value::text("Jane Doe"))), 1, "no statement");
    let nested = Value::Array(vec![data("reason", Value::text("x"))]);
    assert_eq!(found(data("blobs", nested)), 1, "however deep it stands");
    assert_eq!(found(data("note", Value::Bytes(b"Jane Doe".to_vec()))), 1, "as bytes");
    assert_eq!(found(data("hold", Value::text("case-7"))), 0);
}
