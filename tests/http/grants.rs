//! Statements between the planes, shown where, when or by whom they should not be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use strongroom::contract::{Grant, Operation, SigningKey, Size, Upload};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::id::GrantId;

use crate::scene::{Answer, REPOSITORY, Scene, send};

async fn put(scene: &Scene, grant: &str, bytes: &'static str) -> Answer {
    send(scene.request("PUT", "/data/blobs").bearer_auth(grant).body(bytes)).await
}

async fn deliver(scene: &Scene, repository: &str, receipt: &str) -> Answer {
    let path = format!("/v1/repositories/{repository}/-/receipts");
    send(scene.upload("POST", &path).json(&json!({ "receipt": receipt }))).await
}

/// The same statement with another claim in it, under the old signature.
fn altered(statement: &str, change: impl Fn(&mut Json)) -> String {
    let parts: Vec<&str> = statement.split('.').collect();
    let mut claims: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    change(&mut claims);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}.{}", parts[0], parts[2])
}

#[tokio::test]
async fn a_grant_is_good_until_it_expires() {
    let scene = Scene::start().await;
    let upload = scene.open(REPOSITORY, json!({ "size": 3 })).await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    let read = scene.read_grant(REPOSITORY, "v1", b"x").await;
    scene.clock.advance_ms(17 * 60 * 1_000);
    put(&scene, &upload, "abc").await.refuses(401, "grant-expired");
    let blob = format!("/data/blobs/{}", Digests::of(b"x").blake3);
    send(scene.request("GET", &blob).bearer_auth(&read)).await.refuses(401, "grant-expired");
    send(scene.request("GET", &format!("{blob}?grant={read}"))).await.refuses(401, "grant-expired");
    scene.end().await;
}

#[tokio::test]
async fn a_forged_or_widened_grant_is_refused() {
    let scene = Scene::start().await;
    let grant = scene.open(REPOSITORY, json!({ "size": 3 })).await;
    let now = scene.clock.clone();
    let now_seconds = strongroom::clock::Clock::now_seconds(&*now);
    let forged = Grant {
        id: GrantId(uuid::Uuid::now_v7()),
        actor: "mallory".parse().unwrap(),
        repository: REPOSITORY.parse().unwrap(),
        store: scene.node.store_name().clone(),
        issued_at_seconds: now_seconds,
        expires_at_seconds: now_seconds + 60,
        operation: Operation::Upload(Upload {
            session: None,
            expected: None,
            size: Size::AtMost(1 << 40),
            session_ends_at_seconds: now_seconds + 3_600,
        }),
    };
    let stranger = SigningKey::generate(KeyKind::Grant);
    put(&scene, &forged.sign(&stranger), "abc").await.refuses(401, "grant-invalid");
    let widened = altered(&grant, |claims| claims["upload"]["size"] = json!(1_000_000));
    put(&scene, &widened, "abc").await.refuses(401, "grant-invalid");
    let elsewhere = altered(&grant, |claims| claims["repository"] = json!("other/place"));
    put(&scene, &elsewhere, "abc").await.refuses(401, "grant-invalid");
    let longer = altered(&grant, |claims| claims["exp"] = json!(now_seconds + 1_000_000));
    put(&scene, &longer, "abc").await.refuses(401, "grant-invalid");
    let parts: Vec<&str> = grant.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"strongroom-grant+jwt"}"#);
    put(&scene, &format!("{none}.{}.", parts[1]), "abc").await.refuses(401, "grant-invalid");
    for nonsense in ["x", "a.b.c", "..", &grant[..grant.len() - 4]] {
        put(&scene, nonsense, "abc").await.refuses(401, "grant-invalid");
    }
    put(&scene, &grant, "abc").await.is(201);
    scene.end().await;
}

#[tokio::test]
async fn a_grant_is_good_for_one_blob() {
    let scene = Scene::start().await;
    let grant = scene.open(REPOSITORY, json!({ "size": 3 })).await;
    let first = put(&scene, &grant, "abc").await.is(201).json();
    // The same bytes again are the same blob: an answer may have been lost.
    assert_eq!(put(&scene, &grant, "abc").await.is(201).json()["digest"], first["digest"]);
    put(&scene, &grant, "xyz").await.refuses(409, "grant-used");
    let declared = scene.open(REPOSITORY, json!({ "digest": Digests::of(b"def").sha256, "size": 3 })).await;
    let problem = put(&scene, &declared, "xyz").await.refuses(422, "digest-mismatch");
    assert_eq!(problem["expected"], Digests::of(b"def").sha256.to_string());
    assert_eq!(problem["blake3"], Digests::of(b"xyz").blake3.to_string());
    let sized = scene.open(REPOSITORY, json!({ "size": 4 })).await;
    put(&scene, &sized, "xyz").await.refuses(400, "length-mismatch");
    scene.end().await;
}

#[tokio::test]
async fn a_statement_of_another_plane_is_refused() {
    let scene = Scene::start().await;
    let grant = scene.open(REPOSITORY, json!({ "size": 3 })).await;
    let sealed = put(&scene, &grant, "abc").await.is(201).json();
    let receipt = sealed["receipt"].as_str().unwrap().to_owned();
    scene.accept(REPOSITORY, "v1", &[b"abc"]).await.is(201);
    let read = scene.read_grant(REPOSITORY, "v1", b"abc").await;
    put(&scene, &receipt, "abc").await.refuses(401, "grant-invalid");
    put(&scene, &read, "abc").await.refuses(403, "grant-narrower");
    put(&scene, &scene.admin, "abc").await.refuses(401, "grant-invalid");
    let fresh = scene.open(REPOSITORY, json!({ "size": 3 })).await;
    let blob = format!("/data/blobs/{}", Digests::of(b"abc").blake3);
    send(scene.request("GET", &blob).bearer_auth(&fresh)).await.refuses(403, "grant-narrower");
    let other = format!("/data/blobs/{}", Digests::of(b"other").blake3);
    send(scene.request("GET", &other).bearer_auth(&read)).await.refuses(403, "grant-narrower");
    deliver(&scene, REPOSITORY, &grant).await.refuses(400, "receipt-invalid");
    send(scene.request("GET", "/v1/whoami").bearer_auth(&grant)).await.refuses(401, "token-invalid");
    send(scene.request("GET", "/v1/whoami").bearer_auth(&receipt)).await.refuses(401, "token-invalid");
    scene.end().await;
}

#[tokio::test]
async fn a_receipt_may_be_repeated_but_not_altered() {
    let scene = Scene::start().await;
    let grant = scene.open(REPOSITORY, json!({ "size": 3 })).await;
    let sealed = put(&scene, &grant, "abc").await.is(201).json();
    let receipt = sealed["receipt"].as_str().unwrap().to_owned();
    let once = deliver(&scene, REPOSITORY, &receipt).await.is(200).json();
    let twice = deliver(&scene, REPOSITORY, &receipt).await.is(200).json();
    assert_eq!(once, twice);
    assert_eq!(once["digest"], sealed["digest"]);
    deliver(&scene, "acme/other", &receipt).await.refuses(400, "receipt-invalid");
    for (claim, value) in [
        ("repository", json!("acme/other")),
        ("size", json!(4)),
        ("blake3", json!(Digests::of(b"xyz").blake3)),
        ("sub", json!("mallory")),
    ] {
        let altered = altered(&receipt, |claims| claims[claim] = value.clone());
        deliver(&scene, REPOSITORY, &altered).await.refuses(400, "receipt-invalid");
    }
    deliver(&scene, REPOSITORY, "nonsense").await.refuses(400, "receipt-invalid");
    scene.end().await;
}
