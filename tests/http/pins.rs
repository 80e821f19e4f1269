//! Pins, publications and quotas over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use strongroom::kernel::digest::Digests;

use crate::scene::{REPOSITORY, Scene, manifest, send};

const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

fn path(rest: &str) -> String {
    format!("/v1/repositories/{REPOSITORY}/-/{rest}")
}

#[tokio::test]
async fn a_pin_moves_only_from_where_the_caller_saw_it_and_remembers_where_it_was() {
    let scene = Scene::start().await;
    let first = scene.deposit(REPOSITORY, "v1", &[b"first"]).await.blake3;
    let second = scene.deposit(REPOSITORY, "v2", &[b"second"]).await.blake3;
    let pin = path("pins/prod");
    let set = |body: serde_json::Value| send(scene.upload("PUT", &pin).json(&body));
    let said = json!({ "reason": "r1", "source": "https://git.example/a", "revision": SHA1 });
    let made = set(json!({ "digest": first, "expected": null, "said": said })).await.is(200).json();
    let problem = set(json!({ "digest": second, "expected": null, "said": { "reason": "r2" } }));
    let problem = problem.await.refuses(412, "pin-moved");
    assert_eq!((&problem["current"], &problem["pin"]), (&json!(first.to_string()), &json!("prod")));
    let stale = scene.upload("PUT", &pin).header("if-match", format!("\"{second}\""));
    let body = json!({ "digest": second, "said": { "reason": "r2" } });
    send(stale.json(&body)).await.refuses(412, "pin-moved");
    set(json!({ "digest": second, "said": {} })).await.refuses(400, "invalid-argument");
    set(json!({ "digest": second, "said": { "reason": "x", "revision": "0123abc" } }))
        .await
        .refuses(400, "invalid-argument");
    set(json!({ "digest": second, "said": { "reason": "x", "revison": SHA1 } }))
        .await
        .refuses(400, "invalid-body");
    set(json!({ "digest": Digests::of(b"none").blake3, "said": { "reason": "x" } }))
        .await
        .refuses(404, "manifest-unknown");
    let moved = scene.upload("PUT", &pin).header("if-match", format!("\"{first}\"")).json(&body);
    let moved = send(moved).await.is(200).json();
    assert_eq!(moved["previous"], first.to_string());
    assert_eq!(moved["said"], json!({ "reason": "r2", "source": "https://git.example/a", "revision": SHA1 }));

    let read = async |query: &str| send(scene.upload("GET", &format!("{pin}{query}"))).await;
    assert_eq!(read("").await.is(200).json()["digest"], second.to_string());
    let then = read(&format!("?at={}", made["position"])).await.is(200).json();
    assert_eq!((&then["digest"], &then["said"]), (&json!(first.to_string()), &said));
    read("?at=0").await.refuses(404, "pin-unknown");
    read("?at=1970-01-01T00:00:01Z").await.refuses(404, "pin-unknown");
    read("?at=2999-01-01T00:00:00Z").await.refuses(400, "invalid-query");
    read("?at=yesterday").await.refuses(400, "invalid-query");
    let history = send(scene.upload("GET", &path("pins/prod/history?limit=1"))).await;
    assert_eq!(history.is(200).json()["changes"][0]["digest"], first.to_string());
    assert!(history.header("link").contains("rel=\"next\""));
    let listed = send(scene.upload("GET", &path("manifests"))).await.is(200).json();
    let pins = |digest: String| {
        let all = listed["manifests"].as_array().unwrap();
        all.iter().find(|one| one["digest"] == digest).unwrap()["pins"].clone()
    };
    assert_eq!((pins(first.to_string()), pins(second.to_string())), (json!([]), json!(["prod"])));
    let release = scene.admin("POST", &path("pins/prod/release"));
    send(release.json(&json!({ "reason": "over", "expected": second }))).await.is(200);
    read("").await.refuses(404, "pin-unknown");
    scene.end().await;
}

#[tokio::test]
async fn a_publication_is_whole_or_nothing() {
    let scene = Scene::start().await;
    let first = scene.deposit(REPOSITORY, "v1", &[b"bytes"]).await.blake3;
    let other = manifest(&[b"bytes", b"bytes"]).encode();
    let publish = |expected: serde_json::Value| {
        let body = json!({
            "manifest": STANDARD.encode(&other), "pin": "prod", "tag": "latest", "expected": expected,
            "said": { "reason": "release" },
        });
        send(scene.upload("POST", &path("publications")).json(&body))
    };
    publish(json!(first)).await.refuses(412, "pin-moved");
    send(scene.upload("GET", &path("tags/latest"))).await.refuses(404, "tag-unknown");
    let answer = publish(json!(null)).await.is(201).json();
    assert_eq!(answer["pin"]["digest"], Digests::of(&other).blake3.to_string());
    assert_eq!(answer["manifest"]["digest"], answer["pin"]["digest"]);
    send(scene.upload("GET", &path("tags/latest"))).await.is(200);
    scene.end().await;
}

#[tokio::test]
async fn what_a_repository_may_hold_is_set_by_an_admin_and_told_to_who_meets_it() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"bytes"]).await;
    let repository = format!("/v1/repositories/{REPOSITORY}");
    let limits = json!({ "quota_packages": 1, "provenance": "enforce" });
    send(scene.upload("PUT", &repository).json(&limits)).await.refuses(403, "scope-missing");
    let set = send(scene.admin("PUT", &repository).json(&limits)).await.is(200).json();
    assert_eq!((&set["quota_packages"], &set["quota_bytes"]), (&json!(1), &json!(0)));
    let set = send(scene.admin("PUT", &repository).json(&json!({ "quota_bytes": 100 }))).await.is(200).json();
    assert_eq!((&set["quota_packages"], &set["provenance"]), (&json!(1), &json!("enforce")));
    let body = json!({
        "manifest": STANDARD.encode(manifest(&[b"bytes", b"bytes"]).encode()), "pin": "prod",
        "said": { "reason": "release" },
    });
    let refused = send(scene.upload("POST", &path("publications")).json(&body)).await;
    let refused = refused.refuses(403, "quota-exceeded");
    assert_eq!((&refused["limit"], &refused["used"], &refused["wanted"]), (&json!(1), &json!(1), &json!(1)));
    let upload = scene.upload("POST", &path("uploads")).json(&json!({ "blobs": [{ "size": 1000 }] }));
    send(upload).await.refuses(403, "quota-exceeded");
    send(scene.admin("PUT", &repository).json(&json!({ "quota_packages": 0 }))).await.is(200);
    let refused = send(scene.upload("POST", &path("publications")).json(&body)).await;
    let refused = refused.refuses(409, "provenance-missing");
    assert_eq!(refused["missing"].as_array().unwrap().len(), 3);
    scene.end().await;
}
