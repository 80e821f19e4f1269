//! Grants, receipts, orders, reports and access tokens: `statements.json`. Ed25519 signs deterministically, so a statement
//! is its bytes.

use serde_json::{Value as Json, json};
use strongroom::contract::{
    AccessToken, Delete, Found, Grant, KeyRing, Move, Operation, Order, Outcome, Read, Receipt, Report,
    Reported, Restore, SigningKey, Size, Task, Upload, Verify,
};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::id::{GrantId, ObjectKey, OrderId, SessionId, TokenId};
use uuid::Uuid;

use crate::files::{cases, compare, text};

const NOW_SECONDS: u64 = 1_795_262_400;

fn grant_key() -> SigningKey {
    SigningKey::from_seed(KeyKind::Grant, [1; 32])
}

fn receipt_key() -> SigningKey {
    SigningKey::from_seed(KeyKind::Receipt, [2; 32])
}

fn order_key() -> SigningKey {
    SigningKey::from_seed(KeyKind::Order, [3; 32])
}

fn report_key() -> SigningKey {
    SigningKey::from_seed(KeyKind::Report, [4; 32])
}

fn ring() -> KeyRing {
    KeyRing::of([grant_key(), receipt_key(), order_key(), report_key()].map(|key| key.verifying_key()))
}

fn grants() -> Vec<Grant> {
    let upload = |session, expected, size| {
        Operation::Upload(Upload { session, expected, size, session_ends_at_seconds: NOW_SECONDS + 86_400 })
    };
    let digests = Digests::of(b"content");
    let operations = [
        upload(None, None, Size::AtMost(1 << 40)),
        upload(Some(SessionId(Uuid::from_u128(7))), Some(digests.sha256.into()), Size::Exact(7)),
        upload(None, Some(digests.blake3.into()), Size::Exact(7)),
        Operation::Read(Read { digests, size_bytes: 7, object: ObjectKey::from_uuid(Uuid::from_u128(8)) }),
    ];
    let grant = |(n, operation)| Grant {
        id: GrantId(Uuid::from_u128(n)),
        actor: "svc:lab".parse().expect("an actor"),
        repository: "acme/reports".parse().expect("a name"),
        store: "main".parse().expect("a name"),
        issued_at_seconds: NOW_SECONDS,
        expires_at_seconds: NOW_SECONDS + 900,
        operation,
    };
    (1..).zip(operations).map(grant).collect()
}

fn receipt() -> Receipt {
    Receipt {
        grant: GrantId(Uuid::from_u128(1)),
        session: SessionId(Uuid::from_u128(7)),
        actor: "svc:lab".parse().expect("an actor"),
        repository: "acme/reports".parse().expect("a name"),
        digests: Digests::of(b"content"),
        size_bytes: 7,
        store: "main".parse().expect("a name"),
        object: ObjectKey::from_uuid(Uuid::from_u128(8)),
        node: "node-1".parse().expect("a name"),
        stored_at_ms: NOW_SECONDS * 1_000,
        deliver_by_seconds: NOW_SECONDS + 604_800,
    }
}

fn access_token() -> AccessToken {
    AccessToken {
        actor: "svc:lab".parse().expect("an actor"),
        parent: TokenId::from_uuid(Uuid::from_u128(9)),
        scope: "repository:acme/*:pull,push log:read".into(),
        issued_at_seconds: NOW_SECONDS,
        expires_at_seconds: NOW_SECONDS + 900,
    }
}

fn orders() -> Vec<Order> {
    let tasks = [
        Task::Verify(Verify { digests: Digests::of(b"content"), size_bytes: 7 }),
        Task::Delete(Delete { discarded_at: 42 }),
        Task::Move(Move {
            digests: Digests::of(b"content"),
            size_bytes: 7,
            to_store: "cold".parse().expect("a name"),
            to_object: moved_to(),
        }),
        Task::Restore(Restore { days: 7 }),
    ];
    let order = |(n, task)| Order {
        id: OrderId(Uuid::from_u128(n)),
        store: "main".parse().expect("a name"),
        object: ObjectKey::from_uuid(Uuid::from_u128(8)),
        issued_at_seconds: NOW_SECONDS,
        expires_at_seconds: NOW_SECONDS + 3_600,
        task,
    };
    (20..).zip(tasks).map(order).collect()
}

fn moved_to() -> ObjectKey {
    ObjectKey::from_uuid(Uuid::from_u128(9))
}

fn reports() -> Vec<Report> {
    let blake3 = Digests::of(b"content").blake3;
    let verified = || Reported::Verify(blake3);
    let moved =
        || Reported::Move { blake3, to_store: "cold".parse().expect("a name"), to_object: moved_to() };
    let found = |size_bytes, digests| Outcome::Corrupt(Found { size_bytes, digests });
    let told = [
        (verified(), Outcome::Done),
        (verified(), found(7, Some(Digests::of(b"c0ntent")))),
        (verified(), found(3, None)),
        (verified(), Outcome::Missing),
        (verified(), Outcome::Failed("the store did not answer".into())),
        (Reported::Delete, Outcome::Done),
        (verified(), Outcome::Archived),
        (moved(), Outcome::Done),
        (moved(), found(7, Some(Digests::of(b"c0ntent")))),
        (moved(), Outcome::Archived),
        (Reported::Restore, Outcome::Restoring),
        (Reported::Restore, Outcome::Available { until_ms: Some(1_356_048_000_000) }),
        (Reported::Restore, Outcome::Available { until_ms: None }),
    ];
    let report = |(n, (task, outcome))| Report {
        order: OrderId(Uuid::from_u128(n)),
        node: "node-1".parse().expect("a name"),
        store: "main".parse().expect("a name"),
        object: ObjectKey::from_uuid(Uuid::from_u128(8)),
        at_ms: NOW_SECONDS * 1_000,
        task,
        outcome,
    };
    (20..).zip(told).map(report).collect()
}

/// The claims of a statement, as its middle part has them.
fn claims(statement: &str) -> Json {
    use base64::Engine as _;
    let middle = statement.split('.').nth(1).expect("three parts");
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(middle).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

#[test]
fn vectors_are_what_the_code_signs() {
    let case = |statement: String| json!({"claims": claims(&statement), "statement": statement});
    let key = |key: &SigningKey| json!({"kind": key.kind().name(), "id": key.id(), "public": hex::encode(key.verifying_key().public())});
    let grants: Vec<Json> = grants().iter().map(|grant| case(grant.sign(&grant_key()))).collect();
    let keys = [grant_key(), receipt_key(), order_key(), report_key()].map(|made| key(&made));
    let orders: Vec<Json> = orders().iter().map(|order| case(order.sign(&order_key()))).collect();
    let reports: Vec<Json> = reports().iter().map(|report| case(report.sign(&report_key()))).collect();
    let made = json!({
        "now_seconds": NOW_SECONDS,
        "keys": keys,
        "grants": grants,
        "receipts": [case(receipt().sign(&receipt_key()))],
        "access_tokens": [case(access_token().sign(&grant_key()))],
        "orders": orders,
        "reports": reports,
    });
    compare("statements", &made);
}

#[test]
fn statements_of_the_file_are_verified_and_read_back() {
    let now_ms = NOW_SECONDS * 1_000;
    for (case, grant) in cases("statements", "grants").iter().zip(grants()) {
        let statement = text(case, "statement");
        assert_eq!(Grant::verify(statement, &ring(), now_ms), Ok(grant), "{case}");
        assert!(Receipt::verify(statement, &ring(), now_ms).is_err(), "{case}");
        assert!(AccessToken::verify(statement, &ring(), now_ms).is_err(), "{case}");
        assert_eq!(claims(statement), case["claims"]);
    }
    for case in cases("statements", "receipts") {
        let statement = text(&case, "statement");
        assert_eq!(Receipt::verify(statement, &ring(), now_ms), Ok(receipt()), "{case}");
        assert!(Grant::verify(statement, &ring(), now_ms).is_err(), "{case}");
        assert_eq!(claims(statement), case["claims"]);
    }
    for case in cases("statements", "access_tokens") {
        let statement = text(&case, "statement");
        assert_eq!(AccessToken::verify(statement, &ring(), now_ms), Ok(access_token()), "{case}");
        assert!(Grant::verify(statement, &ring(), now_ms).is_err(), "{case}");
        assert_eq!(claims(statement), case["claims"]);
    }
    for (case, order) in cases("statements", "orders").iter().zip(orders()) {
        let statement = text(case, "statement");
        assert_eq!(Order::verify(statement, &ring(), now_ms), Ok(order), "{case}");
        assert!(Grant::verify(statement, &ring(), now_ms).is_err(), "{case}");
        assert_eq!(claims(statement), case["claims"]);
    }
    for (case, report) in cases("statements", "reports").iter().zip(reports()) {
        let statement = text(case, "statement");
        assert_eq!(Report::verify(statement, &ring(), now_ms), Ok(report), "{case}");
        assert!(Receipt::verify(statement, &ring(), now_ms).is_err(), "{case}");
        assert_eq!(claims(statement), case["claims"]);
    }
}
