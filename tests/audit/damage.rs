//! One table: what is damaged, and what the audit must call it.

use strongroom::audit::{Depth, Report, Subject};

use crate::evidence::Evidence;

/// Every kind of damage that SQL can do, by force; what names it; where.
const DAMAGE: [(&str, &str, Subject, &str); 21] = [
    (
        "one byte of a record",
        "update log.events set record = set_byte(record, 40, get_byte(record, 40) # 1) where position = 7",
        Subject::Record,
        "7",
    ),
    (
        "a record that is no CBOR",
        "update log.events set record = '\\xff' where position = 7",
        Subject::Record,
        "7",
    ),
    (
        "a leaf",
        "update log.events set leaf_hash = set_byte(leaf_hash, 0, get_byte(leaf_hash, 0) # 1) where position = 7",
        Subject::Leaf,
        "7",
    ),
    (
        "the order of two",
        "update log.events set position = case position when 7 then 100007 when 8 then 7 end where position in (7, 8); update log.events set position = 8 where position = 100007",
        Subject::Tile,
        "level 0 index 0",
    ),
    ("one in the middle is missing", "delete from log.events where position = 7", Subject::Order, "7"),
    ("the tail is missing", "delete from log.events where position >= 290", Subject::Tail, "290"),
    ("the whole log is missing", "delete from log.events", Subject::Tail, "0"),
    (
        "a column",
        "update log.events set type = 'tag.set' where position = 7",
        Subject::Column,
        "type of position 7",
    ),
    (
        "a stream's version",
        "update log.events set seq = 5 where stream = 'tag/acme/reports:v1'",
        Subject::Column,
        "seq of position",
    ),
    (
        "a node of a tile",
        "update log.tiles set hashes = set_byte(hashes, 33, get_byte(hashes, 33) # 1)",
        Subject::Tile,
        "level 0 index 0",
    ),
    (
        "the root of a tile",
        "update log.tiles set root = set_byte(root, 0, get_byte(root, 0) # 1)",
        Subject::Tile,
        "level 0 index 0",
    ),
    ("a tile is missing", "delete from log.tiles", Subject::Tile, "level 0 index 0"),
    (
        "the text of a checkpoint",
        "update log.checkpoints set note = replace(note, 'evidence', 'evidense') where size > 0",
        Subject::Checkpoint,
        "308",
    ),
    (
        "the root of a checkpoint",
        "update log.checkpoints set root = set_byte(root, 0, get_byte(root, 0) # 1) where size > 0",
        Subject::Checkpoint,
        "308",
    ),
    (
        "the frontier",
        "update log.head set frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1)",
        Subject::Head,
        "frontier",
    ),
    ("the head forgets the tail", "update log.head set size = 3", Subject::Head, "size"),
    ("a row of a view", "update view.tags set tag = 'v2'", Subject::View, "tags"),
    ("a row of a view is missing", "delete from view.blobs where size_bytes = 17", Subject::View, "blobs"),
    (
        "a document",
        "update log.documents set bytes = 'another manifest' where bytes = 'a manifest'",
        Subject::Document,
        "blake3:",
    ),
    (
        "a document is missing",
        "delete from log.documents where bytes = 'a manifest'",
        Subject::Document,
        "blake3:",
    ),
    (
        "a frozen rendering is missing",
        "delete from log.documents where bytes = '{}'",
        Subject::Document,
        "sha256:",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn undamaged_evidence_is_clean_and_everything_was_looked_at() {
    let evidence = Evidence::new().await;
    let report = evidence.audit(Depth::Full).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!((report.events, report.checkpoint_size), (308, Some(308)));
    assert_eq!((report.receipts, report.blobs, report.documents), (300, 300, 2));
    assert!(report.view_tables >= 7 && report.checkpoints >= 2 && report.blob_bytes_hashed > 0);
    let quick = evidence.audit(Depth::Quick).await.unwrap();
    assert!(quick.is_clean() && quick.blobs == 300 && quick.blob_bytes_hashed == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_damage_is_named() {
    let undamaged = Evidence::new().await;
    for (what, statement, subject, at) in DAMAGE {
        let evidence = undamaged.copy().await;
        evidence.force(statement).await;
        let report = evidence.audit(Depth::Quick).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_named(what, &report, subject, at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_of_a_blob_is_found_by_reading_and_a_missing_blob_without() {
    let evidence = Evidence::new().await;
    evidence.store.damage(&evidence.blob, 3);
    assert_named("a byte of a blob", &evidence.audit(Depth::Full).await.unwrap(), Subject::Blob, "blake3:");
    assert!(evidence.audit(Depth::Quick).await.unwrap().is_clean(), "a quick audit does not read");
    strongroom::stores::Store::delete(&*evidence.store, &evidence.blob).await.unwrap();
    assert_named("a missing blob", &evidence.audit(Depth::Quick).await.unwrap(), Subject::Blob, "blake3:");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_rolled_back_with_all_its_tables_is_caught_by_the_checkpoint_outside() {
    let evidence = Evidence::new().await;
    let newer = Evidence::new().await;
    *evidence.anchor.0.lock().await = newer.anchor.0.lock().await.clone();
    let report = evidence.audit(Depth::Quick).await.unwrap();
    assert_named("another history", &report, Subject::Checkpoint, "308");
    *evidence.anchor.0.lock().await = None;
    assert_named("no anchor", &evidence.audit(Depth::Quick).await.unwrap(), Subject::Checkpoint, "anchor");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_looked_at_is_an_error_and_no_finding() {
    let evidence = Evidence::new().await;
    evidence.force("alter schema log rename to elsewhere").await;
    assert!(evidence.audit(Depth::Quick).await.is_err());
    let evidence = Evidence::new().await;
    evidence.database.database.pool().close().await;
    assert!(evidence.audit(Depth::Quick).await.is_err());
}

fn assert_named(what: &str, report: &Report, subject: Subject, at: &str) {
    let named =
        report.findings.iter().any(|finding| finding.subject == subject && finding.at.starts_with(at));
    assert!(named && !report.is_clean(), "{what}: no {subject} at {at} in {:#?}", report.findings);
}
