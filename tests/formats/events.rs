//! Event records: `events.json`, a small log with every type in it.

use serde_json::{Value as Json, json};
use strongroom::kernel::cbor::{self, Bounds, Value};
use strongroom::kernel::event::{Event, Fact};
use strongroom::kernel::limits::EVENT_RECORD_MAX_BYTES;
use strongroom::kernel::merkle::{Frontier, leaf_hash};

use crate::files::{bytes, cases, compare, read, text};
use crate::notation::{from_json, to_json};
use crate::sample_log::{id, log, receipt_key};

/// Records that are no events: what is wrong, and the record.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let record = log()[3].encode().expect("within bounds");
    let Value::Map(fields) = cbor::decode(&record, Bounds::bytes(EVENT_RECORD_MAX_BYTES)).expect("canonical")
    else {
        panic!("a record is a map")
    };
    let with = |key: &str, value: Option<Value>| {
        let mut fields: Vec<_> = fields.iter().filter(|(k, _)| k != key).cloned().collect();
        fields.extend(value.map(|value| (key.to_owned(), value)));
        cbor::encode(&Value::Map(fields))
    };
    let data = |pairs: &[(&str, Value)]| {
        with("data", Some(Value::Map(pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())))
    };
    let (repository, public) = (("repository", Value::text("acme/reports")), ("public", Value::Bool(false)));
    vec![
        ("nothing", vec![]),
        ("no map", vec![0x80]),
        ("something after the record", [record.clone(), vec![0]].concat()),
        ("cut", record[..record.len() - 1].to_vec()),
        ("another version", with("v", Some(Value::Unsigned(2)))),
        ("no version", with("v", None)),
        ("an id that is no UUID", with("id", Some(Value::Bytes(vec![0; 15])))),
        ("an id as text", with("id", Some(Value::text(id(0))))),
        ("a time before 1970", with("at", Some(Value::Negative(-1)))),
        ("no time", with("at", None)),
        ("an actor with a space", with("actor", Some(Value::text("A Person")))),
        ("a stream of no kind", with("stream", Some(Value::text("acme")))),
        ("a version in the stream as text", with("seq", Some(Value::text("0")))),
        ("an unknown type", with("type", Some(Value::text("repository.burned")))),
        ("the data of another type", with("type", Some(Value::text("tag.set")))),
        ("no data", with("data", None)),
        ("data that is no map", with("data", Some(Value::Null))),
        ("a field too few in the data", data(std::slice::from_ref(&repository))),
        (
            "a field too many in the data",
            data(&[repository.clone(), public.clone(), ("note", Value::text("x"))]),
        ),
        ("a bad name in the data", data(&[("repository", Value::text("../etc")), public.clone()])),
        ("a null in the data", data(&[repository.clone(), ("public", Value::Null)])),
        ("a cause that is null", with("cause", Some(Value::Null))),
        ("a field too many", with("position", Some(Value::Unsigned(3)))),
    ]
}

#[test]
fn vectors_are_what_the_code_writes() {
    let mut frontier = Frontier::new();
    let mut records = vec![];
    for (position, event) in log().into_iter().enumerate() {
        let record = event.encode().expect("within bounds");
        let value = cbor::decode(&record, Bounds::bytes(EVENT_RECORD_MAX_BYTES)).expect("canonical");
        frontier.push(leaf_hash(&record));
        records.push(json!({
            "position": position,
            "type": event.fact.type_name(),
            "event": to_json(&value),
            "record": hex::encode(&record),
            "leaf": hex::encode(leaf_hash(&record)),
        }));
    }
    let refused: Vec<Json> = refused()
        .iter()
        .map(|(what, record)| {
            let reason = Event::decode(record).expect_err(what).to_string();
            json!({"what": what, "record": hex::encode(record), "reason": reason})
        })
        .collect();
    let receipt_key =
        json!({"id": receipt_key().id(), "public": hex::encode(receipt_key().verifying_key().public())});
    let root = hex::encode(frontier.root());
    compare(
        "events",
        &json!({"receipt_key": receipt_key, "root": root, "events": records, "refused": refused}),
    );
}

#[test]
fn every_event_type_has_a_vector() {
    let events = cases("events", "events");
    for known in Fact::TYPES {
        assert!(events.iter().any(|case| case["type"] == *known), "{known} has no vector in events.json");
    }
}

#[test]
fn every_event_of_the_file_is_its_record_and_its_leaf() {
    let mut frontier = Frontier::new();
    for (case, event) in cases("events", "events").iter().zip(log()) {
        let record = bytes(case, "record");
        assert_eq!(cbor::encode(&from_json(&case["event"])), record, "{case}");
        assert_eq!(Event::decode(&record), Ok(event.clone()), "{case}");
        assert_eq!(event.encode(), Ok(record.clone()), "{case}");
        assert_eq!(hex::encode(leaf_hash(&record)), text(case, "leaf"), "{case}");
        frontier.push(leaf_hash(&record));
    }
    assert_eq!(hex::encode(frontier.root()), text(&read("events"), "root"));
}

#[test]
fn every_refused_record_of_the_file_is_refused() {
    for case in cases("events", "refused") {
        let reason = Event::decode(&bytes(&case, "record")).expect_err(text(&case, "what")).to_string();
        assert_eq!(reason, text(&case, "reason"), "{}", text(&case, "what"));
    }
}
