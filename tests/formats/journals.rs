//! Journals of upload sessions, and receipts of small blobs that wait for delivery: `journals.json`.

use serde_json::{Value as Json, json};
use strongroom::contract::Size;
use strongroom::data::LooseReceipt;
use strongroom::data::journal::{Durable, Journal, Phase, Terms};
use strongroom::kernel::cbor::{self, Bounds, Value};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::hash::Hasher;
use strongroom::kernel::id::{GrantId, ObjectKey, SessionId};
use strongroom::kernel::limits::{HASH_BLOCK_BYTES, STORE_DOCUMENT_MAX_BYTES};
use strongroom::kernel::tree::tiles::Tiler;
use strongroom::kernel::tree::value_of;
use strongroom::stores::StagedState;
use uuid::Uuid;

use crate::files::{bytes, cases, compare, text};
use crate::notation::{from_json, to_json};

const BOUNDS: Bounds = Bounds::bytes(STORE_DOCUMENT_MAX_BYTES);

fn journal(length: Option<u64>, phase: Phase) -> Journal {
    Journal {
        session: SessionId(Uuid::from_u128(7)),
        epoch: 3,
        created_at_ms: 1_795_262_400_000,
        object: ObjectKey::from_uuid(Uuid::from_u128(8)),
        terms: Terms {
            grant: GrantId(Uuid::from_u128(1)),
            actor: "svc:lab".parse().expect("an actor"),
            repository: "acme/reports".parse().expect("a name"),
            store: "main".parse().expect("a name"),
            expected: length.map(|_| Digests::of(b"content").sha256.into()),
            size: length.map_or(Size::AtMost(1 << 40), Size::Exact),
            ends_at_seconds: 1_795_348_800,
        },
        length,
        metadata: length.map(|_| "filename cmVwb3J0".into()),
        phase,
    }
}

/// So many zero bytes, of which all are durable.
fn durable(offset: u64) -> Durable {
    let mut hasher = Hasher::new();
    let blocks = usize::try_from(offset / HASH_BLOCK_BYTES * HASH_BLOCK_BYTES).expect("small");
    hasher.update(&vec![0; blocks]);
    let staged = Some(StagedState { bytes: offset, opaque: vec![0xca, 0xfe] });
    Durable { hash: hasher.save(), tree: None, staged }
}

/// The same, of a session that makes the tiles of its blob.
fn tiled(offset: u64) -> Durable {
    let mut tiler = Tiler::new();
    (0..offset / HASH_BLOCK_BYTES).for_each(|block| {
        tiler.push(value_of(&vec![0; HASH_BLOCK_BYTES as usize], block * HASH_BLOCK_BYTES));
    });
    Durable { tree: Some(tiler.state()), ..durable(offset) }
}

fn journals() -> Vec<(&'static str, Journal)> {
    let digests = Digests::of(b"content");
    let sealed = |delivered| Phase::Sealed { digests, receipt: "a.b.c".into(), delivered };
    vec![
        ("nothing yet", journal(None, Phase::Receiving(Durable::default()))),
        ("less than a block", journal(Some(7_000_000), Phase::Receiving(durable(1_000)))),
        ("between blocks", journal(Some(7_000_000), Phase::Receiving(durable(3 * HASH_BLOCK_BYTES + 5)))),
        ("complete", journal(Some(HASH_BLOCK_BYTES), Phase::Sealing(durable(HASH_BLOCK_BYTES), digests))),
        ("sealed", journal(Some(7), sealed(false))),
        ("delivered", journal(Some(7), sealed(true))),
        ("failed", journal(Some(7), Phase::Failed(digests))),
        ("aborted", journal(None, Phase::Aborted)),
        ("expired", journal(None, Phase::Expired)),
        ("between blocks, with a tree", journal(None, Phase::Receiving(tiled(3 * HASH_BLOCK_BYTES + 5)))),
    ]
}

/// The journal between blocks with one field changed or taken away.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let base = journals()[2].1.encode();
    let Value::Map(fields) = cbor::decode(&base, BOUNDS).expect("canonical") else { panic!("a map") };
    let with = |key: &str, value: Option<Value>| {
        let mut fields: Vec<_> = fields.iter().filter(|(k, _)| k != key).cloned().collect();
        fields.extend(value.map(|value| (key.to_owned(), value)));
        cbor::encode(&Value::Map(fields))
    };
    vec![
        ("nothing", vec![]),
        ("another version", with("v", Some(Value::Unsigned(2)))),
        ("an id of 15 bytes", with("session", Some(Value::Bytes(vec![0; 15])))),
        ("two sizes", with("size_max", Some(Value::Unsigned(1)))),
        ("no size", with("size", None)),
        ("an unknown phase", with("phase", Some(Value::text("resting")))),
        ("a phase without what it needs", with("phase", Some(Value::text("sealed")))),
        ("the hashes of another offset", with("offset", Some(Value::Unsigned(2 * HASH_BLOCK_BYTES)))),
        ("no hashes after a block", with("hash", None)),
        ("bytes and no stage", with("staged", None)),
        ("more bytes than its length", with("length", Some(Value::Unsigned(5)))),
        ("an object outside of its store", with("object", Some(Value::text("../7")))),
        ("a field too many", with("note", Some(Value::Null))),
        ("the tree of another offset", with("tree", Some(Value::Bytes(vec![7; 64])))),
    ]
}

fn waiting() -> LooseReceipt {
    LooseReceipt { object: ObjectKey::from_uuid(Uuid::from_u128(8)), receipt: "a.b.c".into() }
}

#[test]
fn vectors_are_what_the_code_writes() {
    let journals: Vec<Json> = journals()
        .iter()
        .map(|(what, journal)| {
            let bytes = journal.encode();
            let value = to_json(&cbor::decode(&bytes, BOUNDS).expect("canonical"));
            json!({"what": what, "journal": hex::encode(&bytes), "value": value})
        })
        .collect();
    let refused: Vec<Json> = refused()
        .iter()
        .map(|(what, bytes)| {
            let reason = Journal::decode(bytes).expect_err(what).to_string();
            json!({"what": what, "journal": hex::encode(bytes), "reason": reason})
        })
        .collect();
    let waiting = json!({
        "value": to_json(&cbor::decode(&waiting().encode(), BOUNDS).expect("canonical")),
        "receipt": hex::encode(waiting().encode()),
    });
    compare("journals", &json!({"journals": journals, "receipts": [waiting], "refused": refused}));
}

#[test]
fn every_journal_of_the_file_is_its_bytes() {
    for (case, (what, made)) in cases("journals", "journals").iter().zip(journals()) {
        let persisted = bytes(case, "journal");
        assert_eq!(cbor::encode(&from_json(&case["value"])), persisted, "{what}");
        assert_eq!(Journal::decode(&persisted).expect(what), made);
        assert_eq!(made.encode(), persisted, "{what}");
    }
}

#[test]
fn every_waiting_receipt_of_the_file_is_its_bytes() {
    for case in cases("journals", "receipts") {
        let persisted = bytes(&case, "receipt");
        assert_eq!(cbor::encode(&from_json(&case["value"])), persisted);
        assert_eq!(LooseReceipt::decode(&persisted), Ok(waiting()));
        assert!(LooseReceipt::decode(&persisted[..persisted.len() - 1]).is_err());
        assert!(Journal::decode(&persisted).is_err(), "one document is not taken for the other");
    }
}

#[test]
fn every_refused_journal_of_the_file_is_refused() {
    for case in cases("journals", "refused") {
        let reason = Journal::decode(&bytes(&case, "journal")).expect_err(text(&case, "what")).to_string();
        assert_eq!(reason, text(&case, "reason"), "{}", text(&case, "what"));
    }
}
